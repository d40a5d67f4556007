//! What the scheduler's threads share.
//!
//! Locks: `state` alone, never held while something is read or written, an action runs or an observer is told. One look at a time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::cancel::Cancel;
use super::error::SchedulerError;
use super::event::SchedulerEvent;
use super::job::{Begin, Job};
use super::task::{Config, Rules, Task};
use crate::cdb::{Cdb, Datastore};
use crate::clock::{Clock, Signal};
use crate::component::{self, Problem, Read};

pub type Observer = Arc<dyn Fn(&SchedulerEvent) + Send + Sync>;

pub struct Shared {
    pub cdb: Cdb,
    pub clock: Arc<dyn Clock>,
    pub rules: Arc<Rules>,
    pub wake: Arc<Signal>,
    /// Raised when a run ends.
    pub ended: Arc<Signal>,
    pub looking: Mutex<()>,
    pub state: Mutex<State>,
    pub observers: Mutex<Vec<Observer>>,
}

#[derive(Default)]
pub struct State {
    pub config: Option<Read<Config>>,
    /// What was configured since the last look.
    pub incoming: Option<Read<Config>>,
    pub jobs: BTreeMap<String, Job>,
    pub runs: BTreeMap<String, Run>,
    pub stopping: bool,
}

/// A run that goes on.
pub struct Run {
    pub cancel: Arc<Cancel>,
    /// On the monotonic clock.
    pub deadline: Option<Duration>,
    pub timed_out: bool,
}

/// A run that is about to be.
pub struct Starting {
    pub task: Arc<Task>,
    pub begin: Begin,
    pub cancel: Arc<Cancel>,
    pub handled: u64,
}

impl Shared {
    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn tell(&self, event: &SchedulerEvent) {
        let observers = self.observers.lock().unwrap_or_else(PoisonError::into_inner).clone();
        observers.iter().for_each(|observer| observer(event));
    }

    pub fn task(&self, name: &str) -> Result<Arc<Task>, SchedulerError> {
        let view = self.cdb.begin_read(Datastore::Config);
        let read = component::read(&*self.rules, &view)?;
        if let Some(task) = read.config.tasks.iter().find(|task| task.name == name) {
            return Ok(task.clone());
        }
        let path = crate::cdb::Path::root().child("scheduler").child("task").with_keys([name]);
        let wrong = |problem: &Problem| problem.path.steps().starts_with(path.steps());
        Err(match read.problems.into_iter().find(wrong) {
            Some(problem) => SchedulerError::Faulty { problem },
            None => SchedulerError::NoTask { name: name.to_owned() },
        })
    }

    pub fn run_of(&self, task: &Task, cancel: &Arc<Cancel>) -> Run {
        let timeout = task.timeout.map(crate::units::Duration::to_std);
        let deadline = timeout.map(|timeout| self.clock.monotonic().saturating_add(timeout));
        Run { cancel: cancel.clone(), deadline, timed_out: false }
    }

    /// When to look again.
    pub fn wake_at(&self) -> Option<u64> {
        let mut state = self.lock();
        let (wall, now) = (self.clock.wall_micros(), self.clock.monotonic());
        let left = |deadline: Duration| {
            let left = deadline.saturating_sub(now).as_micros();
            wall.saturating_add(u64::try_from(left).unwrap_or(u64::MAX))
        };
        let deadlines = state.runs.values().filter(|run| !run.timed_out);
        let deadlines: Vec<_> = deadlines.filter_map(|run| run.deadline.map(left)).collect();
        let jobs = state.jobs.values_mut().filter_map(Job::wake_at);
        jobs.chain(deadlines).min()
    }

    /// A run is over.
    pub fn over(&self, name: &str) {
        let mut state = self.lock();
        state.runs.remove(name);
        if let Some(job) = state.jobs.get_mut(name) {
            job.running = false;
        }
        drop(state);
        self.wake.raise();
        self.ended.raise();
    }
}
