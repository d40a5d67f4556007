//! From the text of a document to an edit, in one pass.

use std::borrow::Cow;
use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::attachment_info::Encoding;
use super::body::Body;
use super::edit::{AttachmentEdit, AttachmentSource, Edit};
use super::error::{DocumentError, Many};
use super::json::{Invalid, Kind, Number, Reader, Transcoder};
use super::revision::{Revision, RevisionHash, RevisionPath};

/// A document as a client wrote it.
#[derive(Clone, Debug, Default)]
pub struct ParsedDocument {
    /// `_id`; checked only for being a string.
    pub id: Option<String>,
    /// `_revisions`, or `_rev` alone; no revision when neither is there.
    pub revisions: RevisionPath,
    /// `_rev`, when it was there.
    pub rev: Option<Revision>,
    /// `_deleted`.
    pub deleted: bool,
    /// Everything else.
    pub body: Body,
    /// `_attachments`, in order.
    pub attachments: Vec<AttachmentEdit>,
}

/// What a request may bring; what it says beyond is refused without being kept.
#[derive(Clone, Copy, Debug)]
pub struct ParseLimits {
    /// Documents of one `_bulk_docs`.
    pub docs: usize,
    /// Bytes of the text of one document, without its attachments; 0 is no bound.
    pub document_bytes: usize,
}

impl Default for ParseLimits {
    fn default() -> Self {
        Self { docs: usize::MAX, document_bytes: 0 }
    }
}

/// Revision ids that a request may bring: many times what the longest histories of a large batch have.
const REVISION_IDS_MAX: usize = 1_000_000;
/// Attachments that a request may bring.
const ATTACHMENTS_MAX: usize = 10_000;

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
}

/// Reads the JSON text of a document once.
///
/// Members of a body keep their order; of several with the same name the last stays, in its place (jiffy's
/// `dedupe_keys`). Integers are kept whatever their size up to 10,000 digits; floats are printed as CouchDB prints them
/// (`1e3` is `1000.0`).
///
/// # Errors
/// [`DocumentError::InvalidJson`] for what is not JSON, nested deeper than 256, a float beyond the range of doubles or a
/// lone surrogate; [`DocumentError::NotAnObject`]; [`DocumentError::IllegalId`] for an `_id` that is not a string;
/// [`DocumentError::BadRevision`]; [`DocumentError::Validation`] for a special member that is unknown or of the wrong type;
/// [`DocumentError::BadAttachment`] for `data` that is not base64.
///
/// ```
/// # use pumice::documents::parse_document;
/// let document = parse_document(br#"{"_id": "stone", "hardness": 6.0, "_rev": "1-abc"}"#)?;
/// assert_eq!(document.id.as_deref(), Some("stone"));
/// assert_eq!(document.body.as_str(), r#"{"hardness":6.0}"#);
/// # Ok::<(), pumice::documents::DocumentError>(())
/// ```
pub fn parse_document(text: &[u8]) -> Result<ParsedDocument, DocumentError> {
    parse_document_within(text, &ParseLimits::default())
}

/// The same within limits.
///
/// # Errors
/// As [`parse_document`]; [`DocumentError::TooLarge`] and [`DocumentError::TooMany`].
pub fn parse_document_within(
    text: &[u8],
    limits: &ParseLimits,
) -> Result<ParsedDocument, DocumentError> {
    let mut reader = Reader::new(text)?;
    let document = Parser::within(limits).document(&mut reader)?;
    reader.end()?;
    document
}

