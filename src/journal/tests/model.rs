//! Random histories against a plain map: batches, range deletes, transactions that meet others, held snapshots, compactions
//! of both policies, clean reopens, power failures, and calls that fail in the middle of a commit or a compaction.

use std::collections::BTreeMap;
use std::io;
use std::ops::Bound;
use std::sync::{Arc, Mutex};

use proptest::collection::vec;
use proptest::prelude::*;

use super::super::{
    CommitError, CompactionControl, CompactionRequest, Durability, KeyRange, Snapshot, Store,
    WriteBatch, WritePolicy,
};
use super::{entries, open_on};
use crate::vfs::Operation;
use crate::vfs::fault::FaultVfs;
use crate::vfs::mem::MemVfs;

type Map = BTreeMap<Vec<u8>, Vec<u8>>;

#[derive(Clone, Debug)]
enum Change {
    Put(Vec<u8>, Vec<u8>),
    Delete(Vec<u8>),
    DeleteRange(Vec<u8>, Vec<u8>),
    DeleteFrom(Vec<u8>),
}

#[derive(Clone, Debug)]
enum Step {
    Commit(Vec<Change>, Durability),
    Hold,
    Compact(WritePolicy),
    /// A transaction that reads the first key and writes the second, while another commits the change.
    Meet(Vec<u8>, Vec<u8>, Change),
    /// A commit during which a call fails.
    Faulty(Vec<Change>, Fault),
    /// A compaction during which a call fails.
    FaultyCompaction(WritePolicy, Fault),
    Reopen,
    Crash,
}

/// The call of an operation that fails: after how many more, and whether for want of room.
#[derive(Clone, Copy, Debug)]
struct Fault {
    operation: Operation,
    after: u64,
    no_room: bool,
}

fn fault() -> impl Strategy<Value = Fault> {
    let operation = prop_oneof![
        3 => Just(Operation::Write),
        3 => Just(Operation::Sync),
        1 => Just(Operation::SetLen),
        1 => Just(Operation::Create),
        1 => Just(Operation::Rename),
        1 => Just(Operation::SyncDir),
        1 => Just(Operation::Read),
    ];
    (operation, 0..4_u64, any::<bool>()).prop_map(|(operation, after, no_room)| Fault {
        operation,
        after,
        no_room,
    })
}

/// A file system whose next fault is set from outside.
struct Disk {
    memory: MemVfs,
    fault: Arc<Mutex<Option<Fault>>>,
}

impl Disk {
    fn new(memory: MemVfs) -> Self {
        Self { memory, fault: Arc::default() }
    }

    fn open(&self) -> Store {
        let fault = self.fault.clone();
        let vfs = FaultVfs::new(self.memory.shared(), move |call| {
            let mut fault = fault.lock().unwrap();
            let next = fault.as_mut().filter(|fault| fault.operation == call.operation)?;
            if let Some(after) = next.after.checked_sub(1) {
                next.after = after;
                return None;
            }
            let kind = if next.no_room { io::ErrorKind::StorageFull } else { io::ErrorKind::Other };
            *fault = None;
            Some(io::Error::from(kind))
        });
        open_on(vfs.shared()).unwrap()
    }

    fn set(&self, fault: Option<Fault>) {
        *self.fault.lock().unwrap() = fault;
    }
}

fn key() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![vec(b'a'..=b'c', 0..4), vec(any::<u8>(), 0..3), vec(Just(b'k'), 28..40)]
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![4 => vec(any::<u8>(), 0..20), 1 => vec(any::<u8>(), 1000..1100)]
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        6 => (key(), value()).prop_map(|(key, value)| Change::Put(key, value)),
        2 => key().prop_map(Change::Delete),
        1 => (key(), key()).prop_map(|(a, b)| Change::DeleteRange(a.clone().min(b.clone()), a.max(b))),
        1 => key().prop_map(Change::DeleteFrom),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let durability = prop_oneof![3 => Just(Durability::Sync), 1 => Just(Durability::Buffered)];
    prop_oneof![
        8 => (vec(change(), 0..6), durability).prop_map(|(changes, d)| Step::Commit(changes, d)),
        1 => Just(Step::Hold),
        1 => Just(Step::Compact(WritePolicy::Blocking)),
        1 => Just(Step::Compact(WritePolicy::Background)),
        2 => (key(), key(), change()).prop_map(|(read, write, by)| Step::Meet(read, write, by)),
        2 => (vec(change(), 1..4), fault()).prop_map(|(changes, fault)| Step::Faulty(changes, fault)),
        1 => (any::<bool>(), fault()).prop_map(|(background, fault)| {
            let policy = if background { WritePolicy::Background } else { WritePolicy::Blocking };
            Step::FaultyCompaction(policy, fault)
        }),
        1 => Just(Step::Reopen),
        1 => Just(Step::Crash),
    ]
}

