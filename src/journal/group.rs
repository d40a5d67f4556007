//! Many commits, one sync: the outcome that the members of a group wait for together.
//!
//! The first transaction of a group leads it: it takes the writer, which it holds over the sync, while the
//! next group gathers behind. The others wait here. Whoever leads must finish the group, also when it
//! panics; [`Unfinished`] sees to that.

use std::sync::{Arc, PoisonError};

use super::CommitError;
use super::sync::{Condvar, Mutex, MutexGuard};

/// What came of a group.
pub type Outcome = Result<(), CommitError>;

/// A group that gathers, is written, and is done.
#[derive(Debug, Default)]
pub struct Group {
    outcome: Mutex<Option<Outcome>>,
    done: Condvar,
}

impl Group {
    /// Blocks until the group is finished.
    pub fn wait(&self) -> Outcome {
        let mut outcome = self.lock();
        loop {
            if let Some(outcome) = outcome.as_ref() {
                return outcome.clone();
            }
            outcome = self.done.wait(outcome).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The outcome, if there is one yet.
    pub fn outcome(&self) -> Option<Outcome> {
        self.lock().clone()
    }

    /// Wakes everybody with the outcome. Only the first call counts.
    pub fn finish(&self, outcome: Outcome) {
        self.lock().get_or_insert(outcome);
        self.done.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Option<Outcome>> {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Finishes a group as poisoned unless its leader finished it: a panic must not leave followers waiting.
#[derive(Debug)]
pub struct Unfinished {
    group: Arc<Group>,
}

impl Unfinished {
    /// Watches over `group`.
    pub fn new(group: Arc<Group>) -> Self {
        Self { group }
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        let reason = Arc::from("the thread that was writing panicked");
        self.group.finish(Err(CommitError::Poisoned { reason }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leader_that_panics_wakes_its_followers_with_an_error() {
        let group = Arc::new(Group::default());
        let follower = {
            let group = group.clone();
            std::thread::spawn(move || group.wait())
        };
        let watched = Unfinished::new(group.clone());
        let leader = std::thread::spawn(move || {
            let _watched = watched;
            panic!("on purpose");
        });
        assert!(leader.join().is_err());
        assert!(matches!(follower.join().unwrap(), Err(CommitError::Poisoned { .. })));
    }

    #[test]
    fn the_first_outcome_stays() {
        let group = Group::default();
        group.finish(Ok(()));
        group.finish(Err(CommitError::Closed));
        assert!(group.wait().is_ok());
    }
}
