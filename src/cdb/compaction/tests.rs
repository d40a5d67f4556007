//! The service as a whole, on files in memory and a clock turned by hand.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::super::Datastore;
use super::*;
use crate::clock::ManualClock;
use crate::journal::{CompactionError, Directory, Durability, Store, StoreOptions, WriteBatch};
use crate::vfs::mem::MemVfs;

#[derive(Debug)]
struct Target {
    store: Store,
    nodes: AtomicU64,
}

impl CompactionTarget for Target {
    fn store(&self) -> &Store {
        &self.store
    }

    fn growth(&self) -> Growth {
        let stats = self.store.stats();
        Growth {
            file_bytes: stats.file_bytes,
            baseline_bytes: stats.baseline_bytes,
            nodes: self.nodes.load(Ordering::Relaxed),
            baseline_nodes: 10,
            transactions: stats.transactions_since_compaction,
        }
    }
}

/// Keeps entries, and no requests.
struct KeptInMemory(Arc<Mutex<Vec<CompactionEntry>>>);

impl CompactionLedger for KeptInMemory {
    fn record(&self, entry: &CompactionEntry) {
        self.0.lock().unwrap().push(entry.clone());
    }

    fn request(&self, _datastore: Datastore) {}

    fn forget(&self, _datastore: Datastore) {}

    fn requested(&self) -> Vec<Datastore> {
        Vec::new()
    }
}

struct House {
    clock: Arc<ManualClock>,
    vfs: MemVfs,
    targets: [Arc<Target>; 3],
    history: Arc<Mutex<Vec<CompactionEntry>>>,
    compactions: Compactions,
    events: Receiver<CompactionEvent>,
}

const NO_FLOOR: Thresholds = Thresholds {
    file_size_relative: 0,
    num_node_relative: 0,
    file_size_absolute: None,
    num_transactions: Some(3),
    floor_bytes: 0,
};

fn options() -> CompactionOptions {
    CompactionOptions { thresholds: NO_FLOOR, ..CompactionOptions::default() }
}

fn house(options: CompactionOptions, before: impl Fn(&[Arc<Target>; 3])) -> House {
    let vfs = MemVfs::new();
    let clock = Arc::new(ManualClock::starting_at(1_000));
    let directory = Directory::open(vfs.shared(), clock.clone(), Path::new("/data")).unwrap();
    let targets = Datastore::ALL.map(|datastore| {
        let name = datastore.file_name();
        let store = Store::open(&directory, name, StoreOptions::default()).unwrap();
        Arc::new(Target { store, nodes: AtomicU64::new(10) })
    });
    before(&targets);
    let history = Arc::new(Mutex::new(Vec::new()));
    let sink = history.clone();
    let compactions = Compactions::start(
        clock.clone(),
        options,
        targets.clone().map(|target| target as Arc<dyn CompactionTarget>),
        Box::new(KeptInMemory(sink)),
    )
    .unwrap();
    let events = compactions.subscribe();
    House { clock, vfs, targets, history, compactions, events }
}

impl House {
    fn commit(&self, datastore: Datastore, count: usize) {
        for _ in 0..count {
            commit(&self.targets[datastore as usize]);
            self.compactions.committed(datastore);
        }
    }

    fn finished(&self) -> CompactionEntry {
        loop {
            match self.events.recv().unwrap() {
                CompactionEvent::Finished(entry) => return entry,
                CompactionEvent::Failed(entry) | CompactionEvent::Cancelled(entry) => {
                    panic!("{entry:?}")
                }
                CompactionEvent::Started { .. } | CompactionEvent::Progress { .. } => {}
            }
        }
    }

    fn standing(&self, datastore: Datastore) -> Standing {
        self.compactions.info(datastore).standing
    }
}

fn commit(target: &Target) {
    let mut batch = WriteBatch::new();
    batch.put(b"key", b"value").unwrap();
    target.store.write(batch, Durability::Sync).unwrap();
}

