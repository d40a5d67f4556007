//! What is told of a compaction: while it runs, and for the history.

use std::fmt;
use std::str::FromStr;

use super::super::Datastore;
use super::threshold::ThresholdName;
use crate::journal::Progress;

/// NSO's two types of compaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompactionType {
    /// `COMPACTION_AUTOMATIC`, 1.
    Automatic,
    /// `COMPACTION_MANUAL`, 2.
    Manual,
}

impl fmt::Display for CompactionType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Automatic => "automatic",
            Self::Manual => "manual",
        })
    }
}

/// Why a compaction was run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A threshold was exceeded by a transaction.
    Threshold(ThresholdName),
    /// A threshold was exceeded when the datastore was opened.
    Start(ThresholdName),
    /// A load in steps had written so much that memory would have grown with it.
    Load,
    /// Somebody asked for it.
    Request,
    /// A task of the scheduler.
    Schedule,
}

impl Cause {
    /// NSO's type for it.
    pub fn compaction_type(self) -> CompactionType {
        match self {
            Self::Threshold(_) | Self::Start(_) | Self::Load => CompactionType::Automatic,
            Self::Request | Self::Schedule => CompactionType::Manual,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Threshold(name) => write!(f, "{name}"),
            Self::Start(name) => write!(f, "start: {name}"),
            Self::Load => f.write_str("load"),
            Self::Request => f.write_str("request"),
            Self::Schedule => f.write_str("schedule"),
        }
    }
}

/// Not the text of a [`Cause`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is not a cause of a compaction")]
pub struct UnknownCause {
    /// The text.
    pub text: String,
}

impl FromStr for Cause {
    type Err = UnknownCause;

    /// Reads what [`fmt::Display`] writes.
    fn from_str(text: &str) -> Result<Self, UnknownCause> {
        let threshold = |name: &str| {
            let unknown = || UnknownCause { text: text.to_owned() };
            ThresholdName::ALL.into_iter().find(|one| one.to_string() == name).ok_or_else(unknown)
        };
        match text.strip_prefix("start: ") {
            Some(name) => threshold(name).map(Self::Start),
            None if text == "load" => Ok(Self::Load),
            None if text == "request" => Ok(Self::Request),
            None if text == "schedule" => Ok(Self::Schedule),
            None => threshold(text).map(Self::Threshold),
        }
    }
}

/// A compaction that is over: the fields of NSO's `confd_compaction_notification`, and what it hides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompactionEntry {
    /// `dbfile`.
    pub datastore: Datastore,
    /// Why; its type is NSO's `type`.
    pub cause: Cause,
    /// `fsize_start`: file size when it began, bytes.
    pub size_start_bytes: u64,
    /// `fsize_end`: file size when it ended, bytes; of the untouched file when it did not succeed.
    pub size_end_bytes: u64,
    /// `fsize_last`: file size at the end of the compaction before, bytes.
    pub size_last_bytes: u64,
    /// `time_start`: microseconds since the Unix epoch.
    pub start_micros: u64,
    /// `duration`: microseconds.
    pub duration_micros: u64,
    /// `ntrans`: transactions since the compaction before.
    pub transactions: u64,
    /// How long write transactions had to wait, microseconds.
    pub blocked_micros: u64,
    /// Why it failed or was cancelled; `None` when it succeeded.
    pub failure: Option<String>,
}

/// A compaction of the past, as the history in `O.cdb` keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastCompaction {
    /// Counts up from 1.
    pub number: u64,
    /// What it did.
    pub entry: CompactionEntry,
}

/// What happens to compactions, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CompactionEvent {
    /// One begins.
    Started {
        /// Of which datastore.
        datastore: Datastore,
        /// Why.
        cause: Cause,
        /// File size, bytes.
        size_bytes: u64,
    },
    /// One is a percent or more further than when last told.
    Progress {
        /// Of which datastore.
        datastore: Datastore,
        /// How far.
        progress: Progress,
    },
    /// One succeeded.
    Finished(CompactionEntry),
    /// One failed; the datastore is as it was, and writable.
    Failed(CompactionEntry),
    /// One was cancelled; the datastore is as it was.
    Cancelled(CompactionEntry),
}

/// The comment of the transaction that keeps a compaction.
pub(crate) fn comment_of(datastore: Datastore) -> String {
    format!("compaction of {}", datastore.file_name())
}

/// Whether a transaction of `O.cdb` only keeps a compaction of `O.cdb`: it does not count as growth, else a low threshold
/// would be exceeded by the compaction itself, again and again.
pub(crate) fn is_own(user: Option<&str>, comment: Option<&str>) -> bool {
    user.is_none() && comment == Some(&*comment_of(Datastore::Operational))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_reads_back_from_its_text() {
        let thresholds = ThresholdName::ALL.into_iter();
        let causes = thresholds.flat_map(|name| [Cause::Threshold(name), Cause::Start(name)]);
        for cause in causes.chain([Cause::Load, Cause::Request, Cause::Schedule]) {
            assert_eq!(cause.to_string().parse(), Ok(cause));
        }
        assert!("start: request".parse::<Cause>().is_err());
    }
}
