//! What can be asked of jobs.

use std::sync::PoisonError;

use super::job::{SplitJob, SplitPhase, SplitRefused, SplitState, Splitting};
use super::kept;
use super::splitter::{Shared, State, stop};
use crate::documents::catalog::DatabaseRecord;
use crate::documents::databases::Databases;
use crate::documents::error::DatabaseError;
use crate::documents::place::range_name;
use crate::documents::ranges::Q_MAX;
use crate::journal::Durability;

fn new_job(shared: &Shared, record: DatabaseRecord, range: (u32, u32)) -> SplitJob {
    let (now_s, clock) = (shared.now_s(), &shared.shelf.clock);
    let mut job = SplitJob {
        id: format!("001-{:032x}{:032x}", clock.unique_id(), clock.unique_id()),
        database: record.name,
        uuid: record.uuid,
        created_s: record.created_s,
        range,
        state: SplitState::New,
        phase: SplitPhase::New,
        reason: None,
        started_s: now_s,
        updated_s: now_s,
        history: Vec::new(),
    };
    job.note(now_s, None);
    job
}

impl Databases {
    fn split(&self) -> &Shared {
        &self.splitter.0
    }

    /// Asks for a shard to be split, in the background; answers the job. It is durable that it was asked for.
    pub fn start_split(&self, name: &str, range: (u32, u32)) -> Result<SplitJob, SplitRefused> {
        let shared = self.split();
        let record = shared.shelf.catalog.get(name)?.ok_or(SplitRefused::NoDatabase)?;
        let (ranges, text) = (record.ranges(), range_name(range));
        if !ranges.contains(&range) {
            return Err(SplitRefused::NoShard { range: text });
        }
        if range.0 == range.1 {
            return Err(SplitRefused::OneHash { range: text });
        }
        let job = new_job(shared, record, range);
        let mut state = shared.lock();
        let is_of = |other: &SplitJob| other.uuid == job.uuid && !other.state.is_over();
        let waiting: Vec<_> = state.jobs.iter().filter(|(_, other)| is_of(other)).collect();
        if let Some((_, other)) = waiting.iter().find(|(_, other)| other.range == range) {
            return Err(SplitRefused::Exists { id: other.id.clone() });
        }
        let shards = ranges.len() + waiting.len();
        if shards >= Q_MAX as usize {
            return Err(SplitRefused::TooMany { shards });
        }
        let number = state.last + 1;
        kept::keep(shared.events.store(), number, &job, Durability::Sync)?;
        state.last = number;
        state.jobs.push((number, job.clone()));
        drop(state);
        self.splitter.0.start_thread()?;
        shared.changed.notify_all();
        Ok(job)
    }

    /// All jobs, the last one first.
    pub fn split_jobs(&self) -> Vec<SplitJob> {
        self.split().lock().jobs.iter().rev().map(|(_, job)| job.clone()).collect()
    }

    /// One job.
    pub fn split_job(&self, id: &str) -> Option<SplitJob> {
        let state = self.split().lock();
        let place = state.place(id)?;
        state.jobs.get(place).map(|(_, job)| job.clone())
    }

    /// Waits until a job neither waits nor runs, or the databases are closed; answers how it stands then.
    pub fn wait_for_split(&self, id: &str) -> Option<SplitJob> {
        let shared = self.split();
        let goes_on = |state: &mut State| {
            let Some((number, job)) = state.place(id).and_then(|place| state.jobs.get(place))
            else {
                return false;
            };
            let waits = matches!(job.state, SplitState::New | SplitState::Running);
            !state.ending && (waits || state.is_current(*number))
        };
        drop(shared.changed.wait_while(shared.lock(), goes_on));
        self.split_job(id)
    }

    /// Removes a job from the list; one that runs is stopped before, unless it is past its commit.
    pub fn remove_split_job(&self, id: &str) -> Result<bool, DatabaseError> {
        let shared = self.split();
        let mut state = shared.lock();
        let number = state.place(id).and_then(|place| state.jobs.get(place)).map(|(it, _)| *it);
        let Some(number) = number else {
            return Ok(false);
        };
        if let Some(job) = state.job(number).filter(|job| !job.state.is_over()) {
            stop(job, None, shared.now_s());
        }
        if state.is_current(number) {
            state.cancel_current();
        }
        let runs = |state: &mut State| state.is_current(number);
        let state = shared.changed.wait_while(state, runs);
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        kept::forget(shared.events.store(), number)?;
        shared.look_at_events();
        state.jobs.retain(|(other, _)| *other != number);
        drop(state);
        shared.changed.notify_all();
        Ok(true)
    }

    /// Stops a job, or lets one run that was stopped. One that is over stays what it is.
    pub fn set_split_job(
        &self,
        id: &str,
        running: bool,
        reason: Option<&String>,
    ) -> Result<bool, DatabaseError> {
        let shared = self.split();
        let mut state = shared.lock();
        let Some(place) = state.place(id) else {
            return Ok(false);
        };
        shared.set_running(&mut state, place, running, reason)?;
        drop(state);
        self.splitter.0.start_thread()?;
        shared.changed.notify_all();
        Ok(true)
    }

    /// Whether jobs run at all.
    pub fn splitting(&self) -> Splitting {
        self.split().lock().splitting.clone()
    }

    /// Lets jobs run, or stops them: none begins then, and the one that runs begins anew when they are let run again.
    pub fn set_splitting(&self, splitting: Splitting) -> Result<(), DatabaseError> {
        let shared = self.split();
        let mut state = shared.lock();
        kept::keep_splitting(shared.events.store(), &splitting)?;
        shared.look_at_events();
        let places = 0..state.jobs.len();
        for place in places {
            let reason = splitting.reason.as_ref();
            shared.set_running(&mut state, place, splitting.running, reason)?;
        }
        state.splitting = splitting;
        drop(state);
        self.splitter.0.start_thread()?;
        shared.changed.notify_all();
        Ok(())
    }
}
