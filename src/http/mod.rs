//! The daemon's HTTP side: who it is, whether it is up, and its counters. It changes nothing.

use std::io;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::service::Service;

type Shared = State<Arc<Service>>;

/// Serves until `ending` is told; requests that run are finished.
pub async fn serve(
    listener: TcpListener,
    service: Arc<Service>,
    mut ending: watch::Receiver<bool>,
) -> io::Result<()> {
    let end = async move { drop(ending.wait_for(|ending| *ending).await) };
    axum::serve(listener, router(service)).with_graceful_shutdown(end).await
}

fn router(service: Arc<Service>) -> Router {
    Router::new()
        .route("/", get(welcome))
        .route("/_up", get(up))
        .route("/_status.json", get(status))
        .fallback(missing)
        .with_state(service)
}

async fn welcome() -> Response {
    Json(json!({ "pumice": "Welcome", "version": env!("CARGO_PKG_VERSION") })).into_response()
}

/// 200 while every datastore takes writes, else 503 with the reasons.
async fn up(State(service): Shared) -> Response {
    let datastores = service.status().datastores.into_iter();
    let reasons: Vec<_> = datastores
        .filter_map(|datastore| Some(format!("{}: {}", datastore.file, datastore.not_writable?)))
        .collect();
    if reasons.is_empty() {
        return Json(json!({ "status": "ok" })).into_response();
    }
    let body = Json(json!({ "status": "not_writable", "reason": reasons.join("; ") }));
    (StatusCode::SERVICE_UNAVAILABLE, body).into_response()
}

async fn status(State(service): Shared) -> Response {
    Json(service.status()).into_response()
}

async fn missing() -> Response {
    let body = Json(json!({ "error": "not_found", "reason": "missing" }));
    (StatusCode::NOT_FOUND, body).into_response()
}
