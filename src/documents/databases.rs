//! All databases of a directory.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::catalog::{Catalog, DatabaseRecord};
use super::compactor::{Compactor, Worker};
use super::database::Database;
use super::error::{DatabaseError, DocumentError, StorageError};
use super::events::{DatabaseEvent, EventKind, Events};
use super::options::{CreateOptions, DocumentsOptions};
use super::orphans::remove_abandoned;
use super::place::{ROOT, check_name, file_name, is_system, range_name, ranges, shard_name};
use super::shard::{Shard, ShardOptions};
use super::tasks::ActiveTask;
use super::watch::{Bell, Watch};
use crate::clock::Clock;
use crate::journal::{Directory, Durability};
use crate::vfs::Vfs;

/// The databases of a directory, and the thread that compacts them.
#[derive(Debug)]
pub struct Databases {
    root: PathBuf,
    vfs: Arc<dyn Vfs>,
    clock: Arc<dyn Clock>,
    catalog: Arc<dyn Catalog>,
    options: DocumentsOptions,
    bell: Arc<Bell>,
    events: Events,
    compactor: Arc<Compactor>,
    worker: Worker,
    /// Held while a database is opened, made or removed. Taken before `open`.
    changing: Mutex<Changing>,
    /// What is open. Never held while anything is waited for.
    open: Mutex<BTreeMap<String, Arc<Database>>>,
}

/// What is needed to open databases.
#[derive(Debug, Default)]
struct Changing {
    /// Of the ranges of shards.
    directories: BTreeMap<String, Arc<Directory>>,
    closed: bool,
}

/// The largest number of shards.
const Q_MAX: u32 = 256;

impl Databases {
    /// Opens the databases whose records the catalog has; their shards are below `directory/shards` and are opened when
    /// they are first asked for.
    pub fn open(
        directory: &Path,
        vfs: Arc<dyn Vfs>,
        clock: Arc<dyn Clock>,
        catalog: Arc<dyn Catalog>,
        options: DocumentsOptions,
    ) -> Result<Self, DatabaseError> {
        let root = directory.join(ROOT);
        let top = Directory::open(vfs.clone(), clock.clone(), &root)?;
        let (events, complete) = Events::open(&top, options.store.clone())?;
        if !complete {
            let records = catalog.list()?;
            let changed = records.iter().map(|record| (EventKind::Updated, record.name.as_str()));
            events.add(&changed.collect::<Vec<_>>(), Durability::Sync)?;
        }
        remove_abandoned(&root, &vfs, &clock, &*catalog, &options.store)?;
        let compactor = Compactor::new(clock.clone(), options.compaction);
        let worker = Worker::start(&compactor)?;
        Ok(Self {
            root,
            vfs,
            clock,
            catalog,
            options,
            bell: Arc::default(),
            events,
            compactor,
            worker,
            changing: Mutex::default(),
            open: Mutex::default(),
        })
    }

