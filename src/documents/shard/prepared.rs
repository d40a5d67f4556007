//! Edits as the shard takes them.

use std::sync::Arc;

use crate::documents::body::Body;
use crate::documents::error::DocumentError;
use crate::documents::options::EditMode;
use crate::documents::revision::{Revision, RevisionPath};
use crate::documents::stored::Pending;

/// An edit with everything done that needs no turn: attachments are uploaded, the revision id is computed if it can be.
#[derive(Debug)]
pub(in crate::documents) struct PreparedEdit {
    pub id: String,
    pub mode: EditMode,
    /// Interactive: the parent; replicated: the revision with its ancestors.
    pub revisions: RevisionPath,
    pub deleted: bool,
    pub body: Body,
    pub attachments: Vec<PreparedAttachment>,
    /// The new revision, when it stands on the newest of `revisions`. Computed beforehand.
    pub next: Option<Revision>,
    /// What was wrong with it already.
    pub refused: Option<DocumentError>,
}

/// An attachment of a prepared edit.
#[derive(Debug)]
pub(in crate::documents) struct PreparedAttachment {
    pub name: String,
    pub content_type: String,
    pub revpos: Option<u64>,
    pub source: PreparedSource,
}

/// Where its content is.
#[derive(Debug)]
pub(in crate::documents) enum PreparedSource {
    /// The revision below has it.
    Stub,
    /// It was uploaded.
    Uploaded(Arc<Pending>),
}

/// What a record costs beside its text, about.
const OVERHEAD_BYTES: usize = 256;

impl PreparedEdit {
    /// Whether attachments of the revision below are meant.
    pub fn has_stubs(&self) -> bool {
        self.attachments.iter().any(|att| matches!(att.source, PreparedSource::Stub))
    }

    /// About how much it adds to a transaction.
    pub fn size_bytes(&self) -> usize {
        self.body.as_str().len() + self.id.len() + OVERHEAD_BYTES
    }
}
