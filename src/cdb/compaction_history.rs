//! The history of compactions: ordinary operational data, the last 1,000 of them.
//!
//! `/compaction/history{N}` in `O.cdb`, N counting up to `/compaction/last`: when, which, why, sizes, durations,
//! and the failure if there was one. A request that waits for its delay is an entry of `/compaction/requested`, so that it
//! outlives the process. So it is read, saved and subscribed to like everything else, and
//! survives a restart.

use std::sync::{Arc, Weak};

use super::commit::CommitError;
use super::compaction::{self, Cause, CompactionEntry, CompactionLedger, PastCompaction};
use super::datastore::{OpenDatastore, Words};
use super::error::Error;
use super::name::Datastore;
use super::record::{KeyLeaf, ListInfo, OrderedBy};
use super::transaction::WriteTransaction;
use super::value::{Value, ValueType};
use super::view::ReadView;

/// How many are kept.
pub const COMPACTION_HISTORY_MAX: u64 = 1000;

const LAST: &str = "/compaction/last";
const LIST: &str = "/compaction/history";

/// How often adding is tried: two compactions that end together want the same number.
const ATTEMPTS: usize = 8;

/// The list of requests that wait: `/compaction/requested{config}`.
const REQUESTED: &str = "/compaction/requested";

/// The history of compactions and the requests that wait, in `O.cdb`.
#[derive(Debug)]
pub(crate) struct OperationalLedger(pub Weak<OpenDatastore>);

impl CompactionLedger for OperationalLedger {
    fn record(&self, entry: &CompactionEntry) {
        self.write("a compaction is missing in the history", |operational| add(operational, entry));
    }

    fn request(&self, datastore: Datastore) {
        self.write("a request for a compaction does not outlive this process", |operational| {
            set_requested(operational, datastore, true)
        });
    }

    fn forget(&self, datastore: Datastore) {
        self.write("a request for a compaction stays noted", |operational| {
            set_requested(operational, datastore, false)
        });
    }

    fn requested(&self) -> Vec<Datastore> {
        let Some(operational) = self.0.upgrade() else {
            return Vec::new();
        };
        let view = operational.view();
        let is_requested = |datastore: &Datastore| match view.exists(&*requested_path(*datastore)) {
            Ok(there) => there,
            Err(error) => {
                tracing::warn!(%datastore, %error, "it is not known whether a compaction was asked for");
                false
            }
        };
        Datastore::ALL.into_iter().filter(is_requested).collect()
    }
}

impl OperationalLedger {
    /// Writes, again when another transaction came between.
    fn write(
        &self,
        missing: &'static str,
        write: impl Fn(&Arc<OpenDatastore>) -> Result<(), CommitError>,
    ) {
        let Some(operational) = self.0.upgrade() else {
            return;
        };
        let mut outcome = write(&operational);
        for _ in 1..ATTEMPTS {
            match &outcome {
                Err(error) if error.is_retriable() => {
                    operational.store.settle();
                    outcome = write(&operational);
                }
                _ => break,
            }
        }
        if let Err(error) = outcome {
            tracing::warn!(%error, "{missing}");
        }
    }
}

fn requested_path(datastore: Datastore) -> String {
    format!("{REQUESTED}{{{datastore}}}")
}

fn set_requested(
    operational: &Arc<OpenDatastore>,
    datastore: Datastore,
    requested: bool,
) -> Result<(), CommitError> {
    let mut tx = WriteTransaction::begin(operational.clone())?;
    let path = requested_path(datastore);
    if tx.exists(&*path)? == requested {
        return Ok(());
    }
    let comment = Some(format!("request for a compaction of {}", datastore.file_name()));
    tx.set_words(Words { user: None, comment });
    if requested {
        tx.declare_list(REQUESTED, &ListInfo::with_keys(["datastore"]))?;
        tx.create(&*path)?;
    } else {
        tx.remove(&*path)?;
    }
    tx.commit().map(drop)
}

