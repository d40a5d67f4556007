//! Stages, policies, cancelling, room, and what a crash in each stage leaves.

use std::fmt;
use std::io;
use std::num::NonZeroU64;
use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use super::super::frame::{FrameHeader, Place};
use super::super::header::Header;
use super::super::{
    CommitError, CompactionControl, CompactionError, CompactionObserver, CompactionRequest,
    Directory, Durability, HistoryError, Sequence, Stage, Store, StoreOptions, WriteBatch,
    WritePolicy,
};
use super::{DIR, FILE, entries, get, keys, open, open_on, put};
use crate::clock::{Clock, ManualClock};
use crate::vfs::fault::FaultVfs;
use crate::vfs::mem::MemVfs;
use crate::vfs::os::OsVfs;
use crate::vfs::{Operation, Vfs};

const SIDE: &str = "/data/test.journal.compact";

fn blocking() -> CompactionRequest {
    CompactionRequest::default()
}

fn background() -> CompactionRequest {
    CompactionRequest { policy: WritePolicy::Background, ..CompactionRequest::default() }
}

/// Calls a closure at every stage.
struct AtStage<F>(F);

impl<F> fmt::Debug for AtStage<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AtStage")
    }
}

impl<F: Fn(Stage) + Send + Sync> CompactionObserver for AtStage<F> {
    fn stage(&self, stage: Stage) {
        (self.0)(stage);
    }
}

fn control(at_stage: impl Fn(Stage) + Send + Sync + 'static) -> CompactionControl {
    CompactionControl::observed_by(Arc::new(AtStage(at_stage)))
}

/// A control that stands still at a stage until it is let go.
struct Held {
    reached: Receiver<()>,
    release: Sender<()>,
    control: Arc<CompactionControl>,
}

fn held_at(stage: Stage) -> Held {
    let (reached_in, reached) = channel();
    let (release, release_out) = channel();
    let release_out = Mutex::new(release_out);
    let control = control(move |at| {
        if at == stage {
            reached_in.send(()).unwrap();
            release_out.lock().unwrap().recv().unwrap();
        }
    });
    Held { reached, release, control: Arc::new(control) }
}

fn filled(vfs: &MemVfs) -> Store {
    let store = open(vfs);
    for round in 0..5 {
        for n in 0..50 {
            put(&store, &format!("key {n}"), &format!("value {round}"));
        }
    }
    store
}

#[test]
fn a_compaction_keeps_every_entry_and_drops_the_history() {
    let vfs = MemVfs::new();
    let store = filled(&vfs);
    let (before, content) = (store.stats(), entries(&store.snapshot()));
    let report = store.compact(&blocking(), &CompactionControl::new()).unwrap();
    let after = store.stats();
    assert_eq!(entries(&store.snapshot()), content);
    assert_eq!(after.sequence, before.sequence);
    assert_eq!(after.entries, 50);
    assert_eq!(after.transactions_since_compaction, 0);
    assert_eq!(after.tail_bytes, 0);
    assert_eq!(after.baseline_bytes, after.file_bytes);
    assert_eq!(report.record.size_start_bytes, before.file_bytes);
    assert_eq!(report.record.size_end_bytes, after.file_bytes);
    assert_eq!(report.record.size_last_bytes, before.baseline_bytes);
    assert_eq!(report.record.transactions, 250);
    assert!(after.file_bytes < before.file_bytes / 5);
    let reopened = open(&vfs.crash()).stats();
    assert_eq!((reopened.last_compaction, reopened.generation), (Some(report.record), 1));
}

#[test]
fn a_snapshot_reads_on_after_compactions() {
    let vfs = MemVfs::new();
    let store = filled(&vfs);
    let snapshot = store.snapshot();
    let content = entries(&snapshot);
    for round in 0..3 {
        put(&store, "key 1", &format!("later {round}"));
        store.compact(&background(), &CompactionControl::new()).unwrap();
    }
    assert_eq!(entries(&snapshot), content);
}

