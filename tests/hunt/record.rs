//! A file system in memory that writes down what is done to it, and fails what a plan says.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use pumice::vfs::{Error, File, LockAttempt, LockMode, Mapping, OpenMode, Operation, Result, Vfs};

use crate::disk::{Disk, Event, Node};
use crate::memory::Memory;

/// A disk, and what was done to it after.
#[derive(Clone, Debug)]
pub struct Recording {
    pub start: Disk,
    pub events: Vec<Event>,
}

/// What becomes of a call. The number is the system's for the error.
#[derive(Clone, Copy, Debug)]
pub enum Verdict {
    Pass,
    /// Nothing is done; but a write places half of its bytes, and a sync leaves its pages clean.
    Fail(i32),
    /// All of it is done, and yet an error is returned.
    FailLate(i32),
}

/// Is shown every call before it is made.
pub type Plan = dyn Fn(Operation) -> Verdict + Send + Sync;
/// Is called inside of every sync of a file.
type DuringSync = dyn Fn() + Send + Sync;

#[derive(Clone)]
pub struct RecordVfs {
    inner: Memory,
    log: Arc<Log>,
}

struct Log {
    recording: Mutex<Recording>,
    names: Mutex<BTreeMap<PathBuf, usize>>,
    plan: Mutex<Option<Arc<Plan>>>,
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
        let (mut names, live) = (BTreeMap::new(), start.live_names());
        for (path, node) in &live {
            if let Node::File(ino) = node {
                names.insert(path.clone(), *ino);
            }
        }
        let inner = start.live_files().memory();
        let log = Log {
            recording: Mutex::new(Recording { start, events: Vec::new() }),
            names: Mutex::new(names),
            plan: Mutex::default(),
            during_sync: Mutex::default(),
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

    /// From here on the plan decides; without one all calls pass.
    pub fn set_plan(&self, plan: Option<Arc<Plan>>) {
        *self.log.plan.lock().unwrap() = plan;
    }

    /// The `count`th call of an operation from now on, and only that, gets a verdict.
    pub fn set_verdict(&self, operation: Operation, count: u64, verdict: Verdict) {
        let left = Mutex::new(count);
        self.set_plan(Some(Arc::new(move |called| {
            let mut left = left.lock().unwrap();
            if called != operation || *left == u64::MAX {
                return Verdict::Pass;
            }
            *left = left.wrapping_sub(1);
            if *left == u64::MAX { verdict } else { Verdict::Pass }
        })));
    }

    pub fn during_sync(&self, call: Option<Arc<DuringSync>>) {
        *self.log.during_sync.lock().unwrap() = call;
    }
}

fn failed(operation: Operation, path: &Path, errno: i32) -> Error {
    Error::new(operation, path, io::Error::from_raw_os_error(errno))
}

impl Log {
    fn recording(&self) -> MutexGuard<'_, Recording> {
        self.recording.lock().unwrap()
    }

    fn verdict(&self, operation: Operation) -> Verdict {
        let plan = self.plan.lock().unwrap().clone();
        plan.map_or(Verdict::Pass, |plan| plan(operation))
    }

    /// Does something if the plan lets it.
    fn gate<T>(
        &self,
        operation: Operation,
        path: &Path,
        act: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        match self.verdict(operation) {
            Verdict::Pass => act(),
            Verdict::Fail(errno) => Err(failed(operation, path, errno)),
            Verdict::FailLate(errno) => {
                act()?;
                Err(failed(operation, path, errno))
            }
        }
    }

    /// As [`Log::gate`], and writes it down, so that nothing comes between.
    fn note<T>(
        &self,
        operation: Operation,
        path: &Path,
        event: Event,
        act: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        self.gate(operation, path, || {
            let mut recording = self.recording();
            let done = act()?;
            recording.events.push(event);
            Ok(done)
        })
    }

    fn name_new_file(&self, recording: &mut Recording, path: &Path) {
        let created = recording.events.iter().filter(|e| matches!(e, Event::Create { .. }));
        let ino = recording.start.inodes.len() + created.count();
        self.names.lock().unwrap().insert(path.to_path_buf(), ino);
        recording.events.push(Event::Create { path: path.to_path_buf(), ino });
    }
}

impl Vfs for RecordVfs {
    fn open(&self, path: &Path, mode: OpenMode) -> Result<Arc<dyn File>> {
        let create = mode == OpenMode::CreateNew;
        let operation = if create { Operation::Create } else { Operation::Open };
        self.log.gate(operation, path, || {
            let mut recording = self.log.recording();
            let inner = self.inner.open(path, mode)?;
            if create {
                self.log.name_new_file(&mut recording, path);
            }
            let ino = self.log.names.lock().unwrap()[path];
            let file: Arc<dyn File> = Arc::new(RecordFile { inner, ino, log: self.log.clone() });
            Ok(file)
        })
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        let event = Event::Rename { from: from.to_path_buf(), to: to.to_path_buf() };
        self.log.note(Operation::Rename, from, event, || {
            self.inner.rename(from, to)?;
            let mut names = self.log.names.lock().unwrap();
            let ino = names.remove(from).unwrap();
            names.insert(to.to_path_buf(), ino);
            Ok(())
        })
    }

