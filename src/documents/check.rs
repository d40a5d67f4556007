//! Every checksum and invariant of the files of databases.

use std::path::{Path, PathBuf};

use super::catalog::DatabaseRecord;
use super::databases::Databases;
use super::error::{DatabaseError, StorageError};
use super::orphans::is_range;
use super::place::{ROOT, file_name, range_name};
use crate::compaction::Compactable;
use crate::journal::check::{CheckReport, Problem, verify, verify_snapshot};
use crate::vfs::{OpenMode, Vfs};

/// How the names of journals end.
const SUFFIX: &str = ".pumice";

/// A file that was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedFile {
    /// Where it is, below the directory: `shards/<range>/<database>.<seconds>.pumice`.
    pub name: String,
    /// What was found.
    pub report: CheckReport,
}

/// What is said of a shard that should be there.
pub fn missing_file() -> CheckReport {
    let what = "the shard of a database is missing".to_owned();
    CheckReport { problems: vec![Problem { position: 0, what }], ..CheckReport::default() }
}

/// The files of databases below a directory, relative to it: those that are there, and those of `records`.
pub fn database_files(
    vfs: &dyn Vfs,
    directory: &Path,
    records: &[DatabaseRecord],
) -> Result<Vec<PathBuf>, crate::vfs::Error> {
    let root = directory.join(ROOT);
    let mut files: Vec<_> = records.iter().flat_map(files_of).collect();
    if vfs.exists(&root)? {
        for name in vfs.list(&root)? {
            let below = Path::new(ROOT).join(&name);
            if is_range(&name) {
                let names = vfs.list(&root.join(&name))?;
                files.extend(
                    names.iter().filter(|name| is_journal(name)).map(|file| below.join(file)),
                );
            } else if is_journal(&name) {
                files.push(below);
            }
        }
    }
    files.sort();
    files.dedup();
    Ok(files)
}

fn is_journal(name: &str) -> bool {
    name.ends_with(SUFFIX)
}

fn files_of(record: &DatabaseRecord) -> Vec<PathBuf> {
    let path = |range| Path::new(ROOT).join(range_name(range)).join(file_name(record));
    record.ranges().into_iter().map(path).collect()
}

impl Databases {
    /// Verifies the files of all databases, beside those that read and write them. `progress` is told the file and the bytes
    /// of it that were read.
    pub fn check(
        &self,
        progress: &mut dyn FnMut(&str, u64),
    ) -> Result<Vec<CheckedFile>, DatabaseError> {
        let mut checked = vec![self.check_events(progress)?];
        for record in self.records()? {
            match self.get(&record.name) {
                Ok(database) => {
                    // A shard may have been split since the record was read.
                    let record = self.record(&record.name)?.unwrap_or(record);
                    for (path, shard) in files_of(&record).iter().zip(database.each_shard().iter())
                    {
                        let name = path.display().to_string();
                        let mut told = |done| progress(&name, done);
                        let report = verify_snapshot(&shard.snapshot(), &mut told);
                        let report = report.map_err(StorageError::from)?;
                        checked.push(CheckedFile { name, report });
                    }
                }
                // Removed meanwhile.
                Err(DatabaseError::NotFound) => {}
                // Nobody writes what does not open.
                Err(_) => checked.extend(self.check_closed(&record, progress)?),
            }
        }
        Ok(checked)
    }

    fn check_events(
        &self,
        progress: &mut dyn FnMut(&str, u64),
    ) -> Result<CheckedFile, DatabaseError> {
        let name = format!("{}{SUFFIX}", self.events_journal().name());
        let snapshot = self.events_journal().store().snapshot();
        let report = verify_snapshot(&snapshot, &mut |done| progress(&name, done));
        Ok(CheckedFile { report: report.map_err(StorageError::from)?, name })
    }

    fn check_closed(
        &self,
        record: &DatabaseRecord,
        progress: &mut dyn FnMut(&str, u64),
    ) -> Result<Vec<CheckedFile>, DatabaseError> {
        let checked = files_of(record).into_iter().map(|path| {
            let name = path.display().to_string();
            let path = self.directory_path().join(&path);
            let report = if self.vfs().exists(&path)? {
                let file = self.vfs().open(&path, OpenMode::Read)?;
                verify(&file, &mut |done| progress(&name, done)).map_err(StorageError::from)?
            } else {
                missing_file()
            };
            Ok(CheckedFile { name, report })
        });
        checked.collect()
    }
}
