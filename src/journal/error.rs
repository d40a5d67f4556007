//! What can go wrong, by what the caller can do about it.

use std::path::PathBuf;
use std::sync::Arc;

use super::image::ReadError;
use super::limits::{MAX_KEY_BYTES, MAX_TRANSACTION_BYTES, MAX_VALUE_BYTES};
use super::{Sequence, Stage};
use crate::vfs;

/// Something is larger than the engine takes. Nothing was written; make it smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LimitError {
    /// A key over [`MAX_KEY_BYTES`].
    #[error("a key of {size_bytes} bytes; the largest is {MAX_KEY_BYTES}")]
    Key {
        /// Its length.
        size_bytes: usize,
    },
    /// A value over [`MAX_VALUE_BYTES`].
    #[error("a value of {size_bytes} bytes; the largest is {MAX_VALUE_BYTES}")]
    Value {
        /// Its length.
        size_bytes: usize,
    },
    /// A transaction over [`MAX_TRANSACTION_BYTES`].
    #[error("a transaction of {size_bytes} bytes; the largest is {MAX_TRANSACTION_BYTES}")]
    Transaction {
        /// Its encoded length so far.
        size_bytes: usize,
    },
}

/// A store could not be opened. Nothing on disk was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process has the directory, or this one has the file; wait for it or talk to it.
    #[error("{} is locked{}", dir.display(), holder.as_deref().map(|holder| format!(" by {holder}")).unwrap_or_default())]
    Locked {
        /// The directory; the file, when this process has it open.
        dir: PathBuf,
        /// Who holds it: a line beginning with the process id, if it could be read.
        holder: Option<String>,
    },
    /// The file does not exist and may not be made (read-only).
    #[error("{} does not exist", path.display())]
    NotFound {
        /// The file.
        path: PathBuf,
    },
    /// A store cannot be called so.
    #[error(
        "\"{name}\" is not a name for a store: a plain file name is wanted, not of the lock or a side file"
    )]
    BadName {
        /// The name.
        name: String,
    },
    /// Some other kind of file stands under the name.
    #[error("{} is not a pumice journal", path.display())]
    NotAJournal {
        /// The file.
        path: PathBuf,
    },
    /// A newer pumice wrote it; use that one.
    #[error("{} has format version {major}; this pumice reads version {}", path.display(), super::format::VERSION_MAJOR)]
    Version {
        /// The file.
        path: PathBuf,
        /// Its major version.
        major: u16,
    },
    /// Damage in what was known to be durable; look with `check`, keep what is good with `salvage`.
    #[error(transparent)]
    Damaged(#[from] Damage),
    /// The image cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The system refused.
    #[error(transparent)]
    Io(#[from] vfs::Error),
}

/// Damage that a crash cannot explain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {what} at byte {position}; the {intact} earlier transactions are intact, nothing was changed", path.display())]
pub struct Damage {
    /// The file.
    pub path: PathBuf,
    /// Where the first bad byte range begins.
    pub position: u64,
    /// What was expected there.
    pub what: &'static str,
    /// The last transaction before the damage.
    pub intact: Sequence,
}

/// A transaction was not committed; readers never saw any of it.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommitError {
    /// Somebody changed what this transaction had read. Run it again on a fresh snapshot, after
    /// [`super::Store::settle`]: the other one may not be visible yet.
    #[error("the transaction read a key that transaction {by} changed meanwhile")]
    Conflict {
        /// The key that was changed.
        key: Vec<u8>,
        /// The transaction that changed it.
        by: Sequence,
    },
    /// The transaction is older than what the engine remembers of later commits. Run it again.
    #[error("the transaction began at {base}, too long ago to be checked against later ones")]
    TooOld {
        /// Where it began.
        base: Sequence,
    },
    /// Too large.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// The disk, quota or file-size limit is full. Works again once there is room.
    #[error("no room: {0}")]
    NoSpace(Arc<vfs::Error>),
    /// A transaction that this one stood on failed before this one was written. Run it again.
    #[error("not written, because a transaction before it failed: {reason}")]
    Aborted {
        /// The failure.
        reason: Arc<str>,
    },
    /// Writing failed, and the tail was cut back to where it was.
    #[error(transparent)]
    Io(Arc<vfs::Error>),
    /// The image could not be read while counting.
    #[error(transparent)]
    Read(Arc<ReadError>),
    /// A sync failed earlier, or the tail could not be cut back. What is on disk is only known after the
    /// store is opened again; whether this transaction survives is unknown if it was the one that failed.
    #[error("the store was poisoned by an earlier failure ({reason}); open it again")]
    Poisoned {
        /// The first failure.
        reason: Arc<str>,
    },
    /// Opened read-only.
    #[error("the store is open for reading only")]
    ReadOnly,
    /// Closed.
    #[error("the store is closed")]
    Closed,
}

impl CommitError {
    /// Whether the same transaction, run again on a fresh snapshot, may well succeed.
    pub fn is_retriable(&self) -> bool {
        matches!(self, Self::Conflict { .. } | Self::TooOld { .. } | Self::Aborted { .. })
    }
}

/// A compaction did not take place. The store is as it was, and writable.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompactionError {
    /// One is running already.
    #[error("a compaction is already running")]
    Running,
    /// It was asked to stop.
    #[error("cancelled in stage {stage}")]
    Cancelled {
        /// Where it was.
        stage: Stage,
    },
    /// The copy would not fit.
    #[error("needs about {needed_bytes} bytes, {free_bytes} are free")]
    NoRoom {
        /// The estimate.
        needed_bytes: u64,
        /// What the file system offers.
        free_bytes: u64,
    },
    /// The old image could not be read.
    #[error("stage {stage}: {source}")]
    Read {
        /// Where it was.
        stage: Stage,
        /// What was wrong.
        source: ReadError,
    },
    /// The system refused.
    #[error("stage {stage}: {source}")]
    Io {
        /// Where it was.
        stage: Stage,
        /// What the system said.
        source: vfs::Error,
    },
    /// The tail could not be read.
    #[error("stage {stage}: {source}")]
    Damaged {
        /// Where it was.
        stage: Stage,
        /// What was wrong.
        source: Damage,
    },
    /// The store takes no writes any more.
    #[error(transparent)]
    Unavailable(#[from] CommitError),
}

/// A transaction of the past could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HistoryError {
    /// A compaction has dropped it.
    #[error("transaction {wanted} is no longer in the tail, which begins after {base}")]
    Compacted {
        /// What was asked for.
        wanted: Sequence,
        /// The last transaction that the image holds.
        base: Sequence,
    },
    /// It has not happened.
    #[error("transaction {wanted} does not exist; the last is {last}")]
    Future {
        /// What was asked for.
        wanted: Sequence,
        /// The last one.
        last: Sequence,
    },
    /// The tail is damaged.
    #[error(transparent)]
    Damaged(#[from] Damage),
    /// A value from before it cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The system refused.
    #[error(transparent)]
    Io(#[from] vfs::Error),
}
