//! SQLite: write-ahead log with `synchronous=FULL`. One connection writes, each reader has its own.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use crate::store::{self, Key, Outcome, Put, Reader, Scanned, Writer, touch};

const PATIENCE: Duration = Duration::from_secs(60);

pub struct Sqlite {
    path: PathBuf,
    writing: Mutex<Writing>,
}

struct Writing {
    connection: Connection,
    /// Whether each commit is synced.
    full: bool,
}

fn connect(path: &Path) -> Outcome<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(PATIENCE)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    Ok(connection)
}

impl Sqlite {
    pub fn open(dir: &Path) -> Outcome<Self> {
        let path = dir.join("entries.sqlite");
        let connection = connect(&path)?;
        connection.execute_batch(
            "create table if not exists entries (key blob primary key, value blob) without rowid",
        )?;
        Ok(Self { path, writing: Mutex::new(Writing { connection, full: true }) })
    }

    fn writing(&self) -> MutexGuard<'_, Writing> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl store::Store for Sqlite {
    fn writer(&self) -> Outcome<Box<dyn Writer + '_>> {
        Ok(Box::new(SqliteWriter(self)))
    }

    fn reader(&self) -> Outcome<Box<dyn Reader + '_>> {
        Ok(Box::new(SqliteReader(connect(&self.path)?)))
    }

    fn sync(&self) -> Outcome<()> {
        let writing = self.writing();
        writing.connection.query_row("pragma wal_checkpoint(truncate)", [], |_| Ok(()))?;
        Ok(())
    }

    fn compact(&self) -> Outcome<()> {
        self.writing().connection.execute_batch("vacuum")?;
        self.sync()
    }
}

struct SqliteWriter<'a>(&'a Sqlite);

impl Writer for SqliteWriter<'_> {
    fn commit(&mut self, puts: &[Put<'_>], durable: bool) -> Outcome<()> {
        let mut writing = self.0.writing();
        if writing.full != durable {
            let mode = if durable { "full" } else { "off" };
            writing.connection.pragma_update(None, "synchronous", mode)?;
            writing.full = durable;
        }
        let immediate = TransactionBehavior::Immediate;
        let transaction = writing.connection.transaction_with_behavior(immediate)?;
        {
            let mut put =
                transaction.prepare_cached("insert or replace into entries values (?1, ?2)")?;
            for (key, value) in puts {
                put.execute((&key[..], *value))?;
            }
        }
        Ok(transaction.commit()?)
    }
}

struct SqliteReader(Connection);

impl Reader for SqliteReader {
    fn get(&mut self, key: &Key) -> Outcome<Option<usize>> {
        let mut get = self.0.prepare_cached("select value from entries where key = ?1")?;
        Ok(get.query_row((&key[..],), |row| Ok(touch(row.get_ref(0)?.as_blob()?))).optional()?)
    }

    fn scan(&mut self) -> Outcome<Scanned> {
        let mut scanned = Scanned::default();
        let mut all = self.0.prepare("select key, value from entries order by key")?;
        let mut rows = all.query(())?;
        while let Some(row) = rows.next()? {
            scanned.see(row.get_ref(0)?.as_blob()?, row.get_ref(1)?.as_blob()?);
        }
        Ok(scanned)
    }
}
