//! The changes of a database, merged over its shards.

use super::document::Document;
use super::error::DocumentError;
use super::revision::Revision;
use super::sequence::Sequence;

/// A document's last change.
#[derive(Clone, Debug)]
pub struct Change {
    /// Where a reader is that has seen this one.
    pub seq: Sequence,
    /// The document.
    pub id: String,
    /// The winner; with [`super::Style::AllDocs`] every leaf, the winner first.
    pub revisions: Vec<Revision>,
    /// Whether the winner is a tombstone.
    pub deleted: bool,
    /// The winner, if it was asked for.
    pub document: Option<Document>,
}

/// Changes on a snapshot of the database: pull them with [`Changes::next`]. For later ones ask again with
/// [`Changes::last_seq`], after [`super::Watch`] woke. Order over shards is undefined, within a shard ascending.
#[derive(Debug)]
pub struct Changes {
    seq: Sequence,
}

impl Changes {
    /// The next change; `None` when the snapshot has no more or the limit is reached.
    #[expect(
        clippy::should_implement_trait,
        reason = "it can fail, and is asked for more in between"
    )]
    pub fn next(&mut self) -> Result<Option<Change>, DocumentError> {
        Ok(None)
    }

    /// Where a reader is that has seen everything answered so far; at the end, with filtered rows passed over.
    pub fn last_seq(&self) -> Sequence {
        self.seq.clone()
    }

    /// How many rows of the snapshot come behind [`Changes::last_seq`], filters not regarded.
    pub fn pending(&self) -> Result<u64, DocumentError> {
        Ok(0)
    }
}
