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
    /// Whether what is due is compacted when the datastores are opened. `--disable-compaction-on-start`
    /// turns it off.
    pub on_start: OnStart,
}

/// Whether what is due is compacted when the datastores are opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnStart {
    /// What the thresholds say is due.
    #[default]
    IfDue,
    /// Nothing.
    Disabled,
}
