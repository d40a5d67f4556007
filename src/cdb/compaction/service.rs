//! Runs compactions: those that the plan says are due on a thread of its own, and those of a caller on the
//! caller's.
//!
//! Locks: `state` alone, never held while a compaction runs or an observer is told.

use std::fmt;
use std::num::NonZeroU64;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::super::Datastore;
use super::delay::DelayOptions;
use super::entry::{Cause, CompactionEntry, CompactionEvent};
use super::info::{CompactionInfo, Standing};
use super::options::{ByItself, CompactionOptions, JournalCompaction};
use super::plan::Plan;
use super::threshold::{Growth, ThresholdName, Verdict, evaluate};
use crate::clock::{Clock, Signal};
use crate::journal::{
    CompactionControl, CompactionError, CompactionObserver, CompactionReport, CompactionRequest,
    Progress, Stage, Store, WritePolicy,
};

/// A datastore as compaction sees it.
pub trait CompactionTarget: Send + Sync + fmt::Debug {
    /// Its journal.
    fn store(&self) -> &Store;

    /// Its growth since the last compaction. No I/O.
    fn growth(&self) -> Growth;

    /// The transactions of its tail are about to be folded into the image.
    fn before_fold(&self) {}
}

/// How far a load in steps lets a file grow between two compactions, whatever the thresholds say: what was written since the last one
/// is indexed in memory, and this is some 150 MB of it at the most.
const LOAD_GROWTH_MAX_BYTES: u64 = 64 << 20;

/// Where compactions and requests for them are written down. Called outside of every lock.
pub trait CompactionLedger: Send + Sync {
    /// A compaction ended: keeps it, and forgets a request for that datastore.
    fn record(&self, entry: &CompactionEntry);

    /// A compaction was asked for that has to wait for its delay.
    fn request(&self, datastore: Datastore);

    /// What was asked for is not wanted any more.
    fn forget(&self, datastore: Datastore);

    /// Datastores whose compaction was asked for and did not take place before the process ended.
    fn requested(&self) -> Vec<Datastore>;
}

/// How one compaction is to be run, where it differs from the options.
#[derive(Clone, Copy, Debug, Default)]
pub struct RunOptions {
    /// When write transactions wait.
    pub write_policy: Option<WritePolicy>,
    /// The most bytes written per second.
    pub throttle_bytes_per_second: Option<NonZeroU64>,
    /// Whether what undoes the folded transactions is not kept: the steps of a load would be in memory a second time.
    pub without_rollbacks: bool,
}

/// The compactions of the three datastores.
pub struct Compactions {
    shared: Arc<Shared>,
    worker: Mutex<Option<JoinHandle<()>>>,
}

impl fmt::Debug for Compactions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compactions").field("targets", &self.shared.targets).finish_non_exhaustive()
    }
}

struct Shared {
    clock: Arc<dyn Clock>,
    targets: [Arc<dyn CompactionTarget>; 3],
    ledger: Box<dyn CompactionLedger>,
    wake: Arc<Signal>,
    state: Mutex<State>,
}

/// Is handed every event; `false` when it wants no more.
type Observer = Box<dyn Fn(CompactionEvent) -> bool + Send>;

struct State {
    options: CompactionOptions,
    plan: Plan,
    running: [Option<Running>; 3],
    observers: Vec<Observer>,
    stopping: bool,
}

#[derive(Clone)]
struct Running {
    cause: Cause,
    control: Arc<CompactionControl>,
}

impl Compactions {
    /// Begins to listen. `targets` are the config, operational and snapshot datastores in this order.
    ///
    /// What the thresholds say is due at the start is compacted at once, unless the options disable it. What was asked
    /// for before the last process ended waits for its delay again.
    pub fn start(
        clock: Arc<dyn Clock>,
        options: CompactionOptions,
        targets: [Arc<dyn CompactionTarget>; 3],
        ledger: Box<dyn CompactionLedger>,
    ) -> std::io::Result<Self> {
        let state = State {
            options,
            plan: Plan::default(),
            running: [None, None, None],
            observers: Vec::new(),
            stopping: false,
        };
        let shared = Arc::new(Shared {
            clock,
            targets,
            ledger,
            wake: Signal::new(),
            state: Mutex::new(state),
        });
        shared.plan_requested();
        shared.plan_start();
        let for_worker = shared.clone();
        let builder = std::thread::Builder::new().name("compaction".to_owned());
        let worker = builder.spawn(move || for_worker.work())?;
        Ok(Self { shared, worker: Mutex::new(Some(worker)) })
    }

