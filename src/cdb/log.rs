//! The transactions that the tail still holds: list, compare, go back.

use std::collections::VecDeque;

use thiserror::Error;

use super::annotation::Annotation;
use super::commit::{CommitError, TransactionId};
use super::datastore::OpenDatastore;
use super::diff::{Diff, Side, diff, merged, part_in};
use super::edit::Editor;
use super::error::Error;
use super::key::{DATA_SPACES, NodeKey, Space};
use crate::journal::{self, KeyRange, Snapshot};

/// A transaction of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// Its number.
    pub transaction_id: TransactionId,
    /// When it was committed: microseconds since the Unix epoch; 0 when it does not say.
    pub wall_micros: u64,
    /// Who committed it.
    pub user: Option<String>,
    /// What they said about it.
    pub comment: Option<String>,
    /// How many nodes it wrote or removed.
    pub nodes_touched: u64,
    /// How many nodes there were more (or fewer) after it.
    pub node_delta: i64,
    /// How many bytes it takes in the tail.
    pub size_bytes: u64,
}

/// The past could not be read or gone back to.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum HistoryError {
    /// The tail does not hold it (any more), or cannot be read.
    #[error("{0}; named snapshots outlive compactions")]
    Gone(#[source] journal::HistoryError),
    /// The transaction does not exist or the tail cannot be read.
    #[error(transparent)]
    Journal(journal::HistoryError),
    /// A record of the tail is not one of this version.
    #[error("transaction {transaction} in the tail cannot be read")]
    Record {
        /// Which.
        transaction: TransactionId,
    },
    /// The states could not be compared.
    #[error(transparent)]
    Tree(#[from] Error),
    /// Going back could not be committed.
    #[error(transparent)]
    Commit(#[from] CommitError),
}

impl From<journal::HistoryError> for HistoryError {
    fn from(error: journal::HistoryError) -> Self {
        match error {
            journal::HistoryError::Compacted { .. } => Self::Gone(error),
            other => Self::Journal(other),
        }
    }
}

/// The last `limit` transactions, newest first.
pub(crate) fn list(datastore: &OpenDatastore, limit: usize) -> Result<Vec<LogEntry>, HistoryError> {
    let mut last = VecDeque::new();
    for record in datastore.store.tail() {
        let record = record?;
        let annotation = Annotation::decode(record.record.annotation());
        if last.len() == limit {
            last.pop_front();
        }
        last.push_back(LogEntry {
            transaction_id: record.sequence,
            wall_micros: annotation.wall_micros,
            user: annotation.user,
            comment: annotation.comment,
            nodes_touched: annotation.nodes_touched,
            node_delta: annotation.node_delta,
            size_bytes: record.size_bytes,
        });
    }
    Ok(last.into_iter().rev().take(limit).collect())
}

/// What is different between the states after two transactions.
pub(crate) fn diff_transactions(
    datastore: &OpenDatastore,
    a: TransactionId,
    b: TransactionId,
) -> Result<Diff, HistoryError> {
    let (old, new) = (datastore.store.snapshot_at(a)?, datastore.store.snapshot_at(b)?);
    let ranges = changed_between(datastore, a.min(b), a.max(b))?;
    Ok(diff(&old, &new, ranges)?)
}

/// The keys that the transactions after one and up to another wrote.
fn changed_between(
    datastore: &OpenDatastore,
    after: TransactionId,
    up_to: TransactionId,
) -> Result<Vec<KeyRange>, HistoryError> {
    let mut ranges = Vec::new();
    for record in datastore.store.tail() {
        let record = record?;
        if record.sequence <= after || record.sequence > up_to {
            continue;
        }
        for operation in record.record.operations() {
            let broken = HistoryError::Record { transaction: record.sequence };
            ranges.push(operation.map_err(|_| broken)?.range());
        }
    }
    Ok(merged(ranges))
}

/// The state to go back to and the keys that were written since.
pub(crate) struct Target {
    snapshot: Snapshot,
    ranges: Vec<KeyRange>,
}

pub(crate) fn target(datastore: &OpenDatastore, to: TransactionId) -> Result<Target, HistoryError> {
    let snapshot = datastore.store.snapshot_at(to)?;
    let now = datastore.store.snapshot().sequence();
    Ok(Target { snapshot, ranges: changed_between(datastore, to, now)? })
}

/// Makes the tree what it was.
pub(crate) fn go_back(editor: &mut Editor, target: &Target) -> Result<(), Error> {
    let root = NodeKey::root();
    let from = Side { snapshot: &target.snapshot, base: &root };
    // What others change meanwhile was never to be, or stands on what goes.
    editor.depend_on(&root);
    editor.tree().note_range(KeyRange::prefix(&[Space::Schema as u8]));
    for space in DATA_SPACES.into_iter().chain([Space::Schema]) {
        for range in target.ranges.iter().filter_map(|range| part_in(range, space)) {
            editor.copy(space, from, &root, &range)?;
        }
    }
    Ok(())
}
