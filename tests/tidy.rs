//! The house keeps itself: reads the source tree and the documents, and fails with `file:line: what`.
//!
//! Every rule is a function from a file's path and text to findings, in a file of its own under `tests/tidy`,
//! beside tests that show it a planted violation. Here stand the tables that a rule judges by, and the tests
//! that run the rules over the tree.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test; a failure here is a failed test"
)]

#[path = "tidy/calls.rs"]
mod calls;
#[path = "tidy/commands.rs"]
mod commands;
#[path = "tidy/cycles.rs"]
mod cycles;
#[path = "tidy/imports.rs"]
mod imports;
#[path = "tidy/lex.rs"]
mod lex;
#[path = "tidy/links.rs"]
mod links;
#[path = "tidy/promises.rs"]
mod promises;
#[path = "tidy/sizes.rs"]
mod sizes;
#[path = "tidy/tree.rs"]
mod tree;

use calls::Ban;
use tree::{Finding, Tree};

/// Who may import whom: a room, and the rooms below it that its code (tests aside) may name.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("planted", &[]),
    ("vfs", &["planted"]),
    ("clock", &[]),
    ("heap", &[]),
    ("units", &[]),
    ("dates", &[]),
    ("journal", &["vfs", "clock", "planted"]),
    ("conf", &["units", "vfs"]),
    ("cdb", &["journal", "vfs", "clock", "units"]),
    ("component", &["cdb", "units"]),
    ("scheduler", &["component", "cdb", "journal", "vfs", "clock", "units", "dates"]),
    ("nonblocking", &["cdb", "journal", "clock"]),
    ("compaction", &["journal", "clock"]),
    ("documents", &["compaction", "journal", "vfs", "clock", "units"]),
    ("smoosh", &["journal", "vfs", "clock", "units"]),
    ("compactor", &["journal", "scheduler", "vfs", "clock", "units"]),
    ("auth", &["clock"]),
    (
        "service",
        &[
            "auth",
            "cdb",
            "component",
            "documents",
            "smoosh",
            "compactor",
            "scheduler",
            "journal",
            "vfs",
            "clock",
            "units",
        ],
    ),
    ("replication", &[]),
    (
        "http",
        &[
            "service",
            "auth",
            "replication",
            "cdb",
            "documents",
            "journal",
            "smoosh",
            "compactor",
            "scheduler",
            "clock",
            "heap",
            "units",
            "dates",
        ],
    ),
    ("node", BELOW_NODE),
    ("cli", BELOW_CLI),
    ("main", &["cli"]),
];
const BELOW_NODE: &[&str] = &[
    "http",
    "auth",
    "replication",
    "service",
    "cdb",
    "component",
    "documents",
    "smoosh",
    "compactor",
    "scheduler",
    "journal",
    "conf",
    "vfs",
    "clock",
    "heap",
    "units",
];
const BELOW_CLI: &[&str] = &[
    "node",
    "http",
    "auth",
    "service",
    "cdb",
    "component",
    "documents",
    "smoosh",
    "compactor",
    "scheduler",
    "journal",
    "conf",
    "vfs",
    "clock",
    "units",
    "dates",
];

