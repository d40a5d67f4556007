//! The list of jobs, and the thread that runs them one after the other.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use super::job::{SplitJob, SplitPhase, SplitState, Splitting};
use super::kept;
use super::run::{Run, run};
use crate::documents::error::{DatabaseError, DocumentError, StorageError};
use crate::documents::events::Events;
use crate::documents::ranges::halves;
use crate::documents::shelf::Shelf;
use crate::journal::{CompactionControl, Durability};

/// What the jobs and their thread share.
#[derive(Debug)]
pub(super) struct Shared {
    pub shelf: Arc<Shelf>,
    /// Jobs are kept beside the events.
    pub events: Arc<Events>,
    state: Mutex<State>,
    pub changed: Condvar,
}

#[derive(Debug)]
pub(super) struct State {
    /// With their numbers, oldest first.
    pub jobs: Vec<(u64, SplitJob)>,
    /// The last number that was given out.
    pub last: u64,
    pub splitting: Splitting,
    /// The job that runs, and what cancels it.
    current: Option<(u64, Arc<CompactionControl>)>,
    thread: Option<JoinHandle<()>>,
    pub ending: bool,
}

/// Splits shards. Dropped, it stops.
#[derive(Debug)]
pub(in crate::documents) struct Splitter(pub(super) Arc<Shared>);

impl Splitter {
    /// Takes up the jobs of the process before: one that was past its commit is completed, others begin anew.
    pub fn open(shelf: &Arc<Shelf>, events: &Arc<Events>) -> Result<Self, DatabaseError> {
        let jobs = kept::jobs(events.store())?;
        let state = State {
            last: jobs.last().map_or(0, |(number, _)| *number),
            jobs,
            splitting: kept::splitting(events.store())?,
            current: None,
            thread: None,
            ending: false,
        };
        let (shelf, events) = (shelf.clone(), events.clone());
        let (state, changed) = (Mutex::new(state), Condvar::new());
        let splitter = Self(Arc::new(Shared { shelf, events, state, changed }));
        splitter.0.take_up()?;
        splitter.0.start_thread()?;
        Ok(splitter)
    }

    /// Stops what runs, and waits for the thread. A job that was stopped so begins anew at the next open.
    pub fn stop(&self) {
        let mut state = self.0.lock();
        state.ending = true;
        state.cancel_current();
        let thread = state.thread.take();
        drop(state);
        self.0.changed.notify_all();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            tracing::error!("the thread that splits shards panicked");
        }
    }
}

impl Drop for Splitter {
    fn drop(&mut self) {
        self.stop();
    }
}

impl State {
    pub fn place(&self, id: &str) -> Option<usize> {
        self.jobs.iter().position(|(_, job)| job.id == id)
    }

    pub fn job(&mut self, number: u64) -> Option<&mut SplitJob> {
        self.jobs.iter_mut().find(|(other, _)| *other == number).map(|(_, job)| job)
    }

    pub fn is_current(&self, number: u64) -> bool {
        self.current.as_ref().is_some_and(|(current, _)| *current == number)
    }

    pub fn cancel_current(&self) {
        self.current.iter().for_each(|(_, control)| control.cancel());
    }

    fn next(&self) -> Option<(u64, SplitJob)> {
        let is_new = |(_, job): &&(u64, SplitJob)| job.state == SplitState::New;
        self.jobs.iter().find(is_new).filter(|_| self.splitting.running).cloned()
    }
}

impl Shared {
    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn now_s(&self) -> u64 {
        self.shelf.clock.wall_micros() / 1_000_000
    }

    /// Something was written to the journal of events.
    pub fn look_at_events(&self) {
        self.shelf.look_at(&self.events);
    }

    /// Changes a job and writes it down.
    fn change(
        &self,
        number: u64,
        durability: Durability,
        change: impl FnOnce(&mut SplitJob, u64),
    ) -> Result<(), DatabaseError> {
        let now_s = self.now_s();
        let mut state = self.lock();
        let Some(job) = state.job(number) else {
            return Ok(());
        };
        change(job, now_s);
        let kept = kept::keep(self.events.store(), number, job, durability);
        drop(state);
        self.changed.notify_all();
        self.look_at_events();
        kept
    }

    fn take_up(&self) -> Result<(), DatabaseError> {
        let jobs = self.lock().jobs.clone();
        for (number, job) in jobs {
            if !matches!(job.state, SplitState::New | SplitState::Running) {
                continue;
            }
            let record = self.shelf.catalog.get(&job.database)?;
            let ranges = record.filter(|record| record.uuid == job.uuid).map(|it| it.ranges());
            let are_there =
                ranges.is_some_and(|ranges| halves(job.range).iter().all(|it| ranges.contains(it)));
            self.change(number, Durability::Sync, |job, now_s| {
                if are_there {
                    complete(job, now_s);
                } else if job.state == SplitState::Running {
                    begin_anew(job, now_s);
                }
            })?;
        }
        Ok(())
    }

