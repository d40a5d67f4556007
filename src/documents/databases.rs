//! All databases of a directory.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::catalog::{Catalog, DatabaseRecord};
use super::database::Database;
use super::due::DueLook;
use super::error::{DatabaseError, StorageError};
use super::events::{DatabaseEvent, EventKind, Events};
use super::limits::Limits;
use super::options::{CreateOptions, DocumentsOptions};
use super::orphans::remove_abandoned;
use super::place::{ROOT, check_name, is_system};
use super::ranges::Q_MAX;
use super::shelf::{Shelf, storage};
use super::split::Splitter;
use super::watch::Watch;
use crate::clock::Clock;
use crate::compaction::{ActiveTask, Compactable, CompactionQueue, CompactionWorker, as_target};
use crate::journal::{Directory, Durability};
use crate::vfs::Vfs;

/// The databases of a directory, and the thread that compacts them.
#[derive(Debug)]
pub struct Databases {
    shelf: Arc<Shelf>,
    events: Arc<Events>,
    worker: CompactionWorker,
    due: DueLook,
    pub(super) splitter: Splitter,
}

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
        let events = Arc::new(events);
        if !complete {
            let records = catalog.list()?;
            let changed = records.iter().map(|record| (EventKind::Updated, record.name.as_str()));
            events.add(&changed.collect::<Vec<_>>(), Durability::Sync)?;
        }
        remove_abandoned(&root, &vfs, &clock, &*catalog, &options.store)?;
        let compactor = CompactionQueue::new(clock.clone(), options.compaction);
        let worker = CompactionWorker::start(&compactor, "documents-compaction")
            .map_err(|error| no_thread(&error))?;
        let shelf = Arc::new(Shelf::new(root, vfs, clock, catalog, options, compactor));
        let splitter = Splitter::open(&shelf, &events)?;
        shelf.look_at(&events);
        let due = DueLook::start(&shelf).map_err(|error| no_thread(&error))?;
        Ok(Self { shelf, events, worker, due, splitter })
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
        let q = options.q.unwrap_or(self.shelf.limits.get().q);
        if !(1..=Q_MAX).contains(&q) {
            return Err(DatabaseError::BadShardCount);
        }
        if options.partitioned && is_system(name) {
            return Err(DatabaseError::SystemPartitioned);
        }
        let mut changing = self.shelf.changing();
        if self.shelf.catalog.get(name)?.is_some() {
            return Err(DatabaseError::Exists);
        }
        let uuid = format!("{:032x}", self.shelf.clock.unique_id());
        let created_s = self.shelf.clock.wall_micros() / 1_000_000;
        let mut record = DatabaseRecord {
            name: name.to_owned(),
            q,
            partitioned: options.partitioned,
            created_s,
            uuid,
            split_ranges: Vec::new(),
        };
        while self.shelf.some_file_exists(&record)? {
            record.created_s += 1;
        }
        self.shelf.close_idle(&mut changing, record.ranges().len());
        let database = self.shelf.make_shards(&mut changing, &record)?;
        if self.shelf.limits.get().admin_only {
            database.set_admin_only().map_err(storage)?;
        }
        // Last: a crash before this leaves files that the next open removes.
        self.shelf.catalog.put(&record)?;
        database.own_shards().map_err(storage)?;
        self.shelf.keep_open(&database);
        drop(changing);
        self.add_event(EventKind::Created, name)?;
        Ok(database)
    }

    /// An open database; the same one for everybody.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`].
    pub fn get(&self, name: &str) -> Result<Arc<Database>, DatabaseError> {
        self.shelf.get(name)
    }

    /// Removes a database and its files. Whoever still holds it gets [`DocumentError::DatabaseGone`] for writes.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`].
    pub fn remove(&self, name: &str) -> Result<(), DatabaseError> {
        let mut changing = self.shelf.changing();
        let record = self.shelf.catalog.get(name)?.ok_or(DatabaseError::NotFound)?;
        let opened = self.shelf.opened().get(name).cloned();
        let database = match opened {
            Some(database) => Ok(database),
            None => self.shelf.open_shards(&mut changing, &record),
        };
        // A database that does not open can be removed as well; its files stay if the process ends here.
        if let Ok(database) = &database {
            database.disown_shards().map_err(storage)?;
        }
        // Before the files: after a crash there are files that nobody looks at, not a database without files.
        self.shelf.catalog.remove(name)?;
        self.shelf.opened().remove(name);
        if let Ok(database) = &database {
            database.retire().map_err(storage)?;
        }
        for range in record.ranges() {
            self.shelf.remove_file(&record, range)?;
        }
        drop(changing);
        self.add_event(EventKind::Deleted, name)
    }

    /// The names in the order of their bytes.
    pub fn names(&self) -> Result<Vec<String>, DatabaseError> {
        Ok(self.shelf.catalog.list()?.into_iter().map(|record| record.name).collect())
    }

    pub(super) fn events_journal(&self) -> &Events {
        &self.events
    }

    pub(super) fn records(&self) -> Result<Vec<DatabaseRecord>, DatabaseError> {
        self.shelf.catalog.list()
    }

    /// What the catalog has of a database.
    pub(super) fn record(&self, name: &str) -> Result<Option<DatabaseRecord>, DatabaseError> {
        self.shelf.catalog.get(name)
    }

    /// The directory that the databases are below.
    pub(super) fn directory_path(&self) -> &Path {
        self.shelf.root.parent().unwrap_or(&self.shelf.root)
    }

    pub(super) fn vfs(&self) -> &dyn Vfs {
        &*self.shelf.vfs
    }

    fn add_event(&self, kind: EventKind, name: &str) -> Result<(), DatabaseError> {
        self.events.add(&[(kind, name)], Durability::Sync)?;
        self.shelf.look_at(&self.events);
        self.shelf.bell.ring();
        Ok(())
    }

    /// Writes down which databases changed since the last time.
    fn note_changes(&self) -> Result<(), DatabaseError> {
        let open: Vec<_> = self.shelf.opened().values().cloned().collect();
        let changed: Vec<_> = open.iter().filter(|database| database.take_touched()).collect();
        let closed = std::mem::take(&mut *self.shelf.closed_touched());
        let names = changed.iter().map(|database| database.name());
        let names = names.chain(closed.iter().map(String::as_str));
        let rows: Vec<_> = names.map(|name| (EventKind::Updated, name)).collect();
        self.events.add(&rows, Durability::Buffered)?;
        self.shelf.look_at(&self.events);
        Ok(())
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
        Watch::new(&self.shelf.bell)
    }

    /// The journals below the directory that are compacted by themselves or on request, as paths below it. One that is
    /// missing here would grow for ever.
    ///
    /// # Errors
    /// [`DatabaseError::Storage`].
    pub fn governed(&self) -> Result<Vec<String>, DatabaseError> {
        let mut files = vec![format!("{}.pumice", self.events.name())];
        for record in self.shelf.catalog.list()? {
            let database = self.get(&record.name)?;
            let shards = database.each_shard();
            let names = shards.iter().map(|shard| as_target(shard).name().replace('/', "%2F"));
            files.extend(names.map(|name| format!("{}.pumice", name.replacen("%2F", "/", 2))));
        }
        Ok(files)
    }

    /// How many shards may be open while idle databases are closed for others (CouchDB's `max_dbs_open`).
    pub fn set_max_open_shards(&self, shards: usize) {
        self.shelf.max_open_shards.store(shards, Ordering::Release);
    }

    /// The limits in force.
    pub fn limits(&self) -> Limits {
        self.shelf.limits.get()
    }

    /// Replaces the limits: they hold from the next edit, upload or new database on, in databases that are open too.
    pub fn set_limits(&self, limits: Limits) {
        self.shelf.limits.set(limits);
    }

    /// How many shards are open.
    pub fn open_shards(&self) -> usize {
        self.shelf.opened().values().map(|database| database.shard_count()).sum()
    }

    /// How many databases are open.
    pub fn open_databases(&self) -> u64 {
        u64::try_from(self.shelf.opened().len()).unwrap_or(u64::MAX)
    }

    /// What runs in the background.
    pub fn active_tasks(&self) -> Vec<ActiveTask> {
        self.shelf.compactor.tasks()
    }

    /// Ends compactions and closes every shard. Later writes are refused.
    pub fn close(&self) -> Result<(), DatabaseError> {
        self.due.stop();
        self.worker.stop();
        self.splitter.stop();
        {
            let mut changing = self.shelf.changing();
            if std::mem::replace(&mut changing.closed, true) {
                return Ok(());
            }
        }
        self.note_changes()?;
        let databases = std::mem::take(&mut *self.shelf.opened());
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

fn no_thread(error: &std::io::Error) -> DatabaseError {
    let reason = format!("a thread for compactions does not start: {error}");
    StorageError::Other { reason }.into()
}
