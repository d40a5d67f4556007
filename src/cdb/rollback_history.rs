//! What undoes the last transactions of the configuration, kept through compactions.
//!
//! The tail of `A.cdb` tells the transactions since the last compaction. A compaction folds them; before it does, what
//! undoes the last of them is written here, to a journal of its own beside the datastores (`rollback.pumice`), as NSO keeps
//! its rollback files apart. So nothing is written for it at a commit.
//!
//! Key: the number of the transaction, 8 bytes, big endian. Value: 8 bytes, little endian, its bytes in the tail; 1 byte, 1 if
//! what undoes it is there, 0 if that was too large; then a payload as the tail has it: its annotation and the operations
//! that undo it (docs/format.md).
//!
//! What is here counts only where it reaches without a gap up to the first transaction of the tail: then it is of this
//! `A.cdb`, whatever was copied into the directory.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::journal::check::{CheckReport, verify_snapshot};
use crate::journal::{
    CommitError, CompactionControl, CompactionError, CompactionRequest, Directory, Durability,
    HistoryError, KeyRange, LimitError, OpenError, ReadError, Record, Reversal, Sequence, Store,
    StoreCopy, StoreOptions, WriteBatch,
};

/// The journal, beside the datastores.
pub const ROLLBACK_FILE: &str = "rollback.pumice";
/// The file is compacted above this size, when it is twice what lives in it.
const COMPACT_MIN_BYTES: u64 = 1 << 20;

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RollbackLimits {
    /// Transactions (NSO: `rollback/history-size`): 35. 0 keeps none.
    pub transactions: usize,
    /// Bytes of what undoes them, together: 64 MiB. A transaction that alone needs more is not kept, nor are those
    /// before it of use then.
    pub bytes: u64,
}

impl Default for RollbackLimits {
    fn default() -> Self {
        Self { transactions: 35, bytes: 64 << 20 }
    }
}

/// A transaction that a compaction folded.
#[derive(Clone, Debug)]
pub(crate) struct FoldedTransaction {
    pub sequence: Sequence,
    /// Bytes that it took in the tail.
    pub size_bytes: u64,
    pub annotation: Vec<u8>,
    /// What undoes it.
    pub undo: Option<Record>,
}

