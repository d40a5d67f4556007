//! What can be compacted.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use thiserror::Error;

use super::policy::AutomaticCompaction;
use crate::journal::{CompactionControl, CompactionError};

/// A journal, as whoever decides about compactions sees it.
pub(crate) trait Compactable: fmt::Debug + Send + Sync {
    /// Its file below the data directory, without the ending: `shards/<range>/<database>.<seconds>`, `shards/events`.
    fn name(&self) -> &str;

    /// The database that it belongs to; its own name for a journal that belongs to none.
    fn database(&self) -> &str;

    /// Whether a compaction is due by itself. No I/O.
    fn is_due(&self, policy: &AutomaticCompaction) -> bool;

    /// Compacts on this thread.
    fn compact(&self, control: &CompactionControl) -> Result<(), TargetError>;
}

/// A journal, as the queue takes it.
pub(crate) fn as_target<T: Compactable + 'static>(journal: &Arc<T>) -> Arc<dyn Compactable> {
    journal.clone()
}

/// Why a target was not compacted.
#[derive(Debug, Error)]
#[error(transparent)]
pub(crate) struct TargetError(Box<dyn Error + Send + Sync>);

impl TargetError {
    pub fn new(source: impl Error + Send + Sync + 'static) -> Self {
        Self(Box::new(source))
    }
}

impl From<CompactionError> for TargetError {
    fn from(error: CompactionError) -> Self {
        Self::new(error)
    }
}
