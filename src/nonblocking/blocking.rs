//! Work on tokio's threads for blocking work.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use thiserror::Error;
use tokio::task::{self, JoinHandle};

use crate::cdb::{CommitError, Error, Party};
use crate::journal::{CompactionError, Stage};

/// The runtime ended before the work began; nothing was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the runtime is shutting down; nothing was done")]
pub struct ShutDown;

impl From<ShutDown> for Error {
    fn from(error: ShutDown) -> Self {
        Self::Refused { reason: error.to_string() }
    }
}

impl From<ShutDown> for CommitError {
    fn from(error: ShutDown) -> Self {
        Self::Refused { reason: error.to_string() }
    }
}

impl From<ShutDown> for CompactionError {
    fn from(_: ShutDown) -> Self {
        Self::Cancelled { stage: Stage::Begin }
    }
}

/// Whether anybody still waits for the work; the work looks at it where it can still be given up.
#[derive(Clone, Debug, Default)]
pub(super) struct Abandoned(Arc<AtomicBool>);

impl Abandoned {
    /// Ends a transaction that nobody waits for.
    pub fn check(&self) -> Result<(), Error> {
        if self.0.load(Ordering::Acquire) {
            return Err(Error::Refused { reason: "nobody waits for this write any more".into() });
        }
        Ok(())
    }
}

/// Work that runs on a thread, and that knows when its future is dropped.
struct Work<T> {
    thread: JoinHandle<T>,
    abandoned: Abandoned,
}

impl<T> Drop for Work<T> {
    fn drop(&mut self) {
        self.abandoned.0.store(true, Ordering::Release);
        // Takes it off the queue if it has not begun; what has begun cannot be aborted.
        self.thread.abort();
    }
}

/// Runs `work` on a thread and waits for it. A panic in it goes on here.
pub(super) async fn run<T: Send + 'static>(
    work: impl FnOnce(&Abandoned) -> T + Send + 'static,
) -> Result<T, ShutDown> {
    let abandoned = Abandoned::default();
    let for_thread = abandoned.clone();
    let thread = task::spawn_blocking(move || work(&for_thread));
    let mut work = Work { thread, abandoned };
    match (&mut work.thread).await {
        Ok(done) => Ok(done),
        Err(error) => match error.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            Err(_) => Err(ShutDown),
        },
    }
}

/// The running task. What `block_on` runs is told apart by its thread, though not taken for it: tasks run there, too.
pub(super) fn party() -> Party {
    let mut hasher = DefaultHasher::new();
    match task::try_id() {
        Some(task) => task.hash(&mut hasher),
        None => thread::current().id().hash(&mut hasher),
    }
    Party::Task(hasher.finish())
}
