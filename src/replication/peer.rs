//! One side of a replication: a database, asked in CouchDB's words.

use std::sync::Arc;

use hyper::body::Bytes;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::flow::Flow;
use super::outcome::Failed;
use super::retry::{Retries, is_passing};
use super::transport::{Request, Response, Transport};

/// Answers of JSON are not larger.
const ANSWER_BYTES_MAX: usize = 256 << 20;

/// A database somewhere.
#[derive(Clone)]
pub struct Peer {
    transport: Arc<dyn Transport>,
    path: String,
    /// How people are told which it is.
    pub label: String,
    /// How often a request is made again.
    pub(super) retries: Retries,
}

impl Peer {
    /// The database at a path, such as `/db`.
    pub fn new(
        transport: Arc<dyn Transport>,
        path: String,
        label: String,
        retries: Retries,
    ) -> Self {
        Self { transport, path, label, retries }
    }

    /// Asks once; the answer is whatever it is.
    pub async fn ask(
        &self,
        method: &'static str,
        below: &str,
        headers: Vec<(&'static str, String)>,
        body: Flow,
    ) -> Result<Response, Failed> {
        let target = format!("{}{below}", self.path);
        let request = Request { method, target, headers, body };
        let sent = self.transport.send(request).await;
        sent.map_err(|error| Failed {
            is_passing: error.is_passing,
            ..Failed::new("unreachable", format!("{}: {error}", self.label))
        })
    }

    /// Asks with JSON and wants JSON: the status and the text. What passes is asked again.
    pub async fn json(
        &self,
        method: &'static str,
        below: &str,
        body: Option<String>,
    ) -> Result<(u16, Bytes), Failed> {
        let body = body.map_or_else(Bytes::new, Bytes::from);
        self.retries.run(|| self.json_once(method, below, body.clone())).await
    }

    async fn json_once(
        &self,
        method: &'static str,
        below: &str,
        body: Bytes,
    ) -> Result<(u16, Bytes), Failed> {
        let mut headers = vec![("Accept", "application/json".to_owned())];
        if method == "POST" || method == "PUT" {
            headers.push(("Content-Type", "application/json".to_owned()));
            headers.push(("Content-Length", body.len().to_string()));
        }
        let response = self.ask(method, below, headers, Flow::Full(body)).await?;
        let whole = response.body.whole(ANSWER_BYTES_MAX).await;
        let text = whole
            .map_err(|cut| Failed::passing("unreachable", format!("{}: {cut}", self.label)))?;
        if is_passing(response.status) {
            return Err(self.refused(below, response.status, &text));
        }
        Ok((response.status, text))
    }

    /// The same; anything but success is a failure.
    pub async fn want<T: DeserializeOwned>(
        &self,
        method: &'static str,
        below: &str,
        body: Option<String>,
    ) -> Result<T, Failed> {
        let (status, text) = self.json(method, below, body).await?;
        if !(200..300).contains(&status) {
            return Err(self.refused(below, status, &text));
        }
        serde_json::from_slice(&text)
            .map_err(|error| Failed::new("bad_answer", format!("{}{below}: {error}", self.label)))
    }

    /// What an answer that is no success becomes.
    pub fn refused(&self, below: &str, status: u16, text: &[u8]) -> Failed {
        let answer: Value = serde_json::from_slice(text).unwrap_or_default();
        let member =
            |name: &str| answer.get(name).and_then(Value::as_str).unwrap_or("?").to_owned();
        let path = below.split('?').next().unwrap_or_default();
        let reason = format!("{}{path} answered {status}: {}", self.label, member("reason"));
        Failed { is_passing: is_passing(status), ..Failed::new(&member("error"), reason) }
    }
}