/// What only some files may name.
const BANS: &[Ban] = &[
    Ban::everywhere(
        "std::fs",
        &["src/vfs/os.rs", "src/vfs/opened.rs", "src/vfs/lease.rs", "tests/clients.rs"],
        "files go through vfs",
    ),
    Ban::everywhere("std::thread::sleep", &[], "wait on a clock::Clock or a signal"),
    Ban::everywhere("thread::sleep", &[], "wait on a clock::Clock or a signal"),
    Ban::everywhere("SystemTime::now", &["src/clock.rs"], "take a clock::Clock"),
    Ban::everywhere("Instant::now", &["src/clock.rs"], "take a clock::Clock"),
    Ban::everywhere(
        "unsafe",
        &["src/vfs/map.rs", "src/vfs/lease.rs", "src/heap.rs"],
        "the crate has four unsafe lines",
    ),
    Ban::everywhere("libc", &["src/vfs/lease.rs", "src/heap.rs"], "files go through vfs"),
    Ban::in_code(
        "std::env::var",
        &["src/conf/load.rs", "src/planted.rs"],
        "take conf::environment",
    ),
    Ban::in_code("env::var", &["src/conf/load.rs", "src/planted.rs"], "take conf::environment"),
    Ban::everywhere("fs2", &["src/vfs/os.rs"], "files go through vfs"),
    Ban::everywhere("rustix", &["src/vfs/os.rs", "src/vfs/descriptors.rs"], "files go through vfs"),
    Ban::everywhere("memmap2", &["src/vfs/map.rs"], "files go through vfs"),
    Ban::everywhere(
        "bincode",
        &["src/journal/record.rs", "src/cdb/record.rs", "src/cdb/annotation.rs"],
        "the bytes of records are laid out there",
    ),
    Ban::in_code("tokio", TOKIO, "the engine and the database are synchronous"),
    Ban::in_code(
        "cron::Schedule",
        &["src/scheduler/crontab.rs"],
        "the crate speaks another dialect; take a scheduler::Schedule",
    ),
    Ban::in_code(
        "chrono",
        &[
            "src/dates.rs",
            "src/scheduler/crontab.rs",
            "src/scheduler/schedule.rs",
            "src/scheduler/zone.rs",
        ],
        "dates are printed in dates.rs and read in scheduler/zone.rs",
    ),
    Ban::in_code("chrono_tz", &["src/scheduler/zone.rs"], "take a scheduler::Zone"),
    Ban::everywhere(
        "roxmltree",
        &["src/conf/raw.rs", "tests/infoset/xml.rs"],
        "only ncs.conf, and what a test compares, is read as a tree",
    ),
];

/// Where tasks are.
const TOKIO: &[&str] = &[
    "src/http/accept.rs",
    "src/http/app.rs",
    "src/http/body.rs",
    "src/http/changes.rs",
    "src/http/patience.rs",
    "src/http/replicate.rs",
    "src/http/replicator.rs",
    "src/http/reply.rs",
    "src/http/spill.rs",
    "src/http/strict.rs",
    "src/http/updates.rs",
    "src/http/work.rs",
    "src/node/documents.rs",
    "src/replication/attached.rs",
    "src/replication/flow.rs",
    "src/replication/jobs.rs",
    "src/replication/remote.rs",
    "src/node/connection.rs",
    "src/node/daemon.rs",
    "src/node/signals.rs",
    "src/node/socket.rs",
    "src/nonblocking/blocking.rs",
    "src/nonblocking/cdb.rs",
    "src/nonblocking/events.rs",
];

/// Lines of code, tests aside, that a file may have, and the files that may have more.
const FILE_LINES_MAX: usize = 600;
const LONG_FILES: &[&str] = &[];
/// Lines that a function may have, and the functions (file, name) that may have more.
const FUNCTION_LINES_MAX: usize = 80;
const LONG_FUNCTIONS: &[(&str, &str)] = &[];

/// Circles (the module that a finding names first) that are still there and are known.
const CIRCLES_LEFT: &[&str] = &[];

const OPERATIONS: &str = "docs/operations.md";

fn judge(rule: impl Fn(&str, &str) -> Vec<Finding>, files: &[(String, String)]) {
    let findings: Vec<_> = files.iter().flat_map(|(path, text)| rule(path, text)).collect();
    report(&findings);
}

fn report(findings: &[Finding]) {
    let lines: Vec<_> = findings.iter().map(|finding| format!("{finding}\n")).collect();
    assert!(findings.is_empty(), "\n{}", lines.concat());
}

#[test]
fn the_tree_is_read() {
    let tree = Tree::read();
    assert!(tree.source().iter().any(|(path, _)| path == "src/vfs/os.rs"));
    assert!(tree.source().iter().all(|(path, _)| path.starts_with("src/")));
    assert!(tree.rust().iter().any(|(path, _)| path == "tests/tidy/lex.rs"));
    assert!(tree.documents().iter().any(|(path, _)| path == OPERATIONS));
}