/// Whether a change touches a key, also one that changes nothing.
fn touches(change: &Change, key: &[u8]) -> bool {
    match change {
        Change::Put(other, _) | Change::Delete(other) => other == key,
        Change::DeleteRange(start, end) => (start.as_slice()..end.as_slice()).contains(&key),
        Change::DeleteFrom(start) => start.as_slice() <= key,
    }
}

fn apply(map: &mut Map, batch: &mut WriteBatch, change: &Change) {
    let range = match change {
        Change::Put(key, value) => {
            map.insert(key.clone(), value.clone());
            return batch.put(key, value).unwrap();
        }
        Change::Delete(key) => {
            map.remove(key);
            return batch.delete(key).unwrap();
        }
        Change::DeleteRange(start, end) => KeyRange::new(start.clone()..end.clone()),
        Change::DeleteFrom(start) => KeyRange::new(start.clone()..),
    };
    map.retain(|key, _| !range.contains(key));
    batch.delete_range(&range).unwrap();
}

fn assert_same(snapshot: &Snapshot, map: &Map) {
    let expected: Vec<_> = map.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
    assert_eq!(entries(snapshot), expected);
    for (key, value) in map {
        assert_eq!(snapshot.get(key).unwrap().as_deref(), Some(value.as_slice()));
    }
    assert_eq!(snapshot.get(b"never written").unwrap(), None);
}

fn assert_counters(store: &Store, map: &Map, ranges: &[(Vec<u8>, Vec<u8>)]) {
    let bytes = |(k, v): (&Vec<u8>, &Vec<u8>)| (k.len() + v.len()) as u64;
    let stats = store.stats();
    assert_eq!(stats.entries, map.len() as u64);
    assert_eq!(stats.live_bytes, map.iter().map(bytes).sum::<u64>());
    for (a, b) in ranges {
        let (start, end) = (a.min(b), a.max(b));
        let range = KeyRange::new(start.clone()..end.clone());
        let inside = map.range::<Vec<u8>, _>((Bound::Included(start), Bound::Excluded(end)));
        let count = store.snapshot().count(&range).unwrap();
        assert_eq!(count.entries, inside.clone().count() as u64);
        assert_eq!(count.live_bytes, inside.clone().map(bytes).sum::<u64>());
        let expected: Vec<_> = inside.map(|(key, value)| (key.clone(), value.clone())).collect();
        assert_eq!(within(&store.snapshot(), &range), expected);
    }
}

/// The entries of a range, read both ways.
fn within(snapshot: &Snapshot, range: &KeyRange) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut forward = Vec::new();
    let mut scan = snapshot.scan(range);
    while let Some((key, value)) = scan.next().unwrap() {
        forward.push((key.to_vec(), value.to_vec()));
    }
    let mut left = forward.iter().rev();
    let mut scan = snapshot.scan_reverse(range);
    while let Some((key, value)) = scan.next().unwrap() {
        let (expected_key, expected) = left.next().unwrap();
        assert_eq!((key, value), (&expected_key[..], &expected[..]));
    }
    assert!(left.next().is_none());
    forward
}

/// Two transactions that began on the same state; the other commits first.
fn meet(store: &Store, map: &mut Map, read: &[u8], write: &[u8], by: &Change) {
    let mut early = store.begin();
    assert_eq!(early.get(read).unwrap().as_deref(), map.get(read).map(Vec::as_slice));
    early.put(write, b"early").unwrap();
    let mut batch = WriteBatch::new();
    apply(map, &mut batch, by);
    store.write(batch, Durability::Sync).unwrap();
    let met = touches(by, read);
    match early.commit(Durability::Sync) {
        Ok(_) => {
            assert!(!met, "what it had read was changed");
            map.insert(write.to_vec(), b"early".to_vec());
        }
        // Counting before it writes, a transaction may have read the key it writes as well.
        Err(CommitError::Conflict { key, .. }) => assert!(touches(by, &key) || met),
        Err(error) => panic!("{error}"),
    }
}

