//! Answers in parts: a document with its attachments behind it (`multipart/related`), several of them (`multipart/mixed`).

use std::collections::VecDeque;
use std::sync::Arc;

use serde_json::json;

use super::app::{App, Pieces};
use super::problem::Problem;
use super::reply::{Answer, Reply};
use super::revisions::common_depth;
use crate::clock::Clock;
use crate::documents::{
    AttachmentInfo, AttachmentMembers, AttachmentReader, Document, Encoding, Members, OpenRev,
    Revision,
};

/// Parts that wait to be sent. Contents of attachments are read when their turn comes.
pub struct Parts {
    boundary: String,
    content_type: String,
    clock: Arc<dyn Clock>,
    items: VecDeque<Item>,
}

enum Item {
    Text(String),
    Attachment { document: Arc<Document>, name: String, stored_length: u64 },
    Reading(AttachmentReader),
}

fn boundary(app: &App) -> String {
    format!("{:032x}", app.clock.unique_id())
}

impl Parts {
    /// An answer of several documents or messages.
    pub fn mixed(app: &App) -> Self {
        Self::new(app, "multipart/mixed", boundary(app))
    }

    /// The answer of `_bulk_get` in parts; CouchDB's boundary has dashes of its own.
    pub fn bulk(app: &App, media: &str) -> Self {
        Self::new(app, media, format!("--{}", boundary(app)))
    }

    fn new(app: &App, media: &str, boundary: String) -> Self {
        let content_type = format!("{media}; boundary=\"{boundary}\"");
        Self { boundary, content_type, clock: app.clock.clone(), items: VecDeque::new() }
    }

    /// Bytes of all parts that were added.
    fn length_bytes(&self) -> u64 {
        let length = |item: &Item| match item {
            Item::Text(text) => text.len() as u64,
            Item::Attachment { stored_length, .. } => *stored_length,
            Item::Reading(_) => 0,
        };
        self.items.iter().map(length).sum()
    }

    /// Adds a part.
    pub fn push(&mut self, headers: &str, body: &str) {
        let text = format!("\r\n--{}\r\n{headers}\r\n\r\n{body}", self.boundary);
        self.items.push_back(Item::Text(text));
    }

    /// Adds a revision, or the news that it is not there. Of attachments comes what `known` revisions have not.
    pub fn push_revision(
        &mut self,
        item: OpenRev,
        members: &Members,
        known: &[Revision],
    ) -> Result<(), Problem> {
        match item {
            OpenRev::Missing(rev) => {
                let body = format!("{{\"missing\":{}}}", json!(rev.to_string()));
                self.push("Content-Type: application/json; error=\"true\"", &body);
            }
            OpenRev::Found(document) => {
                self.push_document("", *document, members, known)?;
            }
        }
        Ok(())
    }

    /// Adds a document, with the attachments that `known` revisions have not as parts of its own. `headers` are lines that
    /// end.
    pub fn push_document(
        &mut self,
        headers: &str,
        document: Document,
        members: &Members,
        known: &[Revision],
    ) -> Result<(), Problem> {
        let members = Members {
            attachments: follows(common_depth(&document, known)?),
            att_encoding_info: true,
            ..members.clone()
        };
        let follow = following(&document, &members);
        if follow.is_empty() {
            let body = text(&document, &members)?;
            // As in CouchDB, only a document in parts of its own says again which it is.
            self.push("Content-Type: application/json", &body);
            return Ok(());
        }
        // Of its own: a parser takes a line that begins with the outer boundary for the outer one (RFC 2046, 5.1.2).
        let inner = format!("{:032x}", self.clock.unique_id());
        let head = format!(
            "\r\n--{}\r\n{headers}Content-Type: multipart/related; boundary=\"{inner}\"\r\n\r\n",
            self.boundary
        );
        self.items.push_back(Item::Text(head));
        self.push_related(&inner, document, &members, &follow)
    }

    fn push_related(
        &mut self,
        boundary: &str,
        document: Document,
        members: &Members,
        follow: &[AttachmentInfo],
    ) -> Result<(), Problem> {
        let body = text(&document, members)?;
        let head = format!("--{boundary}\r\nContent-Type: application/json\r\n\r\n{body}");
        self.items.push_back(Item::Text(head));
        let document = Arc::new(document);
        for info in follow {
            self.items
                .push_back(Item::Text(format!("\r\n--{boundary}\r\n{}\r\n\r\n", describe(info))));
            let (name, stored_length) = (info.name.clone(), info.stored_length);
            let document = document.clone();
            self.items.push_back(Item::Attachment { document, name, stored_length });
        }
        self.items.push_back(Item::Text(format!("\r\n--{boundary}--")));
        Ok(())
    }