#[test]
fn the_operational_datastore_is_compacted_by_the_transaction_that_exceeds_a_threshold() {
    let house = house(options(), |_| {});
    house.commit(Datastore::Operational, 3);
    assert_eq!(house.standing(Datastore::Operational), Standing::Idle, "3 is not more than 3");
    house.commit(Datastore::Operational, 1);
    let entry = house.finished();
    assert_eq!(entry.datastore, Datastore::Operational);
    assert_eq!(entry.cause, Cause::Threshold(ThresholdName::NumTransactions));
    assert_eq!(entry.cause.compaction_type(), CompactionType::Automatic);
    assert_eq!((entry.transactions, entry.failure.as_deref()), (4, None));
    assert_eq!(house.history.lock().unwrap().as_slice(), [entry]);
    assert_eq!(house.targets[1].store.stats().transactions_since_compaction, 0);
    assert_eq!(house.targets[0].store.stats().generation, 0, "only the affected one");
}

#[test]
fn the_configuration_waits_for_five_quiet_seconds() {
    let house = house(options(), |_| {});
    house.commit(Datastore::Config, 4);
    let cause = Cause::Threshold(ThresholdName::NumTransactions);
    assert_eq!(house.standing(Datastore::Config), Standing::Waiting { cause, left_ms: 5000 });
    house.clock.advance(Duration::from_secs(4));
    house.commit(Datastore::Config, 1);
    assert_eq!(house.standing(Datastore::Config), Standing::Waiting { cause, left_ms: 5000 });
    house.clock.advance(Duration::from_secs(5));
    let entry = house.finished();
    assert_eq!((entry.datastore, entry.transactions), (Datastore::Config, 5));
    assert_eq!(house.standing(Datastore::Config), Standing::Idle);
}

#[test]
fn growth_of_exactly_half_does_not_compact_and_one_node_more_does() {
    let thresholds = Thresholds { num_node_relative: 50, num_transactions: None, ..NO_FLOOR };
    let house = house(CompactionOptions { thresholds, ..options() }, |_| {});
    house.targets[1].nodes.store(15, Ordering::Relaxed);
    house.commit(Datastore::Operational, 1);
    assert_eq!(house.standing(Datastore::Operational), Standing::Idle);
    house.targets[1].nodes.store(16, Ordering::Relaxed);
    house.commit(Datastore::Operational, 1);
    assert_eq!(house.finished().cause, Cause::Threshold(ThresholdName::NumNodeRelative));
}

#[test]
fn in_manual_mode_only_a_request_compacts() {
    let manual = CompactionOptions { journal_compaction: JournalCompaction::Manual, ..options() };
    let house = house(manual, |targets| (0..9).for_each(|_| commit(&targets[2])));
    house.commit(Datastore::Operational, 9);
    house.commit(Datastore::Config, 9);
    assert_eq!(house.standing(Datastore::Operational), Standing::Idle);
    house.compactions.initiate_all();
    let first_two = [house.finished().datastore, house.finished().datastore];
    assert_eq!(first_two, [Datastore::Operational, Datastore::Snapshot]);
    house.clock.advance(Duration::from_secs(5));
    let entry = house.finished();
    assert_eq!((entry.datastore, entry.cause), (Datastore::Config, Cause::Request));
    assert_eq!(entry.cause.compaction_type(), CompactionType::Manual);
}

#[test]
fn what_is_due_at_the_start_is_compacted_without_delay_unless_disabled() {
    let grown = |targets: &[Arc<Target>; 3]| (0..4).for_each(|_| commit(&targets[0]));
    let due = house(options(), grown);
    // The observer came after the start: wait for the end by asking the history.
    while due.history.lock().unwrap().is_empty() {
        std::thread::yield_now();
    }
    let entry = due.history.lock().unwrap()[0].clone();
    assert_eq!(entry.cause, Cause::Start(ThresholdName::NumTransactions));

    let disabled = CompactionOptions { by_itself: ByItself::NotAtStart, ..options() };
    let house = house(disabled, grown);
    assert_eq!(house.standing(Datastore::Config), Standing::Idle);
}

