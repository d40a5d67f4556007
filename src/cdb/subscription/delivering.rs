//! Who is handling notifications, so that nobody waits for itself.

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

/// Who runs code one step after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Party {
    /// A thread.
    Thread(ThreadId),
    /// A task of an executor, which goes from thread to thread; told apart by a number of its own.
    Task(u64),
}

impl Party {
    fn this_thread() -> Self {
        Self::Thread(thread::current().id())
    }
}

/// Who is handling notifications of one database.
#[derive(Clone, Debug, Default)]
pub(crate) struct Delivering {
    parties: Arc<Mutex<HashMap<Party, Vec<Datastore>>>>,
}

/// Marks a party for as long as it lives.
#[derive(Debug)]
pub(crate) struct DeliveringGuard {
    delivering: Delivering,
    party: Party,
    datastore: Datastore,
}

impl Delivering {
    fn lock(&self) -> MutexGuard<'_, HashMap<Party, Vec<Datastore>>> {
        self.parties.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Marks the calling thread.
    pub fn enter(&self, datastore: Datastore) -> DeliveringGuard {
        self.enter_as(Party::this_thread(), datastore)
    }

    /// Marks somebody.
    pub fn enter_as(&self, party: Party, datastore: Datastore) -> DeliveringGuard {
        self.lock().entry(party).or_default().push(datastore);
        DeliveringGuard { delivering: self.clone(), party, datastore }
    }

    /// Marks the calling thread as somebody is marked, who waits for what it does.
    pub fn enter_for(&self, party: Party) -> Vec<DeliveringGuard> {
        let marks = self.lock().get(&party).cloned().unwrap_or_default();
        marks.into_iter().map(|datastore| self.enter(datastore)).collect()
    }

    /// Refuses a write that would wait for the calling thread itself.
    pub fn check(&self, datastore: Datastore) -> Result<(), CommitError> {
        self.check_as(Party::this_thread(), datastore)
    }

    /// Refuses a write that would wait for the party itself.
    pub fn check_as(&self, party: Party, datastore: Datastore) -> Result<(), CommitError> {
        let parties = self.lock();
        let delivering =
            parties.get(&party).and_then(|list| list.iter().max_by_key(|one| rank(**one)));
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
        let mut parties = self.delivering.lock();
        if let Some(list) = parties.get_mut(&self.party) {
            if let Some(index) = list.iter().position(|datastore| *datastore == self.datastore) {
                list.swap_remove(index);
            }
            if list.is_empty() {
                parties.remove(&self.party);
            }
        }
    }
}