#[test]
fn while_a_blocking_compaction_runs_a_write_waits_and_a_read_answers() {
    let vfs = MemVfs::new();
    let store = filled(&vfs);
    let held = held_at(Stage::WriteImage);
    std::thread::scope(|scope| {
        let compaction = scope.spawn(|| store.compact(&blocking(), &held.control));
        held.reached.recv().unwrap();
        let (written, answer) = channel();
        let writer = store.clone();
        scope.spawn(move || {
            put(&writer, "waited", "1");
            written.send(()).unwrap();
        });
        assert_eq!(get(&store, "key 1").as_deref(), Some("value 4"));
        // The writer is given every chance to get through.
        let waits = (0..20_000).all(|_| {
            std::thread::yield_now();
            store.stats().sequence == Sequence::new(250) && answer.try_recv().is_err()
        });
        held.release.send(()).unwrap();
        assert!(waits, "the write did not wait");
        let report = compaction.join().unwrap().unwrap();
        answer.recv().unwrap();
        assert_eq!(report.sequence, Sequence::new(250), "the write came after the image");
    });
    assert_eq!(get(&open(&vfs.crash()), "waited").as_deref(), Some("1"));
}

#[test]
fn while_a_background_compaction_runs_writes_are_acknowledged() {
    let vfs = MemVfs::new();
    let store = filled(&vfs);
    for stage in [Stage::WriteImage, Stage::CatchUp, Stage::Seal] {
        let held = held_at(stage);
        let key = format!("during {stage}");
        std::thread::scope(|scope| {
            let compaction = scope.spawn(|| store.compact(&background(), &held.control));
            held.reached.recv().unwrap();
            put(&store, &key, "1");
            assert_eq!(get(&store, &key).as_deref(), Some("1"));
            held.release.send(()).unwrap();
            compaction.join().unwrap().unwrap();
        });
        assert_eq!(get(&store, &key).as_deref(), Some("1"));
        assert_eq!(store.stats().transactions_since_compaction, 1, "it is in the new tail");
        assert_eq!(get(&open(&vfs.crash()), &key).as_deref(), Some("1"));
    }
}

#[test]
fn a_background_compaction_ends_under_writers_that_never_pause() {
    let vfs = MemVfs::new();
    let store = filled(&vfs);
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let (store, stop) = (&store, &stop);
            scope.spawn(move || {
                let mut n = 0;
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    put(store, &format!("{writer}/{}", n % 100), &n.to_string());
                    n += 1;
                }
            });
        }
        for _ in 0..5 {
            store.compact(&background(), &CompactionControl::new()).unwrap();
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    assert_eq!(entries(&store.snapshot()), entries(&open(&vfs.crash()).snapshot()));
    assert_eq!(store.stats().generation, 5);
}

#[test]
fn a_crash_at_every_stage_loses_nothing_under_either_policy() {
    for request in [blocking(), background()] {
        for stage in Stage::ALL {
            let vfs = MemVfs::new();
            let store = filled(&vfs);
            store.write(batch("buffered"), Durability::Buffered).unwrap();
            let content = entries(&store.snapshot());
            let crashed = Arc::new(Mutex::new(None));
            let (taken, running) = (crashed.clone(), vfs.clone());
            let control = control(move |at| {
                if at == stage {
                    *taken.lock().unwrap() = Some(running.crash());
                }
            });
            store.compact(&request, &control).unwrap();
            let after = crashed.lock().unwrap().take().unwrap();
            let mut expected = content.clone();
            if stage == Stage::Begin {
                // Begin is where what was buffered is made durable.
                expected.retain(|(key, _)| key != b"buffered");
            }
            let reopened = open(&after);
            assert_eq!(entries(&reopened.snapshot()), expected, "{stage}");
            assert!(!after.exists(Path::new(SIDE)).unwrap(), "{stage}");
            put(&reopened, "next", "1");
            assert_eq!(keys(&open(&after.crash())).len(), expected.len() + 1);
        }
    }
}

