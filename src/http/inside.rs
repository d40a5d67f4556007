//! The replicator's way to databases of this server: the same requests, without a connection.

use std::sync::Arc;

use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};

use super::app::App;
use super::handle::answer_inside;
use crate::auth::UserContext;
use crate::replication::{Request, Response, Sending, Transport};

/// Requests of this process to itself, as somebody.
pub struct Inside {
    app: Arc<App>,
    user: UserContext,
}

impl Inside {
    /// As `user`.
    pub fn new(app: Arc<App>, user: UserContext) -> Self {
        Self { app, user }
    }
}

impl Transport for Inside {
    fn send(&self, request: Request) -> Sending<'_> {
        Box::pin(async move {
            let mut headers = HeaderMap::new();
            for (name, value) in request.headers {
                if let Ok(value) = HeaderValue::from_str(&value) {
                    headers.insert(HeaderName::from_static(lower(name)), value);
                }
            }
            let user = self.user.clone();
            let (method, target) = (request.method, request.target.as_str());
            let reply = answer_inside(&self.app, method, target, headers, user, request.body).await;
            Ok(Response { status: reply.status, headers: reply.headers, body: reply.body })
        })
    }
}

/// The names of headers that replications send.
fn lower(name: &'static str) -> &'static str {
    match name {
        "Accept" => "accept",
        "Content-Type" => "content-type",
        _ => "x-other",
    }
}