#[test]
fn rooms_import_only_what_stands_below_them() {
    judge(|path, text| imports::check(path, text, MAY_IMPORT), Tree::read().source());
}

#[test]
fn the_table_of_imports_has_no_circle() {
    report(&imports::check_table(MAY_IMPORT));
}

#[test]
fn modules_do_not_go_in_circles() {
    let (left, new): (Vec<_>, Vec<_>) = cycles::check(Tree::read().source())
        .into_iter()
        .partition(|finding| CIRCLES_LEFT.iter().any(|known| cycles::starts_at(finding, known)));
    report(&new);
    assert_eq!(left.len(), CIRCLES_LEFT.len(), "a circle is gone: take it off CIRCLES_LEFT");
}

#[test]
fn banned_calls_stand_only_where_they_may() {
    judge(|path, text| calls::check(path, text, BANS), &Tree::read().rust());
}

#[test]
fn no_left_over_marks() {
    judge(calls::check_marks, &Tree::read().rust());
}

#[test]
fn source_is_ascii() {
    judge(calls::check_ascii, &Tree::read().rust());
}

#[test]
fn files_and_functions_are_of_readable_size() {
    judge(
        |path, text| sizes::check_file(path, text, FILE_LINES_MAX, LONG_FILES),
        Tree::read().source(),
    );
    judge(
        |path, text| sizes::check_functions(path, text, FUNCTION_LINES_MAX, LONG_FUNCTIONS),
        Tree::read().source(),
    );
}

#[test]
fn the_lists_of_long_code_name_only_files_that_are_there() {
    let tree = Tree::read();
    let long = LONG_FILES.iter().copied().chain(LONG_FUNCTIONS.iter().map(|(path, _)| *path));
    let gone: Vec<_> = long.filter(|path| !tree.has(path)).collect();
    assert!(gone.is_empty(), "exceptions for files that are not there: {}", gone.join(", "));
}

#[test]
fn every_setting_is_on_the_operations_page() {
    let text = Tree::read().text(OPERATIONS).expect("docs/operations.md");
    let paths: Vec<_> = pumice::conf::settings().iter().map(|setting| setting.path).collect();
    report(&commands::missing_settings(OPERATIONS, &text, &paths));
}

/// The hook for the command line: whatever `src/cli/` defines as a command must be on the operations page.
/// Commands are found as the variants of enums that derive clap's `Subcommand` and as `Command::new("name")`;
/// while there is no `src/cli/`, there is nothing to find.
#[test]
fn every_command_is_on_the_operations_page() {
    let tree = Tree::read();
    let text = tree.text(OPERATIONS).expect("docs/operations.md");
    let in_cli = tree.source().iter().filter(|(path, _)| path.starts_with("src/cli/"));
    let names: Vec<_> = in_cli.flat_map(|(_, text)| commands::names(text)).collect();
    report(&commands::missing_commands(OPERATIONS, &text, &names));
}

#[test]
fn links_in_the_documents_lead_somewhere() {
    let tree = Tree::read();
    judge(|path, text| links::check(path, text, &tree), &tree.documents());
}

#[test]
fn every_test_that_a_document_names_is_there() {
    let tree = Tree::read();
    let reliability = tree.text("docs/reliability.md").expect("docs/reliability.md");
    assert!(reliability.matches(".rs)").count() > 60, "the promise names its tests");
    judge(|path, text| promises::check(path, text, &tree), &tree.documents());
}

/// `.ci/run` takes the command that passes the tests from the README, so that the two cannot differ.
#[test]
fn the_readme_marks_the_command_that_passes_the_tests() {
    let Some(readme) = Tree::read().text("README.md") else {
        return;
    };
    let command = commands::marked(&readme, "<!-- ci:test -->", "<!-- ci:end -->");
    assert!(
        command.is_some_and(|command| command.starts_with("cargo test")),
        "README.md has no command between <!-- ci:test --> and <!-- ci:end -->"
    );
}
