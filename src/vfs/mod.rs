//! The only room that touches files: two traits, and the implementations behind them.
//!
//! A [`Vfs`] names, opens, renames and locks; a [`File`] reads and writes at positions and syncs. The engine
//! holds `Arc<dyn Vfs>` and never `std::fs`, so that crash-state enumeration and fault injection run the
//! production code.
//!
//! - [`os::OsVfs`]: the operating system.
//! - [`fault::FaultVfs`]: wraps another; fails calls by a plan, and counts them.
//! - [`mem::MemVfs`]: in memory; written and synced bytes are kept apart, so that a crash is a function call.
//!
//! Invariants: every error carries the operation and the path ([`Error`]); a short read or write is never
//! visible above this room, both loop until done or fail; files are created 0600 and directories 0700.

mod descriptors;
mod error;
pub mod fault;
mod lease;
mod map;
pub mod mem;
mod opened;
pub mod os;
mod scratch;
mod stream;

use std::fmt::Debug;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::planted::planted;

pub use descriptors::raise_descriptor_limit;
pub use error::{Error, Operation};
pub use map::Mapping;
pub use scratch::Scratch;
pub use stream::{FileReader, FileWriter};

/// What a call of this room returns.
pub type Result<T> = std::result::Result<T, Error>;

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenMode {
    /// Read only; the file must exist.
    Read,
    /// Read and write; the file must exist.
    ReadWrite,
    /// Read and write; the file must not exist and is created with mode 0600.
    CreateNew,
}

/// Which lock [`Vfs::lock`] takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockMode {
    /// One holder, who may write.
    Exclusive,
    /// Many holders, who only read.
    Shared,
}

/// A file system.
pub trait Vfs: Send + Sync + Debug {
    /// Opens a regular file. A symbolic link, directory or device at `path` is refused.
    fn open(&self, path: &Path, mode: OpenMode) -> Result<Arc<dyn File>>;

    /// Renames a file over another; durable only after [`Vfs::sync_dir`].
    fn rename(&self, from: &Path, to: &Path) -> Result<()>;

    /// Removes a file; durable only after [`Vfs::sync_dir`].
    fn remove(&self, path: &Path) -> Result<()>;

    /// Makes the names in a directory durable.
    fn sync_dir(&self, dir: &Path) -> Result<()>;

    /// Creates a directory (mode 0700) in one that exists; one that is there is left as it is. Durable only
    /// after [`Vfs::sync_dir`] of the directory above; [`create_dirs`] sees to that.
    fn create_dir(&self, dir: &Path) -> Result<()>;

    /// Removes an empty directory; durable only after [`Vfs::sync_dir`] of the directory above.
    fn remove_dir(&self, dir: &Path) -> Result<()> {
        let unsupported = std::io::Error::from(std::io::ErrorKind::Unsupported);
        Err(Error::new(Operation::Remove, dir, unsupported))
    }

    /// Whether something exists at `path`.
    fn exists(&self, path: &Path) -> Result<bool>;

    /// The names (not paths) in a directory, sorted.
    fn list(&self, dir: &Path) -> Result<Vec<String>>;

    /// Bytes free for an unprivileged writer on the file system that holds `dir`.
    fn free_space_bytes(&self, dir: &Path) -> Result<u64>;

    /// Takes the lock file `path` (created when missing, mode 0600) without waiting.
    ///
    /// An exclusive holder writes `holder` (a line for people, starting with its process id) into the file;
    /// [`LockAttempt::Held`] hands the present holder's line to whoever came second.
    fn lock(&self, path: &Path, mode: LockMode, holder: &str) -> Result<LockAttempt>;
}

/// The answer of [`Vfs::lock`].
#[derive(Debug)]
pub enum LockAttempt {
    /// Ours until the guard is dropped or the process ends.
    Taken(Box<dyn LockGuard>),
    /// Somebody else's; the line that the holder left, if it could be read.
    Held {
        /// What the holder wrote into the lock file.
        holder: Option<String>,
    },
}

/// Keeps a lock for as long as it lives.
pub trait LockGuard: Send + Sync + Debug {}

/// An open regular file, addressed by position.
pub trait File: Send + Sync + Debug {
    /// The path that it was opened by, for messages.
    fn path(&self) -> &Path;

    /// The length in bytes.
    fn len(&self) -> Result<u64>;

