//! What a writer hands in, and what it gets back.

use super::attachment_info::Encoding;
use super::body::Body;
use super::revision::{Revision, RevisionPath};
use super::stored::StoredAttachment;

/// One change of one document.
///
/// In [`super::EditMode::Interactive`], `revisions` is the revision that it stands on (its newest is looked at; none for a
/// new document); in [`super::EditMode::Replicated`] it is the revision itself with its ancestors.
#[derive(Clone, Debug)]
pub struct Edit {
    /// The document; checked by [`super::check_id`].
    pub id: String,
    /// See above.
    pub revisions: RevisionPath,
    /// Whether it is a tombstone.
    pub deleted: bool,
    /// The members that are not special.
    pub body: Body,
    /// The attachments that the new revision has, in the order of the document. One that is not named is gone.
    pub attachments: Vec<AttachmentEdit>,
}

/// An attachment of an edit.
#[derive(Clone, Debug)]
pub struct AttachmentEdit {
    /// Its name; may contain `/`.
    pub name: String,
    /// Its type; `application/octet-stream` where none is given. Ignored for a stub.
    pub content_type: Option<String>,
    /// The depth of the revision that set it. Taken over when replicated, 0 where none is given; else that of the new revision.
    pub revpos: Option<u64>,
    /// What the content's digest must be (`md5-` and base64); a difference is
    /// [`super::DocumentError::DigestMismatch`]. Ignored for a stub.
    pub digest: Option<String>,
    /// Where its content is.
    pub source: AttachmentSource,
}

/// Where the content of an attachment comes from.
#[derive(Clone, Debug)]
pub enum AttachmentSource {
    /// The revision below has it (`"stub":true`).
    Stub,
    /// Here (`"data":"base64"`), not encoded.
    Inline(Vec<u8>),
    /// It follows in a later part of the message (`"follows":true`). [`super::parse_document`] answers it; to be
    /// replaced by [`AttachmentSource::Stored`] before the update, else the edit is refused.
    Follows {
        /// `length`: bytes of the content that is not encoded.
        length: Option<u64>,
        /// `encoding`: how the bytes that follow are encoded.
        encoding: Encoding,
        /// `encoded_length`: bytes that follow, where they are encoded.
        encoded_length: Option<u64>,
    },
    /// It was uploaded: [`super::Database::upload`].
    Stored(StoredAttachment),
}

/// A revision that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The document.
    pub id: String,
    /// The revision.
    pub rev: Revision,
}
