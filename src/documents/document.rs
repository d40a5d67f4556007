//! A revision of a document as it is read.

use std::io::Write;

use super::attachment::{AttachmentInfo, AttachmentReader};
use super::edit::Encoding;
use super::error::DocumentError;
use super::revision::{Revision, RevisionPath};

/// One revision of one document.
#[derive(Clone, Debug)]
pub struct Document {
    id: String,
    revision: Revision,
    revisions: RevisionPath,
    deleted: bool,
    local_seq: u64,
    body: String,
    conflicts: Vec<Revision>,
    deleted_conflicts: Vec<Revision>,
    revs_info: Vec<RevisionStatus>,
    attachments: Vec<AttachmentInfo>,
}

/// What there is of a revision (`_revs_info`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevisionStatus {
    /// The revision.
    pub rev: Revision,
    /// What there is.
    pub availability: Availability,
}

/// Whether a revision can still be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Availability {
    /// It can.
    Available,
    /// Its body is gone.
    Missing,
    /// It is a tombstone.
    Deleted,
}

impl Availability {
    /// CouchDB's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Available => "available",
            Self::Missing => "missing",
            Self::Deleted => "deleted",
        }
    }
}

/// Which members [`Document::write_json`] writes beside `_id`, `_rev`, `_deleted` and the body.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a parameter of the request")]
pub struct Members {
    /// `_revisions`.
    pub revs: bool,
    /// `_revs_info`; empty unless the document was opened with [`super::OpenOptions::revs_info`].
    pub revs_info: bool,
    /// `_local_seq`.
    pub local_seq: bool,
    /// `_conflicts`, where there are some.
    pub conflicts: bool,
    /// `_deleted_conflicts`, where there are some.
    pub deleted_conflicts: bool,
    /// `encoding` and `encoded_length` of attachments that are stored encoded.
    pub att_encoding_info: bool,
    /// How attachments appear.
    pub attachments: AttachmentMembers,
}

/// How attachments appear in the JSON of a document.
#[derive(Clone, Debug, Default)]
pub enum AttachmentMembers {
    /// As stubs.
    #[default]
    Stubs,
    /// With their content in base64.
    Inline,
    /// With `follows` where the depth is above this, else as stubs (multipart; 0 for all).
    FollowsSince(u64),
    /// With their content in base64 where the depth is above this, else as stubs (`atts_since`).
    InlineSince(u64),
}

impl Document {
    /// Its id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The revision.
    pub fn revision(&self) -> &Revision {
        &self.revision
    }

    /// It with its known ancestors, newest first.
    pub fn revisions(&self) -> &RevisionPath {
        &self.revisions
    }

    /// Whether it is a tombstone.
    pub fn deleted(&self) -> bool {
        self.deleted
    }

    /// The sequence of the document's last change in its shard.
    pub fn local_seq(&self) -> u64 {
        self.local_seq
    }

    /// The members that are not special, as JSON text: `{...}`.
    pub fn body(&self) -> &str {
        &self.body
    }

    /// The other leaves that are not deleted, best first.
    pub fn conflicts(&self) -> &[Revision] {
        &self.conflicts
    }

    /// The other leaves that are deleted, best first.
    pub fn deleted_conflicts(&self) -> &[Revision] {
        &self.deleted_conflicts
    }

    /// The revision and its ancestors and whether they can be read; empty unless asked for.
    pub fn revs_info(&self) -> &[RevisionStatus] {
        &self.revs_info
    }

    /// Its attachments, in order.
    pub fn attachments(&self) -> &[AttachmentInfo] {
        &self.attachments
    }

    /// One attachment's content: as it is stored when `accept` is how it is stored, else not encoded.
    ///
    /// # Errors
    /// [`DocumentError::NoAttachment`].
    pub fn attachment(
        &self,
        name: &str,
        accept: Encoding,
    ) -> Result<AttachmentReader, DocumentError> {
        let _ = (name, accept);
        Err(DocumentError::NoAttachment)
    }

    /// Writes it as JSON text without building a tree; attachments that are to be inline are streamed. A `Vec<u8>`
    /// is a writer.
    ///
    /// # Errors
    /// [`DocumentError::Storage`] when an attachment cannot be read, or `out` fails.
    pub fn write_json(&self, out: &mut dyn Write, members: &Members) -> Result<(), DocumentError> {
        let _ = (out, members);
        Ok(())
    }
}

/// A revision or the news that it is not there: an item of [`super::Database::open_revs`].
#[derive(Clone, Debug)]
pub enum OpenRev {
    /// It is there.
    Found(Box<Document>),
    /// There is none, or its body is gone.
    Missing(Revision),
}
