//! raft-engine: a log with an index in memory. `Engine::sync` does nothing in 0.4.2, so durability is asked for
//! with the write.

use std::path::Path;

use raft_engine::{Config, Engine, LogBatch, ReadableSize};

use crate::store::{self, Key, Outcome, Put, Reader, Scanned, Writer, touch};

/// All keys are of one region.
const REGION: u64 = 1;
/// How often a compaction asks for more to be purged.
const PURGES_MAX: usize = 8;

pub struct Raft {
    engine: Engine,
}

impl Raft {
    pub fn open(dir: &Path) -> Outcome<Self> {
        let config = Config {
            dir: dir.join("log").to_string_lossy().into_owned(),
            // The least that it takes: else nothing is purged before there are 10 GB.
            purge_threshold: ReadableSize::mb(128),
            ..Config::default()
        };
        Ok(Self { engine: Engine::open(config)? })
    }
}

impl store::Store for Raft {
    fn writer(&self) -> Outcome<Box<dyn Writer + '_>> {
        Ok(Box::new(RaftWriter { engine: &self.engine, batch: LogBatch::default() }))
    }

    fn reader(&self) -> Outcome<Box<dyn Reader + '_>> {
        Ok(Box::new(RaftReader(&self.engine)))
    }

    fn sync(&self) -> Outcome<()> {
        let mut batch = LogBatch::default();
        batch.put(REGION + 1, b"sync".to_vec(), Vec::new())?;
        self.engine.write(&mut batch, true)?;
        Ok(())
    }

    fn compact(&self) -> Outcome<()> {
        use raft_engine::internals::LogQueue;
        let span =
            || (self.engine.file_span(LogQueue::Append), self.engine.file_span(LogQueue::Rewrite));
        for _ in 0..PURGES_MAX {
            let before = span();
            self.engine.purge_expired_files()?;
            if span() == before {
                break;
            }
        }
        Ok(())
    }
}

struct RaftWriter<'a> {
    engine: &'a Engine,
    batch: LogBatch,
}

impl Writer for RaftWriter<'_> {
    fn commit(&mut self, puts: &[Put<'_>], durable: bool) -> Outcome<()> {
        for (key, value) in puts {
            self.batch.put(REGION, key.to_vec(), value.to_vec())?;
        }
        self.engine.write(&mut self.batch, durable)?;
        Ok(())
    }
}

struct RaftReader<'a>(&'a Engine);

impl Reader for RaftReader<'_> {
    fn get(&mut self, key: &Key) -> Outcome<Option<usize>> {
        Ok(self.0.get(REGION, key).map(|value| touch(&value)))
    }

    fn scan(&mut self) -> Outcome<Scanned> {
        let mut scanned = Scanned::default();
        self.0.scan_raw_messages(REGION, None, None, false, |key, value| {
            scanned.see(key, value);
            true
        })?;
        Ok(scanned)
    }
}
