//! The thread that compacts shards, one after the other: those that are due by themselves and those asked for.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::error::{DocumentError, StorageError};
use super::options::AutomaticCompaction;
use super::shard::Shard;
use super::tasks::ActiveTask;
use crate::clock::Clock;
use crate::journal::{CompactionControl, CompactionError, Stage};

/// After a compaction that failed, a shard is left alone for so long, unless somebody asks.
const RETRY_AFTER: Duration = Duration::from_secs(60);

/// Shards that wait, and those that are being compacted.
#[derive(Debug)]
pub(super) struct Compactor {
    clock: Arc<dyn Clock>,
    options: AutomaticCompaction,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Arc<Shard>>,
    running: Vec<Running>,
    /// Shards that are being split: they are left alone.
    held: Vec<Arc<Shard>>,
    /// Until when (monotonic) a shard is left alone.
    failed: BTreeMap<String, Duration>,
    stopping: bool,
}

#[derive(Clone, Debug)]
struct Running {
    shard: Arc<Shard>,
    control: Arc<CompactionControl>,
    started_on_s: u64,
}

/// The thread; dropped, it ends.
#[derive(Debug)]
pub(super) struct Worker {
    compactor: Arc<Compactor>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Worker {
    pub fn start(compactor: &Arc<Compactor>) -> Result<Self, StorageError> {
        let builder = std::thread::Builder::new().name("documents-compaction".to_owned());
        let for_thread = compactor.clone();
        let thread = builder.spawn(move || for_thread.work());
        let failed = |error| StorageError::Other {
            reason: format!("the compaction thread does not start: {error}"),
        };
        let thread = Mutex::new(Some(thread.map_err(failed)?));
        Ok(Self { compactor: compactor.clone(), thread })
    }

    /// Cancels what runs and waits for the thread.
    pub fn stop(&self) {
        self.compactor.stop();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            tracing::error!("the compaction thread panicked");
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Compactor {
    pub fn new(clock: Arc<dyn Clock>, options: AutomaticCompaction) -> Arc<Self> {
        let (state, changed) = (Mutex::default(), Condvar::new());
        Arc::new(Self { clock, options, state, changed })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something was written to a shard: asks for a compaction when it is due.
    pub fn look_at(&self, shard: &Arc<Shard>) {
        if !self.is_due(shard) {
            return;
        }
        let now = self.clock.monotonic();
        let mut state = self.lock();
        if state.failed.get(&shard.options().name).is_some_and(|until| now < *until) {
            return;
        }
        state.enqueue(shard);
        drop(state);
        self.changed.notify_all();
    }

    fn is_due(&self, shard: &Shard) -> bool {
        let AutomaticCompaction { enabled, min_ratio, min_file_bytes } = self.options;
        enabled
            && !shard.is_split()
            && !shard.is_compacting()
            && shard.wants_compaction(min_ratio, min_file_bytes)
    }

    /// Asks for a compaction, due or not.
    pub fn request(&self, shard: &Arc<Shard>) {
        self.lock().enqueue(shard);
        self.changed.notify_all();
    }

    /// Leaves a shard alone until the answer is dropped: what waits does not begin, what runs is waited for.
    pub fn hold(self: &Arc<Self>, shard: &Arc<Shard>) -> Held {
        let mut state = self.lock();
        state.waiting.retain(|other| !Arc::ptr_eq(other, shard));
        state.held.push(shard.clone());
        let runs = |state: &mut State| state.runs(shard);
        drop(self.changed.wait_while(state, runs));
        Held { compactor: self.clone(), shard: shard.clone() }
    }

    /// Forgets a shard that is removed: what waits does not begin, what runs is cancelled and waited for.
    pub fn forget(&self, shard: &Arc<Shard>) {
        let mut state = self.lock();
        state.waiting.retain(|other| !Arc::ptr_eq(other, shard));
        let runs = |state: &State| state.running.iter().any(|run| Arc::ptr_eq(&run.shard, shard));
        state
            .running
            .iter()
            .filter(|run| Arc::ptr_eq(&run.shard, shard))
            .for_each(|run| run.control.cancel());
        while runs(&state) {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Compacts on this thread.
    pub fn run(&self, shard: &Arc<Shard>) -> Result<(), DocumentError> {
        let control = Arc::new(CompactionControl::new());
        let started_on_s = self.clock.wall_micros() / 1_000_000;
        {
            let mut state = self.lock();
            if state.stopping {
                return Err(CompactionError::Cancelled { stage: Stage::Begin }.into());
            }
            if state.is_held(shard) {
                return Err(CompactionError::Running.into());
            }
            let (shard, control) = (shard.clone(), control.clone());
            state.running.push(Running { shard, control, started_on_s });
        }
        let outcome = shard.compact(&control);
        // What was written meanwhile may be garbage already, and perhaps nobody writes any more who would look.
        let is_due_again = outcome.is_ok() && self.is_due(shard);
        let mut state = self.lock();
        state.running.retain(|run| !Arc::ptr_eq(&run.control, &control));
        let name = &shard.options().name;
        if outcome.is_ok() {
            state.failed.remove(name);
            if is_due_again {
                state.enqueue(shard);
            }
        } else {
            let until = self.clock.monotonic().saturating_add(RETRY_AFTER);
            state.failed.insert(name.clone(), until);
        }
        drop(state);
        self.changed.notify_all();
        outcome.map(|_| ())
    }

    fn work(&self) {
        while let Some(shard) = self.next() {
            if let Err(error) = self.run(&shard) {
                let shard = &shard.options().name;
                tracing::warn!(shard, %error, "a shard was not compacted");
            }
        }
    }

    /// The next shard; `None` when the thread should end.
    fn next(&self) -> Option<Arc<Shard>> {
        let idle = |state: &mut State| state.waiting.is_empty() && !state.stopping;
        let state = self.changed.wait_while(self.lock(), idle);
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        if state.stopping { None } else { state.waiting.pop_front() }
    }

    fn stop(&self) {
        let mut state = self.lock();
        state.stopping = true;
        state.waiting.clear();
        state.running.iter().for_each(|run| run.control.cancel());
        drop(state);
        self.changed.notify_all();
    }

    pub fn tasks(&self) -> Vec<ActiveTask> {
        let updated_on_s = self.clock.wall_micros() / 1_000_000;
        self.lock().running.iter().map(|run| run.task(updated_on_s)).collect()
    }
}

/// A shard that is left alone.
#[derive(Debug)]
pub(super) struct Held {
    compactor: Arc<Compactor>,
    shard: Arc<Shard>,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.compactor.lock().held.retain(|other| !Arc::ptr_eq(other, &self.shard));
    }
}

impl State {
    fn runs(&self, shard: &Arc<Shard>) -> bool {
        self.running.iter().any(|run| Arc::ptr_eq(&run.shard, shard))
    }

    fn is_held(&self, shard: &Arc<Shard>) -> bool {
        self.held.iter().any(|other| Arc::ptr_eq(other, shard))
    }

    fn enqueue(&mut self, shard: &Arc<Shard>) {
        let waits = self.waiting.iter().any(|other| Arc::ptr_eq(other, shard));
        if !waits && !self.runs(shard) && !self.is_held(shard) && !self.stopping {
            self.waiting.push_back(shard.clone());
        }
    }
}

impl Running {
    fn task(&self, updated_on_s: u64) -> ActiveTask {
        let progress = self.control.progress();
        let copying = progress.stage <= Stage::WriteImage;
        let shard = self.shard.options().name.clone();
        ActiveTask {
            kind: "database_compaction",
            database: database_of(&shard).to_owned(),
            shard,
            phase: if copying { "document_copy" } else { "docid_copy" },
            progress: progress.percent(),
            changes_done: progress.done_entries,
            total_changes: progress.total_entries,
            started_on_s: self.started_on_s,
            updated_on_s,
        }
    }
}

/// `shards/<range>/<db>.<seconds>` without what is around the database's name.
fn database_of(shard: &str) -> &str {
    let name = shard.splitn(3, '/').nth(2).unwrap_or(shard);
    name.rsplit_once('.').map_or(name, |(name, _)| name)
}
