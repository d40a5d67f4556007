//! The scheduler: follows its configuration, looks at the clock, begins what is due.
//!
//! A look ([`Scheduler::run_due`]) takes over what was configured, asks every job, writes down what begins, and begins it. After
//! [`Scheduler::start`] a thread of its own looks whenever something may be due, at least once a minute (so that a clock
//! that is set is noticed), and every run has a thread of its own.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use super::action::Actions;
use super::cancel::Cancel;
use super::error::SchedulerError;
use super::event::SchedulerEvent;
use super::job::Found;
use super::record::{self, Past, Purge, Trigger};
use super::shared::{Shared, Starting, State};
use super::task::{Config, Rules, Task};
use crate::cdb::{Cdb, CdbOptions, Datastore, SubscriptionHandle};
use crate::clock::{Clock, Signal};
use crate::component::{self, Read};

/// The longest that the clock is not looked at while there are tasks.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// How long [`Scheduler::stop`] waits for actions that were told to end.
const PATIENCE: Duration = Duration::from_secs(10);

/// Runs the tasks of `/scheduler`. Dropping it ends it.
///
/// ```
/// use pumice::cdb::{Cdb, Datastore};
/// use pumice::scheduler::{Actions, Scheduler};
///
/// let cdb = Cdb::in_memory()?;
/// let mut actions = Actions::builtin();
/// actions.register("greet", |_| Ok("hello".to_owned()));
/// let scheduler = Scheduler::attach(&cdb, actions);
/// cdb.write(Datastore::Config, |tx| {
///     tx.set_text("/scheduler/task{morning}/schedule", "0 8 * * MON-FRI")?;
///     tx.set_text("/scheduler/task{morning}/action-name", "greet")
/// })?;
/// scheduler.start()?;                       // from here on it runs by itself
/// let past = scheduler.run("morning")?;     // and once now
/// assert_eq!((past.succeeded, past.info.as_str()), (true, "hello"));
/// let mistake = cdb.write(Datastore::Config, |tx| {
///     tx.set_text("/scheduler/task{morning}/schedule", "0 25 * * *")
/// });
/// assert_eq!(
///     mistake.unwrap_err().to_string(),
///     "refused: /scheduler/task{morning}/schedule: hour 25 is over 23 (second field)"
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Scheduler {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
    following: Mutex<Option<SubscriptionHandle>>,
}

impl fmt::Debug for Scheduler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scheduler").field("rules", &self.shared.rules).finish_non_exhaustive()
    }
}

impl Scheduler {
    /// Options whose database refuses tasks that cannot be, from its first transaction on. Such a database is then given to
    /// [`Scheduler::attach_guarded`].
    #[must_use]
    pub fn guard(options: CdbOptions, actions: &Actions) -> CdbOptions {
        component::guard(options, &Arc::new(Rules { actions: actions.clone() }))
    }

    /// Attaches to a database: from now on tasks are held against the rules at commit. Nothing runs by itself yet.
    pub fn attach(cdb: &Cdb, actions: Actions) -> Self {
        component::guard_open(cdb, &Arc::new(Rules { actions: actions.clone() }));
        Self::attach_guarded(cdb, actions)
    }

    /// The same for a database whose options went through [`Scheduler::guard`].
    pub fn attach_guarded(cdb: &Cdb, actions: Actions) -> Self {
        let shared = Arc::new(Shared {
            cdb: cdb.clone(),
            clock: cdb.clock().clone(),
            rules: Arc::new(Rules { actions }),
            wake: Signal::new(),
            ended: Signal::new(),
            looking: Mutex::default(),
            state: Mutex::default(),
            observers: Mutex::default(),
        });
        Self { shared, thread: Mutex::default(), following: Mutex::default() }
    }

    /// Follows the configuration, from the first time on that something may have to run: who only asks does not pay for it.
    fn follow(&self) -> Result<(), SchedulerError> {
        let mut following = self.following.lock().unwrap_or_else(PoisonError::into_inner);
        if following.is_some() {
            return Ok(());
        }
        // Weak, since the database holds the subscription and the scheduler the database.
        let told = Arc::downgrade(&self.shared);
        let handle = component::follow(&self.shared.cdb, &self.shared.rules, move |read| {
            if let Some(shared) = Weak::upgrade(&told) {
                shared.lock().incoming = Some(read);
                shared.wake.raise();
            }
        })?;
        *following = Some(handle);
        Ok(())
    }

