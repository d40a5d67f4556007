//! Point reads and counts.

use std::ops::Bound;
use std::sync::{Arc, OnceLock};

use crate::journal::value::Value;
use crate::vfs::File;

use super::block::BlockView;
use super::cache::BlockCache;
use super::cursor::ImageCursor;
use super::entry_cursor::EntryCursor;
use super::error::{Damage, ReadError};
use super::source::{Block, ImageRead, Source};
use super::summary::{BlockPointer, Child, ImageSummary, RangeCount};
use super::verify::{VerifyReport, verify};

/// Levels that no image has: each has at least twice the blocks of the one above.
const HEIGHT_MAX: u8 = 64;

/// An image that is read in place. Clones share it; all methods may be called from any thread.
///
/// Opening reads nothing of the image. Every block is checked against its checksum before it is used.
#[derive(Clone, Debug)]
pub struct Image {
    inner: Arc<Inner>,
}

#[derive(Debug)]
pub(super) struct Inner {
    pub source: Source,
    pub summary: ImageSummary,
    root: OnceLock<Block>,
}

impl Inner {
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
    fn find(&self, key: &[u8]) -> Result<Option<(Block, usize, usize)>, ReadError> {
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
    fn rank(&self, key: &[u8], with_key: bool) -> Result<RangeCount, ReadError> {
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

impl Image {
    /// Opens the image that `summary` describes, in a file known by `file_id`. `cache` holds the blocks that
    /// cannot be read in place: all of them with [`ImageRead::Cached`], compressed ones with
    /// [`ImageRead::Mapped`].
    ///
    /// # Errors
    /// [`ReadError::Corrupt`] when the file is too short or the summary contradicts itself.
    pub fn open(
        file: Arc<dyn File>,
        file_id: u128,
        summary: ImageSummary,
        read: ImageRead,
        cache: &Arc<BlockCache>,
    ) -> Result<Self, ReadError> {
        let empty = ImageSummary::empty(summary.start);
        let sane = match summary.root {
            None => summary == empty,
            Some(_) => (1..=HEIGHT_MAX).contains(&summary.height) && summary.entries > 0,
        };
        if !sane {
            return Err(Damage::Pointer.at(file.path(), summary.start));
        }
        let source = Source::open(file, file_id, &summary, read, cache)?;
        Ok(Self { inner: Arc::new(Inner { source, summary, root: OnceLock::new() }) })
    }

    /// What it was opened with.
    pub fn summary(&self) -> &ImageSummary {
        &self.inner.summary
    }

    /// The value under `key`.
    pub fn get(&self, key: &[u8]) -> Result<Option<Value>, ReadError> {
        let found = self.inner.find(key)?;
        Ok(found.map(|(block, start, end)| self.inner.source.value(&block, start, end)))
    }

    /// Hands the value under `key` to `read`, in place. Where many threads read at once this is faster than
    /// [`get`](Self::get), which counts who holds the bytes.
    pub fn get_with<R>(
        &self,
        key: &[u8],
        read: impl FnOnce(Option<&[u8]>) -> R,
    ) -> Result<R, ReadError> {
        let found = self.inner.find(key)?;
        let value = found
            .as_ref()
            .and_then(|(block, start, end)| self.inner.source.payload(block).get(*start..*end));
        Ok(read(value))
    }

    /// A cursor, at no entry yet.
    pub fn cursor(&self) -> ImageCursor {
        ImageCursor::new(self.inner.clone())
    }

    /// Counts what lies between two bounds, in time proportional to the height of the tree. A range whose end
    /// is before its start holds nothing.
    pub fn count_range(
        &self,
        start: Bound<&[u8]>,
        end: Bound<&[u8]>,
    ) -> Result<RangeCount, ReadError> {
        let ImageSummary { entries, key_value_bytes, .. } = self.inner.summary;
        let upto = match end {
            Bound::Unbounded => RangeCount { entries, key_value_bytes },
            Bound::Included(key) => self.inner.rank(key, true)?,
            Bound::Excluded(key) => self.inner.rank(key, false)?,
        };
        let before = match start {
            Bound::Unbounded => RangeCount::default(),
            Bound::Included(key) => self.inner.rank(key, false)?,
            Bound::Excluded(key) => self.inner.rank(key, true)?,
        };
        Ok(upto.less(before))
    }

    /// Reads the whole image from front to back, past mapping and cache, and checks everything: every
    /// checksum, the order of all keys, the index against the blocks, the counts, and that no byte lies
    /// between blocks. `progress` is told the bytes checked so far, about once a mebibyte.
    ///
    /// # Errors
    /// [`ReadError::Corrupt`] with the first position that is wrong.
    pub fn verify(&self, progress: &mut dyn FnMut(u64)) -> Result<VerifyReport, ReadError> {
        verify(self.inner.source.file(), self.inner.source.seed(), &self.inner.summary, progress)
    }
}
