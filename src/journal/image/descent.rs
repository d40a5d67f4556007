//! The way from the root down to a block.

use std::sync::OnceLock;

use super::block::BlockView;
use super::entry_cursor::EntryCursor;
use super::error::{Damage, ReadError};
use super::source::{Block, Source};
use super::summary::{BlockPointer, Child, ImageSummary, RangeCount};

/// What an image and its cursors share.
#[derive(Debug)]
pub(super) struct Inner {
    pub source: Source,
    pub summary: ImageSummary,
    root: OnceLock<Block>,
}

impl Inner {
    pub fn new(source: Source, summary: ImageSummary) -> Self {
        Self { source, summary, root: OnceLock::new() }
    }

    /// The root block, read at its first use and kept.
    pub fn root(&self, pointer: BlockPointer) -> Result<&Block, ReadError> {
        if let Some(root) = self.root.get() {
            return Ok(root);
        }
        let root = self.source.block(pointer, self.top_level())?;
        Ok(self.root.get_or_init(|| root))
    }

    /// The level of the root.
    pub fn top_level(&self) -> u8 {
        self.summary.height.saturating_sub(1)
    }

    /// The child whose keys would have `key`, out of an index block.
    #[inline]
    fn child(
        &self,
        at: BlockPointer,
        block: &Block,
        key: &[u8],
    ) -> Result<BlockPointer, ReadError> {
        let find = || {
            let payload = self.source.payload(block);
            touch(payload, INDEX_SLOTS_BYTES);
            let view = BlockView::parse(payload)?;
            let found = view.search(key)?.ok_or(Damage::Index)?;
            Child::decode_pointer(view.value(&found.entry)).ok_or(Damage::Index)
        };
        find().map_err(|damage| self.source.corrupt(at.position, damage))
    }

    /// The block at level 0 that would have `key`.
    #[inline]
    fn data_block(&self, key: &[u8]) -> Result<Option<(BlockPointer, Block)>, ReadError> {
        let Some(mut pointer) = self.summary.root else {
            return Ok(None);
        };
        let root = self.root(pointer)?;
        let mut level = self.top_level();
        if level == 0 {
            return Ok(Some((pointer, root.clone())));
        }
        pointer = self.child(pointer, root, key)?;
        loop {
            level -= 1;
            let block = self.source.block(pointer, level)?;
            if level == 0 {
                return Ok(Some((pointer, block)));
            }
            pointer = self.child(pointer, &block, key)?;
        }
    }

    /// The value under `key` as a range of a block's payload.
    #[inline]
    pub fn find(&self, key: &[u8]) -> Result<Option<(Block, usize, usize)>, ReadError> {
        let Some((pointer, block)) = self.data_block(key)? else {
            return Ok(None);
        };
        let search = || {
            let payload = self.source.payload(&block);
            touch(payload, DATA_SLOTS_BYTES);
            let view = BlockView::parse(payload)?;
            let base = payload.len() - view.entries.len();
            let found = view.search(key)?.filter(|found| found.exact);
            Ok(found.map(|found| (base + found.entry.value, base + found.entry.end)))
        };
        let range = search().map_err(|damage| self.source.corrupt(pointer.position, damage))?;
        Ok(range.map(|(start, end)| (block, start, end)))
    }

    /// What lies before `key`, or before and at it.
    pub fn rank(&self, key: &[u8], with_key: bool) -> Result<RangeCount, ReadError> {
        let mut rank = RangeCount::default();
        let Some(mut pointer) = self.summary.root else {
            return Ok(rank);
        };
        let mut level = self.top_level();
        let mut cursor = EntryCursor::new();
        loop {
            let block = self.source.block(pointer, level)?;
            let payload = self.source.payload(&block);
            let next = if level == 0 {
                rank_in_data(payload, &mut cursor, key, with_key, &mut rank).map(|()| None)
            } else {
                rank_in_index(payload, &mut cursor, key, &mut rank).map(Some)
            };
            match next.map_err(|damage| self.source.corrupt(pointer.position, damage))? {
                Some(child) => pointer = child,
                None => return Ok(rank),
            }
            level -= 1;
        }
    }
}

/// About what the slots of an index block take: 240 of six bytes.
const INDEX_SLOTS_BYTES: usize = 1536;
/// About what the slots of a data block take.
const DATA_SLOTS_BYTES: usize = 192;

/// Asks the memory for the first bytes of a block, where its slots are.
///
/// A search goes from one to the next and would wait for each, as every address comes out of bytes before it.
/// These loads depend on nothing and wait together: a random get is a twelfth faster by it.
#[inline]
fn touch(payload: &[u8], bytes: usize) {
    for at in (64..bytes).step_by(64) {
        std::hint::black_box(payload.get(at).copied());
    }
}

/// Counts the children before the one that would have `key`, and gives that one.
fn rank_in_index(
    payload: &[u8],
    cursor: &mut EntryCursor,
    key: &[u8],
    rank: &mut RangeCount,
) -> Result<BlockPointer, Damage> {
    let found = BlockView::parse(payload)?.search(key)?.ok_or(Damage::Index)?;
    cursor.first(payload)?;
    loop {
        let value = payload.get(cursor.value()).and_then(Child::decode).ok_or(Damage::Index)?;
        if cursor.start() >= found.entry.start {
            return Ok(value.pointer);
        }
        rank.add(value.count);
        if !cursor.next(payload)? {
            return Err(Damage::Layout);
        }
    }
}

fn rank_in_data(
    payload: &[u8],
    cursor: &mut EntryCursor,
    key: &[u8],
    with_key: bool,
    rank: &mut RangeCount,
) -> Result<(), Damage> {
    cursor.first(payload)?;
    while cursor.key() < key || (with_key && cursor.key() == key) {
        let key_value_bytes = (cursor.key().len() + cursor.value().len()) as u64;
        rank.add(RangeCount { entries: 1, key_value_bytes });
        if !cursor.next(payload)? {
            break;
        }
    }
    Ok(())
}