/// Reads the body of `POST /{db}/_bulk_docs` once.
///
/// # Errors
/// As [`parse_document_within`] for each document, the first one's; [`DocumentError::TooMany`] for more documents than the limit;
/// [`DocumentError::BadRequest`] in CouchDB's words when the text is no object or `docs` is missing or no array, or
/// `new_edits` is no boolean.
pub fn parse_bulk(text: &[u8], limits: &ParseLimits) -> Result<ParsedBulk, DocumentError> {
    let mut reader = Reader::new(text)?;
    if reader.kind()? != Kind::Object {
        reader.skip()?;
        reader.end()?;
        return Err(bad_request("Request body must be a JSON object"));
    }
    let mut bulk = ParsedBulk::default();
    let (mut docs, mut other_new_edits) = (None, false);
    reader.enter()?;
    let mut first = true;
    while reader.more(first, b'}')? {
        first = false;
        match &*reader.key()? {
            "docs" => docs = Some(documents(&mut reader, limits)?),
            "new_edits" => match boolean(&mut reader)? {
                Some(flag) => bulk.new_edits = Some(flag),
                None => other_new_edits = true,
            },
            "all_or_nothing" => bulk.all_or_nothing = boolean(&mut reader)? == Some(true),
            _ => reader.skip()?,
        }
    }
    reader.end()?;
    if other_new_edits {
        return Err(bad_request("`new_edits` parameter must be a boolean."));
    }
    bulk.docs = docs.ok_or_else(|| bad_request("POST body must include `docs` parameter."))??;
    Ok(bulk)
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

fn bad_request(reason: &str) -> DocumentError {
    DocumentError::BadRequest { reason: reason.to_owned() }
}

fn invalid_member(name: &str) -> DocumentError {
    DocumentError::Validation { reason: format!("Bad special document member: {name}") }
}

fn validation(reason: &str) -> DocumentError {
    DocumentError::Validation { reason: reason.to_owned() }
}

/// What a part of a document gave: wrong JSON ends everything, wrong content only once all of it was read.
type Part<T> = Result<Result<T, DocumentError>, Invalid>;

fn documents(reader: &mut Reader<'_>, limits: &ParseLimits) -> Part<Vec<ParsedDocument>> {
    if reader.kind()? != Kind::Array {
        reader.skip()?;
        return Ok(Err(bad_request("`docs` parameter must be an array.")));
    }
    let mut parser = Parser::within(limits);
    let mut docs = Ok(Vec::new());
    reader.enter()?;
    let mut first = true;
    while reader.more(first, b']')? {
        first = false;
        let document = parser.document(reader)?;
        match (&mut docs, document) {
            (Ok(known), _) if known.len() >= limits.docs => {
                docs = Err(DocumentError::TooMany { what: Many::Documents, max: limits.docs });
            }
            (Ok(docs), Ok(document)) => docs.push(document),
            (Ok(_), Err(error)) => docs = Err(error),
            (Err(_), _) => {}
        }
    }
    Ok(docs)
}

fn boolean(reader: &mut Reader<'_>) -> Result<Option<bool>, Invalid> {
    match reader.kind()? {
        kind @ (Kind::True | Kind::False) => {
            reader.word(kind)?;
            Ok(Some(kind == Kind::True))
        }
        _ => reader.skip().map(|()| None),
    }
}

/// A string, or nothing where there is another value.
fn string<'a>(reader: &mut Reader<'a>) -> Result<Option<Cow<'a, str>>, Invalid> {
    match reader.kind()? {
        Kind::String => reader.string().map(Some),
        _ => reader.skip().map(|()| None),
    }
}

/// A whole number that is not negative, or nothing where there is another value.
fn whole(reader: &mut Reader<'_>) -> Result<Option<u64>, Invalid> {
    match reader.kind()? {
        Kind::Number => Ok(match reader.number()? {
            Number::Integer(text) => text.parse().ok(),
            Number::Float(_) => None,
        }),
        _ => reader.skip().map(|()| None),
    }
}

/// Reads documents; its buffers serve one after the other.
#[derive(Debug, Default)]
struct Parser {
    transcoder: Transcoder,
    brought: Brought,
}

/// What a request has brought so far, of what takes more memory than bytes.
#[derive(Debug, Default)]
struct Brought {
    revision_ids: usize,
    attachments: usize,
}

impl Brought {
    /// One more revision id, if it may be kept.
    fn take_revision_id(&mut self) -> Result<(), DocumentError> {
        self.revision_ids += 1;
        let (what, max) = (Many::RevisionIds, REVISION_IDS_MAX);
        if self.revision_ids > max { Err(DocumentError::TooMany { what, max }) } else { Ok(()) }
    }

    /// One more attachment, if it may be kept.
    fn take_attachment(&mut self) -> Result<(), DocumentError> {
        self.attachments += 1;
        let (what, max) = (Many::Attachments, ATTACHMENTS_MAX);
        if self.attachments > max { Err(DocumentError::TooMany { what, max }) } else { Ok(()) }
    }
}

impl Parser {
    fn within(limits: &ParseLimits) -> Self {
        let transcoder = Transcoder::within(limits.document_bytes);
        Self { transcoder, brought: Brought::default() }
    }

