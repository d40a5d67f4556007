//! The seam to the other side.

use std::pin::Pin;

use hyper::HeaderMap;

use super::flow::Flow;

/// A request.
#[derive(Debug)]
pub struct Request {
    /// The method.
    pub method: &'static str,
    /// Path and query.
    pub target: String,
    /// Headers; who asks and the host are the transport's business.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Flow,
}

/// An answer.
#[derive(Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Flow,
}

/// There is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct TransportError {
    /// A line for people.
    pub reason: String,
    /// Whether it may be otherwise a moment later.
    pub is_passing: bool,
}

impl TransportError {
    /// What may be otherwise a moment later: a connection is refused, or breaks.
    pub fn passing(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), is_passing: true }
    }

    /// What stays as it is until somebody changes something.
    pub fn lasting(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), is_passing: false }
    }
}

/// An answer on its way.
pub type Sending<'a> = Pin<Box<dyn Future<Output = Result<Response, TransportError>> + Send + 'a>>;

/// Carries requests to a server.
pub trait Transport: Send + Sync {
    /// Sends a request; the answer's body flows on its own.
    fn send(&self, request: Request) -> Sending<'_>;
}
