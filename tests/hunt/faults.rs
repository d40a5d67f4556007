//! What is done to a scenario: power failures, kills, syncs that lie, calls that fail.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use pumice::journal::{CommitError, CompactionError, Durability, OpenError, WritePolicy};
use pumice::vfs::Operation;

use crate::explore::{Explorer, undecided};
use crate::history::{LARGE, SYNC, compare};
use crate::record::Verdict;
use crate::scenario::{Process, Scenario, commit_at};

static INJECTED: AtomicU64 = AtomicU64::new(0);

/// How many calls were made to fail so far.
pub fn injected() -> u64 {
    INJECTED.load(Ordering::Relaxed)
}

/// What each thread is at.
static NOTES: Mutex<BTreeMap<String, String>> = Mutex::new(BTreeMap::new());

/// Says what was going on when a check fails or does not end.
struct Note;

impl Note {
    fn new(text: String) -> Self {
        NOTES.lock().unwrap().insert(thread(), text);
        Self
    }
}

impl Drop for Note {
    fn drop(&mut self) {
        let text = NOTES.lock().unwrap().remove(&thread());
        if std::thread::panicking() {
            println!("in {}", text.unwrap_or_default());
        }
    }
}

fn thread() -> String {
    format!("{:?}", std::thread::current().id())
}

/// What is going on right now.
pub fn notes() -> Vec<String> {
    NOTES.lock().unwrap().values().cloned().collect()
}

pub fn crashes(scenario: &Scenario, explorer: &mut Explorer<'_>) {
    let note = Note::new(format!("crashes of {}", scenario.name));
    let process = (scenario.run)();
    let history = process.history.lock().unwrap().clone();
    explorer.recording(&process.vfs.recording(), &history, scenario.stores);
    drop(note);
}

/// The process ends at every point, another one goes on with what is in the cache, and then the power goes.
pub fn kills(scenario: &Scenario, explorer: &mut Explorer<'_>) {
    let process = (scenario.run)();
    let recording = process.vfs.recording();
    let mut disk = recording.start.clone();
    for (index, event) in recording.events.iter().enumerate() {
        disk.apply(event);
        let note = Note::new(format!("kill of {} after event {index}", scenario.name));
        let next = process.after(disk.clone());
        next.count_from(50);
        explorer.carried = undecided(&recording.events[index + 1..]);
        *next.undecided.lock().unwrap() = explorer.carried;
        next.open(scenario.stores).unwrap();
        (0..2).for_each(|_| next.commit(0, SYNC).unwrap());
        let history = next.history.lock().unwrap().clone();
        explorer.recording(&next.vfs.recording(), &history, scenario.stores);
        drop(note);
    }
}

/// Something of everything; its errors do not end it.
fn busy(process: &Arc<Process>) -> Vec<CommitError> {
    let mut errors = Vec::new();
    for durability in [SYNC, Durability::Buffered, SYNC] {
        errors.extend(process.commit(0, durability).err());
    }
    for policy in [WritePolicy::Background, WritePolicy::Blocking] {
        let at_stage = move |process: &Process, stage| {
            if policy == WritePolicy::Background {
                commit_at(process, stage);
            }
        };
        if let Err(CompactionError::Unavailable(error)) = process.compact(policy, at_stage) {
            errors.push(error);
        }
        errors.extend(process.commit(0, SYNC).err());
    }
    // More than the room that was made ahead.
    process.count_from(LARGE + 100);
    for durability in [Durability::Buffered, SYNC, SYNC] {
        errors.extend(process.commit(0, durability).err());
    }
    process.count_from(160);
    errors
}

