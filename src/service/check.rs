//! Requests to verify what is on disk.

use super::failure::{Class, Failure};
use super::open::{Emit, Service};
use super::protocol::{CheckRow, DamagedPlace, Datastores, Event, Progress, Reply};
use crate::cdb::{Datastore, ROLLBACK_FILE};
use crate::journal::check::{CheckReport, Problem};

pub fn check(service: &Service, which: &Datastores, emit: Emit<'_>) -> Result<Reply, Failure> {
    let mut rows = Vec::new();
    for datastore in &which.datastores {
        rows.push(check_one(service, *datastore, emit)?);
        if *datastore == Datastore::Config {
            rows.extend(check_rollbacks(service, emit)?);
        }
    }
    Ok(Reply::Checked(rows))
}

fn check_one(service: &Service, datastore: Datastore, emit: Emit<'_>) -> Result<CheckRow, Failure> {
    let file = datastore.file_name();
    let total = service.cdb.stats(datastore).file_bytes;
    let report = service.cdb.verify(datastore, &mut |done| {
        // A check cannot be ended half-way, and whoever no longer listens costs it nothing.
        let _ = emit(Event::Progress(check_progress(file.to_owned(), done, total)));
    })?;
    Ok(check_row(file.to_owned(), report))
}

/// What undoes the last transactions of the configuration, if anything does.
fn check_rollbacks(service: &Service, emit: Emit<'_>) -> Result<Option<CheckRow>, Failure> {
    let report = service.cdb.verify_rollbacks(&mut |done| {
        let _ = emit(Event::Progress(check_progress(ROLLBACK_FILE.to_owned(), done, u64::MAX)));
    })?;
    Ok(report.map(|report| check_row(ROLLBACK_FILE.to_owned(), report)))
}

/// Verifies the files of document databases, where this process has them open.
pub fn databases(service: &Service, emit: Emit<'_>) -> Result<Reply, Failure> {
    let Some(databases) = service.databases() else { return Ok(Reply::Checked(Vec::new())) };
    let mut progress = |file: &str, done| {
        // How large the file is does not matter to whoever waits for many of them.
        let _ = emit(Event::Progress(check_progress(file.to_owned(), done, u64::MAX)));
    };
    let checked = databases.check(&mut progress);
    let checked =
        checked.map_err(|error| Failure::new(Class::Disk, "documents", error.to_string()))?;
    Ok(Reply::Checked(checked.into_iter().map(|file| check_row(file.name, file.report)).collect()))
}

/// How far a check of a file of `total` bytes is.
pub fn check_progress(file: String, done: u64, total: u64) -> Progress {
    let percent = u128::from(done) * 100 / u128::from(total.max(1));
    let percent = u8::try_from(percent.min(100)).unwrap_or(100);
    Progress { file, percent, written_bytes: done }
}

/// What a check found in a file.
pub fn check_row(file: String, report: CheckReport) -> CheckRow {
    let place = |problem: Problem| DamagedPlace { position: problem.position, what: problem.what };
    CheckRow {
        file,
        sound: report.is_sound(),
        file_bytes: report.file_bytes,
        entries: report.counters.entries,
        tx: report.sequence,
        tail_transactions: report.tail_transactions,
        unfinished_bytes: report.unfinished_bytes,
        problems: report.problems.into_iter().map(place).collect(),
    }
}
