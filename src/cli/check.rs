//! `pumice check`

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;

use super::context::{Context, unexpected};
use super::progress::Progress;
use super::session::Session;
use super::stop::Stop;
use super::table::{Align, Table};
use super::text::{count, size};
use crate::cdb::{Datastore, ROLLBACK_FILE};
use crate::clock::SystemClock;
use crate::conf::Conf;
use crate::documents::{Catalog as _, DatabaseError, DatabaseRecord, database_files, missing_file};
use crate::journal::Directory;
use crate::journal::check::verify;
use crate::node;
use crate::service::{
    CdbCatalog, CheckRow, Class, Datastores, Failure, LOCKED, Reply, Request, check_progress,
    check_row,
};
use crate::units::grouped;
use crate::vfs::OpenMode;

/// Verify every checksum and invariant of the files, and change nothing: sound, exit 0; damaged, exit 1
///
/// A daemon verifies the files of its directory itself, beside those that read and write. A FILE that is named must not be
/// written meanwhile: while a daemon holds its directory, that is refused.
#[derive(Debug, Args)]
pub struct Check {
    /// The files [default: A.cdb, O.cdb and S.cdb of the data directory, and its document databases' shards]
    files: Vec<PathBuf>,
}

impl Check {
    pub fn run(self, context: &mut Context) -> Result<(), Stop> {
        context.start_log();
        let rows = match self.files.as_slice() {
            [] => check_directory(context)?,
            files => check_files(context, files)?,
        };
        let sound = rows.iter().all(|row| row.sound);
        context.output.answers(&rows, |output| {
            let mut table = Table::new(&[Align::Left; 5]);
            rows.iter().for_each(|row| lines(row, &mut table));
            output.table(&table)?;
            if sound {
                return Ok(());
            }
            output.note(
                "help: stop the daemon, keep a copy of the file, then: pumice salvage FILE NEWFILE",
            )
        })?;
        if sound { Ok(()) } else { Err(Stop::No) }
    }
}

/// The files of the data directory: by the daemon that holds it, or else here, since damaged ones do not open.
fn check_directory(context: &Context) -> Result<Vec<CheckRow>, Stop> {
    let conf = context.configuration()?.conf;
    if let Some(daemon) = Session::daemon(&conf)? {
        return ask(context, daemon);
    }
    let directory = conf.cdb.db_dir.clone();
    let mut files = Datastore::ALL.map(|datastore| directory.join(datastore.file_name())).to_vec();
    let rollbacks = directory.join(ROLLBACK_FILE);
    if context.vfs.exists(&rollbacks)? {
        files.insert(1, rollbacks);
    }
    let mut rows = check_files(context, &files)?;
    // Which databases there should be is known from sound datastores only.
    let is_sound = rows.iter().all(|row| row.sound);
    let records = if is_sound { records(&conf, &directory)? } else { Vec::new() };
    rows.extend(check_databases(context, &directory, &records)?);
    Ok(rows)
}

fn records(conf: &Conf, directory: &Path) -> Result<Vec<DatabaseRecord>, Failure> {
    let service = Arc::new(node::open_read_only(conf, directory)?);
    CdbCatalog::new(service).list().map_err(|error| documents_failed(&error))
}

fn documents_failed(error: &DatabaseError) -> Failure {
    Failure::new(Class::Disk, "documents", error.to_string())
}

fn check_databases(
    context: &Context,
    directory: &Path,
    records: &[DatabaseRecord],
) -> Result<Vec<CheckRow>, Stop> {
    let files = database_files(&*context.vfs, directory, records)?;
    let files = files.into_iter().map(|file| directory.join(file));
    let mut rows = Vec::new();
    for file in files {
        if context.vfs.exists(&file)? {
            rows.extend(check_files(context, &[file])?);
        } else {
            rows.push(check_row(file.display().to_string(), missing_file()));
        }
    }
    Ok(rows)
}

fn ask(context: &Context, mut daemon: Session) -> Result<Vec<CheckRow>, Stop> {
    let datastores = Request::Check(Datastores { datastores: Datastore::ALL.to_vec() });
    let mut rows = Vec::new();
    for request in [datastores, Request::CheckDatabases] {
        match context.request_in(&mut daemon, &request)? {
            Reply::Checked(more) => rows.extend(more),
            _ => return Err(unexpected()),
        }
    }
    Ok(rows)
}

fn check_files(context: &Context, files: &[PathBuf]) -> Result<Vec<CheckRow>, Stop> {
    // All of them before the first is opened: what is checked is one state, and the files keep their names.
    let locks: Result<Vec<_>, Failure> =
        files.iter().map(|file| lock_directory(context, file)).collect();
    let _locks = locks?;
    files.iter().map(|file| check_file(context, file)).collect()
}

fn check_file(context: &Context, path: &Path) -> Result<CheckRow, Stop> {
    let file = context.vfs.open(path, OpenMode::Read)?;
    let total = file.len()?;
    let name = path.display().to_string();
    let mut progress = Progress::new(&context.global);
    let report =
        verify(&file, &mut |done| progress.tell(&check_progress(name.clone(), done, total)));
    drop(progress);
    let report = report.map_err(|error| {
        let failure = Failure::from(error);
        if failure.code == Class::Corrupt.code() {
            return failure.hint("nothing of it can be read as a journal");
        }
        failure
    })?;
    Ok(check_row(name, report))
}

/// Keeps writers out while a file is read.
fn lock_directory(context: &Context, file: &Path) -> Result<Arc<Directory>, Failure> {
    let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty());
    let directory = parent.unwrap_or(Path::new("."));
    let clock = Arc::new(SystemClock::new());
    Directory::open_read_only(context.vfs.clone(), clock, directory).map_err(|error| {
        let failure = Failure::from(error);
        if failure.error == LOCKED {
            return failure.hint("pumice --dir DIR check, without FILE, asks the daemon");
        }
        failure
    })
}

/// The name of a file; of a shard from `shards/` on, since those of other ranges are called alike.
fn short_name(file: &str) -> String {
    match file.rfind("shards/") {
        Some(at) => file.get(at..).unwrap_or_default().to_owned(),
        None => Path::new(file).file_name().unwrap_or_default().to_string_lossy().into_owned(),
    }
}

fn lines(found: &CheckRow, table: &mut Table) {
    let name = short_name(&found.file);
    let unfinished = match found.unfinished_bytes {
        0 => String::new(),
        bytes => format!("{} unfinished at the end, never acknowledged", size(bytes)),
    };
    if found.sound {
        let entries = format!("{} keys", grouped(found.entries));
        table.row([name, "sound".to_owned(), entries, format!("tx {}", found.tx), unfinished]);
        return;
    }
    let places = count(found.problems.len() as u64, "damaged place");
    table.row([name, places]);
    for place in &found.problems {
        table.row([String::new(), format!("byte {}: {}", grouped(place.position), place.what)]);
    }
}
