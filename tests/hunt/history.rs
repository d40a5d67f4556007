//! What was committed, and what a store must therefore hold.

use std::collections::BTreeMap;

use pumice::journal::{Durability, KeyRange, Snapshot, WriteBatch};

pub type Map = BTreeMap<Vec<u8>, Vec<u8>>;

/// The transactions of both stores, by sequence. A transaction is a number, from which all of it follows.
#[derive(Clone, Debug, Default)]
pub struct History {
    committed: [BTreeMap<u64, u32>; 2],
}

/// The transaction with a number: small and large values, deletes of keys and of ranges.
pub fn batch(id: u32) -> (WriteBatch, Map, Vec<KeyRange>) {
    let (mut batch, mut puts, mut gone) = (WriteBatch::new(), Map::new(), Vec::new());
    let ranged = KeyRange::prefix(b"range/");
    if id.is_multiple_of(4) {
        gone.push(ranged.clone());
        batch.delete_range(&ranged).unwrap();
    }
    if let Some(before) = id.checked_sub(3) {
        let key = key(before);
        gone.push(KeyRange::key(&key));
        batch.delete(&key).unwrap();
    }
    let len = match id {
        1000.. => 23_000,
        _ if id.is_multiple_of(3) => 1500,
        _ => 10,
    };
    let value: Vec<u8> = (0..len).map(|n: u32| (n ^ id).to_le_bytes()[0]).collect();
    for (key, value) in [
        (key(id), value),
        (b"last".to_vec(), id.to_be_bytes().to_vec()),
        (format!("range/{id}").into_bytes(), b"r".to_vec()),
    ] {
        batch.put(&key, &value).unwrap();
        puts.insert(key, value);
    }
    (batch, puts, gone)
}

fn key(id: u32) -> Vec<u8> {
    format!("id/{id}").into_bytes()
}

impl History {
    pub fn record(&mut self, store: usize, sequence: u64, id: u32) {
        self.committed[store].insert(sequence, id);
    }

    /// This history with another last transaction of a store.
    pub fn with(&self, (store, sequence, id): (usize, u64, u32)) -> Self {
        let mut other = self.clone();
        other.truncate(store, sequence - 1);
        other.record(store, sequence, id);
        other
    }

    /// Forgets what came after, which turned out not to be there.
    pub fn truncate(&mut self, store: usize, last: u64) {
        self.committed[store].retain(|sequence, _| *sequence <= last);
    }

    pub fn last(&self, store: usize) -> u64 {
        self.committed[store].keys().next_back().copied().unwrap_or_default()
    }

    /// What a store holds after a transaction.
    pub fn map(&self, store: usize, sequence: u64) -> Map {
        let mut map = Map::new();
        for (expected, (number, id)) in (1..).zip(self.committed[store].range(..=sequence)) {
            assert_eq!(expected, *number, "the history has a hole");
            let (_, puts, gone) = batch(*id);
            map.retain(|key, _| !gone.iter().any(|range| range.contains(key)));
            map.extend(puts);
        }
        map
    }
}

/// Every entry, front to back, held against back to front, single reads and the count.
pub fn read(snapshot: &Snapshot) -> Map {
    let mut map = Map::new();
    let mut scan = snapshot.scan(&KeyRange::all());
    while let Some((key, value)) = scan.next().unwrap() {
        map.insert(key.to_vec(), value.to_vec());
    }
    let mut backwards = Map::new();
    let mut scan = snapshot.scan_reverse(&KeyRange::all());
    while let Some((key, value)) = scan.next().unwrap() {
        backwards.insert(key.to_vec(), value.to_vec());
    }
    assert_eq!(map, backwards, "forwards and backwards differ");
    for (key, value) in &map {
        assert_eq!(snapshot.get(key).unwrap().as_deref(), Some(value.as_slice()));
    }
    let count = snapshot.count(&KeyRange::all()).unwrap();
    assert_eq!(count.entries, map.len() as u64, "the count is wrong");
    map
}

/// All that the scenarios use.
pub const SYNC: Durability = Durability::Sync;
