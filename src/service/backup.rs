//! Requests to copy the database.

use std::path::Path;
use std::sync::Arc;

use super::failure::{Class, Failure};
use super::open::{Emit, Service};
use super::protocol::{Backup, BackupRow, Event, Progress, Reply};
use crate::journal::{self, CompactionControl, CompactionObserver, Stage};
use crate::scheduler::Cancel;

/// Whom the copying tells how far it is.
struct Teller(std::sync::mpsc::Sender<journal::Progress>);

impl std::fmt::Debug for Teller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Teller").finish_non_exhaustive()
    }
}

impl CompactionObserver for Teller {
    fn stage(&self, _stage: Stage) {}

    fn progress(&self, progress: journal::Progress) {
        if self.0.send(progress).is_err() {
            tracing::trace!("nobody listens to the progress of the backup any more");
        }
    }
}

pub fn backup(
    service: &Service,
    backup: &Backup,
    cancel: &Cancel,
    emit: Emit<'_>,
) -> Result<Reply, Failure> {
    let directory = Path::new(&backup.directory);
    if !directory.is_absolute() {
        let reason = format!("\"{}\" does not begin with /", backup.directory);
        return Err(Failure::usage(reason));
    }
    let (sender, progress) = std::sync::mpsc::channel();
    let control = Arc::new(CompactionControl::observed_by(Arc::new(Teller(sender))));
    let told = control.clone();
    cancel.on_cancel(move || told.cancel());
    let copies = std::thread::scope(|scope| {
        let copying = scope.spawn(|| service.cdb.backup(directory, &control));
        while !copying.is_finished() {
            let Ok(progress) = progress.recv_timeout(LOOK_EVERY) else { continue };
            let row = Progress {
                file: "backup".to_owned(),
                percent: progress.percent(),
                written_bytes: progress.written_bytes,
            };
            if !emit(Event::Progress(row)) {
                control.cancel();
            }
        }
        copying.join()
    });
    let copies = match copies {
        Ok(copies) => copies.map_err(|error| taken(error, directory))?,
        Err(panic) => std::panic::resume_unwind(panic),
    };
    let row = |copy: journal::StoreCopy| BackupRow {
        path: copy.path.display().to_string(),
        size_bytes: copy.size_bytes,
        tx: copy.sequence.get(),
        entries: copy.entries,
    };
    Ok(Reply::BackedUp(copies.into_iter().map(row).collect()))
}

/// How often it is looked whether the copying is over.
const LOOK_EVERY: std::time::Duration = std::time::Duration::from_millis(50);

fn taken(error: journal::CompactionError, directory: &Path) -> Failure {
    match &error {
        journal::CompactionError::Io { source, .. } if source.is_taken() => {
            let reason = format!("there is a database in {}", directory.display());
            Failure::new(Class::Conflict, "exists", reason)
                .hint("name a directory that is empty or is not there yet")
        }
        _ => error.into(),
    }
}
