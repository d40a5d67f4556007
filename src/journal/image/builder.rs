//! Writes an image as a stream, with memory that does not grow with it.

use crate::journal::limits::{MAX_KEY_BYTES, MAX_VALUE_BYTES};
use crate::vfs::{self, File};

use super::bytes::separator;
use super::encoder::{
    BLOCK_TARGET_BYTES, DATA_BYTES_PER_COST, INDEX_BYTES_PER_COST, Layout, OpenBlock,
};
use super::error::BuildError;
use super::header::{BlockHeader, FileSeed, LZ4, RAW};
use super::output::Output;
use super::summary::{BlockPointer, Child, Compression, ImageOptions, ImageSummary, RangeCount};

/// Blocks larger than this are stored raw, so that a compressed block never asks for much memory.
pub(super) const UNPACKED_MAX_BYTES: usize = 8 << 20;

/// Writes an image: entries go in by ascending key, blocks come out.
///
/// Nothing is synced here. The caller syncs when all is written, and may sync in slices before.
///
/// Memory: one open block per level, buffers for one block, 512 KiB of output; a value larger than a block is
/// written from where the caller holds it (with [`Compression::Lz4`], values up to 8 MiB are copied once).
///
/// ```
/// use pumice::journal::image::{BlockCache, Image, ImageBuilder, ImageOptions, ImageRead};
/// use pumice::vfs::{OpenMode, Vfs, mem::MemVfs};
///
/// let file = MemVfs::new().open("A.cdb".as_ref(), OpenMode::CreateNew)?;
/// let mut builder = ImageBuilder::new(&*file, 4096, 7, ImageOptions::default());
/// builder.add(b"ce0", b"10.0.0.1")?;
/// builder.add(b"ce1", b"10.0.0.2")?;
/// let summary = builder.finish()?;
///
/// let image = Image::open(file, 7, summary, ImageRead::Mapped, &BlockCache::new(1 << 20))?;
/// assert_eq!(image.get(b"ce1")?.as_deref(), Some(&b"10.0.0.2"[..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ImageBuilder<'f> {
    writer: BlockWriter<'f>,
    levels: Vec<Level>,
    start: u64,
    total: RangeCount,
    child: Vec<u8>,
}

/// The open block of one level.
#[derive(Debug, Default)]
struct Level {
    open: OpenBlock,
    /// The key that stands for the open block in the level above.
    separator: Vec<u8>,
    /// What lies under the open block.
    count: RangeCount,
    /// Blocks written so far.
    blocks: u64,
}

impl Level {
    /// Level 0 shortens separators; above, the first separator of a block stands for the block.
    fn set_separator(&mut self, level: usize, key: &[u8]) {
        self.separator.clear();
        let first_of_all = self.blocks == 0;
        let separator = match level {
            0 if first_of_all => &[],
            0 => separator(self.open.last_key(), key),
            _ => key,
        };
        self.separator.extend_from_slice(separator);
    }
}

impl<'f> ImageBuilder<'f> {
    /// Starts an image at byte `start` of the file that is known by `file_id`.
    pub fn new(file: &'f dyn File, start: u64, file_id: u128, options: ImageOptions) -> Self {
        let writer = BlockWriter {
            output: Output::new(file, start),
            seed: FileSeed::new(file_id),
            compression: options.compression,
            layout: Layout::default(),
            raw: Vec::new(),
            packed: Vec::new(),
        };
        let (levels, total) = (vec![Level::default()], RangeCount::default());
        Self { writer, levels, start, total, child: Vec::new() }
    }

    /// Adds an entry whose key is greater than all before it.
    ///
    /// # Errors
    /// A key that is not greater or too long, or a value that is too long, is refused and changes nothing.
    /// After [`BuildError::Io`] the image cannot be finished.
    pub fn add(&mut self, key: &[u8], value: &[u8]) -> Result<(), BuildError> {
        self.check(key, value)?;
        let size_bytes = key.len() + value.len();
        if size_bytes >= BLOCK_TARGET_BYTES && self.level(0).is_some_and(|it| !it.open.is_empty()) {
            // Small neighbours do not have to be read together with a large value.
            self.close(0, &[])?;
        }
        let count = RangeCount { entries: 1, key_value_bytes: size_bytes as u64 };
        self.total.add(count);
        self.add_to(0, key, value, count)?;
        Ok(())
    }

    fn check(&self, key: &[u8], value: &[u8]) -> Result<(), BuildError> {
        if key.len() > MAX_KEY_BYTES {
            return Err(BuildError::KeyTooLong { size_bytes: key.len() });
        }
        if value.len() > MAX_VALUE_BYTES {
            return Err(BuildError::ValueTooLong { size_bytes: value.len() });
        }
        let last = self.levels.first().map(|level| level.open.last_key()).unwrap_or_default();
        if self.total.entries > 0 && key <= last {
            return Err(BuildError::OutOfOrder { number: self.total.entries });
        }
        Ok(())
    }

    fn level(&self, level: usize) -> Option<&Level> {
        self.levels.get(level)
    }

    fn add_to(
        &mut self,
        level: usize,
        key: &[u8],
        value: &[u8],
        count: RangeCount,
    ) -> vfs::Result<()> {
        if self.levels.len() == level {
            self.levels.push(Level::default());
        }
        let Some(at) = self.levels.get_mut(level) else {
            return Ok(());
        };
        if at.open.is_empty() {
            at.set_separator(level, key);
        }
        at.open.push_key(key, value.len());
        at.count.add(count);
        // An index block leads to two blocks at least, however long their separators are: the tree ends.
        if at.open.is_full() && (level == 0 || at.open.len() > 1) {
            return self.close(level, value);
        }
        at.open.push_value(value);
        Ok(())
    }