    /// The answer.
    pub async fn reply(mut self, app: &Arc<App>) -> Answer {
        // The first boundary begins the body; a line break before it would be a preamble.
        if let Some(Item::Text(first)) = self.items.front_mut() {
            *first = first.trim_start_matches("\r\n").to_owned();
        }
        self.items.push_back(Item::Text(format!("\r\n--{}--", self.boundary)));
        let content_type = self.content_type.clone();
        let reply: Reply = app.stream(self).await?;
        Ok(reply.header("Content-Type", &content_type))
    }
}

fn text(document: &Document, members: &Members) -> Result<String, Problem> {
    let mut bytes = Vec::new();
    document.write_json(&mut bytes, members)?;
    String::from_utf8(bytes).map_err(|_| Problem::internal("a document is not UTF-8"))
}

/// How attachments appear where the client has those up to a depth.
fn follows(common_depth: Option<u64>) -> AttachmentMembers {
    common_depth.map_or(AttachmentMembers::Follows, AttachmentMembers::FollowsSince)
}

fn following(document: &Document, members: &Members) -> Vec<AttachmentInfo> {
    let attachments = document.attachments().iter();
    attachments.filter(|info| members.attachments.has_content(info.revpos)).cloned().collect()
}

/// The headers of an attachment's part.
fn describe(info: &AttachmentInfo) -> String {
    let name = info.name.replace('\\', "\\\\").replace('"', "\\\"").replace(['\r', '\n'], " ");
    let content_type = info.content_type.replace(['\r', '\n'], " ");
    let encoding = match info.encoding {
        Encoding::Gzip => "\r\nContent-Encoding: gzip",
        Encoding::Identity => "",
    };
    format!(
        "Content-Disposition: attachment; filename=\"{name}\"\r\nContent-Type: {content_type}\r\n\
         Content-Length: {}{encoding}",
        info.stored_length
    )
}

/// A document with its attachments behind it: those whose content `members` want.
pub async fn related(app: &Arc<App>, document: Document, members: Members) -> Answer {
    let common_depth = match members.attachments {
        AttachmentMembers::InlineSince(depth) | AttachmentMembers::FollowsSince(depth) => {
            Some(depth)
        }
        AttachmentMembers::Inline | AttachmentMembers::Follows | AttachmentMembers::Stubs => None,
    };
    let attachments = follows(common_depth);
    let members = Members { attachments, att_encoding_info: true, ..members };
    let boundary = boundary(app);
    let mut parts = Parts::new(app, "multipart/related", boundary.clone());
    let follow = following(&document, &members);
    parts.push_related(&boundary, document, &members, &follow)?;
    let (content_type, length) = (parts.content_type.clone(), parts.length_bytes());
    let reply: Reply = app.stream(parts).await?;
    Ok(reply.header("Content-Type", &content_type).header("Content-Length", &length.to_string()))
}

impl Pieces for Parts {
    fn next(&mut self) -> Option<Result<Vec<u8>, Problem>> {
        let mut piece = Vec::new();
        while piece.len() < 64 << 10 {
            match self.items.pop_front() {
                None => break,
                Some(Item::Text(text)) => piece.extend_from_slice(text.as_bytes()),
                Some(Item::Attachment { document, name, .. }) => {
                    // As it is stored: whoever copies it stores the same.
                    match document.attachment(&name, Encoding::Gzip) {
                        Ok(reader) => self.items.push_front(Item::Reading(reader)),
                        Err(error) => return Some(Err(error.into())),
                    }
                }
                Some(Item::Reading(mut reader)) => match reader.next_chunk() {
                    Ok(None) => {}
                    Ok(Some(bytes)) => {
                        piece.extend_from_slice(bytes);
                        self.items.push_front(Item::Reading(reader));
                    }
                    Err(error) => return Some(Err(error.into())),
                },
            }
        }
        (!piece.is_empty()).then_some(Ok(piece))
    }
}
