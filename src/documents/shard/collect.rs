//! Compaction of a shard: garbage is removed in small transactions, then the journal compacts itself.
//!
//! Killed anywhere in between, what was removed is removed and the rest is still noted down. What becomes garbage meanwhile
//! waits for the next time, so the work is bounded whatever is written.

use super::core::Shard;
use crate::compaction::{AutomaticCompaction, Compactable, TargetError};
use crate::documents::error::DocumentError;
use crate::documents::key;
use crate::documents::record::{decode_document, encode_document};
use crate::journal::{
    CompactionControl, CompactionError, CompactionReport, CompactionRequest, Durability, Snapshot,
    Stage, WritePolicy,
};

/// Bodies that are removed in one transaction.
const SLICE_BODIES: usize = 512;
/// Documents whose trees are looked at in one transaction.
const SLICE_DOCUMENTS: usize = 256;

/// Ends the note that a compaction runs.
struct Running<'a>(&'a Shard);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.end_compaction();
    }
}

impl Shard {
    /// Compacts on this thread. Writers go on but for moments.
    ///
    /// # Errors
    /// [`CompactionError::Running`], [`CompactionError::Cancelled`] and the others of the engine.
    pub fn compact(&self, control: &CompactionControl) -> Result<CompactionReport, DocumentError> {
        self.check_there()?;
        if self.is_split() {
            return Err(DocumentError::ShardSplit);
        }
        if !self.begin_compaction() {
            return Err(CompactionError::Running.into());
        }
        let _running = Running(self);
        self.collect_garbage(control)?;
        self.stem_all(control)?;
        let request =
            CompactionRequest { policy: WritePolicy::Background, throttle_bytes_per_second: None };
        Ok(self.store.compact(&request, control)?)
    }

    /// Removes what is garbage now.
    fn collect_garbage(&self, control: &CompactionControl) -> Result<(), DocumentError> {
        let snapshot = self.snapshot();
        let mut scan = snapshot.scan(&key::space(key::GARBAGE));
        let mut slice = Vec::with_capacity(SLICE_BODIES);
        loop {
            let next = scan.next()?;
            let ended = next.is_none();
            if let Some((key, record)) = next {
                let number = key::read_number(key).ok_or_else(|| self.damaged("garbage"))?;
                slice.push((number, record.to_vec()));
            }
            if slice.len() >= SLICE_BODIES || (ended && !slice.is_empty()) {
                check_cancelled(control)?;
                self.collect_slice(&slice)?;
                slice.clear();
            }
            if ended {
                break;
            }
        }
        self.exclusively(Durability::Buffered, |batch| {
            batch.counters.compacted_seq = batch.counters.update_seq;
            batch.trim_purges()
        })
    }

    /// Buffered is enough: the journal's compaction makes it durable, and what is lost is only done again.
    fn collect_slice(&self, slice: &[(u64, Vec<u8>)]) -> Result<(), DocumentError> {
        self.exclusively(Durability::Buffered, |batch| {
            slice.iter().try_for_each(|(number, record)| batch.collect(*number, record))
        })
    }

    /// Brings the trees of documents that were not written since the limit was lowered down to it.
    fn stem_all(&self, control: &CompactionControl) -> Result<(), DocumentError> {
        let limit = self.revs_limit();
        if self.snapshot().get(META_STEMMED)?.as_deref() == Some(&limit.to_be_bytes()[..]) {
            return Ok(());
        }
        let snapshot = self.snapshot();
        for space in [key::LIVE, key::DEAD] {
            self.stem_space(&snapshot, space, limit, control)?;
        }
        self.exclusively(Durability::Buffered, |batch| {
            Ok(batch.writes.put(META_STEMMED, &limit.to_be_bytes())?)
        })
    }

    fn stem_space(
        &self,
        snapshot: &Snapshot,
        space: u8,
        limit: u64,
        control: &CompactionControl,
    ) -> Result<(), DocumentError> {
        let mut scan = snapshot.scan(&key::space(space));
        let mut slice = Vec::with_capacity(SLICE_DOCUMENTS);
        loop {
            let next = scan.next()?.map(|(key, record)| (key.to_vec(), is_deep(record, limit)));
            let ended = next.is_none();
            slice.extend(next.filter(|(_, deep)| *deep).map(|(key, _)| key));
            if slice.len() >= SLICE_DOCUMENTS || (ended && !slice.is_empty()) {
                check_cancelled(control)?;
                self.stem_slice(&slice, limit)?;
                slice.clear();
            }
            if ended {
                return Ok(());
            }
        }
    }

    fn stem_slice(&self, keys: &[Vec<u8>], limit: u64) -> Result<(), DocumentError> {
        self.exclusively(Durability::Buffered, |batch| {
            for key in keys {
                let Some(record) = batch.snapshot.get(key)? else {
                    continue;
                };
                let (sequence, mut tree) =
                    decode_document(&record).ok_or_else(|| self.damaged("document"))?;
                if !tree.stem(limit) {
                    continue;
                }
                let mut stemmed = Vec::new();
                encode_document(&mut stemmed, sequence, &tree);
                batch.writes.put(key, &stemmed)?;
            }
            Ok(())
        })
    }
}

impl Compactable for Shard {
    fn name(&self) -> &str {
        &self.options.name
    }

    fn database(&self) -> &str {
        database_of(&self.options.name)
    }

    fn is_due(&self, policy: &AutomaticCompaction) -> bool {
        let sizes = self.sizes();
        !self.is_split() && !self.is_compacting() && policy.is_due(sizes.file, sizes.active)
    }

    fn compact(&self, control: &CompactionControl) -> Result<(), TargetError> {
        Self::compact(self, control).map(|_| ()).map_err(TargetError::new)
    }
}

/// `shards/<range>/<db>.<seconds>` without what is around the database's name.
fn database_of(shard: &str) -> &str {
    let name = shard.splitn(3, '/').nth(2).unwrap_or(shard);
    name.rsplit_once('.').map_or(name, |(name, _)| name)
}

/// The limit that all trees were brought down to.
const META_STEMMED: &[u8] = b"\x01stemmed";

fn is_deep(record: &[u8], limit: u64) -> bool {
    // A branch over the limit has at least so many nodes of 2 bytes or more.
    (record.len() as u64) > limit.saturating_mul(2)
        && decode_document(record).is_some_and(|(_, mut tree)| tree.stem(limit))
}

fn check_cancelled(control: &CompactionControl) -> Result<(), DocumentError> {
    if control.is_cancelled() {
        return Err(CompactionError::Cancelled { stage: Stage::Begin }.into());
    }
    Ok(())
}
