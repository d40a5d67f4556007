//! Taking over what was configured: new tasks, changed ones, those that are gone.

use std::sync::Arc;

use super::error::SchedulerError;
use super::job::Job;
use super::record::{self, Kept, Mark, Past, Trigger};
use super::shared::Shared;
use super::task::Task;
use crate::cdb::{CommitError, Datastore, ReadView};

impl Shared {
    /// Takes over what was configured since the last look.
    pub fn take_over(&self) {
        let Some(read) = self.lock().incoming.take() else { return };
        for problem in &read.problems {
            tracing::error!(%problem, "the task is not run");
        }
        let now = self.clock.wall_micros();
        let tasks = read.config.tasks.clone();
        let suspended = read.config.suspended;
        let view = self.cdb.begin_read(Datastore::Operational);
        let mut gone: Vec<String> = {
            let mut state = self.lock();
            let names =
                state.jobs.keys().filter(|name| !tasks.iter().any(|task| task.name == **name));
            let gone = names.cloned().collect();
            state.config = Some(read);
            gone
        };
        for task in tasks {
            let held = suspended || !task.enabled;
            let known = self.lock().jobs.get(&task.name).cloned();
            let result = match known {
                Some(job) => self.change(&job, task.clone(), held, now),
                None => self.add(&view, &task, held, now),
            };
            if let Err(error) = result {
                tracing::error!(task = task.name, %error, "what is kept of the task cannot be read or written");
            }
        }
        gone.retain(|name| self.let_go(name));
        for name in gone {
            if let Err(error) = record::forget(&self.cdb, &name) {
                tracing::warn!(task = name, %error, "what was kept of a task that is gone stays");
            }
        }
    }

    /// Drops a job; whether what is kept of it is to be forgotten: one that had its single time keeps its history.
    pub fn let_go(&self, name: &str) -> bool {
        let mut state = self.lock();
        if let Some(run) = state.runs.get(name) {
            run.cancel.cancel();
        }
        let job = state.jobs.remove(name);
        job.is_some_and(|mut job| !job.is_spent())
    }

    /// A task that was not known: what is kept of it holds, if it is about the same schedule.
    pub fn add(
        &self,
        view: &ReadView,
        task: &Arc<Task>,
        held: bool,
        now: u64,
    ) -> Result<(), SchedulerError> {
        let kept = record::kept(view, &task.name)?;
        if let Some(mark) = kept.running {
            self.conclude_interrupted(task, mark, now)?;
        }
        let same = kept.spec.as_deref() == Some(task.spec.as_str());
        let handled = match (same, task.is_once()) {
            // While it was held, nothing was missed.
            (true, false) if kept.held || held => now,
            (true, _) => kept.handled_micros,
            (false, true) => 0,
            (false, false) => now,
        };
        if !same || kept.held != held || handled != kept.handled_micros {
            self.keep(task, handled, held)?;
        }
        let job = Job::new(task.clone(), handled, held);
        self.lock().jobs.insert(task.name.clone(), job);
        Ok(())
    }

    /// A task that was known is configured anew.
    pub fn change(
        &self,
        job: &Job,
        task: Arc<Task>,
        held: bool,
        now: u64,
    ) -> Result<(), SchedulerError> {
        let same = job.task.spec == task.spec;
        let begins = job.held && !held && !task.is_once();
        let handled = match (same, task.is_once()) {
            (true, _) if begins => now.max(job.handled),
            (true, _) => job.handled,
            (false, true) => 0,
            (false, false) => now,
        };
        if !same || job.held != held {
            self.keep(&task, handled, held)?;
        }
        let name = task.name.clone();
        let mut state = self.lock();
        // A run may have ended meanwhile: only what the configuration says is changed.
        let Some(job) = state.jobs.get_mut(&name) else { return Ok(()) };
        if same {
            job.task = task;
            job.handled = handled.max(job.handled);
            job.held = held;
        } else {
            *job = job.rescheduled(task, handled, held);
        }
        Ok(())
    }

    pub fn keep(&self, task: &Task, handled_micros: u64, held: bool) -> Result<(), CommitError> {
        let spec = Some(task.spec.clone());
        let kept = Kept { spec, handled_micros, held, running: None };
        record::keep(&self.cdb, &task.name, &kept)
    }

    /// A run that the end of the process cut off: it is not repeated, and the history says so.
    pub fn conclude_interrupted(
        &self,
        task: &Task,
        mark: Mark,
        now: u64,
    ) -> Result<(), CommitError> {
        let past = Past {
            when_micros: mark.when_micros,
            sequence: 0,
            start_micros: mark.since_micros,
            duration_micros: now.saturating_sub(mark.since_micros),
            trigger: Trigger::Schedule,
            succeeded: false,
            info: "interrupted: the program ended while it ran; how far it came is not known"
                .to_owned(),
        };
        self.conclude(&task.name, &past, 0)
    }
}
