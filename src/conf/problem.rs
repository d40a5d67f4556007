//! What is wrong with a configuration, as data and as text for people.

use std::fmt;

use super::source::Place;

/// What kind of fault it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProblemKind {
    /// The file cannot be read: missing, not allowed, too large, not UTF-8.
    Unreadable,
    /// Not well-formed XML, or XML of a kind that is refused (a DTD, too deep).
    NotXml,
    /// An element, attribute or namespace that is not known here.
    Unknown,
    /// A value that is not of its setting's type or under its minimum.
    WrongValue,
    /// A setting given twice.
    Twice,
    /// A variable reference that cannot be replaced.
    Variable,
    /// Settings that contradict each other.
    Contradiction,
}

/// One fault of a configuration.
#[derive(Clone, Debug)]
pub struct Problem {
    /// What kind of fault it is.
    pub kind: ProblemKind,
    /// One line: what and, where there is no place, where.
    pub message: String,
    /// Where it stands in a file.
    pub place: Option<Place>,
    /// What would have been right: type, unit, default.
    pub expected: Option<String>,
    /// What to do.
    pub help: Option<String>,
}

impl Problem {
    /// A fault at a place.
    pub(super) fn new(kind: ProblemKind, message: impl Into<String>, place: &Place) -> Self {
        let place = Some(place.clone());
        Self { kind, message: message.into(), place, expected: None, help: None }
    }

    /// A fault that has no place in a file's text.
    pub(super) fn unreadable(message: impl Into<String>) -> Self {
        let kind = ProblemKind::Unreadable;
        Self { kind, message: message.into(), place: None, expected: None, help: None }
    }

    pub(super) fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self
    }

    pub(super) fn help(mut self, help: Option<String>) -> Self {
        self.help = help;
        self
    }
}

/// Several lines, the last one ended: message, source line with the place marked, what was expected, help.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "error: {}", self.message)?;
        let gutter = self.place.as_ref().map_or_else(|| "  ".to_owned(), Place::gutter);
        if let Some(place) = &self.place {
            place.write_snippet(f)?;
            if self.expected.is_some() || self.help.is_some() {
                writeln!(f, "{gutter} |")?;
            }
        }
        for (name, text) in [("expected", &self.expected), ("help", &self.help)] {
            if let Some(text) = text {
                writeln!(f, "{gutter} = {name}: {text}")?;
            }
        }
        Ok(())
    }
}

/// Everything that is wrong with a configuration; nothing of it was used.
#[derive(Clone, Debug, Default)]
pub struct Problems {
    list: Vec<Problem>,
}

impl Problems {
    pub(super) fn new(list: Vec<Problem>) -> Self {
        Self { list }
    }

    /// The faults, in the order of the files and their lines.
    pub fn list(&self) -> &[Problem] {
        &self.list
    }
}

/// Every problem, an empty line after each, and a line that sums up.
impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.list {
            writeln!(f, "{problem}")?;
        }
        match self.list.len() {
            1 => f.write_str("1 error; the configuration was not used"),
            count => write!(f, "{count} errors; the configuration was not used"),
        }
    }
}

impl std::error::Error for Problems {}

/// Something that works and deserves a look.
#[derive(Clone, Debug)]
pub struct Warning {
    /// What, in one line.
    pub message: String,
    /// Where.
    pub place: Option<Place>,
}

impl Warning {
    pub(super) fn new(message: impl Into<String>, place: &Place) -> Self {
        Self { message: message.into(), place: Some(place.clone()) }
    }
}

/// One line: `file:line:column: message`.
impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        f.write_str(&self.message)
    }
}
