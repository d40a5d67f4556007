//! How a store is opened.

use std::sync::Arc;

use super::image::{BlockCache, Compression, ImageRead};

/// What a store's block cache holds at most when it was not given one: 64 MiB.
const CACHE_DEFAULT_BYTES: u64 = 64 << 20;

/// Options of one store.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// How compaction stores blocks. Default: as they are.
    pub compression: Compression,
    /// How the image is read. Default: mapped.
    pub image_read: ImageRead,
    /// Blocks that cannot be read in place; stores may share it. Default: one of 64 MiB.
    pub block_cache: Arc<BlockCache>,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            compression: Compression::default(),
            image_read: ImageRead::default(),
            block_cache: BlockCache::new(CACHE_DEFAULT_BYTES),
        }
    }
}

/// When a commit is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// When it is on stable storage: it survives a power failure.
    #[default]
    Sync,
    /// When it was handed to the operating system: it survives the process, and becomes durable with the
    /// next `Sync` commit, compaction or close of the same store.
    Buffered,
}
