//! How a database is opened.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use super::commit::CommitError;
use super::compaction::CompactionOptions;
use super::datastore::Validator;
use super::diff::Diff;
use super::error::Error;
use super::load::{KeyHint, LoadError};
use super::name::Datastore;
use super::path::Path;
use super::rollback_history::RollbackLimits;
use super::view::ReadView;
use crate::clock::{Clock, SystemClock};
use crate::journal::{self, StoreOptions};
use crate::vfs::os::OsVfs;
use crate::vfs::{self, Vfs};

/// Options of a database; made by `Cdb::options`.
#[derive(Clone)]
pub struct CdbOptions {
    pub(crate) vfs: Arc<dyn Vfs>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) store: StoreOptions,
    pub(crate) operational_dir: Option<PathBuf>,
    pub(crate) init_dirs: Vec<PathBuf>,
    pub(crate) init_keys: Vec<KeyHint>,
    pub(crate) client_timeout: Option<Duration>,
    pub(crate) read_only: bool,
    pub(crate) compaction: CompactionOptions,
    pub(crate) rollbacks: RollbackLimits,
    pub(crate) validators: Vec<(Datastore, Path, Arc<Validator>)>,
}

impl fmt::Debug for CdbOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CdbOptions")
            .field("store", &self.store)
            .field("operational_dir", &self.operational_dir)
            .field("init_dirs", &self.init_dirs)
            .field("client_timeout", &self.client_timeout)
            .field("read_only", &self.read_only)
            .field("compaction", &self.compaction)
            .finish_non_exhaustive()
    }
}

impl Default for CdbOptions {
    fn default() -> Self {
        Self {
            vfs: OsVfs::shared(),
            clock: Arc::new(SystemClock::new()),
            store: StoreOptions::default(),
            operational_dir: None,
            init_dirs: Vec::new(),
            init_keys: Vec::new(),
            client_timeout: None,
            read_only: false,
            compaction: CompactionOptions::default(),
            rollbacks: RollbackLimits::default(),
            validators: Vec::new(),
        }
    }
}

impl CdbOptions {
    /// Files through this file system; the operating system's unless told.
    #[must_use]
    pub fn vfs(self, vfs: Arc<dyn Vfs>) -> Self {
        Self { vfs, ..self }
    }

    /// Time from this clock; the system's unless told.
    #[must_use]
    pub fn clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// Options of the three journals.
    #[must_use]
    pub fn store_options(self, store: StoreOptions) -> Self {
        Self { store, ..self }
    }

    /// `O.cdb` in a directory of its own (NSO: `cdb/operational/db-dir`).
    #[must_use]
    pub fn operational_dir(self, dir: impl Into<PathBuf>) -> Self {
        Self { operational_dir: Some(dir.into()), ..self }
    }

    /// One more directory with init files, searched ahead of the database's own (NSO: `cdb/init-path/dir`).
    #[must_use]
    pub fn init_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.init_dirs.push(dir.into());
        self
    }

    /// Keys of lists in the init files.
    #[must_use]
    pub fn init_keys(self, keys: Vec<KeyHint>) -> Self {
        Self { init_keys: keys, ..self }
    }

    /// A hook that holds from the first transaction on, init files included: see [`super::Cdb::add_validator_below`].
    #[must_use]
    pub fn validator_below(
        mut self,
        id: Datastore,
        path: &Path,
        validator: impl Fn(&ReadView, &Diff) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        self.validators.push((id, path.clone(), Arc::new(validator)));
        self
    }

    /// How long a subscriber may take to acknowledge; `None`, the default, is for ever (NSO: `cdb/client-timeout`).
    #[must_use]
    pub fn client_timeout(self, timeout: Option<Duration>) -> Self {
        Self { client_timeout: timeout, ..self }
    }

    /// When and how the datastores are compacted.
    #[must_use]
    pub fn compaction(self, compaction: CompactionOptions) -> Self {
        Self { compaction, ..self }
    }

    /// How much of what undoes transactions of the configuration is kept through compactions.
    #[must_use]
    pub fn rollbacks(self, rollbacks: RollbackLimits) -> Self {
        Self { rollbacks, ..self }
    }

    /// Opens for reading: nothing on disk is changed.
    #[must_use]
    pub fn read_only(self) -> Self {
        Self { read_only: true, ..self }
    }
}

/// A database could not be opened.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// A journal could not be opened.
    #[error(transparent)]
    Journal(#[from] journal::OpenError),
    /// A journal could not be read.
    #[error(transparent)]
    Tree(#[from] Error),
    /// An init file is faulty; nothing of any init file was loaded.
    #[error("init file {0}")]
    InitFile(#[source] LoadError),
    /// The init files could not be committed.
    #[error("init files: {0}")]
    Init(#[source] CommitError),
    /// The thread that compacts could not be started.
    #[error("cannot start the compaction thread: {0}")]
    Thread(#[source] std::io::Error),
    /// A directory of init files could not be read.
    #[error(transparent)]
    Io(#[from] vfs::Error),
}