/// Each sync fails in turn and leaves its pages clean; the store is opened again on the same cache; then the
/// power goes.
pub fn lying_syncs(scenario: &Scenario, explorer: &mut Explorer<'_>) {
    let first = (scenario.run)();
    for count in 0.. {
        let process = first.after(first.vfs.disk());
        process.count_from(100);
        let reached = Arc::new(AtomicBool::new(false));
        let (syncs, flag) = (AtomicU64::new(0), reached.clone());
        process.vfs.set_plan(Some(Arc::new(move |operation| {
            let hit = operation == Operation::Sync && syncs.fetch_add(1, Ordering::SeqCst) == count;
            flag.fetch_or(hit, Ordering::SeqCst);
            if hit { Verdict::Fail(EIO) } else { Verdict::Pass }
        })));
        let note = Note::new(format!("{} then sync {count} lies", scenario.name));
        if process.open_unread(scenario.stores).is_ok() {
            drop(busy(&process));
            drop(process.close());
        }
        let disk = process.vfs.disk();
        let history = process.history.lock().unwrap().clone();
        explorer.point(&disk, &history, scenario.stores);
        let next = process.after(disk);
        next.count_from(200);
        next.open(scenario.stores).unwrap();
        (0..2).for_each(|_| next.commit(0, SYNC).unwrap());
        let history = next.history.lock().unwrap().clone();
        explorer.recording(&next.vfs.recording(), &history, scenario.stores);
        drop(note);
        if !reached.load(Ordering::SeqCst) {
            break;
        }
    }
}

const EINTR: i32 = 4;
const EIO: i32 = 5;
const EAGAIN: i32 = 11;
const ENOMEM: i32 = 12;
const EACCES: i32 = 13;
const EFBIG: i32 = 27;
const EMFILE: i32 = 24;
const ENOSPC: i32 = 28;
const EROFS: i32 = 30;
const EDQUOT: i32 = 122;
const ERRNOS: [i32; 10] =
    [EIO, ENOSPC, EDQUOT, EFBIG, EINTR, EAGAIN, EROFS, EACCES, EMFILE, ENOMEM];
const NO_ROOM: [i32; 3] = [ENOSPC, EDQUOT, EFBIG];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Mode {
    Once,
    /// Once, after the call has done its work.
    OnceLate,
    ForEver,
    EveryThird,
}
const MODES: [Mode; 4] = [Mode::Once, Mode::OnceLate, Mode::ForEver, Mode::EveryThird];

/// Which call fails, and how.
#[derive(Clone, Copy, Debug)]
struct Fault {
    errno: i32,
    mode: Mode,
    nth: u64,
}

impl Fault {
    fn hits(self, call: u64) -> bool {
        match self.mode {
            Mode::Once | Mode::OnceLate => call == self.nth,
            Mode::ForEver => call >= self.nth,
            Mode::EveryThird => call >= self.nth && (call - self.nth).is_multiple_of(3),
        }
    }

    fn verdict(self) -> Verdict {
        match self.mode {
            Mode::OnceLate => Verdict::FailLate(self.errno),
            _ => Verdict::Fail(self.errno),
        }
    }
}

/// What stands for all scenarios where there is little time: what follows does something of everything.
const FEW: [&str; 3] = ["nothing", "commits between stages", "two stores"];

/// Each call fails in turn, in every way; without `all` in a third of the ways, after few scenarios.
pub fn fail_every_call(scenario: &Scenario, explorer: &mut Explorer<'_>, all: bool) {
    if !all && !FEW.contains(&scenario.name) {
        return;
    }
    let first = (scenario.run)();
    let ways = ERRNOS.iter().flat_map(|errno| MODES.map(|mode| (*errno, mode)));
    for (errno, mode) in ways.step_by(if all { 1 } else { 3 }) {
        for nth in 0.. {
            if !fail_call(&first, scenario, Fault { errno, mode, nth }, explorer) {
                break;
            }
        }
    }
}

