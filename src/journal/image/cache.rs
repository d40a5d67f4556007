//! Blocks in memory: those that were read without a mapping, and those that were unpacked.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use quick_cache::Weighter;
use quick_cache::sync::Cache;

/// What a block costs in the cache beside its bytes, about.
const ENTRY_OVERHEAD_BYTES: u64 = 160;

/// A block's payload in memory.
#[derive(Clone, Debug)]
pub(super) struct LoadedBlock {
    pub bytes: Arc<[u8]>,
    /// Where the payload starts: after the header, when that was read with it.
    pub start: usize,
    pub level: u8,
}

#[derive(Clone, Copy, Debug)]
struct ByBytes;

impl Weighter<(u64, u64), LoadedBlock> for ByBytes {
    fn weight(&self, _key: &(u64, u64), block: &LoadedBlock) -> u64 {
        block.bytes.len() as u64 + ENTRY_OVERHEAD_BYTES
    }
}

/// A cache of blocks, bounded in bytes, that any number of images share. A block that is larger than a share
/// of the cache is read again each time.
#[derive(Debug)]
pub struct BlockCache {
    blocks: Cache<(u64, u64), LoadedBlock, ByBytes>,
    capacity_bytes: u64,
    images: AtomicU64,
}

impl BlockCache {
    /// A cache for at most `capacity_bytes` of blocks, what keeping them costs included.
    pub fn new(capacity_bytes: u64) -> Arc<Self> {
        let blocks = usize::try_from(capacity_bytes / 4096).unwrap_or(usize::MAX).max(16);
        let blocks = Cache::with_weighter(blocks, capacity_bytes, ByBytes);
        Arc::new(Self { blocks, capacity_bytes, images: AtomicU64::new(0) })
    }

    /// The limit in bytes.
    pub fn capacity_bytes(&self) -> u64 {
        self.capacity_bytes
    }

    /// Bytes in use.
    pub fn used_bytes(&self) -> u64 {
        self.blocks.weight()
    }

    /// A number that no other image has, to keep blocks of different files apart.
    pub(super) fn new_image(&self) -> u64 {
        self.images.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn get(&self, image: u64, position: u64) -> Option<LoadedBlock> {
        self.blocks.get(&(image, position))
    }

    pub(super) fn insert(&self, image: u64, position: u64, block: LoadedBlock) {
        self.blocks.insert((image, position), block);
    }
}
