//! The open databases of a directory, and how their shards are found, opened and removed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::catalog::{Catalog, DatabaseRecord};
use super::database::Database;
use super::error::{DatabaseError, DocumentError, StorageError};
use super::limits::LiveLimits;
use super::options::DocumentsOptions;
use super::place::{file_name, range_name, shard_name};
use super::shard::{Shard, ShardOptions};
use super::watch::Bell;
use crate::clock::Clock;
use crate::compaction::{Compactable, CompactionQueue, as_target};
use crate::journal::Directory;
use crate::vfs::Vfs;

/// What is open, and what it takes to open more.
#[derive(Debug)]
pub(super) struct Shelf {
    pub root: PathBuf,
    pub vfs: Arc<dyn Vfs>,
    pub clock: Arc<dyn Clock>,
    pub catalog: Arc<dyn Catalog>,
    pub options: DocumentsOptions,
    pub limits: LiveLimits,
    pub bell: Arc<Bell>,
    pub compactor: Arc<CompactionQueue>,
    /// Held while a database is opened, made or removed, and while halves take the place of a shard. Taken before `open`.
    changing: Mutex<Changing>,
    /// What is open. Never held while anything is waited for.
    open: Mutex<BTreeMap<String, Arc<Database>>>,
    /// Counts requests for databases.
    requests: AtomicU64,
    /// Idle databases are closed while more shards than this are open.
    pub max_open_shards: AtomicUsize,
    /// Databases that changed and were closed before that was written to the events.
    closed_touched: Mutex<BTreeSet<String>>,
}

/// What is needed to open databases.
#[derive(Debug, Default)]
pub(super) struct Changing {
    /// Of the ranges of shards.
    directories: BTreeMap<String, Arc<Directory>>,
    pub closed: bool,
}

impl Shelf {
    pub fn new(
        root: PathBuf,
        vfs: Arc<dyn Vfs>,
        clock: Arc<dyn Clock>,
        catalog: Arc<dyn Catalog>,
        options: DocumentsOptions,
        compactor: Arc<CompactionQueue>,
    ) -> Self {
        let max_open_shards = AtomicUsize::new(options.max_open_shards);
        let limits = LiveLimits::new(options.limits);
        Self {
            root,
            vfs,
            clock,
            catalog,
            options,
            limits,
            bell: Arc::default(),
            compactor,
            changing: Mutex::default(),
            open: Mutex::default(),
            requests: AtomicU64::new(0),
            max_open_shards,
            closed_touched: Mutex::default(),
        }
    }

    pub fn opened(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Database>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn changing(&self) -> MutexGuard<'_, Changing> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something was written to a journal: it is compacted when it is due.
    pub fn look_at<T: Compactable + 'static>(&self, target: &Arc<T>) {
        self.compactor.look_at(&as_target(target));
    }