    /// A transaction was committed to `datastore`: NSO's evaluation after each transaction, for the affected
    /// datastore only. Costs some arithmetic.
    pub fn committed(&self, datastore: Datastore) {
        let shared = &self.shared;
        let growth = shared.target(datastore).growth();
        let mut state = shared.lock();
        let cause = state.due(&growth).map(Cause::Threshold);
        let (now, delay) = (shared.clock.monotonic(), state.delay(datastore));
        state.plan.committed(datastore, cause, now, &delay);
        let wake = state.plan.next_deadline().is_some();
        drop(state);
        if wake {
            shared.wake.raise();
        }
    }

    /// NSO's `cdb_initiate_journal_compaction`: asks for all datastores and returns at once. The
    /// configuration datastore waits for its delay, the others do not. In either mode.
    pub fn initiate_all(&self) {
        for datastore in Datastore::ALL {
            self.initiate(datastore);
        }
    }

    /// NSO's `cdb_initiate_journal_dbfile_compaction`: asks for one datastore and returns at once. A request
    /// while one waits is the same request.
    pub fn initiate(&self, datastore: Datastore) {
        let shared = &self.shared;
        let mut state = shared.lock();
        let (now, delay) = (shared.clock.monotonic(), state.delay(datastore));
        let waited = state.plan.is_requested(datastore);
        state.plan.requested(datastore, Cause::Request, now, &delay);
        drop(state);
        if !waited && delay != DelayOptions::NONE {
            shared.ledger.request(datastore);
        }
        shared.wake.raise();
    }

    /// Compacts a datastore on this thread, at once.
    ///
    /// # Errors
    /// [`CompactionError::Running`] when one runs already; else see there. The datastore is as it was.
    pub fn run(
        &self,
        datastore: Datastore,
        options: RunOptions,
    ) -> Result<CompactionEntry, CompactionError> {
        self.shared.run(datastore, Cause::Request, options)
    }

    /// The same for the scheduler: the history says that a schedule was the cause.
    ///
    /// # Errors
    /// As for [`Compactions::run`].
    pub fn run_scheduled(
        &self,
        datastore: Datastore,
        options: RunOptions,
    ) -> Result<CompactionEntry, CompactionError> {
        self.shared.run(datastore, Cause::Schedule, options)
    }

    /// Compacts a datastore on this thread, at once, if the thresholds say that it is due and are listened to at
    /// all: for those who are over before a delay would be. `None` when nothing was due.
    pub fn run_if_due(
        &self,
        datastore: Datastore,
    ) -> Result<Option<CompactionEntry>, CompactionError> {
        let due = self.info(datastore).verdict.trigger();
        let run = RunOptions::default();
        due.map_or(Ok(None), |name| self.run_automatic(datastore, Cause::Threshold(name), run))
    }

    /// The same, and also when the file has grown so much that the tail's part of memory would be large.
    pub(crate) fn run_between_steps(
        &self,
        datastore: Datastore,
    ) -> Result<Option<CompactionEntry>, CompactionError> {
        let info = self.info(datastore);
        let growth_bytes = info.growth.file_bytes.saturating_sub(info.growth.baseline_bytes);
        let large = growth_bytes > LOAD_GROWTH_MAX_BYTES;
        let cause = info.verdict.trigger().map(Cause::Threshold).or(large.then_some(Cause::Load));
        let run = RunOptions { without_rollbacks: true, ..RunOptions::default() };
        cause.map_or(Ok(None), |cause| self.run_automatic(datastore, cause, run))
    }

    fn run_automatic(
        &self,
        datastore: Datastore,
        cause: Cause,
        run: RunOptions,
    ) -> Result<Option<CompactionEntry>, CompactionError> {
        if self.info(datastore).journal_compaction != JournalCompaction::Automatic {
            return Ok(None);
        }
        self.shared.run(datastore, cause, run).map(Some)
    }

    /// Asks the compaction of a datastore that runs or waits to end. `false` when there was none.
    pub fn cancel(&self, datastore: Datastore) -> bool {
        let mut state = self.shared.lock();
        let running = state.running_of(datastore).clone();
        let waited = state.plan.waiting(datastore).is_some();
        let asked = state.plan.is_requested(datastore);
        state.plan.forget(datastore);
        drop(state);
        if asked {
            self.shared.ledger.forget(datastore);
        }
        if let Some(running) = &running {
            running.control.cancel();
        }
        waited || running.is_some()
    }

    /// NSO's `cdb_get_compaction_info`, and more. Reads a sample of the datastore for the estimate.
    pub fn info(&self, datastore: Datastore) -> CompactionInfo {
        self.shared.info(datastore)
    }

    /// Everything that happens to compactions from now on. Drop the receiver to end it.
    pub fn subscribe(&self) -> Receiver<CompactionEvent> {
        let (sender, receiver) = channel();
        self.observe(move |event| sender.send(event).is_ok());
        receiver
    }

    /// Hands everything that happens from now on to `observer`, until it answers `false`. It is called in order, under a
    /// lock: it may pass the event on, and nothing else.
    pub(crate) fn observe(&self, observer: impl Fn(CompactionEvent) -> bool + Send + 'static) {
        self.shared.lock().observers.push(Box::new(observer));
    }

