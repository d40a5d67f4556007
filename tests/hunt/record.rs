//! A file system in memory that writes down what is done to it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use pumice::vfs::mem::MemVfs;
use pumice::vfs::{Error, File, LockAttempt, LockMode, Mapping, OpenMode, Operation, Result, Vfs};

use crate::disk::{Disk, Event};

/// A disk, and what was done to it after.
#[derive(Clone, Debug)]
pub struct Recording {
    pub start: Disk,
    pub events: Vec<Event>,
}

/// Is called inside of every sync of a file.
type DuringSync = dyn Fn() + Send + Sync;

#[derive(Clone)]
pub struct RecordVfs {
    inner: MemVfs,
    log: Arc<Log>,
}

struct Log {
    recording: Mutex<Recording>,
    names: Mutex<BTreeMap<PathBuf, usize>>,
    /// Syncs that succeed before one fails; none does at `u64::MAX`.
    syncs_left: AtomicU64,
    /// Writes that succeed before one places all its bytes and yet fails.
    writes_left: AtomicU64,
    during_sync: Mutex<Option<Arc<DuringSync>>>,
}

impl std::fmt::Debug for RecordVfs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RecordVfs")
    }
}

impl RecordVfs {
    /// Goes on from a disk as a process would that was killed and started again: the cache is still there.
    pub fn over(disk: Disk) -> Self {
        let start = disk.renumbered();
        let (inner, names) = (MemVfs::new(), start.live_names());
        inner.create_dir(Path::new(crate::DIR)).unwrap();
        for (path, ino) in &names {
            inner.put(path, start.inodes[*ino].live.clone());
        }
        let log = Log {
            recording: Mutex::new(Recording { start, events: Vec::new() }),
            names: Mutex::new(names),
            syncs_left: AtomicU64::new(u64::MAX),
            writes_left: AtomicU64::new(u64::MAX),
            during_sync: Mutex::new(None),
        };
        Self { inner, log: Arc::new(log) }
    }

    pub fn shared(&self) -> Arc<dyn Vfs> {
        Arc::new(self.clone())
    }

    pub fn recording(&self) -> Recording {
        self.log.recording().clone()
    }

    /// The disk as it is now.
    pub fn disk(&self) -> Disk {
        let recording = self.log.recording();
        let mut disk = recording.start.clone();
        recording.events.iter().for_each(|event| disk.apply(event));
        disk
    }

    pub fn acked(&self, store: usize, sequence: u64) {
        self.log.recording().events.push(Event::Acked { store, sequence });
    }

    pub fn refused(&self, store: usize, sequence: u64, id: u32) {
        self.log.recording().events.push(Event::Refused { store, sequence, id });
    }

    /// Lets a sync fail after `count` that succeed.
    pub fn fail_sync_after(&self, count: u64) {
        self.log.syncs_left.store(count, Ordering::SeqCst);
    }

    /// Lets a write fail after `count` that succeed, though all its bytes are in place.
    pub fn fail_write_after(&self, count: u64) {
        self.log.writes_left.store(count, Ordering::SeqCst);
    }

    pub fn sync_failed(&self) -> bool {
        let recording = self.log.recording();
        recording.events.iter().any(|event| matches!(event, Event::SyncFailed { .. }))
    }

    pub fn during_sync(&self, call: Option<Arc<DuringSync>>) {
        *self.log.during_sync.lock().unwrap() = call;
    }
}

impl Log {
    fn recording(&self) -> MutexGuard<'_, Recording> {
        self.recording.lock().unwrap()
    }

    /// Does something and writes it down, so that nothing comes between.
    fn note<T>(&self, event: Event, act: impl FnOnce() -> Result<T>) -> Result<T> {
        let mut recording = self.recording();
        let done = act()?;
        recording.events.push(event);
        Ok(done)
    }
}

