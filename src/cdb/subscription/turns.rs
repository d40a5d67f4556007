//! One after another in the order of sequences, whichever thread comes first.

use std::collections::BTreeSet;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::journal::Sequence;

/// Gives turns.
#[derive(Debug)]
pub(super) struct Turns {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    /// Every sequence up to here has had its turn.
    done: Sequence,
    /// Later ones that have, too.
    done_early: BTreeSet<Sequence>,
}

/// The turn of one sequence; over when dropped.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    turns: &'a Turns,
    sequence: Sequence,
}

impl Turns {
    pub fn after(done: Sequence) -> Self {
        let state = State { done, done_early: BTreeSet::new() };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every committed sequence takes its turn exactly once, also when it has nothing to deliver.
    pub fn take(&self, sequence: Sequence) -> Turn<'_> {
        Turn { turns: self, sequence }
    }
}

impl Turn<'_> {
    /// Waits until every sequence before has had its turn.
    pub fn wait(&self) {
        let mut state = self.turns.lock();
        while state.done.next() < self.sequence {
            state = self.turns.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut state = self.turns.lock();
        state.done_early.insert(self.sequence);
        while let Some(next) = state.done_early.first().copied() {
            if next > state.done.next() {
                break;
            }
            state.done_early.remove(&next);
            state.done = state.done.max(next);
        }
        self.turns.changed.notify_all();
    }
}
