//! The thread that works on a queue.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use super::queue::CompactionQueue;

/// The thread; dropped, it ends.
#[derive(Debug)]
pub(crate) struct CompactionWorker {
    queue: Arc<CompactionQueue>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl CompactionWorker {
    /// Starts a thread called `name`.
    pub fn start(queue: &Arc<CompactionQueue>, name: &str) -> std::io::Result<Self> {
        let builder = std::thread::Builder::new().name(name.to_owned());
        let for_thread = queue.clone();
        let thread = builder.spawn(move || for_thread.work())?;
        Ok(Self { queue: queue.clone(), thread: Mutex::new(Some(thread)) })
    }

    /// Cancels what runs and waits for the thread.
    pub fn stop(&self) {
        self.queue.stop();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            tracing::error!("the compaction thread panicked");
        }
    }
}

impl Drop for CompactionWorker {
    fn drop(&mut self) {
        self.stop();
    }
}
