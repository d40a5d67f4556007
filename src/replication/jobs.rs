//! The replications that run, and what became of those that ran.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::task::AbortHandle;

use super::outcome::{Failed, Standing};

/// What becomes of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobState {
    /// It runs.
    Running,
    /// It failed and will be tried again.
    Crashing(Failed),
    /// It is done.
    Completed,
    /// It will not be tried again.
    Failed(Failed),
}

/// A replication that was asked for.
#[derive(Clone)]
pub struct Job {
    /// The id of the replication, with what makes it another job: `+continuous`.
    pub id: String,
    /// From where.
    pub source: String,
    /// To where.
    pub target: String,
    /// Who asked.
    pub user: Option<String>,
    /// The document of `_replicator` that asks for it.
    pub document: Option<String>,
    /// Whether it goes on.
    pub continuous: bool,
    /// When it was started, in seconds since the Unix epoch.
    pub started_s: u64,
    /// How it stands.
    pub state: JobState,
    /// What it did and where it is.
    pub standing: Arc<Mutex<Standing>>,
    /// Ends it.
    pub abort: Option<AbortHandle>,
}

impl Job {
    /// How it stands.
    pub fn standing(&self) -> Standing {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// All jobs by id. Shared.
#[derive(Default)]
pub struct Jobs {
    jobs: Mutex<BTreeMap<String, Job>>,
}

impl std::fmt::Debug for Jobs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Jobs").field("count", &self.lock().len()).finish()
    }
}

impl Jobs {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Job>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a job of this id runs.
    pub fn is_running(&self, id: &str) -> bool {
        self.lock()
            .get(id)
            .is_some_and(|job| matches!(job.state, JobState::Running | JobState::Crashing(_)))
    }

    /// Adds a job, or replaces one that is over.
    pub fn add(&self, job: Job) {
        self.lock().insert(job.id.clone(), job);
    }

    /// Says what ends a job that was added.
    pub fn set_abort(&self, id: &str, abort: AbortHandle) {
        if let Some(job) = self.lock().get_mut(id) {
            job.abort = Some(abort);
        }
    }

    /// Notes how a job stands.
    pub fn set_state(&self, id: &str, state: JobState) {
        if let Some(job) = self.lock().get_mut(id) {
            job.state = state;
        }
    }

    /// Ends a job and forgets it; `false` when there is none.
    pub fn cancel(&self, id: &str) -> bool {
        let Some(job) = self.lock().remove(id) else { return false };
        if let Some(abort) = job.abort {
            abort.abort();
        }
        true
    }

    /// Takes a job that is over off the list; another one of the same id stays.
    pub fn forget(&self, job: &Job) {
        let mut jobs = self.lock();
        let is_it = |listed: &Job| Arc::ptr_eq(&listed.standing, &job.standing);
        if jobs.get(&job.id).is_some_and(is_it) {
            jobs.remove(&job.id);
        }
    }

    /// One job.
    pub fn get(&self, id: &str) -> Option<Job> {
        self.lock().get(id).cloned()
    }

    /// All jobs.
    pub fn all(&self) -> Vec<Job> {
        self.lock().values().cloned().collect()
    }

    /// Ends all jobs.
    pub fn end(&self) {
        for job in std::mem::take(&mut *self.lock()).into_values() {
            if let Some(abort) = job.abort {
                abort.abort();
            }
        }
    }
}
