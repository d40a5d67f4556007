//! An open shard, and how it is opened.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::queue::Turns;
use crate::documents::error::{DocumentError, StorageError};
use crate::documents::info::{ShardInfo, Sizes};
use crate::documents::key;
use crate::documents::limits::LiveLimits;
use crate::documents::record::Counters;
use crate::documents::sequence::Place;
use crate::journal::{Directory, Durability, Snapshot, Store, StoreOptions, WriteBatch};

pub(super) const META_COUNTERS: &[u8] = b"\x01counters";
pub(super) const META_UUID: &[u8] = b"\x01uuid";
/// There while no database has the shard.
pub(super) const META_UNOWNED: &[u8] = b"\x01unowned";

/// What a shard is.
#[derive(Clone, Debug)]
pub(in crate::documents) struct ShardOptions {
    /// `shards/<range>/<db>.<seconds>`.
    pub name: String,
    /// The first and the last hash.
    pub range: (u32, u32),
    pub store: StoreOptions,
    pub limits: LiveLimits,
}

/// An open shard.
#[derive(Debug)]
pub(in crate::documents) struct Shard {
    pub(super) store: Store,
    pub(super) options: ShardOptions,
    uuid: u128,
    pub(super) turns: Turns,
    /// As of the last commit.
    counters: Mutex<Counters>,
    pub(super) revs_limit: AtomicU64,
    pub(super) purged_infos_limit: AtomicU64,
    /// The last content number that was given out.
    contents: AtomicU64,
    compacting: AtomicBool,
    /// The last transaction that is known to be durable.
    durable: AtomicU64,
    gone: AtomicBool,
    /// Its halves are the database: nothing is written here any more.
    split: AtomicBool,
    /// What it was split from.
    pub(super) ancestors: OnceLock<Vec<Place>>,
}

impl Shard {
    /// Opens the file `file_name` in its directory, or makes it. Uploads that no document took are removed.
    pub fn open(
        directory: &Arc<Directory>,
        file_name: &str,
        options: ShardOptions,
    ) -> Result<Self, DocumentError> {
        let store = Store::open(directory, file_name, options.store.clone())?;
        let snapshot = store.snapshot();
        let uuid = match snapshot.get(META_UUID)?.and_then(|value| (*value).try_into().ok()) {
            Some(bytes) => u128::from_be_bytes(bytes),
            None => create(&store, directory.clock().unique_id())?,
        };
        let damaged = || record_error("counters", &store);
        let counters = match snapshot.get(META_COUNTERS)? {
            Some(value) => Counters::decode(&value).ok_or_else(damaged)?,
            None => Counters::default(),
        };
        let shard = Self {
            uuid,
            turns: Turns::default(),
            counters: Mutex::new(counters),
            revs_limit: AtomicU64::new(0),
            purged_infos_limit: AtomicU64::new(0),
            contents: AtomicU64::new(0),
            compacting: AtomicBool::new(false),
            durable: AtomicU64::new(snapshot.sequence().get()),
            gone: AtomicBool::new(false),
            split: AtomicBool::new(false),
            ancestors: OnceLock::new(),
            store,
            options,
        };
        shard.load_limits(&snapshot)?;
        shard.load_ancestors(&snapshot)?;
        shard.drop_pending_contents()?;
        Ok(shard)
    }

    /// The newest visible state.
    pub fn snapshot(&self) -> Snapshot {
        self.store.snapshot()
    }

    /// The newest visible state, once it is durable: what a reader of changes goes on from must not be lost.
    pub fn durable_snapshot(&self) -> Result<Snapshot, DocumentError> {
        let snapshot = self.snapshot();
        if self.durable.load(Ordering::Acquire) < snapshot.sequence().get() {
            self.store.sync()?;
            self.note_durable(snapshot.sequence());
        }
        Ok(snapshot)
    }

    /// Makes durable what was only buffered.
    pub fn sync(&self) -> Result<(), DocumentError> {
        self.durable_snapshot().map(|_| ())
    }

    /// This transaction and all before it are durable.
    pub(super) fn note_durable(&self, sequence: crate::journal::Sequence) {
        self.durable.fetch_max(sequence.get(), Ordering::AcqRel);
    }

    /// The journal.
    pub fn store(&self) -> &Store {
        &self.store
    }

    pub fn options(&self) -> &ShardOptions {
        &self.options
    }

    /// Whether it belongs to a hash.
    pub fn holds(&self, hash: u32) -> bool {
        (self.options.range.0..=self.options.range.1).contains(&hash)
    }

