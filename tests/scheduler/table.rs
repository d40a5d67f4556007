//! The table of the operations page is the one that the code goes by.

use std::fmt::Write as _;
use std::path::Path;

use pumice::scheduler::SUBTREE;
use pumice::vfs::os::OsVfs;
use pumice::vfs::{read_file, write_file};

const BEGIN: &str =
    "<!-- scheduler: written by the table in src/scheduler/task.rs; a test compares -->\n";
const END: &str = "<!-- scheduler: end -->";

fn table() -> String {
    let mut text = "\n| leaf | type | default | meaning |\n| --- | --- | --- | --- |\n".to_owned();
    for leaf in SUBTREE.leaves {
        let path = leaf.path.replacen("task/", "task{NAME}/", 1).replace('*', "NAME");
        let default = leaf.default.map_or("unset".to_owned(), |text| format!("`{text}`"));
        let (root, kind, about) = (SUBTREE.root, leaf.kind.name(), leaf.about);
        writeln!(text, "| `{root}/{path}` | {kind} | {default} | {about} |").unwrap();
    }
    text + "\n"
}

/// `PUMICE_GOLDEN=write cargo test --test scheduler table` writes it.
#[test]
fn the_operations_page_has_every_leaf_of_the_scheduler() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operations.md");
    let text = String::from_utf8(read_file(&OsVfs, &path, 1 << 20).unwrap()).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (found, after) = rest.split_once(END).unwrap();
    if std::env::var_os("PUMICE_GOLDEN").is_some_and(|word| word == "write") {
        let updated = format!("{before}{BEGIN}{}{END}{after}", table());
        write_file(&OsVfs, &path, updated.as_bytes()).unwrap();
        return;
    }
    assert_eq!(found, table(), "PUMICE_GOLDEN=write writes it anew");
}
