//! The commit path under schedules that shuttle chooses: every lock, wait and wake-up is a place to switch threads.
//!
//! `RUSTFLAGS="--cfg shuttle" cargo test --release --target-dir target/shuttle --lib schedules`; the variable
//! `PUMICE_SCHEDULES` sets how many (a few thousand unless told). A schedule that fails is printed, to be played again.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, Runner, thread};

use super::super::{
    CommitError, CompactionControl, CompactionRequest, Durability, Store, WriteBatch, WritePolicy,
};
use super::histories::History;
use super::{entries, get, open, open_on};
use crate::vfs::Operation;
use crate::vfs::fault::FaultVfs;
use crate::vfs::mem::MemVfs;

const SCHEDULES: usize = 3000;

fn schedules() -> usize {
    std::env::var("PUMICE_SCHEDULES").map_or(SCHEDULES, |count| count.parse().unwrap())
}

fn search(scheduler: impl Scheduler + 'static, body: impl Fn() + Send + Sync + 'static) {
    let mut config = Config::new();
    config.stack_size = 1 << 19;
    Runner::new(scheduler, config).run(body);
}

/// Half of the schedules at random, half with few switches at bad moments.
fn under_schedules(body: impl Fn() + Clone + Send + Sync + 'static) {
    search(RandomScheduler::new(schedules() / 2), body.clone());
    search(PctScheduler::new(4, schedules() / 2), body);
}

fn put(store: &Store, key: &str) -> Result<(), CommitError> {
    let mut batch = WriteBatch::new();
    batch.put(key.as_bytes(), b"v").unwrap();
    store.write(batch, Durability::Sync).map(drop)
}

/// Answered is durable and visible, whoever's sync it was.
#[test]
fn schedules_of_a_group_commit_acknowledge_only_what_survives() {
    under_schedules(|| {
        let vfs = MemVfs::new();
        let store = open(&vfs);
        let writers: Vec<_> = (0..3)
            .map(|writer| {
                let (store, vfs) = (store.clone(), vfs.clone());
                thread::spawn(move || {
                    for number in 0..2 {
                        let key = format!("{writer}/{number}");
                        put(&store, &key).unwrap();
                        assert!(get(&store, &key).is_some(), "answered and not visible");
                        let after = open(&vfs.crash());
                        assert!(get(&after, &key).is_some(), "answered and not durable");
                    }
                })
            })
            .collect();
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        assert_eq!(store.stats().sequence.get(), 6);
    });
}

/// Transactions, a reader and a compaction: one order explains what all saw.
#[test]
fn schedules_of_transactions_are_strictly_serialisable() {
    let seed = AtomicU64::new(1);
    let seed = Arc::new(seed);
    under_schedules(move || {
        let seed = seed.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        let vfs = MemVfs::new();
        let store = open(&vfs);
        let history = Arc::new(History::default());
        let mut threads = Vec::new();
        for writer in 0..3_u64 {
            let (store, history) = (store.clone(), history.clone());
            threads.push(thread::spawn(move || {
                for number in 0..2 {
                    let random = (seed ^ (writer * 2 + number)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                    // One that conflicts is given up: whoever tries for ever has no last schedule.
                    match history.transaction(&store, &format!("{writer}-{number}"), random >> 8) {
                        Ok(()) => {}
                        Err(error) => assert!(error.is_retriable(), "{error}"),
                    }
                }
            }));
        }
        let policy = if seed & 8 == 0 { WritePolicy::Background } else { WritePolicy::Blocking };
        let compacting = store.clone();
        threads.push(thread::spawn(move || {
            let request = CompactionRequest { policy, ..CompactionRequest::default() };
            compacting.compact(&request, &CompactionControl::new()).unwrap();
        }));
        let (looking, looks) = (store.clone(), history.clone());
        threads.push(thread::spawn(move || (0..2).for_each(|_| looks.look(&looking))));
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        history.look(&store);
        let expected: Vec<_> = history.check().into_iter().collect();
        assert_eq!(entries(&open(&vfs.crash()).snapshot()), expected);
    });
}

/// A write or a sync fails under three writers: nobody waits for ever, and what was answered is there.
#[test]
fn schedules_of_a_failing_group_leave_nobody_waiting() {
    let run = Arc::new(AtomicU64::new(0));
    under_schedules(move || {
        let run = run.fetch_add(1, Ordering::Relaxed);
        let inner = MemVfs::new();
        let fault_at = run / 2 % 4 + 3;
        let operation = if run % 2 == 0 { Operation::Write } else { Operation::Sync };
        let vfs = FaultVfs::new(inner.shared(), move |call| {
            (call.operation == operation && call.earlier == fault_at)
                .then(|| io::Error::from(io::ErrorKind::StorageFull))
        });
        let store = open_on(vfs.shared()).unwrap();
        let writers: Vec<_> = (0..3)
            .map(|writer| {
                let store = store.clone();
                thread::spawn(move || {
                    let keys = (0..2).map(|number| format!("{writer}/{number}"));
                    keys.filter(|key| put(&store, key).is_ok()).collect::<Vec<_>>()
                })
            })
            .collect();
        let answered: Vec<_> =
            writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect();
        let after = open(&inner.crash());
        for key in &answered {
            assert!(get(&after, key).is_some(), "{key} was answered and is gone");
        }
        let visible = entries(&store.snapshot());
        assert!(
            answered.iter().all(|key| visible.iter().any(|(found, _)| found == key.as_bytes()))
        );
    });
}

/// Closing while others commit: each is told whether it was in time.
#[test]
fn schedules_of_a_close_keep_what_was_answered_before_it() {
    under_schedules(|| {
        let vfs = MemVfs::new();
        let store = open(&vfs);
        let writers: Vec<_> = (0..2)
            .map(|writer| {
                let store = store.clone();
                thread::spawn(move || {
                    let key = format!("{writer}");
                    match put(&store, &key) {
                        Ok(()) => Some(key),
                        Err(error) => {
                            assert!(matches!(error, CommitError::Closed), "{error}");
                            None
                        }
                    }
                })
            })
            .collect();
        let closing = store.clone();
        let closer = thread::spawn(move || closing.close().unwrap());
        let answered: Vec<_> =
            writers.into_iter().filter_map(|writer| writer.join().unwrap()).collect();
        closer.join().unwrap();
        let after = open(&vfs.crash());
        assert_eq!(entries(&after.snapshot()).len(), answered.len());
    });
}
