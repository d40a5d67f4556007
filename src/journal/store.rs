//! The handle to an open store.

use std::path::Path;
use std::sync::Arc;

use super::compaction::{self, CompactionControl, CompactionReport, CompactionRequest, StoreCopy};
use super::core::{Core, Receipt};
use super::directory::Directory;
use super::history::{self, Reversal, TailReader};
use super::open;
use super::options::{Durability, StoreOptions};
use super::record::WriteBatch;
use super::snapshot::Snapshot;
use super::transaction::Transaction;
use super::{CommitError, CompactionError, HistoryError, JournalStats, OpenError, Sequence};
use crate::clock::SystemClock;
use crate::vfs::mem::MemVfs;
use crate::vfs::os::OsVfs;

/// An ordered map of byte keys to byte values in one self-compacting journal file. Clones are handles to the
/// same open store; the last one dropped closes it.
///
/// ```
/// use pumice::journal::{CompactionControl, CompactionRequest, Durability, KeyRange, Store, WriteBatch};
///
/// let store = Store::in_memory()?;
/// let mut batch = WriteBatch::new();
/// batch.put(b"stone", b"pumice")?;
/// batch.put(b"glass", b"obsidian")?;
/// store.write(batch, Durability::Sync)?;
///
/// let snapshot = store.snapshot();
/// store.compact(&CompactionRequest::default(), &CompactionControl::new())?;
/// assert_eq!(snapshot.get(b"stone")?.as_deref(), Some(&b"pumice"[..]));
/// assert_eq!(store.snapshot().count(&KeyRange::all())?.entries, 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Store {
    core: Arc<Core>,
}

impl Store {
    /// Opens `name` in a directory; for writing, it is made when it is missing.
    ///
    /// Read are the header and the tail. A tail that ends in something unfinished is cut (with a warning),
    /// when the directory is open for writing; damage in what was durable refuses the open and changes
    /// nothing.
    pub fn open(
        directory: &Arc<Directory>,
        name: &str,
        options: StoreOptions,
    ) -> Result<Self, OpenError> {
        Ok(Self { core: Arc::new(open::open(directory, name, options)?) })
    }

    /// Opens the file at `path`, with the directory it is in, on the operating system's files and clock.
    pub fn open_file(path: &Path, options: StoreOptions) -> Result<Self, OpenError> {
        let no_name = || OpenError::NotAJournal { path: path.to_path_buf() };
        let name = path.file_name().and_then(|name| name.to_str()).ok_or_else(no_name)?;
        let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty());
        let clock = Arc::new(SystemClock::new());
        let directory = Directory::open(OsVfs::shared(), clock, dir.unwrap_or(Path::new(".")))?;
        Self::open(&directory, name, options)
    }

    /// A store that lives in memory and ends with the process.
    pub fn in_memory() -> Result<Self, OpenError> {
        let clock = Arc::new(SystemClock::new());
        let directory = Directory::open(MemVfs::new().shared(), clock, Path::new("/memory"))?;
        Self::open(&directory, "store", StoreOptions::default())
    }

    /// The newest visible state.
    pub fn snapshot(&self) -> Snapshot {
        self.core.snapshot()
    }

    /// Begins a write transaction on the newest visible state.
    pub fn begin(&self) -> Transaction {
        Transaction::begin(self.core.clone())
    }

    /// Commits a batch as it is, whatever others committed meanwhile. While a compaction holds write
    /// transactions back, it waits.
    pub fn write(&self, batch: WriteBatch, durability: Durability) -> Result<Receipt, CommitError> {
        self.core.commit(batch.into_record()?, None, durability)
    }

    /// Waits until every transaction that is on its way is visible or has failed. A transaction may conflict
    /// with one that is accepted and not yet visible; run again before that, it conflicts again.
    pub fn settle(&self) {
        self.core.settle_accepted();
    }

    /// Makes everything that was committed durable.
    pub fn sync(&self) -> Result<(), CommitError> {
        self.core.sync()
    }

    /// How many commits are remembered for the transactions that began before them.
    #[cfg(test)]
    pub(super) fn remembered_commits(&self) -> usize {
        self.core.remembered_commits()
    }

    /// Counters, without I/O.
    pub fn stats(&self) -> JournalStats {
        self.core.stats()
    }

    /// About how many bytes the file would have after a compaction, without what is written ahead of the tail. Reads a sample of
    /// at most about 2 MiB.
    pub fn estimated_bytes(&self) -> u64 {
        compaction::estimate_bytes(&self.core)
    }

    /// Whether writes are possible, and if not, why.
    pub fn check_writable(&self) -> Result<(), CommitError> {
        self.core.check_health()
    }

    /// Compacts the store on this thread.
    ///
    /// # Errors
    /// [`CompactionError::Running`] when another thread does so already; else see there. The store is as it
    /// was.
    pub fn compact(
        &self,
        request: &CompactionRequest,
        control: &CompactionControl,
    ) -> Result<CompactionReport, CompactionError> {
        compaction::run(&self.core, request, control)
    }

    /// Writes a copy of the newest state into a directory (made when it is missing), under the file's own name: compacted and
    /// synced, whatever the size of the tail. Readers and writers go on meanwhile.
    ///
    /// # Errors
    /// When a file of that name is there; else as for a compaction. What was written is removed again.
    pub fn copy_to(
        &self,
        directory: &Path,
        control: &CompactionControl,
    ) -> Result<StoreCopy, CompactionError> {
        compaction::copy(&self.core, directory, control)
    }

    /// The transactions in the tail, oldest first.
    pub fn tail(&self) -> TailReader {
        history::tail(&self.core.snapshot())
    }

    /// The state right after a transaction that is still in the tail, or the one that the image holds. Costs
    /// a replay of the tail up to there.
    pub fn snapshot_at(&self, sequence: Sequence) -> Result<Snapshot, HistoryError> {
        history::snapshot_at(&self.core.snapshot(), sequence)
    }

    /// What undoes the last `count` transactions of the tail, oldest first. One that needs more than `bytes_max` is there
    /// without. Costs a replay of the tail.
    pub(crate) fn reversals(
        &self,
        count: usize,
        bytes_max: usize,
    ) -> Result<Vec<Reversal>, HistoryError> {
        history::reversals(&self.core.snapshot(), count, bytes_max)
    }

    /// The directory that it is in.
    pub fn directory(&self) -> &Arc<Directory> {
        &self.core.directory
    }

    /// Its file.
    pub fn path(&self) -> &Path {
        &self.core.path
    }

    /// Closes the store for every handle: what was committed becomes durable, and the file says so. Later
    /// writes are refused, reads go on.
    pub fn close(&self) -> Result<(), CommitError> {
        self.core.close()
    }
}
