//! One request from its head to its answer: found in the table of routes, its sender known and allowed, its body read, done.

use std::borrow::Cow;
use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use hyper::body::{Bytes, Incoming};
use hyper::ext::ReasonPhrase;
use hyper::header::{CONNECTION, HeaderMap, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Request, StatusCode};

use super::admit::{Admitted, admit};
use super::app::App;
use super::body::RequestBody;
use super::call::{Call, Waiting, media_type};
use super::cors::Cors;
use super::problem::Problem;
use super::reply::{Answer, Reply, ReplyBody};
use super::routes::{How, Verb, find};
use super::target::Target;
use crate::auth::UserContext;
use crate::replication::{Response, Sending};

/// From so many bytes of a body on its work is done beside its connection, so that it is noticed when the client goes.
const APART_BYTES: usize = 64 << 10;
/// Characters of a request's name for itself.
const REQUEST_ID_MAX: usize = 36;

/// Answers one request of a connection.
pub async fn handle(
    app: Arc<App>,
    from: IpAddr,
    request: Request<Incoming>,
) -> Result<hyper::Response<ReplyBody>, Infallible> {
    let begun = app.clock.monotonic();
    let (parts, incoming) = request.into_parts();
    let (clock, stall) = (app.clock.clone(), app.options.stall_timeout);
    let mut body = RequestBody::new(incoming, clock, stall, app.bodies.clone());
    let cors = Cors::of(&app, &parts.headers).await;
    let preflight = cors.as_ref().and_then(|cors| cors.preflight(&parts.method, &parts.headers));
    let mut reply = match preflight {
        Some(reply) => reply,
        None => answer(&app, from, &parts, &mut body).await.unwrap_or_else(Reply::from),
    };
    if let Some(cors) = cors {
        reply = cors.added_to(reply);
    }
    let was_large = body.was_large();
    let waited_ms = body.waited().as_millis();
    if body.is_unread() {
        reply.headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    let took = app.clock.monotonic().saturating_sub(begun);
    app.stats.note(parts.method.as_str(), reply.status, took);
    // Not the query: it may hold what nobody else should read.
    tracing::debug!(method = %parts.method, path = parts.uri.path(), status = reply.status, %from, "answered");
    if parts.method == hyper::Method::HEAD {
        reply.without_body();
    }
    drop(body);
    if was_large {
        app.give_back();
    }
    let reply = reply.header("X-CouchDB-Body-Time", &waited_ms.to_string());
    Ok(finish(&app, &parts, reply))
}

/// The client's own name for its request, or a new one.
fn request_id(app: &App, parts: &Parts) -> String {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let is_id = |id: &&str| (1..=REQUEST_ID_MAX).contains(&id.len()) && id.bytes().all(is_part);
    let given = parts.headers.get("x-couch-request-id").and_then(|id| id.to_str().ok());
    match given.filter(is_id) {
        Some(id) => id.to_owned(),
        None => format!("{:010x}", app.clock.unique_id() & 0xff_ffff_ffff),
    }
}

/// Adds what every answer has.
fn finish(app: &App, parts: &Parts, reply: Reply) -> hyper::Response<ReplyBody> {
    let server = app.options.server_name.header();
    let reply =
        reply.header("X-Couch-Request-ID", &request_id(app, parts)).header("Server", server);
    let reply = match reply.headers.contains_key("cache-control") {
        true => reply,
        false => reply.header("Cache-Control", "must-revalidate"),
    };
    let mut response = hyper::Response::new(reply.body);
    *response.status_mut() =
        StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    *response.headers_mut() = reply.headers;
    if let Some(phrase) = phrase(reply.status) {
        response.extensions_mut().insert(phrase);
    }
    response
}

/// CouchDB's own words for statuses.
fn phrase(status: u16) -> Option<ReasonPhrase> {
    match status {
        404 => Some(ReasonPhrase::from_static(b"Object Not Found")),
        413 => Some(ReasonPhrase::from_static(b"Request Entity Too Large")),
        _ => None,
    }
}

async fn answer(app: &Arc<App>, from: IpAddr, parts: &Parts, body: &mut RequestBody) -> Answer {
    let request = Asked::read(app, from, parts)?;
    request.run(app, body).await
}

/// Answers a request that this process makes of itself, as `user`: the replicator's way to databases of this server.
pub fn answer_inside(
    app: Arc<App>,
    request: crate::replication::Request,
    user: UserContext,
) -> Sending<'static> {
    Box::pin(async move {
        let reply = inside(&app, request, user).await.unwrap_or_else(Reply::from);
        Ok(Response { status: reply.status, headers: reply.headers, body: reply.body })
    })
}

async fn inside(app: &Arc<App>, request: crate::replication::Request, user: UserContext) -> Answer {
    let (path, query) = match request.target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (request.target.as_str(), None),
    };
    let target = Target::parse(path, query)
        .map_err(|_| Problem::bad_request("the path or query is not UTF-8 or badly escaped"))?;
    let mut headers = HeaderMap::new();
    for (name, value) in &request.headers {
        let name = HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value)) {
            headers.insert(name, value);
        }
    }
    let from = IpAddr::from([127, 0, 0, 1]);
    let asked = Asked::new(app, request.method.to_owned(), target, headers, from)?;
    asked.by(user).run(app, &mut RequestBody::ready(request.body)).await
}