    /// The options in force.
    pub fn options(&self) -> CompactionOptions {
        self.shared.lock().options
    }

    /// Replaces the options. What already waits keeps its deadline; where thresholds are no longer listened to, what waits
    /// because of one does not begin. What a person asked for does.
    pub fn set_options(&self, options: CompactionOptions) {
        let mut state = self.shared.lock();
        state.options = options;
        if !state.listens() {
            state.plan.forget_automatic();
        }
        drop(state);
        self.shared.wake.raise();
    }

    /// Cancels what runs and ends the thread. Later requests are not served.
    pub fn stop(&self) {
        let running: Vec<_> = {
            let mut state = self.shared.lock();
            state.stopping = true;
            state.running.iter().flatten().cloned().collect()
        };
        for running in &running {
            running.control.cancel();
        }
        self.shared.wake.raise();
        let worker = self.worker.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(worker) = worker
            && worker.thread().id() != std::thread::current().id()
            && worker.join().is_err()
        {
            tracing::error!("the compaction thread panicked");
        }
    }
}

impl Drop for Compactions {
    fn drop(&mut self) {
        self.stop();
    }
}

impl State {
    /// The threshold that makes a compaction due by itself.
    fn due(&self, growth: &Growth) -> Option<ThresholdName> {
        if self.listens() { self.verdict(growth).trigger() } else { None }
    }

    /// Whether thresholds are listened to.
    fn listens(&self) -> bool {
        let CompactionOptions { journal_compaction, by_itself, .. } = self.options;
        journal_compaction == JournalCompaction::Automatic && by_itself != ByItself::Never
    }

    fn verdict(&self, growth: &Growth) -> Verdict {
        evaluate(&self.options.thresholds, growth)
    }

    fn delay(&self, datastore: Datastore) -> DelayOptions {
        match datastore {
            Datastore::Config => self.options.delay,
            Datastore::Operational | Datastore::Snapshot => DelayOptions::NONE,
        }
    }

