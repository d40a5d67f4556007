//! The thresholds, the delay, the history and the boot, through the database and on a clock turned by hand.

use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use super::super::{
    ByItself, Cause, Cdb, CdbOptions, CompactionEvent, CompactionOptions, Datastore,
    JournalCompaction, RunOptions, Standing, ThresholdName, Thresholds,
};
use super::text;
use crate::clock::{Clock, ManualClock};
use crate::vfs::mem::MemVfs;

fn options(vfs: &MemVfs, clock: &Arc<ManualClock>, thresholds: Thresholds) -> CdbOptions {
    let compaction = CompactionOptions { thresholds, ..CompactionOptions::default() };
    Cdb::options().vfs(vfs.shared()).clock(clock.clone()).compaction(compaction)
}

/// Only the growth of the file counts, without floor.
const BY_SIZE: Thresholds = Thresholds {
    file_size_relative: 50,
    num_node_relative: 0,
    file_size_absolute: None,
    num_transactions: None,
    floor_bytes: 0,
};

fn set_one(cdb: &Cdb, datastore: Datastore, value: &str) {
    cdb.write(datastore, |tx| tx.set("/leaf", value)).unwrap();
}

fn wait_for_end(events: &Receiver<CompactionEvent>) -> Datastore {
    loop {
        match events.recv().unwrap() {
            CompactionEvent::Finished(entry) => return entry.datastore,
            CompactionEvent::Failed(entry) | CompactionEvent::Cancelled(entry) => {
                panic!("{entry:?}")
            }
            CompactionEvent::Started { .. } | CompactionEvent::Progress { .. } => {}
        }
    }
}

#[test]
fn growth_of_exactly_half_does_not_compact_and_the_next_transaction_does() {
    let (vfs, clock) = (MemVfs::new(), Arc::new(ManualClock::starting_at(0)));
    let cdb = options(&vfs, &clock, BY_SIZE).open("/d").unwrap();
    let events = cdb.compactions().subscribe();
    let growth = || cdb.compactions().info(Datastore::Config).growth;
    let limit = growth().baseline_bytes * 3 / 2;
    set_one(&cdb, Datastore::Config, "");
    let empty_frame = growth().file_bytes - growth().baseline_bytes;
    // A value that ends the file at exactly one and a half times its size; frames are multiples of 8.
    let padding = limit - growth().file_bytes - empty_frame;
    let value = |len: u64| "x".repeat(usize::try_from(len).unwrap());
    let exact = (0..=padding).rev().find(|len| {
        let probe = options(&MemVfs::new(), &clock, BY_SIZE).open("/probe").unwrap();
        set_one(&probe, Datastore::Config, "");
        set_one(&probe, Datastore::Config, &value(*len));
        probe.stats(Datastore::Config).file_bytes == limit
    });
    set_one(&cdb, Datastore::Config, &value(exact.unwrap()));
    assert_eq!(growth().file_bytes, limit);
    assert_eq!(cdb.compactions().info(Datastore::Config).standing, Standing::Idle);

    set_one(&cdb, Datastore::Config, "more");
    let standing = cdb.compactions().info(Datastore::Config).standing;
    assert!(matches!(standing, Standing::Waiting { left_ms: 5000, .. }), "{standing:?}");
    clock.advance(Duration::from_secs(5));
    assert_eq!(wait_for_end(&events), Datastore::Config);
    assert_eq!(growth().transactions, 0);
    assert_eq!(text(&cdb.begin_read(Datastore::Config), "/leaf").as_deref(), Some("more"));
}