fn batch(key: &str) -> WriteBatch {
    let mut batch = WriteBatch::new();
    batch.put(key.as_bytes(), b"v").unwrap();
    batch
}

#[test]
fn every_failing_call_of_a_compaction_leaves_the_store_whole_and_writable_or_poisoned() {
    for request in [blocking(), background()] {
        for failing in 0.. {
            let inner = MemVfs::new();
            drop(filled(&inner));
            let armed = Arc::new(Mutex::new(None::<u64>));
            let countdown = armed.clone();
            let vfs = FaultVfs::new(inner.shared(), move |_| {
                let mut left = countdown.lock().unwrap();
                let fire = *left == Some(0);
                *left = left.and_then(|left| left.checked_sub(1));
                fire.then(|| io::Error::other("on purpose"))
            });
            let store = open_on(vfs.shared()).unwrap();
            put(&store, "last", "1");
            let content = entries(&store.snapshot());
            *armed.lock().unwrap() = Some(failing);
            let outcome = store.compact(&request, &CompactionControl::new());
            let reached = armed.lock().unwrap().is_none();
            *armed.lock().unwrap() = None;
            assert_eq!(entries(&store.snapshot()), content, "call {failing}");
            let written = store.write(batch("next"), Durability::Sync);
            let poisoned = store.check_writable().is_err();
            assert_eq!(written.is_err(), poisoned, "call {failing}: {outcome:?}");
            let reopened = keys(&open(&inner.crash()));
            assert_eq!(reopened.len(), content.len() + usize::from(!poisoned), "call {failing}");
            if !reached {
                outcome.unwrap();
                break;
            }
        }
    }
}

#[test]
fn a_cancelled_compaction_leaves_the_old_file_and_no_side_file() {
    for stage in [Stage::WriteImage, Stage::CatchUp, Stage::Seal] {
        let vfs = MemVfs::new();
        let store = filled(&vfs);
        let held = held_at(stage);
        let before = store.stats();
        std::thread::scope(|scope| {
            let compaction = scope.spawn(|| store.compact(&background(), &held.control));
            held.reached.recv().unwrap();
            held.control.cancel();
            held.release.send(()).unwrap();
            let outcome = compaction.join().unwrap();
            assert!(matches!(outcome, Err(CompactionError::Cancelled { .. })), "{outcome:?}");
        });
        assert_eq!(store.stats(), before);
        assert!(!vfs.exists(Path::new(SIDE)).unwrap());
        put(&store, "writable", "1");
    }
}

#[test]
fn a_compaction_without_room_is_refused_with_numbers_and_the_store_stays_writable() {
    let vfs = MemVfs::new();
    let store = filled(&vfs);
    vfs.set_free_space_bytes(1000);
    match store.compact(&blocking(), &CompactionControl::new()) {
        Err(CompactionError::NoRoom { needed_bytes, free_bytes: 1000 }) => {
            assert!(needed_bytes > store.stats().live_bytes);
        }
        other => panic!("{other:?}"),
    }
    put(&store, "writable", "1");
}

#[test]
fn a_second_compaction_at_the_same_time_is_refused() {
    let store = filled(&MemVfs::new());
    let held = held_at(Stage::WriteImage);
    std::thread::scope(|scope| {
        let first = scope.spawn(|| store.compact(&background(), &held.control));
        held.reached.recv().unwrap();
        let second = store.compact(&background(), &CompactionControl::new());
        assert!(matches!(second, Err(CompactionError::Running)));
        held.release.send(()).unwrap();
        first.join().unwrap().unwrap();
    });
    store.compact(&background(), &CompactionControl::new()).unwrap();
}

#[test]
fn a_stale_side_file_is_never_taken_for_the_store() {
    let vfs = MemVfs::new();
    let store = filled(&vfs);
    let content = entries(&store.snapshot());
    let stale = vfs.bytes(Path::new(FILE)).unwrap();
    put(&store, "newer", "1");
    drop(store);
    vfs.put(Path::new(SIDE), stale);
    let store = open(&vfs);
    assert_eq!(entries(&store.snapshot()).len(), content.len() + 1);
    assert!(!vfs.exists(Path::new(SIDE)).unwrap());
}

