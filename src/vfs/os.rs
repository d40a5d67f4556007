//! The operating system's files. The only place that names `std::fs`.
#![expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "this is the room for it")]

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, Write};
use std::num::NonZeroU64;
use std::ops::Range;
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::opened::Opened;
use super::{
    Error, File, LockAttempt, LockGuard, LockMode, Mapping, OpenMode, Operation, Result, Vfs,
};

/// Mode of every file we create, whatever the umask.
const FILE_MODE: u32 = 0o600;
/// Mode of every directory we create, whatever the umask.
const DIR_MODE: u32 = 0o700;
/// The most of a lock file's text that is read for a message.
const HOLDER_BYTES_MAX: u64 = 256;

/// The operating system's file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsVfs;

impl OsVfs {
    /// As the engine takes it.
    pub fn shared() -> Arc<dyn Vfs> {
        Arc::new(Self)
    }
}

/// `NotFound` and friends with operation and path.
fn named<T>(operation: Operation, path: &Path, result: io::Result<T>) -> Result<T> {
    result.map_err(|source| Error::new(operation, path, source))
}

impl Vfs for OsVfs {
    fn open(&self, path: &Path, mode: OpenMode) -> Result<Arc<dyn File>> {
        let operation = match mode {
            OpenMode::CreateNew => Operation::Create,
            OpenMode::Read | OpenMode::ReadWrite => Operation::Open,
        };
        let mut options = OpenOptions::new();
        options.read(true).custom_flags(open_flags());
        match mode {
            OpenMode::Read => {}
            OpenMode::ReadWrite => drop(options.write(true)),
            OpenMode::CreateNew => drop(options.write(true).create_new(true).mode(FILE_MODE)),
        }
        let file = named(operation, path, options.open(path))?;
        let metadata = named(Operation::Metadata, path, file.metadata())?;
        if !metadata.is_file() {
            let source = io::Error::new(ErrorKind::InvalidInput, "not a regular file");
            return Err(Error::new(operation, path, source));
        }
        if mode == OpenMode::CreateNew {
            let exact = fs::Permissions::from_mode(FILE_MODE);
            named(Operation::Create, path, file.set_permissions(exact))?;
        }
        Ok(Arc::new(OsFile { opened: Arc::new(Opened { file }), path: path.to_path_buf() }))
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        named(Operation::Rename, from, fs::rename(from, to))
    }

    fn remove(&self, path: &Path) -> Result<()> {
        named(Operation::Remove, path, fs::remove_file(path))
    }

    fn sync_dir(&self, dir: &Path) -> Result<()> {
        let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
        named(Operation::SyncDir, dir, fs::File::open(dir).and_then(|dir| dir.sync_all()))
    }

    fn create_dir(&self, dir: &Path) -> Result<()> {
        match DirBuilder::new().mode(DIR_MODE).create(dir) {
            Err(source) if source.kind() == ErrorKind::AlreadyExists && dir.is_dir() => Ok(()),
            created => named(Operation::CreateDir, dir, created),
        }
    }

    fn remove_dir(&self, dir: &Path) -> Result<()> {
        named(Operation::Remove, dir, fs::remove_dir(dir))
    }

    fn exists(&self, path: &Path) -> Result<bool> {
        match fs::symlink_metadata(path) {
            Ok(_) => Ok(true),
            Err(source) if source.kind() == ErrorKind::NotFound => Ok(false),
            Err(source) => Err(Error::new(Operation::Metadata, path, source)),
        }
    }

    fn list(&self, dir: &Path) -> Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in named(Operation::List, dir, fs::read_dir(dir))? {
            let entry = named(Operation::List, dir, entry)?;
            // A name that is not UTF-8 is not one of ours.
            names.extend(entry.file_name().into_string());
        }
        names.sort();
        Ok(names)
    }

    fn free_space_bytes(&self, dir: &Path) -> Result<u64> {
        named(Operation::FreeSpace, dir, fs2::available_space(dir))
    }

    fn lock(&self, path: &Path, mode: LockMode, holder: &str) -> Result<LockAttempt> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(FILE_MODE);
        let mut file = named(Operation::Lock, path, options.custom_flags(open_flags()).open(path))?;
        // Spelled out: since Rust 1.89 `File` has methods of its own under the names that fs2 uses.
        let taken = match mode {
            LockMode::Exclusive => fs2::FileExt::try_lock_exclusive(&file),
            LockMode::Shared => fs2::FileExt::try_lock_shared(&file),
        };
        match taken {
            Ok(()) => {}
            Err(source) if source.kind() == fs2::lock_contended_error().kind() => {
                return Ok(LockAttempt::Held { holder: read_holder(file) });
            }
            Err(source) => return Err(Error::new(Operation::Lock, path, source)),
        }
        if mode == LockMode::Exclusive {
            // The line is for people; on a full disk there is a lock without it.
            if let Err(error) = write_holder(&mut file, holder) {
                tracing::debug!(path = %path.display(), %error, "the lock file names no holder");
            }
        }
        Ok(LockAttempt::Taken(Box::new(OsLock { _file: file })))
    }
}

