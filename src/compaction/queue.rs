//! Targets that wait to be compacted, and those that are being compacted.
//!
//! Lock: `state` alone, never held while a compaction runs.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::activity::ActiveTask;
use super::policy::AutomaticCompaction;
use super::target::Compactable;
use crate::clock::Clock;
use crate::journal::{CompactionControl, CompactionError, Stage};

/// After a compaction that failed, a target waits this long before it is due again by itself.
const RETRY_AFTER: Duration = Duration::from_secs(60);

/// Targets that wait, and those that are being compacted.
#[derive(Debug)]
pub(crate) struct CompactionQueue {
    clock: Arc<dyn Clock>,
    policy: AutomaticCompaction,
    state: Mutex<QueueState>,
    changed: Condvar,
}

type Target = Arc<dyn Compactable>;

#[derive(Debug, Default)]
struct QueueState {
    waiting: VecDeque<Target>,
    running: Vec<RunningCompaction>,
    /// Not compacted for now, because something else works on their files.
    held: Vec<Target>,
    /// Until when (monotonic) a target is not due by itself.
    failed: BTreeMap<String, Duration>,
    stopping: bool,
}

#[derive(Clone, Debug)]
struct RunningCompaction {
    target: Target,
    control: Arc<CompactionControl>,
    started_on_s: u64,
}

/// Whether both are the same target, whatever their types.
fn same(one: &Target, other: &Target) -> bool {
    std::ptr::addr_eq(Arc::as_ptr(one), Arc::as_ptr(other))
}

impl CompactionQueue {
    pub fn new(clock: Arc<dyn Clock>, policy: AutomaticCompaction) -> Arc<Self> {
        let (state, changed) = (Mutex::default(), Condvar::new());
        Arc::new(Self { clock, policy, state, changed })
    }

