//! Something behind the end of a file: zeros, garbage, old frames, and holes of up to a gibibyte.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use pumice::clock::SystemClock;
use pumice::journal::check::verify;
use pumice::journal::{Directory, Durability, Store, StoreOptions, WriteBatch};
use pumice::vfs::os::OsVfs;
use pumice::vfs::{File, OpenMode, Vfs};

use crate::golden::{self, Golden};
use crate::random::Random;
use crate::{Depth, Runner};

/// Zeros and garbage of many lengths, frames of this file and of others.
pub fn appended(golden: &Golden, depth: Depth, runner: &Runner<'_>) {
    let with = |more: &[u8]| Some([&golden.bytes, more].concat());
    let lengths = if depth.all { 4096 } else { 256 };
    runner.each(lengths, |number| with(&vec![0; number + 1]));
    runner.each(lengths, |number| with(&noise(&mut Random::new(number as u64), number + 1)));
    runner.each(17, |number| with(&vec![0; 1 << number]));
    runner.each(17, |number| {
        let mut random = Random::new(number as u64);
        let zeros = vec![0; random.below(3) * 512];
        with(&[zeros, noise(&mut random, 1 << number)].concat())
    });
    // A frame that stood somewhere before, here or in another file, with zeros before it or not.
    let frames: Vec<&[u8]> =
        golden.parts.iter().map(|part| &golden.bytes[part.bytes.clone()]).collect();
    runner.each(frames.len() * 4, |number| {
        let zeros = vec![0; number % 4 * 8];
        with(&[&zeros, frames[number / 4]].concat())
    });
    for other in &golden.others {
        runner.each(other.len() / 8, |number| with(&other[number * 8..]));
    }
}

/// The largest hole, in MiB.
pub fn largest(depth: Depth) -> u64 {
    if depth.all { 1024 } else { 128 }
}

/// Holes behind the end of real files, with something behind them or not: what was committed is there, and the next commit
/// too.
pub fn sparse(depth: Depth, count: &AtomicU64) {
    let [.., golden] = &golden::all()[..] else { return };
    for hole_bytes in [1, 511, 4096, 1 << 20, largest(depth) << 20] {
        for garbage in [&b""[..], b"garbage"] {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("x");
            let made = OsVfs.open(&path, OpenMode::CreateNew).unwrap();
            let len = golden.bytes.len() as u64;
            made.write_all_at(&golden.bytes, 0).unwrap();
            made.set_len(len + hole_bytes).unwrap();
            made.write_all_at(garbage, len + hole_bytes).unwrap();
            let report = verify(&made, &mut |_| {}).unwrap();
            assert!(report.is_sound(), "{report:?}");
            let cut = if garbage.is_empty() { 0 } else { hole_bytes + garbage.len() as u64 };
            assert_eq!(report.unfinished_bytes, cut, "{hole_bytes}");
            goes_on(dir.path(), golden, &*made);
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn goes_on(dir: &Path, golden: &Golden, made: &dyn File) {
    let open = || {
        let directory =
            Directory::open(OsVfs::shared(), Arc::new(SystemClock::new()), dir).unwrap();
        Store::open(&directory, "x", StoreOptions::default()).unwrap()
    };
    let store = open();
    let mut batch = WriteBatch::new();
    batch.put(b"behind", b"the hole").unwrap();
    store.write(batch, Durability::Sync).unwrap();
    store.close().unwrap();
    drop(store);
    // The hole is gone: what was cut, or given back on closing.
    assert!(made.len().unwrap() < golden.bytes.len() as u64 + 4096);
    let snapshot = open().snapshot();
    assert_eq!(snapshot.get(b"behind").unwrap().as_deref(), Some(&b"the hole"[..]));
    let expected = golden.states.last().unwrap().len() as u64 + 1;
    let found = snapshot.count(&pumice::journal::KeyRange::all()).unwrap();
    assert_eq!(found.entries, expected);
}

fn noise(random: &mut Random, len: usize) -> Vec<u8> {
    (0..len).map(|_| u8::try_from(random.below(256)).unwrap()).collect()
}
