//! The last transactions, in the tail or folded by a compaction: list, compare, go back.

use std::collections::VecDeque;

use thiserror::Error;

use super::annotation::Annotation;
use super::commit::{CommitError, TransactionId};
use super::datastore::OpenDatastore;
use super::diff::{Diff, Side, diff, merged, part_in};
use super::edit::Editor;
use super::error::Error;
use super::key::{DATA_SPACES, NodeKey, Space};
use super::rollback_history::{FoldedTransaction, RollbackHistoryError};
use crate::journal::{self, KeyRange, Record, Snapshot};

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
    /// Neither the tail nor the history of rollbacks reaches back to it.
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
    /// The history of rollbacks cannot be read.
    #[error(transparent)]
    Folded(Box<dyn std::error::Error + Send + Sync>),
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

impl From<RollbackHistoryError> for HistoryError {
    fn from(error: RollbackHistoryError) -> Self {
        match error {
            RollbackHistoryError::Tail(error) => error.into(),
            error => Self::Folded(Box::new(error)),
        }
    }
}

impl LogEntry {
    fn new(transaction_id: TransactionId, size_bytes: u64, annotation: &[u8]) -> Self {
        let annotation = Annotation::decode(annotation);
        Self {
            transaction_id,
            wall_micros: annotation.wall_micros,
            user: annotation.user,
            comment: annotation.comment,
            nodes_touched: annotation.nodes_touched,
            node_delta: annotation.node_delta,
            size_bytes,
        }
    }
}

/// The last `limit` transactions, newest first: of the tail, then those that compactions folded.
pub(crate) fn list(datastore: &OpenDatastore, limit: usize) -> Result<Vec<LogEntry>, HistoryError> {
    let mut last = VecDeque::new();
    for record in datastore.store.tail() {
        let record = record?;
        if last.len() == limit {
            last.pop_front();
        }
        let annotation = record.record.annotation();
        last.push_back(LogEntry::new(record.sequence, record.size_bytes, annotation));
    }
    let base = match last.front() {
        Some(oldest) => TransactionId::new(oldest.transaction_id.get().saturating_sub(1)),
        None => datastore.store.stats().base_sequence,
    };
    let mut entries: Vec<_> = last.into_iter().rev().take(limit).collect();
    if entries.len() < limit {
        let folded = datastore.folded(base)?;
        let left = limit - entries.len();
        let entry = |past: &FoldedTransaction| {
            LogEntry::new(past.sequence, past.size_bytes, &past.annotation)
        };
        entries.extend(folded.iter().take(left).map(entry));
    }
    Ok(entries)
}

/// The last transaction before the oldest that is listed.
pub(crate) fn begins_after(datastore: &OpenDatastore) -> Result<TransactionId, HistoryError> {
    let base = datastore.store.stats().base_sequence;
    let folded = datastore.folded(base)?.len() as u64;
    Ok(TransactionId::new(base.get().saturating_sub(folded)))
}

/// What is different between the states after two transactions.
pub(crate) fn diff_transactions(
    datastore: &OpenDatastore,
    a: TransactionId,
    b: TransactionId,
) -> Result<Diff, HistoryError> {
    let (old, new) = (state_after(datastore, a)?, state_after(datastore, b)?);
    let ranges = changed_between(datastore, a.min(b), a.max(b))?;
    Ok(diff(&old, &new, ranges)?)
}

/// The state after a transaction of the tail, or after one that a compaction folded and whose successors can be undone.
pub(crate) fn state_after(
    datastore: &OpenDatastore,
    wanted: TransactionId,
) -> Result<Snapshot, HistoryError> {
    let base = datastore.store.stats().base_sequence;
    if wanted >= base {
        return Ok(datastore.store.snapshot_at(wanted)?);
    }
    // A compaction that ends in between has folded more: then the error says so, and the caller may ask again.
    let mut state = datastore.store.snapshot_at(base)?;
    for past in undoing(datastore, base, wanted)? {
        let undo = past.undo.as_ref().ok_or_else(|| gone(wanted, base))?;
        state = state.with(undo);
    }
    Ok(state)
}

/// What compactions folded behind `wanted`, newest first.
fn undoing(
    datastore: &OpenDatastore,
    base: TransactionId,
    wanted: TransactionId,
) -> Result<Vec<FoldedTransaction>, HistoryError> {
    let mut folded = datastore.folded(base)?;
    folded.retain(|past| past.sequence > wanted);
    let missing = (folded.len() as u64) < base.get() - wanted.get();
    if missing { Err(gone(wanted, base)) } else { Ok(folded) }
}

fn gone(wanted: TransactionId, base: TransactionId) -> HistoryError {
    HistoryError::Gone(journal::HistoryError::Compacted { wanted, base })
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
        if record.sequence > after && record.sequence <= up_to {
            add_ranges(&mut ranges, &record.record, record.sequence)?;
        }
    }
    let base = datastore.store.stats().base_sequence;
    if after < base {
        for past in undoing(datastore, base, after)? {
            let undo = past.undo.as_ref().ok_or_else(|| gone(after, base))?;
            if past.sequence <= up_to {
                add_ranges(&mut ranges, undo, past.sequence)?;
            }
        }
    }
    Ok(merged(ranges))
}

fn add_ranges(
    ranges: &mut Vec<KeyRange>,
    record: &Record,
    transaction: TransactionId,
) -> Result<(), HistoryError> {
    for operation in record.operations() {
        ranges.push(operation.map_err(|_| HistoryError::Record { transaction })?.range());
    }
    Ok(())
}

/// The state to go back to and the keys that were written since.
pub(crate) struct Target {
    snapshot: Snapshot,
    ranges: Vec<KeyRange>,
}

pub(crate) fn target(datastore: &OpenDatastore, to: TransactionId) -> Result<Target, HistoryError> {
    let snapshot = state_after(datastore, to)?;
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
