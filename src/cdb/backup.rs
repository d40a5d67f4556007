//! A copy of a database that runs, what it stands on, and what undoes its last transactions.

use std::path::Path;
use std::sync::Arc;

use super::cdb::Cdb;
use super::log::HistoryError;
use super::name::Datastore;
use super::rollback_history::RollbackLimits;
use crate::clock::Clock;
use crate::journal::check::CheckReport;
use crate::journal::{CompactionControl, CompactionError, StoreCopy};
use crate::vfs::Vfs;

impl Cdb {
    /// Where it takes the time from.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.datastore(Datastore::Config).clock
    }

    /// Through what its files are reached.
    pub fn vfs(&self) -> &Arc<dyn Vfs> {
        self.datastore(Datastore::Config).store.directory().vfs()
    }

    /// Changes how much of what undoes transactions is kept through compactions, from the next one on.
    pub fn set_rollback_limits(&self, limits: RollbackLimits) {
        self.rollbacks().set_limits(limits);
    }

    /// Verifies what undoes the last transactions ([`super::ROLLBACK_FILE`]); `None` when there is nothing yet.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn verify_rollbacks(
        &self,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Option<CheckReport>, HistoryError> {
        Ok(self.rollbacks().verify(progress)?)
    }

    /// Writes a copy of every datastore, and of what undoes the last transactions, into a directory, each compacted and synced, beside readers and writers. The directory is made
    /// when it is missing; it is a database of its own, as each datastore was at an instant during the call.
    ///
    /// ```
    /// use pumice::cdb::{Cdb, Datastore};
    /// use pumice::journal::CompactionControl;
    ///
    /// let dir = tempfile::tempdir()?;
    /// let cdb = Cdb::open(dir.path().join("data"))?;
    /// cdb.write(Datastore::Config, |tx| tx.set("/answer", 42_u8))?;
    /// cdb.backup(&dir.path().join("copy"), &CompactionControl::new())?;
    /// let copy = Cdb::open(dir.path().join("copy"))?;
    /// assert_eq!(copy.begin_read(Datastore::Config).get("/answer")?, Some(42_u8.into()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// When a datastore of that name is there already, or is in the way of something else; what was written is removed again.
    pub fn backup(
        &self,
        directory: &Path,
        control: &CompactionControl,
    ) -> Result<Vec<StoreCopy>, CompactionError> {
        // The configuration comes last: a directory without it is no database, so a half one is none.
        let [config, operational, snapshot] = Datastore::ALL;
        let copy = |id| self.datastore(id).store.copy_to(directory, control);
        let (operational, snapshot) = (copy(operational)?, copy(snapshot)?);
        let rollbacks = self.rollbacks().copy_to(directory, control)?;
        let mut copies = vec![copy(config)?, operational, snapshot];
        copies.extend(rollbacks);
        Ok(copies)
    }
}