    fn opened(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Database>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn changing(&self) -> MutexGuard<'_, Changing> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a database; durable when it answers.
    ///
    /// # Errors
    /// [`DatabaseError::Exists`], [`DatabaseError::IllegalName`], [`DatabaseError::NameTooLong`],
    /// [`DatabaseError::BadShardCount`], [`DatabaseError::SystemPartitioned`].
    pub fn create(
        &self,
        name: &str,
        options: &CreateOptions,
    ) -> Result<Arc<Database>, DatabaseError> {
        check_name(name)?;
        let q = options.q.unwrap_or(self.options.q);
        if !(1..=Q_MAX).contains(&q) {
            return Err(DatabaseError::BadShardCount);
        }
        if options.partitioned && is_system(name) {
            return Err(DatabaseError::SystemPartitioned);
        }
        let mut changing = self.changing();
        if self.catalog.get(name)?.is_some() {
            return Err(DatabaseError::Exists);
        }
        let uuid = format!("{:032x}", self.clock.unique_id());
        let created_s = self.clock.wall_micros() / 1_000_000;
        let (name_text, partitioned) = (name.to_owned(), options.partitioned);
        let mut record = DatabaseRecord { name: name_text, q, partitioned, created_s, uuid };
        while self.some_file_exists(&record)? {
            record.created_s += 1;
        }
        let database = self.make_shards(&mut changing, &record)?;
        if self.options.admin_only {
            database.set_admin_only().map_err(storage)?;
        }
        // Last: a crash before this leaves files that the next open removes.
        self.catalog.put(&record)?;
        database.own_shards().map_err(storage)?;
        self.opened().insert(name.to_owned(), database.clone());
        drop(changing);
        self.add_event(EventKind::Created, name)?;
        Ok(database)
    }

    fn some_file_exists(&self, record: &DatabaseRecord) -> Result<bool, DatabaseError> {
        for range in ranges(record.q) {
            if self.vfs.exists(&self.path_of(record, range))? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn path_of(&self, record: &DatabaseRecord, range: (u32, u32)) -> PathBuf {
        self.root.join(range_name(range)).join(file_name(record))
    }

    /// Shards that must be there: an empty one in the place of one that is missing would hide the loss.
    fn open_shards(
        &self,
        changing: &mut Changing,
        record: &DatabaseRecord,
    ) -> Result<Arc<Database>, DatabaseError> {
        for range in ranges(record.q) {
            let path = self.path_of(record, range);
            if !self.vfs.exists(&path)? {
                let reason = format!("the shard {} is missing", path.display());
                return Err(StorageError::Other { reason }.into());
            }
        }
        self.make_shards(changing, record)
    }

    fn make_shards(
        &self,
        changing: &mut Changing,
        record: &DatabaseRecord,
    ) -> Result<Arc<Database>, DatabaseError> {
        if changing.closed {
            return Err(DatabaseError::NotFound);
        }
        let mut shards = Vec::new();
        for range in ranges(record.q) {
            let directory = self.directory(changing, range)?;
            let options = ShardOptions {
                name: shard_name(record, range),
                range,
                store: self.options.store.clone(),
                compression_level: self.options.attachment_compression_level,
                max_attachment_bytes: self.options.max_attachment_bytes,
            };
            let shard = Shard::open(&directory, &file_name(record), options).map_err(storage)?;
            shards.push(Arc::new(shard));
        }
        let database = Database::new(
            record.clone(),
            shards,
            self.options.max_document_bytes,
            self.compactor.clone(),
            self.bell.clone(),
        );
        Ok(Arc::new(database))
    }

    fn directory(
        &self,
        changing: &mut Changing,
        range: (u32, u32),
    ) -> Result<Arc<Directory>, DatabaseError> {
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
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`].
    pub fn get(&self, name: &str) -> Result<Arc<Database>, DatabaseError> {
        if let Some(database) = self.opened().get(name) {
            return Ok(database.clone());
        }
        let mut changing = self.changing();
        // Somebody else may have opened it meanwhile.
        if let Some(database) = self.opened().get(name) {
            return Ok(database.clone());
        }
        let record = self.catalog.get(name)?.ok_or(DatabaseError::NotFound)?;
        let database = self.open_shards(&mut changing, &record)?;
        database.own_shards().map_err(storage)?;
        self.opened().insert(name.to_owned(), database.clone());
        Ok(database)
    }

    /// Removes a database and its files. Whoever still holds it gets [`DocumentError::DatabaseGone`] for writes.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`].
    pub fn remove(&self, name: &str) -> Result<(), DatabaseError> {
        let mut changing = self.changing();
        let record = self.catalog.get(name)?.ok_or(DatabaseError::NotFound)?;
        let opened = self.opened().get(name).cloned();
        let database = match opened {
            Some(database) => Ok(database),
            None => self.open_shards(&mut changing, &record),
        };
        // A database that does not open can be removed as well; its files stay if the process ends here.
        if let Ok(database) = &database {
            database.disown_shards().map_err(storage)?;
        }
        // Before the files: after a crash there are files that nobody looks at, not a database without files.
        self.catalog.remove(name)?;
        self.opened().remove(name);
        if let Ok(database) = &database {
            database.retire().map_err(storage)?;
        }
        for range in ranges(record.q) {
            self.remove_file(&record, range)?;
        }
        drop(changing);
        self.add_event(EventKind::Deleted, name)
    }

    fn remove_file(&self, record: &DatabaseRecord, range: (u32, u32)) -> Result<(), DatabaseError> {
        let path = self.path_of(record, range);
        if self.vfs.exists(&path)? {
            self.vfs.remove(&path)?;
            self.vfs.sync_dir(path.parent().unwrap_or(&self.root))?;
        }
        Ok(())
    }

    /// The names in the order of their bytes.
    pub fn names(&self) -> Result<Vec<String>, DatabaseError> {
        Ok(self.catalog.list()?.into_iter().map(|record| record.name).collect())
    }

    pub(super) fn records(&self) -> Result<Vec<DatabaseRecord>, DatabaseError> {
        self.catalog.list()
    }

    /// The directory that the databases are below.
    pub(super) fn directory_path(&self) -> &Path {
        self.root.parent().unwrap_or(&self.root)
    }

    pub(super) fn vfs(&self) -> &dyn Vfs {
        &*self.vfs
    }

    fn add_event(&self, kind: EventKind, name: &str) -> Result<(), DatabaseError> {
        self.events.add(&[(kind, name)], Durability::Sync)?;
        self.bell.ring();
        Ok(())
    }

    /// Writes down which databases changed since the last time.
    fn note_changes(&self) -> Result<(), DatabaseError> {
        let open: Vec<_> = self.opened().values().cloned().collect();
        let changed: Vec<_> = open.iter().filter(|database| database.take_touched()).collect();
        let rows: Vec<_> =
            changed.iter().map(|database| (EventKind::Updated, database.name())).collect();
        self.events.add(&rows, Durability::Buffered)
    }

    /// What happened to databases behind `since` (0: from the beginning), oldest first, at most `limit`.
    pub fn events(&self, since: u64, limit: usize) -> Result<Vec<DatabaseEvent>, DatabaseError> {
        self.note_changes()?;
        self.events.list(since, limit)
    }

    /// The number of the last event.
    pub fn last_event(&self) -> Result<u64, DatabaseError> {
        self.note_changes()?;
        Ok(self.events.last())
    }

    /// A handle that wakes for events. Updates of one database wake it once, until [`Databases::events`] or
    /// [`Databases::last_event`] was called.
    pub fn watch_events(&self) -> Watch {
        Watch::new(&self.bell)
    }

    /// What runs in the background.
    pub fn active_tasks(&self) -> Vec<ActiveTask> {
        self.compactor.tasks()
    }

    /// Ends compactions and closes every shard. Later writes are refused.
    pub fn close(&self) -> Result<(), DatabaseError> {
        self.worker.stop();
        {
            let mut changing = self.changing();
            if std::mem::replace(&mut changing.closed, true) {
                return Ok(());
            }
        }
        self.note_changes()?;
        let databases = std::mem::take(&mut *self.opened());
        for database in databases.values() {
            database.close().map_err(storage)?;
        }
        self.events.close()
    }
}

impl Drop for Databases {
    fn drop(&mut self) {
        if let Err(error) = self.close() {
            tracing::warn!(%error, "the databases were not closed cleanly");
        }
    }
}

fn storage(error: DocumentError) -> DatabaseError {
    match error {
        DocumentError::Storage(error) => DatabaseError::Storage(error),
        other => DatabaseError::Storage(StorageError::Other { reason: other.to_string() }),
    }
}
