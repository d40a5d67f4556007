//! All databases of a directory.

use std::path::Path;
use std::sync::Arc;

use super::catalog::Catalog;
use super::database::Database;
use super::error::DatabaseError;
use super::events::DatabaseEvent;
use super::options::{CreateOptions, DocumentsOptions};
use super::tasks::ActiveTask;
use super::watch::{Bell, Watch};
use crate::clock::Clock;
use crate::vfs::Vfs;

/// The databases of a directory, and the thread that compacts them.
#[derive(Debug)]
pub struct Databases {
    catalog: Arc<dyn Catalog>,
    bell: Arc<Bell>,
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
        let _ = (directory, vfs, clock, options);
        Ok(Self { catalog, bell: Arc::default() })
    }

    /// Makes a database; durable when it answers.
    ///
    /// # Errors
    /// [`DatabaseError::Exists`], [`DatabaseError::IllegalName`], [`DatabaseError::NameTooLong`],
    /// [`DatabaseError::BadShardCount`].
    pub fn create(
        &self,
        name: &str,
        options: &CreateOptions,
    ) -> Result<Arc<Database>, DatabaseError> {
        let _ = (name, options);
        Err(DatabaseError::NotFound)
    }

    /// An open database; the same one for everybody.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`].
    pub fn get(&self, name: &str) -> Result<Arc<Database>, DatabaseError> {
        let _ = name;
        Err(DatabaseError::NotFound)
    }

    /// Removes a database and its files. Whoever still holds it gets [`super::DocumentError::DatabaseGone`] for writes.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`].
    pub fn remove(&self, name: &str) -> Result<(), DatabaseError> {
        let _ = name;
        Err(DatabaseError::NotFound)
    }

    /// The names in the order of their bytes.
    pub fn names(&self) -> Result<Vec<String>, DatabaseError> {
        Ok(self.catalog.list()?.into_iter().map(|record| record.name).collect())
    }

    /// What happened to databases behind `since` (0: from the beginning), oldest first, at most `limit`.
    pub fn events(&self, since: u64, limit: usize) -> Result<Vec<DatabaseEvent>, DatabaseError> {
        let _ = (since, limit);
        Ok(Vec::new())
    }

    /// The number of the last event.
    pub fn last_event(&self) -> u64 {
        0
    }

    /// A handle that wakes for every event.
    pub fn watch_events(&self) -> Watch {
        Watch::new(&self.bell)
    }

    /// What runs in the background.
    pub fn active_tasks(&self) -> Vec<ActiveTask> {
        Vec::new()
    }

    /// Ends compactions and closes every shard. Later writes are refused.
    pub fn close(&self) -> Result<(), DatabaseError> {
        Ok(())
    }
}