    fn document(&mut self, reader: &mut Reader<'_>) -> Part<ParsedDocument> {
        if reader.kind()? != Kind::Object {
            reader.skip()?;
            return Ok(Err(DocumentError::NotAnObject));
        }
        reader.enter()?;
        self.transcoder.clear();
        let object = self.transcoder.open_object();
        let mut document = ParsedDocument::default();
        let mut outcome = Ok(());
        let mut first = true;
        while reader.more(first, b'}')? {
            first = false;
            let name = reader.key()?;
            // What a replicator writes into its documents is a part of the body, in every database.
            if !name.starts_with('_') || name.starts_with("_replication_") {
                self.transcoder.member(&object, &name, reader)?;
            } else {
                let read = special(&mut document, &name, reader, &mut self.brought)?;
                outcome = outcome.and(read);
            }
        }
        if self.transcoder.is_full() {
            self.transcoder = Transcoder::within(self.transcoder.max_bytes());
            let id = document.id.unwrap_or_default();
            return Ok(outcome.and(Err(DocumentError::TooLarge { id })));
        }
        self.transcoder.close_object(&object)?;
        document.body = Body::of(self.transcoder.take())?;
        if document.revisions.is_none() {
            document.revisions = document.rev.clone().map(RevisionPath::from).unwrap_or_default();
        }
        Ok(outcome.map(|()| document))
    }
}

/// A member with an underscore in front.
fn special(
    document: &mut ParsedDocument,
    name: &str,
    reader: &mut Reader<'_>,
    brought: &mut Brought,
) -> Part<()> {
    match name {
        "_id" => {
            let Some(id) = string(reader)? else {
                let reason = "Document id must be a string";
                return Ok(Err(DocumentError::IllegalId { reason }));
            };
            document.id = Some(id.into_owned());
        }
        "_rev" => match string(reader)?.unwrap_or_default().parse() {
            Ok(rev) => document.rev = Some(rev),
            Err(error) => return Ok(Err(DocumentError::BadRevision(error))),
        },
        "_deleted" => match boolean(reader)? {
            Some(deleted) => document.deleted = deleted,
            None => return Ok(Err(invalid_member(name))),
        },
        "_revisions" => match revisions(reader, brought)? {
            Ok(path) => document.revisions = path,
            Err(error) => return Ok(Err(error)),
        },
        "_attachments" => match attachments(reader, brought)? {
            Ok(attachments) => document.attachments = attachments,
            Err(error) => return Ok(Err(error)),
        },
        "_revs_info" | "_local_seq" | "_conflicts" | "_deleted_conflicts" => reader.skip()?,
        _ => {
            reader.skip()?;
            return Ok(Err(invalid_member(name)));
        }
    }
    Ok(Ok(()))
}

fn revisions(reader: &mut Reader<'_>, brought: &mut Brought) -> Part<RevisionPath> {
    if reader.kind()? != Kind::Object {
        reader.skip()?;
        return Ok(Err(invalid_member("_revisions")));
    }
    let (mut start, mut hashes) = (None, Err(validation("RevIds isn't a array.")));
    reader.enter()?;
    let mut first = true;
    while reader.more(first, b'}')? {
        first = false;
        match &*reader.key()? {
            "start" => start = whole(reader)?,
            "ids" => hashes = revision_hashes(reader, brought)?,
            _ => reader.skip()?,
        }
    }
    let Some(start) = start else {
        return Ok(Err(validation("_revisions.start isn't an integer.")));
    };
    Ok(hashes.and_then(|hashes| {
        // Local documents are at depth 0.
        if start > 0 && hashes.len() as u64 > start {
            return Err(validation("_revisions.start is smaller than the number of ids."));
        }
        Ok(RevisionPath { start, hashes })
    }))
}

fn revision_hashes(reader: &mut Reader<'_>, brought: &mut Brought) -> Part<Vec<RevisionHash>> {
    if reader.kind()? != Kind::Array {
        reader.skip()?;
        return Ok(Err(validation("RevIds isn't a array.")));
    }
    let (mut hashes, mut kept) = (Vec::new(), Ok(()));
    let mut all_strings = true;
    reader.enter()?;
    let mut first = true;
    while reader.more(first, b']')? {
        first = false;
        match string(reader)? {
            Some(hash) => match brought.take_revision_id() {
                Ok(()) => hashes.push(RevisionHash::parse(&hash)),
                Err(error) => kept = Err(error),
            },
            None => all_strings = false,
        }
    }
    if let Err(error) = kept {
        return Ok(Err(error));
    }
    Ok(if all_strings { Ok(hashes) } else { Err(validation("RevId isn't a string")) })
}