impl Vfs for RecordVfs {
    fn open(&self, path: &Path, mode: OpenMode) -> Result<Arc<dyn File>> {
        let mut recording = self.log.recording();
        let inner = self.inner.open(path, mode)?;
        let mut names = self.log.names.lock().unwrap();
        if mode == OpenMode::CreateNew {
            let created = recording.events.iter().filter(|e| matches!(e, Event::Create { .. }));
            let ino = recording.start.inodes.len() + created.count();
            names.insert(path.to_path_buf(), ino);
            recording.events.push(Event::Create { path: path.to_path_buf(), ino });
        }
        let ino = names[path];
        Ok(Arc::new(RecordFile { inner, ino, log: self.log.clone() }))
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        let event = Event::Rename { from: from.to_path_buf(), to: to.to_path_buf() };
        self.log.note(event, || {
            self.inner.rename(from, to)?;
            let mut names = self.log.names.lock().unwrap();
            let ino = names.remove(from).unwrap();
            names.insert(to.to_path_buf(), ino);
            Ok(())
        })
    }

    fn remove(&self, path: &Path) -> Result<()> {
        let event = Event::Remove { path: path.to_path_buf() };
        self.log.note(event, || {
            self.inner.remove(path)?;
            self.log.names.lock().unwrap().remove(path);
            Ok(())
        })
    }

    fn sync_dir(&self, dir: &Path) -> Result<()> {
        self.log.note(Event::SyncDir, || self.inner.sync_dir(dir))
    }

    fn create_dir(&self, dir: &Path) -> Result<()> {
        self.inner.create_dir(dir)
    }

    fn exists(&self, path: &Path) -> Result<bool> {
        self.inner.exists(path)
    }

    fn list(&self, dir: &Path) -> Result<Vec<String>> {
        self.inner.list(dir)
    }

    fn free_space_bytes(&self, dir: &Path) -> Result<u64> {
        self.inner.free_space_bytes(dir)
    }

    fn lock(&self, path: &Path, mode: LockMode, holder: &str) -> Result<LockAttempt> {
        Vfs::lock(&self.inner, path, mode, holder)
    }
}

/// Counts down; `true` once, when there was nothing left.
fn comes_to_zero(left: &AtomicU64) -> bool {
    let count_down = |left: u64| (left < u64::MAX).then(|| left.wrapping_sub(1));
    left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, count_down) == Ok(0)
}

struct RecordFile {
    inner: Arc<dyn File>,
    ino: usize,
    log: Arc<Log>,
}

impl std::fmt::Debug for RecordFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RecordFile({:?})", self.inner)
    }
}

impl RecordFile {
    fn sync(&self, all: bool) -> Result<()> {
        let begun = {
            let mut recording = self.log.recording();
            recording.events.push(Event::SyncBegun);
            recording.events.len() - 1
        };
        let during = self.log.during_sync.lock().unwrap().clone();
        if let Some(during) = during {
            during();
        }
        let fails = comes_to_zero(&self.log.syncs_left);
        let ino = self.ino;
        if fails {
            self.log.recording().events.push(Event::SyncFailed { ino, begun });
            let source = std::io::Error::other("a sync that failed on purpose");
            return Err(Error::new(Operation::Sync, self.path(), source));
        }
        self.log.note(Event::Synced { ino, begun, all }, || self.inner.sync_all())
    }
}

impl File for RecordFile {
    fn path(&self) -> &Path {
        self.inner.path()
    }

    fn len(&self) -> Result<u64> {
        self.inner.len()
    }

    fn read_at(&self, buffer: &mut [u8], position: u64) -> Result<usize> {
        self.inner.read_at(buffer, position)
    }

    fn write_all_at(&self, bytes: &[u8], position: u64) -> Result<()> {
        let start = usize::try_from(position).unwrap();
        let event = Event::Write { ino: self.ino, start, bytes: Arc::from(bytes) };
        self.log.note(event, || self.inner.write_all_at(bytes, position))?;
        if comes_to_zero(&self.log.writes_left) {
            let source = std::io::Error::from(std::io::ErrorKind::StorageFull);
            return Err(Error::new(Operation::Write, self.path(), source));
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<()> {
        let event = Event::SetLen { ino: self.ino, len: usize::try_from(len).unwrap() };
        self.log.note(event, || self.inner.set_len(len))
    }

    fn sync_data(&self) -> Result<()> {
        self.sync(false)
    }

    fn sync_all(&self) -> Result<()> {
        self.sync(true)
    }

    fn map(&self, len: u64) -> Result<Option<Mapping>> {
        self.inner.map(len)
    }
}
