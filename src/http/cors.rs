//! CORS: pages of which other origins may read answers. Off until `chttpd/enable_cors` is `true`, as in CouchDB.
//!
//! It lets a page read; it lets nobody in. Who asks is found out as ever, and while there is no admin, when whoever is on this
//! machine may work with databases, it is off whatever is set.

use std::sync::Arc;

use hyper::Method;
use hyper::header::{
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, HeaderMap, ORIGIN,
};

use super::app::App;
use super::problem::Problem;
use super::reply::Reply;
use crate::service::{Failure, Service};

/// The section of the settings.
const SECTION: &str = "cors";
/// Methods and headers of requests that are allowed when nothing is set: CouchDB's.
const METHODS: &str = "CONNECT, COPY, DELETE, GET, HEAD, OPTIONS, POST, PUT, TRACE";
const HEADERS: &str = "accept, accept-language, authorization, content-length, content-range, content-type, destination, \
     expires, if-match, last-modified, origin, pragma, x-couch-full-commit, x-couch-id, x-couch-persist, \
     x-couchdb-vhost-path, x-couchdb-www-authenticate, x-http-method-override, x-requested-with";
/// Headers of answers that a page may read.
const EXPOSED: &str = "content-type, cache-control, accept-ranges, etag, server, x-couch-request-id, \
     x-couch-update-newrev, x-couchdb-body-time";

/// What holds for a request with an `Origin`.
#[derive(Debug)]
pub struct Cors {
    origin: String,
    is_listed: bool,
    credentials: bool,
    methods: String,
    headers: String,
    exposed: String,
    max_age: String,
}

impl Cors {
    /// What is set, for the origin of a request. `None` where there is none, CORS is off, or what is set cannot be read.
    pub async fn of(app: &Arc<App>, headers: &HeaderMap) -> Option<Self> {
        let origin = headers.get(ORIGIN)?.to_str().ok()?.to_owned();
        let service = app.service.clone();
        let read = app.work(move || Self::read(&service, origin).map_err(Problem::from)).await;
        // A failure is in the log; without CORS the browser refuses, and that is safe.
        read.and_then(|read| read).ok()?
    }

    fn read(service: &Service, origin: String) -> Result<Option<Self>, Failure> {
        if !service.is_set("chttpd", "enable_cors")? || !service.has_admins()? {
            return Ok(None);
        }
        let setting = |key, default: &str| -> Result<String, Failure> {
            Ok(service.setting(SECTION, key)?.unwrap_or_else(|| default.to_owned()))
        };
        let origins = setting("origins", "")?;
        Ok(Some(Self {
            is_listed: items(&origins).any(|listed| listed == "*" || listed == origin),
            origin,
            credentials: service.is_set(SECTION, "credentials")?,
            methods: setting("methods", METHODS)?,
            headers: setting("headers", HEADERS)?.to_ascii_lowercase(),
            exposed: setting("exposed_headers", EXPOSED)?,
            max_age: setting("max_age", "")?,
        }))
    }

    /// The answer to a browser that asks before it sends. `None` when this is no such question, or the answer is no: then the
    /// request is answered as without CORS.
    pub fn preflight(&self, method: &Method, headers: &HeaderMap) -> Option<Reply> {
        let wanted = headers.get(ACCESS_CONTROL_REQUEST_METHOD)?.to_str().ok()?;
        let is_allowed = self.is_listed && items(&self.methods).any(|method| method == wanted);
        if method != Method::OPTIONS || !is_allowed {
            return None;
        }
        let named = headers.get(ACCESS_CONTROL_REQUEST_HEADERS).map(|names| names.to_str());
        let named = named.transpose().ok()?.unwrap_or_default();
        let is_known =
            |name: &str| items(&self.headers).any(|known| known.eq_ignore_ascii_case(name));
        items(named).all(is_known).then(|| {
            Reply::no_content()
                .header("Access-Control-Max-Age", &self.max_age)
                .header("Access-Control-Allow-Methods", &self.methods)
                .header("Access-Control-Allow-Headers", named)
        })
    }

    /// Says in an answer who may read it. `Vary` in any case: what is kept for one origin is not for another.
    pub fn added_to(&self, reply: Reply) -> Reply {
        let reply = reply.header("Vary", "Origin");
        if !self.is_listed {
            return reply;
        }
        let reply = reply
            .header("Access-Control-Allow-Origin", &self.origin)
            .header("Access-Control-Expose-Headers", &self.exposed);
        match self.credentials {
            true => reply.header("Access-Control-Allow-Credentials", "true"),
            false => reply,
        }
    }
}

/// The items of a list with commas.
fn items(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|item| !item.is_empty())
}