fn attachments(reader: &mut Reader<'_>, brought: &mut Brought) -> Part<Vec<AttachmentEdit>> {
    if reader.kind()? != Kind::Object {
        reader.skip()?;
        return Ok(Err(invalid_member("_attachments")));
    }
    let mut attachments: Vec<Option<AttachmentEdit>> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut outcome = Ok(());
    reader.enter()?;
    let mut first = true;
    while reader.more(first, b'}')? {
        first = false;
        let name = reader.key()?.into_owned();
        // CouchDB passes over entries that are not objects.
        if reader.kind()? != Kind::Object {
            reader.skip()?;
            continue;
        }
        match attachment(name, reader)?.and_then(|read| brought.take_attachment().map(|()| read)) {
            Ok(attachment) => {
                let double = places.insert(attachment.name.clone(), attachments.len());
                if let Some(slot) = double.and_then(|at| attachments.get_mut(at)) {
                    *slot = None;
                }
                attachments.push(Some(attachment));
            }
            Err(error) => outcome = outcome.and(Err(error)),
        }
    }
    Ok(outcome.map(|()| attachments.into_iter().flatten().collect()))
}

/// The members of an attachment, as far as they were there.
#[derive(Default)]
struct AttachmentMembers<'a> {
    content_type: Option<String>,
    revpos: Option<u64>,
    digest: Option<String>,
    data: Option<Cow<'a, str>>,
    stub: bool,
    follows: bool,
    length: Option<u64>,
    encoding: Encoding,
    encoded_length: Option<u64>,
}

fn attachment(name: String, reader: &mut Reader<'_>) -> Part<AttachmentEdit> {
    let mut members = AttachmentMembers::default();
    reader.enter()?;
    let mut first = true;
    while reader.more(first, b'}')? {
        first = false;
        match &*reader.key()? {
            "content_type" => members.content_type = string(reader)?.map(Cow::into_owned),
            "revpos" => members.revpos = whole(reader)?,
            "digest" => members.digest = string(reader)?.map(Cow::into_owned),
            "data" => members.data = string(reader)?,
            "stub" => members.stub = boolean(reader)? == Some(true),
            "follows" => members.follows = boolean(reader)? == Some(true),
            "length" => members.length = whole(reader)?,
            "encoded_length" => members.encoded_length = whole(reader)?,
            "encoding" => {
                let gzip = string(reader)?.as_deref() == Some("gzip");
                members.encoding = if gzip { Encoding::Gzip } else { Encoding::Identity };
            }
            _ => reader.skip()?,
        }
    }
    Ok(check_attachment_name(&name).and_then(|()| members.into_edit(name)))
}

/// Whether an attachment can be called so.
///
/// # Errors
/// [`DocumentError::BadRequest`] in CouchDB's words: an underscore in front, or no name.
pub fn check_attachment_name(name: &str) -> Result<(), DocumentError> {
    if name.is_empty() {
        return Err(bad_request("Attachment name must not be empty"));
    }
    if name.starts_with('_') {
        let reason = format!("Attachment name '{name}' starts with prohibited character '_'");
        return Err(DocumentError::BadRequest { reason });
    }
    Ok(())
}

/// Space between the letters does not count, as in Erlang.
fn decode_base64(text: &str) -> Option<Vec<u8>> {
    if let Ok(bytes) = STANDARD.decode(text) {
        return Some(bytes);
    }
    let dense: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    STANDARD.decode(dense).ok()
}

impl AttachmentMembers<'_> {
    fn into_edit(self, name: String) -> Result<AttachmentEdit, DocumentError> {
        let source = if self.stub {
            AttachmentSource::Stub
        } else if self.follows {
            let Self { length, encoding, encoded_length, .. } = self;
            AttachmentSource::Follows { length, encoding, encoded_length }
        } else {
            match self.data.as_deref().and_then(decode_base64) {
                Some(data) => AttachmentSource::Inline(data),
                None => return Err(DocumentError::BadAttachment { name }),
            }
        };
        let Self { content_type, revpos, digest, .. } = self;
        Ok(AttachmentEdit { name, content_type, revpos, digest, source })
    }
}
