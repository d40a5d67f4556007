//! A whole file: what an open, a check, a walk and a salvage make of it, and what is there after going on with it.
//!
//! The bytes are either taken as they are, checksums put right where a flag says so, or built out of parts.

use std::path::Path;
use std::sync::Arc;

use pumice::clock::ManualClock;
use pumice::journal::check::{CheckReport, salvage, verify, walk};
use pumice::journal::{
    Directory, Durability, KeyRange, OpenError, ReadError, Snapshot, Store, StoreOptions,
    WriteBatch,
};
use pumice::vfs::mem::MemVfs;
use pumice::vfs::{File, OpenMode, Vfs};

use crate::seal::{self, BLOCK_HEADER, FRAME_HEADER, FRAME_MAGIC, HEADER, Parts};
use crate::take::Take;

const DIR: &str = "/d";
const FILE: &str = "/d/x";
const STEPS_MAX: usize = 4096;

pub fn run(input: &[u8]) {
    let mut take = Take(input);
    let flags = take.u8();
    let mut bytes = if flags & 1 == 0 { take.0.to_vec() } else { built(&mut take) };
    let parts = Parts {
        header: flags & 2 != 0,
        copy: flags & 4 != 0,
        blocks: flags & 8 != 0,
        frames: flags & 16 != 0,
        sequences: flags & 32 != 0,
    };
    seal::file(&mut bytes, parts);
    // Damage on top of what is whole.
    if flags & 64 != 0 && !bytes.is_empty() {
        let at = usize::from(take.u16()) % bytes.len();
        bytes[at] ^= take.u8();
    }
    judge(&bytes);
}

/// Header, blocks and frames out of few bytes of input.
fn built(take: &mut Take<'_>) -> Vec<u8> {
    let mut bytes = vec![0; HEADER];
    let (blocks, frames) = (take.u8() % 6, take.u8() % 8);
    let (mut root, mut height) = ((0, 0), 0);
    for _ in 0..blocks {
        let (level, compression, payload) = (take.u8() % 4, take.u8() % 3 / 2, take.piece());
        root = (bytes.len() as u64, (BLOCK_HEADER + payload.len()) as u32);
        height = level + 1;
        let at = bytes.len();
        bytes.extend([0; BLOCK_HEADER]);
        bytes.extend(payload);
        seal::put(&mut bytes, at + 8, &(payload.len() as u32).to_le_bytes());
        bytes[at + 12] = level;
        bytes[at + 13] = compression;
    }
    let image_len = (bytes.len() - HEADER) as u64;
    bytes.resize((bytes.len() + HEADER).next_multiple_of(HEADER), 0);
    let tail = bytes.len() as u64;
    let sealed = tail + u64::from(take.u8()) * 8;
    let small = |take: &mut Take<'_>| u64::from(take.u8());
    let entries = if blocks == 0 { 0 } else { small(take) };
    let live = if blocks == 0 { 0 } else { u64::from(take.u16()) };
    for (at, number) in [
        (16, 1),
        (32, small(take)),
        (48, small(take)),
        (64, image_len),
        (72, entries),
        (80, live),
        (88, root.0),
        (104, tail),
        (112, sealed),
    ] {
        seal::put(&mut bytes, at, &number.to_le_bytes());
    }
    seal::put(&mut bytes, 96, &root.1.to_le_bytes());
    bytes[100] = if blocks == 0 { 0 } else { height };
    for _ in 0..frames {
        let at = bytes.len();
        let (kind, synced, payload) = (take.u8(), take.u8(), take.piece());
        bytes.extend([0; FRAME_HEADER]);
        bytes.extend(payload);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        seal::put(&mut bytes, at, &FRAME_MAGIC);
        bytes[at + 4] = if kind % 4 == 0 { 2 } else { 1 };
        seal::put(&mut bytes, at + 16, &(payload.len() as u32).to_le_bytes());
        // Behind the place where it stands now and then, which no writer says.
        let position = (at as u64 + 64).saturating_sub(u64::from(synced) * 8);
        seal::put(&mut bytes, at + 24, &position.to_le_bytes());
        seal::put(&mut bytes, at + 32, &u64::from(take.u8()).to_le_bytes());
        seal::put(&mut bytes, at + 40, &u64::from(take.u16()).to_le_bytes());
    }
    let zeros = usize::from(take.u8()) * 16;
    bytes.resize(bytes.len() + zeros, 0);
    bytes.extend(take.piece());
    bytes
}

fn file_of(vfs: &MemVfs) -> Arc<dyn File> {
    vfs.open(Path::new(FILE), OpenMode::Read).unwrap()
}

fn open(vfs: &MemVfs, read_only: bool) -> Result<Store, OpenError> {
    let clock = Arc::new(ManualClock::starting_at(1_000_000));
    let open = if read_only { Directory::open_read_only } else { Directory::open };
    let directory = open(vfs.shared(), clock, Path::new(DIR))?;
    Store::open(&directory, "x", StoreOptions::default())
}

