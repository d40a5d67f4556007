//! From the settings of `ncs.conf` to the options of the library.

use std::num::NonZeroU64;

use crate::cdb::{
    ByItself, CompactionOptions, DelayOptions, JournalCompaction, RollbackLimits, Thresholds,
};
use crate::conf::{self, Conf, ImageRead, RollbackSettings, WritePolicy};
use crate::journal::{self, BlockCache, Compression, StoreOptions};
use crate::units::{ByteSize, Duration};

/// How journals are opened. The block cache is shared by all stores of one call.
pub fn store_options(conf: &Conf) -> StoreOptions {
    StoreOptions {
        compression: match conf.cdb.block_compression {
            conf::BlockCompression::None => Compression::None,
            conf::BlockCompression::Lz4 => Compression::Lz4,
        },
        image_read: match conf.cdb.image_read {
            ImageRead::Mapped => journal::ImageRead::Mapped,
            ImageRead::Cached => journal::ImageRead::Cached,
        },
        block_cache: BlockCache::new(conf.cdb.block_cache.bytes()),
    }
}

/// How much of what undoes transactions is kept through compactions.
pub fn rollback_limits(conf: &Conf) -> RollbackLimits {
    let RollbackSettings { enabled, history_size, max_size } = &conf.rollback;
    let transactions = if *enabled { usize::from(*history_size) } else { 0 };
    RollbackLimits { transactions, bytes: max_size.bytes() }
}

/// How datastores are compacted.
pub fn compaction_options(conf: &Conf) -> CompactionOptions {
    let settings = &conf.compaction;
    let max_wait = settings.delayed_compaction_max_wait.limit();
    CompactionOptions {
        journal_compaction: match settings.journal_compaction {
            conf::JournalCompaction::Automatic => JournalCompaction::Automatic,
            conf::JournalCompaction::Manual => JournalCompaction::Manual,
        },
        thresholds: Thresholds {
            file_size_relative: settings.file_size_relative.value(),
            num_node_relative: settings.num_node_relative.value(),
            file_size_absolute: settings.file_size_absolute.map(ByteSize::bytes),
            num_transactions: settings.num_transactions,
            floor_bytes: settings.compaction_floor.bytes(),
        },
        delay: DelayOptions {
            timeout: settings.delayed_compaction_timeout.to_std(),
            max_wait: max_wait.map(Duration::to_std),
        },
        write_policy: match settings.write_policy {
            WritePolicy::Blocking => journal::WritePolicy::Blocking,
            WritePolicy::Background => journal::WritePolicy::Background,
        },
        throttle_bytes_per_second: settings.throttle.and_then(|rate| NonZeroU64::new(rate.bytes())),
        by_itself: if settings.compact_on_start { ByItself::Always } else { ByItself::NotAtStart },
    }
}