fn list_info() -> ListInfo {
    let number = KeyLeaf { name: "number".to_owned(), value_type: ValueType::Uint64 };
    ListInfo { keys: vec![number], ordered_by: OrderedBy::System }
}

fn add(operational: &Arc<OpenDatastore>, entry: &CompactionEntry) -> Result<(), CommitError> {
    let mut tx = WriteTransaction::begin(operational.clone())?;
    let comment = Some(compaction::comment_of(entry.datastore));
    tx.set_words(Words { user: None, comment });
    let number = if let Some(Value::Uint64(last)) = tx.get(LAST)? {
        last + 1
    } else {
        tx.declare_list(LIST, &list_info())?;
        1
    };
    tx.set(LAST, number)?;
    let path = format!("{LIST}{{{number}}}");
    for (name, value) in leaves(entry) {
        tx.set(format!("{path}/{name}").as_str(), value)?;
    }
    if let Some(old) = number.checked_sub(COMPACTION_HISTORY_MAX) {
        tx.remove(format!("{LIST}{{{old}}}").as_str())?;
    }
    let waited = requested_path(entry.datastore);
    if tx.exists(&*waited)? {
        tx.remove(&*waited)?;
    }
    tx.commit().map(drop)
}

fn leaves(entry: &CompactionEntry) -> Vec<(&'static str, Value)> {
    let mut leaves: Vec<(&str, Value)> = vec![
        ("datastore", Value::Enumeration(entry.datastore.to_string())),
        ("type", Value::Enumeration(entry.cause.compaction_type().to_string())),
        ("cause", entry.cause.to_string().into()),
        ("size-start-bytes", entry.size_start_bytes.into()),
        ("size-end-bytes", entry.size_end_bytes.into()),
        ("size-last-bytes", entry.size_last_bytes.into()),
        ("start-micros", entry.start_micros.into()),
        ("duration-micros", entry.duration_micros.into()),
        ("transactions", entry.transactions.into()),
        ("blocked-micros", entry.blocked_micros.into()),
    ];
    leaves.extend(entry.failure.clone().map(|failure| ("failure", failure.into())));
    leaves
}

/// The last compactions, newest first.
pub(crate) fn list(view: &ReadView, limit: usize) -> Result<Vec<PastCompaction>, Error> {
    let mut past = Vec::new();
    let Some(Value::Uint64(last)) = view.get(LAST)? else { return Ok(past) };
    let oldest = last.saturating_sub(COMPACTION_HISTORY_MAX - 1).max(1);
    for number in (oldest..=last).rev().take(limit) {
        past.extend(read(view, number)?);
    }
    Ok(past)
}

/// One entry; none when it was dropped meanwhile, or says what no compaction of ours says.
fn read(view: &ReadView, number: u64) -> Result<Option<PastCompaction>, Error> {
    let get = |name: &str| view.get(format!("{LIST}{{{number}}}/{name}").as_str());
    let text = |name: &str| Ok::<_, Error>(get(name)?.map(|value| value.to_string()));
    let amount = |name: &str| {
        Ok::<_, Error>(match get(name)? {
            Some(Value::Uint64(amount)) => amount,
            _ => 0,
        })
    };
    let datastore = text("datastore")?.and_then(|name| name.parse::<Datastore>().ok());
    let cause = text("cause")?.and_then(|cause| cause.parse::<Cause>().ok());
    let Some((datastore, cause)) = datastore.zip(cause) else { return Ok(None) };
    let entry = CompactionEntry {
        datastore,
        cause,
        size_start_bytes: amount("size-start-bytes")?,
        size_end_bytes: amount("size-end-bytes")?,
        size_last_bytes: amount("size-last-bytes")?,
        start_micros: amount("start-micros")?,
        duration_micros: amount("duration-micros")?,
        transactions: amount("transactions")?,
        blocked_micros: amount("blocked-micros")?,
        failure: text("failure")?,
    };
    Ok(Some(PastCompaction { number, entry }))
}
