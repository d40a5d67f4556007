//! What databases and shards tell of themselves.

use super::sequence::Sequence;

/// Sizes in bytes, as CouchDB means them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// The files.
    pub file: u64,
    /// What is alive in them: leaves, their attachments, and what leads to them. Exact.
    pub active: u64,
    /// The JSON text of leaves and their attachments, not compressed.
    pub external: u64,
}

impl std::ops::AddAssign for Sizes {
    fn add_assign(&mut self, other: Self) {
        self.file += other.file;
        self.active += other.active;
        self.external += other.external;
    }
}

/// What `GET /{db}` tells. Sums over the shards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseInfo {
    /// Its name.
    pub name: String,
    /// Documents whose winner is not deleted.
    pub doc_count: u64,
    /// Documents whose winner is deleted.
    pub doc_del_count: u64,
    /// Where the changes end.
    pub update_seq: Sequence,
    /// Where the purges end.
    pub purge_seq: Sequence,
    /// Sizes.
    pub sizes: Sizes,
    /// 8, as CouchDB's since 3.0; clients look at it.
    pub disk_format_version: u32,
    /// Whether a shard is being compacted.
    pub compact_running: bool,
    /// When it was made, seconds since the Unix epoch.
    pub instance_start_time: u64,
    /// Shards.
    pub q: u32,
    /// Whether documents are placed by the part of their ids before the first colon.
    pub partitioned: bool,
    /// What tells it from another one of that name.
    pub uuid: String,
}

/// How a database came to its shards. Ranges are eight hexadecimal digits, a dash, eight more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RangeHistory {
    /// The ranges that it was made with, ascending.
    pub made: Vec<String>,
    /// Ranges that were split in halves since, each before its halves. When they were is not known.
    pub split: Vec<String>,
}

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
