//! A revision of a document as it is read.

use std::io::Write;
use std::sync::Arc;

use base64::engine::general_purpose::STANDARD;
use base64::write::EncoderWriter;

use super::attachment_info::{AttachmentInfo, Encoding};
use super::error::{DocumentError, StorageError};
use super::json::put_string;
use super::record::Head;
use super::revision::{Revision, RevisionPath};
use super::shard::{AttachmentReader, Found, Shard, body_record};
use super::tree::{Node, Tree};
use crate::journal::{Snapshot, Value};

/// One revision of one document, on the state of the database that it was read from.
#[derive(Clone, Debug)]
pub struct Document {
    shard: Arc<Shard>,
    snapshot: Snapshot,
    id: String,
    revision: Revision,
    deleted: bool,
    local_seq: u64,
    several_leaves: bool,
    record: Value,
    body: Value,
    text_start: usize,
    attachments: Vec<AttachmentInfo>,
    revs_info: Vec<RevisionStatus>,
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

/// What is shown of the bodies of documents to somebody who may not see all of them.
#[derive(Clone)]
pub struct Mask(Arc<dyn Fn(&str) -> String + Send + Sync>);

impl Mask {
    /// A function from the text of a body to the text that is shown.
    pub fn new(shown: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        Self(Arc::new(shown))
    }
}

impl std::fmt::Debug for Mask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Mask")
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
    /// What is shown of the body; all of it where there is none.
    pub mask: Option<Mask>,
}

/// How attachments appear in the JSON of a document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AttachmentMembers {
    /// As stubs.
    #[default]
    Stubs,
    /// With their content in base64.
    Inline,
    /// With `follows` (multipart).
    Follows,
    /// With `follows` where `revpos` is above this, else as stubs.
    FollowsSince(u64),
    /// With their content in base64 where `revpos` is above this, else as stubs (`atts_since`).
    InlineSince(u64),
}

/// How one attachment appears.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Stub,
    Follows,
    Inline,
}

impl AttachmentMembers {
    fn form(self, revpos: u64) -> Form {
        match self {
            Self::Inline => Form::Inline,
            Self::InlineSince(since) if revpos > since => Form::Inline,
            Self::Follows => Form::Follows,
            Self::FollowsSince(since) if revpos > since => Form::Follows,
            Self::Stubs | Self::InlineSince(_) | Self::FollowsSince(_) => Form::Stub,
        }
    }

    /// Whether the content of an attachment with this `revpos` goes with the document, in it or behind it.
    pub fn has_content(self, revpos: u64) -> bool {
        self.form(revpos) != Form::Stub
    }
}

impl Document {
    /// The winner of a record. `None` when its body is gone, which a winner's never is.
    pub(super) fn winner(
        shard: &Arc<Shard>,
        snapshot: &Snapshot,
        id: String,
        found: Found,
    ) -> Result<Option<Self>, DocumentError> {
        let Head { winner, deleted, body, .. } = found.head.clone();
        Self::read(shard, snapshot, id, found, (winner, deleted, body.number))
    }

    /// One node of the tree of a record. `None` when its body is gone.
    pub(super) fn of_node(
        shard: &Arc<Shard>,
        snapshot: &Snapshot,
        id: &str,
        found: &Found,
        node: &Node,
    ) -> Result<Option<Self>, DocumentError> {
        let Some(body) = node.body else {
            return Ok(None);
        };
        let which = (node.revision.clone(), node.deleted, body.number);
        Self::read(shard, snapshot, id.to_owned(), found.clone(), which)
    }

    fn read(
        shard: &Arc<Shard>,
        snapshot: &Snapshot,
        id: String,
        found: Found,
        (revision, deleted, number): (Revision, bool, u64),
    ) -> Result<Option<Self>, DocumentError> {
        let Some(body) = body_record(snapshot, number)? else {
            return Ok(None);
        };
        let (attachments, text_start) = shard.read_body(&body)?;
        Ok(Some(Self {
            shard: shard.clone(),
            snapshot: snapshot.clone(),
            id,
            revision,
            deleted,
            local_seq: found.head.sequence,
            several_leaves: found.head.several_leaves,
            record: found.record,
            body,
            text_start,
            attachments,
            revs_info: Vec::new(),
        }))
    }

