//! What pumice keeps for itself beside its users' data, and how it is kept from going with that.
//!
//! A request that removes everything means the data of whoever asks. Admins, settings and tasks of the scheduler go when they are
//! named; the records of document databases never, since without them files are left that belong to no database.

use super::failure::{Class, Failure};
use super::open::Service;
use super::protocol::Action;
use crate::cdb::{
    Datastore, Diff, Error, LoadOptions, Path, Source, TransactionId, WriteTransaction,
};

/// Top nodes of the configuration.
const CONFIG: [&str; 3] = ["admins", "http", "scheduler"];
/// Top nodes of the operational data.
const OPERATIONAL: [&str; 3] = ["compaction", DATABASES, "scheduler"];
/// The records of document databases.
const DATABASES: &str = "databases";

/// The top nodes of a datastore that pumice keeps things in.
pub fn names(datastore: Datastore) -> &'static [&'static str] {
    match datastore {
        Datastore::Config => &CONFIG,
        Datastore::Operational => &OPERATIONAL,
        Datastore::Snapshot => &[],
    }
}

fn records() -> Path {
    Path::root().child(DATABASES)
}

fn refused() -> String {
    "/databases has the records of document databases, which the server alone writes: \
     PUT /NAME makes a database over HTTP, DELETE /NAME removes it"
        .to_owned()
}

/// Refuses an operation that would take what it does not name, or records of databases.
pub fn check(tx: &WriteTransaction, datastore: Datastore, action: &Action) -> Result<(), Error> {
    let path: Path = match action {
        Action::Set { path, .. }
        | Action::Create { path }
        | Action::Delete { path }
        | Action::Move { path, .. } => path.parse()?,
    };
    let first = path.steps().first();
    if datastore == Datastore::Operational
        && first.is_some_and(|step| step.name.as_str() == DATABASES)
    {
        return Err(Error::Refused { reason: refused() });
    }
    if matches!(action, Action::Delete { .. }) && first.is_none() {
        return check_root(tx, datastore);
    }
    Ok(())
}

fn check_root(tx: &WriteTransaction, datastore: Datastore) -> Result<(), Error> {
    let mut found = Vec::new();
    for name in names(datastore) {
        let path = Path::root().child(name);
        if tx.exists(&path)? {
            found.push(path.to_string());
        }
    }
    if found.is_empty() {
        return Ok(());
    }
    let found = found.join(", ");
    let reason = format!("/ also holds what pumice keeps for itself ({found}): name what is to go");
    Err(Error::Refused { reason })
}

fn check_diff(diff: &Diff) -> Result<(), Failure> {
    if diff.below(&records()).is_empty() {
        return Ok(());
    }
    Err(Failure::new(Class::Refused, "refused", refused()))
}

/// Refuses a source that changes records of databases.
pub fn check_source(
    service: &Service,
    datastore: Datastore,
    source: &dyn Source,
    options: &LoadOptions,
) -> Result<(), Failure> {
    if datastore != Datastore::Operational {
        return Ok(());
    }
    let mut tx = service.cdb.begin_write(datastore)?;
    tx.load(source, options)?;
    check_diff(&tx.diff()?)
}

/// Refuses to go back to other records of databases.
pub fn check_rollback(
    service: &Service,
    datastore: Datastore,
    to: TransactionId,
) -> Result<(), Failure> {
    if datastore != Datastore::Operational {
        return Ok(());
    }
    let now = service.cdb.transaction_id(datastore);
    check_diff(&service.cdb.diff_transactions(datastore, now, to)?)
}