    pub(super) fn counters(&self) -> Counters {
        *self.counters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_counters(&self, counters: Counters) {
        *self.counters.lock().unwrap_or_else(PoisonError::into_inner) = counters;
    }

    /// The counters of a snapshot.
    pub fn counters_of(&self, snapshot: &Snapshot) -> Result<Counters, DocumentError> {
        match snapshot.get(META_COUNTERS)? {
            Some(value) => Counters::decode(&value).ok_or_else(|| self.damaged("counters")),
            None => Ok(Counters::default()),
        }
    }

    /// A place in its changes.
    pub fn place(&self, sequence: u64) -> Place {
        Place { range: self.options.range, shard: self.short_uuid(), sequence }
    }

    /// Where its changes end. Somebody may go on from there, so it is made durable first.
    pub fn last_place(&self) -> Place {
        let last = self.counters().update_seq;
        if let Err(error) = self.sync() {
            tracing::warn!(shard = self.options.name, %error, "what was buffered is not durable");
        }
        self.place(last)
    }

    /// Where its purges end.
    pub fn last_purge(&self) -> Place {
        self.place(self.counters().purge_seq)
    }

    /// The first 32 bits of the uuid.
    pub fn short_uuid(&self) -> u32 {
        u32::try_from(self.uuid >> 96).unwrap_or_default()
    }

    /// Sizes: what is garbage is not active.
    pub fn sizes(&self) -> Sizes {
        let (stats, counters) = (self.store.stats(), self.counters());
        Sizes {
            file: stats.file_bytes,
            active: stats.live_bytes.saturating_sub(counters.garbage_bytes),
            external: counters.external_bytes,
        }
    }

    pub fn info(&self) -> ShardInfo {
        let counters = self.counters();
        let (first, last) = self.options.range;
        ShardInfo {
            name: self.options.name.clone(),
            range: format!("{first:08x}-{last:08x}"),
            doc_count: counters.live_docs,
            doc_del_count: counters.dead_docs,
            update_seq: counters.update_seq,
            purge_seq: counters.purge_seq,
            compacted_seq: counters.compacted_seq,
            sizes: self.sizes(),
            compact_running: self.is_compacting(),
            uuid: format!("{:032x}", self.uuid),
        }
    }

    pub fn is_compacting(&self) -> bool {
        self.compacting.load(Ordering::Acquire)
    }

    /// Notes that it is being compacted; `false` when it is already.
    pub(super) fn begin_compaction(&self) -> bool {
        !self.compacting.swap(true, Ordering::AcqRel)
    }

    pub(super) fn end_compaction(&self) {
        self.compacting.store(false, Ordering::Release);
    }

    /// A number for a content that nobody else has.
    pub(super) fn next_content(&self) -> u64 {
        self.contents.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// The last content number that was given out.
    pub(super) fn last_content(&self) -> u64 {
        self.contents.load(Ordering::Acquire)
    }

    /// Contents are numbered on behind this one.
    pub(super) fn contents_up_to(&self, last: u64) {
        self.contents.fetch_max(last, Ordering::AcqRel);
    }

    /// The database was removed: nothing is written from here on.
    pub fn retire(&self) -> Result<(), DocumentError> {
        self.gone.store(true, Ordering::Release);
        self.close()
    }

    /// Ends it; what was committed is durable.
    pub fn close(&self) -> Result<(), DocumentError> {
        Ok(self.store.close()?)
    }

    /// Its halves are the database from here on. To be called by whoever has the turn.
    pub fn note_split(&self) {
        self.split.store(true, Ordering::Release);
    }

    /// Whether its halves are the database.
    pub fn is_split(&self) -> bool {
        self.split.load(Ordering::Acquire)
    }

    /// Refuses writes to a database that was removed.
    pub fn check_there(&self) -> Result<(), DocumentError> {
        if self.gone.load(Ordering::Acquire) { Err(DocumentError::DatabaseGone) } else { Ok(()) }
    }

    /// A record does not read.
    pub(in crate::documents) fn damaged(&self, what: &'static str) -> DocumentError {
        record_error(what, &self.store)
    }
}

fn create(store: &Store, uuid: u128) -> Result<u128, DocumentError> {
    let mut batch = WriteBatch::new();
    batch.put(META_UUID, &uuid.to_be_bytes())?;
    batch.put(&key::bytes(key::META, b"format"), b"1")?;
    batch.put(META_UNOWNED, &[])?;
    store.write(batch, Durability::Sync)?;
    Ok(uuid)
}

fn record_error(what: &'static str, store: &Store) -> DocumentError {
    let path = store.path().display().to_string();
    DocumentError::Storage(StorageError::Record { what, path })
}
