//! What a change of a document keeps of it.

use super::problem::Problem;
use crate::documents::{
    AttachmentEdit, AttachmentSource, Body, Document, RevisionPath, parse_document,
};

/// An edit that keeps a document as it is, for changes of single attachments: body and stubs.
pub fn keeping(document: &Document) -> Result<(Body, Vec<AttachmentEdit>), Problem> {
    let body = parse_document(document.body().as_bytes())?.body;
    let stubs = document.attachments().iter().map(|info| AttachmentEdit {
        name: info.name.clone(),
        content_type: None,
        revpos: Some(info.revpos),
        digest: None,
        source: AttachmentSource::Stub,
    });
    Ok((body, stubs.collect()))
}

/// The path of a document that was read: its revision alone.
pub fn standing_on(document: &Document) -> RevisionPath {
    RevisionPath::from(document.revision().clone())
}
