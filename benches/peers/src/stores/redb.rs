//! redb: a copy-on-write B-tree in Rust.

use std::path::Path;
use std::sync::{PoisonError, RwLock};

use redb::{Database, Durability, ReadOnlyTable, ReadableDatabase, ReadableTable, TableDefinition};

use crate::store::{self, Key, Outcome, Put, Reader, Scanned, Writer, touch};

const TABLE: TableDefinition<&[u8], &[u8]> = TableDefinition::new("entries");

pub struct Redb {
    /// Compaction wants it for itself.
    database: RwLock<Database>,
}

impl Redb {
    pub fn open(dir: &Path) -> Outcome<Self> {
        let database = Database::create(dir.join("entries.redb"))?;
        let transaction = database.begin_write()?;
        transaction.open_table(TABLE)?;
        transaction.commit()?;
        Ok(Self { database: RwLock::new(database) })
    }

    fn commit(&self, puts: &[Put<'_>], durable: bool) -> Outcome<()> {
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        let mut transaction = database.begin_write()?;
        let durability = if durable { Durability::Immediate } else { Durability::None };
        transaction.set_durability(durability)?;
        {
            let mut table = transaction.open_table(TABLE)?;
            for (key, value) in puts {
                table.insert(&key[..], *value)?;
            }
        }
        Ok(transaction.commit()?)
    }
}

impl store::Store for Redb {
    fn writer(&self) -> Outcome<Box<dyn Writer + '_>> {
        Ok(Box::new(RedbWriter(self)))
    }

    fn reader(&self) -> Outcome<Box<dyn Reader + '_>> {
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        Ok(Box::new(RedbReader(database.begin_read()?.open_table(TABLE)?)))
    }

    fn sync(&self) -> Outcome<()> {
        self.commit(&[], true)
    }

    fn compact(&self) -> Outcome<()> {
        self.database.write().unwrap_or_else(PoisonError::into_inner).compact()?;
        Ok(())
    }
}

struct RedbWriter<'a>(&'a Redb);

impl Writer for RedbWriter<'_> {
    fn commit(&mut self, puts: &[Put<'_>], durable: bool) -> Outcome<()> {
        self.0.commit(puts, durable)
    }
}

struct RedbReader(ReadOnlyTable<&'static [u8], &'static [u8]>);

impl Reader for RedbReader {
    fn get(&mut self, key: &Key) -> Outcome<Option<usize>> {
        Ok(self.0.get(&key[..])?.map(|value| touch(value.value())))
    }

    fn scan(&mut self) -> Outcome<Scanned> {
        let mut scanned = Scanned::default();
        for entry in self.0.iter()? {
            let (key, value) = entry?;
            scanned.see(key.value(), value.value());
        }
        Ok(scanned)
    }
}
