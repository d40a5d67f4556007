//! A file system in memory that keeps what was written and what was synced apart.
//!
//! [`MemVfs::crash`] answers the strict question: what is there after the power went, when nothing survives
//! but what a sync had covered. Names survive only through [`Vfs::sync_dir`], data only through a sync of the
//! file. Locks are dropped by a crash, as the system drops them with a process.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{
    Error, File, LockAttempt, LockGuard, LockMode, Mapping, OpenMode, Operation, Result, Vfs,
};

/// Files in memory. Clones share the same files.
#[derive(Clone, Debug, Default)]
pub struct MemVfs {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    names: BTreeMap<PathBuf, Arc<Node>>,
    durable_names: BTreeMap<PathBuf, Arc<Node>>,
    dirs: BTreeSet<PathBuf>,
    locks: BTreeMap<PathBuf, Held>,
    free_space_bytes: u64,
}

impl Default for State {
    fn default() -> Self {
        Self {
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            dirs: BTreeSet::new(),
            locks: BTreeMap::new(),
            free_space_bytes: 1 << 40,
        }
    }
}

#[derive(Debug)]
struct Held {
    exclusive: bool,
    count: usize,
    holder: String,
}

#[derive(Debug, Default)]
struct Node {
    data: Mutex<Data>,
}

#[derive(Clone, Debug, Default)]
struct Data {
    written: Vec<u8>,
    synced: Vec<u8>,
    /// Ranges of `written` that `synced` does not have yet.
    dirty: Vec<(usize, usize)>,
}

impl Data {
    fn sync(&mut self) {
        set_len(&mut self.synced, self.written.len());
        for (start, end) in std::mem::take(&mut self.dirty) {
            self.sync_range(start, end);
        }
    }

    /// As far as the durable length reaches.
    fn sync_range(&mut self, start: usize, end: usize) {
        let end = end.min(self.written.len()).min(self.synced.len());
        if let (Some(to), Some(from)) =
            (self.synced.get_mut(start..end), self.written.get(start..end))
        {
            to.copy_from_slice(from);
        }
    }
}

/// As `resize` with zeros, which goes byte by byte in a build without optimisation.
fn set_len(bytes: &mut Vec<u8>, len: usize) {
    bytes.truncate(len);
    let missing = len - bytes.len();
    bytes.extend_from_slice(&vec![0; missing]);
}