    fn remove(&self, path: &Path) -> Result<()> {
        let event = Event::Remove { path: path.to_path_buf() };
        self.log.note(Operation::Remove, path, event, || {
            self.inner.remove(path)?;
            self.log.names.lock().unwrap().remove(path);
            Ok(())
        })
    }

    fn sync_dir(&self, dir: &Path) -> Result<()> {
        let event = Event::SyncDir { path: dir.to_path_buf() };
        self.log.note(Operation::SyncDir, dir, event, || self.inner.sync_dir(dir))
    }

    fn create_dir(&self, dir: &Path) -> Result<()> {
        let event = Event::CreateDir { path: dir.to_path_buf() };
        self.log.note(Operation::CreateDir, dir, event, || self.inner.create_dir(dir))
    }

    fn exists(&self, path: &Path) -> Result<bool> {
        self.log.gate(Operation::Metadata, path, || self.inner.exists(path))
    }

    fn list(&self, dir: &Path) -> Result<Vec<String>> {
        self.log.gate(Operation::List, dir, || self.inner.list(dir))
    }

    fn free_space_bytes(&self, dir: &Path) -> Result<u64> {
        self.log.gate(Operation::FreeSpace, dir, || self.inner.free_space_bytes(dir))
    }

    fn lock(&self, path: &Path, mode: LockMode, holder: &str) -> Result<LockAttempt> {
        self.log.gate(Operation::Lock, path, || {
            let mut recording = self.log.recording();
            let is_new = !self.inner.has(path);
            let attempt = Vfs::lock(&self.inner, path, mode, holder)?;
            if is_new {
                self.log.name_new_file(&mut recording, path);
            }
            Ok(attempt)
        })
    }
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
        let verdict = self.log.verdict(Operation::Sync);
        let (begun, ino) = {
            let mut recording = self.log.recording();
            recording.events.push(Event::SyncBegun);
            (recording.events.len() - 1, self.ino)
        };
        let during = self.log.during_sync.lock().unwrap().clone();
        if let Some(during) = during {
            during();
        }
        let mut recording = self.log.recording();
        if let Verdict::Fail(errno) = verdict {
            recording.events.push(Event::SyncFailed { ino, begun });
            return Err(failed(Operation::Sync, self.path(), errno));
        }
        recording.events.push(Event::Synced { ino, begun, all });
        match verdict {
            Verdict::FailLate(errno) => Err(failed(Operation::Sync, self.path(), errno)),
            _ => Ok(()),
        }
    }

    fn write(&self, bytes: &[u8], position: u64) -> Result<()> {
        let start = usize::try_from(position).unwrap();
        let event = Event::Write { ino: self.ino, start, bytes: Arc::from(bytes) };
        let mut recording = self.log.recording();
        self.inner.write_all_at(bytes, position)?;
        recording.events.push(event);
        Ok(())
    }
}

impl File for RecordFile {
    fn path(&self) -> &Path {
        self.inner.path()
    }

    fn len(&self) -> Result<u64> {
        self.log.gate(Operation::Metadata, self.path(), || self.inner.len())
    }

    fn is_linked(&self) -> Result<bool> {
        self.log.gate(Operation::Metadata, self.path(), || self.inner.is_linked())
    }

    fn read_at(&self, buffer: &mut [u8], position: u64) -> Result<usize> {
        self.log.gate(Operation::Read, self.path(), || self.inner.read_at(buffer, position))
    }

    fn write_all_at(&self, bytes: &[u8], position: u64) -> Result<()> {
        match self.log.verdict(Operation::Write) {
            Verdict::Pass => self.write(bytes, position),
            Verdict::Fail(errno) => {
                if bytes.len() > 1 {
                    self.write(&bytes[..bytes.len() / 2], position)?;
                }
                Err(failed(Operation::Write, self.path(), errno))
            }
            Verdict::FailLate(errno) => {
                self.write(bytes, position)?;
                Err(failed(Operation::Write, self.path(), errno))
            }
        }
    }

    fn set_len(&self, len: u64) -> Result<()> {
        let event = Event::SetLen { ino: self.ino, len: usize::try_from(len).unwrap() };
        self.log.note(Operation::SetLen, self.path(), event, || self.inner.set_len(len))
    }

    fn sync_data(&self) -> Result<()> {
        self.sync(false)
    }

    fn sync_all(&self) -> Result<()> {
        self.sync(true)
    }

    fn map(&self, len: u64) -> Result<Option<Mapping>> {
        self.log.gate(Operation::Map, self.path(), || self.inner.map(len))
    }
}
