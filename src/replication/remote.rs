//! Another server over HTTP/1.1, with TLS or without; connections are used again.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_rustls::rustls;
use tokio_rustls::rustls::pki_types::ServerName;

use super::flow::{Cut, Flow};
use super::transport::{Request, Response, Sending, Transport, TransportError};
use super::trust::Trust;

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(30);
/// How long the head of an answer may take, and each piece of its body. Feeds have heartbeats.
const ANSWER: Duration = Duration::from_secs(120);
/// Connections that are kept.
const IDLE_MAX: usize = 4;
/// Pieces that wait to be taken.
const PIECES_WAITING_MAX: usize = 8;

type Idle = Arc<Mutex<Vec<SendRequest<Flow>>>>;

/// A server somewhere.
pub struct Remote {
    host: String,
    port: u16,
    tls: Option<Trust>,
    headers: Vec<(String, String)>,
    idle: Idle,
}

fn failed(what: &str, error: &dyn std::fmt::Display) -> TransportError {
    TransportError::passing(format!("{what}: {error}"))
}

impl Remote {
    /// A server; nothing is sent yet. `tls`: TLS is spoken, with whom that trusts.
    pub fn new(
        host: String,
        port: u16,
        headers: Vec<(String, String)>,
        tls: Option<Trust>,
    ) -> Self {
        Self { host, port, tls, headers, idle: Arc::default() }
    }

    async fn connect(&self) -> Result<SendRequest<Flow>, TransportError> {
        let connecting = tokio::time::timeout(CONNECT, self.reach()).await;
        let place = format!("{}:{} cannot be reached", self.host, self.port);
        let reached = connecting.map_err(|late| failed(&place, &late))?;
        reached.map_err(|error| TransportError {
            is_passing: !is_distrust(&error),
            ..failed(&place, &error)
        })
    }

    async fn reach(&self) -> std::io::Result<SendRequest<Flow>> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        let Some(Trust(tls)) = &self.tls else { return shake_hands(stream).await };
        let name = ServerName::try_from(self.host.clone()).map_err(std::io::Error::other)?;
        shake_hands(tls.connect(name, stream).await?).await
    }

    fn kept(&self) -> Option<SendRequest<Flow>> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(sender) = idle.pop() {
            if sender.is_ready() {
                return Some(sender);
            }
        }
        None
    }

    fn head(&self, request: &Request) -> hyper::http::request::Builder {
        let mut builder = hyper::Request::builder()
            .method(request.method)
            .uri(&request.target)
            .header("Host", format!("{}:{}", self.host, self.port))
            .header("User-Agent", concat!("pumice/", env!("CARGO_PKG_VERSION")));
        let own = self.headers.iter().map(|(name, value)| (name.as_str(), value));
        for (name, value) in own.chain(request.headers.iter().map(|(name, value)| (*name, value))) {
            builder = builder.header(name, value);
        }
        builder
    }

    async fn exchange(&self, request: Request) -> Result<Response, TransportError> {
        let head = self.head(&request);
        let message = head.body(request.body);
        let message =
            message.map_err(|error| TransportError::lasting(format!("the request: {error}")))?;
        // What flows can only be sent once: not over a connection that may have been closed meanwhile.
        let kept = if matches!(message.body(), Flow::Full(_)) { self.kept() } else { None };
        let again = kept.is_some().then(|| copy(&message)).flatten();
        let mut sender = match kept {
            Some(sender) => sender,
            None => self.connect().await?,
        };
        let mut sent = tokio::time::timeout(ANSWER, sender.send_request(message)).await;
        if let (Ok(Err(_)), Some(message)) = (&sent, again) {
            sender = self.connect().await?;
            sent = tokio::time::timeout(ANSWER, sender.send_request(message)).await;
        }
        let place = format!("{}:{} does not answer", self.host, self.port);
        let response =
            sent.map_err(|late| failed(&place, &late))?.map_err(|error| failed(&place, &error))?;
        let (parts, incoming) = response.into_parts();
        let (pieces, receiver) = mpsc::channel(PIECES_WAITING_MAX);
        tokio::spawn(pump(incoming, pieces, sender, self.idle.clone()));
        let body = Flow::Pieces(receiver);
        Ok(Response { status: parts.status.as_u16(), headers: parts.headers, body })
    }
}

impl Transport for Remote {
    fn send(&self, request: Request) -> Sending<'_> {
        Box::pin(self.exchange(request))
    }
}

fn copy(message: &hyper::Request<Flow>) -> Option<hyper::Request<Flow>> {
    let Flow::Full(bytes) = message.body() else { return None };
    let mut copy = hyper::Request::new(Flow::Full(bytes.clone()));
    copy.method_mut().clone_from(message.method());
    copy.uri_mut().clone_from(message.uri());
    copy.headers_mut().clone_from(message.headers());
    Some(copy)
}

/// Passes an answer's body on; the connection is kept when it has ended well.
async fn pump(
    mut incoming: Incoming,
    pieces: mpsc::Sender<Result<hyper::body::Bytes, Cut>>,
    mut sender: SendRequest<Flow>,
    idle: Idle,
) {
    loop {
        let piece = match tokio::time::timeout(ANSWER, incoming.frame()).await {
            Ok(None) => break,
            Ok(Some(Ok(frame))) => match frame.into_data() {
                Ok(bytes) => Ok(bytes),
                Err(_) => continue,
            },
            Ok(Some(Err(error))) => Err(Cut(error.to_string())),
            Err(late) => Err(Cut(late.to_string())),
        };
        let is_over = piece.is_err();
        if pieces.send(piece).await.is_err() || is_over {
            return;
        }
    }
    drop(pieces);
    if sender.ready().await.is_ok() {
        let mut idle = idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_MAX {
            idle.push(sender);
        }
    }
}

async fn shake_hands<S>(stream: S) -> std::io::Result<SendRequest<Flow>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let shaken = http1::handshake(TokioIo::new(stream)).await;
    let (sender, connection) = shaken.map_err(std::io::Error::other)?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection to another server ended");
        }
    });
    Ok(sender)
}

/// Whether there was a server, and it is not the one that is trusted: that does not pass by itself.
fn is_distrust(error: &std::io::Error) -> bool {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    matches!(inner, Some(rustls::Error::InvalidCertificate(_)))
}
