//! The state of a store after some transaction, as readers hold it.

use std::sync::Arc;

use super::image::ReadError;
use super::record::Record;
use super::scan::Scan;
use super::state::State;
use super::{Counters, KeyRange, Sequence, Value};

/// A frozen view of a store, as of one transaction. Cheap to clone, never blocks nor is blocked, and stays
/// readable after compactions: it keeps the old file open.
///
/// ```
/// # use pumice::journal::{Durability, Store, WriteBatch};
/// # let store = Store::in_memory()?;
/// let before = store.snapshot();
/// let mut batch = WriteBatch::new();
/// batch.put(b"k", b"v")?;
/// store.write(batch, Durability::Sync)?;
/// assert_eq!(before.get(b"k")?, None);
/// assert_eq!(store.snapshot().get(b"k")?.as_deref(), Some(&b"v"[..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Snapshot {
    state: Arc<State>,
}

impl Snapshot {
    pub(super) fn new(state: Arc<State>) -> Self {
        Self { state }
    }

    pub(super) fn state(&self) -> &Arc<State> {
        &self.state
    }

    /// This state with the operations of a record, which are committed nowhere. Its counters are those of this state.
    pub(crate) fn with(&self, record: &Record) -> Self {
        let mut changed = self.clone();
        let state = changed.state_mut();
        for operation in record.operations().flatten() {
            state.overlay.apply(operation, None);
        }
        changed
    }

    /// For the one transaction that owns this view.
    pub(super) fn state_mut(&mut self) -> &mut State {
        Arc::make_mut(&mut self.state)
    }

    /// The transaction that this is the state after.
    pub fn sequence(&self) -> Sequence {
        self.state.sequence
    }

    /// The value of `key`.
    pub fn get(&self, key: &[u8]) -> Result<Option<Value>, ReadError> {
        self.state.get(key)
    }

    /// Whether `key` has a value.
    pub fn contains(&self, key: &[u8]) -> Result<bool, ReadError> {
        Ok(self.state.value_len(key)?.is_some())
    }

    /// The entries of `range` in key order.
    pub fn scan(&self, range: &KeyRange) -> Scan<'_> {
        Scan::forward(&self.state, range)
    }

    /// The entries of `range` from the last to the first.
    pub fn scan_reverse(&self, range: &KeyRange) -> Scan<'_> {
        Scan::reverse(&self.state, range)
    }

    /// How many entries `range` has, and their bytes. Costs the overlay's part of the range and two block
    /// reads, not the range.
    pub fn count(&self, range: &KeyRange) -> Result<Counters, ReadError> {
        self.state.count(range)
    }
}
