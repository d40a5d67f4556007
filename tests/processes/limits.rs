//! What a process does when the system says no.

use std::path::Path;
use std::process::Command;

use pumice::journal::{
    CommitError, CompactionControl, CompactionError, CompactionRequest, Directory, Durability,
    KeyRange, OpenError, Store, StoreOptions, WriteBatch,
};
use pumice::vfs::os::OsVfs;
use pumice::vfs::{File, OpenMode, Vfs, write_file};

const NAME: &str = "store";

fn open(dir: &Path) -> Result<Store, OpenError> {
    Store::open_file(&dir.join(NAME), StoreOptions::default())
}

fn key(number: u64) -> [u8; 8] {
    number.to_be_bytes()
}

fn commit(store: &Store, number: u64) -> Result<(), CommitError> {
    let mut batch = WriteBatch::new();
    batch.put(&key(number), &[u8::try_from(number % 251).unwrap(); 5000]).unwrap();
    store.write(batch, Durability::Sync).map(drop)
}

/// Commits from `*next` on until it fails, which it does.
fn until_it_fails(store: &Store, next: &mut u64) -> CommitError {
    for _ in 0..10_000 {
        match commit(store, *next) {
            Ok(()) => *next += 1,
            Err(error) => return error,
        }
    }
    panic!("{next} commits, and no limit is met");
}

/// Everything acknowledged is there, and nothing else.
fn holds(store: &Store, count: u64) {
    let snapshot = store.snapshot();
    assert_eq!(snapshot.count(&KeyRange::all()).unwrap().entries, count);
    for number in 0..count {
        let value = snapshot.get(&key(number)).unwrap().unwrap();
        assert!(value.len() == 5000 && value.iter().all(|b| u64::from(*b) == number % 251));
    }
}

fn compact(store: &Store) -> Result<(), CompactionError> {
    store.compact(&CompactionRequest::default(), &CompactionControl::new()).map(drop)
}

/// A directory with a store of ten keys, closed.
pub fn prepare(dir: &Path) {
    OsVfs.create_dir(dir).unwrap();
    let store = open(dir).unwrap();
    (0..10).for_each(|number| commit(&store, number).unwrap());
    store.close().unwrap();
}

/// P7: no room is a distinct error; reads go on; with room again, commits go on in the same process.
pub fn full(dir: &Path) {
    let filler = dir.join("filler");
    write_file(&OsVfs, &filler, &vec![7; 600 << 10]).unwrap();
    let store = open(dir).unwrap();
    let mut next = 0;
    let mut refused = 0;
    let mut fill = |next: &mut u64| {
        for _ in 0..3 {
            let error = until_it_fails(&store, next);
            assert!(matches!(error, CommitError::NoSpace(_)), "{error}");
            refused += 1;
            holds(&store, *next);
        }
        let error = compact(&store).unwrap_err();
        assert!(!matches!(error, CompactionError::Unavailable(_)), "{error}");
    };
    fill(&mut next);
    let first = next;
    OsVfs.remove(&filler).unwrap();
    commit(&store, next).unwrap();
    next += 1;
    fill(&mut next);
    assert!(next > first + 50, "{first}, then {next}");
    assert_eq!(OsVfs.list(dir).unwrap(), ["pumice.lock", NAME], "the side file was left");
    // On a full disk a close has no room for its witness; nothing is lost by that.
    drop(store.close());
    drop(store);
    holds(&open(dir).unwrap(), next);
    println!("{first} and {} commits, {refused} refused", next - first);
}

/// EFBIG counts as no room, and a higher limit lets it go on.
pub fn file_size(dir: &Path) {
    OsVfs.create_dir(dir).unwrap();
    let store = open(dir).unwrap();
    let mut next = 0;
    for _ in 0..3 {
        let error = until_it_fails(&store, &mut next);
        assert!(matches!(error, CommitError::NoSpace(_)), "{error}");
        holds(&store, next);
    }
    let first = next;
    let pid = std::process::id().to_string();
    let raised = Command::new("prlimit").args(["--pid", &pid, "--fsize=unlimited"]).status();
    assert!(raised.unwrap().success());
    for _ in 0..100 {
        commit(&store, next).unwrap();
        next += 1;
    }
    store.close().unwrap();
    drop(store);
    holds(&open(dir).unwrap(), next);
    println!("{first} commits, 3 refused, {} after the limit was raised", next - first);
}

/// Without a free descriptor commits and reads go on, a compaction fails and costs nothing.
pub fn open_files(dir: &Path) {
    OsVfs.create_dir(dir).unwrap();
    let store = open(dir).unwrap();
    (0..20).for_each(|number| commit(&store, number).unwrap());
    let held = exhaust(dir);
    let error = compact(&store).unwrap_err();
    assert!(matches!(error, CompactionError::Io { .. }), "{error}");
    (20..40).for_each(|number| commit(&store, number).unwrap());
    holds(&store, 40);
    let other = Store::open_file(&dir.join("other"), StoreOptions::default());
    assert!(other.is_err(), "opened without a descriptor");
    println!("{} descriptors taken, 20 commits meanwhile; {error}", held.len());
    drop(held);
    compact(&store).unwrap();
    commit(&store, 40).unwrap();
    store.close().unwrap();
    drop(store);
    holds(&open(dir).unwrap(), 41);
}

fn exhaust(dir: &Path) -> Vec<std::sync::Arc<dyn File>> {
    let mut held = Vec::new();
    while let Ok(file) = OsVfs.open(&dir.join(NAME), OpenMode::Read) {
        held.push(file);
        assert!(held.len() < 1000, "there is no limit");
    }
    held
}

/// Reading is possible and changes nothing, writing is refused at the open.
pub fn read_only(dir: &Path) {
    let error = open(dir).unwrap_err();
    assert!(matches!(error, OpenError::Io(_)), "{error}");
    assert!(error.to_string().contains("Read-only file system"), "{error}");
    let clock = std::sync::Arc::new(pumice::clock::SystemClock::new());
    let directory = Directory::open_read_only(OsVfs::shared(), clock, dir).unwrap();
    let store = Store::open(&directory, NAME, StoreOptions::default()).unwrap();
    holds(&store, 10);
    assert!(matches!(commit(&store, 10), Err(CommitError::ReadOnly)));
    println!("{error}; 10 keys read");
}

/// A directory that somebody deleted takes no more commits, and is not made anew.
pub fn gone(dir: &Path) {
    prepare(dir);
    let store = open(dir).unwrap();
    assert!(Command::new("rm").arg("-r").arg(dir).status().unwrap().success());
    let mut next = 10;
    let error = until_it_fails(&store, &mut next);
    assert!(matches!(error, CommitError::Poisoned { .. }), "{error}");
    assert!(matches!(commit(&store, next), Err(CommitError::Poisoned { .. })));
    holds(&store, next);
    assert!(compact(&store).is_err());
    drop(store);
    assert!(!OsVfs.exists(dir).unwrap(), "the directory is there again");
    println!("{error}");
}
