//! When a compaction began, and what of that is kept in the header.

use std::time::Duration;

use super::super::{CompactionRecord, JournalStats};
use crate::clock::Clock;

/// A beginning: for how long it takes on the clock that does not jump, for people on the wall clock.
pub(super) struct Start<'a> {
    clock: &'a dyn Clock,
    monotonic: Duration,
    wall_micros: u64,
}

impl<'a> Start<'a> {
    pub fn now(clock: &'a dyn Clock) -> Self {
        Self { clock, monotonic: clock.monotonic(), wall_micros: clock.wall_micros() }
    }

    pub fn elapsed(&self) -> Duration {
        self.clock.monotonic().saturating_sub(self.monotonic)
    }

    /// The record of a compaction that is complete now: from a store that was as `before` to a file of `size_end_bytes`.
    pub fn record(&self, before: &JournalStats, size_end_bytes: u64) -> CompactionRecord {
        CompactionRecord {
            size_start_bytes: before.file_bytes,
            size_end_bytes,
            size_last_bytes: before.baseline_bytes,
            start_micros: self.wall_micros,
            duration_micros: u64::try_from(self.elapsed().as_micros()).unwrap_or(u64::MAX),
            transactions: before.transactions_since_compaction,
        }
    }
}
