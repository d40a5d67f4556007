//! A file's text and places in it.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The most of a source line that a message shows, in characters.
const SHOWN_CHARS_MAX: usize = 120;
/// How much of a longer line is shown before the place.
const SHOWN_BEFORE: usize = 40;

/// A configuration file as text.
#[derive(Debug)]
pub(super) struct Source {
    path: PathBuf,
    text: String,
    line_starts: Vec<usize>,
}

impl Source {
    pub(super) fn new(path: &Path, text: String) -> Arc<Self> {
        let breaks = text.match_indices('\n').map(|(at, _)| at + 1);
        let line_starts = std::iter::once(0).chain(breaks).collect();
        Arc::new(Self { path: path.to_path_buf(), text, line_starts })
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The place of a range of bytes; it covers no more than the rest of its first line.
    pub(super) fn place(self: &Arc<Self>, range: Range<usize>) -> Place {
        let line = self.line_starts.partition_point(|start| *start <= range.start).max(1);
        let line_start = self.line_starts.get(line - 1).copied().unwrap_or(0);
        let column = 1 + self.chars(line_start..range.start);
        let covered = self.text.get(range).unwrap_or("");
        let width = covered.lines().next().unwrap_or("").chars().count().max(1);
        Place { source: self.clone(), line, column, width }
    }

    /// The place of one character, counted from 1.
    pub(super) fn place_at(self: &Arc<Self>, line: usize, column: usize) -> Place {
        Place { source: self.clone(), line, column, width: 1 }
    }

    fn chars(&self, range: Range<usize>) -> usize {
        self.text.get(range).map_or(0, |text| text.chars().count())
    }

    fn line(&self, number: usize) -> &str {
        let start = self.line_starts.get(number.saturating_sub(1)).copied().unwrap_or(0);
        self.text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or("")
    }
}

/// A place in a configuration file. Lines and columns (in characters) count from 1.
#[derive(Clone, Debug)]
pub struct Place {
    source: Arc<Source>,
    line: usize,
    column: usize,
    width: usize,
}

impl Place {
    /// The file.
    pub fn path(&self) -> &Path {
        &self.source.path
    }

    /// The line.
    pub fn line(&self) -> usize {
        self.line
    }

    /// The column of the first character.
    pub fn column(&self) -> usize {
        self.column
    }

    /// The source line with the place marked below it, as lines behind a gutter.
    pub(super) fn write_snippet(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.line.to_string();
        let gutter = " ".repeat(number.len());
        let (text, before) = self.window();
        let left = text.chars().count().saturating_sub(before).max(1);
        let marks = "^".repeat(self.width.min(left));
        writeln!(f, "{gutter}--> {self}")?;
        writeln!(f, "{gutter} |")?;
        writeln!(f, "{number} | {text}")?;
        writeln!(f, "{gutter} | {}{marks} here", " ".repeat(before))
    }

    /// The gutter that lines after the snippet stand behind.
    pub(super) fn gutter(&self) -> String {
        " ".repeat(self.line.to_string().len())
    }

    /// What is shown of the line, and how many characters of it stand before the place.
    fn window(&self) -> (String, usize) {
        let clean = |letter: char| match letter {
            '\t' => ' ',
            letter if letter.is_control() => '?',
            letter => letter,
        };
        let line = self.source.line(self.line);
        let before = self.column.saturating_sub(1);
        let skipped = if line.chars().nth(SHOWN_CHARS_MAX).is_some() {
            before.saturating_sub(SHOWN_BEFORE)
        } else {
            0
        };
        let shown = line.chars().skip(skipped).take(SHOWN_CHARS_MAX).map(clean).collect();
        (shown, before - skipped)
    }
}

/// `file:line:column`.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.source.path.display(), self.line, self.column)
    }
}
