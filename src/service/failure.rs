//! Why a request was not done, as people and programs are told; and what of the library's errors is which of them.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::cdb::{
    CommitError, Error, HistoryError, LoadError, LoadFailure, OpenError, Problem, SaveError,
    SnapshotError,
};
use crate::journal::{self, CompactionError, LimitError, ReadError};
use crate::vfs;

/// The classes of failures; each is an exit code of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// 1: the answer is "no".
    No,
    /// 2: wrong usage or wrong configuration.
    Usage,
    /// 3: not found.
    NotFound,
    /// 4: a conflict, or locked by another process.
    Conflict,
    /// 5: refused by validation.
    Refused,
    /// 6: the server cannot be reached.
    Unreachable,
    /// 7: the disk: full, I/O error, not allowed.
    Disk,
    /// 8: damaged data where it was needed.
    Corrupt,
    /// 70: our fault.
    Fault,
}

impl Class {
    /// The exit code.
    pub const fn code(self) -> u8 {
        match self {
            Self::No => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
            Self::Conflict => 4,
            Self::Refused => 5,
            Self::Unreachable => 6,
            Self::Disk => 7,
            Self::Corrupt => 8,
            Self::Fault => 70,
        }
    }
}

/// Why a request was not done. Displayed it is one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// One word for programs: `not_found`, `conflict`, `locked`.
    pub error: String,
    /// One line for people.
    pub reason: String,
    /// The exit code: see [`Class`].
    pub code: u8,
    /// The node that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for Failure {}

impl Failure {
    /// Of this class, with a word and a line.
    pub fn new(class: Class, error: &str, reason: impl Into<String>) -> Self {
        let (error, reason) = (error.to_owned(), reason.into());
        Self { error, reason, code: class.code(), path: None, hint: None }
    }

    /// Something in the request makes no sense.
    pub fn usage(reason: impl Into<String>) -> Self {
        Self::new(Class::Usage, "bad_request", reason)
    }

    /// With advice.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// About a node.
    #[must_use]
    pub fn about(self, path: impl fmt::Display) -> Self {
        Self { path: Some(path.to_string()), ..self }
    }

    /// With words in front of the reason.
    #[must_use]
    pub fn within(self, place: impl fmt::Display) -> Self {
        Self { reason: format!("{place}: {}", self.reason), ..self }
    }
}

/// The word for a directory that another process has.
pub const LOCKED: &str = "locked";

/// How files are looked into and saved from: the advice for damage.
const DAMAGE_HINT: &str =
    "pumice check names every damaged place; pumice salvage FILE NEWFILE keeps what is good";

fn corrupt(reason: String) -> Failure {
    Failure::new(Class::Corrupt, "corrupt", reason).hint(DAMAGE_HINT)
}

fn refused(reason: String) -> Failure {
    Failure::new(Class::Refused, "refused", reason)
}

impl From<vfs::Error> for Failure {
    fn from(error: vfs::Error) -> Self {
        (&error).into()
    }
}

impl From<&vfs::Error> for Failure {
    fn from(error: &vfs::Error) -> Self {
        let reason = error.to_string();
        if error.is_not_found() {
            return Self::new(Class::NotFound, "not_found", reason);
        }
        if error.is_no_space() {
            let hint = "make room (or raise the limit) and try again; what was committed is safe";
            return Self::new(Class::Disk, "no_space", reason).hint(hint);
        }
        let word = if error.is_denied() { "denied" } else { "io" };
        Self::new(Class::Disk, word, reason)
    }
}

impl From<&ReadError> for Failure {
    fn from(error: &ReadError) -> Self {
        match error {
            ReadError::Io(error) => error.into(),
            error => corrupt(error.to_string()),
        }
    }
}

impl From<LimitError> for Failure {
    fn from(error: LimitError) -> Self {
        Self::new(Class::Refused, "too_large", error.to_string())
    }
}

impl From<journal::OpenError> for Failure {
    fn from(error: journal::OpenError) -> Self {
        use journal::OpenError;
        match &error {
            OpenError::Locked { .. } => Self::new(Class::Conflict, LOCKED, error.to_string())
                .hint("wait until that process is done, or stop it"),
            OpenError::NotFound { .. } => {
                Self::new(Class::NotFound, "not_found", error.to_string())
                    .hint("pumice init DIR makes a data directory; --dir DIR names one")
            }
            OpenError::NotAJournal { .. } | OpenError::Damaged(_) => corrupt(error.to_string()),
            OpenError::Read(error) => error.into(),
            OpenError::Io(error) => error.into(),
            OpenError::BadName { .. } => Self::usage(error.to_string()),
            OpenError::Version { .. } => Self::new(Class::Usage, "version", error.to_string()),
        }
    }
}

impl From<journal::CommitError> for Failure {
    fn from(error: journal::CommitError) -> Self {
        use journal::CommitError;
        match &error {
            CommitError::Conflict { .. } | CommitError::TooOld { .. } => {
                Self::new(Class::Conflict, "conflict", error.to_string())
            }
            CommitError::Aborted { .. } => Self::new(Class::Conflict, "aborted", error.to_string()),
            CommitError::Limit(limit) => (*limit).into(),
            CommitError::NoSpace(source) => {
                Self { reason: error.to_string(), ..Self::from(&**source) }
            }
            CommitError::Io(source) => Self::from(&**source),
            CommitError::Read(source) => Self::from(&**source),
            CommitError::Poisoned { .. } => Self::new(Class::Disk, "poisoned", error.to_string())
                .hint("stop the program, look at the disk, start again"),
            CommitError::ReadOnly | CommitError::Closed => {
                Self::new(Class::Conflict, "not_writable", error.to_string())
            }
        }
    }
}