    fn running_of(&mut self, datastore: Datastore) -> &mut Option<Running> {
        let [config, operational, snapshot] = &mut self.running;
        match datastore {
            Datastore::Config => config,
            Datastore::Operational => operational,
            Datastore::Snapshot => snapshot,
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn target(&self, datastore: Datastore) -> &Arc<dyn CompactionTarget> {
        let [config, operational, snapshot] = &self.targets;
        match datastore {
            Datastore::Config => config,
            Datastore::Operational => operational,
            Datastore::Snapshot => snapshot,
        }
    }

    /// What was asked for before the process before ended.
    fn plan_requested(&self) {
        let now = self.clock.monotonic();
        for datastore in self.ledger.requested() {
            let mut state = self.lock();
            let delay = state.delay(datastore);
            state.plan.requested(datastore, Cause::Request, now, &delay);
        }
    }

    /// What is due when the datastores are opened: the same predicate, without delay.
    fn plan_start(&self) {
        let now = self.clock.monotonic();
        for datastore in Datastore::ALL {
            let growth = self.target(datastore).growth();
            let mut state = self.lock();
            if state.options.by_itself == ByItself::NotAtStart {
                return;
            }
            if let Some(name) = state.due(&growth) {
                state.plan.requested(datastore, Cause::Start(name), now, &DelayOptions::NONE);
            }
        }
    }

    /// The thread: waits for the next deadline, runs what is due, one after the other.
    fn work(self: Arc<Self>) {
        loop {
            let (due, deadline) = {
                let mut state = self.lock();
                if state.stopping {
                    return;
                }
                (state.plan.take_due(self.clock.monotonic()), state.plan.next_deadline())
            };
            if due.is_empty() {
                self.clock.wait(&self.wake, deadline);
            }
            for (datastore, cause) in due {
                if let Err(error) = self.run(datastore, cause, RunOptions::default()) {
                    tracing::warn!(%datastore, %cause, %error, "a compaction did not take place");
                }
            }
        }
    }

    fn run(
        self: &Arc<Self>,
        datastore: Datastore,
        cause: Cause,
        run: RunOptions,
    ) -> Result<CompactionEntry, CompactionError> {
        let observer = Arc::new(Teller::new(self.clone(), datastore, !run.without_rollbacks));
        let control = Arc::new(CompactionControl::observed_by(observer));
        let request = self.register(datastore, cause, &control, run)?;
        let store = self.target(datastore).store();
        let before = store.stats();
        let started = (self.clock.wall_micros(), self.clock.monotonic());
        self.tell(&CompactionEvent::Started { datastore, cause, size_bytes: before.file_bytes });
        let outcome = store.compact(&request, &control);
        let now = self.clock.monotonic();
        {
            let mut state = self.lock();
            *state.running_of(datastore) = None;
            match outcome {
                Ok(_) => state.plan.succeeded(datastore),
                Err(_) => state.plan.failed(datastore, now),
            }
        }
        let mut entry = CompactionEntry {
            datastore,
            cause,
            size_start_bytes: before.file_bytes,
            size_end_bytes: before.file_bytes,
            size_last_bytes: before.baseline_bytes,
            start_micros: started.0,
            duration_micros: micros(now.saturating_sub(started.1)),
            transactions: before.transactions_since_compaction,
            blocked_micros: 0,
            failure: None,
        };
        self.conclude(&mut entry, &outcome);
        outcome.map(|_| entry)
    }

    /// Marks the compaction as running.
    fn register(
        &self,
        datastore: Datastore,
        cause: Cause,
        control: &Arc<CompactionControl>,
        run: RunOptions,
    ) -> Result<CompactionRequest, CompactionError> {
        let mut state = self.lock();
        let options = state.options;
        let running = state.running_of(datastore);
        if running.is_some() {
            return Err(CompactionError::Running);
        }
        *running = Some(Running { cause, control: control.clone() });
        let throttle = run.throttle_bytes_per_second.or(options.throttle_bytes_per_second);
        Ok(CompactionRequest {
            policy: run.write_policy.unwrap_or(options.write_policy),
            throttle_bytes_per_second: throttle,
        })
    }

    /// Fills in what came of it, keeps it, and tells.
    fn conclude(
        &self,
        entry: &mut CompactionEntry,
        outcome: &Result<CompactionReport, CompactionError>,
    ) {
        let event: fn(CompactionEntry) -> CompactionEvent = match outcome {
            Ok(report) => {
                entry.size_start_bytes = report.record.size_start_bytes;
                entry.size_end_bytes = report.record.size_end_bytes;
                entry.size_last_bytes = report.record.size_last_bytes;
                entry.transactions = report.record.transactions;
                entry.blocked_micros = micros(report.blocked);
                CompactionEvent::Finished
            }
            Err(error) => {
                entry.failure = Some(error.to_string());
                match error {
                    CompactionError::Cancelled { .. } => CompactionEvent::Cancelled,
                    _ => CompactionEvent::Failed,
                }
            }
        };
        self.ledger.record(entry);
        self.tell(&event(entry.clone()));
    }

    fn info(&self, datastore: Datastore) -> CompactionInfo {
        let target = self.target(datastore);
        let (growth, stats) = (target.growth(), target.store().stats());
        let now = self.clock.monotonic();
        let mut state = self.lock();
        let runs = state.running_of(datastore).clone();
        let standing = match (runs, state.plan.waiting(datastore)) {
            (Some(Running { cause, control }), _) => {
                Standing::Running { cause, progress: control.progress() }
            }
            (None, Some((cause, deadline))) => {
                let left = deadline.saturating_sub(now).as_millis();
                Standing::Waiting { cause, left_ms: u64::try_from(left).unwrap_or(u64::MAX) }
            }
            (None, None) => Standing::Idle,
        };
        CompactionInfo {
            datastore,
            growth,
            last_start_micros: stats.last_compaction.map(|last| last.start_micros),
            stats,
            journal_compaction: state.options.journal_compaction,
            verdict: state.verdict(&growth),
            estimated_bytes: target.store().estimated_bytes(),
            standing,
        }
    }

    /// Tells everybody who still listens.
    fn tell(&self, event: &CompactionEvent) {
        self.lock().observers.retain(|observer| observer(event.clone()));
    }
}

/// Tells the progress of one compaction, percent by percent.
struct Teller {
    shared: Arc<Shared>,
    datastore: Datastore,
    /// Whether what undoes the transactions that are folded is kept.
    keeps_rollbacks: bool,
    percent: Mutex<u8>,
}

impl Teller {
    fn new(shared: Arc<Shared>, datastore: Datastore, keeps_rollbacks: bool) -> Self {
        Self { shared, datastore, keeps_rollbacks, percent: Mutex::new(0) }
    }
}

impl fmt::Debug for Teller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Teller").field("datastore", &self.datastore).finish_non_exhaustive()
    }
}

impl CompactionObserver for Teller {
    fn stage(&self, stage: Stage) {
        // The state that is written is chosen, and the tail before it still there.
        if stage == Stage::WriteImage && self.keeps_rollbacks {
            self.shared.target(self.datastore).before_fold();
        }
    }

    fn progress(&self, progress: Progress) {
        let further = {
            let mut percent = self.percent.lock().unwrap_or_else(PoisonError::into_inner);
            let before = std::mem::replace(&mut *percent, progress.percent());
            *percent > before
        };
        if further {
            let datastore = self.datastore;
            self.shared.tell(&CompactionEvent::Progress { datastore, progress });
        }
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