/// A request whose route is known.
struct Asked {
    verb: &'static Verb,
    call: Call,
    inside: bool,
}

impl Asked {
    fn read(app: &Arc<App>, from: IpAddr, parts: &Parts) -> Result<Self, Problem> {
        let uri = &parts.uri;
        let length = uri.path().len() + uri.query().map_or(0, str::len);
        if length > app.options.target_bytes_max {
            return Err(Problem::new(414, "too_long", "the request's target is too long"));
        }
        let path = if app.plus_is_space.load(Ordering::Relaxed) {
            Cow::Owned(uri.path().replace('+', "%20"))
        } else {
            Cow::Borrowed(uri.path())
        };
        let target = Target::parse(&path, uri.query())
            .map_err(|_| Problem::bad_request("the path or query is not UTF-8 or badly escaped"))?;
        let overridden = parts.headers.get("x-http-method-override");
        let method = match overridden.and_then(|value| value.to_str().ok()) {
            Some(other) if parts.method == hyper::Method::POST => other.to_ascii_uppercase(),
            _ => parts.method.as_str().to_owned(),
        };
        Self::new(app, method, target, parts.headers.clone(), from)
    }

    fn new(
        app: &Arc<App>,
        method: String,
        target: Target,
        headers: hyper::HeaderMap,
        from: IpAddr,
    ) -> Result<Self, Problem> {
        let (route, names) = find(&target.segments).ok_or_else(Problem::missing)?;
        let verb = route.verb(&method).ok_or_else(|| Problem::method(route.allow))?;
        let user = UserContext::anonymous();
        let call = Call {
            notes: Arc::default(),
            app: app.clone(),
            method,
            target,
            headers,
            user,
            authenticated: None,
            from,
            names,
            body: Bytes::new(),
        };
        Ok(Self { verb, call, inside: false })
    }

    fn by(mut self, user: UserContext) -> Self {
        self.call.user = user;
        self.inside = true;
        self
    }

    async fn run(self, app: &Arc<App>, body: &mut RequestBody) -> Answer {
        let notes = self.call.notes.clone();
        let waiting = Waiting::new(notes.clone());
        let answer = self.answer(app, body).await;
        waiting.answered();
        match notes.warning.get() {
            Some(warning) => Ok(answer.unwrap_or_else(Reply::from).header("Warning", warning)),
            None => answer,
        }
    }

    async fn answer(self, app: &Arc<App>, body: &mut RequestBody) -> Answer {
        let Self { verb, call, inside } = self;
        if let (How::Plain(handler), false) = (verb.how, body.is_unread()) {
            return app
                .work(move || {
                    let Admitted { call, cookie } = admit(call, verb, inside)?;
                    check_type(&call, verb)?;
                    with_cookie(told(handler(&call), call.user.is_admin() && !inside), cookie)
                })
                .await?;
        }
        let turn = app.work(move || {
            let admitted = admit(call, verb, inside)?;
            check_type(&admitted.call, verb)?;
            let answered = match verb.how {
                How::Quick(at_once, _) => at_once(&admitted.call).transpose(),
                _ => None,
            };
            Ok::<_, Problem>((admitted, answered))
        });
        let (Admitted { mut call, cookie }, answered) = turn.await??;
        let is_admin = call.user.is_admin() && !inside;
        if let Some(answer) = answered {
            return with_cookie(told(answer, is_admin), cookie);
        }
        let answer = match verb.how {
            How::Plain(handler) => {
                call.body = body.read(&call.headers, app.options.body_bytes_max).await?;
                match call.body.len() {
                    ..APART_BYTES => app.work(move || handler(&call)).await?,
                    _ => app.work_apart(move || handler(&call)).await?,
                }
            }
            How::Quick(_, handler) | How::Async(handler) => handler(call, body).await,
        };
        with_cookie(told(answer, is_admin), cookie)
    }
}

/// Server admins read the whole reason. Not for requests of this process: what they learn is kept in documents.
fn told(answer: Answer, is_admin: bool) -> Answer {
    answer.map_err(|problem| if is_admin { problem.told_to_admin() } else { problem })
}

fn with_cookie(answer: Answer, cookie: Option<String>) -> Answer {
    let mut reply = answer.unwrap_or_else(Reply::from);
    if let Some(cookie) = cookie
        && !reply.headers.contains_key("set-cookie")
    {
        reply = reply.header("Set-Cookie", &cookie);
    }
    Ok(reply)
}

/// Some requests must say that they bring JSON: a form on a foreign page cannot.
fn check_type(call: &Call, verb: &Verb) -> Result<(), Problem> {
    let given = call.header("content-type").and_then(media_type);
    if verb.json && given != Some("application/json") {
        return Err(Problem::not_json());
    }
    Ok(())
}