/// What is there after a power failure: one of the states since the last durable one.
fn after_a_crash(disk: &Disk, unsynced: &[Map]) -> (Disk, Store, Map) {
    let disk = Disk::new(disk.memory.crash());
    let store = disk.open();
    let found: Map = entries(&store.snapshot()).into_iter().collect();
    assert!(unsynced.contains(&found), "recovered a state that never was durable");
    (disk, store, found)
}

/// How many histories; more with `PROPTEST_CASES`.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|count| count.parse().ok()).unwrap_or(192)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn every_history_reads_like_a_plain_map(
        steps in vec(step(), 1..40),
        ranges in vec((key(), key()), 3),
    ) {
        let mut disk = Disk::new(MemVfs::new());
        let mut store = disk.open();
        let mut map = Map::new();
        // What a power failure may take back to: every state since the last durable one.
        let mut unsynced = vec![Map::new()];
        let mut held: Vec<(Snapshot, Map)> = Vec::new();
        for step in steps {
            match step {
                Step::Commit(changes, durability) => {
                    let mut batch = WriteBatch::new();
                    changes.iter().for_each(|change| apply(&mut map, &mut batch, change));
                    store.write(batch, durability).unwrap();
                    if durability == Durability::Sync {
                        unsynced.clear();
                    }
                    unsynced.push(map.clone());
                }
                Step::Hold => held.push((store.snapshot(), map.clone())),
                Step::Compact(policy) => {
                    let request = CompactionRequest { policy, ..CompactionRequest::default() };
                    let report = store.compact(&request, &CompactionControl::new()).unwrap();
                    prop_assert_eq!(report.entries, map.len() as u64);
                    unsynced = vec![map.clone()];
                }
                Step::Reopen => {
                    let before = store.stats();
                    store.close().unwrap();
                    drop(store);
                    store = disk.open();
                    let after = store.stats();
                    prop_assert_eq!(before.sequence, after.sequence);
                    prop_assert_eq!(before.live_bytes, after.live_bytes);
                    prop_assert_eq!(before.last_compaction, after.last_compaction);
                    unsynced = vec![map.clone()];
                }
                Step::Crash => {
                    (disk, store, map) = after_a_crash(&disk, &unsynced);
                    unsynced = vec![map.clone()];
                }
                Step::Meet(read, write, by) => {
                    meet(&store, &mut map, &read, &write, &by);
                    unsynced = vec![map.clone()];
                }
                Step::Faulty(changes, fault) => {
                    let (mut batch, mut after) = (WriteBatch::new(), map.clone());
                    changes.iter().for_each(|change| apply(&mut after, &mut batch, change));
                    disk.set(Some(fault));
                    let done = store.write(batch, Durability::Sync);
                    disk.set(None);
                    match done {
                        Ok(_) => {
                            map = after;
                            unsynced = vec![map.clone()];
                        }
                        Err(CommitError::Poisoned { .. }) => {
                            assert_same(&store.snapshot(), &map);
                            unsynced.push(after);
                            (disk, store, map) = after_a_crash(&disk, &unsynced);
                            unsynced = vec![map.clone()];
                        }
                        Err(error) => {
                            let no_room = matches!(error, CommitError::NoSpace(_));
                            prop_assert_eq!(no_room, fault.no_room, "{}", error);
                            prop_assert!(store.check_writable().is_ok());
                        }
                    }
                }
                Step::FaultyCompaction(policy, fault) => {
                    disk.set(Some(fault));
                    let request = CompactionRequest { policy, ..CompactionRequest::default() };
                    let done = store.compact(&request, &CompactionControl::new());
                    disk.set(None);
                    assert_same(&store.snapshot(), &map);
                    if store.check_writable().is_err() {
                        prop_assert!(done.is_err());
                        (disk, store, map) = after_a_crash(&disk, &unsynced);
                    }
                    if done.is_ok() {
                        unsynced = vec![map.clone()];
                    }
                }
            }
            assert_same(&store.snapshot(), &map);
            assert_counters(&store, &map, &ranges);
        }
        for (snapshot, map) in &held {
            assert_same(snapshot, map);
        }
    }
}
