//! The records of document databases: `/databases/database{NAME}` in the operational datastore. They are not configuration: a rollback
//! of that, or a load that replaces it, must not make databases go or come back.
//!
//! Of each: `q`, `created` (seconds), `uuid`, and once a shard was split `ranges`, a text: `xxxxxxxx-xxxxxxxx` of every shard,
//! ascending, a blank between them. A record without it has `q` shards of the same size.

use std::sync::Arc;

use super::failure::Failure;
use super::open::Service;
use crate::cdb::{Datastore, Error, KeyText, Path, ReadView, Selector, Value};
use crate::documents::{Catalog, DatabaseError, DatabaseRecord};

/// Where they are.
const DATASTORE: Datastore = Datastore::Operational;

/// The list of databases.
const DATABASES: &str = "/databases/database";

/// The catalog of an open configuration database.
#[derive(Debug)]
pub struct CdbCatalog(Arc<Service>);

impl CdbCatalog {
    /// Keeps records in `service`'s database.
    pub fn new(service: Arc<Service>) -> Self {
        Self(service)
    }

    fn view(&self) -> ReadView {
        self.0.cdb.begin_read(DATASTORE)
    }
}

fn list() -> Path {
    DATABASES.parse().unwrap_or_else(|_| Path::root())
}

fn entry(name: &str) -> Path {
    list().with_keys([name])
}

fn failed(error: impl Into<Failure>) -> DatabaseError {
    DatabaseError::Catalog(error.into().reason)
}

fn read(view: &ReadView, name: &str) -> Result<Option<DatabaseRecord>, Error> {
    let entry = entry(name);
    let partitioned = view.get(entry.child("partitioned"))? == Some(Value::Boolean(true));
    let (q, created, uuid) = (
        view.get(entry.child("q"))?,
        view.get(entry.child("created"))?,
        view.get(entry.child("uuid"))?,
    );
    Ok(match (q, created, uuid) {
        (Some(Value::Uint32(q)), Some(Value::Uint64(created_s)), Some(uuid)) => {
            let split_ranges = match view.get(entry.child("ranges"))? {
                Some(text) => read_ranges(&text.to_string()),
                None => Vec::new(),
            };
            let (name, uuid) = (name.to_owned(), uuid.to_string());
            Some(DatabaseRecord { name, q, partitioned, created_s, uuid, split_ranges })
        }
        _ => None,
    })
}

fn write_ranges(ranges: &[(u32, u32)]) -> String {
    let texts: Vec<_> =
        ranges.iter().map(|(first, last)| format!("{first:08x}-{last:08x}")).collect();
    texts.join(" ")
}

/// What does not read is left out: the shard is missing then, and the database does not open.
fn read_ranges(text: &str) -> Vec<(u32, u32)> {
    let hash = |text: &str| u32::from_str_radix(text, 16).ok();
    let range = |text: &str| {
        let (first, last) = text.split_once('-')?;
        Some((hash(first)?, hash(last)?))
    };
    text.split(' ').filter_map(range).collect()
}

impl Catalog for CdbCatalog {
    fn list(&self) -> Result<Vec<DatabaseRecord>, DatabaseError> {
        let view = self.view();
        let mut records = Vec::new();
        for child in view.children(list()).map_err(failed)? {
            let selector = child.path.steps().last().and_then(|step| step.selector.as_ref());
            if let Some(Selector::Keys(keys)) = selector
                && let [KeyText::Text(name)] = keys.as_slice()
                && let Some(record) = read(&view, name).map_err(failed)?
            {
                records.push(record);
            }
        }
        records.sort_by(|left, right| left.name.cmp(&right.name));
        Ok(records)
    }

    fn get(&self, name: &str) -> Result<Option<DatabaseRecord>, DatabaseError> {
        read(&self.view(), name).map_err(failed)
    }

