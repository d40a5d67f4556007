//! A data directory: who may write in it, and through what its files are reached.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::OpenError;
use super::filename::LOCK_FILE;
use crate::clock::Clock;
use crate::planted::planted;
use crate::vfs::{self, LockAttempt, LockGuard, LockMode, Vfs};

/// A locked data directory. Stores keep it alive, so the lock lasts as long as any store in it; it is a file
/// of its own, so that replacing a journal in a compaction leaves it alone.
#[derive(Debug)]
pub struct Directory {
    vfs: Arc<dyn Vfs>,
    clock: Arc<dyn Clock>,
    path: PathBuf,
    access: Access,
    /// The files in it that are open for writing.
    claimed: Mutex<BTreeSet<PathBuf>>,
    _lock: Option<Box<dyn LockGuard>>,
}

/// The right to write to a file of a directory: one at a time has it, until it is dropped.
#[derive(Debug)]
pub(super) struct Claim {
    directory: Arc<Directory>,
    path: PathBuf,
}

impl Drop for Claim {
    fn drop(&mut self) {
        let claimed = self.directory.claimed.lock();
        claimed.unwrap_or_else(PoisonError::into_inner).remove(&self.path);
    }
}

/// What may be done in a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everything; nobody else has it open.
    Write,
    /// Nothing is changed; other readers may have it open.
    ReadOnly,
}

impl Directory {
    /// Opens a directory for writing, making it (mode 0700) when it is missing.
    ///
    /// # Errors
    /// [`OpenError::Locked`] when another process has it.
    pub fn open(
        vfs: Arc<dyn Vfs>,
        clock: Arc<dyn Clock>,
        path: &Path,
    ) -> Result<Arc<Self>, OpenError> {
        vfs::create_dirs(&*vfs, path)?;
        if !vfs.exists(&path.join(LOCK_FILE))? {
            // Nobody came further than this yet; who made the directory may have been ended before it was
            // durable.
            vfs::sync_dirs_above(&*vfs, path)?;
        }
        let lock = take_lock(&*vfs, path, LockMode::Exclusive)?;
        let path = path.to_path_buf();
        let claimed = Mutex::default();
        let access = Access::Write;
        Ok(Arc::new(Self { vfs, clock, path, access, claimed, _lock: Some(lock) }))
    }

    /// Opens a directory for reading: nothing in it is changed, a torn tail is passed over, not cut. Where
    /// not even a lock file can be made, it goes without the lock.
    ///
    /// # Errors
    /// [`OpenError::Locked`] when a process has it open for writing; [`OpenError::NotFound`].
    pub fn open_read_only(
        vfs: Arc<dyn Vfs>,
        clock: Arc<dyn Clock>,
        path: &Path,
    ) -> Result<Arc<Self>, OpenError> {
        if !vfs.exists(path)? {
            return Err(OpenError::NotFound { path: path.to_path_buf() });
        }
        let locked_before = vfs.exists(&path.join(LOCK_FILE))?;
        let lock = if locked_before { take_lock_if_allowed(&*vfs, path)? } else { None };
        let path = path.to_path_buf();
        let claimed = Mutex::default();
        let access = Access::ReadOnly;
        Ok(Arc::new(Self { vfs, clock, path, access, claimed, _lock: lock }))
    }

    /// Takes the right to write to a file in it, as the lock does between processes.
    pub(super) fn claim(self: &Arc<Self>, path: &Path) -> Result<Claim, OpenError> {
        let mut claimed = self.claimed.lock().unwrap_or_else(PoisonError::into_inner);
        if claimed.insert(path.to_path_buf()) {
            return Ok(Claim { directory: self.clone(), path: path.to_path_buf() });
        }
        let holder = Some("this process".to_owned());
        Err(OpenError::Locked { dir: path.to_path_buf(), holder })
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Through what its files are reached.
    pub fn vfs(&self) -> &Arc<dyn Vfs> {
        &self.vfs
    }

    /// Where its stores take the time from.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// What may be done in it.
    pub fn access(&self) -> Access {
        self.access
    }
}

fn take_lock(vfs: &dyn Vfs, dir: &Path, mode: LockMode) -> Result<Box<dyn LockGuard>, OpenError> {
    planted!(LockNotTaken => return Ok(Box::new(NoLock)));
    let holder = format!("pid {}", std::process::id());
    match vfs.lock(&dir.join(LOCK_FILE), mode, &holder)? {
        LockAttempt::Taken(guard) => Ok(guard),
        LockAttempt::Held { holder } => Err(OpenError::Locked { dir: dir.to_path_buf(), holder }),
    }
}

/// What is in the place of a lock that is not taken.
#[cfg(pumice_planted)]
#[derive(Debug)]
struct NoLock;

#[cfg(pumice_planted)]
impl LockGuard for NoLock {}

/// On read-only media a lock file may stand there from before without being ours to open.
fn take_lock_if_allowed(
    vfs: &dyn Vfs,
    dir: &Path,
) -> Result<Option<Box<dyn LockGuard>>, OpenError> {
    match take_lock(vfs, dir, LockMode::Shared) {
        Err(OpenError::Io(error)) if error.is_denied() => Ok(None),
        taken => taken.map(Some),
    }
}
