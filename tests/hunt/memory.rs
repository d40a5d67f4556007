//! A file system in memory of which copies cost nothing: what it holds is shared until it is written to.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use pumice::vfs::{
    Error, File, LockAttempt, LockGuard, LockMode, Mapping, OpenMode, Operation, Result, Vfs,
};

use crate::content::Content;

/// Clones share the same files.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    names: BTreeMap<PathBuf, Arc<Node>>,
    durable_names: BTreeMap<PathBuf, Arc<Node>>,
    dirs: BTreeSet<PathBuf>,
    durable_dirs: BTreeSet<PathBuf>,
    locks: BTreeSet<PathBuf>,
}

#[derive(Debug, Default)]
struct Node(Mutex<Data>);

#[derive(Debug, Default)]
struct Data {
    written: Content,
    synced: Content,
}

impl Node {
    fn data(&self) -> MutexGuard<'_, Data> {
        self.0.lock().unwrap()
    }
}

impl Memory {
    pub fn shared(&self) -> Arc<dyn Vfs> {
        Arc::new(self.clone())
    }

    /// Puts a file there, durable.
    pub fn put(&self, path: &Path, content: &Content) {
        let data = Data { written: content.clone(), synced: content.clone() };
        let node = Arc::new(Node(Mutex::new(data)));
        let mut state = self.state();
        state.names.insert(path.to_path_buf(), node.clone());
        state.durable_names.insert(path.to_path_buf(), node);
    }

    /// Puts a directory there, durable.
    pub fn put_dir(&self, path: &Path) {
        let mut state = self.state();
        state.dirs.insert(path.to_path_buf());
        state.durable_dirs.insert(path.to_path_buf());
    }

    pub fn has(&self, path: &Path) -> bool {
        self.state().names.contains_key(path)
    }

