//! What is known about a datastore's compaction at any time, without I/O.

use super::super::Datastore;
use super::entry::Cause;
use super::options::JournalCompaction;
use super::threshold::{Growth, Verdict};
use crate::journal::{JournalStats, Progress};

/// NSO's `cdb_compaction_info`, and what it hides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompactionInfo {
    /// Which datastore.
    pub datastore: Datastore,
    /// Bytes of the file now (NSO's `fsize_current`), after the last compaction (`fsize_previous`), nodes,
    /// and transactions since (`ntrans`).
    pub growth: Growth,
    /// When the last compaction began, microseconds since the Unix epoch (`last_time`); `None` before the
    /// first.
    pub last_start_micros: Option<u64>,
    /// The counters of the file.
    pub stats: JournalStats,
    /// Who decides.
    pub journal_compaction: JournalCompaction,
    /// The thresholds, how far each is, and so why or why not.
    pub verdict: Verdict,
    /// About how large the file would be after a compaction, in bytes.
    pub estimated_bytes: u64,
    /// What it is doing.
    pub standing: Standing,
}

/// What a datastore's compaction is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing.
    Idle,
    /// It waits for quiet.
    Waiting {
        /// Why it is due.
        cause: Cause,
        /// How long it will still wait if no transaction comes, in milliseconds.
        left_ms: u64,
    },
    /// It runs.
    Running {
        /// Why.
        cause: Cause,
        /// How far it is.
        progress: Progress,
    },
}

impl CompactionInfo {
    /// About how many bytes a compaction would give back.
    pub fn estimated_gain_bytes(&self) -> u64 {
        self.growth.file_bytes.saturating_sub(self.estimated_bytes)
    }
}