impl From<journal::HistoryError> for Failure {
    fn from(error: journal::HistoryError) -> Self {
        use journal::HistoryError;
        match &error {
            HistoryError::Compacted { .. } | HistoryError::Future { .. } => {
                Self::new(Class::NotFound, "not_found", error.to_string())
            }
            HistoryError::Damaged(_) | HistoryError::Read(_) => corrupt(error.to_string()),
            HistoryError::Io(error) => error.into(),
        }
    }
}

impl From<CompactionError> for Failure {
    fn from(error: CompactionError) -> Self {
        let reason = error.to_string();
        match error {
            CompactionError::Running => Self::new(Class::Conflict, "running", reason),
            CompactionError::Cancelled { .. } => Self::new(Class::Conflict, "cancelled", reason),
            CompactionError::NoRoom { .. } => Self::new(Class::Disk, "no_space", reason)
                .hint("the datastore is as it was and writable; make room and try again"),
            CompactionError::Read { source, .. } => Self { reason, ..Self::from(&source) },
            CompactionError::Io { source, .. } => Self { reason, ..Self::from(&source) },
            CompactionError::Damaged { .. } => corrupt(reason),
            CompactionError::Unavailable(error) => error.into(),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let reason = error.to_string();
        match error {
            Error::Path(_) => Self::new(Class::Usage, "bad_path", reason),
            Error::BadPath { path, .. }
            | Error::KeyCount { path, .. }
            | Error::AmbiguousName { path, .. } => {
                Self::new(Class::Usage, "bad_path", reason).about(path)
            }
            Error::NotFound { path } => Self::new(Class::NotFound, "not_found", reason).about(path),
            Error::Stopped { .. } => Self::new(Class::Conflict, "stopped", reason),
            Error::AlreadyExists { path } => {
                Self::new(Class::Conflict, "exists", reason).about(path)
            }
            Error::WrongKind { path, .. }
            | Error::BadValue { path, .. }
            | Error::WrongType { path, .. }
            | Error::KeyLeaf { path }
            | Error::BadDeclaration { path, .. }
            | Error::NoEntryKey { path, .. }
            | Error::AlreadyDeclared { path, .. } => refused(reason).about(path),
            Error::Refused { .. } => refused(reason),
            Error::Limit { path, .. } => Self::new(Class::Refused, "too_large", reason).about(path),
            Error::Corrupt { path, .. } => corrupt(reason).about(path),
            Error::Read(error) => Self::from(&*error),
        }
    }
}

impl From<CommitError> for Failure {
    fn from(error: CommitError) -> Self {
        let reason = error.to_string();
        match error {
            CommitError::Tree(error) => error.into(),
            CommitError::Conflict { path, .. } => {
                Self::new(Class::Conflict, "conflict", reason).about(path)
            }
            // What a component refuses begins with the node that it is about.
            CommitError::Refused { reason: why } => match why.split_once(": ") {
                Some((path, _)) if path.starts_with('/') => refused(reason).about(path),
                _ => refused(reason),
            },
            CommitError::Vetoed { .. } => refused(reason),
            CommitError::InNotification { .. } => Self::new(Class::Fault, "internal", reason),
            CommitError::TooManyAttempts { .. } => Self::new(Class::Conflict, "conflict", reason),
            CommitError::Journal(error) => error.into(),
        }
    }
}

impl From<LoadError> for Failure {
    fn from(error: LoadError) -> Self {
        let reason = error.to_string();
        match *error.problem {
            Problem::Read(_) => Self::new(Class::Disk, "io", reason),
            Problem::Format
            | Problem::UnknownKeys { .. }
            | Problem::UnusedHint { .. }
            | Problem::Ambiguous { .. } => Self::usage(reason),
            Problem::Store(error) => Self { reason, ..error.into() },
            _ => refused(reason),
        }
    }
}

impl From<LoadFailure> for Failure {
    fn from(error: LoadFailure) -> Self {
        match error {
            LoadFailure::Source(error) => error.into(),
            LoadFailure::Commit(error) => error.into(),
        }
    }
}

impl From<SaveError> for Failure {
    fn from(error: SaveError) -> Self {
        match error {
            SaveError::Tree(error) => error.into(),
            SaveError::Write(error) => Self::new(Class::Disk, "io", error.to_string()),
            error @ SaveError::Character { .. } => refused(error.to_string()),
        }
    }
}

impl From<HistoryError> for Failure {
    fn from(error: HistoryError) -> Self {
        let reason = error.to_string();
        match error {
            HistoryError::Gone(_) => Self::new(Class::NotFound, "compacted", reason),
            HistoryError::Journal(error) => error.into(),
            HistoryError::Record { .. } | HistoryError::Folded(_) => corrupt(reason),
            HistoryError::Tree(error) => error.into(),
            HistoryError::Commit(error) => error.into(),
        }
    }
}

impl From<SnapshotError> for Failure {
    fn from(error: SnapshotError) -> Self {
        let reason = error.to_string();
        match error {
            SnapshotError::Exists { .. } => Self::new(Class::Conflict, "exists", reason),
            SnapshotError::NotFound { .. } => Self::new(Class::NotFound, "not_found", reason),
            SnapshotError::Tree(error) => error.into(),
            SnapshotError::Commit(error) => error.into(),
        }
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        let reason = error.to_string();
        match error {
            OpenError::Journal(error) => error.into(),
            OpenError::Tree(error) => error.into(),
            OpenError::InitFile(error) => Self { reason, ..error.into() },
            OpenError::Thread(_) => Self::new(Class::Fault, "internal", reason),
            OpenError::Init(error) => Self { reason, ..error.into() },
            OpenError::Io(error) => error.into(),
        }
    }
}