/// Gives what is at `path`, a socket for example, the mode of our files.
pub fn make_private(path: &Path) -> Result<()> {
    let exact = fs::Permissions::from_mode(FILE_MODE);
    named(Operation::Create, path, fs::set_permissions(path, exact))
}

/// No symbolic links, and no waiting for the other end of a pipe; for a regular file there is nothing to wait
/// for.
fn open_flags() -> i32 {
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    // The bits fit: flags are a C int everywhere; a platform where they are not goes without.
    i32::try_from(flags.bits()).unwrap_or(0)
}

fn read_holder(file: fs::File) -> Option<String> {
    let mut text = String::new();
    file.take(HOLDER_BYTES_MAX).read_to_string(&mut text).ok()?;
    let line = text.lines().next()?.trim();
    (!line.is_empty()).then(|| line.to_owned())
}

fn write_holder(file: &mut fs::File, holder: &str) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{holder}")
}

/// An advisory lock; the system drops it with the process.
#[derive(Debug)]
struct OsLock {
    _file: fs::File,
}

impl LockGuard for OsLock {}

#[derive(Debug)]
struct OsFile {
    opened: Arc<Opened>,
    path: PathBuf,
}

impl OsFile {
    fn file(&self) -> &fs::File {
        &self.opened.file
    }

    fn named<T>(&self, operation: Operation, result: io::Result<T>) -> Result<T> {
        named(operation, &self.path, result)
    }
}

impl File for OsFile {
    fn path(&self) -> &Path {
        &self.path
    }

    fn len(&self) -> Result<u64> {
        self.named(Operation::Metadata, self.file().metadata().map(|metadata| metadata.len()))
    }

    fn is_linked(&self) -> Result<bool> {
        self.named(Operation::Metadata, self.file().metadata().map(|metadata| metadata.nlink() > 0))
    }

    fn read_at(&self, buffer: &mut [u8], position: u64) -> Result<usize> {
        let mut done = 0;
        while let Some(rest) = buffer.get_mut(done..).filter(|rest| !rest.is_empty()) {
            match self.file().read_at(rest, position + done as u64) {
                Ok(0) => break,
                Ok(count) => done += count,
                Err(source) if source.kind() == ErrorKind::Interrupted => {}
                Err(source) => return Err(Error::new(Operation::Read, &self.path, source)),
            }
        }
        Ok(done)
    }

    fn write_all_at(&self, bytes: &[u8], position: u64) -> Result<()> {
        self.named(Operation::Write, self.file().write_all_at(bytes, position))
    }

    /// What Linux does first when told that a range is not needed: it begins to write what is dirty in it. Dirty pages
    /// stay in the cache.
    fn begin_write_out(&self, range: Range<u64>) {
        let len = NonZeroU64::new(range.end.saturating_sub(range.start));
        let begun =
            rustix::fs::fadvise(self.file(), range.start, len, rustix::fs::Advice::DontNeed);
        if let Err(error) = begun {
            tracing::trace!(%error, "the file is written when it is synced");
        }
    }

    fn set_len(&self, len: u64) -> Result<()> {
        self.named(Operation::SetLen, self.file().set_len(len))
    }

    fn sync_data(&self) -> Result<()> {
        self.named(Operation::Sync, self.file().sync_data())
    }

    fn sync_all(&self) -> Result<()> {
        self.named(Operation::Sync, self.file().sync_all())
    }

    fn map(&self, len: u64) -> Result<Option<Mapping>> {
        self.map_growing(0..len)
    }

    fn map_growing(&self, range: Range<u64>) -> Result<Option<Mapping>> {
        let Ok(len) = usize::try_from(range.end.saturating_sub(range.start)) else {
            return Ok(None);
        };
        self.named(Operation::Map, Mapping::of_file(&self.opened, range.start, len)).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::sync::mpsc::channel;
    use std::time::Duration;

    use super::super::create_dirs;
    use super::*;

    // Symptom: the program hung for ever at its start. Cause: a pipe stood where a journal should, and to
    // open one for reading waits for a writer. Fix: files are opened without waiting; a regular file never
    // makes anyone wait for its opening.
    #[test]
    fn a_pipe_in_place_of_a_file_is_refused_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pipe");
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        let (answer, answered) = channel();
        let opened = path.clone();
        std::thread::spawn(move || answer.send(OsVfs.open(&opened, OpenMode::Read).map(drop)));
        let refused = answered.recv_timeout(Duration::from_secs(60)).expect("it hangs");
        assert_eq!(refused.unwrap_err().source.kind(), ErrorKind::InvalidInput);
        assert!(OsVfs.open(&path, OpenMode::ReadWrite).is_err());
    }

    #[test]
    fn directories_are_made_one_in_the_other_and_private() {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("a/b/c");
        create_dirs(&OsVfs, &inner).unwrap();
        create_dirs(&OsVfs, &inner).unwrap();
        OsVfs.create_dir(&inner).unwrap();
        for made in [inner.as_path(), inner.parent().unwrap()] {
            let mode = fs::metadata(made).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, DIR_MODE);
        }
        OsVfs.open(&inner.join("file"), OpenMode::CreateNew).unwrap();
        assert!(create_dirs(&OsVfs, &inner.join("file/d")).is_err());
        assert!(OsVfs.create_dir(&inner.join("file")).is_err());
    }
}
