//! A shard copied into two that have a half of its hashes each, while it goes on.

use std::fmt;
use std::sync::Arc;

use super::core::Shard;
use super::lineage::{META_ANCESTORS, encode};
use super::purge::purged_id;
use super::settings::{META_PURGED_INFOS_LIMIT, META_REVS_LIMIT, META_SECURITY, META_UNOWNED};
use super::take_over::Taken;
use crate::documents::error::DocumentError;
use crate::documents::key;
use crate::journal::{
    CompactionControl, CompactionRequest, Durability, Snapshot, WriteBatch, WritePolicy,
};

/// Documents that are copied together, and the bytes of their bodies.
const SLICE_DOCUMENTS: usize = 256;
const SLICE_BYTES: u64 = 4 << 20;
/// A half is compacted when its tail is longer than this and than its image: what is in the tail has its keys in memory.
const TAIL_BYTES: u64 = 64 << 20;

/// Whether to go on; asked between slices.
pub(in crate::documents) type GoOn<'a> = &'a dyn Fn() -> Result<(), DocumentError>;

/// A shard and its halves, and how far they are.
pub(in crate::documents) struct Halves {
    pub source: Arc<Shard>,
    /// The lower and the upper half.
    pub targets: [Arc<Shard>; 2],
    /// The hash of an id.
    hash: Box<dyn Fn(&str) -> u32 + Send>,
    control: Arc<CompactionControl>,
    /// The last change that was copied.
    seen: u64,
    /// The last purge that was copied.
    purged: u64,
}

impl fmt::Debug for Halves {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Halves").field("seen", &self.seen).finish_non_exhaustive()
    }
}

impl Halves {
    pub fn new(
        source: Arc<Shard>,
        targets: [Arc<Shard>; 2],
        hash: Box<dyn Fn(&str) -> u32 + Send>,
        control: Arc<CompactionControl>,
    ) -> Self {
        Self { source, targets, hash, control, seen: 0, purged: 0 }
    }

    fn holds(&self, target: &Shard, id: &str) -> bool {
        target.holds((self.hash)(id))
    }

    /// Copies what changed since the last time. Answers how many documents and purges that were.
    pub fn top_off(&mut self, go_on: GoOn<'_>) -> Result<u64, DocumentError> {
        let snapshot = self.source.snapshot();
        let end = self.source.counters_of(&snapshot)?;
        let copied = self.copy_changes(&snapshot, go_on)? + self.copy_purges(&snapshot, go_on)?;
        for target in &self.targets {
            target.exclusively(Durability::Buffered, |batch| {
                let counters = &mut batch.counters;
                counters.update_seq = end.update_seq;
                counters.bodies = end.bodies;
                counters.purge_seq = end.purge_seq;
                counters.compacted_seq = end.compacted_seq;
                Ok(())
            })?;
        }
        (self.seen, self.purged) = (end.update_seq, end.purge_seq);
        Ok(copied)
    }

    fn copy_changes(&self, snapshot: &Snapshot, go_on: GoOn<'_>) -> Result<u64, DocumentError> {
        let range = key::numbers_after(key::CHANGE, self.seen);
        let mut scan = snapshot.scan(&range);
        let (mut copied, mut ended) = (0, false);
        while !ended {
            go_on()?;
            let (mut slice, mut size_bytes) = (Vec::new(), 0);
            while slice.len() < SLICE_DOCUMENTS && size_bytes < SLICE_BYTES {
                let Some((key, change)) = scan.next()? else {
                    ended = true;
                    break;
                };
                let number = key::read_number(key);
                let number = number.ok_or_else(|| self.source.damaged("change"))?;
                let taken = self.source.document_of_change(snapshot, number, change)?;
                size_bytes += taken.size_bytes();
                slice.push(taken);
            }
            copied += slice.len() as u64;
            self.copy_slice(snapshot, &slice)?;
        }
        Ok(copied)
    }

    fn copy_slice(&self, snapshot: &Snapshot, slice: &[Taken]) -> Result<(), DocumentError> {
        for target in &self.targets {
            let mine: Vec<_> = slice.iter().filter(|taken| self.holds(target, &taken.id)).collect();
            mine.iter().try_for_each(|taken| target.take_contents(snapshot, taken))?;
            target.exclusively(Durability::Buffered, |batch| {
                mine.iter().try_for_each(|taken| batch.take_over(snapshot, taken))
            })?;
            self.compact_when_long(target)?;
        }
        Ok(())
    }

    fn compact_when_long(&self, target: &Shard) -> Result<(), DocumentError> {
        let stats = target.store.stats();
        if stats.tail_bytes > TAIL_BYTES.max(stats.image_bytes) {
            self.compact(target)
        } else {
            Ok(())
        }
    }

    /// Brings what was copied into images: halves that are opened later need not replay it.
    pub fn compact_all(&self) -> Result<(), DocumentError> {
        self.targets.iter().try_for_each(|target| self.compact(target))
    }