/// `false` when the run ended before the call.
fn fail_call(
    first: &Process,
    scenario: &Scenario,
    fault: Fault,
    explorer: &mut Explorer<'_>,
) -> bool {
    let process = first.after(first.vfs.disk());
    process.count_from(100);
    let failed: Arc<Mutex<Vec<Operation>>> = Arc::default();
    let (calls, log) = (AtomicU64::new(0), failed.clone());
    process.vfs.set_plan(Some(Arc::new(move |operation| {
        if !fault.hits(calls.fetch_add(1, Ordering::SeqCst)) {
            return Verdict::Pass;
        }
        INJECTED.fetch_add(1, Ordering::Relaxed);
        log.lock().unwrap().push(operation);
        fault.verdict()
    })));
    let note = Note::new(format!("{} then {fault:?}", scenario.name));
    match open_twice(&process, scenario.stores) {
        Ok(()) => go_on(&process, fault, &failed),
        Err(error) => judge_open(&error, &failed.lock().unwrap()),
    }
    process.vfs.set_plan(None);
    let disk = process.vfs.disk();
    let history = process.history.lock().unwrap().clone();
    explorer.point(&disk, &history, scenario.stores);
    let next = process.after(disk);
    drop(process);
    next.count_from(200);
    next.open(scenario.stores).unwrap();
    next.commit(0, SYNC).unwrap();
    drop(note);
    !failed.lock().unwrap().is_empty()
}

/// Opens the stores, uses and closes them, and opens them again.
fn open_twice(process: &Arc<Process>, stores: usize) -> Result<(), OpenError> {
    process.open_unread(stores)?;
    drop(process.commit(0, SYNC));
    drop(process.close());
    process.open_unread(stores)
}

/// The store was opened; what fails from here on is told, and what is not poisoned works again.
fn go_on(process: &Arc<Process>, fault: Fault, failed: &Mutex<Vec<Operation>>) {
    let errors = busy(process);
    process.vfs.set_plan(None);
    let failed = failed.lock().unwrap().clone();
    errors.iter().for_each(|error| judge(error, fault, &failed));
    if process.store(0).check_writable().is_ok() {
        process.commit(0, SYNC).unwrap();
        process.compact(WritePolicy::Blocking, |_, _| ()).unwrap();
        process.commit(0, SYNC).unwrap();
    } else {
        assert!(may_poison(&failed), "{failed:?}");
    }
    let store = process.store(0);
    let snapshot = store.snapshot();
    let sequence = snapshot.sequence().get();
    let history = process.history.lock().unwrap();
    compare(&snapshot, history.map(0, sequence)).unwrap_or_else(|what| panic!("read back: {what}"));
}

/// What may end the use of a store, nothing else is worth that: a sync, a cut, and where it stays open
/// whether a name leads to the old file or the new one.
fn may_poison(failed: &[Operation]) -> bool {
    const POISONING: [Operation; 5] = [
        Operation::Sync,
        Operation::SyncDir,
        Operation::SetLen,
        Operation::Rename,
        Operation::Metadata,
    ];
    failed.iter().any(|operation| POISONING.contains(operation))
}

/// An open that fails says what the system said, and only then.
fn judge_open(error: &OpenError, failed: &[Operation]) {
    assert!(matches!(error, OpenError::Io(_) | OpenError::Read(_)), "{error}");
    assert!(!failed.is_empty(), "{error}");
}

/// Whether an error is the one for what failed.
fn judge(error: &CommitError, fault: Fault, failed: &[Operation]) {
    let full = NO_ROOM.contains(&fault.errno);
    if fault.mode == Mode::Once && failed == [Operation::Sync] {
        assert!(matches!(error, CommitError::Poisoned { .. }), "{error}");
    }
    match error {
        CommitError::NoSpace(_) => assert!(full, "{error}"),
        CommitError::Io(_) => assert!(!full, "{error}"),
        CommitError::Poisoned { .. } => assert!(may_poison(failed), "{failed:?}"),
        CommitError::Read(_) => assert!(failed.contains(&Operation::Read), "{failed:?}"),
        other => panic!("{other:?} after {fault:?}"),
    }
}