    /// Writes the open block of a level, with its last value if that was not pushed, and tells the level above.
    fn close(&mut self, level: usize, last_value: &[u8]) -> vfs::Result<()> {
        let Some(at) = self.levels.get_mut(level) else {
            return Ok(());
        };
        let pointer = self.writer.write(level, &at.open, last_value)?;
        at.open.clear();
        at.blocks += 1;
        let child = Child { pointer, count: std::mem::take(&mut at.count) };
        let separator = std::mem::take(&mut at.separator);
        let mut value = std::mem::take(&mut self.child);
        value.clear();
        child.encode(&mut value);
        self.add_to(level + 1, &separator, &value, child.count)?;
        // Back to where they are used again.
        self.child = value;
        if let Some(at) = self.levels.get_mut(level) {
            at.separator = separator;
        }
        Ok(())
    }

    /// Bytes of the image so far, open blocks not counted.
    pub fn written_bytes(&self) -> u64 {
        self.writer.output.position() - self.start
    }

    /// Writes what is still open. The file is not synced.
    pub fn finish(mut self) -> Result<ImageSummary, vfs::Error> {
        let mut summary = ImageSummary::empty(self.start);
        summary.entries = self.total.entries;
        summary.key_value_bytes = self.total.key_value_bytes;
        let mut level = 0;
        while let Some(at) = self.levels.get(level) {
            // A level that would be one block with one entry leads to the root, and is not needed.
            if level > 0 && at.blocks == 0 && at.open.len() == 1 {
                summary.root = Child::decode_pointer(at.open.values());
                summary.height = u8::try_from(level).unwrap_or(u8::MAX);
                break;
            }
            if !at.open.is_empty() {
                self.close(level, &[])?;
            }
            level += 1;
        }
        self.writer.output.hand_over()?;
        summary.len = self.written_bytes();
        Ok(summary)
    }

    #[cfg(test)]
    pub(super) fn held_bytes(&self) -> usize {
        let open = self.levels.iter().map(|level| level.open.held_bytes()).sum::<usize>();
        open + self.writer.output.held_bytes()
    }
}

/// Turns open blocks into bytes of the file.
#[derive(Debug)]
struct BlockWriter<'f> {
    output: Output<'f>,
    seed: FileSeed,
    compression: Compression,
    layout: Layout,
    raw: Vec<u8>,
    packed: Vec<u8>,
}

impl BlockWriter<'_> {
    fn write(&mut self, level: usize, block: &OpenBlock, tail: &[u8]) -> vfs::Result<BlockPointer> {
        let index = level > 0;
        let bytes_per_cost = if index { INDEX_BYTES_PER_COST } else { DATA_BYTES_PER_COST };
        self.layout.build(block, bytes_per_cost);
        // Levels double at least the blocks below: there are never 255.
        let level = u8::try_from(level).unwrap_or(u8::MAX);
        if level == 0 && self.compression == Compression::Lz4 && self.pack(tail) {
            return put(&mut self.output, self.seed, (level, LZ4), [&self.packed, &[], &[]]);
        }
        let parts = [self.layout.front.as_slice(), &self.layout.entries, tail];
        put(&mut self.output, self.seed, (level, RAW), parts)
    }

    /// Fills `packed`; `false` when that is not worth it.
    fn pack(&mut self, tail: &[u8]) -> bool {
        let parts = [self.layout.front.as_slice(), &self.layout.entries, tail];
        let raw_len = parts.iter().map(|part| part.len()).sum::<usize>();
        if raw_len > UNPACKED_MAX_BYTES {
            return false;
        }
        self.raw.clear();
        for part in parts {
            self.raw.extend_from_slice(part);
        }
        self.packed.resize(4 + lz4_flex::block::get_maximum_output_size(raw_len), 0);
        let Some((stated, out)) = self.packed.split_first_chunk_mut::<4>() else {
            return false;
        };
        *stated = u32::try_from(raw_len).unwrap_or(u32::MAX).to_le_bytes();
        let Ok(len) = lz4_flex::block::compress_into(&self.raw, out) else {
            return false;
        };
        self.packed.truncate(4 + len);
        self.packed.len() <= raw_len - raw_len / 8
    }
}

fn put(
    output: &mut Output<'_>,
    seed: FileSeed,
    (level, compression): (u8, u8),
    parts: [&[u8]; 3],
) -> vfs::Result<BlockPointer> {
    let payload_len = parts.iter().map(|part| part.len()).sum::<usize>();
    let payload_checksum = parts.iter().fold(0, |sum, part| crc32c::crc32c_append(sum, part));
    // A payload is at most one large entry and what a block holds before it: far below 4 GiB.
    let payload_len = u32::try_from(payload_len).unwrap_or(u32::MAX);
    let header = BlockHeader { payload_checksum, payload_len, level, compression };
    let position = output.position();
    output.append(&seed.encode(header, position))?;
    for part in parts {
        output.append(part)?;
    }
    Ok(BlockPointer { position, len: u32::try_from(header.block_len()).unwrap_or(u32::MAX) })
}