    /// What a power failure leaves where nothing survives but what was synced.
    pub fn crash(&self) -> Self {
        let (after, state) = (Self::default(), self.state());
        state.durable_dirs.iter().for_each(|dir| after.put_dir(dir));
        for (path, node) in &state.durable_names {
            if path.ancestors().skip(1).all(|dir| is_root(dir) || state.durable_dirs.contains(dir))
            {
                after.put(path, &node.data().synced);
            }
        }
        after
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

/// What nobody has to make.
pub fn is_root(dir: &Path) -> bool {
    dir.parent().is_none()
}

pub fn fails(operation: Operation, path: &Path, kind: ErrorKind) -> Error {
    Error::new(operation, path, io::Error::from(kind))
}

impl State {
    fn parent_exists(&self, path: &Path) -> bool {
        path.parent().is_none_or(|dir| is_root(dir) || self.dirs.contains(dir))
    }
}

impl Vfs for Memory {
    fn open(&self, path: &Path, mode: OpenMode) -> Result<Arc<dyn File>> {
        let mut state = self.state();
        let present = state.names.get(path).cloned();
        let node = match (mode, present) {
            (OpenMode::CreateNew, None) if state.parent_exists(path) => {
                let node = Arc::<Node>::default();
                state.names.insert(path.to_path_buf(), node.clone());
                node
            }
            (OpenMode::CreateNew, Some(_)) => {
                return Err(fails(Operation::Create, path, ErrorKind::AlreadyExists));
            }
            (OpenMode::Read | OpenMode::ReadWrite, Some(node)) => node,
            (_, None) => return Err(fails(Operation::Open, path, ErrorKind::NotFound)),
        };
        let file = MemoryFile { node, path: path.to_path_buf(), names: self.state.clone() };
        Ok(Arc::new(file))
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        let mut state = self.state();
        let Some(node) = state.names.remove(from) else {
            return Err(fails(Operation::Rename, from, ErrorKind::NotFound));
        };
        state.names.insert(to.to_path_buf(), node);
        Ok(())
    }

    fn remove(&self, path: &Path) -> Result<()> {
        let removed = self.state().names.remove(path);
        removed.map(drop).ok_or_else(|| fails(Operation::Remove, path, ErrorKind::NotFound))
    }

    fn sync_dir(&self, dir: &Path) -> Result<()> {
        let state = &mut *self.state();
        let inside = |path: &Path| path.parent() == Some(dir);
        state.durable_names.retain(|path, _| !inside(path));
        let names = state.names.iter().filter(|(path, _)| inside(path));
        state.durable_names.extend(names.map(|(path, node)| (path.clone(), node.clone())));
        state.durable_dirs.extend(state.dirs.iter().filter(|path| inside(path)).cloned());
        Ok(())
    }

    fn create_dir(&self, dir: &Path) -> Result<()> {
        let mut state = self.state();
        if !state.parent_exists(dir) {
            return Err(fails(Operation::CreateDir, dir, ErrorKind::NotFound));
        }
        state.dirs.insert(dir.to_path_buf());
        Ok(())
    }

    fn exists(&self, path: &Path) -> Result<bool> {
        let state = self.state();
        Ok(is_root(path) || state.names.contains_key(path) || state.dirs.contains(path))
    }

    fn list(&self, dir: &Path) -> Result<Vec<String>> {
        let state = self.state();
        let inside = state.names.keys().filter(|path| path.parent() == Some(dir));
        Ok(inside.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect())
    }

    fn free_space_bytes(&self, _dir: &Path) -> Result<u64> {
        Ok(1 << 40)
    }

    fn lock(&self, path: &Path, _mode: LockMode, _holder: &str) -> Result<LockAttempt> {
        let mut state = self.state();
        if !state.locks.insert(path.to_path_buf()) {
            return Ok(LockAttempt::Held { holder: None });
        }
        if !state.names.contains_key(path) {
            state.names.insert(path.to_path_buf(), Arc::default());
        }
        let guard = MemoryLock { state: self.state.clone(), path: path.to_path_buf() };
        Ok(LockAttempt::Taken(Box::new(guard)))
    }
}

#[derive(Debug)]
struct MemoryLock {
    state: Arc<Mutex<State>>,
    path: PathBuf,
}

impl LockGuard for MemoryLock {}

impl Drop for MemoryLock {
    fn drop(&mut self) {
        self.state.lock().unwrap().locks.remove(&self.path);
    }
}

struct MemoryFile {
    node: Arc<Node>,
    path: PathBuf,
    names: Arc<Mutex<State>>,
}

impl std::fmt::Debug for MemoryFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MemoryFile({})", self.path.display())
    }
}

fn offset(position: u64) -> usize {
    usize::try_from(position).unwrap()
}

impl File for MemoryFile {
    fn path(&self) -> &Path {
        &self.path
    }

    fn len(&self) -> Result<u64> {
        Ok(self.node.data().written.len() as u64)
    }

    fn is_linked(&self) -> Result<bool> {
        let state = self.names.lock().unwrap();
        Ok(state.names.values().any(|node| Arc::ptr_eq(node, &self.node)))
    }

    fn read_at(&self, buffer: &mut [u8], position: u64) -> Result<usize> {
        Ok(self.node.data().written.read(buffer, offset(position)))
    }

    fn write_all_at(&self, bytes: &[u8], position: u64) -> Result<()> {
        self.node.data().written.write(offset(position), bytes);
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<()> {
        self.node.data().written.set_len(offset(len));
        Ok(())
    }

    fn sync_data(&self) -> Result<()> {
        let data = &mut *self.node.data();
        data.synced.clone_from(&data.written);
        Ok(())
    }

    fn sync_all(&self) -> Result<()> {
        self.sync_data()
    }

    fn map(&self, len: u64) -> Result<Option<Mapping>> {
        let mut bytes = vec![0; offset(len)];
        self.node.data().written.read(&mut bytes, 0);
        Ok(Some(Mapping::of_memory(Arc::from(bytes))))
    }
}