    /// Whether the length is 0.
    fn is_empty(&self) -> Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Whether a name still leads to the file. What is written to one that was removed is lost with the
    /// process.
    fn is_linked(&self) -> Result<bool> {
        Ok(true)
    }

    /// Reads up to `buffer.len()` bytes at `position`; fewer only at the end of the file.
    fn read_at(&self, buffer: &mut [u8], position: u64) -> Result<usize>;

    /// Fills `buffer` from `position`; an end of file before that is an error.
    fn read_exact_at(&self, buffer: &mut [u8], position: u64) -> Result<()> {
        let count = self.read_at(buffer, position)?;
        if count == buffer.len() {
            return Ok(());
        }
        Err(Error::unexpected_end(self.path(), position, buffer.len(), count))
    }

    /// Writes all of `bytes` at `position`, extending the file when needed.
    fn write_all_at(&self, bytes: &[u8], position: u64) -> Result<()>;

    /// Writes all of `bytes` at `position` and returns when they are durable; bytes that were written before may not be.
    /// Names and a changed length need [`File::sync_all`].
    fn write_durable_at(&self, bytes: &[u8], position: u64) -> Result<()> {
        self.write_all_at(bytes, position)?;
        self.sync_data()
    }

    /// Puts bytes that were just written on their way to the disk, without waiting for them. Nothing is promised by it: a
    /// sync later has less to do.
    fn begin_write_out(&self, _range: Range<u64>) {}

    /// Cuts or extends (with zeros) to `len` bytes.
    fn set_len(&self, len: u64) -> Result<()>;

    /// Makes written data durable.
    fn sync_data(&self) -> Result<()>;

    /// Makes written data and the length durable.
    fn sync_all(&self) -> Result<()>;

    /// Maps the first `len` bytes for reading, or `None` where mappings are not offered.
    ///
    /// The bytes must not change while the mapping lives; the engine maps only images, which are never
    /// written again.
    fn map(&self, len: u64) -> Result<Option<Mapping>>;

    /// Maps a range that may lie behind the end of the file and that shows what is written to it later, or `None`
    /// where such mappings are not offered. Only bytes that are written and will not change may be asked of it.
    fn map_growing(&self, _range: Range<u64>) -> Result<Option<Mapping>> {
        Ok(None)
    }
}

/// Reads a whole file, refusing one longer than `limit_bytes`.
pub fn read_file(vfs: &dyn Vfs, path: &Path, limit_bytes: u64) -> Result<Vec<u8>> {
    let file = vfs.open(path, OpenMode::Read)?;
    let len = file.len()?;
    let size = usize::try_from(len).ok().filter(|_| len <= limit_bytes);
    let Some(size) = size else {
        return Err(Error::too_large(path, len, limit_bytes));
    };
    let mut bytes = vec![0; size];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(bytes)
}

/// Creates a directory and its missing parents, each of them durably.
pub fn create_dirs(vfs: &dyn Vfs, dir: &Path) -> Result<()> {
    if dir.as_os_str().is_empty() || vfs.exists(dir)? {
        return Ok(());
    }
    let Some(parent) = dir.parent() else {
        return Ok(());
    };
    create_dirs(vfs, parent)?;
    vfs.create_dir(dir)?;
    vfs.sync_dir(parent)
}

/// Makes the names of a directory and of those above it durable: whoever made them may have been ended
/// before. Directories that may not be read are passed over; ours could be.
pub fn sync_dirs_above(vfs: &dyn Vfs, dir: &Path) -> Result<()> {
    planted!(DirectoryNotMadeUp => return Ok(()));
    for parent in dir.ancestors().skip(1) {
        match vfs.sync_dir(parent) {
            Err(error) if error.is_denied() => {}
            synced => synced?,
        }
    }
    Ok(())
}

/// Writes a whole file so that `path` names either the old content or the new, also after a crash.
pub fn write_file(vfs: &dyn Vfs, path: &Path, bytes: &[u8]) -> Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let mut side = path.as_os_str().to_owned();
    side.push(".new");
    let side = PathBuf::from(side);
    if vfs.exists(&side)? {
        vfs.remove(&side)?;
    }
    let file = vfs.open(&side, OpenMode::CreateNew)?;
    file.write_all_at(bytes, 0)?;
    file.sync_all()?;
    vfs.rename(&side, path)?;
    vfs.sync_dir(dir)
}
