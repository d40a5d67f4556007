//! The files of the repository as text.

use std::fmt;
use std::path::Path;

use pumice::vfs::os::OsVfs;
use pumice::vfs::{Vfs, read_file};

/// A place that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub path: String,
    pub line: usize,
    pub message: String,
}

impl Finding {
    pub fn new(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.message)
    }
}

/// Crates of their own, with rules of their own; links may lead into them.
const OTHER_CRATES: [&str; 2] = ["benches/peers/", "fuzz/"];

/// The files, by paths from the root of the repository.
pub struct Tree {
    source: Vec<(String, String)>,
    others: Vec<(String, String)>,
}

impl Tree {
    pub fn read() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut files = Vec::new();
        for dir in ["src", "tests", "benches", "examples", "docs", "fuzz"] {
            walk(&root.join(dir), dir, &mut files);
        }
        for name in OsVfs.list(root).unwrap() {
            add(&root.join(&name), &name, &mut files);
        }
        let (source, others) = files
            .into_iter()
            .partition(|(path, _)| path.starts_with("src/") && has_suffix(path, "rs"));
        Self { source, others }
    }

    /// A tree of these files, for the tests of rules.
    pub fn of(files: &[(&str, &str)]) -> Self {
        let others =
            files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        Self { source: Vec::new(), others }
    }

    /// The Rust files of `src/`.
    pub fn source(&self) -> &[(String, String)] {
        &self.source
    }

    /// All Rust files of this crate.
    pub fn rust(&self) -> Vec<(String, String)> {
        let ours = |path: &str| !OTHER_CRATES.iter().any(|other| path.starts_with(other));
        let others = self.others.iter().filter(|(path, _)| has_suffix(path, "rs") && ours(path));
        self.source.iter().chain(others).cloned().collect()
    }

    /// The Markdown files at the root and under docs/.
    pub fn documents(&self) -> Vec<(String, String)> {
        let documents = self.others.iter().filter(|(path, _)| {
            has_suffix(path, "md") && (path.starts_with("docs/") || !path.contains('/'))
        });
        documents.cloned().collect()
    }

    pub fn text(&self, path: &str) -> Option<String> {
        let mut all = self.source.iter().chain(&self.others);
        all.find(|(file, _)| file == path).map(|(_, text)| text.clone())
    }

    /// Whether there is a file or a directory.
    pub fn has(&self, path: &str) -> bool {
        let below = format!("{path}/");
        let mut all = self.source.iter().chain(&self.others);
        all.any(|(file, _)| file == path || file.starts_with(&below))
    }
}

pub fn has_suffix(path: &str, suffix: &str) -> bool {
    Path::new(path).extension().is_some_and(|extension| extension == suffix)
}

fn walk(dir: &Path, name: &str, files: &mut Vec<(String, String)>) {
    let Ok(names) = OsVfs.list(dir) else { return };
    for entry in names.into_iter().filter(|entry| entry != "target") {
        let (path, name) = (dir.join(&entry), format!("{name}/{entry}"));
        if OsVfs.list(&path).is_ok() {
            walk(&path, &name, files);
        } else {
            add(&path, &name, files);
        }
    }
}

/// Text files come with their text, others (golden files) with none.
fn add(path: &Path, name: &str, files: &mut Vec<(String, String)>) {
    let bytes = read_file(&OsVfs, path, 4 << 20);
    if let Ok(text) = bytes.map(|bytes| String::from_utf8(bytes).unwrap_or_default()) {
        files.push((name.to_owned(), text));
    }
}
