//! fjall: an LSM tree in Rust.

use std::path::Path;

use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};

use crate::store::{self, Key, Outcome, Put, Reader, Scanned, Writer, touch};

pub struct Fjall {
    database: Database,
    keyspace: Keyspace,
}

impl Fjall {
    pub fn open(dir: &Path) -> Outcome<Self> {
        let database = Database::builder(dir.join("fjall")).open()?;
        let keyspace = database.keyspace("entries", KeyspaceCreateOptions::default)?;
        Ok(Self { database, keyspace })
    }
}

impl store::Store for Fjall {
    fn writer(&self) -> Outcome<Box<dyn Writer + '_>> {
        Ok(Box::new(FjallWriter(self)))
    }

    fn reader(&self) -> Outcome<Box<dyn Reader + '_>> {
        Ok(Box::new(FjallReader(&self.keyspace)))
    }

    fn sync(&self) -> Outcome<()> {
        Ok(self.database.persist(PersistMode::SyncData)?)
    }

    fn compact(&self) -> Outcome<()> {
        self.keyspace.rotate_memtable_and_wait()?;
        Ok(self.keyspace.major_compact()?)
    }
}

struct FjallWriter<'a>(&'a Fjall);

impl Writer for FjallWriter<'_> {
    fn commit(&mut self, puts: &[Put<'_>], durable: bool) -> Outcome<()> {
        let mode = durable.then_some(PersistMode::SyncData);
        let mut batch = self.0.database.batch().durability(mode);
        for (key, value) in puts {
            batch.insert(&self.0.keyspace, *key, *value);
        }
        Ok(batch.commit()?)
    }
}

struct FjallReader<'a>(&'a Keyspace);

impl Reader for FjallReader<'_> {
    fn get(&mut self, key: &Key) -> Outcome<Option<usize>> {
        Ok(self.0.get(key)?.map(|value| touch(&value)))
    }

    fn scan(&mut self) -> Outcome<Scanned> {
        let mut scanned = Scanned::default();
        for entry in self.0.iter() {
            let (key, value) = entry.into_inner()?;
            scanned.see(&key, &value);
        }
        Ok(scanned)
    }
}
