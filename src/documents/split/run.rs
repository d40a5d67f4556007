//! What a job does.

use std::sync::Arc;

use super::job::{SplitJob, SplitPhase};
use crate::compaction::as_target;
use crate::documents::catalog::DatabaseRecord;
use crate::documents::database::Database;
use crate::documents::error::{DatabaseError, DocumentError, StorageError};
use crate::documents::partition;
use crate::documents::ranges::halves;
use crate::documents::shard::{Halves, Shard};
use crate::documents::shelf::Shelf;
use crate::journal::CompactionControl;

/// Rounds of topping off; then what is left is copied while writers wait.
const ROUNDS_MAX: usize = 10;
/// So few documents are copied while writers wait.
const FEW: u64 = 256;

/// What a job is told and tells while it runs.
pub(super) trait Run {
    /// Whether to go on; an error when not.
    fn go_on(&self) -> Result<(), DocumentError>;
    /// A phase begins.
    fn begin(&self, phase: SplitPhase) -> Result<(), DocumentError>;
    /// Cancels what takes long.
    fn control(&self) -> Arc<CompactionControl>;
}

fn other(error: &DatabaseError) -> DocumentError {
    match error {
        DatabaseError::NotFound => DocumentError::DatabaseGone,
        DatabaseError::Storage(error) => DocumentError::Storage(error.clone()),
        error => DocumentError::Storage(StorageError::Other { reason: error.to_string() }),
    }
}

/// The record of the job's database, as long as the shard is one of it.
fn record_of(shelf: &Shelf, job: &SplitJob) -> Result<DatabaseRecord, DocumentError> {
    let record = shelf.catalog.get(&job.database).map_err(|error| other(&error))?;
    let record = record.filter(|record| record.uuid == job.uuid);
    let record = record.ok_or(DocumentError::DatabaseGone)?;
    if record.ranges().contains(&job.range) {
        return Ok(record);
    }
    let reason = format!("the database has no shard {}", job.source());
    Err(DocumentError::Storage(StorageError::Other { reason }))
}

/// Runs a job from the beginning to the end. On an error the shard is what it was, and nothing is left of the halves.
pub(super) fn run(shelf: &Shelf, job: &SplitJob, run: &dyn Run) -> Result<(), DocumentError> {
    let record = record_of(shelf, job)?;
    let database = shelf.get(&job.database).map_err(|error| other(&error))?;
    let is_source = |shard: &&Arc<Shard>| shard.options().range == job.range;
    let source = database.each_shard().iter().find(is_source).cloned();
    let source = source.ok_or(DocumentError::DatabaseGone)?;
    let _held = shelf.compactor.hold(&as_target(&source));
    let targets = make_targets(shelf, job, &record)?;
    let partitioned = record.partitioned;
    let hash = move |id: &str| partition::place(id, partitioned);
    let mut both = Halves::new(source, targets.clone(), Box::new(hash), run.control());
    let done = copy(&mut both, run).and_then(|()| commit(shelf, job, &database, &mut both, run));
    if let Err(error) = done {
        drop(both);
        abandon(shelf, &record, &targets);
        return Err(error);
    }
    run.begin(SplitPhase::WaitSourceClose)?;
    run.begin(SplitPhase::TopOff3)?;
    run.begin(SplitPhase::SourceDelete)?;
    if let Err(error) = shelf.remove_file(&record, job.range) {
        tracing::warn!(shard = job.source(), %error, "the file of a shard that was split stays until the next start");
    }
    targets.iter().for_each(|half| shelf.look_at(half));
    Ok(())
}

fn make_targets(
    shelf: &Shelf,
    job: &SplitJob,
    record: &DatabaseRecord,
) -> Result<[Arc<Shard>; 2], DocumentError> {
    let mut changing = shelf.changing();
    let mut make = |range| {
        // What an earlier try may have left.
        shelf.remove_file(record, range).map_err(|error| other(&error))?;
        shelf.shard(&mut changing, record, range)
    };
    let [low, high] = halves(job.range);
    let low = make(low)?;
    match make(high) {
        Ok(high) => Ok([low, high]),
        Err(error) => {
            drop(changing);
            abandon(shelf, record, &[low]);
            Err(error)
        }
    }
}