type Entries = Vec<(Vec<u8>, Vec<u8>)>;

/// Every entry; `None` when there are very many. Backwards they are the same, unless the check has found that heads of
/// blocks lie: then a scan that leaps over what the tail hides lands where its search is led.
fn entries(snapshot: &Snapshot, sound: bool) -> Result<Option<Entries>, ReadError> {
    let mut all = Entries::new();
    let mut scan = snapshot.scan(&KeyRange::all());
    while let Some((key, value)) = scan.next()? {
        all.push((key.to_vec(), value.to_vec()));
        if all.len() > STEPS_MAX {
            return Ok(None);
        }
    }
    let mut backwards = Entries::new();
    let mut scan = snapshot.scan_reverse(&KeyRange::all());
    while let Some((key, value)) = scan.next()? {
        backwards.push((key.to_vec(), value.to_vec()));
        assert!(backwards.len() <= 2 * STEPS_MAX, "a scan backwards does not end");
    }
    backwards.reverse();
    assert!(!sound || backwards == all, "backwards is otherwise");
    Ok(Some(all))
}

fn judge(bytes: &[u8]) {
    let vfs = MemVfs::new();
    vfs.put(Path::new(FILE), bytes.to_vec());
    vfs.create_dir(Path::new(DIR)).unwrap();
    let report = verify(&file_of(&vfs), &mut |_| {});
    let mut pieces = 0;
    let _ignored = walk(&file_of(&vfs), &mut |_| {
        pieces += 1;
        pieces < STEPS_MAX
    });
    let found = read_only(&vfs, bytes, report.as_ref().ok());
    let sound = report.as_ref().is_ok_and(CheckReport::is_sound);
    if sound && let Some(found) = &found {
        saved(&vfs, found, report.as_ref().unwrap());
    }
    go_on(&vfs, bytes, sound, found);
}

/// What a reader sees; it changes nothing.
fn read_only(vfs: &MemVfs, bytes: &[u8], report: Option<&CheckReport>) -> Option<Entries> {
    let sound = report.is_some_and(CheckReport::is_sound);
    let store = match open(vfs, true) {
        Ok(store) => store,
        Err(OpenError::NotFound { .. }) => return None,
        Err(error) => {
            assert!(!sound, "sound, and does not open: {error}");
            return None;
        }
    };
    let found = entries(&store.snapshot(), sound);
    drop(store);
    assert_eq!(vfs.bytes(Path::new(FILE)).as_deref(), Some(bytes), "reading changed the file");
    if sound {
        let found = found.unwrap()?;
        assert_eq!(found.len() as u64, report.unwrap().counters.entries);
        return Some(found);
    }
    found.ok().flatten()
}

/// All of a sound file is saved, unless its tail ends in something that an open would cut.
fn saved(vfs: &MemVfs, found: &Entries, report: &CheckReport) {
    if report.unfinished_bytes > 0 {
        return;
    }
    let target = Store::in_memory().unwrap();
    salvage(&file_of(vfs), &target).unwrap();
    assert_eq!(
        entries(&target.snapshot(), true).unwrap().as_ref(),
        Some(found),
        "salvage lost something"
    );
}

/// Opens for writing, commits, and finds all of it again after a power failure.
fn go_on(vfs: &MemVfs, bytes: &[u8], sound: bool, found: Option<Entries>) {
    let store = match open(vfs, false) {
        Ok(store) => store,
        Err(OpenError::Damaged(damage)) => {
            assert!(!sound, "sound, and refused: {damage}");
            assert_eq!(vfs.bytes(Path::new(FILE)).as_deref(), Some(bytes), "refused and changed");
            return;
        }
        Err(error) => {
            assert!(!sound, "sound, and does not open: {error}");
            return;
        }
    };
    let mut batch = WriteBatch::new();
    batch.put(b"fuzz", b"went on").unwrap();
    // A block that is damaged in the image may only be seen now; then nothing is committed.
    let committed = store.write(batch, Durability::Sync);
    assert!(committed.is_ok() || !sound, "{committed:?}");
    let Ok(_) = committed else { return };
    drop(store);
    let after = vfs.crash();
    let store = open(&after, false).unwrap_or_else(|error| panic!("closed, and refused: {error}"));
    let value = store.snapshot().get(b"fuzz").unwrap();
    assert_eq!(value.as_deref(), Some(&b"went on"[..]));
    if let (true, Some(mut found)) = (sound, found) {
        found.retain(|(key, _)| key != b"fuzz");
        let at = found.partition_point(|(key, _)| key.as_slice() < &b"fuzz"[..]);
        found.insert(at, (b"fuzz".to_vec(), b"went on".to_vec()));
        assert_eq!(entries(&store.snapshot(), sound).unwrap(), Some(found));
    }
}
