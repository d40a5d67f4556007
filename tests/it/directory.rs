//! The data directory on the real file system: its lock, its modes, links planted in it, and reading without a trace.

use std::collections::BTreeMap;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use pumice::cdb::{OpenError, RunOptions};
use pumice::journal;
use pumice::vfs::os::OsVfs;
use pumice::vfs::{OpenMode, Vfs, read_file, write_file};
use pumice::{Cdb, Datastore};

/// A directory with a database in it, closed, which was compacted and has a tail.
fn made() -> (tempfile::TempDir, PathBuf) {
    let around = tempfile::tempdir().unwrap();
    let dir = around.path().join("data");
    let cdb = Cdb::open(&dir).unwrap();
    for datastore in Datastore::ALL {
        cdb.write(datastore, |tx| tx.set("/a", 1_u8)).unwrap();
        cdb.compactions().run(datastore, RunOptions::default()).unwrap();
        cdb.write(datastore, |tx| tx.set("/a", 2_u8)).unwrap();
    }
    drop(cdb);
    (around, dir)
}

fn open_error(dir: &Path) -> OpenError {
    Cdb::open(dir).map(|_| ()).unwrap_err()
}

fn mode(path: &Path) -> u32 {
    path.symlink_metadata().unwrap().permissions().mode() & 0o7777
}

/// Names, contents, modes and times of everything in a directory.
fn everything(dir: &Path) -> BTreeMap<String, (Vec<u8>, u32, SystemTime)> {
    let names = OsVfs.list(dir).unwrap();
    let one = |name: String| {
        let path = dir.join(&name);
        let modified = path.metadata().unwrap().modified().unwrap();
        let bytes = read_file(&OsVfs, &path, 1 << 20).unwrap();
        (name, (bytes, mode(&path), modified))
    };
    names.into_iter().map(one).collect()
}

/// The lock belongs to the open file, not to the process, so that two opens of one process stand for two processes.
#[test]
fn who_comes_second_is_told_the_pid_of_the_first() {
    let (_around, dir) = made();
    let first = Cdb::open(&dir).unwrap();
    first.compactions().run(Datastore::Config, RunOptions::default()).unwrap();
    for error in [open_error(&dir), Cdb::options().read_only().open(&dir).map(|_| ()).unwrap_err()]
    {
        assert!(matches!(error, OpenError::Journal(journal::OpenError::Locked { .. })), "{error}");
        let pid = format!("locked by pid {}", std::process::id());
        assert!(error.to_string().contains(&pid), "{error}");
        assert!(error.to_string().contains(dir.to_str().unwrap()), "{error}");
    }
    drop(first);
    let readers = [(); 2].map(|()| Cdb::options().read_only().open(&dir).unwrap());
    assert!(matches!(open_error(&dir), OpenError::Journal(journal::OpenError::Locked { .. })));
    drop(readers);
    Cdb::open(&dir).unwrap();
}

#[test]
fn files_are_for_their_owner_only() {
    let (_around, dir) = made();
    assert_eq!(mode(&dir), 0o700);
    let names = OsVfs.list(&dir).unwrap();
    assert_eq!(names, ["A.cdb", "O.cdb", "S.cdb", "pumice.lock", "rollback.pumice"]);
    for name in names {
        assert_eq!(mode(&dir.join(&name)), 0o600, "{name}");
    }
}

#[test]
fn a_link_planted_under_a_name_of_ours_is_refused_and_not_followed() {
    for name in ["A.cdb", "pumice.lock"] {
        let (around, dir) = made();
        let secret = around.path().join("secret");
        let planted = read_file(&OsVfs, &dir.join("A.cdb"), 1 << 20).unwrap();
        write_file(&OsVfs, &secret, &planted).unwrap();
        OsVfs.remove(&dir.join(name)).unwrap();
        symlink(&secret, dir.join(name)).unwrap();

        let read_only = Cdb::options().read_only().open(&dir).map(|_| ()).unwrap_err();
        for error in [open_error(&dir), read_only] {
            assert!(matches!(error, OpenError::Journal(journal::OpenError::Io(_))), "{error}");
            assert!(error.to_string().contains(name), "{error}");
        }
        assert_eq!(read_file(&OsVfs, &secret, 1 << 20).unwrap(), planted);
    }
}

