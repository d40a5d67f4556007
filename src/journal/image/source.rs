//! Where an image's blocks come from: a mapping of the file, or reads at positions and a cache.

use std::sync::Arc;

use crate::journal::value::Value;
use crate::vfs::{File, Mapping};

use super::builder::UNPACKED_MAX_BYTES;
use super::cache::{BlockCache, LoadedBlock};
use super::error::{Damage, ReadError};
use super::header::{BlockHeader, FileSeed, HEADER_BYTES, LZ4};
use super::summary::{BlockPointer, ImageSummary};
use super::verified::VerifiedSet;

/// How an image is read, and long values of the tail above it. `docs/decisions/0002-image-reading.md` compares them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ImageRead {
    /// Through a mapping of the file, in place; where mappings are not offered, as [`ImageRead::Cached`].
    #[default]
    Mapped,
    /// By reads at positions into a [`BlockCache`].
    Cached,
}

/// A block that was checked and can be read.
#[derive(Clone, Debug)]
pub(super) enum Block {
    /// Its payload, as a range of the mapping.
    Mapped { start: usize, end: usize },
    /// Its payload in memory.
    Loaded(LoadedBlock),
}

#[derive(Debug)]
pub(super) struct Source {
    file: Arc<dyn File>,
    seed: FileSeed,
    start: u64,
    end: u64,
    mapped: Option<(Mapping, VerifiedSet)>,
    cache: Arc<BlockCache>,
    image: u64,
}

impl Source {
    pub fn open(
        file: Arc<dyn File>,
        file_id: u128,
        summary: &ImageSummary,
        read: ImageRead,
        cache: &Arc<BlockCache>,
    ) -> Result<Self, ReadError> {
        let (start, end) = (summary.start, summary.end());
        let file_len = file.len()?;
        if end > file_len {
            return Err(Damage::Beyond { found: end, limit: file_len }.at(file.path(), start));
        }
        let mapping = match read {
            ImageRead::Mapped if summary.len > 0 => file.map(end)?,
            ImageRead::Mapped | ImageRead::Cached => None,
        };
        let mapped = mapping.map(|mapping| (mapping, VerifiedSet::new(start, summary.len)));
        let (seed, image) = (FileSeed::new(file_id), cache.new_image());
        Ok(Self { file, seed, start, end, mapped, cache: cache.clone(), image })
    }

    pub fn file(&self) -> &Arc<dyn File> {
        &self.file
    }

    pub fn seed(&self) -> FileSeed {
        self.seed
    }

    pub fn corrupt(&self, position: u64, damage: Damage) -> ReadError {
        damage.at(self.file.path(), position)
    }

    /// The bytes of a block from [`block`](Self::block).
    #[inline]
    pub fn payload<'a>(&'a self, block: &'a Block) -> &'a [u8] {
        let bytes = match (block, &self.mapped) {
            (Block::Mapped { start, end }, Some((mapping, _))) => mapping.get(*start..*end),
            (Block::Mapped { .. }, None) => None,
            (Block::Loaded(block), _) => block.bytes.get(block.start..),
        };
        bytes.unwrap_or_default()
    }

    /// A part of a block's payload as a value of its own.
    pub fn value(&self, block: &Block, start: usize, end: usize) -> Value {
        match (block, &self.mapped) {
            (Block::Mapped { start: base, .. }, Some((mapping, _))) => {
                Value::of_mapping(mapping, base + start, base + end)
            }
            (Block::Mapped { .. }, None) => Value::from(Vec::new()),
            (Block::Loaded(block), _) => {
                Value::of_shared(&block.bytes, block.start + start, block.start + end)
            }
        }
    }

    /// Gives a block, checked.
    #[inline]
    pub fn block(&self, pointer: BlockPointer, level: u8) -> Result<Block, ReadError> {
        let block = match &self.mapped {
            Some((mapping, verified)) => self.mapped_block(mapping, verified, pointer, level),
            None => return self.loaded_block(pointer, level),
        };
        block.map_err(|damage| self.corrupt(pointer.position, damage))
    }

    #[inline]
    fn mapped_block(
        &self,
        mapping: &Mapping,
        verified: &VerifiedSet,
        pointer: BlockPointer,
        level: u8,
    ) -> Result<Block, Damage> {
        let (start, end) = self.range(pointer)?;
        let bytes = mapping.get(start..end).ok_or(Damage::Pointer)?;
        let (header, payload) = bytes.split_first_chunk().ok_or(Damage::Pointer)?;
        let known = verified.contains(pointer.position, pointer.len);
        let header = if known {
            BlockHeader::decode(header)
        } else {
            self.seed.decode(header, pointer.position)?
        };
        header.expect(level, u64::from(pointer.len))?;
        if header.compression == LZ4 {
            return self.unpacked(pointer, header, payload).map(Block::Loaded);
        }
        if !known {
            header.check_payload(payload)?;
            verified.insert(pointer.position, pointer.len);
        }
        Ok(Block::Mapped { start: start + HEADER_BYTES, end })
    }

