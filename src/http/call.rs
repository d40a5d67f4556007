//! A request as handlers see it.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use hyper::body::Bytes;
use hyper::header::{ACCEPT, CONTENT_TYPE, COOKIE, HeaderMap};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::app::App;
use super::forwarded;
use super::problem::Problem;
use super::target::{Target, encode_segment};
use super::trees;
use crate::auth::UserContext;
use crate::documents::{ParseLimits, ParsedDocument, parse_document_within};

/// A request whose sender is known and may make it.
#[derive(Debug)]
pub struct Call {
    /// What all requests share.
    pub app: Arc<App>,
    /// The method, after an override.
    pub method: String,
    /// Path and query.
    pub target: Target,
    /// The headers.
    pub headers: HeaderMap,
    /// Who asks.
    pub user: UserContext,
    /// How that was found out: `cookie`, `default`, `local`; `None` for somebody unknown.
    pub authenticated: Option<&'static str>,
    /// Where from.
    pub from: IpAddr,
    /// Whether it came over TLS.
    pub names: Vec<(&'static str, String)>,
    /// The body, for handlers that take it as a whole.
    pub body: Bytes,
    /// What is known of the request beside what it says.
    pub notes: Arc<Notes>,
}

/// What comes up while a request is answered.
#[derive(Debug, Default)]
pub struct Notes {
    /// What the answer warns of.
    pub warning: OnceLock<&'static str>,
    /// Whether the client is gone, so that nobody waits for the answer.
    is_gone: AtomicBool,
}

/// Notes that the client is gone, when a request is dropped before it is answered.
#[derive(Debug)]
pub struct Waiting(Option<Arc<Notes>>);

impl Waiting {
    /// For the request of these notes.
    pub fn new(notes: Arc<Notes>) -> Self {
        Self(Some(notes))
    }

    /// It is answered.
    pub fn answered(mut self) {
        self.0 = None;
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(notes) = &self.0 {
            notes.is_gone.store(true, Ordering::Relaxed);
        }
    }
}

impl Call {
    /// What stands at a placeholder of the route: `{db}`.
    pub fn name(&self, placeholder: &str) -> &str {
        let found = self.names.iter().find(|(name, _)| *name == placeholder);
        found.map_or("", |(_, text)| text.as_str())
    }

    /// The last value of a parameter.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.target.parameter(name)
    }

    /// Whether a parameter says `true`, in letters of any size: Python's clients send `True`.
    pub fn flag(&self, name: &str) -> bool {
        self.parameter(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// A header's text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body as JSON of a shape.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        trees::check(&self.body)?;
        serde_json::from_slice(&self.body).map_err(|_| Problem::bad_json())
    }

    /// The body as a JSON object.
    pub fn object(&self) -> Result<Map<String, Value>, Problem> {
        match self.json()? {
            Value::Object(members) => Ok(members),
            _ => Err(Problem::bad_request("Request body must be a JSON object")),
        }
    }

    /// What a document in the body may bring.
    pub fn parse_limits(&self) -> ParseLimits {
        let bytes = self.app.databases.limits().max_document_bytes;
        let document_bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        ParseLimits { document_bytes, ..ParseLimits::default() }
    }

    /// The document in the body.
    pub fn parse_document(&self) -> Result<ParsedDocument, Problem> {
        Ok(parse_document_within(&self.body, &self.parse_limits())?)
    }

    /// Refuses a call that asks for too many rows (413).
    pub fn check_rows(&self, count: usize) -> Result<(), Problem> {
        let max = self.app.options.rows_max;
        if count <= max {
            return Ok(());
        }
        let reason = format!("{count} rows are asked for; at most {max} can be at a time");
        Err(Problem::new(413, "too_large", reason))
    }

    /// Fails when nobody waits for the answer any more: asked between the rows of long work.
    pub fn check_client(&self) -> Result<(), Problem> {
        match self.notes.is_gone.load(Ordering::Relaxed) {
            true => Err(Problem::new(499, "client_gone", "the client is gone")),
            false => Ok(()),
        }
    }

    /// The media type of the body, without parameters.
    pub fn content_type(&self) -> Option<&str> {
        media_type(self.headers.get(CONTENT_TYPE)?.to_str().ok()?)
    }

    /// Whether the client would rather have a multipart answer of this kind than JSON.
    pub fn wants(&self, media: &str) -> bool {
        let accept =
            self.headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("*/*");
        let mut offered = accept.split(',').filter_map(|part| media_type(part.trim()));
        offered.any(|offered| offered == media)
    }

    /// Whether the client takes a media type: names it, or a range that it is in, or nothing.
    pub fn accepts(&self, media: &str) -> bool {
        let range = media.split_once('/').map(|(kind, _)| format!("{kind}/*"));
        self.wants(media) || self.wants("*/*") || range.is_some_and(|range| self.wants(&range))
    }

    /// The value of a cookie.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        cookie(&self.headers, name)
    }

    /// The address of a path on this server, as the client spelt the server's name.
    pub fn location(&self, segments: &[&str]) -> String {
        let path: Vec<_> = segments.iter().map(|segment| encode_segment(segment)).collect();
        format!("{}/{}", forwarded::origin(&self.app, &self.headers), path.join("/"))
    }
}

/// `text/plain` of `text/plain; charset=utf-8`.
pub fn media_type(value: &str) -> Option<&str> {
    value.split(';').next().map(str::trim).filter(|media| !media.is_empty())
}

/// The value of a cookie in a request's headers.
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|cookies| cookies.split(';'));
    pairs.find_map(|pair| {
        let (key, value) = pair.trim().split_once('=')?;
        (key == name).then_some(value.trim_matches('"'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_that_is_dropped_before_its_answer_has_lost_its_client() {
        let notes: Arc<Notes> = Arc::default();
        Waiting::new(notes.clone()).answered();
        assert!(!notes.is_gone.load(Ordering::Relaxed));
        drop(Waiting::new(notes.clone()));
        assert!(notes.is_gone.load(Ordering::Relaxed));
    }
}
