//! The HTTP side from outside: who may what, feeds, attachments, limits, hostile bytes, replication.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::format_push_string,
    clippy::needless_pass_by_value,
    dead_code,
    reason = "a test; a failure here is a failed test"
)]

mod accounts;
mod answers;
mod attachments;
mod client;
mod cors;
mod documents;
mod feeds;
mod full;
mod histories;
mod hostile;
mod partitions;
mod people;
mod recorded;
mod replication;
mod replication_far;
mod replication_recorded;
mod reshard;
mod secrets;
mod server;
mod settings;
mod slow;
mod smuggling;
mod smuggling_corpus;
mod stand_in;
mod tls;

use std::net::SocketAddr;

use client::{Answer, request, send};
use pumice::http::HttpOptions;
use server::Server;
use tempfile::TempDir;

/// A server with an admin, its directory removed with it.
struct Place {
    server: Server,
    _directory: TempDir,
}

impl Place {
    fn new() -> Self {
        Self::with(true, HttpOptions::default())
    }

    fn with(with_admin: bool, options: HttpOptions) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let server = Server::start(directory.path(), with_admin, options);
        Self { server, _directory: directory }
    }

    fn address(&self) -> SocketAddr {
        self.server.address
    }

    /// As the admin, with JSON.
    fn ask(&self, method: &str, target: &str, body: &str) -> Answer {
        client::ask(self.address(), method, target, body)
    }

    /// As the admin; it must be done.
    fn done(&self, method: &str, target: &str, body: &str) -> serde_json::Value {
        let answer = self.ask(method, target, body);
        assert!(
            (200..300).contains(&answer.status),
            "{method} {target}: {} {}",
            answer.status,
            answer.text()
        );
        answer.json()
    }

    /// Sets `section/key` of the configuration.
    fn set(&self, key: &str, value: &str) {
        let path = format!("/_node/_local/_config/{key}");
        self.done("PUT", &path, &serde_json::json!(value).to_string());
    }

    /// With any headers.
    fn raw(&self, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        send(self.address(), &request(method, target, headers, body)).unwrap()
    }
}
