//! What the scheduler could not do.

use crate::cdb::{CommitError, Error};
use crate::component::Problem;

/// Something about the scheduler could not be done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SchedulerError {
    /// There is no task of that name, or it is faulty.
    #[error("there is no task {name}")]
    NoTask {
        /// The name.
        name: String,
    },
    /// The task is configured with a mistake.
    #[error("{problem}")]
    Faulty {
        /// The mistake.
        problem: Problem,
    },
    /// It runs already.
    #[error("{name} is running already")]
    Running {
        /// The task.
        name: String,
    },
    /// The configuration could not be read.
    #[error(transparent)]
    Read(#[from] Error),
    /// What is kept could not be written.
    #[error(transparent)]
    Write(#[from] CommitError),
    /// No thread could be started.
    #[error("cannot start the scheduler's thread: {0}")]
    Thread(#[source] std::io::Error),
}
