//! Who may write: jobs that wait, and the right of one thread to have the shard.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::prepared::PreparedEdit;
use crate::documents::edit::Written;
use crate::documents::error::DocumentError;
use crate::journal::{CommitError, Durability};

/// What becomes of each edit.
pub(super) type Outcomes = Vec<Result<Written, DocumentError>>;

/// What a job ends with: outcomes, or its edits again, when the shard was split.
pub(super) type Finished = Result<Outcomes, Vec<PreparedEdit>>;

/// Edits of one caller. They are committed together.
#[derive(Debug)]
pub(in crate::documents) struct Job {
    edits: Mutex<Vec<PreparedEdit>>,
    count: usize,
    durability: Durability,
    size_bytes: usize,
    outcomes: Mutex<Option<Finished>>,
}

/// Jobs are committed together up to so many bytes.
const TOGETHER_BYTES: usize = 16 << 20;

impl Job {
    pub fn new(edits: Vec<PreparedEdit>, durability: Durability) -> Self {
        let size_bytes = edits.iter().map(PreparedEdit::size_bytes).sum();
        let (count, edits, outcomes) = (edits.len(), Mutex::new(edits), Mutex::default());
        Self { edits, count, durability, size_bytes, outcomes }
    }

    pub(super) fn finish(&self, outcomes: Outcomes) {
        let mut slot = self.outcomes.lock().unwrap_or_else(PoisonError::into_inner);
        if slot.is_none() {
            *slot = Some(Ok(outcomes));
        }
    }

    /// Nothing was done: its edits are for another shard.
    pub(super) fn give_back(&self) {
        let edits = self.take_edits();
        let mut slot = self.outcomes.lock().unwrap_or_else(PoisonError::into_inner);
        slot.get_or_insert(Err(edits));
    }

    pub(super) fn durability(&self) -> Durability {
        self.durability
    }

    /// Its edits; nothing the second time.
    pub(super) fn take_edits(&self) -> Vec<PreparedEdit> {
        std::mem::take(&mut *self.edits.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn take_outcomes(&self) -> Option<Finished> {
        self.outcomes.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Jobs that wait, and whether somebody has the shard.
#[derive(Debug, Default)]
pub(super) struct Turns {
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Arc<Job>>,
    taken: bool,
}

/// The right to write. Dropped, the next one has it; jobs that were not finished fail.
pub(super) struct Turn<'a> {
    turns: &'a Turns,
    pub jobs: Vec<Arc<Job>>,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        for job in &self.jobs {
            // Only after a panic there is no outcome yet.
            let reason = Arc::from("the thread that wrote for others panicked");
            let error = DocumentError::Storage(CommitError::Aborted { reason }.into());
            job.finish(vec![Err(error); job.count]);
        }
        self.turns.lock().taken = false;
        self.turns.changed.notify_all();
    }
}

impl Turns {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a job.
    pub fn add(&self, job: Arc<Job>) {
        self.lock().waiting.push_back(job);
    }

    /// Waits for the shard, without taking jobs.
    pub fn take(&self) -> Turn<'_> {
        let queue = self.lock();
        let wait = self.changed.wait_while(queue, |queue| queue.taken);
        wait.unwrap_or_else(PoisonError::into_inner).taken = true;
        Turn { turns: self, jobs: Vec::new() }
    }

    /// Waits until a job is finished, or there is a turn to be had (answers it as an error).
    pub fn take_for(&self, job: &Arc<Job>) -> Result<Finished, Turn<'_>> {
        let mut queue = self.lock();
        loop {
            if let Some(outcomes) = job.take_outcomes() {
                return Ok(outcomes);
            }
            if !queue.taken {
                queue.taken = true;
                return Err(Turn { turns: self, jobs: queue.next() });
            }
            queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Queue {
    /// The jobs that are committed together next; at least one if any waits.
    fn next(&mut self) -> Vec<Arc<Job>> {
        let mut jobs: Vec<Arc<Job>> = Vec::new();
        let mut size_bytes = 0;
        while let Some(job) = self.waiting.pop_front() {
            size_bytes += job.size_bytes;
            if !jobs.is_empty() && size_bytes > TOGETHER_BYTES {
                self.waiting.push_front(job);
                break;
            }
            jobs.push(job);
        }
        jobs
    }
}
