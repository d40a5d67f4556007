//! What is done with an edit before the shard's turn: attachments are stored, the revision id is computed.

use std::sync::Arc;

use super::attachment_info::{Encoding, digest_text};
use super::edit::{AttachmentEdit, AttachmentSource, Edit};
use super::error::DocumentError;
use super::options::EditMode;
use super::parse::check_attachment_name;
use super::partition::check_document_id;
use super::revision::InvalidRevision;
use super::revision_id::next_revision;
use super::shard::{
    PreparedAttachment, PreparedEdit, PreparedSource, Shard, Upload, UploadOptions,
};

// What one edit may put into a record: the engine's bound on values must not be met in the middle of a batch, which
// would fail with all the edits of others that are in it.

/// The longest text of a document, whatever the options say.
const BODY_MAX_BYTES: u64 = 128 << 20;
/// The longest hash of a revision, where it is text.
const HASH_MAX_BYTES: usize = 256;
/// The longest names and types of a document's attachments, together.
const WORDS_MAX_BYTES: usize = 8 << 20;

/// The type of an attachment that has none.
const CONTENT_TYPE_DEFAULT: &str = "application/octet-stream";

/// What a database takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// The largest document, in bytes of its JSON text.
    pub max_document_bytes: u64,
    /// Whether ids are `partition:id`.
    pub partitioned: bool,
}

pub(super) fn prepare(
    rules: Rules,
    shard: &Arc<Shard>,
    edit: Edit,
    mode: EditMode,
) -> PreparedEdit {
    let Edit { id, revisions, deleted, body, attachments } = edit;
    let mut prepared = PreparedEdit {
        id,
        mode,
        revisions,
        deleted,
        body,
        attachments: Vec::new(),
        next: None,
        refused: None,
    };
    if let Err(error) = complete(rules, shard, &mut prepared, attachments) {
        prepared.refused = Some(error);
    }
    prepared
}

fn complete(
    rules: Rules,
    shard: &Arc<Shard>,
    edit: &mut PreparedEdit,
    attachments: Vec<AttachmentEdit>,
) -> Result<(), DocumentError> {
    check_document_id(&edit.id, rules.partitioned)?;
    if edit.id.starts_with("_local/") {
        let reason = "Local documents are not updated like others.";
        return Err(DocumentError::IllegalId { reason });
    }
    let too_large = || DocumentError::TooLarge { id: edit.id.clone() };
    if edit.body.as_str().len() as u64 > rules.max_document_bytes.min(BODY_MAX_BYTES) {
        return Err(too_large());
    }
    let reaches_zero = edit.revisions.hashes.len() as u64 > edit.revisions.start;
    if edit.mode == EditMode::Replicated && reaches_zero {
        return Err(InvalidRevision.into());
    }
    if edit.revisions.hashes.iter().any(|hash| hash.as_bytes().len() > HASH_MAX_BYTES) {
        return Err(InvalidRevision.into());
    }
    let words =
        |att: &AttachmentEdit| att.name.len() + att.content_type.as_ref().map_or(0, String::len);
    if attachments.iter().map(words).sum::<usize>() > WORDS_MAX_BYTES {
        return Err(too_large());
    }
    for attachment in attachments {
        check_attachment_name(&attachment.name)?;
        edit.attachments.push(store(shard, attachment)?);
    }
    if edit.mode == EditMode::Interactive && edit.attachments.is_empty() {
        let parent = edit.revisions.newest();
        edit.next = Some(next_revision(parent.as_ref(), edit.deleted, &edit.body, &[])?);
    }
    Ok(())
}

/// Makes edits fit for a shard that comes of the one that they were prepared for.
pub(super) fn relocate(shard: &Arc<Shard>, edit: &mut PreparedEdit) {
    for attachment in &mut edit.attachments {
        if let PreparedSource::Uploaded(pending) = &mut attachment.source
            && !pending.is_in(shard.store())
        {
            match shard.take_pending(pending) {
                Ok(moved) => *pending = moved,
                Err(error) => edit.refused = Some(error),
            }
        }
    }
}

fn store(
    shard: &Arc<Shard>,
    attachment: AttachmentEdit,
) -> Result<PreparedAttachment, DocumentError> {
    let AttachmentEdit { name, content_type, revpos, digest, source } = attachment;
    let content_type = content_type.unwrap_or_else(|| CONTENT_TYPE_DEFAULT.to_owned());
    let stored = match source {
        AttachmentSource::Stub => {
            let source = PreparedSource::Stub;
            return Ok(PreparedAttachment { name, content_type, revpos, source });
        }
        AttachmentSource::Follows { .. } => {
            let reason = format!("The content of attachment {name} did not follow.");
            return Err(DocumentError::BadRequest { reason });
        }
        AttachmentSource::Stored(stored) => stored,
        AttachmentSource::Inline(bytes) => {
            let options = UploadOptions {
                name: name.clone(),
                content_type: content_type.clone(),
                expected_length: None,
                encoding: Encoding::Identity,
            };
            let mut upload = Upload::begin(shard, options)?;
            upload.write(&bytes)?;
            upload.finish()?
        }
    };
    let mut pending = stored.pending;
    if shard.descends_from(&pending.origin) {
        pending = shard.take_pending(&pending)?;
    }
    if !pending.is_in(shard.store()) {
        let reason = format!("Attachment {name} was uploaded for another document.");
        return Err(DocumentError::BadRequest { reason });
    }
    // What was compressed here may have another digest than where it was compressed before.
    let as_it_came = pending.stored.md5 == pending.stored.received_md5;
    let matches = |digest: &String| *digest == digest_text(&pending.stored.md5);
    if as_it_came && digest.is_some_and(|digest| !matches(&digest)) {
        return Err(DocumentError::DigestMismatch);
    }
    Ok(PreparedAttachment { name, content_type, revpos, source: PreparedSource::Uploaded(pending) })
}
