//! Requests about named snapshots of configuration subtrees.

use super::failure::Failure;
use super::open::Service;
use super::protocol::{Reply, SnapshotName, SnapshotRestore, SnapshotTake};
use super::rows;
use super::write::Measure;
use crate::cdb::{Author, Datastore};

pub fn take(service: &Service, take: SnapshotTake) -> Result<Reply, Failure> {
    let measure = Measure::begin(service, Datastore::Snapshot);
    let commit = service.cdb.take_snapshot(&take.name, &take.path, &take.words.into())?;
    Ok(Reply::Committed(measure.committed(&commit)))
}

pub fn list(service: &Service) -> Result<Reply, Failure> {
    let snapshots = service.cdb.snapshots()?;
    Ok(Reply::Snapshots(snapshots.into_iter().map(rows::snapshot).collect()))
}

pub fn diff(service: &Service, name: &SnapshotName) -> Result<Reply, Failure> {
    Ok(Reply::Diff(rows::changes(&service.cdb.diff_snapshot(&name.name)?)))
}

pub fn restore(service: &Service, restore: SnapshotRestore) -> Result<Reply, Failure> {
    let measure = Measure::begin(service, Datastore::Config);
    if restore.dry_run {
        let diff = rows::changes(&service.cdb.diff_snapshot(&restore.name)?);
        return Ok(measure.dry_reply(rows::reversed(diff)));
    }
    let commit = service.cdb.restore_snapshot(&restore.name, &restore.words.into())?;
    Ok(Reply::Committed(measure.committed(&commit)))
}

pub fn remove(service: &Service, name: &SnapshotName) -> Result<Reply, Failure> {
    let measure = Measure::begin(service, Datastore::Snapshot);
    let commit = service.cdb.delete_snapshot(&name.name, &Author::default())?;
    Ok(Reply::Committed(measure.committed(&commit)))
}
