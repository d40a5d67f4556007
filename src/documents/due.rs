//! Looks for shards that were due when the process before ended: they are compacted though nothing is written to them.
//!
//! Opening a shard asks whether it is due (`shelf.rs`). Here only those are opened whose file is large enough to be due
//! at all, one after the other, on a thread of its own, so that a start does not wait for it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use super::catalog::DatabaseRecord;
use super::error::DatabaseError;
use super::shelf::Shelf;
use crate::vfs::OpenMode;

/// The thread; it ends by itself, or when it is stopped.
#[derive(Debug)]
pub(super) struct DueLook {
    stopping: Arc<AtomicBool>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl DueLook {
    /// Begins, where shards are compacted by themselves.
    pub fn start(shelf: &Arc<Shelf>) -> std::io::Result<Self> {
        let stopping = Arc::new(AtomicBool::new(false));
        let mut thread = None;
        if shelf.compactor.policy().enabled {
            let (shelf, stopping) = (shelf.clone(), stopping.clone());
            let builder = std::thread::Builder::new().name("documents-due".to_owned());
            thread = Some(builder.spawn(move || look(&shelf, &stopping))?);
        }
        Ok(Self { stopping, thread: Mutex::new(thread) })
    }

    /// Ends it and waits for it.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            tracing::error!("the thread that looks for due shards panicked");
        }
    }
}

impl Drop for DueLook {
    fn drop(&mut self) {
        self.stop();
    }
}

fn look(shelf: &Shelf, stopping: &AtomicBool) {
    let records = match shelf.catalog.list() {
        Ok(records) => records,
        Err(error) => {
            tracing::warn!(%error, "shards are not looked at: the catalog cannot be read");
            return;
        }
    };
    for record in records {
        if stopping.load(Ordering::Acquire) {
            return;
        }
        if let Err(error) = look_at(shelf, &record) {
            tracing::warn!(database = record.name, %error, "it is not known whether its shards are due");
        }
    }
}

/// Opens a database that has a file over the size below which no shard is due.
fn look_at(shelf: &Shelf, record: &DatabaseRecord) -> Result<(), DatabaseError> {
    let min_file_bytes = shelf.compactor.policy().min_file_bytes;
    for range in record.ranges() {
        let path = shelf.path_of(record, range);
        if !shelf.vfs.exists(&path)? {
            continue;
        }
        if shelf.vfs.open(&path, OpenMode::Read)?.len()? > min_file_bytes {
            return match shelf.get(&record.name) {
                // It was removed meanwhile.
                Ok(_) | Err(DatabaseError::NotFound) => Ok(()),
                Err(error) => Err(error),
            };
        }
    }
    Ok(())
}
