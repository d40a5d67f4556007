//! Answers: a status, headers, and a body that is there or comes piece by piece.

use hyper::body::Bytes;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;
use tokio::sync::mpsc;

use super::problem::Problem;
pub use crate::replication::{Cut, Flow as ReplyBody};

const JSON: &str = "application/json";

/// An answer.
#[derive(Debug)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// The headers, but for those that every answer has.
    pub headers: HeaderMap,
    /// The body.
    pub body: ReplyBody,
}

/// What handlers end with.
pub type Answer = Result<Reply, Problem>;

impl From<Problem> for Reply {
    fn from(problem: Problem) -> Self {
        let reply = Self::text(problem.status, problem.body());
        problem.headers.into_iter().fold(reply, |reply, (name, value)| reply.header(name, &value))
    }
}

impl Reply {
    /// `value` as JSON and a newline, as CouchDB ends its bodies.
    pub fn json(status: u16, value: &impl Serialize) -> Self {
        let mut text = serde_json::to_string(value).unwrap_or_default();
        text.push('\n');
        Self::text(status, text)
    }

    /// JSON text that is ready, its newline included.
    pub fn text(status: u16, text: impl Into<Bytes>) -> Self {
        Self::bytes(status, JSON, text)
    }

    /// A body of any type.
    pub fn bytes(status: u16, content_type: &str, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let length = bytes.len();
        let reply = Self { status, headers: HeaderMap::new(), body: ReplyBody::Full(bytes) };
        reply.header("Content-Type", content_type).header("Content-Length", &length.to_string())
    }

    /// `{"ok":true}`.
    pub fn ok(status: u16) -> Self {
        Self::text(status, "{\"ok\":true}\n")
    }

    /// No body.
    pub fn empty(status: u16) -> Self {
        let body = ReplyBody::Full(Bytes::new());
        Self { status, headers: HeaderMap::new(), body }.header("Content-Length", "0")
    }

    /// 204: nothing, not even a length.
    pub fn no_content() -> Self {
        Self { status: 204, headers: HeaderMap::new(), body: ReplyBody::Full(Bytes::new()) }
    }

    /// JSON in pieces.
    pub fn pieces(status: u16, pieces: mpsc::Receiver<Result<Bytes, Cut>>) -> Self {
        let body = ReplyBody::Pieces(pieces);
        Self { status, headers: HeaderMap::new(), body }.header("Content-Type", JSON)
    }

    /// Sets a header. A value that no header can have is left out.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let name = HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value)) {
            self.headers.insert(name, value);
        }
        self
    }

    /// Sets the `ETag`, quoted.
    #[must_use]
    pub fn etag(self, tag: &str) -> Self {
        self.header("ETag", &format!("\"{tag}\""))
    }

    /// Takes the body away, as an answer to `HEAD` must.
    pub fn without_body(&mut self) {
        if let ReplyBody::Full(bytes) = &mut self.body {
            *bytes = Bytes::new();
        } else {
            self.body = ReplyBody::Full(Bytes::new());
        }
    }

    /// Removes what describes a body, for answers without one.
    pub fn without_description(&mut self) {
        self.headers.remove(CONTENT_TYPE);
        self.headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
}
