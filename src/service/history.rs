//! Requests about past transactions.

use super::failure::{Class, Failure};
use super::open::Service;
use super::protocol::{Diff, Log, LogRows, Reply};
use super::rows;
use crate::cdb::TransactionId;

pub fn log(service: &Service, log: &Log) -> Result<Reply, Failure> {
    let entries = service.cdb.log(log.datastore, log.limit)?;
    let stats = service.cdb.stats(log.datastore);
    let compacted_through = service.cdb.log_begins_after(log.datastore)?.get();
    let next = stats.sequence.get() + 1;
    let oldest = entries.last().map_or(next, |entry| entry.transaction_id.get());
    let older = oldest.saturating_sub(compacted_through + 1);
    let rows = entries.into_iter().map(rows::log).collect();
    Ok(Reply::Log(LogRows { rows, older, compacted_through }))
}

pub fn diff(service: &Service, diff: &Diff) -> Result<Reply, Failure> {
    let last = service.cdb.transaction_id(diff.datastore).get();
    let to = diff.to.unwrap_or(last);
    let from = match diff.from {
        Some(from) => from,
        None if last == 0 => return Err(no_transaction()),
        None => last - 1,
    };
    let (from, to) = (TransactionId::new(from), TransactionId::new(to));
    let diff = service.cdb.diff_transactions(diff.datastore, from, to)?;
    Ok(Reply::Diff(rows::changes(&diff)))
}

fn no_transaction() -> Failure {
    Failure::new(Class::NotFound, "not_found", "there is no transaction yet")
}
