//! Files without a name: for what does not fit into memory and nobody needs afterwards.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{File, OpenMode, Result, Vfs};

/// Tells the scratch files of a process apart while they have a name.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// Makes scratch files in a directory that one process owns.
#[derive(Clone, Debug)]
pub struct Scratch {
    vfs: Arc<dyn Vfs>,
    directory: PathBuf,
}

impl Scratch {
    /// In `directory`, which this process has locked.
    pub fn new(vfs: Arc<dyn Vfs>, directory: impl Into<PathBuf>) -> Self {
        Self { vfs, directory: directory.into() }
    }

    /// An empty file that goes with its handle, or with the process. The name is gone before the call returns; one that
    /// a killed process has left is taken over.
    pub fn create(&self) -> Result<Arc<dyn File>> {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = self.directory.join(format!("scratch-{number}.tmp"));
        if self.vfs.exists(&path)? {
            self.vfs.remove(&path)?;
        }
        let file = self.vfs.open(&path, OpenMode::CreateNew)?;
        self.vfs.remove(&path)?;
        Ok(file)
    }
}
