//! Copies of a store that runs.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

use super::super::{CompactionControl, CompactionError, Directory, Store, StoreOptions};
use super::{DIR, keys, open, open_on, put};
use crate::clock::ManualClock;
use crate::vfs::Vfs;
use crate::vfs::fault::FaultVfs;
use crate::vfs::mem::MemVfs;

const COPY: &str = "/copy";

fn filled(vfs: &MemVfs) -> Store {
    let store = open(vfs);
    (0..3000).for_each(|number| put(&store, &format!("key{}", number % 1500), "value"));
    store
}

fn open_copy(vfs: &MemVfs) -> Store {
    let clock = Arc::new(ManualClock::starting_at(2_000_000));
    let directory = Directory::open(vfs.shared(), clock, Path::new(COPY)).unwrap();
    Store::open(&directory, "test.journal", StoreOptions::default()).unwrap()
}

#[test]
fn a_copy_is_compacted_and_takes_writes_of_its_own() {
    let vfs = MemVfs::new();
    let store = filled(&vfs);
    let made = store.copy_to(Path::new(COPY), &CompactionControl::new()).unwrap();
    put(&store, "later", "is not in it");
    assert_eq!((made.entries, made.sequence.get()), (1500, 3000));
    let copy = open_copy(&vfs.crash());
    let stats = copy.stats();
    assert_eq!((stats.tail_bytes, stats.transactions_since_compaction), (0, 0));
    assert_eq!((stats.file_bytes, stats.sequence), (made.size_bytes, made.sequence));
    assert!(stats.file_bytes < store.stats().file_bytes);
    put(&copy, "own", "write");
    assert_eq!(keys(&copy).len(), 1501);
    assert_eq!(keys(&store).len(), 1501);
    assert!(!keys(&copy).contains(&"later".to_owned()));
}

#[test]
fn what_has_the_name_is_not_written_over_and_a_cancelled_copy_leaves_nothing() {
    let vfs = MemVfs::new();
    let store = filled(&vfs);
    let taken = store.copy_to(Path::new(DIR), &CompactionControl::new()).unwrap_err();
    assert!(matches!(taken, CompactionError::Io { source, .. } if source.is_taken()));
    let control = CompactionControl::new();
    control.cancel();
    let cancelled = store.copy_to(Path::new(COPY), &control).unwrap_err();
    assert!(matches!(cancelled, CompactionError::Cancelled { .. }));
    assert_eq!(vfs.list(Path::new(COPY)).unwrap(), [""; 0]);
    assert_eq!(keys(&store).len(), 1500);
}

#[test]
fn a_copy_is_the_state_of_one_instant_and_a_failed_one_leaves_nothing() {
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
        *armed.lock().unwrap() = Some(failing);
        let outcome = store.copy_to(Path::new(COPY), &CompactionControl::new());
        let reached = armed.lock().unwrap().is_none();
        *armed.lock().unwrap() = None;
        // The store itself does not notice.
        put(&store, "next", "1");
        assert_eq!(keys(&open(&inner.crash())).len(), 1501, "call {failing}");
        // Whatever has the name is whole, now and after a crash.
        for vfs in [inner.crash(), inner.clone()] {
            if vfs.exists(&Path::new(COPY).join("test.journal")).unwrap() {
                assert_eq!(keys(&open_copy(&vfs)).len(), 1500, "call {failing}: {outcome:?}");
            }
        }
        if !reached {
            outcome.unwrap();
            break;
        }
        assert!(outcome.is_err(), "call {failing}");
    }
}
