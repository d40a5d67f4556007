//! Answers in parts: a document with its attachments behind it (`multipart/related`), several of them (`multipart/mixed`).

use std::collections::VecDeque;
use std::sync::Arc;

use serde_json::json;

use super::app::{App, Pieces};
use super::problem::Problem;
use super::reply::{Answer, Reply};
use super::revisions::common_depth;
use crate::documents::{
    AttachmentInfo, AttachmentMembers, AttachmentReader, Document, Encoding, Members, OpenRev,
    Revision,
};

/// Parts that wait to be sent. Contents of attachments are read when their turn comes.
pub struct Parts {
    boundary: String,
    content_type: String,
    items: VecDeque<Item>,
}

enum Item {
    Text(String),
    Attachment { document: Arc<Document>, name: String },
    Reading(AttachmentReader),
}

fn boundary(app: &App) -> String {
    format!("{:032x}", app.clock.unique_id())
}

impl Parts {
    /// An answer of several documents or messages.
    pub fn mixed(app: &App) -> Self {
        let boundary = boundary(app);
        let content_type = format!("multipart/mixed; boundary=\"{boundary}\"");
        Self { boundary, content_type, items: VecDeque::new() }
    }

    /// The answer of `_bulk_get` in parts; CouchDB's boundary has dashes of its own.
    pub fn bulk(app: &App, media: &str) -> Self {
        let boundary = format!("--{}", boundary(app));
        let content_type = format!("{media}; boundary=\"{boundary}\"");
        Self { boundary, content_type, items: VecDeque::new() }
    }

    /// Adds a part.
    pub fn push(&mut self, headers: &str, body: &str) {
        let text = format!("\r\n--{}\r\n{headers}\r\n\r\n{body}", self.boundary);
        self.items.push_back(Item::Text(text));
    }

    /// Adds a revision, or the news that it is not there.
    pub fn push_revision(
        &mut self,
        item: OpenRev,
        members: &Members,
        known: Option<&[Revision]>,
    ) -> Result<(), Problem> {
        match item {
            OpenRev::Missing(rev) => {
                let body = format!("{{\"missing\":{}}}", json!(rev.to_string()));
                self.push("Content-Type: application/json; error=\"true\"", &body);
            }
            OpenRev::Found(document) => {
                let since =
                    known.map(|known| common_depth(&document, known)).transpose()?.unwrap_or(0);
                self.push_document("", *document, members, since)?;
            }
        }
        Ok(())
    }

    /// Adds a document, with its attachments above a depth as parts of its own. `headers` are lines that end.
    pub fn push_document(
        &mut self,
        headers: &str,
        document: Document,
        members: &Members,
        since: u64,
    ) -> Result<(), Problem> {
        let follow = following(&document, since);
        if follow.is_empty() {
            let members = Members { attachments: AttachmentMembers::Stubs, ..members.clone() };
            let body = text(&document, &members)?;
            // As in CouchDB, only a document in parts of its own says again which it is.
            self.push("Content-Type: application/json", &body);
            return Ok(());
        }
        let inner = format!("{}-{}", self.boundary.trim_start_matches('-'), self.items.len());
        let head = format!(
            "\r\n--{}\r\n{headers}Content-Type: multipart/related; boundary=\"{inner}\"\r\n\r\n",
            self.boundary
        );
        self.items.push_back(Item::Text(head));
        self.push_related(&inner, document, members, since, &follow)
    }

    fn push_related(
        &mut self,
        boundary: &str,
        document: Document,
        members: &Members,
        since: u64,
        follow: &[AttachmentInfo],
    ) -> Result<(), Problem> {
        let members = Members {
            attachments: AttachmentMembers::FollowsSince(since),
            att_encoding_info: true,
            ..members.clone()
        };
        let body = text(&document, &members)?;
        let head = format!("--{boundary}\r\nContent-Type: application/json\r\n\r\n{body}");
        self.items.push_back(Item::Text(head));
        let document = Arc::new(document);
        for info in follow {
            self.items
                .push_back(Item::Text(format!("\r\n--{boundary}\r\n{}\r\n\r\n", describe(info))));
            let name = info.name.clone();
            self.items.push_back(Item::Attachment { document: document.clone(), name });
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

fn following(document: &Document, since: u64) -> Vec<AttachmentInfo> {
    document.attachments().iter().filter(|info| info.revpos > since).cloned().collect()
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

/// A document with its attachments behind it.
pub async fn related(app: &Arc<App>, document: Document, members: Members, since: u64) -> Answer {
    let boundary = boundary(app);
    let content_type = format!("multipart/related; boundary=\"{boundary}\"");
    let mut parts = Parts {
        boundary: boundary.clone(),
        content_type: content_type.clone(),
        items: VecDeque::new(),
    };
    let follow = following(&document, since);
    parts.push_related(&boundary, document, &members, since, &follow)?;
    let reply: Reply = app.stream(parts).await?;
    Ok(reply.header("Content-Type", &content_type))
}

impl Pieces for Parts {
    fn next(&mut self) -> Option<Result<Vec<u8>, Problem>> {
        let mut piece = Vec::new();
        while piece.len() < 64 << 10 {
            match self.items.pop_front() {
                None => break,
                Some(Item::Text(text)) => piece.extend_from_slice(text.as_bytes()),
                Some(Item::Attachment { document, name }) => {
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
