//! One run, from the note that it begins to its history.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError};

use super::action::{Call, Outcome};
use super::cancel::Cancel;
use super::error::SchedulerError;
use super::event::SchedulerEvent;
use super::job::Begin;
use super::record::{self, Mark, Past, Trigger};
use super::shared::{Shared, Starting, State};
use super::task::Task;
use crate::cdb::CommitError;

impl Shared {
    pub fn spawn(self: &Arc<Self>, starting: Starting) {
        let (shared, name) = (self.clone(), starting.task.name.clone());
        let builder = std::thread::Builder::new().name("task".to_owned());
        let spawned = builder.spawn(move || {
            shared.carry_out(&starting);
        });
        if let Err(error) = spawned {
            tracing::error!(task = name, %error, "no thread for the task");
            self.over(&name);
        }
    }

    /// One run, from the note that it begins to its history.
    pub fn carry_out(&self, starting: &Starting) -> Option<Past> {
        let Starting { task, begin, cancel, handled } = starting;
        let (start_micros, since) = (self.clock.wall_micros(), self.clock.monotonic());
        let mark = Mark { when_micros: begin.when, since_micros: start_micros };
        if let Err(error) = record::started(&self.cdb, &task.name, mark, *handled) {
            // What is not written down could be run twice.
            tracing::error!(task = task.name, %error, "the task is not run: it cannot be noted");
            self.over(&task.name);
            return None;
        }
        let event = SchedulerEvent::Started { task: task.name.clone(), when_micros: begin.when };
        self.tell(&event);
        let outcome = self.act(task, begin.when, cancel);
        let took = self.clock.monotonic().saturating_sub(since);
        let (timed_out, skipped, handled) = self.what_happened_meanwhile(&task.name);
        let (succeeded, info) = words(task, outcome, timed_out, skipped);
        let past = Past {
            when_micros: begin.when,
            sequence: 0,
            start_micros,
            duration_micros: u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
            trigger: begin.trigger,
            succeeded,
            info,
        };
        // Of a task that was removed meanwhile nothing is kept.
        let written = handled.map(|handled| self.write(&task.name, &past, handled));
        self.over(&task.name);
        match written {
            Some(Ok(past)) => {
                self.tell_finished(&task.name, &past);
                return Some(past);
            }
            Some(Err(error)) => {
                tracing::error!(task = task.name, %error, "the history cannot be written");
            }
            None => {}
        }
        Some(past)
    }

    pub fn act(&self, task: &Task, when_micros: u64, cancel: &Cancel) -> Outcome {
        let action = self.rules.actions.get(&task.action).ok_or("the action is gone")?;
        let call = Call {
            cdb: &self.cdb,
            task: &task.name,
            when_micros,
            params: &task.params,
            node: task.node.as_deref(),
            cancel,
        };
        let outcome = catch_unwind(AssertUnwindSafe(|| action.run(&call)));
        outcome.unwrap_or_else(|_| Err("the action panicked".into()))
    }

    /// Whether it was out of time, how many times came, and up to when they are dealt with: none when the task is gone.
    pub fn what_happened_meanwhile(&self, name: &str) -> (bool, u64, Option<u64>) {
        let mut state = self.lock();
        let timed_out = state.runs.get(name).is_some_and(|run| run.timed_out);
        let Some(job) = state.jobs.get_mut(name) else { return (timed_out, 0, None) };
        (timed_out, std::mem::take(&mut job.skipped), Some(job.handled))
    }

    pub fn run_now(
        self: &Arc<Self>,
        name: &str,
        cancel: &Arc<Cancel>,
    ) -> Result<Past, SchedulerError> {
        let task = self.task(name)?;
        {
            let _looking = self.looking.lock().unwrap_or_else(PoisonError::into_inner);
            self.take_over();
        }
        let now = self.clock.wall_micros();
        {
            let mut state = self.lock();
            let State { jobs, runs, stopping, .. } = &mut *state;
            let job = jobs.get_mut(name).filter(|job| !job.running && !*stopping);
            let running = || SchedulerError::Running { name: name.to_owned() };
            job.ok_or_else(running)?.running = true;
            runs.insert(name.to_owned(), self.run_of(&task, cancel));
        }
        // Somebody must look at the clock for its time limit.
        self.wake.raise();
        let begin = Begin { when: now, at: now, trigger: Trigger::Request };
        let starting = Starting { task, begin, cancel: cancel.clone(), handled: 0 };
        let past = self.carry_out(&starting);
        past.ok_or_else(|| SchedulerError::Running { name: name.to_owned() })
    }

    /// Writes what was no run into the history, and tells of it.
    pub fn conclude(&self, name: &str, past: &Past, handled: u64) -> Result<(), CommitError> {
        let past = self.write(name, past, handled)?;
        self.tell_finished(name, &past);
        Ok(())
    }

    /// Writes a run into the history; it has its sequence then.
    fn write(&self, name: &str, past: &Past, handled: u64) -> Result<Past, CommitError> {
        let size = self.lock().config.as_ref().map_or(1, |read| read.config.history_size);
        record::finished(&self.cdb, name, past, handled, size)
    }

    fn tell_finished(&self, name: &str, past: &Past) {
        if past.succeeded {
            tracing::info!(task = name, info = past.info, "a scheduled task has run");
        } else {
            tracing::warn!(task = name, info = past.info, "a scheduled task has failed");
        }
        let (task, past) = (name.to_owned(), past.clone());
        self.tell(&SchedulerEvent::Finished { task, past });
    }
}

/// What the history says of a run.
fn words(task: &Task, outcome: Outcome, timed_out: bool, skipped: u64) -> (bool, String) {
    let (mut succeeded, mut info) = match outcome {
        Ok(info) => (true, info),
        Err(error) => (false, error.to_string()),
    };
    if timed_out {
        succeeded = false;
        let limit = task.timeout.unwrap_or_default().to_xs();
        info = format!("timed out after {limit}: {info}");
    }
    if skipped > 0 {
        let times = if skipped == 1 { "time that" } else { "times that" };
        let separator = if info.is_empty() { "" } else { "; " };
        info = format!("{info}{separator}{skipped} {times} came meanwhile passed over");
    }
    (succeeded, info)
}
