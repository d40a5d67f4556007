//! `COPY`: from a document or a local document to either.

use super::call::Call;
use super::edits;
use super::local;
use super::problem::Problem;
use super::reply::Answer;
use super::target::{decode, parse_query};
use crate::documents::{
    AttachmentEdit, AttachmentSource, Database, Document, DocumentError, EditMode, Encoding,
    OpenOptions, ParsedDocument, Revision, UploadOptions, check_id, parse_document,
};

/// `COPY`: to the id in `Destination`, with its attachments.
pub fn of_document(call: &Call) -> Answer {
    let (id, base) = destination(call)?;
    let database = call.database()?;
    let rev = call.parameter("rev").map(str::parse).transpose().map_err(|_| Problem::bad_rev())?;
    let options = OpenOptions { rev, ..OpenOptions::default() };
    let source = database.open(&call.document_id(), &options)?;
    let mut parsed = parse_document(source.body().as_bytes())?;
    check_id(&id)?;
    if !id.starts_with("_local/") {
        parsed.attachments = copies(&database, &source, &id)?;
    }
    put(call, &database, parsed, id, base)
}

/// Where a `COPY` goes to, and the revision there that it stands on.
fn destination(call: &Call) -> Result<(String, Option<Revision>), Problem> {
    let destination = call.header("destination").filter(|destination| !destination.is_empty());
    let Some(destination) = destination else {
        return Err(Problem::bad_request("Destination header is mandatory for COPY."));
    };
    if ["http://", "https://"].iter().any(|scheme| destination.starts_with(scheme)) {
        return Err(Problem::bad_request("Destination URL must be relative."));
    }
    parse_destination(destination)
}

/// Writes what was copied, to a document or a local document.
fn put(
    call: &Call,
    database: &Database,
    parsed: ParsedDocument,
    id: String,
    base: Option<Revision>,
) -> Answer {
    if id.starts_with("_local/") {
        return local::put_parsed(call, database, &id, &parsed, base.as_ref());
    }
    let mut edit = edits::prepare(call, database, parsed, id)?;
    edit.revisions = edits::path(base);
    let written = edits::write(call, database, edit, EditMode::Interactive)?;
    let location = call.location(&[call.name("db"), &written.id]);
    Ok(edits::with_etag(edits::written(201, &written), &written).header("Location", &location))
}

fn parse_destination(text: &str) -> Result<(String, Option<Revision>), Problem> {
    let (id, query) = text.split_once('?').unwrap_or((text, ""));
    let wrong = |_| Problem::bad_request("Destination header cannot be read");
    let id = decode(id, false).map_err(wrong)?;
    let pairs = parse_query(query).map_err(wrong)?;
    let rev = pairs.iter().find(|(name, _)| name == "rev").map(|(_, rev)| rev.parse());
    Ok((id, rev.transpose().map_err(|_| Problem::bad_rev())?))
}

fn copies(
    database: &Database,
    source: &Document,
    id: &str,
) -> Result<Vec<AttachmentEdit>, DocumentError> {
    let copy = |info: &crate::documents::AttachmentInfo| {
        let mut reader = source.attachment(&info.name, Encoding::Identity)?;
        let options = UploadOptions {
            content_type: info.content_type.clone(),
            expected_length: Some(info.length),
            name: info.name.clone(),
            ..UploadOptions::default()
        };
        let mut upload = database.upload(id, options)?;
        while let Some(bytes) = reader.next_chunk()? {
            upload.write(bytes)?;
        }
        Ok(AttachmentEdit {
            name: info.name.clone(),
            content_type: Some(info.content_type.clone()),
            revpos: None,
            digest: None,
            source: AttachmentSource::Stored(upload.finish()?),
        })
    };
    source.attachments().iter().map(copy).collect()
}

/// `COPY` of a local document.
pub fn of_local(call: &Call) -> Answer {
    let (destination, base) = destination(call)?;
    let database = call.database()?;
    let source = database.local_get(&local::id(call))?;
    let parsed = parse_document(source.body.as_bytes())?;
    put(call, &database, parsed, destination, base)
}
