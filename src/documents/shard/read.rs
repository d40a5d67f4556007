//! Looking documents up on a snapshot.

use super::core::Shard;
use crate::documents::attachment_info::AttachmentInfo;
use crate::documents::error::DocumentError;
use crate::documents::key;
use crate::documents::record::{Head, decode_body, decode_document, decode_head};
use crate::documents::tree::Tree;
use crate::journal::{Snapshot, Value};

/// A document's record.
#[derive(Clone, Debug)]
pub(in crate::documents) struct Found {
    pub record: Value,
    pub head: Head,
}

impl Shard {
    /// A document, deleted or not.
    pub fn find(&self, snapshot: &Snapshot, id: &str) -> Result<Option<Found>, DocumentError> {
        for space in [key::LIVE, key::DEAD] {
            if let Some(record) = snapshot.get(&key::bytes(space, id.as_bytes()))? {
                let head = self.head(&record)?;
                return Ok(Some(Found { record, head }));
            }
        }
        Ok(None)
    }

    pub fn head(&self, record: &[u8]) -> Result<Head, DocumentError> {
        decode_head(record).ok_or_else(|| self.damaged("document"))
    }

    /// The tree of a record as it is shown: down to the limit of revisions.
    pub fn tree(&self, record: &[u8]) -> Result<Tree, DocumentError> {
        let mut tree = self.stored_tree(record)?;
        tree.show(self.revs_limit());
        Ok(tree)
    }

    fn stored_tree(&self, record: &[u8]) -> Result<Tree, DocumentError> {
        Ok(decode_document(record).ok_or_else(|| self.damaged("document"))?.1)
    }

    /// The tree of a document with all revisions that are known; empty when there is none.
    pub fn known_tree(&self, snapshot: &Snapshot, id: &str) -> Result<Tree, DocumentError> {
        match self.find(snapshot, id)? {
            Some(found) => self.stored_tree(&found.record),
            None => Ok(Tree::default()),
        }
    }

    /// The attachments of a body, and where its text begins.
    pub fn read_body(&self, record: &[u8]) -> Result<(Vec<AttachmentInfo>, usize), DocumentError> {
        decode_body(record).ok_or_else(|| self.damaged("body"))
    }
}

/// The record of a body; `None` when a compaction took it.
pub(in crate::documents) fn body_record(
    snapshot: &Snapshot,
    number: u64,
) -> Result<Option<Value>, DocumentError> {
    Ok(snapshot.get(&key::number(key::BODY, number))?)
}
