//! Runs the README and the how-to of the operations page: every command, and what it prints.
//!
//! `PUMICE_GOLDEN=write cargo test --test cli tour` writes the output of a real run into the page. Compared are the
//! words; durations, dates, ports and process ids are those of one run.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use pumice::vfs::os::OsVfs;
use pumice::vfs::{read_file, write_file};

use crate::client::{request, send};
use crate::program::{Place, Running};

/// What `start` says last when it is ready.
const LAST_WORD_OF_START: &str = "_status.json";

/// The port that pages show.
const PORT: &str = ":5984";

fn root(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn read(path: &Path) -> String {
    String::from_utf8(read_file(&OsVfs, path, 1 << 20).unwrap()).unwrap()
}

/// The tour with every command's output from a run of now.
fn run(tour: &str) -> String {
    let place = Place::new();
    for name in ["devices.xml", "periodic-compaction.xml"] {
        place.write(name, &read(&root("docs/tour").join(name)));
    }
    let mut daemon: Option<Served> = None;
    let mut text = String::new();
    let mut in_block = false;
    for line in tour.lines() {
        match line.strip_prefix("$ ") {
            Some(command) if in_block => {
                writeln!(text, "{line}").unwrap();
                text.push_str(&output(&place, command, &mut daemon));
            }
            _ if line.starts_with("```") => {
                in_block = line.starts_with("```console");
                writeln!(text, "{line}").unwrap();
            }
            _ if in_block => {}
            _ => writeln!(text, "{line}").unwrap(),
        }
    }
    text
}

/// A daemon of the tour.
struct Served {
    _running: Running,
    address: String,
}

fn output(place: &Place, command: &str, daemon: &mut Option<Served>) -> String {
    if let (Some(daemon), Some(request)) = (&daemon, command.strip_prefix("curl ")) {
        return requested(&daemon.address, request);
    }
    // A port that is free, whatever the page says.
    let script = command.replacen("pumice", "\"$PUMICE\"", 1).replace(PORT, ":0");
    let Some(script) = script.strip_suffix(" &") else {
        let ran = place.shell(&script).output().unwrap();
        assert!(ran.stderr.is_empty(), "{command}: {}", String::from_utf8_lossy(&ran.stderr));
        return String::from_utf8(ran.stdout).unwrap();
    };
    let mut running = Running::start(place.shell(&format!("exec {script}")));
    let mut said = String::new();
    while !said.contains(LAST_WORD_OF_START) {
        writeln!(said, "{}", running.line().trim_end()).unwrap();
    }
    let address = said.split("http://").nth(1).and_then(|rest| rest.split_whitespace().next());
    let address = address.unwrap().to_owned();
    if command.contains(PORT) {
        said = said.replace(&address, &format!("127.0.0.1{PORT}"));
    }
    *daemon = Some(Served { _running: running, address });
    said
}

/// What curl would print: a machine without it runs the tour as well.
fn requested(address: &str, asked: &str) -> String {
    let (words, body) = match asked.split_once(" -d '") {
        Some((words, rest)) => (words, rest.split('\'').next().unwrap()),
        None => (asked, ""),
    };
    let mut words = words.split_whitespace();
    let method = if words.clone().any(|word| word == "-X") { words.nth(1).unwrap() } else { "GET" };
    let path = words.next().unwrap().split_once(PORT).unwrap().1;
    let form = "application/x-www-form-urlencoded";
    let json = asked.contains("-H content-type:application/json");
    let headers = [("Content-Type", if json { "application/json" } else { form })];
    let request = request(method, path, &headers, body.as_bytes());
    let answer = send(address.parse().unwrap(), &request).unwrap();
    if asked.contains(" -o ") {
        assert_eq!(answer.status, 200, "{}", answer.text());
        return String::new();
    }
    answer.text()
}

/// What differs from run to run, as `#`.
fn folded(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let words: Vec<_> = line.split_whitespace().collect();
        let mut folded = Vec::new();
        for (index, word) in words.iter().enumerate() {
            let next = words.get(index + 1).copied().unwrap_or_default();
            let before = index.checked_sub(1).and_then(|index| words.get(index)).copied();
            let date = word.len() >= 10 && word.as_bytes()[4] == b'-' && word.as_bytes()[7] == b'-';
            let time = word.ends_with('Z') || word.ends_with("Z)");
            let varies = next == "ms" || next == "us" || before == Some("pid") || date || time;
            let varies = varies || word.contains("127.0.0.1:");
            folded.push(if varies { "#" } else { word });
        }
        writeln!(out, "{}", folded.join(" ")).unwrap();
    }
    out
}

/// Holds what stands between two marks of a page against a run of now.
fn check(page: &str, mark: &str) {
    let path = root(page);
    let text = read(&path);
    let (begin, end) = (format!("<!-- {mark} -->\n"), format!("<!-- /{mark} -->"));
    let (before, rest) = text.split_once(&begin).unwrap();
    let (tour, after) = rest.split_once(&end).unwrap();
    let now = run(tour);
    if std::env::var_os("PUMICE_GOLDEN").is_some_and(|word| word == "write") {
        let updated = format!("{before}{begin}{now}{end}{after}");
        write_file(&OsVfs, &path, updated.as_bytes()).unwrap();
        return;
    }
    assert_eq!(
        folded(tour),
        folded(&now),
        "{page} shows something else; PUMICE_GOLDEN=write writes it anew"
    );
}

#[test]
fn the_readme_shows_what_its_commands_print() {
    check("README.md", "tour");
}

#[test]
fn the_documents_of_the_readme_show_what_their_commands_print() {
    check("README.md", "documents");
}

#[test]
fn the_how_to_of_periodic_compaction_shows_what_its_commands_print() {
    check("docs/operations.md", "how-to");
}
