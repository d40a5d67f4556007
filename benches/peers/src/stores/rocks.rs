//! RocksDB: the LSM tree in C++, with a block cache of 64 MiB and Bloom filters.

use std::path::Path;

use rocksdb::{
    BlockBasedOptions, BottommostLevelCompaction, Cache, CompactOptions, DB, Options, WriteBatch,
    WriteOptions,
};

use crate::store::{self, Key, Outcome, Put, Reader, Scanned, Writer, touch};

const CACHE_BYTES: usize = 64 << 20;

pub struct Rocks {
    db: DB,
}

impl Rocks {
    pub fn open(dir: &Path) -> Outcome<Self> {
        let mut blocks = BlockBasedOptions::default();
        blocks.set_block_cache(&Cache::new_lru_cache(CACHE_BYTES));
        blocks.set_bloom_filter(10.0, false);
        let mut options = Options::default();
        options.create_if_missing(true);
        options.set_block_based_table_factory(&blocks);
        Ok(Self { db: DB::open(&options, dir.join("rocks"))? })
    }
}

impl store::Store for Rocks {
    fn writer(&self) -> Outcome<Box<dyn Writer + '_>> {
        let mut durable = WriteOptions::default();
        durable.set_sync(true);
        Ok(Box::new(RocksWriter { db: &self.db, durable, buffered: WriteOptions::default() }))
    }

    fn reader(&self) -> Outcome<Box<dyn Reader + '_>> {
        Ok(Box::new(RocksReader(&self.db)))
    }

    fn sync(&self) -> Outcome<()> {
        Ok(self.db.flush_wal(true)?)
    }

    fn compact(&self) -> Outcome<()> {
        self.db.flush()?;
        let mut options = CompactOptions::default();
        options.set_bottommost_level_compaction(BottommostLevelCompaction::Force);
        self.db.compact_range_opt(None::<&[u8]>, None::<&[u8]>, &options);
        Ok(())
    }
}

struct RocksWriter<'a> {
    db: &'a DB,
    durable: WriteOptions,
    buffered: WriteOptions,
}

impl Writer for RocksWriter<'_> {
    fn commit(&mut self, puts: &[Put<'_>], durable: bool) -> Outcome<()> {
        let mut batch = WriteBatch::default();
        for (key, value) in puts {
            batch.put(key, value);
        }
        let options = if durable { &self.durable } else { &self.buffered };
        Ok(self.db.write_opt(batch, options)?)
    }
}

struct RocksReader<'a>(&'a DB);

impl Reader for RocksReader<'_> {
    fn get(&mut self, key: &Key) -> Outcome<Option<usize>> {
        Ok(self.0.get_pinned(key)?.map(|value| touch(&value)))
    }

    fn scan(&mut self) -> Outcome<Scanned> {
        let mut scanned = Scanned::default();
        let mut entries = self.0.raw_iterator();
        entries.seek_to_first();
        while let (Some(key), Some(value)) = (entries.key(), entries.value()) {
            scanned.see(key, value);
            entries.next();
        }
        entries.status()?;
        Ok(scanned)
    }
}
