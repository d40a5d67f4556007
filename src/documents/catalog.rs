//! Where the list of databases is kept: a seam, since that is the configuration database's business.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::error::DatabaseError;
use super::ranges::even_ranges;

/// What is known of a database apart from its shards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseRecord {
    /// Its name.
    pub name: String,
    /// How many shards it was made with, 1 to 256.
    pub q: u32,
    /// Whether documents are placed by the part of their ids before the first colon.
    pub partitioned: bool,
    /// When it was made, seconds since the Unix epoch: the suffix of its files, and `instance_start_time`.
    pub created_s: u64,
    /// What tells it from another database that had the name before. 32 hexadecimal digits.
    pub uuid: String,
    /// The ranges of its shards once one was split, ascending: first and last hash of each. Empty: all hashes, split evenly
    /// by `q`.
    pub split_ranges: Vec<(u32, u32)>,
}

impl DatabaseRecord {
    /// The ranges of its shards, ascending: first and last hash of each. Every hash is in one.
    pub fn ranges(&self) -> Vec<(u32, u32)> {
        if self.split_ranges.is_empty() { even_ranges(self.q) } else { self.split_ranges.clone() }
    }
}

/// Keeps the records of databases. What [`Catalog::put`] and [`Catalog::remove`] answered is durable.
pub trait Catalog: Send + Sync + std::fmt::Debug {
    /// All records, in the order of their names' bytes.
    fn list(&self) -> Result<Vec<DatabaseRecord>, DatabaseError>;

    /// The record of one database, if there is one.
    fn get(&self, name: &str) -> Result<Option<DatabaseRecord>, DatabaseError>;

    /// Adds or replaces a record.
    fn put(&self, record: &DatabaseRecord) -> Result<(), DatabaseError>;

    /// Removes a record; one that is not there is no error.
    fn remove(&self, name: &str) -> Result<(), DatabaseError>;
}

/// A catalog in memory, for tests and trials.
#[derive(Debug, Default)]
pub struct MemoryCatalog {
    records: Mutex<BTreeMap<String, DatabaseRecord>>,
}

impl MemoryCatalog {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    fn records(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, DatabaseRecord>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Catalog for MemoryCatalog {
    fn list(&self) -> Result<Vec<DatabaseRecord>, DatabaseError> {
        Ok(self.records().values().cloned().collect())
    }

    fn get(&self, name: &str) -> Result<Option<DatabaseRecord>, DatabaseError> {
        Ok(self.records().get(name).cloned())
    }

    fn put(&self, record: &DatabaseRecord) -> Result<(), DatabaseError> {
        self.records().insert(record.name.clone(), record.clone());
        Ok(())
    }

    fn remove(&self, name: &str) -> Result<(), DatabaseError> {
        self.records().remove(name);
        Ok(())
    }
}
