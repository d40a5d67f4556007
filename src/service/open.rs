//! The service: an open database with its compactions.

use std::path::PathBuf;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use super::failure::Failure;
use super::guards;
use super::protocol::{DatastoreStatus, Event, Status};
use super::rows;
use crate::cdb::{Cdb, Compactions, Datastore, RollbackLimits};
use crate::clock::Clock;
use crate::documents::Databases;
use crate::scheduler::Scheduler;
use crate::vfs::Vfs;

/// Takes events while a request is executed; answers whether anybody still listens.
pub type Emit<'a> = &'a mut dyn FnMut(Event) -> bool;

/// What a service stands on.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// Where files to load are opened.
    pub vfs: Arc<dyn Vfs>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The data directory.
    pub directory: PathBuf,
}

/// An open database that executes requests. Shared between threads.
#[derive(Debug)]
pub struct Service {
    pub(super) cdb: Cdb,
    pub(super) scheduler: Scheduler,
    pub(super) around: Surroundings,
    /// How many watch.
    pub(super) watchers: AtomicUsize,
    /// The document databases that stand on this, once they are open.
    databases: OnceLock<Weak<Databases>>,
    started: Duration,
}

impl Service {
    /// Executes requests on `cdb`, to which `scheduler` is attached. From now on the database refuses what the HTTP side cannot
    /// use; [`super::guard`] holds init files against the same.
    pub fn new(cdb: Cdb, scheduler: Scheduler, around: Surroundings) -> Self {
        guards::guard_open(&cdb);
        let started = around.clock.monotonic();
        Self {
            cdb,
            scheduler,
            around,
            watchers: AtomicUsize::new(0),
            databases: OnceLock::new(),
            started,
        }
    }

    /// The counters of the three datastores. No I/O but asking the file system for its free space.
    pub fn status(&self) -> Status {
        let uptime = self.around.clock.monotonic().saturating_sub(self.started);
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            directory: self.around.directory.display().to_string(),
            uptime_micros: u64::try_from(uptime.as_micros()).unwrap_or(u64::MAX),
            free_bytes: self.around.vfs.free_space_bytes(&self.around.directory).ok(),
            datastores: Datastore::ALL.map(|datastore| self.datastore_status(datastore)).to_vec(),
        }
    }

    fn datastore_status(&self, datastore: Datastore) -> DatastoreStatus {
        let stats = self.cdb.stats(datastore);
        let writable = self.cdb.check_writable(datastore);
        DatastoreStatus {
            file: datastore.file_name().to_owned(),
            datastore: datastore.to_string(),
            tx: stats.sequence.get(),
            nodes: self.cdb.node_count(datastore),
            file_bytes: stats.file_bytes,
            allocated_bytes: stats.allocated_bytes,
            live_bytes: stats.live_bytes,
            image_bytes: stats.image_bytes,
            tail_bytes: stats.tail_bytes,
            not_writable: writable.err().map(|error| error.to_string()),
            compaction: rows::state(&self.compactions().info(datastore)),
        }
    }

    /// Says which document databases stand on this.
    pub fn set_databases(&self, databases: &Arc<Databases>) {
        self.databases.get_or_init(|| Arc::downgrade(databases));
    }

    pub(super) fn databases(&self) -> Option<Arc<Databases>> {
        self.databases.get().and_then(Weak::upgrade)
    }

    /// Its scheduler.
    pub fn scheduler(&self) -> &Scheduler {
        &self.scheduler
    }

    /// Changes how much of what undoes transactions is kept through compactions.
    pub fn set_rollback_limits(&self, limits: RollbackLimits) {
        self.cdb.set_rollback_limits(limits);
    }

    /// Its compactions.
    pub fn compactions(&self) -> &Compactions {
        self.cdb.compactions()
    }

    /// Compacts what the thresholds say is due, on this thread: for a process that is over before a delay
    /// would be. What fails is logged; it is tried again after the next write.
    pub fn compact_what_is_due(&self) {
        for datastore in Datastore::ALL {
            if let Err(error) = self.compactions().run_if_due(datastore) {
                tracing::warn!(%datastore, %error, "a compaction did not take place");
            }
        }
    }

    /// Ends tasks, compactions and subscriptions and makes everything durable. Later writes are refused.
    pub fn close(&self) -> Result<(), Failure> {
        self.scheduler.stop();
        Ok(self.cdb.close()?)
    }
}