    /// Runs tasks by themselves from now on, on threads of its own.
    pub fn start(&self) -> Result<(), SchedulerError> {
        self.follow()?;
        let shared = self.shared.clone();
        let builder = std::thread::Builder::new().name("scheduler".to_owned());
        let thread = builder.spawn(move || shared.work()).map_err(SchedulerError::Thread)?;
        *self.thread.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread);
        Ok(())
    }

    /// Looks at the clock once and runs what is due on this thread, one after the other: for programs with a loop of their own.
    /// Answers when to look again, on the wall clock; `None`: not before something is configured.
    pub fn run_due(&self) -> Option<u64> {
        if let Err(error) = self.follow() {
            tracing::error!(%error, "the scheduler's configuration cannot be read");
            return None;
        }
        self.shared.look(false)
    }

    /// Tells runs that go on to end, waits for them a little, and runs nothing by itself any more.
    pub fn stop(&self) {
        self.shared.stop();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread
            && thread.thread().id() != std::thread::current().id()
            && thread.join().is_err()
        {
            tracing::error!("the scheduler's thread panicked");
        }
    }

    /// Runs a task now, on this thread, and answers how it went. Whether it is enabled does not matter.
    pub fn run(&self, name: &str) -> Result<Past, SchedulerError> {
        self.run_cancelled_by(name, &Arc::new(Cancel::new()))
    }

    /// The same; it is told to end when `cancel` is set.
    pub fn run_cancelled_by(
        &self,
        name: &str,
        cancel: &Arc<Cancel>,
    ) -> Result<Past, SchedulerError> {
        self.follow()?;
        self.shared.run_now(name, cancel)
    }

    /// The configuration, and what is wrong in it.
    pub fn config(&self) -> Result<Read<Config>, SchedulerError> {
        let view = self.shared.cdb.begin_read(Datastore::Config);
        Ok(component::read(&*self.shared.rules, &view)?)
    }

    /// The next times of a task (NSO: `get-next-run-times`), microseconds since the Unix epoch, whether or not it is enabled.
    pub fn next_run_times(&self, name: &str, count: usize) -> Result<Vec<u64>, SchedulerError> {
        let task = self.shared.task(name)?;
        let mut at = self.shared.clock.wall_micros();
        let next = || {
            at = task.schedule.next_after(at)?;
            Some(at)
        };
        Ok(std::iter::from_fn(next).take(count).collect())
    }

    /// The last runs of a task, newest first; also of one that has removed itself.
    pub fn history(&self, name: &str, limit: usize) -> Result<Vec<Past>, SchedulerError> {
        Ok(record::history(&self.shared.cdb.begin_read(Datastore::Operational), name, limit)?)
    }

    /// Forgets runs of a task (NSO: `history/purge`), and says how many.
    pub fn purge(&self, name: &str, purge: &Purge) -> Result<u64, SchedulerError> {
        Ok(record::purge(&self.shared.cdb, name, purge)?)
    }

    /// Forgets everything that is kept of a task that is no longer configured.
    pub fn forget(&self, name: &str) -> Result<(), SchedulerError> {
        Ok(record::forget(&self.shared.cdb, name)?)
    }

    /// The tasks that something is kept of, configured or not.
    pub fn known(&self) -> Result<Vec<String>, SchedulerError> {
        Ok(record::known(&self.shared.cdb.begin_read(Datastore::Operational))?)
    }

    /// Since when a task runs (NSO: `is-running`); `None` when it does not.
    pub fn running_since(&self, name: &str) -> Result<Option<u64>, SchedulerError> {
        let view = self.shared.cdb.begin_read(Datastore::Operational);
        Ok(record::kept(&view, name)?.running.map(|mark| mark.since_micros))
    }

    /// How many tasks it has taken over.
    #[cfg(test)]
    pub(super) fn shared_jobs(&self) -> usize {
        self.shared.lock().jobs.len()
    }

    /// Calls `observer` with everything that happens from now on, on the thread where it happens.
    pub fn observe(&self, observer: impl Fn(&SchedulerEvent) + Send + Sync + 'static) {
        let mut observers = self.shared.observers.lock().unwrap_or_else(PoisonError::into_inner);
        observers.push(Arc::new(observer));
    }
}

impl Drop for Scheduler {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    /// The thread.
    fn work(self: Arc<Self>) {
        loop {
            let wake_at = self.look(true);
            if self.lock().stopping {
                return;
            }
            // In this order: what passes between the two makes the wait shorter, not longer.
            let (now, wall) = (self.clock.monotonic(), self.clock.wall_micros());
            let left = |at: u64| Duration::from_micros(at.saturating_sub(wall)).min(LOOK_EVERY);
            self.clock.wait(&self.wake, wake_at.map(|at| now.saturating_add(left(at))));
        }
    }

