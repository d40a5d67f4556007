//! Random histories against a plain map: batches, range deletes, held snapshots, compactions of both
//! policies, clean reopens and power failures.

use std::collections::BTreeMap;
use std::ops::Bound;

use proptest::collection::vec;
use proptest::prelude::*;

use super::super::{
    CompactionControl, CompactionRequest, Durability, KeyRange, Snapshot, Store, WriteBatch,
    WritePolicy,
};
use super::{entries, open};
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
    Reopen,
    Crash,
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
        1 => Just(Step::Reopen),
        1 => Just(Step::Crash),
    ]
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
        assert_eq!(count.live_bytes, inside.map(bytes).sum::<u64>());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    #[test]
    fn every_history_reads_like_a_plain_map(
        steps in vec(step(), 1..40),
        ranges in vec((key(), key()), 3),
    ) {
        let mut vfs = MemVfs::new();
        let mut store = open(&vfs);
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
                    store = open(&vfs);
                    let after = store.stats();
                    prop_assert_eq!(before.sequence, after.sequence);
                    prop_assert_eq!(before.live_bytes, after.live_bytes);
                    prop_assert_eq!(before.last_compaction, after.last_compaction);
                    unsynced = vec![map.clone()];
                }
                Step::Crash => {
                    vfs = vfs.crash();
                    store = open(&vfs);
                    let found: Map = entries(&store.snapshot()).into_iter().collect();
                    let kept = unsynced.iter().rposition(|state| *state == found);
                    prop_assert!(kept.is_some(), "recovered a state that never was durable");
                    map = found;
                    unsynced = vec![map.clone()];
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
