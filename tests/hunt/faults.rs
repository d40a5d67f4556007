//! What is done to a scenario: power failures, kills, syncs that lie, calls that fail.

use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use pumice::journal::{CommitError, CompactionError, Durability, WritePolicy};
use pumice::vfs::Operation;
use pumice::vfs::fault::FaultVfs;

use crate::explore::{Explorer, undecided};
use crate::history::SYNC;
use crate::scenario::{Process, Scenario, commit_at};

static INJECTED: AtomicU64 = AtomicU64::new(0);

/// How many calls were made to fail so far.
pub fn injected() -> u64 {
    INJECTED.load(Ordering::Relaxed)
}

/// Says what was going on when a check fails.
struct Note(String);

impl Drop for Note {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("in {}", self.0);
        }
    }
}

pub fn crashes(scenario: &Scenario, mut explorer: Explorer<'_>) {
    let note = Note(format!("crashes of {}", scenario.name));
    let process = (scenario.run)();
    let history = process.history.lock().unwrap().clone();
    explorer.recording(&process.vfs.recording(), &history, scenario.stores);
    drop(note);
}

/// The process ends at every point, another one goes on with what is in the cache, and then the power goes.
pub fn kills(scenario: &Scenario, mut explorer: Explorer<'_>) {
    let process = (scenario.run)();
    let history = process.history.lock().unwrap().clone();
    let recording = process.vfs.recording();
    let mut disk = recording.start.clone();
    for (index, event) in recording.events.iter().enumerate() {
        disk.apply(event);
        let note = Note(format!("kill of {} after event {index}", scenario.name));
        let next = Process::on(disk.clone(), history.clone());
        next.count_from(50);
        *next.undecided.lock().unwrap() = undecided(&recording.events[index + 1..]);
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
    let mut commit = |durability| errors.extend(process.commit(0, durability).err());
    commit(SYNC);
    commit(Durability::Buffered);
    commit(SYNC);
    drop(process.compact(WritePolicy::Background, commit_at));
    commit(SYNC);
    drop(process.compact(WritePolicy::Blocking, |_, _| ()));
    commit(SYNC);
    errors.extend(process.close().err());
    errors
}

/// Each sync fails in turn and leaves its pages clean; the store is opened again on the same cache; then the
/// power goes.
pub fn lying_syncs(scenario: &Scenario, mut explorer: Explorer<'_>) {
    for count in 0.. {
        let first = (scenario.run)();
        let history = first.history.lock().unwrap().clone();
        let process = Process::on(first.vfs.disk(), history);
        process.count_from(100);
        process.vfs.fail_sync_after(count);
        let note = Note(format!("{} then sync {count} lies", scenario.name));
        if process.open(scenario.stores).is_ok() {
            let _ = busy(&process);
        }
        let fault_reached = process.vfs.sync_failed();
        let disk = process.vfs.disk();
        let history = process.history.lock().unwrap().clone();
        explorer.point(&disk, &history, scenario.stores);
        let next = Process::on(disk, history);
        next.count_from(200);
        next.open(scenario.stores).unwrap();
        (0..2).for_each(|_| next.commit(0, SYNC).unwrap());
        let history = next.history.lock().unwrap().clone();
        explorer.recording(&next.vfs.recording(), &history, scenario.stores);
        drop(note);
        if !fault_reached {
            break;
        }
    }
}

const KINDS: [Option<ErrorKind>; 6] = [
    None,
    Some(ErrorKind::StorageFull),
    Some(ErrorKind::QuotaExceeded),
    Some(ErrorKind::FileTooLarge),
    Some(ErrorKind::PermissionDenied),
    Some(ErrorKind::ReadOnlyFilesystem),
];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Mode {
    Once,
    ForEver,
    EveryThird,
}

impl Mode {
    fn hits(self, call: u64, nth: u64) -> bool {
        match self {
            Self::Once => call == nth,
            Self::ForEver => call >= nth,
            Self::EveryThird => call >= nth && (call - nth).is_multiple_of(3),
        }
    }
}

/// Each call fails in turn, in every way.
pub fn fail_every_call(scenario: &Scenario, mut explorer: Explorer<'_>) {
    // One scenario stands for all: what follows it does something of everything.
    if !["newborn", "commits between stages", "repair of a group", "two stores"]
        .contains(&scenario.name)
    {
        return;
    }
    let first = (scenario.run)();
    for kind in KINDS {
        for mode in [Mode::Once, Mode::ForEver, Mode::EveryThird] {
            for nth in 0.. {
                if !fail_call(&first, scenario, kind, mode, nth, &mut explorer) {
                    break;
                }
            }
        }
    }
}

/// `false` when the run ended before the call.
fn fail_call(
    first: &Process,
    scenario: &Scenario,
    kind: Option<ErrorKind>,
    mode: Mode,
    nth: u64,
    explorer: &mut Explorer<'_>,
) -> bool {
    let history = first.history.lock().unwrap().clone();
    let process = Process::on(first.vfs.disk(), history);
    process.count_from(100);
    let failed: Arc<Mutex<Vec<Operation>>> = Arc::default();
    let (calls, off, log) = (AtomicU64::new(0), Arc::new(AtomicU64::new(0)), failed.clone());
    let switch = off.clone();
    let vfs = FaultVfs::new(process.vfs.shared(), move |call| {
        let hit = mode.hits(calls.fetch_add(1, Ordering::SeqCst), nth);
        if !hit || switch.load(Ordering::SeqCst) > 0 {
            return None;
        }
        INJECTED.fetch_add(1, Ordering::Relaxed);
        log.lock().unwrap().push(call.operation);
        Some(kind.map_or_else(|| io::Error::from_raw_os_error(5), io::Error::from))
    });
    let note = Note(format!("{} then call {nth} fails ({kind:?}, {mode:?})", scenario.name));
    if process.open_through(vfs.shared(), scenario.stores).is_ok() {
        let errors = busy_without_close(&process);
        let failed = failed.lock().unwrap().clone();
        errors.iter().for_each(|error| judge(error, kind, mode, &failed));
        off.store(1, Ordering::SeqCst);
        // What is not poisoned works again.
        if process.store(0).check_writable().is_ok() {
            process.commit(0, SYNC).unwrap();
            process.compact(WritePolicy::Blocking, |_, _| ()).unwrap();
            process.commit(0, SYNC).unwrap();
        } else {
            assert!(failed.iter().any(|operation| POISONING.contains(operation)), "{failed:?}");
        }
        read_back(&process);
    }
    off.store(1, Ordering::SeqCst);
    let disk = process.vfs.disk();
    let history = process.history.lock().unwrap().clone();
    drop(process);
    explorer.point(&disk, &history, scenario.stores);
    let next = Process::on(disk, history);
    next.count_from(200);
    next.open(scenario.stores).unwrap();
    next.commit(0, SYNC).unwrap();
    drop(note);
    !failed.lock().unwrap().is_empty()
}

/// What may end the use of a store: nothing else is worth that.
const POISONING: [Operation; 3] = [Operation::Sync, Operation::SyncDir, Operation::SetLen];

fn busy_without_close(process: &Arc<Process>) -> Vec<CommitError> {
    let mut errors = Vec::new();
    errors.extend(process.commit(0, SYNC).err());
    errors.extend(process.commit(0, Durability::Buffered).err());
    errors.extend(process.commit(0, SYNC).err());
    if let Err(CompactionError::Unavailable(error)) =
        process.compact(WritePolicy::Background, commit_at)
    {
        errors.push(error);
    }
    errors.extend(process.commit(0, SYNC).err());
    errors
}

fn read_back(process: &Process) {
    let store = process.store(0);
    let snapshot = store.snapshot();
    let map = process.history.lock().unwrap().map(0, snapshot.sequence().get());
    assert_eq!(crate::history::read(&snapshot), map, "read back");
}

/// Whether an error is the one for what failed.
fn judge(error: &CommitError, kind: Option<ErrorKind>, mode: Mode, failed: &[Operation]) {
    let full = matches!(
        kind,
        Some(ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge)
    );
    if mode == Mode::Once && failed == [Operation::Sync] {
        assert!(matches!(error, CommitError::Poisoned { .. }), "{error}");
    }
    match error {
        CommitError::NoSpace(_) => assert!(full),
        CommitError::Io(_) => assert!(!full, "{error}"),
        CommitError::Poisoned { .. } => {
            assert!(failed.iter().any(|operation| POISONING.contains(operation)), "{failed:?}");
        }
        CommitError::Read(_) => assert!(failed.contains(&Operation::Read)),
        other => panic!("{other:?} in {mode:?}"),
    }
}
