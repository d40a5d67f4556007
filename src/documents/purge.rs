//! Purging: revisions that never were.

use super::revision::Revision;

/// What one purge did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PurgeInfo {
    /// Its number in the shard.
    pub sequence: u64,
    /// What tells it from others everywhere.
    pub uuid: String,
    /// The document.
    pub id: String,
    /// The leaves that were removed.
    pub revisions: Vec<Revision>,
}

/// Which revisions of a document are not known (`_revs_diff`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevsDiff {
    /// The document.
    pub id: String,
    /// Those asked for that are not known; never empty.
    pub missing: Vec<Revision>,
    /// Leaves that may be ancestors of them.
    pub possible_ancestors: Vec<Revision>,
}
