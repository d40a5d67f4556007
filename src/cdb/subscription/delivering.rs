//! Which threads are handling notifications, so that none of them waits for itself.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

use crate::cdb::commit::CommitError;
use crate::cdb::name::Datastore;

/// In which order datastores may be written from notifications: from one of them only a later one.
fn rank(datastore: Datastore) -> u8 {
    match datastore {
        Datastore::Config => 0,
        Datastore::Snapshot => 1,
        Datastore::Operational => 2,
    }
}

/// Threads that are handling notifications of one database.
#[derive(Clone, Debug, Default)]
pub(crate) struct Delivering {
    threads: Arc<Mutex<HashMap<ThreadId, Vec<Datastore>>>>,
}

/// Marks a thread for as long as it lives.
#[derive(Debug)]
pub(crate) struct DeliveringGuard {
    delivering: Delivering,
    thread: ThreadId,
    datastore: Datastore,
}

impl Delivering {
    fn lock(&self) -> MutexGuard<'_, HashMap<ThreadId, Vec<Datastore>>> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Marks the calling thread.
    pub fn enter(&self, datastore: Datastore) -> DeliveringGuard {
        let thread = thread::current().id();
        self.lock().entry(thread).or_default().push(datastore);
        DeliveringGuard { delivering: self.clone(), thread, datastore }
    }

    /// Refuses a write that would wait for the calling thread itself.
    pub fn check(&self, datastore: Datastore) -> Result<(), CommitError> {
        let threads = self.lock();
        let delivering = threads
            .get(&thread::current().id())
            .and_then(|list| list.iter().max_by_key(|one| rank(**one)));
        match delivering {
            Some(&delivering) if rank(datastore) <= rank(delivering) => {
                Err(CommitError::InNotification { datastore, delivering })
            }
            _ => Ok(()),
        }
    }
}

impl Drop for DeliveringGuard {
    fn drop(&mut self) {
        let mut threads = self.delivering.lock();
        if let Some(list) = threads.get_mut(&self.thread) {
            if let Some(index) = list.iter().position(|datastore| *datastore == self.datastore) {
                list.swap_remove(index);
            }
            if list.is_empty() {
                threads.remove(&self.thread);
            }
        }
    }
}
