//! Real trees, and a sample of our own with the same kinds of dirt: an empty name, an entry twice.
//!
//! The sample always runs. The real trees run where `PUMICE_REAL_DATA` names a folder with `yang-library/*.xml`; a folder
//! without them fails. What is expected is read from the files by a reader of this test's own, which knows their shape
//! and nothing of loading.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use quick_xml::Reader;
use quick_xml::events::Event;

use super::*;
use crate::cdb::*;
use crate::journal::{CompactionControl, CompactionRequest};
use crate::vfs::mem::MemVfs;
use crate::vfs::os::OsVfs;
use crate::vfs::{Vfs, read_file};

const LISTS: [&str; 3] = ["module-set", "module", "submodule"];

/// What a file says, an entry that is twice folded into one: paths of entries, and of leaves (but keys) with their text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Told {
    entries: BTreeSet<String>,
    leaves: BTreeMap<String, String>,
}

impl Told {
    fn of(xml: &[u8]) -> Self {
        let mut told = Self::default();
        let mut reader = Reader::from_str(std::str::from_utf8(xml).unwrap());
        let (mut path, mut text): (Vec<Path>, String) = (vec![Path::root()], String::new());
        loop {
            match reader.read_event().unwrap() {
                Event::Start(start) => {
                    let name = start.name().as_ref().to_owned();
                    let parent = path.last().unwrap();
                    let step =
                        if name.ends_with("config") { parent.clone() } else { parent.child(&name) };
                    path.push(step);
                    text.clear();
                }
                Event::Text(piece) => text.push_str(&piece),
                Event::GeneralRef(name) => text.push_str(match &*name {
                    "amp" => "&",
                    "lt" => "<",
                    "gt" => ">",
                    other => panic!("&{other};"),
                }),
                Event::Empty(start) => {
                    let name = start.name().as_ref().to_owned();
                    let leaf = path.last().unwrap().child(&name);
                    told.leaf(&mut path, &leaf, "");
                }
                Event::End(_) => {
                    let leaf = path.pop().unwrap();
                    let name = leaf.steps().last().map_or("", |step| &step.name);
                    if ["name", "revision", "namespace"].contains(&name) {
                        told.leaf(&mut path, &leaf, &text);
                    }
                    text.clear();
                }
                Event::Eof => return told,
                _ => {}
            }
        }
    }

    /// The leaf `name` comes first, and names the entry around it.
    fn leaf(&mut self, path: &mut [Path], leaf: &Path, text: &str) {
        let around = path.last_mut().unwrap();
        let (is_key, list) = (leaf.steps().last().unwrap().name == "name", around.steps().last());
        if is_key && list.is_some_and(|list| LISTS.contains(&list.name.as_str())) {
            *around = around.with_keys([text]);
            self.entries.insert(around.to_string());
        } else {
            self.leaves.insert(leaf.to_string(), text.to_owned());
        }
    }

    fn merge(&mut self, later: &Self) {
        self.entries.extend(later.entries.iter().cloned());
        self.leaves.extend(later.leaves.clone());
    }

    fn check(&self, view: &ReadView) {
        for (path, expected) in &self.leaves {
            let found = view.get(path.as_str()).unwrap();
            assert_eq!(found, Some(Value::String(expected.clone())), "{path}");
        }
        for path in &self.entries {
            assert!(view.exists(path.as_str()).unwrap(), "{path}");
        }
        let nodes = self.entries.len() + self.leaves.len();
        assert_eq!(view.node_count().unwrap(), nodes as u64);
    }

    /// What is different from `self` to `new`, as sorted lines.
    fn changes(&self, new: &Self) -> Vec<String> {
        let created = |path: &String| format!("+ {path}");
        let deleted = |path: &String| format!("- {path}");
        let mut lines: Vec<String> = Vec::new();
        lines.extend(new.entries.difference(&self.entries).map(created));
        lines.extend(self.entries.difference(&new.entries).map(deleted));
        for (path, value) in &new.leaves {
            match self.leaves.get(path) {
                None => lines.push(format!("+ {path} = {value}")),
                Some(old) if old != value => lines.push(format!("~ {path}: {old} -> {value}")),
                Some(_) => {}
            }
        }
        let gone = self.leaves.iter().filter(|(path, _)| !new.leaves.contains_key(*path));
        lines.extend(gone.map(|(path, old)| format!("- {path} = {old}")));
        lines.sort();
        lines
    }
}

/// The trees of a folder: their names and bytes.
fn trees_in(dir: &std::path::Path) -> Vec<(String, Vec<u8>)> {
    let names = OsVfs.list(dir).unwrap_or_else(|error| panic!("no trees: {error}"));
    let xml =
        names.into_iter().filter(|name| name.rsplit_once('.').is_some_and(|it| it.1 == "xml"));
    let read = |name: String| {
        let bytes = read_file(&OsVfs, &dir.join(&name), 16 << 20).unwrap();
        (name, bytes)
    };
    let trees: Vec<_> = xml.map(read).collect();
    assert!(!trees.is_empty(), "no trees in {}", dir.display());
    trees
}