#[test]
fn node_growth_counts_from_what_the_last_compaction_left_also_after_a_restart() {
    let (vfs, clock) = (MemVfs::new(), Arc::new(ManualClock::starting_at(0)));
    let by_nodes = Thresholds { file_size_relative: 0, num_node_relative: 50, ..BY_SIZE };
    let quiet = Thresholds { num_node_relative: 0, ..by_nodes };
    let cdb = options(&vfs, &clock, quiet).open("/d").unwrap();
    let leaf = |cdb: &Cdb, n: u32| {
        cdb.write(Datastore::Operational, |tx| tx.set(&format!("/l{n}"), n)).unwrap();
    };
    (0..20).for_each(|n| leaf(&cdb, n));
    cdb.store(Datastore::Operational).compact(&Default::default(), &Default::default()).unwrap();
    drop(cdb);

    let cdb = options(&vfs, &clock, by_nodes).open("/d").unwrap();
    let events = cdb.compactions().subscribe();
    (20..30).for_each(|n| leaf(&cdb, n));
    let info = cdb.compactions().info(Datastore::Operational);
    assert_eq!((info.growth.baseline_nodes, info.growth.nodes), (20, 30));
    assert_eq!(info.standing, Standing::Idle, "30 is not more than 20 and a half of it");
    leaf(&cdb, 30);
    assert_eq!(wait_for_end(&events), Datastore::Operational);
}

#[test]
fn the_history_is_operational_data_and_survives_a_restart() {
    let (vfs, clock) = (MemVfs::new(), Arc::new(ManualClock::starting_at(77)));
    let open = || options(&vfs, &clock, Thresholds::default()).open("/d").unwrap();
    let cdb = open();
    set_one(&cdb, Datastore::Config, "1");
    cdb.compactions().run(Datastore::Config, RunOptions::default()).unwrap();
    cdb.compactions().run(Datastore::Snapshot, RunOptions::default()).unwrap();
    drop(cdb);
    let cdb = open();
    let history = cdb.compaction_history(10).unwrap();
    let numbers: Vec<_> = history.iter().map(|past| (past.number, past.entry.datastore)).collect();
    assert_eq!(numbers, [(2, Datastore::Snapshot), (1, Datastore::Config)]);
    assert_eq!(
        (history[1].entry.transactions, history[1].entry.start_micros),
        (1, clock.wall_micros())
    );
    assert_eq!((history[1].entry.cause, &history[1].entry.failure), (Cause::Request, &None));
    let view = cdb.begin_read(Datastore::Operational);
    assert_eq!(text(&view, "/compaction/history{1}/datastore").as_deref(), Some("config"));
    assert_eq!(cdb.compaction_history(1).unwrap().len(), 1);
}

#[test]
fn at_boot_what_is_due_is_compacted_unless_disabled_or_manual() {
    let (vfs, clock) = (MemVfs::new(), Arc::new(ManualClock::starting_at(0)));
    let off = Thresholds { file_size_relative: 0, ..BY_SIZE };
    let cdb = options(&vfs, &clock, off).open("/d").unwrap();
    (0..50).for_each(|n| set_one(&cdb, Datastore::Config, &n.to_string()));
    drop(cdb);
    let on_boot = |compaction: CompactionOptions| {
        let all = Cdb::options().vfs(vfs.shared()).clock(clock.clone()).compaction(compaction);
        all.open("/d").unwrap()
    };
    let due = CompactionOptions { thresholds: BY_SIZE, ..CompactionOptions::default() };
    let manual = CompactionOptions { journal_compaction: JournalCompaction::Manual, ..due };
    for quiet in [CompactionOptions { by_itself: ByItself::NotAtStart, ..due }, manual] {
        let cdb = on_boot(quiet);
        assert_eq!(cdb.compactions().info(Datastore::Config).standing, Standing::Idle);
        assert_eq!(cdb.stats(Datastore::Config).generation, 0);
    }
    let cdb = on_boot(due);
    // With no floor, the history's own transactions may make the operational datastore due as well.
    let past = loop {
        let history = cdb.compaction_history(10).unwrap();
        if let Some(past) =
            history.into_iter().find(|past| past.entry.datastore == Datastore::Config)
        {
            break past;
        }
        std::thread::yield_now();
    };
    assert_eq!(cdb.stats(Datastore::Config).generation, 1);
    assert_eq!(past.entry.cause, Cause::Start(ThresholdName::FileSizeRelative));
}

