//! One shard: a journal file with the documents of one range of hashes.

use super::database::Sizes;

/// What is known of one shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardInfo {
    /// `shards/<range>/<db>.<seconds>`: CouchDB's name of it.
    pub name: String,
    /// The range: eight hexadecimal digits, a dash, eight more.
    pub range: String,
    /// Documents whose winner is not deleted.
    pub doc_count: u64,
    /// Documents whose winner is deleted.
    pub doc_del_count: u64,
    /// Its last change.
    pub update_seq: u64,
    /// Its last purge.
    pub purge_seq: u64,
    /// The last change when it was compacted.
    pub compacted_seq: u64,
    /// Sizes.
    pub sizes: Sizes,
    /// Whether it is being compacted.
    pub compact_running: bool,
    /// What tells it from another shard of that name.
    pub uuid: String,
}