    fn put(&self, record: &DatabaseRecord) -> Result<(), DatabaseError> {
        let entry = entry(&record.name);
        let written = self.0.cdb.write(DATASTORE, |tx| {
            tx.set(entry.child("q"), Value::Uint32(record.q))?;
            if record.partitioned {
                tx.set(entry.child("partitioned"), Value::Boolean(true))?;
            }
            tx.set(entry.child("created"), Value::Uint64(record.created_s))?;
            if record.split_ranges.is_empty() {
                tx.remove(entry.child("ranges"))?;
            } else {
                tx.set(entry.child("ranges"), write_ranges(&record.split_ranges))?;
            }
            tx.set(entry.child("uuid"), record.uuid.as_str())
        });
        written.map(drop).map_err(failed)
    }

    fn remove(&self, name: &str) -> Result<(), DatabaseError> {
        let removed = self.0.cdb.write(DATASTORE, |tx| tx.remove(entry(name)));
        removed.map(drop).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::cdb::{BytesSource, Cdb, LoadMode, LoadOptions};
    use crate::clock::ManualClock;
    use crate::scheduler::{Actions, Scheduler};
    use crate::service::Surroundings;
    use crate::vfs::os::OsVfs;

    // A rollback of the configuration once made the databases go that were made since.
    #[test]
    fn a_rollback_or_a_replacing_load_of_the_configuration_leaves_databases_alone() {
        let clock = Arc::new(ManualClock::starting_at(0));
        let around = Surroundings { vfs: OsVfs::shared(), clock, directory: PathBuf::from("/") };
        let cdb = Cdb::in_memory().unwrap();
        let scheduler = Scheduler::attach(&cdb, Actions::builtin());
        let catalog = CdbCatalog::new(Arc::new(Service::new(cdb.clone(), scheduler, around)));
        let set = |value| cdb.write(Datastore::Config, |tx| tx.set_text("/a", value)).unwrap();
        let ((), before) = set("1");
        let record = DatabaseRecord {
            name: "db".to_owned(),
            q: 2,
            partitioned: true,
            created_s: 1,
            uuid: "00".repeat(16),
            split_ranges: vec![],
        };
        catalog.put(&record).unwrap();
        set("2");
        cdb.rollback(Datastore::Config, before.transaction_id, &Default::default()).unwrap();
        let source = BytesSource::new("a.xml", b"<b>1</b>");
        let options = LoadOptions { mode: LoadMode::Replace, ..LoadOptions::default() };
        cdb.load(Datastore::Config, &source, &options, &Default::default()).unwrap();
        assert_eq!(catalog.list().unwrap(), [record]);
    }

    #[test]
    fn records_come_back_in_the_order_of_their_names() {
        let clock = Arc::new(ManualClock::starting_at(0));
        let around = Surroundings { vfs: OsVfs::shared(), clock, directory: PathBuf::from("/") };
        let cdb = Cdb::in_memory().unwrap();
        let scheduler = Scheduler::attach(&cdb, Actions::builtin());
        let service = Arc::new(Service::new(cdb, scheduler, around));
        let catalog = CdbCatalog::new(service);
        let record = |name: &str| DatabaseRecord {
            name: name.to_owned(),
            q: 2,
            partitioned: name == "b",
            created_s: 1_795_184_733,
            uuid: "00ff".repeat(8),
            split_ranges: vec![],
        };
        for name in ["b/c", "a$(+)", "_users", "b"] {
            catalog.put(&record(name)).unwrap();
        }
        let names: Vec<_> = catalog.list().unwrap().into_iter().map(|record| record.name).collect();
        assert_eq!(names, ["_users", "a$(+)", "b", "b/c"]);
        assert_eq!(catalog.get("b/c").unwrap(), Some(record("b/c")));
        let split = DatabaseRecord {
            split_ranges: vec![(0, 0x3fff_ffff), (0x4000_0000, 0x7fff_ffff), (1 << 31, u32::MAX)],
            ..record("b/c")
        };
        catalog.put(&split).unwrap();
        assert_eq!(catalog.get("b/c").unwrap(), Some(split));
        catalog.put(&record("b/c")).unwrap();
        assert_eq!(catalog.get("b/c").unwrap(), Some(record("b/c")));
        catalog.remove("b").unwrap();
        catalog.remove("b").unwrap();
        assert_eq!(catalog.get("b").unwrap(), None);
        assert_eq!(catalog.list().unwrap().len(), 3);
    }
}