#[test]
fn a_throttled_compaction_waits_for_the_clock_and_can_be_cancelled_while_it_waits() {
    let vfs = MemVfs::new();
    let clock = Arc::new(ManualClock::starting_at(0));
    let directory = Directory::open(vfs.shared(), clock.clone(), Path::new(DIR)).unwrap();
    let store = Store::open(&directory, "test.journal", StoreOptions::default()).unwrap();
    let mut batch = WriteBatch::new();
    (0..5000_u32).for_each(|n| batch.put(&n.to_be_bytes(), &[7; 100]).unwrap());
    store.write(batch, Durability::Sync).unwrap();
    let request =
        CompactionRequest { throttle_bytes_per_second: NonZeroU64::new(1000), ..background() };
    let control = CompactionControl::new();
    std::thread::scope(|scope| {
        let compaction = scope.spawn(|| store.compact(&request, &control));
        while control.progress().done_entries == 0 {
            std::thread::yield_now();
        }
        assert!(control.progress().done_entries < 5000);
        control.cancel();
        let outcome = compaction.join().unwrap();
        assert!(matches!(outcome, Err(CompactionError::Cancelled { stage: Stage::WriteImage })));
    });
    assert_eq!(clock.monotonic(), Duration::ZERO);
}

/// The size of the file after a compaction, and what was estimated before it.
fn estimated_and_written(store: &Store) -> (u64, u64) {
    let estimate = store.estimated_bytes();
    store.compact(&blocking(), &CompactionControl::new()).unwrap();
    (estimate, store.stats().file_bytes)
}

fn assert_near(store: &Store, what: &str) {
    let (estimate, written) = estimated_and_written(store);
    assert!(estimate.abs_diff(written) <= written / 8 + 64, "{what}: {estimate} for {written}");
}

#[test]
fn the_estimate_is_near_what_is_written_whatever_the_keys_and_values() {
    type Entry = fn(u32) -> (Vec<u8>, Vec<u8>);
    let shapes: [(&str, Entry); 5] = [
        ("long keys that share prefixes", |n| {
            (format!("/devices/device{{ce{n:05}}}/config/interface/name").into(), b"1".to_vec())
        }),
        ("random keys", |n| (n.wrapping_mul(2_654_435_761).to_be_bytes().to_vec(), vec![1; 20])),
        ("values that compress", |n| (n.to_be_bytes().to_vec(), vec![7; 400])),
        ("values that do not", |n| {
            let noise = (0..200_u32).map(|i| (n ^ i).wrapping_mul(2_654_435_761).to_be_bytes()[0]);
            (n.to_be_bytes().to_vec(), noise.collect())
        }),
        ("values of a megabyte", |n| (n.to_be_bytes().to_vec(), vec![7; 1 << (n % 20)])),
    ];
    for (what, entry) in shapes {
        let store = Store::in_memory().unwrap();
        for start in (0..4000).step_by(500) {
            let mut batch = WriteBatch::new();
            for n in start..start + 500 {
                let (key, value) = entry(n);
                batch.put(&key, &value).unwrap();
            }
            store.write(batch, Durability::Buffered).unwrap();
        }
        assert_near(&store, what);
        assert_near(&store, &format!("{what}, compacted before"));
    }
}

#[test]
fn the_estimate_of_an_empty_store_is_its_file() {
    let store = Store::in_memory().unwrap();
    assert_near(&store, "empty");
}