    /// Looks up what there is of its ancestors.
    pub(super) fn look_up_revs(&mut self) -> Result<(), DocumentError> {
        let tree = self.tree()?;
        let Some(index) = tree.find(&self.revision) else {
            return Ok(());
        };
        self.revs_info = tree
            .ancestors(index)
            .filter_map(|index| tree.node(index))
            .map(|node| self.status(node))
            .collect::<Result<_, _>>()?;
        Ok(())
    }

    fn status(&self, node: &Node) -> Result<RevisionStatus, DocumentError> {
        let there = match node.body {
            Some(body) => body_record(&self.snapshot, body.number)?.is_some(),
            None => false,
        };
        let availability = match (there, node.deleted) {
            (false, _) => Availability::Missing,
            (true, true) => Availability::Deleted,
            (true, false) => Availability::Available,
        };
        Ok(RevisionStatus { rev: node.revision.clone(), availability })
    }

    fn tree(&self) -> Result<Tree, DocumentError> {
        self.shard.tree(&self.record)
    }

    /// Its id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The revision.
    pub fn revision(&self) -> &Revision {
        &self.revision
    }

    /// It with its known ancestors, newest first. Decodes the tree.
    pub fn revisions(&self) -> Result<RevisionPath, DocumentError> {
        let tree = self.tree()?;
        let index = tree.find(&self.revision);
        Ok(index.map(|index| tree.path(index)).unwrap_or_default())
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
        let text = self.body.get(self.text_start..).unwrap_or_default();
        // Written from a string; the journal's checksums stand between.
        std::str::from_utf8(text).unwrap_or("{}")
    }

    /// The leaves that are not deleted beside this one, best first.
    pub fn conflicts(&self) -> Result<Vec<Revision>, DocumentError> {
        self.other_leaves(false)
    }

    /// The leaves that are deleted beside this one, best first.
    pub fn deleted_conflicts(&self) -> Result<Vec<Revision>, DocumentError> {
        self.other_leaves(true)
    }

    fn other_leaves(&self, deleted: bool) -> Result<Vec<Revision>, DocumentError> {
        if !self.several_leaves {
            return Ok(Vec::new());
        }
        let tree = self.tree()?;
        let leaves = tree.ranked_leaves();
        let nodes = leaves.into_iter().filter_map(|index| tree.node(index));
        let others = nodes.filter(|node| node.deleted == deleted && node.revision != self.revision);
        Ok(others.map(|node| node.revision.clone()).collect())
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
        let info = self.attachments.iter().find(|attachment| attachment.name == name);
        let info = info.ok_or(DocumentError::NoAttachment)?;
        Ok(AttachmentReader::new(self.snapshot.clone(), info, accept))
    }

    /// Writes it as JSON text without building a tree; attachments that are to be inline are streamed. A `Vec<u8>`
    /// is a writer.
    ///
    /// # Errors
    /// [`DocumentError::Storage`] when an attachment cannot be read, [`DocumentError::Output`] when `out` fails.
    pub fn write_json(&self, out: &mut dyn Write, members: &Members) -> Result<(), DocumentError> {
        let masked = members.mask.as_ref().map(|mask| (mask.0)(self.body()));
        let body = masked.as_deref().unwrap_or_else(|| self.body());
        let mut text = Vec::with_capacity(body.len() + self.id.len() + 128);
        text.extend_from_slice(b"{\"_id\":");
        put_string(&mut text, &self.id);
        text.extend_from_slice(b",\"_rev\":");
        put_revision(&mut text, &self.revision);
        let inner = body.get(1..body.len().saturating_sub(1)).unwrap_or_default();
        if !inner.is_empty() {
            text.push(b',');
            text.extend_from_slice(inner.as_bytes());
        }
        if self.deleted {
            text.extend_from_slice(b",\"_deleted\":true");
        }
        self.put_meta(&mut text, members)?;
        if !self.attachments.is_empty() {
            self.write_attachments(&mut text, out, members)?;
        }
        text.push(b'}');
        output(out.write_all(&text))
    }