/// Removes halves that are not needed. What cannot be removed now, the next open removes.
fn abandon(shelf: &Shelf, record: &DatabaseRecord, targets: &[Arc<Shard>]) {
    for target in targets {
        let shard = &target.options().name;
        if let Err(error) = target.retire() {
            tracing::debug!(shard, %error, "a half was not closed cleanly");
        }
        if let Err(error) = shelf.remove_file(record, target.options().range) {
            tracing::warn!(shard, %error, "the file of a half stays until the next start");
        }
    }
}

fn copy(both: &mut Halves, run: &dyn Run) -> Result<(), DocumentError> {
    let source = both.source.clone();
    let go_on = || run.go_on().and_then(|()| source.check_there());
    run.begin(SplitPhase::InitialCopy)?;
    both.top_off(&go_on)?;
    if let Err(error) = both.compact_all() {
        go_on()?;
        tracing::warn!(shard = source.options().name, %error, "halves were not compacted after the copy");
    }
    run.begin(SplitPhase::TopOff1)?;
    both.top_off(&go_on)?;
    run.begin(SplitPhase::BuildIndices)?;
    run.begin(SplitPhase::TopOff2)?;
    let mut rounds = 0;
    while both.top_off(&go_on)? > FEW && rounds < ROUNDS_MAX {
        rounds += 1;
    }
    run.begin(SplitPhase::CopyLocalDocs)?;
    both.copy_local(&go_on)?;
    // What came over is synced here, while writers go on.
    both.targets.iter().try_for_each(|target| target.sync())?;
    run.begin(SplitPhase::UpdateShardMap)?;
    go_on()
}

/// Puts the halves in the place of the source. Databases are not made, opened or removed meanwhile, and the source's writers
/// wait.
fn commit(
    shelf: &Shelf,
    job: &SplitJob,
    database: &Database,
    both: &mut Halves,
    run: &dyn Run,
) -> Result<(), DocumentError> {
    let changing = shelf.changing();
    if changing.closed {
        return Err(DocumentError::DatabaseGone);
    }
    let record = record_of(shelf, job)?;
    let (source, targets) = (both.source.clone(), both.targets.clone());
    let committed = source.held(|| {
        run.go_on()?;
        both.finish()?;
        write_record(shelf, &record, job, &source)?;
        for target in &targets {
            // The next open does it.
            if let Err(error) = target.own() {
                tracing::warn!(shard = target.options().name, %error, "a half is not noted as owned yet");
            }
        }
        database.swap(&source, &targets);
        source.note_split();
        Ok(())
    });
    drop(changing);
    if committed.is_err()
        && let Err(error) = source.own()
    {
        tracing::debug!(shard = source.options().name, %error, "it is noted as owned at the next open");
    }
    committed
}

/// The commit point. When it fails it may have taken place, so the old record is written again; when that fails too, the
/// source takes no more writes: they would be lost if the halves are what is found at the next start.
fn write_record(
    shelf: &Shelf,
    record: &DatabaseRecord,
    job: &SplitJob,
    source: &Shard,
) -> Result<(), DocumentError> {
    let split = |range| if range == job.range { halves(range).to_vec() } else { vec![range] };
    let split_ranges: Vec<_> = record.ranges().into_iter().flat_map(split).collect();
    let new = DatabaseRecord { split_ranges, ..record.clone() };
    let Err(error) = shelf.catalog.put(&new) else {
        return Ok(());
    };
    if let Err(again) = shelf.catalog.put(record) {
        let shard = &source.options().name;
        tracing::error!(shard, error = %again, "the catalog cannot be written: the shard is closed until the next start");
        source.close()?;
    }
    Err(other(&error))
}
