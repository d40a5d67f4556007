//! Another file system, with faults: every call is shown to a plan first, which may fail it.
//!
//! ```
//! use std::sync::Arc;
//! use pumice::vfs::{Operation, Vfs, fault::FaultVfs, mem::MemVfs};
//!
//! let vfs = FaultVfs::new(MemVfs::new().shared(), |call| {
//!     (call.operation == Operation::SyncDir).then(|| std::io::Error::other("on purpose"))
//! });
//! assert!(vfs.sync_dir("/d".as_ref()).is_err());
//! assert_eq!(vfs.calls(Operation::SyncDir), 1);
//! ```

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::{Error, File, LockAttempt, LockMode, Mapping, OpenMode, Operation, Result, Vfs};

/// A call that is about to be made.
#[derive(Debug)]
pub struct Call<'a> {
    /// What is done.
    pub operation: Operation,
    /// To which file.
    pub path: &'a Path,
    /// How many calls of this operation there were before.
    pub earlier: u64,
}

type Plan = dyn Fn(&Call<'_>) -> Option<io::Error> + Send + Sync;

/// Wraps a [`Vfs`]. Clones share plan and counts.
#[derive(Clone)]
pub struct FaultVfs {
    inner: Arc<dyn Vfs>,
    faults: Arc<Faults>,
}

struct Faults {
    plan: Box<Plan>,
    counts: Mutex<BTreeMap<String, u64>>,
}

impl fmt::Debug for FaultVfs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FaultVfs({:?})", self.inner)
    }
}

impl Faults {
    /// Counts the call and asks the plan.
    fn pass(&self, operation: Operation, path: &Path) -> Result<()> {
        let earlier = {
            let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
            let count = counts.entry(operation.to_string()).or_default();
            *count += 1;
            *count - 1
        };
        match (self.plan)(&Call { operation, path, earlier }) {
            Some(source) => Err(Error::new(operation, path, source)),
            None => Ok(()),
        }
    }
}

impl FaultVfs {
    /// Fails the calls for which `plan` has an error.
    pub fn new(
        inner: Arc<dyn Vfs>,
        plan: impl Fn(&Call<'_>) -> Option<io::Error> + Send + Sync + 'static,
    ) -> Self {
        let faults = Faults { plan: Box::new(plan), counts: Mutex::default() };
        Self { inner, faults: Arc::new(faults) }
    }

    /// As the engine takes it.
    pub fn shared(&self) -> Arc<dyn Vfs> {
        Arc::new(self.clone())
    }

    /// How many calls of an operation there were.
    pub fn calls(&self, operation: Operation) -> u64 {
        let counts = self.faults.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.get(&operation.to_string()).copied().unwrap_or_default()
    }

    fn pass(&self, operation: Operation, path: &Path) -> Result<()> {
        self.faults.pass(operation, path)
    }
}

impl Vfs for FaultVfs {
    fn open(&self, path: &Path, mode: OpenMode) -> Result<Arc<dyn File>> {
        let create = mode == OpenMode::CreateNew;
        self.pass(if create { Operation::Create } else { Operation::Open }, path)?;
        let inner = self.inner.open(path, mode)?;
        let (path, faults) = (path.to_path_buf(), self.faults.clone());
        Ok(Arc::new(FaultFile { inner, path, faults }))
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        self.pass(Operation::Rename, from)?;
        self.inner.rename(from, to)
    }

    fn remove(&self, path: &Path) -> Result<()> {
        self.pass(Operation::Remove, path)?;
        self.inner.remove(path)
    }

    fn sync_dir(&self, dir: &Path) -> Result<()> {
        self.pass(Operation::SyncDir, dir)?;
        self.inner.sync_dir(dir)
    }

    fn create_dir(&self, dir: &Path) -> Result<()> {
        self.pass(Operation::CreateDir, dir)?;
        self.inner.create_dir(dir)
    }

    fn remove_dir(&self, dir: &Path) -> Result<()> {
        self.pass(Operation::Remove, dir)?;
        self.inner.remove_dir(dir)
    }

    fn exists(&self, path: &Path) -> Result<bool> {
        self.pass(Operation::Metadata, path)?;
        self.inner.exists(path)
    }

    fn list(&self, dir: &Path) -> Result<Vec<String>> {
        self.pass(Operation::List, dir)?;
        self.inner.list(dir)
    }

    fn free_space_bytes(&self, dir: &Path) -> Result<u64> {
        self.pass(Operation::FreeSpace, dir)?;
        self.inner.free_space_bytes(dir)
    }

    fn lock(&self, path: &Path, mode: LockMode, holder: &str) -> Result<LockAttempt> {
        self.pass(Operation::Lock, path)?;
        self.inner.lock(path, mode, holder)
    }
}

struct FaultFile {
    inner: Arc<dyn File>,
    path: PathBuf,
    faults: Arc<Faults>,
}

impl fmt::Debug for FaultFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FaultFile({:?})", self.inner)
    }
}

impl FaultFile {
    fn pass(&self, operation: Operation) -> Result<()> {
        self.faults.pass(operation, &self.path)
    }
}

impl File for FaultFile {
    fn path(&self) -> &Path {
        &self.path
    }

    fn len(&self) -> Result<u64> {
        self.pass(Operation::Metadata)?;
        self.inner.len()
    }

    fn is_linked(&self) -> Result<bool> {
        self.inner.is_linked()
    }

    fn read_at(&self, buffer: &mut [u8], position: u64) -> Result<usize> {
        self.pass(Operation::Read)?;
        self.inner.read_at(buffer, position)
    }

    fn write_all_at(&self, bytes: &[u8], position: u64) -> Result<()> {
        let passed = self.pass(Operation::Write);
        if passed.is_err() {
            // A write that fails may have placed a part of its bytes.
            let half = bytes.get(..bytes.len() / 2).unwrap_or_default();
            self.inner.write_all_at(half, position)?;
        }
        passed?;
        self.inner.write_all_at(bytes, position)
    }

    fn set_len(&self, len: u64) -> Result<()> {
        self.pass(Operation::SetLen)?;
        self.inner.set_len(len)
    }

    fn sync_data(&self) -> Result<()> {
        self.pass(Operation::Sync)?;
        self.inner.sync_data()
    }

    fn sync_all(&self) -> Result<()> {
        self.pass(Operation::Sync)?;
        self.inner.sync_all()
    }

    fn map(&self, len: u64) -> Result<Option<Mapping>> {
        self.pass(Operation::Map)?;
        self.inner.map(len)
    }
}