    fn stop(&self) {
        let give_up = self.clock.monotonic().saturating_add(PATIENCE);
        let cancels: Vec<_> = {
            let mut state = self.lock();
            state.stopping = true;
            state.runs.values().map(|run| run.cancel.clone()).collect()
        };
        cancels.iter().for_each(|cancel| cancel.cancel());
        self.wake.raise();
        while !self.lock().runs.is_empty() && self.clock.monotonic() < give_up {
            self.clock.wait(&self.ended, Some(give_up));
        }
    }

    /// One look: on threads, or here.
    fn look(self: &Arc<Self>, on_threads: bool) -> Option<u64> {
        let looking = self.looking.lock().unwrap_or_else(PoisonError::into_inner);
        self.take_over();
        self.end_what_is_out_of_time();
        let starting = self.due();
        self.remove_spent();
        // Runs of this thread come after the look: an action may look itself.
        drop(looking);
        for starting in starting {
            if on_threads {
                self.spawn(starting);
            } else {
                self.carry_out(&starting);
                self.remove_spent();
            }
        }
        self.wake_at()
    }

    fn end_what_is_out_of_time(&self) {
        let now = self.clock.monotonic();
        let mut out_of_time = Vec::new();
        for run in self.lock().runs.values_mut() {
            if !run.timed_out && run.deadline.is_some_and(|deadline| deadline <= now) {
                run.timed_out = true;
                out_of_time.push(run.cancel.clone());
            }
        }
        out_of_time.iter().for_each(|cancel| cancel.cancel());
    }

    /// Asks every job; answers what is to begin.
    fn due(&self) -> Vec<Starting> {
        let now = self.clock.wall_micros();
        let clock = self.clock.clone();
        let mut chance = move |below: u64| chance(&*clock, below);
        let (mut starting, mut found) = (Vec::new(), Vec::new());
        let mut state = self.lock();
        if state.stopping {
            return starting;
        }
        let State { jobs, runs, .. } = &mut *state;
        for (name, job) in jobs {
            let look = job.look(now, &mut chance);
            if look != Found::default() {
                found.push((name.clone(), job.task.clone(), look));
            }
            if let Some(begin) = look.begin {
                let cancel = Arc::new(Cancel::new());
                runs.insert(name.clone(), self.run_of(&job.task, &cancel));
                let (task, handled) = (job.task.clone(), job.handled);
                starting.push(Starting { task, begin, cancel, handled });
            }
        }
        drop(state);
        for (name, task, found) in found {
            self.tell_found(&name, &task, &found, now);
        }
        starting
    }

    fn tell_found(&self, name: &str, task: &Task, found: &Found, now: u64) {
        if found.put_back {
            tracing::warn!(task = name, "the clock was put back; times are counted anew from now");
        }
        if let Some(when_micros) = found.due {
            self.tell(&SchedulerEvent::Due { task: name.to_owned(), when_micros });
        }
        let Some(when_micros) = found.missed else { return };
        let past = Past {
            when_micros,
            sequence: 0,
            start_micros: now,
            duration_micros: 0,
            trigger: Trigger::Missed,
            succeeded: false,
            info: "missed: nothing could run at that time (missed-runs is skip)".to_owned(),
        };
        if let Err(error) = self.conclude(&task.name, &past, when_micros) {
            tracing::error!(task = name, %error, "the history cannot be written");
        }
    }

    /// Takes tasks out of the configuration that have had their single time.
    fn remove_spent(&self) {
        let (spent, configured): (Vec<String>, Vec<String>) = {
            let mut state = self.lock();
            let spent = state
                .jobs
                .iter_mut()
                .filter_map(|(name, job)| job.is_spent().then(|| name.clone()));
            let spent = spent.collect();
            (spent, state.jobs.keys().cloned().collect())
        };
        if spent.is_empty() {
            return;
        }
        let tasks = crate::cdb::Path::root().child("scheduler").child("task");
        let removed = self.cdb.write(Datastore::Config, |tx| {
            tx.set_user("scheduler");
            tx.set_comment("its time was");
            spent.iter().try_for_each(|name| tx.remove(tasks.with_keys([name])).map(drop))
        });
        let configured: Vec<_> =
            configured.iter().filter(|name| !spent.contains(name)).map(String::as_str).collect();
        let removed =
            removed.map(drop).and_then(|()| record::forget_departed(&self.cdb, &configured));
        if let Err(error) = removed {
            tracing::warn!(%error, "a task that has run its only time cannot be removed");
        }
    }
}

/// A number below another.
fn chance(clock: &dyn Clock, below: u64) -> u64 {
    let number = clock.unique_id() % u128::from(below.max(1));
    u64::try_from(number).unwrap_or_default()
}