#[test]
fn a_compaction_without_room_is_told_as_failed_and_not_tried_at_every_transaction() {
    let house = house(options(), |_| {});
    house.vfs.set_free_space_bytes(10);
    house.commit(Datastore::Operational, 4);
    let failed = loop {
        if let CompactionEvent::Failed(entry) = house.events.recv().unwrap() {
            break entry;
        }
    };
    assert!(failed.failure.unwrap().contains("10 are free"));
    assert_eq!(failed.size_start_bytes, failed.size_end_bytes);
    house.commit(Datastore::Operational, 1);
    assert_eq!(house.standing(Datastore::Operational), Standing::Idle);
    house.vfs.set_free_space_bytes(1 << 30);
    house.clock.advance(Duration::from_secs(60));
    house.commit(Datastore::Operational, 1);
    house.finished();
}

#[test]
fn what_waits_can_be_cancelled() {
    let house = house(options(), |_| {});
    house.commit(Datastore::Config, 4);
    assert!(house.compactions.cancel(Datastore::Config));
    assert_eq!(house.standing(Datastore::Config), Standing::Idle);
    assert!(!house.compactions.cancel(Datastore::Config));
}

#[test]
fn the_info_tells_the_distance_to_each_threshold() {
    let house = house(options(), |_| {});
    house.commit(Datastore::Snapshot, 2);
    let info = house.compactions.info(Datastore::Snapshot);
    let check = info.verdict.checks[0];
    assert_eq!((check.name, check.distance()), (ThresholdName::NumTransactions, 2));
    assert_eq!((info.growth.transactions, info.last_start_micros), (2, None));
    house.compactions.run(Datastore::Snapshot, RunOptions::default()).unwrap();
    let info = house.compactions.info(Datastore::Snapshot);
    assert_eq!((info.growth.transactions, info.last_start_micros), (0, Some(1_000)));
    assert_eq!(info.growth.baseline_bytes, info.growth.file_bytes);
}

#[test]
fn stopping_cancels_what_runs() {
    let slow =
        CompactionOptions { throttle_bytes_per_second: std::num::NonZeroU64::new(1), ..options() };
    let house = house(slow, |_| {});
    let mut batch = WriteBatch::new();
    (0..4000_u32).for_each(|n| batch.put(&n.to_be_bytes(), &[1; 50]).unwrap());
    house.targets[0].store.write(batch, Durability::Sync).unwrap();
    std::thread::scope(|scope| {
        let running =
            scope.spawn(|| house.compactions.run(Datastore::Config, RunOptions::default()));
        while !matches!(house.standing(Datastore::Config), Standing::Running { .. }) {
            std::thread::yield_now();
        }
        let second = house.compactions.run(Datastore::Config, RunOptions::default());
        assert!(matches!(second, Err(CompactionError::Running)));
        house.compactions.stop();
        let outcome = running.join().unwrap();
        assert!(matches!(outcome, Err(CompactionError::Cancelled { .. })), "{outcome:?}");
    });
    assert_eq!(house.targets[0].store.stats().generation, 0);
}

#[test]
fn what_waits_for_a_threshold_does_not_begin_once_compaction_is_manual() {
    let house = house(options(), |_| {});
    house.commit(Datastore::Config, 4);
    assert!(matches!(house.standing(Datastore::Config), Standing::Waiting { .. }));
    let manual = CompactionOptions { journal_compaction: JournalCompaction::Manual, ..options() };
    house.compactions.set_options(manual);
    assert_eq!(house.standing(Datastore::Config), Standing::Idle);
    house.compactions.set_options(options());
    house.clock.advance(Duration::from_secs(60));
    assert_eq!(house.targets[0].store.stats().generation, 0);
}

#[test]
fn what_was_asked_for_begins_though_compaction_became_manual() {
    let house = house(options(), |_| {});
    house.commit(Datastore::Config, 4);
    house.compactions.initiate(Datastore::Config);
    let manual = CompactionOptions { journal_compaction: JournalCompaction::Manual, ..options() };
    house.compactions.set_options(manual);
    house.clock.advance(Duration::from_secs(5));
    assert_eq!(house.finished().cause, Cause::Request);
}
