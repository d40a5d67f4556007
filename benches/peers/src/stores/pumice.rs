//! pumice, through its public API.

use std::path::Path;
use std::sync::Mutex;

use pumice::journal::{
    CompactionControl, CompactionRequest, Durability, JournalStats, KeyRange, Snapshot, Store,
    StoreOptions, WriteBatch, WritePolicy,
};

use crate::store::{self, Key, Options, Outcome, Put, Reader, Scanned, Writer, touch};

pub struct Pumice {
    store: Store,
    automatic: bool,
    compacting: Mutex<()>,
}

impl Pumice {
    pub fn open(dir: &Path, options: Options) -> Outcome<Self> {
        let store = Store::open_file(&dir.join("store.cdb"), StoreOptions::default())?;
        Ok(Self { store, automatic: options.automatic, compacting: Mutex::new(()) })
    }

    /// The default thresholds of the database: half as large again as after the last compaction, and more
    /// than 1 MiB.
    fn is_due(stats: &JournalStats) -> bool {
        stats.file_bytes >= 1 << 20 && stats.file_bytes >= stats.baseline_bytes * 3 / 2
    }
}

impl store::Store for Pumice {
    fn writer(&self) -> Outcome<Box<dyn Writer + '_>> {
        Ok(Box::new(PumiceWriter(self)))
    }

    fn reader(&self) -> Outcome<Box<dyn Reader + '_>> {
        Ok(Box::new(PumiceReader(self.store.snapshot())))
    }

    fn sync(&self) -> Outcome<()> {
        Ok(self.store.sync()?)
    }

    fn compact(&self) -> Outcome<()> {
        let request = CompactionRequest { policy: WritePolicy::Background, ..Default::default() };
        self.store.compact(&request, &CompactionControl::new())?;
        Ok(())
    }

    fn used_bytes(&self) -> Option<u64> {
        Some(self.store.stats().file_bytes)
    }
}

impl Drop for Pumice {
    fn drop(&mut self) {
        if let Err(error) = self.store.close() {
            eprintln!("pumice: {error}");
        }
    }
}

struct PumiceWriter<'a>(&'a Pumice);

impl Writer for PumiceWriter<'_> {
    fn commit(&mut self, puts: &[Put<'_>], durable: bool) -> Outcome<()> {
        let mut batch = WriteBatch::new();
        for (key, value) in puts {
            batch.put(key, value)?;
        }
        let durability = if durable { Durability::Sync } else { Durability::Buffered };
        self.0.store.write(batch, durability)?;
        if self.0.automatic
            && Pumice::is_due(&self.0.store.stats())
            && let Ok(_one) = self.0.compacting.try_lock()
        {
            store::Store::compact(self.0)?;
        }
        Ok(())
    }
}

struct PumiceReader(Snapshot);

impl Reader for PumiceReader {
    fn get(&mut self, key: &Key) -> Outcome<Option<usize>> {
        Ok(self.0.get(key)?.map(|value| touch(&value)))
    }

    fn scan(&mut self) -> Outcome<Scanned> {
        let mut scanned = Scanned::default();
        let mut scan = self.0.scan(&KeyRange::all());
        while let Some((key, value)) = scan.next()? {
            scanned.see(key, value);
        }
        Ok(scanned)
    }
}
