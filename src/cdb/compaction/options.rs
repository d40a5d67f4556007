//! How the datastores are compacted.

use std::num::NonZeroU64;

use super::delay::DelayOptions;
use super::threshold::Thresholds;
use crate::journal::WritePolicy;

/// Who decides that a compaction is due: NSO's `journal-compaction`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum JournalCompaction {
    /// The thresholds, after each transaction.
    #[default]
    Automatic,
    /// Somebody outside, through the API; files grow without bound otherwise.
    Manual,
}

/// The options of compaction, alike for all datastores but for the delay, which is the configuration
/// datastore's only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CompactionOptions {
    /// Who decides.
    pub journal_compaction: JournalCompaction,
    /// When it is due.
    pub thresholds: Thresholds,
    /// How long the configuration datastore waits for quiet.
    pub delay: DelayOptions,
    /// When write transactions wait for it. Default: from begin to end, as in NSO.
    pub write_policy: WritePolicy,
    /// The most bytes written per second; `None` is without limit.
    pub throttle_bytes_per_second: Option<NonZeroU64>,
    /// When what is due is compacted without being asked for. `--disable-compaction-on-start` takes the
    /// start out of it.
    pub by_itself: ByItself,
}

/// When what the thresholds say is due is compacted without being asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ByItself {
    /// When the datastores are opened, and after each transaction.
    #[default]
    Always,
    /// After each transaction, but not when they are opened.
    NotAtStart,
    /// Never: for a process that is over before a delay would be, and asks itself what is due.
    Never,
}
