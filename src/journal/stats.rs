//! What a store knows about itself without reading.

use super::Sequence;

/// Counters of one store. Exact, and the same after a restart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JournalStats {
    /// Bytes of the file that are in use: header, image and tail. Space written ahead is not counted.
    pub file_bytes: u64,
    /// Bytes that the file occupies, with the space written ahead of the tail.
    pub allocated_bytes: u64,
    /// Bytes of live keys and values: what the image would hold if it were written now.
    pub live_bytes: u64,
    /// Bytes of the image.
    pub image_bytes: u64,
    /// Bytes of the tail.
    pub tail_bytes: u64,
    /// Live keys.
    pub entries: u64,
    /// The last visible transaction.
    pub sequence: Sequence,
    /// The last transaction that is in the image; later ones are in the tail.
    pub base_sequence: Sequence,
    /// Transactions since the last compaction.
    pub transactions_since_compaction: u64,
    /// How many compactions led to this file.
    pub generation: u64,
    /// What the last compaction did; `None` before the first.
    pub last_compaction: Option<CompactionRecord>,
    /// The file's size right after the last compaction, or of the empty file before the first: what growth
    /// is measured against.
    pub baseline_bytes: u64,
}

/// What a compaction did, as the file's header keeps it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CompactionRecord {
    /// File size when it began, in bytes.
    pub size_start_bytes: u64,
    /// File size when it ended, in bytes.
    pub size_end_bytes: u64,
    /// File size at the end of the compaction before, in bytes.
    pub size_last_bytes: u64,
    /// When it began: microseconds since the Unix epoch.
    pub start_micros: u64,
    /// How long it took up to the moment that the new file was complete, in microseconds.
    pub duration_micros: u64,
    /// Transactions since the compaction before.
    pub transactions: u64,
}

impl CompactionRecord {
    pub(super) const FIELDS: usize = 6;

    pub(super) fn fields(&self) -> [u64; Self::FIELDS] {
        [
            self.size_start_bytes,
            self.size_end_bytes,
            self.size_last_bytes,
            self.start_micros,
            self.duration_micros,
            self.transactions,
        ]
    }

    pub(super) fn from_fields(fields: [u64; Self::FIELDS]) -> Self {
        let [size_start_bytes, size_end_bytes, size_last_bytes, start, duration, transactions] =
            fields;
        Self {
            size_start_bytes,
            size_end_bytes,
            size_last_bytes,
            start_micros: start,
            duration_micros: duration,
            transactions,
        }
    }
}