#[test]
fn a_compaction_goes_where_only_the_estimate_fits() {
    let vfs = MemVfs::new();
    let store = open(&vfs);
    let mut batch = WriteBatch::new();
    (0..20_000).for_each(|n| {
        batch.put(format!("{}{n:06}", "shared/".repeat(20)).as_bytes(), b"v").unwrap();
    });
    store.write(batch, Durability::Sync).unwrap();
    let raw = store.stats().live_bytes;
    let estimate = store.estimated_bytes();
    assert!(estimate < raw / 4, "{estimate} of {raw}");
    vfs.set_free_space_bytes(raw / 2);
    store.compact(&blocking(), &CompactionControl::new()).unwrap();
    assert!(store.stats().file_bytes < raw / 4);
    vfs.set_free_space_bytes(estimate / 2);
    let refused = store.compact(&blocking(), &CompactionControl::new()).unwrap_err();
    assert!(matches!(refused, CompactionError::NoRoom { .. }), "{refused}");
}

#[test]
fn the_blocked_time_is_measured_on_the_clock() {
    let vfs = MemVfs::new();
    let clock = Arc::new(ManualClock::starting_at(7_000_000));
    let directory = Directory::open(vfs.shared(), clock.clone(), Path::new(DIR)).unwrap();
    let store = Store::open(&directory, "test.journal", StoreOptions::default()).unwrap();
    let ticking = clock.clone();
    let control = control(move |_| ticking.advance(Duration::from_secs(1)));
    let report = store.compact(&blocking(), &control).unwrap();
    assert_eq!(report.blocked, Duration::from_secs(4), "from behind begin to retire");
    assert_eq!(report.duration, Duration::from_secs(6));
    assert_eq!(report.record.start_micros, 7_000_000);
    assert_eq!(report.record.duration_micros, 4_000_000, "until the new file is complete");
    let ticking = clock.clone();
    let control = super::compaction::control(move |_| ticking.advance(Duration::from_secs(1)));
    let report = store.compact(&background(), &control).unwrap();
    assert_eq!(report.blocked, Duration::from_secs(1), "swap alone");
}

