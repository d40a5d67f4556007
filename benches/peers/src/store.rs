//! What is asked of every contestant.

use std::error::Error;
use std::path::Path;

use crate::{measure, stores};

/// Any error ends the job; it is a bench.
pub type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Bytes of a key.
pub const KEY_BYTES: usize = 16;

/// A key.
pub type Key = [u8; KEY_BYTES];

/// An entry to be written.
pub type Put<'a> = (Key, &'a [u8]);

/// An open store. Dropping it closes it cleanly.
pub trait Store: Send + Sync {
    /// A writer for the calling thread.
    fn writer(&self) -> Outcome<Box<dyn Writer + '_>>;

    /// A reader for the calling thread, on the state of now where the store has snapshots.
    fn reader(&self) -> Outcome<Box<dyn Reader + '_>>;

    /// Makes everything that was committed durable.
    fn sync(&self) -> Outcome<()>;

    /// Gives back the room that old versions take, with whatever the store offers for it.
    fn compact(&self) -> Outcome<()>;

    /// The process that holds the data.
    fn pid(&self) -> u32 {
        std::process::id()
    }

    /// Bytes of its files that are in use, where the store writes ahead and says how far.
    fn used_bytes(&self) -> Option<u64> {
        None
    }
}

/// Processor time so far, in seconds: ours, and that of the process that holds the data.
pub fn cpu_seconds(store: &dyn Store) -> Outcome<f64> {
    let (ours, theirs) = (std::process::id(), store.pid());
    let server = if theirs == ours { 0.0 } else { measure::cpu_seconds(theirs)? };
    Ok(measure::cpu_seconds(ours)? + server)
}

/// Commits for one thread.
pub trait Writer {
    /// One transaction. With `durable` it is on stable storage when this returns.
    fn commit(&mut self, puts: &[Put<'_>], durable: bool) -> Outcome<()>;
}

/// Reads for one thread. Values are looked at where the store has them: who must copy, copies.
pub trait Reader {
    /// The length of the value of `key`, of which a byte was touched.
    fn get(&mut self, key: &Key) -> Outcome<Option<usize>>;

    /// Goes over everything (in key order, where the store has one), touching a byte of each value.
    fn scan(&mut self) -> Outcome<Scanned>;
}

/// What a scan saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scanned {
    pub entries: u64,
    pub bytes: u64,
}

impl Scanned {
    /// One more entry, of which a byte is touched.
    pub fn see(&mut self, key: &[u8], value: &[u8]) {
        std::hint::black_box(value.first());
        self.entries += 1;
        self.bytes += (key.len() + value.len()) as u64;
    }
}

/// The length, with a byte of the value touched.
pub fn touch(value: &[u8]) -> usize {
    std::hint::black_box(value.first());
    value.len()
}

/// How a store is opened.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Compaction by itself, with the thresholds that the store has by default; else only when asked, where
    /// the store can be told so.
    pub automatic: bool,
    /// Commits until the first `sync` are not durable: for a store that decides it when it starts.
    pub bulk: bool,
}

/// The contestants, in the order of the tables.
pub const CONTESTANTS: &[&str] =
    &["pumice", "raft-engine", "fjall", "rocksdb", "redb", "lmdb", "sqlite", "redis"];

/// Opens a contestant's store in a directory, making it when there is none.
pub fn open(contestant: &str, dir: &Path, options: Options) -> Outcome<Box<dyn Store>> {
    std::fs::create_dir_all(dir)?;
    Ok(match contestant {
        "pumice" => Box::new(stores::pumice::Pumice::open(dir, options)?),
        "raft-engine" => Box::new(stores::raft::Raft::open(dir)?),
        "fjall" => Box::new(stores::fjall::Fjall::open(dir)?),
        #[cfg(feature = "rocksdb")]
        "rocksdb" => Box::new(stores::rocks::Rocks::open(dir)?),
        "redb" => Box::new(stores::redb::Redb::open(dir)?),
        "lmdb" => Box::new(stores::lmdb::Lmdb::open(dir)?),
        "sqlite" => Box::new(stores::sqlite::Sqlite::open(dir)?),
        "redis" => Box::new(stores::redis::Redis::open(dir, options)?),
        other => return Err(format!("no contestant is called {other}").into()),
    })
}

/// Whether this build has the contestant.
pub fn is_built(contestant: &str) -> bool {
    contestant != "rocksdb" || cfg!(feature = "rocksdb")
}