#[test]
fn a_link_under_the_side_name_is_removed_and_not_followed() {
    let (around, dir) = made();
    let secret = around.path().join("secret");
    write_file(&OsVfs, &secret, b"untouched").unwrap();
    let cdb = Cdb::open(&dir).unwrap();
    symlink(&secret, dir.join("A.cdb.compact")).unwrap();
    let compacted = cdb.compactions().run(Datastore::Config, RunOptions::default());
    assert_eq!(compacted.map_err(|error| error.to_string()).unwrap().failure, None);
    drop(cdb);
    drop(Cdb::open(&dir).unwrap());
    assert!(!OsVfs.exists(&dir.join("A.cdb.compact")).unwrap());
    assert_eq!(read_file(&OsVfs, &secret, 1 << 20).unwrap(), b"untouched");
}

#[test]
fn reading_leaves_no_trace_not_even_of_a_torn_tail() {
    let (_around, dir) = made();
    // What a crash leaves: a torn frame, and the side file of a compaction.
    let file = OsVfs.open(&dir.join("A.cdb"), OpenMode::ReadWrite).unwrap();
    file.write_all_at(b"torn", file.len().unwrap()).unwrap();
    write_file(&OsVfs, &dir.join("A.cdb.compact"), b"half").unwrap();
    let before = everything(&dir);

    let cdb = Cdb::options().read_only().open(&dir).unwrap();
    for datastore in Datastore::ALL {
        let value = cdb.begin_read(datastore).get("/a").unwrap();
        assert_eq!(value, Some(2_u8.into()));
        assert!(cdb.write(datastore, |tx| tx.set("/a", 3_u8)).is_err());
        assert!(cdb.compactions().run(datastore, RunOptions::default()).is_err());
    }
    cdb.log(Datastore::Config, 10).unwrap();
    assert!(cdb.compaction_history(10).unwrap().len() >= 3);
    cdb.close().unwrap();
    drop(cdb);
    assert_eq!(everything(&dir), before);

    // Writing does cut and clean up.
    drop(Cdb::open(&dir).unwrap());
    assert!(!OsVfs.exists(&dir.join("A.cdb.compact")).unwrap());
    let read = Cdb::options().read_only().open(&dir).unwrap();
    assert_eq!(read.begin_read(Datastore::Config).get("/a").unwrap(), Some(2_u8.into()));
}

#[test]
fn reading_makes_no_directory() {
    let around = tempfile::tempdir().unwrap();
    let dir = around.path().join("missing");
    let error = Cdb::options().read_only().open(&dir).map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("does not exist"), "{error}");
    assert!(!OsVfs.exists(&dir).unwrap());
}

// Symptom: a process went on acknowledging commits to a journal that somebody had removed; they were gone with
// the process. Cause: an open file can be written without a name. Fix: it is looked whether there is one, ten times a second at the most.
#[test]
fn a_journal_removed_under_a_running_process_takes_no_more_commits_and_is_not_made_anew() {
    let (_around, dir) = made();
    let cdb = Cdb::open(&dir).unwrap();
    let file = dir.join("A.cdb");
    OsVfs.remove(&file).unwrap();
    let refused = cdb.write(Datastore::Config, |tx| tx.set("/a", 3_u8)).unwrap_err();
    assert!(refused.to_string().contains("removed"), "{refused}");
    let value = cdb.begin_read(Datastore::Config).get("/a").unwrap();
    assert_eq!(value, Some(2_u8.into()), "reads go on");
    assert!(cdb.write(Datastore::Config, |tx| tx.set("/a", 4_u8)).is_err());
    assert!(!OsVfs.exists(&file).unwrap());
    cdb.write(Datastore::Operational, |tx| tx.set("/a", 3_u8)).unwrap();
}