    fn compact(&self, target: &Shard) -> Result<(), DocumentError> {
        let request =
            CompactionRequest { policy: WritePolicy::Background, throttle_bytes_per_second: None };
        target.store.compact(&request, &self.control)?;
        Ok(())
    }

    fn copy_purges(&self, snapshot: &Snapshot, go_on: GoOn<'_>) -> Result<u64, DocumentError> {
        let range = key::numbers_after(key::PURGE, self.purged);
        let mut scan = snapshot.scan(&range);
        let (mut copied, mut ended) = (0, false);
        while !ended {
            go_on()?;
            let mut slice = Vec::new();
            while slice.len() < SLICE_DOCUMENTS {
                let Some((key, record)) = scan.next()? else {
                    ended = true;
                    break;
                };
                let id = purged_id(record).ok_or_else(|| self.source.damaged("purge"))?;
                let is_gone = self.source.find(snapshot, &id)?.is_none();
                slice.push((key.to_vec(), record.to_vec(), id, is_gone));
            }
            copied += slice.len() as u64;
            for target in &self.targets {
                target.exclusively(Durability::Buffered, |batch| {
                    let mut gone = Vec::new();
                    for (key, record, id, is_gone) in &slice {
                        if !self.holds(target, id) {
                            continue;
                        }
                        batch.writes.put(key, record)?;
                        if *is_gone && !gone.contains(&id) {
                            batch.forget(id)?;
                            gone.push(id);
                        }
                    }
                    Ok(())
                })?;
            }
        }
        Ok(copied)
    }

    /// Makes the local documents of the halves those of the source.
    pub fn copy_local(&self, go_on: GoOn<'_>) -> Result<(), DocumentError> {
        let snapshot = self.source.snapshot();
        for target in &self.targets {
            let before = target.snapshot();
            self.put_local(&snapshot, &before, target, go_on)?;
            let space = key::space(key::LOCAL);
            let mut scan = before.scan(&space);
            let mut batch = WriteBatch::new();
            while let Some((key, _)) = scan.next()? {
                if !snapshot.contains(key)? {
                    batch.delete(key)?;
                }
            }
            if !batch.is_empty() {
                target.store.write(batch, Durability::Buffered)?;
            }
        }
        Ok(())
    }

    fn put_local(
        &self,
        source: &Snapshot,
        before: &Snapshot,
        target: &Shard,
        go_on: GoOn<'_>,
    ) -> Result<(), DocumentError> {
        let space = key::space(key::LOCAL);
        let mut scan = source.scan(&space);
        let (mut batch, mut size_bytes) = (WriteBatch::new(), 0);
        while let Some((key, record)) = scan.next()? {
            let name = key.get(1..).and_then(|name| std::str::from_utf8(name).ok());
            let name = name.ok_or_else(|| self.source.damaged("local document"))?;
            let is_new = self.holds(target, &format!("_local/{name}"))
                && before.get(key)?.as_deref() != Some(record);
            if !is_new {
                continue;
            }
            batch.put(key, record)?;
            size_bytes += (key.len() + record.len()) as u64;
            if size_bytes >= SLICE_BYTES {
                go_on()?;
                target.store.write(std::mem::take(&mut batch), Durability::Buffered)?;
                size_bytes = 0;
            }
        }
        if !batch.is_empty() {
            target.store.write(batch, Durability::Buffered)?;
        }
        Ok(())
    }

    /// The last of it, to be done while the source is held: what changed since, settings, ancestors; the halves are whole and
    /// durable then, and the source's file may go when the halves are the database.
    pub fn finish(&mut self) -> Result<(), DocumentError> {
        self.top_off(&|| Ok(()))?;
        self.copy_local(&|| Ok(()))?;
        let snapshot = self.source.durable_snapshot()?;
        let mut ancestors = vec![self.source.place(self.seen)];
        ancestors.extend_from_slice(self.source.ancestors());
        for (number, target) in self.targets.iter().enumerate() {
            let mut batch = WriteBatch::new();
            for name in [META_REVS_LIMIT, META_PURGED_INFOS_LIMIT, META_SECURITY] {
                // The security object is in the first shard only; there is none to copy in others.
                if let Some(value) =
                    snapshot.get(name)?.filter(|_| name != META_SECURITY || number == 0)
                {
                    batch.put(name, &value)?;
                }
            }
            batch.put(META_ANCESTORS, &encode(&ancestors))?;
            target.store.write(batch, Durability::Sync)?;
            target.load_limits(&target.snapshot())?;
            target.set_ancestors(ancestors.clone());
            target.contents_up_to(self.source.last_content());
            target.sync()?;
        }
        let mut batch = WriteBatch::new();
        batch.put(META_UNOWNED, &[])?;
        self.source.store.write(batch, Durability::Sync)?;
        Ok(())
    }
}
