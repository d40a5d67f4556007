//! Checks a whole image, front to back.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::journal::limits::MAX_KEY_BYTES;
use crate::vfs::File;

use super::block::BlockView;
use super::entry_cursor::EntryCursor;
use super::error::{Damage, ReadError};
use super::header::{BlockHeader, FileSeed};
use super::summary::{BlockPointer, Child, ImageSummary, RangeCount};
use super::walk::BlockWalker;

/// How often progress is told.
pub(super) const PROGRESS_BYTES: u64 = 1 << 20;

/// What [`Image::verify`](super::Image::verify) saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VerifyReport {
    /// Blocks that hold entries.
    pub data_blocks: u64,
    /// Blocks that lead to others.
    pub index_blocks: u64,
    /// Entries.
    pub entries: u64,
    /// Bytes of keys and values.
    pub key_value_bytes: u64,
    /// Bytes of the image: every one of them belongs to a block.
    pub bytes: u64,
}

/// Reads every block in the order of the file and holds the index against what it saw.
///
/// An index block is written as soon as it is full, so when it comes, the blocks of the level below that no
/// index block had yet are exactly its children. Memory: the children of one open block per level.
pub(super) fn verify(
    file: &Arc<dyn File>,
    seed: FileSeed,
    summary: &ImageSummary,
    progress: &mut dyn FnMut(u64),
) -> Result<VerifyReport, ReadError> {
    let mut walker = BlockWalker::new(file.clone(), seed, summary.end());
    let mut checker = Checker::default();
    let mut position = summary.start;
    let mut told = 0;
    while position < summary.end() {
        let corrupt = |damage: Damage| damage.at(file.path(), position);
        let header = walker.header(position)?.map_err(corrupt)?;
        let payload = walker.payload(position, &header)?.map_err(corrupt)?;
        checker.block(position, &header, payload).map_err(corrupt)?;
        position = position.saturating_add(header.block_len());
        let done = position - summary.start;
        if done - told >= PROGRESS_BYTES || position == summary.end() {
            told = done;
            progress(done);
        }
    }
    checker.finish(summary).map_err(|damage| walker.corrupt(summary.start, damage))
}

/// A block that no index block has named yet.
#[derive(Debug)]
struct Unclaimed {
    child: Child,
    /// The last key of the block before, for the first block `None`.
    before: Option<Vec<u8>>,
    first: Vec<u8>,
}

#[derive(Debug, Default)]
struct Checker {
    report: VerifyReport,
    /// One queue per level.
    unclaimed: Vec<VecDeque<Unclaimed>>,
    last_key: Option<Vec<u8>>,
    entries: EntryCursor,
}

impl Default for EntryCursor {
    fn default() -> Self {
        Self::new()
    }
}

impl Checker {
    fn block(&mut self, position: u64, header: &BlockHeader, payload: &[u8]) -> Result<(), Damage> {
        let len = u32::try_from(header.block_len()).map_err(|_| Damage::Layout)?;
        let pointer = BlockPointer { position, len };
        self.report.bytes += header.block_len();
        if !BlockView::parse(payload)?.is_regular() {
            return Err(Damage::Layout);
        }
        let unclaimed = if header.level == 0 {
            self.report.data_blocks += 1;
            self.data(pointer, payload)?
        } else {
            self.report.index_blocks += 1;
            self.index(pointer, header.level, payload)?
        };
        let level = usize::from(header.level);
        if self.unclaimed.len() <= level {
            self.unclaimed.resize_with(level + 1, VecDeque::new);
        }
        if let Some(queue) = self.unclaimed.get_mut(level) {
            queue.push_back(unclaimed);
        }
        Ok(())
    }

    /// Checks the order of the keys, and counts.
    fn data(&mut self, pointer: BlockPointer, payload: &[u8]) -> Result<Unclaimed, Damage> {
        let before = self.last_key.clone();
        let mut count = RangeCount::default();
        self.entries.first(payload)?;
        let first = self.entries.key().to_vec();
        loop {
            let key = self.entries.key();
            if key.len() > MAX_KEY_BYTES {
                return Err(Damage::Layout);
            }
            if self.last_key.as_deref().is_some_and(|last| key <= last) {
                return Err(Damage::Order);
            }
            let key_value_bytes = (key.len() + self.entries.value().len()) as u64;
            count.add(RangeCount { entries: 1, key_value_bytes });
            let last = self.last_key.get_or_insert_default();
            last.clear();
            last.extend_from_slice(key);
            if !self.entries.next(payload)? {
                break;
            }
        }
        self.report.entries += count.entries;
        self.report.key_value_bytes += count.key_value_bytes;
        Ok(Unclaimed { child: Child { pointer, count }, before, first })
    }

    /// Checks that the block names exactly the blocks of the level below that were not named yet.
    fn index(
        &mut self,
        pointer: BlockPointer,
        level: u8,
        payload: &[u8],
    ) -> Result<Unclaimed, Damage> {
        let below = usize::from(level) - 1;
        let children = self.unclaimed.get_mut(below).map(std::mem::take).unwrap_or_default();
        let mut count = RangeCount::default();
        let mut separator = None;
        let mut more = !children.is_empty();
        self.entries.first(payload)?;
        for unclaimed in &children {
            let child = payload.get(self.entries.value()).and_then(Child::decode);
            let key = self.entries.key();
            if !more || child != Some(unclaimed.child) || !unclaimed.has_separator(below, key) {
                return Err(Damage::Index);
            }
            separator.get_or_insert_with(|| key.to_vec());
            count.add(unclaimed.child.count);
            more = self.entries.next(payload)?;
        }
        let first = separator.filter(|_| !more).ok_or(Damage::Index)?;
        Ok(Unclaimed { child: Child { pointer, count }, before: None, first })
    }

    /// Checks that one block is left over, the root, and that all was counted.
    fn finish(mut self, summary: &ImageSummary) -> Result<VerifyReport, Damage> {
        let report = self.report;
        let left: Vec<_> = self.unclaimed.iter_mut().flat_map(std::mem::take).collect();
        let root = match left.as_slice() {
            [] => None,
            [root] => Some(root.child.pointer),
            _ => return Err(Damage::Index),
        };
        if root != summary.root || self.unclaimed.len() != usize::from(summary.height) {
            return Err(Damage::Index);
        }
        let (found, expected) = (report.entries, summary.entries);
        if found != expected {
            return Err(Damage::Count { what: "entries", found, expected });
        }
        let (found, expected) = (report.key_value_bytes, summary.key_value_bytes);
        if found != expected {
            return Err(Damage::Count { what: "bytes of keys and values", found, expected });
        }
        Ok(report)
    }
}

impl Unclaimed {
    /// Whether `key` may stand for this block, which is of level `level`.
    fn has_separator(&self, level: usize, key: &[u8]) -> bool {
        match (level, &self.before) {
            (0, None) => key.is_empty(),
            (0, Some(before)) => before.as_slice() < key && key <= self.first.as_slice(),
            _ => key == self.first,
        }
    }
}
