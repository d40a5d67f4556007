//! LMDB: a copy-on-write B-tree in a mapping. Its compaction is a copy, during which writers are held back, and
//! after which the copy takes the place of the file.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use heed::types::Bytes;
use heed::{
    CommitOrAbort, CompactionOption, Database, Env, EnvFlags, EnvOpenOptions, Error, FlagSetMode,
    RoTxn, WithoutTls,
};

use crate::store::{self, Key, Outcome, Put, Reader, Scanned, Writer, touch};

/// Address space for the mapping; the file is as large as it must be.
const MAP_BYTES: usize = 64 << 30;

type Table = Database<'static, Bytes, Bytes>;

pub struct Lmdb {
    dir: PathBuf,
    /// `None` only between a copy and its opening.
    open: RwLock<Option<Open>>,
}

struct Open {
    env: Env<WithoutTls>,
    table: Table,
    /// Whether each commit is synced.
    durable: bool,
}

impl Open {
    fn at(dir: &Path) -> Outcome<Self> {
        let mut options = EnvOpenOptions::new().read_txn_without_tls();
        options.map_size(MAP_BYTES).max_readers(256);
        // SAFETY: nobody else opens or changes this file, and no flag weakens it.
        let env = unsafe { options.flags(EnvFlags::empty()).open(dir)? };
        let transaction = env.write_txn()?;
        let table = env
            .create_databases_and_commit(transaction, |opener, transaction| {
                let table = opener.create_database::<Bytes, Bytes>(transaction, None)?;
                Ok::<_, Error>(CommitOrAbort::<_, ()>::Commit(table))
            })?
            .unwrap_commit();
        Ok(Self { env, table, durable: true })
    }
}

impl Lmdb {
    pub fn open(dir: &Path) -> Outcome<Self> {
        let open = Open::at(dir)?;
        Ok(Self { dir: dir.to_path_buf(), open: RwLock::new(Some(open)) })
    }

    fn now(&self) -> RwLockReadGuard<'_, Option<Open>> {
        self.open.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether each commit is synced; changes only while nobody commits.
    fn set_durable(&self, durable: bool) -> Outcome<()> {
        let mut guard = self.open.write().unwrap_or_else(PoisonError::into_inner);
        let open = guard.as_mut().ok_or("closed")?;
        let mode = if durable { FlagSetMode::Disable } else { FlagSetMode::Enable };
        // SAFETY: the lock keeps every other thread out of the environment.
        unsafe { open.env.set_flags(EnvFlags::NO_SYNC, mode)? };
        open.durable = durable;
        Ok(())
    }
}

impl store::Store for Lmdb {
    fn writer(&self) -> Outcome<Box<dyn Writer + '_>> {
        Ok(Box::new(LmdbWriter(self)))
    }

    fn reader(&self) -> Outcome<Box<dyn Reader + '_>> {
        let guard = self.now();
        let open = guard.as_ref().ok_or("closed")?;
        let transaction = open.env.clone().static_read_txn()?;
        Ok(Box::new(LmdbReader { transaction, table: open.table }))
    }

    fn sync(&self) -> Outcome<()> {
        Ok(self.now().as_ref().ok_or("closed")?.env.force_sync()?)
    }

    fn compact(&self) -> Outcome<()> {
        let mut guard = self.open.write().unwrap_or_else(PoisonError::into_inner);
        let open = guard.take().ok_or("closed")?;
        let copy = self.dir.join("copy.mdb");
        open.env.copy_to_path(&copy, CompactionOption::Enabled)?.sync_all()?;
        open.env.prepare_for_closing().wait();
        fs::rename(&copy, self.dir.join("data.mdb"))?;
        fs::File::open(&self.dir)?.sync_all()?;
        *guard = Some(Open::at(&self.dir)?);
        Ok(())
    }
}

struct LmdbWriter<'a>(&'a Lmdb);

impl Writer for LmdbWriter<'_> {
    fn commit(&mut self, puts: &[Put<'_>], durable: bool) -> Outcome<()> {
        if self.0.now().as_ref().is_none_or(|open| open.durable != durable) {
            self.0.set_durable(durable)?;
        }
        let guard = self.0.now();
        let open = guard.as_ref().ok_or("closed")?;
        let mut transaction = open.env.write_txn()?;
        for (key, value) in puts {
            open.table.put(&mut transaction, key, value)?;
        }
        Ok(transaction.commit()?)
    }
}

struct LmdbReader {
    transaction: RoTxn<'static, WithoutTls>,
    table: Table,
}

impl Reader for LmdbReader {
    fn get(&mut self, key: &Key) -> Outcome<Option<usize>> {
        Ok(self.table.get(&self.transaction, key)?.map(touch))
    }

    fn scan(&mut self) -> Outcome<Scanned> {
        let mut scanned = Scanned::default();
        for entry in self.table.iter(&self.transaction)? {
            let (key, value) = entry?;
            scanned.see(key, value);
        }
        Ok(scanned)
    }
}