    /// Once there is something to do.
    pub fn start_thread(self: &Arc<Self>) -> Result<(), StorageError> {
        let mut state = self.lock();
        if state.thread.is_some() || state.ending || state.next().is_none() {
            return Ok(());
        }
        let for_thread = self.clone();
        let builder = std::thread::Builder::new().name("documents-split".to_owned());
        let failed = |error| StorageError::Other {
            reason: format!("the thread that splits shards does not start: {error}"),
        };
        state.thread = Some(builder.spawn(move || for_thread.work()).map_err(failed)?);
        Ok(())
    }

    fn work(&self) {
        while let Some((number, job, control)) = self.next() {
            let running = Running { shared: self, number, control };
            let outcome = run(&self.shelf, &job, &running);
            if let Err(error) = self.end(number, outcome) {
                tracing::warn!(job = job.id, %error, "how a split ended was not written down");
            }
        }
    }

    /// The next job; `None` when the thread should end.
    fn next(&self) -> Option<(u64, SplitJob, Arc<CompactionControl>)> {
        let idle = |state: &mut State| state.next().is_none() && !state.ending;
        let state = self.changed.wait_while(self.lock(), idle);
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        if state.ending {
            return None;
        }
        let (number, job) = state.next()?;
        let control = Arc::new(CompactionControl::new());
        state.current = Some((number, control.clone()));
        if let Some(job) = state.job(number) {
            job.state = SplitState::Running;
        }
        Some((number, job, control))
    }

    fn end(&self, number: u64, outcome: Result<(), DocumentError>) -> Result<(), DatabaseError> {
        let ending = self.lock().ending;
        let written = self.change(number, Durability::Sync, |job, now_s| match outcome {
            Ok(()) => complete(job, now_s),
            // Somebody stopped it, and perhaps let it run again.
            Err(_) if job.state != SplitState::Running => {}
            Err(_) if ending => {}
            Err(error) => {
                tracing::warn!(job = job.id, shard = job.source(), %error, "a shard was not split");
                job.state = SplitState::Failed;
                job.reason = Some(error.to_string());
                job.note(now_s, Some(error.to_string()));
            }
        });
        self.lock().current = None;
        self.changed.notify_all();
        written
    }
}

/// Notes the phases that are left and the end.
fn complete(job: &mut SplitJob, now_s: u64) {
    job.state = SplitState::Running;
    let left = SplitPhase::ALL.into_iter().filter(|phase| *phase > job.phase);
    for phase in left.filter(|phase| *phase < SplitPhase::Completed).collect::<Vec<_>>() {
        job.note(now_s, Some(phase.word().to_owned()));
    }
    (job.state, job.phase, job.reason) = (SplitState::Completed, SplitPhase::Completed, None);
    job.note(now_s, None);
}

fn begin_anew(job: &mut SplitJob, now_s: u64) {
    (job.state, job.phase, job.reason) = (SplitState::New, SplitPhase::New, None);
    job.note(now_s, None);
}

pub(super) fn stop(job: &mut SplitJob, reason: Option<&String>, now_s: u64) {
    (job.state, job.phase) = (SplitState::Stopped, SplitPhase::New);
    job.reason = reason.cloned();
    job.note(now_s, reason.cloned());
}

/// A job that runs.
struct Running<'a> {
    shared: &'a Shared,
    number: u64,
    control: Arc<CompactionControl>,
}

impl Run for Running<'_> {
    fn go_on(&self) -> Result<(), DocumentError> {
        if self.control.is_cancelled() {
            let reason = "the split was stopped".to_owned();
            return Err(DocumentError::Storage(StorageError::Other { reason }));
        }
        Ok(())
    }

    fn begin(&self, phase: SplitPhase) -> Result<(), DocumentError> {
        let noted = self.shared.change(self.number, Durability::Buffered, |job, now_s| {
            // Behind the commit it runs to its end, whoever stopped it.
            if phase > SplitPhase::UpdateShardMap || job.state == SplitState::Running {
                job.state = SplitState::Running;
                job.phase = phase;
                job.note(now_s, Some(phase.word().to_owned()));
            }
        });
        if let Err(error) = noted {
            tracing::debug!(%error, "a phase of a split is not written down");
        }
        Ok(())
    }

    fn control(&self) -> Arc<CompactionControl> {
        self.control.clone()
    }
}

impl Shared {
    pub fn set_running(
        &self,
        state: &mut MutexGuard<'_, State>,
        place: usize,
        running: bool,
        reason: Option<&String>,
    ) -> Result<(), DatabaseError> {
        let Some(number) = state.jobs.get(place).map(|(number, _)| *number) else {
            return Ok(());
        };
        let is_current = state.is_current(number);
        let Some(job) = state.job(number) else {
            return Ok(());
        };
        match (job.state, running) {
            (SplitState::Stopped, true) => begin_anew(job, self.now_s()),
            (SplitState::New | SplitState::Running, false) => stop(job, reason, self.now_s()),
            _ => return Ok(()),
        }
        kept::keep(self.events.store(), number, job, Durability::Sync)?;
        if is_current && !running {
            state.cancel_current();
        }
        Ok(())
    }
}