    /// The block's place in the file, which is within the image.
    #[inline]
    fn range(&self, pointer: BlockPointer) -> Result<(usize, usize), Damage> {
        let BlockPointer { position, len } = pointer;
        if position < self.start || (len as usize) <= HEADER_BYTES {
            return Err(Damage::Pointer);
        }
        if pointer.end() > self.end {
            return Err(Damage::Beyond { found: pointer.end(), limit: self.end });
        }
        let start = usize::try_from(position).map_err(|_| Damage::Pointer)?;
        Ok((start, start + len as usize))
    }

    fn loaded_block(&self, pointer: BlockPointer, level: u8) -> Result<Block, ReadError> {
        let block = match self.cache.get(self.image, pointer.position) {
            Some(block) => block,
            None => self.load(pointer)?,
        };
        if block.level != level {
            let damage = Damage::Level { found: block.level, expected: level };
            return Err(self.corrupt(pointer.position, damage));
        }
        Ok(Block::Loaded(block))
    }

    fn load(&self, pointer: BlockPointer) -> Result<LoadedBlock, ReadError> {
        let corrupt = |damage| self.corrupt(pointer.position, damage);
        self.range(pointer).map_err(corrupt)?;
        let mut bytes: Arc<[u8]> = std::iter::repeat_n(0, pointer.len as usize).collect();
        if let Some(bytes) = Arc::get_mut(&mut bytes) {
            self.file.read_exact_at(bytes, pointer.position)?;
        }
        let (header, payload) = bytes.split_first_chunk().ok_or(corrupt(Damage::Pointer))?;
        let header = self.seed.decode(header, pointer.position).map_err(corrupt)?;
        header.expect(header.level, u64::from(pointer.len)).map_err(corrupt)?;
        if header.compression == LZ4 {
            return self.unpacked(pointer, header, payload).map_err(corrupt);
        }
        header.check_payload(payload).map_err(corrupt)?;
        let block = LoadedBlock { bytes, start: HEADER_BYTES, level: header.level };
        self.cache.insert(self.image, pointer.position, block.clone());
        Ok(block)
    }

    /// A compressed block's payload from the cache, or else checked and unpacked.
    fn unpacked(
        &self,
        pointer: BlockPointer,
        header: BlockHeader,
        payload: &[u8],
    ) -> Result<LoadedBlock, Damage> {
        if let Some(block) = self.cache.get(self.image, pointer.position) {
            return Ok(block);
        }
        header.check_payload(payload)?;
        let mut bytes = Vec::new();
        unpack(payload, &mut bytes)?;
        let block = LoadedBlock { bytes: Arc::from(bytes), start: 0, level: header.level };
        self.cache.insert(self.image, pointer.position, block.clone());
        Ok(block)
    }
}

/// What a byte of an lz4 block unpacks to at the most.
const LZ4_RATIO_MAX: usize = 255;

/// Unpacks a checked lz4 payload into `out`. No memory is taken for a length that its bytes cannot unpack to.
pub(super) fn unpack(payload: &[u8], out: &mut Vec<u8>) -> Result<(), Damage> {
    let (stated, packed) = payload.split_first_chunk::<4>().ok_or(Damage::Unpack)?;
    let len = u32::from_le_bytes(*stated) as usize;
    if len > UNPACKED_MAX_BYTES.min(packed.len().saturating_mul(LZ4_RATIO_MAX)) {
        return Err(Damage::Unpack);
    }
    out.clear();
    out.resize(len, 0);
    match lz4_flex::block::decompress_into(packed, out) {
        Ok(unpacked) if unpacked == len => Ok(()),
        _ => Err(Damage::Unpack),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(stated: u32, packed: &[u8]) -> Vec<u8> {
        [&stated.to_le_bytes(), packed].concat()
    }

    #[test]
    fn what_repeats_most_unpacks_up_to_the_limit() {
        let bytes = vec![7; UNPACKED_MAX_BYTES];
        let block = packed(8 << 20, &lz4_flex::block::compress(&bytes));
        let mut out = Vec::new();
        unpack(&block, &mut out).unwrap();
        assert!(out == bytes);
    }

    #[test]
    fn bytes_that_unpack_to_another_length_than_stated_are_damage() {
        let some = lz4_flex::block::compress(&[7; 1000]);
        for (stated, is_good) in [(999, false), (1000, true), (1001, false)] {
            assert_eq!(
                unpack(&packed(stated, &some), &mut Vec::new()).is_ok(),
                is_good,
                "{stated}"
            );
        }
    }

    // Found by fuzzing, as time: eight megabytes were cleared for each block of a few bytes that said to hold them.
    #[test]
    fn a_length_that_the_bytes_cannot_unpack_to_takes_no_memory() {
        let some = lz4_flex::block::compress(&[7; 1000]);
        let most = u32::try_from(some.len() * LZ4_RATIO_MAX).unwrap();
        for stated in [most + 1, 8 << 20, u32::MAX] {
            let mut out = Vec::new();
            assert!(matches!(unpack(&packed(stated, &some), &mut out), Err(Damage::Unpack)));
            assert_eq!(out.capacity(), 0, "{stated}");
        }
    }
}