    pub fn some_file_exists(&self, record: &DatabaseRecord) -> Result<bool, DatabaseError> {
        for range in record.ranges() {
            if self.vfs.exists(&self.path_of(record, range))? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    pub fn path_of(&self, record: &DatabaseRecord, range: (u32, u32)) -> PathBuf {
        self.root.join(range_name(range)).join(file_name(record))
    }

    /// Shards that must be there: an empty one in the place of one that is missing would hide the loss.
    pub fn open_shards(
        &self,
        changing: &mut Changing,
        record: &DatabaseRecord,
    ) -> Result<Arc<Database>, DatabaseError> {
        for range in record.ranges() {
            let path = self.path_of(record, range);
            if !self.vfs.exists(&path)? {
                let reason = format!("the shard {} is missing", path.display());
                return Err(StorageError::Other { reason }.into());
            }
        }
        self.make_shards(changing, record)
    }

    pub fn make_shards(
        &self,
        changing: &mut Changing,
        record: &DatabaseRecord,
    ) -> Result<Arc<Database>, DatabaseError> {
        if changing.closed {
            return Err(DatabaseError::NotFound);
        }
        let mut shards = Vec::new();
        for range in record.ranges() {
            shards.push(self.shard(changing, record, range).map_err(storage)?);
        }
        let database = Database::new(
            record.clone(),
            shards,
            self.limits.clone(),
            self.compactor.clone(),
            self.bell.clone(),
        );
        Ok(Arc::new(database))
    }

    /// Opens a shard, or makes it.
    pub fn shard(
        &self,
        changing: &mut Changing,
        record: &DatabaseRecord,
        range: (u32, u32),
    ) -> Result<Arc<Shard>, DocumentError> {
        let directory = self.directory(changing, range)?;
        let options = ShardOptions {
            name: shard_name(record, range),
            range,
            store: self.options.store.clone(),
            limits: self.limits.clone(),
        };
        Ok(Arc::new(Shard::open(&directory, &file_name(record), options)?))
    }

    fn directory(
        &self,
        changing: &mut Changing,
        range: (u32, u32),
    ) -> Result<Arc<Directory>, StorageError> {
        let name = range_name(range);
        if let Some(directory) = changing.directories.get(&name) {
            return Ok(directory.clone());
        }
        let path = self.root.join(&name);
        let directory = Directory::open(self.vfs.clone(), self.clock.clone(), &path)?;
        changing.directories.insert(name, directory.clone());
        Ok(directory)
    }

    /// An open database; the same one for everybody.
    pub fn get(&self, name: &str) -> Result<Arc<Database>, DatabaseError> {
        if let Some(database) = self.find_open(name) {
            return Ok(database);
        }
        let mut changing = self.changing();
        // Another thread may have opened it meanwhile.
        if let Some(database) = self.find_open(name) {
            return Ok(database);
        }
        let record = self.catalog.get(name)?.ok_or(DatabaseError::NotFound)?;
        self.close_idle(&mut changing, record.ranges().len());
        let database = self.open_shards(&mut changing, &record)?;
        database.own_shards().map_err(storage)?;
        self.keep_open(&database);
        database.each_shard().iter().for_each(|shard| self.look_at(shard));
        Ok(database)
    }

    fn find_open(&self, name: &str) -> Option<Arc<Database>> {
        let database = self.opened().get(name).cloned()?;
        database.note_use(self.requests.fetch_add(1, Ordering::AcqRel) + 1);
        Some(database)
    }

    /// Adds a database to those that are open.
    pub fn keep_open(&self, database: &Arc<Database>) {
        database.note_use(self.requests.fetch_add(1, Ordering::AcqRel) + 1);
        self.opened().insert(database.name().to_owned(), database.clone());
    }

    /// Makes room for so many shards: closes the databases that were not used for the longest time, as CouchDB does over
    /// `max_dbs_open`. Those in use stay open, however many they are. The lock keeps others from opening one of them
    /// before it is closed.
    pub fn close_idle(&self, _changing: &mut Changing, shards: usize) {
        let limit = self.max_open_shards.load(Ordering::Acquire);
        while let Some(database) = self.take_idle(limit.saturating_sub(shards)) {
            if database.take_touched() {
                self.closed_touched().insert(database.name().to_owned());
            }
            if let Err(error) = database.close() {
                tracing::warn!(database = database.name(), %error, "an idle database was not closed cleanly");
            }
        }
    }

    /// The idle database that was not used for the longest time, no longer among those that are open; `None` while no
    /// more than `limit` shards are open, or all databases are in use.
    fn take_idle(&self, limit: usize) -> Option<Arc<Database>> {
        let mut opened = self.opened();
        if opened.values().map(|database| database.shard_count()).sum::<usize>() <= limit {
            return None;
        }
        let idle = opened.values().filter(|one| Arc::strong_count(one) == 1 && one.is_idle());
        let name = idle.min_by_key(|database| database.last_use())?.name().to_owned();
        opened.remove(&name)
    }

    /// Databases that changed and were closed since the last call of [`std::mem::take`].
    pub fn closed_touched(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.closed_touched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes the file of a shard, if it is there.
    pub fn remove_file(
        &self,
        record: &DatabaseRecord,
        range: (u32, u32),
    ) -> Result<(), DatabaseError> {
        let path = self.path_of(record, range);
        if self.vfs.exists(&path)? {
            self.vfs.remove(&path)?;
            self.vfs.sync_dir(path.parent().unwrap_or(&self.root))?;
        }
        Ok(())
    }
}

pub(super) fn storage(error: DocumentError) -> DatabaseError {
    match error {
        DocumentError::Storage(error) => DatabaseError::Storage(error),
        other => DatabaseError::Storage(StorageError::Other { reason: other.to_string() }),
    }
}