    fn lock(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When a target is due by itself.
    pub fn policy(&self) -> &AutomaticCompaction {
        &self.policy
    }

    /// Something was written to a target: asks for a compaction when it is due.
    pub fn look_at(&self, target: &Target) {
        if !target.is_due(&self.policy) {
            return;
        }
        let now = self.clock.monotonic();
        let mut state = self.lock();
        if state.failed.get(target.name()).is_some_and(|until| now < *until) {
            return;
        }
        state.enqueue(target);
        drop(state);
        self.changed.notify_all();
    }

    /// Asks for a compaction, due or not.
    pub fn request(&self, target: &Target) {
        self.lock().enqueue(target);
        self.changed.notify_all();
    }

    /// Whether a target waits or is being compacted.
    pub fn is_pending(&self, target: &Target) -> bool {
        let state = self.lock();
        state.waits(target) || state.runs(target)
    }

    /// Keeps a target from being compacted until the answer is dropped: what waits does not begin, what runs is waited for.
    pub fn hold(self: &Arc<Self>, target: &Target) -> HeldTarget {
        let mut state = self.lock();
        state.waiting.retain(|other| !same(other, target));
        state.held.push(target.clone());
        let runs = |state: &mut QueueState| state.runs(target);
        drop(self.changed.wait_while(state, runs));
        HeldTarget { queue: self.clone(), target: target.clone() }
    }

    /// Forgets a target that is removed: what waits does not begin, what runs is cancelled and waited for.
    pub fn forget(&self, target: &Target) {
        let mut state = self.lock();
        state.waiting.retain(|other| !same(other, target));
        state.failed.remove(target.name());
        state
            .running
            .iter()
            .filter(|run| same(&run.target, target))
            .for_each(|run| run.control.cancel());
        let runs = |state: &mut QueueState| state.runs(target);
        drop(self.changed.wait_while(state, runs));
    }

    /// Runs `compact`, which compacts the target, on this thread.
    pub fn run<E: From<CompactionError>>(
        &self,
        target: &Target,
        compact: impl FnOnce(&CompactionControl) -> Result<(), E>,
    ) -> Result<(), E> {
        let control = self.begin(target)?;
        let outcome = compact(&control);
        // What was written meanwhile may be garbage already, and perhaps nothing is written any more that would look.
        let is_due_again = outcome.is_ok() && target.is_due(&self.policy);
        let mut state = self.lock();
        state.running.retain(|run| !Arc::ptr_eq(&run.control, &control));
        if outcome.is_ok() {
            state.failed.remove(target.name());
            if is_due_again {
                state.enqueue(target);
            }
        } else {
            let until = self.clock.monotonic().saturating_add(RETRY_AFTER);
            state.failed.insert(target.name().to_owned(), until);
        }
        drop(state);
        self.changed.notify_all();
        outcome
    }

    /// Notes that a target is being compacted.
    fn begin(&self, target: &Target) -> Result<Arc<CompactionControl>, CompactionError> {
        let mut state = self.lock();
        if state.stopping {
            return Err(CompactionError::Cancelled { stage: Stage::Begin });
        }
        if state.is_held(target) {
            return Err(CompactionError::Running);
        }
        let control = Arc::new(CompactionControl::new());
        let started_on_s = self.clock.wall_micros() / 1_000_000;
        let (target, for_list) = (target.clone(), control.clone());
        state.running.push(RunningCompaction { target, control: for_list, started_on_s });
        Ok(control)
    }

    /// Compacts what waits, until it is stopped.
    pub(super) fn work(&self) {
        while let Some(target) = self.next() {
            if let Err(error) = self.run(&target, |control| target.compact(control)) {
                tracing::warn!(target = target.name(), %error, "a journal was not compacted");
            }
        }
    }

    /// The next target; `None` when the thread should end.
    fn next(&self) -> Option<Target> {
        let idle = |state: &mut QueueState| state.waiting.is_empty() && !state.stopping;
        let state = self.changed.wait_while(self.lock(), idle);
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        if state.stopping { None } else { state.waiting.pop_front() }
    }

    /// Cancels what runs, and begins nothing more.
    pub(super) fn stop(&self) {
        let mut state = self.lock();
        state.stopping = true;
        state.waiting.clear();
        state.running.iter().for_each(|run| run.control.cancel());
        drop(state);
        self.changed.notify_all();
    }

    /// What runs now.
    pub fn tasks(&self) -> Vec<ActiveTask> {
        let updated_on_s = self.clock.wall_micros() / 1_000_000;
        self.lock().running.iter().map(|run| run.task(updated_on_s)).collect()
    }
}

/// A target that is not compacted for now.
#[derive(Debug)]
pub(crate) struct HeldTarget {
    queue: Arc<CompactionQueue>,
    target: Target,
}

impl Drop for HeldTarget {
    fn drop(&mut self) {
        self.queue.lock().held.retain(|other| !same(other, &self.target));
    }
}

impl QueueState {
    fn runs(&self, target: &Target) -> bool {
        self.running.iter().any(|run| same(&run.target, target))
    }

    fn waits(&self, target: &Target) -> bool {
        self.waiting.iter().any(|other| same(other, target))
    }

    fn is_held(&self, target: &Target) -> bool {
        self.held.iter().any(|other| same(other, target))
    }

    fn enqueue(&mut self, target: &Target) {
        let taken = self.waits(target) || self.runs(target) || self.is_held(target);
        if !taken && !self.stopping {
            self.waiting.push_back(target.clone());
        }
    }
}

impl RunningCompaction {
    fn task(&self, updated_on_s: u64) -> ActiveTask {
        let progress = self.control.progress();
        let copying = progress.stage <= Stage::WriteImage;
        ActiveTask {
            kind: "database_compaction",
            database: self.target.database().to_owned(),
            shard: self.target.name().to_owned(),
            phase: if copying { "document_copy" } else { "docid_copy" },
            progress: progress.percent(),
            changes_done: progress.done_entries,
            total_changes: progress.total_entries,
            started_on_s: self.started_on_s,
            updated_on_s,
        }
    }
}
