//! Accepts connections in bounded number and serves each with hyper.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::app::{App, told};
use super::handle::{answer_inside, handle};
use super::patience::Patient;
use super::strict::{HEAD_BYTES_MAX, Strict};
use super::tls::Tls;

/// How long it is before connections are accepted again after one could not be.
const ACCEPT_AGAIN: Duration = Duration::from_millis(50);
/// Headers of a request.
const HEADERS_MAX: usize = 100;

/// Serves until `ending` is told; then requests that run are finished, and feeds end.
pub async fn serve(
    listener: TcpListener,
    app: Arc<App>,
    tls: Option<Tls>,
    mut ending: watch::Receiver<bool>,
) -> io::Result<()> {
    // Who serves a second time sets the same.
    let _set = app.inside.set(answer_inside);
    let room = Arc::new(Semaphore::new(app.options.connections_max));
    let mut connections = JoinSet::new();
    let replicator = tokio::spawn(super::replicator::watch(app.clone()));
    loop {
        let place = tokio::select! {
            place = room.clone().acquire_owned() => place.map_err(io::Error::other)?,
            () = told(&mut ending) => break,
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = told(&mut ending) => break,
        };
        match accepted {
            Ok((stream, from)) => {
                let (app, tls, ending) = (app.clone(), tls.clone(), ending.clone());
                connections.spawn(async move {
                    connection(stream, from, app, tls, ending).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_AGAIN).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    replicator.abort();
    app.jobs.end();
    app.verifier.end();
    while connections.join_next().await.is_some() {}
    Ok(())
}

async fn connection(
    stream: TcpStream,
    from: SocketAddr,
    app: Arc<App>,
    tls: Option<Tls>,
    ending: watch::Receiver<bool>,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection waits before it sends");
    }
    let stream = Patient::new(stream, app.options.stall_timeout);
    let Some(tls) = tls else {
        return requests(stream, from.ip(), app, ending).await;
    };
    match tokio::time::timeout(app.options.head_timeout, tls.0.accept(stream)).await {
        Ok(Ok(stream)) => requests(stream, from.ip(), app, ending).await,
        Ok(Err(error)) => tracing::debug!(%error, "TLS was not agreed on"),
        Err(_) => tracing::debug!("TLS was not agreed on in time"),
    }
}

async fn requests<S>(stream: S, from: IpAddr, app: Arc<App>, mut ending: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(app.options.head_timeout)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .title_case_headers(true);
    let service = service_fn(move |request| handle(app.clone(), from, request));
    let connection = builder.serve_connection(TokioIo::new(Strict::new(stream)), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = told(&mut ending) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended");
    }
}
