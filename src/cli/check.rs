//! `pumice check`

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::context::Context;
use super::progress::Progress;
use super::stop::Stop;
use super::table::{Align, Table};
use super::text::{count, size};
use crate::cdb::Datastore;
use crate::clock::SystemClock;
use crate::journal::Directory;
use crate::journal::check::{CheckReport, verify};
use crate::service::{self, Class, Failure};
use crate::units::grouped;
use crate::vfs::OpenMode;

/// Verify every checksum and invariant of the files, and change nothing: sound, exit 0; damaged, exit 1
///
/// The files must not be written meanwhile: while a daemon runs, its directory is locked.
#[derive(Debug, Args)]
pub struct Check {
    /// The files [default: A.cdb, O.cdb and S.cdb of the data directory]
    files: Vec<PathBuf>,
}

/// What was found in a file.
#[derive(Debug, Serialize)]
struct Found {
    file: PathBuf,
    sound: bool,
    file_bytes: u64,
    entries: u64,
    tx: u64,
    tail_transactions: u64,
    unfinished_bytes: u64,
    problems: Vec<Place>,
}

#[derive(Debug, Serialize)]
struct Place {
    position: u64,
    what: String,
}

impl Check {
    pub fn run(self, context: &mut Context) -> Result<(), Stop> {
        context.start_log();
        let mut files = self.files;
        let mut _lock = None;
        if files.is_empty() {
            let directory = context.directory()?;
            let clock = std::sync::Arc::new(SystemClock::new());
            let locked = Directory::open_read_only(context.vfs.clone(), clock, &directory);
            _lock = Some(locked.map_err(Failure::from)?);
            files = Datastore::ALL.map(|datastore| directory.join(datastore.file_name())).to_vec();
            files.sort();
        }
        let mut all = Vec::new();
        for file in files {
            all.push(check(context, file)?);
        }
        let sound = all.iter().all(|found| found.sound);
        context.output.answers(&all, |output| {
            let mut table = Table::new(&[Align::Left; 5]);
            all.iter().for_each(|found| rows(found, &mut table));
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

fn check(context: &Context, path: PathBuf) -> Result<Found, Stop> {
    let file = context.vfs.open(&path, OpenMode::Read)?;
    let total = file.len()?.max(1);
    let mut progress = Progress::new(&context.global);
    let report = verify(&file, &mut |done| {
        let percent = u128::from(done) * 100 / u128::from(total);
        progress.tell(&service::Progress {
            file: path.display().to_string(),
            percent: u8::try_from(percent.min(100)).unwrap_or(100),
            written_bytes: done,
        });
    });
    drop(progress);
    let CheckReport {
        file_bytes,
        counters,
        sequence,
        tail_transactions,
        unfinished_bytes,
        problems,
        ..
    } = match report {
        Ok(report) => report,
        Err(error) => {
            let failure = Failure::from(error);
            let failure = if failure.code == Class::Corrupt.code() {
                failure.hint("nothing of it can be read as a journal")
            } else {
                failure
            };
            return Err(failure.into());
        }
    };
    let problems = problems.into_iter();
    let places = problems.map(|problem| Place { position: problem.position, what: problem.what });
    let problems: Vec<_> = places.collect();
    Ok(Found {
        file: path,
        sound: problems.is_empty(),
        file_bytes,
        entries: counters.entries,
        tx: sequence,
        tail_transactions,
        unfinished_bytes,
        problems,
    })
}

fn rows(found: &Found, table: &mut Table) {
    let name = found.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
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
