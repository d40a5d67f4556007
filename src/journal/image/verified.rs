//! Which blocks of a mapping have been checked: one bit for 2 KiB of image.
//!
//! A checksum over a block costs about as much as finding a key in it. In a mapping, where a block's bytes
//! stay what they are, it is computed when the block is first used, and a bit remembers it. Memory: 64 KiB for
//! each GiB of image that was read, allocated in pieces of 4 KiB, and 16 bytes for each 64 MiB of image.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// A bit stands for the block that starts within so many bytes. At most one block of this length or longer
/// can; shorter ones are rare (the last of a level, or before a large value) and checked at each use.
const WINDOW_BYTES: u64 = 2048;
const CHUNK_WORDS: usize = 512;
const CHUNK_BITS: u64 = CHUNK_WORDS as u64 * 64;

type Chunk = OnceLock<Box<[AtomicU64]>>;

#[derive(Debug)]
pub(super) struct VerifiedSet {
    start: u64,
    chunks: Box<[Chunk]>,
}

impl VerifiedSet {
    /// A set for the blocks of an image that starts at `start`.
    pub fn new(start: u64, len: u64) -> Self {
        let chunks = len.div_ceil(WINDOW_BYTES * CHUNK_BITS);
        Self { start, chunks: (0..chunks).map(|_| Chunk::new()).collect() }
    }

    /// Whether the block was checked before.
    #[inline]
    pub fn contains(&self, position: u64, len: u32) -> bool {
        let Some((chunk, word, bit)) = self.place(position, len) else {
            return false;
        };
        let words = chunk.get().map(AsRef::as_ref).unwrap_or_default();
        // Relaxed: the bit publishes nothing, the block's bytes were there before the mapping.
        words.get(word).is_some_and(|word| word.load(Ordering::Relaxed) & bit != 0)
    }

    /// Remembers that the block was checked.
    pub fn insert(&self, position: u64, len: u32) {
        let Some((chunk, word, bit)) = self.place(position, len) else {
            return;
        };
        let words = chunk.get_or_init(|| (0..CHUNK_WORDS).map(|_| AtomicU64::new(0)).collect());
        if let Some(word) = words.get(word) {
            word.fetch_or(bit, Ordering::Relaxed);
        }
    }

    #[inline]
    fn place(&self, position: u64, len: u32) -> Option<(&Chunk, usize, u64)> {
        if u64::from(len) < WINDOW_BYTES {
            return None;
        }
        let window = position.checked_sub(self.start)? / WINDOW_BYTES;
        let chunk = self.chunks.get(usize::try_from(window / CHUNK_BITS).ok()?)?;
        let word = usize::try_from(window % CHUNK_BITS / 64).ok()?;
        Some((chunk, word, 1 << (window % 64)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_remembered_and_its_neighbours_are_not() {
        let set = VerifiedSet::new(4096, 1 << 30);
        for position in [4096, 4096 + 2048, 4096 + (64 << 20) - 1, 4096 + (1 << 30) - 2048] {
            assert!(!set.contains(position, 2048));
            set.insert(position, 2048);
            assert!(set.contains(position, 2048));
        }
        assert!(!set.contains(4096 + 4096, 2048));
        assert!(!set.contains(0, 2048), "before the image");
        assert!(!set.contains(4096 + (2 << 30), 2048), "after the image");
    }

    #[test]
    fn a_short_block_is_never_remembered() {
        let set = VerifiedSet::new(0, 1 << 20);
        set.insert(0, 2047);
        assert!(!set.contains(0, 2047) && !set.contains(0, 2048));
    }
}
