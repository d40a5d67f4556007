//! The engine as a whole, on files in memory. One module per subject.

mod check; // verify, walk, salvage
mod closed; // damage after a clean close
mod commit; // groups, conflicts, failures of write and sync
mod compaction; // stages, policies, cancelling, room
mod copy; // beside a store that runs
mod crafted; // what fuzzing found
mod histories; // what concurrent transactions read and wrote, held against their order
mod model; // everything against a plain map, with crashes
mod reading; // scans, and what a store tells of itself
mod recovery; // what is done about the end of a tail
#[cfg(shuttle)]
mod schedules; // group commit under chosen schedules of its threads

use std::path::Path;
use std::sync::Arc;

use super::{
    Directory, Durability, KeyRange, OpenError, Snapshot, Store, StoreOptions, WriteBatch,
};
use crate::clock::ManualClock;
use crate::vfs::Vfs;
use crate::vfs::mem::MemVfs;

pub const DIR: &str = "/data";
pub const FILE: &str = "/data/test.journal";

pub fn open_on(vfs: Arc<dyn Vfs>) -> Result<Store, OpenError> {
    let clock = Arc::new(ManualClock::starting_at(1_000_000));
    let directory = Directory::open(vfs, clock, Path::new(DIR))?;
    Store::open(&directory, "test.journal", StoreOptions::default())
}

pub fn open(vfs: &MemVfs) -> Store {
    open_on(vfs.shared()).unwrap()
}

pub fn put(store: &Store, key: &str, value: &str) {
    let mut batch = WriteBatch::new();
    batch.put(key.as_bytes(), value.as_bytes()).unwrap();
    store.write(batch, Durability::Sync).unwrap();
}

pub fn get(store: &Store, key: &str) -> Option<String> {
    let value = store.snapshot().get(key.as_bytes()).unwrap();
    value.map(|value| String::from_utf8(value.to_vec()).unwrap())
}

/// Every entry, read front to back; checked against the same read back to front.
pub fn entries(snapshot: &Snapshot) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut forward = Vec::new();
    let mut scan = snapshot.scan(&KeyRange::all());
    while let Some((key, value)) = scan.next().unwrap() {
        forward.push((key.to_vec(), value.to_vec()));
    }
    let mut reverse = Vec::new();
    let mut scan = snapshot.scan_reverse(&KeyRange::all());
    while let Some((key, value)) = scan.next().unwrap() {
        reverse.push((key.to_vec(), value.to_vec()));
    }
    reverse.reverse();
    assert_eq!(forward, reverse);
    forward
}

pub fn keys(store: &Store) -> Vec<String> {
    let entries = entries(&store.snapshot());
    entries.into_iter().map(|(key, _)| String::from_utf8(key).unwrap()).collect()
}