    fn put_meta(&self, text: &mut Vec<u8>, members: &Members) -> Result<(), DocumentError> {
        if members.revs {
            let path = self.revisions()?;
            text.extend_from_slice(
                format!(",\"_revisions\":{{\"start\":{}", path.start).as_bytes(),
            );
            text.extend_from_slice(b",\"ids\":");
            put_list(text, path.hashes.iter(), |text, hash| {
                text.extend_from_slice(format!("\"{hash}\"").as_bytes());
            });
            text.push(b'}');
        }
        if members.revs_info {
            text.extend_from_slice(b",\"_revs_info\":");
            put_list(text, self.revs_info.iter(), |text, status| {
                text.extend_from_slice(b"{\"rev\":");
                put_revision(text, &status.rev);
                let word = status.availability.word();
                text.extend_from_slice(format!(",\"status\":\"{word}\"}}").as_bytes());
            });
        }
        if members.local_seq {
            text.extend_from_slice(format!(",\"_local_seq\":{}", self.local_seq).as_bytes());
        }
        if members.conflicts {
            put_revisions(text, "_conflicts", &self.conflicts()?);
        }
        if members.deleted_conflicts {
            put_revisions(text, "_deleted_conflicts", &self.deleted_conflicts()?);
        }
        Ok(())
    }

    /// `text` is what was not written yet.
    fn write_attachments(
        &self,
        text: &mut Vec<u8>,
        out: &mut dyn Write,
        members: &Members,
    ) -> Result<(), DocumentError> {
        text.extend_from_slice(b",\"_attachments\":{");
        for (index, info) in self.attachments.iter().enumerate() {
            if index > 0 {
                text.push(b',');
            }
            put_string(text, &info.name);
            text.extend_from_slice(b":{\"content_type\":");
            put_string(text, &info.content_type);
            let digest = info.digest();
            let head = format!(",\"revpos\":{},\"digest\":\"{digest}\"", info.revpos);
            text.extend_from_slice(head.as_bytes());
            let form = members.attachments.form(info.revpos);
            if form == Form::Inline {
                text.extend_from_slice(b",\"data\":\"");
                output(out.write_all(text))?;
                text.clear();
                self.write_base64(info, out)?;
                text.push(b'"');
            } else {
                let word = if form == Form::Follows { "follows" } else { "stub" };
                text.extend_from_slice(
                    format!(",\"length\":{},\"{word}\":true", info.length).as_bytes(),
                );
            }
            if members.att_encoding_info && info.encoding == Encoding::Gzip {
                let length = info.stored_length;
                let encoding = format!(",\"encoding\":\"gzip\",\"encoded_length\":{length}");
                text.extend_from_slice(encoding.as_bytes());
            }
            text.push(b'}');
        }
        text.push(b'}');
        Ok(())
    }

    fn write_base64(
        &self,
        info: &AttachmentInfo,
        out: &mut dyn Write,
    ) -> Result<(), DocumentError> {
        let mut reader = AttachmentReader::new(self.snapshot.clone(), info, Encoding::Identity);
        let mut encoder = EncoderWriter::new(out, &STANDARD);
        while let Some(piece) = reader.next_chunk()? {
            output(encoder.write_all(piece))?;
        }
        output(encoder.finish().map(|_| ()))
    }
}

fn output(written: std::io::Result<()>) -> Result<(), DocumentError> {
    written.map_err(|error| DocumentError::Output { reason: error.to_string() })
}

fn put_revision(text: &mut Vec<u8>, revision: &Revision) {
    // The hash of another implementation may need escapes.
    put_string(text, &revision.to_string());
}

fn put_revisions(text: &mut Vec<u8>, name: &str, revisions: &[Revision]) {
    if revisions.is_empty() {
        return;
    }
    text.extend_from_slice(format!(",\"{name}\":").as_bytes());
    put_list(text, revisions.iter(), put_revision);
}

fn put_list<T>(text: &mut Vec<u8>, items: impl Iterator<Item = T>, put: impl Fn(&mut Vec<u8>, T)) {
    text.push(b'[');
    for (index, item) in items.enumerate() {
        if index > 0 {
            text.push(b',');
        }
        put(text, item);
    }
    text.push(b']');
}

/// A revision or the news that it is not there: an item of [`super::Database::open_revs`].
#[derive(Clone, Debug)]
pub enum OpenRev {
    /// It is there.
    Found(Box<Document>),
    /// There is none, or its body is gone.
    Missing(Revision),
}

impl StorageError {
    /// Whether the disk is full (507 `insufficient_storage`).
    pub fn is_no_space(&self) -> bool {
        matches!(self, Self::Commit(crate::journal::CommitError::NoSpace(_)))
    }
}