fn sample() -> Vec<(String, Vec<u8>)> {
    trees_in(&PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/yang-library"))
}

/// `None` where nobody has said where they are.
fn real_trees() -> Option<Vec<(String, Vec<u8>)>> {
    let dir = PathBuf::from(std::env::var_os("PUMICE_REAL_DATA")?).join("yang-library");
    let trees = trees_in(&dir);
    for (name, bytes) in &trees {
        assert!(Told::of(bytes).leaves.len() > 1_000, "{name} is not a whole tree");
    }
    Some(trees)
}

fn options(mode: LoadMode, on_duplicate: OnDuplicate) -> LoadOptions {
    let keys = [
        "/yang-library/module-set=name",
        "/yang-library/module-set/module=name",
        "/yang-library/module-set/module/submodule=name",
    ];
    let keys = keys.iter().map(|key| key.parse().unwrap()).collect();
    LoadOptions { mode, on_duplicate, keys, single: true, ..LoadOptions::default() }
}

fn load(cdb: &Cdb, name: &str, bytes: &[u8], options: &LoadOptions) {
    let source = BytesSource::new(name, bytes);
    cdb.load(Datastore::Config, &source, options, &Author::default()).unwrap();
}

/// Loads trees as successive transactions; holds each state, each diff, and what a compaction, a restart and saving
/// leave against what the files say.
fn check_successive(trees: &[(String, Vec<u8>)], mode: LoadMode) {
    let disk = MemVfs::new().shared();
    let open = || Cdb::options().vfs(disk.clone()).open("/db").unwrap();
    let cdb = open();
    let mut expected = Told::default();
    for (name, bytes) in trees {
        let (before, old) = (cdb.transaction_id(Datastore::Config), expected.clone());
        load(&cdb, name, bytes, &options(mode, OnDuplicate::Merge));
        match mode {
            LoadMode::Merge => expected.merge(&Told::of(bytes)),
            LoadMode::Replace => expected = Told::of(bytes),
        }
        expected.check(&config(&cdb));
        check(&cdb, Datastore::Config);
        let now = cdb.transaction_id(Datastore::Config);
        let diff = cdb.diff_transactions(Datastore::Config, before, now).unwrap();
        let mut found = lines(&diff);
        // Which entries had to move for the order of the file is not what is compared here.
        found.retain(|line| !line.starts_with("> "));
        found.sort();
        assert_eq!(found, old.changes(&expected), "{name}");
    }
    check_kept(cdb, &open, &expected);
}

/// Compaction, restart and saving change nothing.
fn check_kept(cdb: Cdb, open: &dyn Fn() -> Cdb, expected: &Told) {
    let tree = config(&cdb).get_object("/").unwrap();
    let store = cdb.store(Datastore::Config);
    store.compact(&CompactionRequest::default(), &CompactionControl::new()).unwrap();
    expected.check(&config(&cdb));
    drop(cdb);
    let cdb = open();
    expected.check(&config(&cdb));
    assert_eq!(config(&cdb).get_object("/").unwrap(), tree);
    for format in [Format::Xml, Format::Json] {
        let mut out = Vec::new();
        config(&cdb).save("/", SaveOptions::new(format), &mut out).unwrap();
        if format == Format::Xml {
            assert_eq!(Told::of(&out), *expected);
        }
        let fresh = self::cdb();
        let mut options = options(LoadMode::Merge, OnDuplicate::Refuse);
        options.format = Some(format);
        load(&fresh, "saved", &out, &options);
        expected.check(&config(&fresh));
        assert_eq!(config(&fresh).get_object("/").unwrap(), tree);
    }
}

#[test]
fn the_sample_replaces_itself_release_by_release() {
    check_successive(&sample(), LoadMode::Replace);
}

#[test]
fn the_sample_is_merged_release_by_release() {
    check_successive(&sample(), LoadMode::Merge);
}

#[test]
fn the_sample_is_as_dirty_as_the_real_trees() {
    let mut twice = Vec::new();
    for (name, bytes) in sample() {
        let cdb = cdb();
        load(&cdb, &name, &bytes, &options(LoadMode::Merge, OnDuplicate::Merge));
        let nameless = r#"/yang-library/module-set{sample-set}/module{""}"#;
        assert!(config(&cdb).exists(nameless).unwrap(), "{name}");
        let entries = config(&cdb).children("/yang-library/module-set{sample-set}/module").unwrap();
        assert_eq!(
            entries[0].path.to_string(),
            nameless,
            "it prints so that it can be typed again"
        );

        let source = BytesSource::new(&name, &bytes);
        let refuse = options(LoadMode::Merge, OnDuplicate::Refuse);
        let fresh = self::cdb();
        if let Err(error) = fresh.load(Datastore::Config, &source, &refuse, &Author::default()) {
            twice.push(error.to_string());
            assert_eq!(config(&fresh).node_count().unwrap(), 0);
        }
    }
    let [module, submodule] = &twice[..] else { panic!("{twice:?}") };
    let lines = "module{sample-act} is there twice: first on line 28, again on line 38";
    assert!(module.starts_with("release-2.xml:38:") && module.contains(lines), "{module}");
    let lines = "submodule{sample-zones-types} is there twice: first on line 20, again on line 24";
    assert!(submodule.starts_with("release-3.xml:24:") && submodule.contains(lines), "{submodule}");
}

#[test]
fn the_real_releases_replace_each_other() {
    if let Some(trees) = real_trees() {
        check_successive(&trees, LoadMode::Replace);
    }
}

#[test]
fn the_real_releases_are_merged() {
    if let Some(trees) = real_trees() {
        check_successive(&trees, LoadMode::Merge);
    }
}

#[test]
#[should_panic(expected = "no trees")]
fn a_missing_folder_of_trees_fails() {
    trees_in(std::path::Path::new("/nowhere/yang-library"));
}

#[test]
#[should_panic(expected = "no trees in")]
fn a_folder_without_trees_fails() {
    let dir = tempfile::tempdir().unwrap();
    trees_in(dir.path());
}
