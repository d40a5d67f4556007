//! A write transaction: reads on a snapshot, writes kept apart, validated when it commits.

use std::sync::Arc;

use super::core::{Check, Core, Receipt};
use super::image::ReadError;
use super::record::{Operation, WriteBatch};
use super::scan::Scan;
use super::snapshot::Snapshot;
use super::window::ReadSet;
use super::{CommitError, Durability, KeyRange, LimitError, Value};

/// An optimistic write transaction. Others go on meanwhile; at commit, everything that was read through
/// [`Transaction::get`], [`Transaction::scan`] or declared with [`Transaction::track`] must be unchanged,
/// else it fails with [`CommitError::Conflict`]. Dropping it aborts it.
///
/// ```
/// # use pumice::journal::{Durability, Store};
/// # let store = Store::in_memory()?;
/// let mut transaction = store.begin();
/// let count = transaction.get(b"count")?.map_or(0, |value| value[0]);
/// transaction.put(b"count", &[count + 1])?;
/// transaction.commit(Durability::Sync)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "a transaction that is dropped is aborted"]
pub struct Transaction {
    core: Arc<Core>,
    base: Snapshot,
    view: Snapshot,
    batch: WriteBatch,
    reads: ReadSet,
}

impl Transaction {
    pub(super) fn begin(core: Arc<Core>) -> Self {
        let base = core.begin();
        let view = base.clone();
        let (batch, reads) = (WriteBatch::new(), ReadSet::default());
        Self { core, base, view, batch, reads }
    }

    /// The state that it began on.
    pub fn base(&self) -> &Snapshot {
        &self.base
    }

    /// The state that it began on with its own changes. Reads through it are not checked at commit.
    pub fn view(&self) -> &Snapshot {
        &self.view
    }

    /// The value of `key`, own changes included; checked at commit.
    pub fn get(&mut self, key: &[u8]) -> Result<Option<Value>, ReadError> {
        self.reads.add_key(key);
        self.view.get(key)
    }

    /// The entries of `range` in order, own changes included; checked at commit.
    pub fn scan(&mut self, range: &KeyRange) -> Scan<'_> {
        self.reads.add_range(range.clone());
        self.view.scan(range)
    }

    /// Declares that the outcome depends on `range`; checked at commit.
    pub fn track(&mut self, range: KeyRange) {
        self.reads.add_range(range);
    }

    /// Declares that the outcome depends on `key`; checked at commit.
    pub fn track_key(&mut self, key: &[u8]) {
        self.reads.add_key(key);
    }

    /// Sets `key` to `value`.
    pub fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), LimitError> {
        self.batch.put(key, value)?;
        let operation = Operation::Put { key, value, value_offset: 0 };
        self.apply(operation);
        Ok(())
    }

    /// Removes `key`.
    pub fn delete(&mut self, key: &[u8]) -> Result<(), LimitError> {
        self.batch.delete(key)?;
        self.apply(Operation::Delete { key });
        Ok(())
    }

    /// Removes every key of `range`.
    pub fn delete_range(&mut self, range: &KeyRange) -> Result<(), LimitError> {
        if range.is_empty() {
            return Ok(());
        }
        self.batch.delete_range(range)?;
        self.apply(Operation::DeleteRange { start: range.start(), end: range.end() });
        Ok(())
    }

    /// Attaches bytes that the tail keeps with the transaction.
    pub fn set_annotation(&mut self, annotation: Vec<u8>) {
        self.batch.set_annotation(annotation);
    }

    /// The keys and ranges that were written, in the order of writing. Costs a walk over all of them.
    pub fn changed_ranges(&self) -> Vec<KeyRange> {
        self.batch.operations().flatten().map(|operation| operation.range()).collect()
    }

    /// The part of what was written that is in some ranges. Costs a walk over all keys that were written, and memory for
    /// those inside only.
    pub fn changed_within(&self, within: &[KeyRange]) -> Vec<KeyRange> {
        let mut changed = Vec::new();
        for operation in self.batch.operations().flatten() {
            match &operation {
                Operation::Put { key, .. } | Operation::Delete { key } => {
                    if within.iter().any(|range| range.contains(key)) {
                        changed.push(operation.range());
                    }
                }
                Operation::DeleteRange { .. } => {
                    let deleted = operation.range();
                    let parts = within.iter().filter(|range| range.overlaps(&deleted));
                    changed.extend(parts.map(|range| range.intersection(&deleted)));
                }
            }
        }
        changed
    }

    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.batch.is_empty()
    }

    /// Commits. On an error nothing of it is visible, and but for [`CommitError::Poisoned`] nothing of it
    /// will ever be.
    pub fn commit(mut self, durability: Durability) -> Result<Receipt, CommitError> {
        let record = std::mem::take(&mut self.batch).into_record()?;
        // Nobody can ask for it any more; a large transaction is in memory once from here on, not twice.
        self.view = self.base.clone();
        let check = Check { base: self.base.sequence(), reads: &self.reads };
        self.core.commit(record, Some(&check), durability)
    }

    fn apply(&mut self, operation: Operation<'_>) {
        self.view.state_mut().overlay.apply(operation, None);
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        self.core.end(self.base.sequence());
    }
}