impl Node {
    fn lock(&self) -> MutexGuard<'_, Data> {
        self.data.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MemVfs {
    /// An empty file system.
    pub fn new() -> Self {
        Self::default()
    }

    /// As the engine takes it.
    pub fn shared(&self) -> Arc<dyn Vfs> {
        Arc::new(self.clone())
    }

    /// The file system as a power failure at this instant would leave it: synced names with synced bytes.
    #[must_use]
    pub fn crash(&self) -> Self {
        let state = self.lock();
        let survive = |(path, node): (&PathBuf, &Arc<Node>)| {
            let synced = node.lock().synced.clone();
            let data = Data { written: synced.clone(), synced, dirty: Vec::new() };
            (path.clone(), Arc::new(Node { data: Mutex::new(data) }))
        };
        let names: BTreeMap<_, _> = state.durable_names.iter().map(survive).collect();
        let after = State {
            durable_names: names.clone(),
            names,
            dirs: state.dirs.clone(),
            locks: BTreeMap::new(),
            free_space_bytes: state.free_space_bytes,
        };
        Self { state: Arc::new(Mutex::new(after)) }
    }

    /// The bytes of a file as the process sees them.
    pub fn bytes(&self, path: &Path) -> Option<Vec<u8>> {
        let node = self.lock().names.get(path).cloned()?;
        let bytes = node.lock().written.clone();
        Some(bytes)
    }

    /// Puts a file there, synced, replacing what was under that name.
    pub fn put(&self, path: &Path, bytes: Vec<u8>) {
        self.put_cached(path, bytes.clone(), bytes);
    }

    /// Puts a file there as a sync that failed may leave it: a process reads `cached`, a crash leaves
    /// `on_disk`, and no later sync makes up for it, but for what is written again.
    pub fn put_cached(&self, path: &Path, cached: Vec<u8>, on_disk: Vec<u8>) {
        let data = Data { written: cached, synced: on_disk, dirty: Vec::new() };
        let node = Arc::new(Node { data: Mutex::new(data) });
        let mut state = self.lock();
        state.names.insert(path.to_path_buf(), node.clone());
        state.durable_names.insert(path.to_path_buf(), node);
    }

    /// Sets what [`Vfs::free_space_bytes`] answers.
    pub fn set_free_space_bytes(&self, bytes: u64) {
        self.lock().free_space_bytes = bytes;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn missing(operation: Operation, path: &Path) -> Error {
    Error::new(operation, path, io::Error::from(ErrorKind::NotFound))
}

impl Vfs for MemVfs {
    fn open(&self, path: &Path, mode: OpenMode) -> Result<Arc<dyn File>> {
        let mut state = self.lock();
        let present = state.names.get(path).cloned();
        let node = match (mode, present) {
            (OpenMode::CreateNew, Some(_)) => {
                let source = io::Error::from(ErrorKind::AlreadyExists);
                return Err(Error::new(Operation::Create, path, source));
            }
            (OpenMode::CreateNew, None) => {
                let node = Arc::new(Node::default());
                state.names.insert(path.to_path_buf(), node.clone());
                node
            }
            (OpenMode::Read | OpenMode::ReadWrite, Some(node)) => node,
            (OpenMode::Read | OpenMode::ReadWrite, None) => {
                return Err(missing(Operation::Open, path));
            }
        };
        let writable = mode != OpenMode::Read;
        Ok(Arc::new(MemFile { node, path: path.to_path_buf(), writable }))
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        let mut state = self.lock();
        let node = state.names.remove(from).ok_or_else(|| missing(Operation::Rename, from))?;
        state.names.insert(to.to_path_buf(), node);
        Ok(())
    }

    fn remove(&self, path: &Path) -> Result<()> {
        let removed = self.lock().names.remove(path);
        removed.map(drop).ok_or_else(|| missing(Operation::Remove, path))
    }

    fn sync_dir(&self, dir: &Path) -> Result<()> {
        let mut state = self.lock();
        let inside = |path: &PathBuf| path.parent() == Some(dir);
        let now: Vec<_> = state
            .names
            .iter()
            .filter(|(path, _)| inside(path))
            .map(|(path, node)| (path.clone(), node.clone()))
            .collect();
        state.durable_names.retain(|path, _| !inside(path));
        state.durable_names.extend(now);
        Ok(())
    }

    fn create_dir(&self, dir: &Path) -> Result<()> {
        self.lock().dirs.insert(dir.to_path_buf());
        Ok(())
    }

    fn remove_dir(&self, dir: &Path) -> Result<()> {
        let mut state = self.lock();
        if state.names.keys().any(|path| path.parent() == Some(dir)) {
            let source = io::Error::from(ErrorKind::DirectoryNotEmpty);
            return Err(Error::new(Operation::Remove, dir, source));
        }
        let removed = state.dirs.remove(dir);
        if removed { Ok(()) } else { Err(missing(Operation::Remove, dir)) }
    }

    fn exists(&self, path: &Path) -> Result<bool> {
        let state = self.lock();
        Ok(state.names.contains_key(path) || state.dirs.contains(path))
    }

    fn list(&self, dir: &Path) -> Result<Vec<String>> {
        let state = self.lock();
        let paths = state.names.keys().chain(&state.dirs);
        let inside = paths.filter(|path| path.parent() == Some(dir));
        let names = inside.filter_map(|path| path.file_name()?.to_str());
        let mut names: Vec<_> = names.map(str::to_owned).collect();
        names.sort();
        Ok(names)
    }

    fn free_space_bytes(&self, _dir: &Path) -> Result<u64> {
        Ok(self.lock().free_space_bytes)
    }

    fn lock(&self, path: &Path, mode: LockMode, holder: &str) -> Result<LockAttempt> {
        let exclusive = mode == LockMode::Exclusive;
        let mut state = MemVfs::lock(self);
        match state.locks.get_mut(path) {
            Some(held) if exclusive || held.exclusive => {
                return Ok(LockAttempt::Held { holder: Some(held.holder.clone()) });
            }
            Some(held) => held.count += 1,
            None => {
                let held = Held { exclusive, count: 1, holder: holder.to_owned() };
                state.locks.insert(path.to_path_buf(), held);
            }
        }
        let guard = MemLock { state: self.state.clone(), path: path.to_path_buf() };
        Ok(LockAttempt::Taken(Box::new(guard)))
    }
}

#[derive(Debug)]
struct MemLock {
    state: Arc<Mutex<State>>,
    path: PathBuf,
}

impl LockGuard for MemLock {}

impl Drop for MemLock {
    fn drop(&mut self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let last = state.locks.get_mut(&self.path).is_some_and(|held| {
            held.count -= 1;
            held.count == 0
        });
        if last {
            state.locks.remove(&self.path);
        }
    }
}

#[derive(Debug)]
struct MemFile {
    node: Arc<Node>,
    path: PathBuf,
    writable: bool,
}

impl MemFile {
    fn at(&self, operation: Operation, position: u64) -> Result<usize> {
        usize::try_from(position).map_err(|_| {
            Error::new(operation, &self.path, io::Error::from(ErrorKind::FileTooLarge))
        })
    }

    fn check_writable(&self, operation: Operation) -> Result<()> {
        if self.writable {
            return Ok(());
        }
        Err(Error::new(operation, &self.path, io::Error::from(ErrorKind::PermissionDenied)))
    }
}

impl File for MemFile {
    fn path(&self) -> &Path {
        &self.path
    }

    fn len(&self) -> Result<u64> {
        Ok(self.node.lock().written.len() as u64)
    }

    fn read_at(&self, buffer: &mut [u8], position: u64) -> Result<usize> {
        let start = self.at(Operation::Read, position)?;
        let data = self.node.lock();
        let from = data.written.get(start..).unwrap_or_default();
        let count = from.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..count), from.get(..count)) {
            to.copy_from_slice(from);
        }
        Ok(count)
    }

    fn write_all_at(&self, bytes: &[u8], position: u64) -> Result<()> {
        self.check_writable(Operation::Write)?;
        let start = self.at(Operation::Write, position)?;
        let end = start + bytes.len();
        let mut data = self.node.lock();
        if data.written.len() < end {
            set_len(&mut data.written, end);
        }
        if let Some(to) = data.written.get_mut(start..end) {
            to.copy_from_slice(bytes);
        }
        data.dirty.push((start, end));
        Ok(())
    }

    /// Nothing but these bytes: who relies on more is found out.
    fn write_durable_at(&self, bytes: &[u8], position: u64) -> Result<()> {
        self.write_all_at(bytes, position)?;
        let start = self.at(Operation::Write, position)?;
        self.node.lock().sync_range(start, start + bytes.len());
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<()> {
        self.check_writable(Operation::SetLen)?;
        let len = self.at(Operation::SetLen, len)?;
        let mut data = self.node.lock();
        let before = data.written.len();
        set_len(&mut data.written, len);
        if len < before {
            // What lies beyond the cut must not come back as old bytes when the file grows again.
            data.dirty.push((len, before));
        }
        Ok(())
    }

    fn sync_data(&self) -> Result<()> {
        self.node.lock().sync();
        Ok(())
    }

    fn sync_all(&self) -> Result<()> {
        self.sync_data()
    }

    fn map(&self, len: u64) -> Result<Option<Mapping>> {
        let len = self.at(Operation::Map, len)?;
        let data = self.node.lock();
        let bytes = data.written.get(..len).unwrap_or_default();
        Ok(Some(Mapping::of_memory(Arc::from(bytes))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(vfs: &MemVfs, path: &str, bytes: &[u8]) -> Arc<dyn File> {
        let file = vfs.open(Path::new(path), OpenMode::CreateNew).unwrap();
        file.write_all_at(bytes, 0).unwrap();
        file
    }

    #[test]
    fn a_crash_keeps_only_synced_names_with_synced_bytes() {
        let vfs = MemVfs::new();
        let kept = write(&vfs, "/d/kept", b"synced");
        kept.sync_data().unwrap();
        vfs.sync_dir(Path::new("/d")).unwrap();
        kept.write_all_at(b"UNSYNC", 0).unwrap();
        write(&vfs, "/d/nameless", b"synced").sync_data().unwrap();

        let after = vfs.crash();
        assert_eq!(after.bytes(Path::new("/d/kept")).unwrap(), b"synced");
        assert_eq!(after.bytes(Path::new("/d/nameless")), None);
    }

    #[test]
    fn a_durable_write_makes_nothing_else_durable_and_no_length() {
        let vfs = MemVfs::new();
        let file = write(&vfs, "/d/f", b"0123456789");
        file.sync_data().unwrap();
        vfs.sync_dir(Path::new("/d")).unwrap();
        file.write_all_at(b"before", 0).unwrap();
        file.write_durable_at(b"ab", 4).unwrap();
        file.write_durable_at(b"beyond", 8).unwrap();
        assert_eq!(vfs.crash().bytes(Path::new("/d/f")).unwrap(), b"0123ab67be");
        file.sync_all().unwrap();
        assert_eq!(vfs.crash().bytes(Path::new("/d/f")).unwrap(), b"befoab67beyond");
    }

    #[test]
    fn bytes_cut_off_do_not_come_back_when_the_file_grows() {
        let vfs = MemVfs::new();
        let file = write(&vfs, "/d/f", b"0123456789");
        file.sync_data().unwrap();
        file.set_len(2).unwrap();
        file.set_len(6).unwrap();
        file.sync_data().unwrap();
        vfs.sync_dir(Path::new("/d")).unwrap();
        assert_eq!(vfs.crash().bytes(Path::new("/d/f")).unwrap(), b"01\0\0\0\0");
    }

    #[test]
    fn a_directory_lists_files_and_directories_as_the_systems_does() {
        let vfs = MemVfs::new();
        vfs.create_dir(Path::new("/d")).unwrap();
        vfs.create_dir(Path::new("/d/below")).unwrap();
        write(&vfs, "/d/a", b"");
        write(&vfs, "/d/below/c", b"");
        assert_eq!(vfs.list(Path::new("/d")).unwrap(), ["a", "below"]);
    }

    #[test]
    fn a_second_exclusive_lock_names_the_holder() {
        let vfs = MemVfs::new();
        let path = Path::new("/d/lock");
        let first = Vfs::lock(&vfs, path, LockMode::Exclusive, "pid 1").unwrap();
        assert!(matches!(first, LockAttempt::Taken(_)));
        let second = Vfs::lock(&vfs, path, LockMode::Exclusive, "pid 2").unwrap();
        assert!(matches!(second, LockAttempt::Held { holder: Some(holder) } if holder == "pid 1"));
        drop(first);
        let third = Vfs::lock(&vfs, path, LockMode::Exclusive, "pid 3").unwrap();
        assert!(matches!(third, LockAttempt::Taken(_)));
    }
}