/// Why the history of rollbacks cannot be kept or read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RollbackHistoryError {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Commit(#[from] CommitError),
    #[error(transparent)]
    Limit(#[from] LimitError),
    #[error(transparent)]
    Tail(#[from] HistoryError),
    #[error(transparent)]
    Compaction(#[from] CompactionError),
    #[error("the entry of transaction {0} in {ROLLBACK_FILE} cannot be read")]
    Entry(Sequence),
}

type Result<T, E = RollbackHistoryError> = std::result::Result<T, E>;

/// The journal of what undoes transactions. Opened when it is first needed.
#[derive(Debug)]
pub(crate) struct RollbackHistory {
    directory: Arc<Directory>,
    options: StoreOptions,
    limits: Mutex<RollbackLimits>,
    store: Mutex<Option<Store>>,
}

impl RollbackHistory {
    pub fn new(directory: Arc<Directory>, options: StoreOptions, limits: RollbackLimits) -> Self {
        let (limits, store) = (Mutex::new(limits), Mutex::default());
        Self { directory, options, limits, store }
    }

    pub fn set_limits(&self, limits: RollbackLimits) {
        *self.limits.lock().unwrap_or_else(PoisonError::into_inner) = limits;
    }

    pub fn limits(&self) -> RollbackLimits {
        *self.limits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn opened(&self) -> MutexGuard<'_, Option<Store>> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The journal, if it is there; made when it is to be.
    fn store(&self, make: bool) -> Result<Option<Store>> {
        let mut opened = self.opened();
        if opened.is_none() {
            let path = self.directory.path().join(ROLLBACK_FILE);
            if !make && !self.directory.vfs().exists(&path).map_err(OpenError::from)? {
                return Ok(None);
            }
            *opened = Some(Store::open(&self.directory, ROLLBACK_FILE, self.options.clone())?);
        }
        Ok(opened.clone())
    }

    /// Keeps what undoes the last transactions of the tail, and drops what is over the limits or of another past.
    pub fn keep(&self, datastore: &Store) -> Result<()> {
        let limits = self.limits();
        let Some(store) = self.store(limits.transactions > 0)? else {
            return Ok(());
        };
        let bytes_max = usize::try_from(limits.bytes).unwrap_or(usize::MAX);
        let reversals = datastore.reversals(limits.transactions, bytes_max)?;
        let last = reversals.last().map_or(datastore.snapshot().sequence(), |last| last.sequence);
        let mut batch = WriteBatch::new();
        batch.delete_range(&KeyRange::new(key(last.next()).to_vec()..))?;
        for reversal in &reversals {
            batch.put(&key(reversal.sequence), &encode(reversal))?;
        }
        store.write(batch, Durability::Buffered)?;
        trim(&store, limits)?;
        store.sync()?;
        compact_if_due(&store)
    }

    /// The transactions up to `base`, newest first, as far back as they reach without a gap.
    pub fn folded(&self, base: Sequence) -> Result<Vec<FoldedTransaction>> {
        let mut found = Vec::new();
        let Some(store) = self.store(false)? else {
            return Ok(found);
        };
        let snapshot = store.snapshot();
        let mut expected = base;
        let mut scan = snapshot.scan_reverse(&KeyRange::new(..key(base.next()).to_vec()));
        while let Some((stored, value)) = scan.next()? {
            if stored != key(expected) {
                break;
            }
            found.push(decode(expected, value)?);
            expected = Sequence::new(expected.get().saturating_sub(1));
        }
        Ok(found)
    }

    /// Verifies the journal, if it is there.
    pub fn verify(&self, progress: &mut dyn FnMut(u64)) -> Result<Option<CheckReport>> {
        let store = self.store(false)?;
        Ok(store.map(|store| verify_snapshot(&store.snapshot(), progress)).transpose()?)
    }

    /// Copies the journal into a directory, if it is there.
    pub fn copy_to(
        &self,
        directory: &Path,
        control: &CompactionControl,
    ) -> Result<Option<StoreCopy>, CompactionError> {
        match self.store(false) {
            Ok(store) => store.map(|store| store.copy_to(directory, control)).transpose(),
            Err(error) => {
                tracing::warn!(%error, "the copy is without a history of rollbacks");
                Ok(None)
            }
        }
    }

    /// Ends it.
    pub fn close(&self) -> Result<()> {
        if let Some(store) = self.opened().take() {
            store.close()?;
        }
        Ok(())
    }
}

fn key(sequence: Sequence) -> [u8; 8] {
    sequence.get().to_be_bytes()
}

fn encode(reversal: &Reversal) -> Vec<u8> {
    let mut value = reversal.size_bytes.to_le_bytes().to_vec();
    value.push(u8::from(reversal.record.is_some()));
    match &reversal.record {
        Some(record) => value.extend_from_slice(record.payload()),
        None => value.extend_from_slice(&reversal.annotation),
    }
    value
}

fn decode(sequence: Sequence, value: &[u8]) -> Result<FoldedTransaction> {
    let damaged = || RollbackHistoryError::Entry(sequence);
    let (size, rest) = value.split_first_chunk::<8>().ok_or_else(damaged)?;
    let (kind, rest) = rest.split_first().ok_or_else(damaged)?;
    let size_bytes = u64::from_le_bytes(*size);
    let undo = match kind {
        0 => None,
        1 => Some(Record::decode(rest.to_vec()).map_err(|_| damaged())?),
        _ => return Err(damaged()),
    };
    let annotation = undo.as_ref().map_or(rest, Record::annotation).to_vec();
    Ok(FoldedTransaction { sequence, size_bytes, annotation, undo })
}

/// Drops the oldest entries that are over the limits.
fn trim(store: &Store, limits: RollbackLimits) -> Result<()> {
    let snapshot = store.snapshot();
    let mut scan = snapshot.scan_reverse(&KeyRange::all());
    let (mut count, mut bytes) = (0, 0);
    let mut first_dropped = None;
    while let Some((stored, value)) = scan.next()? {
        count += 1;
        bytes += value.len() as u64;
        if count > limits.transactions || bytes > limits.bytes {
            first_dropped = Some([stored, &[0]].concat());
            break;
        }
    }
    drop(scan);
    if let Some(end) = first_dropped {
        let mut batch = WriteBatch::new();
        batch.delete_range(&KeyRange::new(..end))?;
        store.write(batch, Durability::Buffered)?;
    }
    Ok(())
}

fn compact_if_due(store: &Store) -> Result<()> {
    let stats = store.stats();
    if stats.file_bytes > COMPACT_MIN_BYTES && stats.file_bytes > 2 * stats.live_bytes {
        store.compact(&CompactionRequest::default(), &CompactionControl::new())?;
    }
    Ok(())
}
