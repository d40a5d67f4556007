//! What was committed, and what a store must therefore hold.

use std::collections::BTreeMap;
use std::sync::Arc;

use pumice::journal::{Durability, KeyRange, Snapshot, WriteBatch};

pub type Map = BTreeMap<Vec<u8>, Vec<u8>>;

/// Transactions from this number on put a value that needs more room than was made ahead.
pub const LARGE: u32 = 1000;
/// The transaction with this number plus n brings back what the first n transactions had led to.
pub const ROLLBACK: u32 = 2000;

/// The states of both stores after each transaction; the first is the empty one.
#[derive(Clone, Debug)]
pub struct History {
    states: [Vec<Arc<Map>>; 2],
    /// Transactions that came before one with a lower sequence.
    early: [BTreeMap<u64, u32>; 2],
}

impl Default for History {
    fn default() -> Self {
        let empty = || vec![Arc::new(Map::new())];
        Self { states: [empty(), empty()], early: Default::default() }
    }
}

/// A transaction: what it deletes, then what it puts.
pub struct Change {
    pub gone: Vec<KeyRange>,
    pub puts: Map,
}

impl Change {
    /// The transaction with a number: small and large values, deletes of keys and of ranges.
    pub fn of(id: u32) -> Self {
        if let Some(last) = id.checked_sub(ROLLBACK) {
            let puts = (1..=last).fold(Map::new(), |map, id| Self::of(id).apply(&map));
            return Self { gone: vec![KeyRange::all()], puts };
        }
        let mut gone = Vec::new();
        if id.is_multiple_of(4) {
            gone.push(KeyRange::prefix(b"range/"));
        }
        if let Some(before) = id.checked_sub(3) {
            gone.push(KeyRange::key(&key(before)));
        }
        let len = match id {
            LARGE.. => 23_000,
            _ if id.is_multiple_of(3) => 1500,
            _ => 10,
        };
        let value: Vec<u8> = (0..len).map(|n: u32| (n ^ id).to_le_bytes()[0]).collect();
        let puts = [
            (key(id), value),
            (b"last".to_vec(), id.to_be_bytes().to_vec()),
            (format!("range/{id}").into_bytes(), b"r".to_vec()),
        ];
        Self { gone, puts: puts.into() }
    }

    pub fn batch(&self) -> WriteBatch {
        let mut batch = WriteBatch::new();
        for range in &self.gone {
            match range.end() {
                Some(end) if range.start().iter().chain(&[0]).eq(end) => {
                    batch.delete(range.start()).unwrap();
                }
                _ => batch.delete_range(range).unwrap(),
            }
        }
        self.puts.iter().for_each(|(key, value)| batch.put(key, value).unwrap());
        batch
    }

    pub fn apply(&self, map: &Map) -> Map {
        let mut map = map.clone();
        map.retain(|key, _| !self.gone.iter().any(|range| range.contains(key)));
        map.extend(self.puts.iter().map(|(key, value)| (key.clone(), value.clone())));
        map
    }
}

fn key(id: u32) -> Vec<u8> {
    format!("id/{id}").into_bytes()
}

impl History {
    /// Transaction `sequence` of a store was the one with the number `id`.
    pub fn record(&mut self, store: usize, sequence: u64, id: u32) {
        self.early[store].insert(sequence, id);
        while let Some(id) = self.early[store].remove(&(self.states[store].len() as u64)) {
            let last = &self.states[store][self.states[store].len() - 1];
            let next = Change::of(id).apply(last);
            self.states[store].push(Arc::new(next));
        }
    }

    /// The next transaction of a store led to this.
    pub fn push(&mut self, store: usize, map: Map) {
        self.states[store].push(Arc::new(map));
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
        self.states[store].truncate(usize::try_from(last).unwrap() + 1);
        self.early[store].clear();
    }

    pub fn last(&self, store: usize) -> u64 {
        assert!(self.early[store].is_empty(), "the history has a hole");
        self.states[store].len() as u64 - 1
    }

    /// What a store holds after a transaction.
    pub fn map(&self, store: usize, sequence: u64) -> &Arc<Map> {
        &self.states[store][usize::try_from(sequence).unwrap()]
    }
}

/// Holds every entry against `map`: front to back, back to front, single reads and the count.
pub fn compare(snapshot: &Snapshot, map: &Map) -> Result<(), String> {
    let mut expected = map.iter();
    let mut scan = snapshot.scan(&KeyRange::all());
    while let Some((key, value)) = scan.next().unwrap() {
        if !expected.next().is_some_and(|(k, v)| k == key && v == value) {
            return Err(format!("forwards: {} is wrong", key.escape_ascii()));
        }
    }
    if let Some((key, _)) = expected.next() {
        return Err(format!("forwards: {} is missing", key.escape_ascii()));
    }
    let mut expected = map.iter().rev();
    let mut scan = snapshot.scan_reverse(&KeyRange::all());
    while let Some((key, value)) = scan.next().unwrap() {
        if !expected.next().is_some_and(|(k, v)| k == key && v == value) {
            return Err(format!("backwards: {} is wrong", key.escape_ascii()));
        }
    }
    if expected.next().is_some() {
        return Err("backwards: something is missing".to_owned());
    }
    for (key, value) in map {
        if snapshot.get(key).unwrap().as_deref() != Some(value.as_slice()) {
            return Err(format!("{} reads differently by itself", key.escape_ascii()));
        }
    }
    let count = snapshot.count(&KeyRange::all()).unwrap().entries;
    let right = count == map.len() as u64;
    if right { Ok(()) } else { Err(format!("counted are {count} entries, not {}", map.len())) }
}

/// All that the scenarios use.
pub const SYNC: Durability = Durability::Sync;
