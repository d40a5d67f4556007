//! What runs in the background (`_active_tasks`).

/// A journal that is being compacted, with the fields of CouchDB's `database_compaction`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActiveTask {
    /// `database_compaction`.
    pub kind: &'static str,
    /// The journal: `shards/<range>/<db>.<seconds>`, `shards/events`.
    pub shard: String,
    /// The database; the journal's own name when it belongs to none.
    pub database: String,
    /// `document_copy`, then `docid_copy` while it catches up and swaps.
    pub phase: &'static str,
    /// 0 to 100.
    pub progress: u8,
    /// Entries copied.
    pub changes_done: u64,
    /// Entries to copy.
    pub total_changes: u64,
    /// When it began, seconds since the Unix epoch.
    pub started_on_s: u64,
    /// When it was last looked at, seconds since the Unix epoch.
    pub updated_on_s: u64,
}
