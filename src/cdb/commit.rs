//! Datastores by name, and how commits end.

use thiserror::Error;

use super::error::Error;
use super::key::{address_in, path_text};
use super::name::Datastore;
use crate::journal::{self, JournalStats, Sequence};

/// The number of a transaction in its datastore.
pub type TransactionId = Sequence;

/// A transaction that is committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Its number; when nothing was changed, that of the state it saw.
    pub transaction_id: TransactionId,
    /// Whether anything was written. A transaction that changes nothing leaves no record.
    pub changed: bool,
    /// How many nodes were written or removed.
    pub nodes_touched: u64,
    /// How many nodes there are more (or fewer).
    pub node_delta: i64,
    /// How many bytes it takes in the tail.
    pub size_bytes: u64,
}

/// What the commit hook gets: told after delivery, on the committer's thread.
#[derive(Clone, Debug)]
pub struct CommitSummary {
    /// Where it was committed.
    pub datastore: Datastore,
    /// What was committed.
    pub commit: Commit,
    /// The journal's counters now.
    pub stats: JournalStats,
    /// How many nodes the datastore has now.
    pub node_count: u64,
}

/// A transaction was not committed; nothing of it is visible.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum CommitError {
    /// An operation of the transaction failed.
    #[error(transparent)]
    Tree(#[from] Error),
    /// Somebody else changed what this transaction read or wrote. Run it again.
    #[error("{path} was changed by transaction {by} meanwhile; run the transaction again")]
    Conflict {
        /// The node.
        path: String,
        /// Who changed it.
        by: TransactionId,
    },
    /// A validation hook said no.
    #[error("refused: {reason}")]
    Refused {
        /// Its reason.
        reason: String,
    },
    /// A two-phase subscriber said no.
    #[error("refused by {subscriber}: {reason}")]
    Vetoed {
        /// Who.
        subscriber: String,
        /// Its reason.
        reason: String,
    },
    /// The thread is handling a notification, and this write would wait for it to end.
    #[error(
        "a write to the {datastore} datastore from a notification of the {delivering} datastore would wait for itself; \
         acknowledge first, or write from another thread"
    )]
    InNotification {
        /// What was to be written.
        datastore: Datastore,
        /// Whose notification is being handled.
        delivering: Datastore,
    },
    /// The transaction conflicted again and again.
    #[error("given up after {attempts} attempts: {last}")]
    TooManyAttempts {
        /// How often it was tried.
        attempts: u32,
        /// Why the last attempt failed.
        last: Box<Self>,
    },
    /// The journal refused it.
    #[error(transparent)]
    Journal(journal::CommitError),
}

impl CommitError {
    /// Whether the same transaction, run again, may well succeed.
    pub fn is_retriable(&self) -> bool {
        match self {
            Self::Conflict { .. } => true,
            Self::Journal(error) => error.is_retriable(),
            _ => false,
        }
    }
}

impl From<journal::CommitError> for CommitError {
    fn from(error: journal::CommitError) -> Self {
        match error {
            journal::CommitError::Conflict { key, by } => {
                Self::Conflict { path: path_text(&address_in(&key)), by }
            }
            other => Self::Journal(other),
        }
    }
}