#[test]
fn the_history_keeps_a_thousand() {
    let cdb = Cdb::in_memory().unwrap();
    for _ in 0..1003 {
        cdb.compactions().run(Datastore::Snapshot, RunOptions::default()).unwrap();
    }
    let view = cdb.begin_read(Datastore::Operational);
    assert_eq!(view.num_instances("/compaction/history").unwrap(), 1000);
    assert!(!view.exists("/compaction/history{3}").unwrap());
    assert!(view.exists("/compaction/history{1003}").unwrap());
}

/// Every byte more makes a compaction due.
const EACH_BYTE: Thresholds =
    Thresholds { file_size_relative: 0, file_size_absolute: Some(1), ..BY_SIZE };

#[test]
fn the_history_of_its_own_compactions_makes_the_operational_datastore_not_due() {
    let (vfs, clock) = (MemVfs::new(), Arc::new(ManualClock::starting_at(0)));
    let cdb = options(&vfs, &clock, EACH_BYTE).open("/d").unwrap();
    let events = cdb.compactions().subscribe();
    set_one(&cdb, Datastore::Operational, "v");
    assert_eq!(wait_for_end(&events), Datastore::Operational);
    // Compactions run one after the other: one that the history made due would run before this one.
    cdb.compactions().initiate(Datastore::Snapshot);
    assert_eq!(wait_for_end(&events), Datastore::Snapshot);
}

#[test]
fn the_history_of_its_own_compactions_is_no_growth_after_a_restart_either() {
    let (vfs, clock) = (MemVfs::new(), Arc::new(ManualClock::starting_at(0)));
    let never = Thresholds { file_size_relative: 0, ..BY_SIZE };
    {
        let cdb = options(&vfs, &clock, never).open("/d").unwrap();
        set_one(&cdb, Datastore::Operational, "v");
        for datastore in [Datastore::Operational, Datastore::Snapshot] {
            cdb.compactions().run(datastore, RunOptions::default()).unwrap();
        }
    }
    let cdb = options(&vfs, &clock, never).open("/d").unwrap();
    let info = cdb.compactions().info(Datastore::Operational);
    assert_eq!(info.stats.transactions_since_compaction, 2);
    assert_eq!(info.growth.transactions, 1, "the compaction of the other datastore");
    assert!(info.growth.file_bytes < info.stats.file_bytes);
}

#[test]
fn a_request_that_waits_for_its_delay_outlives_the_process() {
    let (vfs, clock) = (MemVfs::new(), Arc::new(ManualClock::starting_at(0)));
    {
        let cdb = options(&vfs, &clock, BY_SIZE).open("/d").unwrap();
        set_one(&cdb, Datastore::Config, "v");
        cdb.compactions().initiate(Datastore::Config);
    }
    for vfs in [vfs.crash(), vfs] {
        let cdb = options(&vfs, &clock, BY_SIZE).open("/d").unwrap();
        let standing = cdb.compactions().info(Datastore::Config).standing;
        assert!(
            matches!(standing, Standing::Waiting { cause: Cause::Request, .. }),
            "{standing:?}"
        );
        let events = cdb.compactions().subscribe();
        clock.advance(Duration::from_secs(5));
        assert_eq!(wait_for_end(&events), Datastore::Config);
        drop(cdb);
        let cdb = options(&vfs, &clock, BY_SIZE).open("/d").unwrap();
        assert_eq!(cdb.compactions().info(Datastore::Config).standing, Standing::Idle);
    }
}

#[test]
fn a_request_that_was_cancelled_does_not_outlive_the_process() {
    let (vfs, clock) = (MemVfs::new(), Arc::new(ManualClock::starting_at(0)));
    {
        let cdb = options(&vfs, &clock, BY_SIZE).open("/d").unwrap();
        cdb.compactions().initiate(Datastore::Config);
        assert!(cdb.compactions().cancel(Datastore::Config));
    }
    let cdb = options(&vfs, &clock, BY_SIZE).open("/d").unwrap();
    assert_eq!(cdb.compactions().info(Datastore::Config).standing, Standing::Idle);
}