#[test]
fn the_tail_tells_the_past_until_a_compaction_drops_it() {
    let store = open(&MemVfs::new());
    for n in 1..=4 {
        let mut transaction = store.begin();
        transaction.put(b"n", n.to_string().as_bytes()).unwrap();
        transaction.set_annotation(vec![n]);
        transaction.commit(Durability::Sync).unwrap();
    }
    let tail: Vec<_> = store.tail().map(Result::unwrap).collect();
    assert_eq!(tail.iter().map(|t| t.sequence.get()).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert_eq!(tail[2].record.annotation(), [3]);
    let past = store.snapshot_at(Sequence::new(2)).unwrap();
    assert_eq!(past.get(b"n").unwrap().as_deref(), Some(&b"2"[..]));

    store.compact(&blocking(), &CompactionControl::new()).unwrap();
    assert_eq!(store.tail().count(), 0);
    let gone = store.snapshot_at(Sequence::new(2)).unwrap_err();
    assert!(matches!(gone, HistoryError::Compacted { base, .. } if base == Sequence::new(4)));
    let future = store.snapshot_at(Sequence::new(9)).unwrap_err();
    assert!(matches!(future, HistoryError::Future { .. }));
    assert_eq!(past.get(b"n").unwrap().as_deref(), Some(&b"2"[..]));
}

#[test]
fn every_sync_of_a_compaction_comes_before_the_name() {
    let inner = MemVfs::new();
    let order = Arc::new(Mutex::new(Vec::new()));
    let log = order.clone();
    let vfs = FaultVfs::new(inner.shared(), move |call| {
        if matches!(call.operation, Operation::Sync | Operation::Rename | Operation::SyncDir) {
            log.lock().unwrap().push(call.operation);
        }
        None
    });
    let store = open_on(vfs.shared()).unwrap();
    put(&store, "a", "1");
    order.lock().unwrap().clear();
    store.compact(&blocking(), &CompactionControl::new()).unwrap();
    let order = order.lock().unwrap().clone();
    let end = &order[order.len() - 3..];
    assert_eq!(end, [Operation::Sync, Operation::Rename, Operation::SyncDir]);
}

/// Fails the swap's rename, after it took place or instead of it.
fn failing_swap(inner: &MemVfs, takes_place: bool) -> FaultVfs {
    let files = inner.clone();
    FaultVfs::new(inner.shared(), move |call| {
        // The first rename gave the store its name.
        if call.operation != Operation::Rename || call.earlier == 0 {
            return None;
        }
        if takes_place {
            files.rename(call.path, Path::new(FILE)).unwrap();
        }
        Some(io::Error::other("on purpose"))
    })
}

// Symptom: what was committed after a compaction that failed was gone after a restart. Cause: a rename that
// failed was taken not to have happened; where it had, commits went to a file without a name. Fix: the side
// file is removed and that made durable, or else the store is poisoned.
#[test]
fn a_swap_that_failed_and_took_place_all_the_same_poisons_the_store() {
    let inner = MemVfs::new();
    let store = open_on(failing_swap(&inner, true).shared()).unwrap();
    put(&store, "a", "1");
    let outcome = store.compact(&background(), &CompactionControl::new());
    assert!(matches!(outcome, Err(CompactionError::Unavailable(CommitError::Poisoned { .. }))));
    assert!(store.write(batch("b"), Durability::Sync).is_err());
    assert_eq!(keys(&store), ["a"]);
    drop(store);
    assert_eq!(keys(&open(&inner.crash())), ["a"]);
}

#[test]
fn a_swap_that_failed_and_did_not_take_place_leaves_the_store_writable() {
    let inner = MemVfs::new();
    let store = open_on(failing_swap(&inner, false).shared()).unwrap();
    put(&store, "a", "1");
    let outcome = store.compact(&background(), &CompactionControl::new());
    assert!(matches!(outcome, Err(CompactionError::Io { stage: Stage::Swap, .. })));
    put(&store, "b", "2");
    drop(store);
    assert_eq!(keys(&open(&inner.crash())), ["a", "b"]);
}

// Symptom: a journal that somebody had removed was there again after a compaction, under a process that had lost it.
// Cause: only commits looked whether the file still has its name. Fix: so does a compaction before the swap.
#[test]
fn a_journal_that_was_removed_is_not_made_again_by_a_compaction() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    let store = Store::open_file(&path, StoreOptions::default()).unwrap();
    put(&store, "a", "1");
    OsVfs.remove(&path).unwrap();
    let outcome = store.compact(&background(), &CompactionControl::new());
    assert!(matches!(outcome, Err(CompactionError::Unavailable(CommitError::Poisoned { .. }))));
    assert!(!OsVfs.exists(&path).unwrap());
    assert!(store.write(batch("b"), Durability::Sync).is_err());
    assert_eq!(keys(&store), ["a"]);
}

#[test]
fn frames_that_are_copied_say_what_is_durable_in_their_new_file() {
    let vfs = MemVfs::new();
    let store = open(&vfs);
    for _ in 0..50 {
        put(&store, "key", &"v".repeat(1000));
    }
    let writer = store.clone();
    let control = control(move |stage| {
        if stage == Stage::CatchUp {
            (0..3).for_each(|_| put(&writer, "meanwhile", "w"));
        }
    });
    let before = store.stats().file_bytes;
    store.compact(&background(), &control).unwrap();
    let bytes = vfs.bytes(Path::new(FILE)).unwrap();
    let header = Header::decode(bytes.first_chunk().unwrap()).unwrap();
    assert!(header.sealed_position < before, "no position of the old file is one of the new");
    let (mut position, mut frames) = (header.tail_start, 0);
    while position < header.sealed_position {
        let place = Place { file_id: header.file_id, position };
        let at = usize::try_from(position).unwrap();
        let (frame, _) = FrameHeader::decode(bytes[at..].first_chunk().unwrap(), place).unwrap();
        assert_eq!(frame.synced_position, header.tail_start);
        position += frame.frame_len();
        frames += 1;
    }
    assert_eq!(frames, 3);
}
