//! What can go wrong with a file, always with the operation and the path.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// The call that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[allow(missing_docs, reason = "each name is the call")]
pub enum Operation {
    Open,
    Create,
    Read,
    Write,
    SetLen,
    Sync,
    SyncDir,
    Rename,
    Remove,
    CreateDir,
    List,
    Metadata,
    FreeSpace,
    Lock,
    Map,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "open",
            Self::Create => "create",
            Self::Read => "read",
            Self::Write => "write",
            Self::SetLen => "set the length of",
            Self::Sync => "sync",
            Self::SyncDir => "sync the directory",
            Self::Rename => "rename",
            Self::Remove => "remove",
            Self::CreateDir => "create the directory",
            Self::List => "list",
            Self::Metadata => "look up",
            Self::FreeSpace => "measure the free space of",
            Self::Lock => "lock",
            Self::Map => "map",
        })
    }
}

/// A failed file operation.
#[derive(Debug, thiserror::Error)]
#[error("cannot {operation} {}: {source}", path.display())]
pub struct Error {
    /// The call.
    pub operation: Operation,
    /// The file or directory.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

impl Error {
    /// Wraps what the system said.
    pub fn new(operation: Operation, path: &Path, source: io::Error) -> Self {
        Self { operation, path: path.to_path_buf(), source }
    }

    /// Whether room ran out: no space, over quota, or over a file-size limit. The caller may go on once
    /// there is room.
    pub fn is_no_space(&self) -> bool {
        use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        matches!(self.source.kind(), StorageFull | QuotaExceeded | FileTooLarge)
    }

    /// Whether the path does not exist.
    pub fn is_not_found(&self) -> bool {
        self.source.kind() == io::ErrorKind::NotFound
    }

    /// Whether something has the name already.
    pub fn is_taken(&self) -> bool {
        self.source.kind() == io::ErrorKind::AlreadyExists
    }

    /// Whether the process is not allowed to do this.
    pub fn is_denied(&self) -> bool {
        use io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem};
        matches!(self.source.kind(), PermissionDenied | ReadOnlyFilesystem)
    }

    pub(super) fn unexpected_end(path: &Path, position: u64, wanted: usize, got: usize) -> Self {
        let text = format!("wanted {wanted} bytes at {position}, the file ends after {got}");
        Self::new(Operation::Read, path, io::Error::new(io::ErrorKind::UnexpectedEof, text))
    }

    /// A name that a new file was to get is taken.
    pub(crate) fn already_there(path: &Path) -> Self {
        Self::new(Operation::Create, path, io::Error::from(io::ErrorKind::AlreadyExists))
    }

    /// A file that nobody can find any more was about to be written.
    pub(crate) fn removed(path: &Path) -> Self {
        let text = "it was removed while it was open";
        Self::new(Operation::Write, path, io::Error::new(io::ErrorKind::NotFound, text))
    }

    pub(super) fn too_large(path: &Path, len: u64, limit: u64) -> Self {
        let text = format!("{len} bytes, the limit is {limit}");
        Self::new(Operation::Read, path, io::Error::new(io::ErrorKind::InvalidInput, text))
    }
}
