//! From the text of a document to an edit, in one pass.

use super::attachment::AttachmentLimits;
use super::body::Body;
use super::edit::{AttachmentEdit, Edit};
use super::error::DocumentError;
use super::revision::RevisionPath;

/// A document as a client wrote it.
#[derive(Clone, Debug, Default)]
pub struct ParsedDocument {
    /// `_id`; checked only for being a string.
    pub id: Option<String>,
    /// `_revisions`, or `_rev` alone; no revision when neither is there.
    pub revisions: RevisionPath,
    /// `_rev`, when it was there.
    pub rev: Option<super::Revision>,
    /// `_deleted`.
    pub deleted: bool,
    /// Everything else.
    pub body: Body,
    /// `_attachments`, in order.
    pub attachments: Vec<AttachmentEdit>,
    /// `_replication_*` members are part of the body; here is whether there were some, since only a replicator's
    /// database takes them.
    pub replication_members: bool,
}

impl ParsedDocument {
    /// As an edit of the document `id`, whatever `_id` says.
    pub fn into_edit(self, id: String) -> Edit {
        let Self { revisions, deleted, body, attachments, .. } = self;
        Edit { id, revisions, deleted, body, attachments }
    }
}

/// The body of `POST /{db}/_bulk_docs`.
#[derive(Clone, Debug, Default)]
pub struct ParsedBulk {
    /// `docs`.
    pub docs: Vec<ParsedDocument>,
    /// `new_edits`; `None` when it is not there.
    pub new_edits: Option<bool>,
    /// `all_or_nothing`.
    pub all_or_nothing: bool,
    /// `w`, as the text of its JSON.
    pub w: Option<String>,
}

/// Reads the JSON text of a document once.
///
/// Members of a body keep their order; of several with the same name the last stays, in its place (as jiffy's `dedupe_keys`). Integers
/// are kept whatever their size; floats are printed as CouchDB prints them (`1e3` is `1000.0`).
///
/// # Errors
/// [`DocumentError::InvalidJson`] for what is not JSON, nested deeper than 256, a float beyond the range of doubles or a
/// lone surrogate; [`DocumentError::NotAnObject`]; [`DocumentError::IllegalId`] for an `_id` that is not a string;
/// [`DocumentError::BadRevision`]; [`DocumentError::Validation`] for a special member that is unknown or of the wrong type;
/// [`DocumentError::BadAttachment`] for `data` that is not base64.
///
/// ```no_run
/// # use pumice::documents::parse_document;
/// let document = parse_document(br#"{"_id": "stone", "hardness": 6.0, "_rev": "1-abc"}"#)?;
/// assert_eq!(document.id.as_deref(), Some("stone"));
/// assert_eq!(document.body.as_str(), r#"{"hardness":6.0}"#);
/// # Ok::<(), pumice::documents::DocumentError>(())
/// ```
pub fn parse_document(text: &[u8]) -> Result<ParsedDocument, DocumentError> {
    let _ = (text, AttachmentLimits::default());
    Err(DocumentError::InvalidJson)
}

/// Reads the body of `POST /{db}/_bulk_docs` once.
///
/// # Errors
/// As [`parse_document`] for each document; [`DocumentError::BadRequest`] in CouchDB's words when the text is no object or
/// `docs` is missing or no array.
pub fn parse_bulk(text: &[u8]) -> Result<ParsedBulk, DocumentError> {
    let _ = text;
    Err(DocumentError::InvalidJson)
}

/// Whether a document can be called so.
///
/// # Errors
/// [`DocumentError::IllegalId`]: empty, over 65,000 bytes, or with an underscore in front without being reserved.
pub fn check_id(id: &str) -> Result<(), DocumentError> {
    let reserved = |prefix| id.len() > str::len(prefix) && id.starts_with(prefix);
    let reason = match id {
        "" => "Document id must not be empty",
        _ if id.len() > ID_MAX_BYTES => "Document id is too long",
        _ if id.starts_with('_') && !reserved("_design/") && !reserved("_local/") => {
            "Only reserved document ids may start with underscore."
        }
        _ => return Ok(()),
    };
    Err(DocumentError::IllegalId { reason })
}

/// The longest id of a document; the engine's keys set the bound.
const ID_MAX_BYTES: usize = 65_000;
