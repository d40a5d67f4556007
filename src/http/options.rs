//! What the HTTP side is told.

use std::time::Duration;

/// What stands in the header `Server`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ServerName {
    /// The version of CouchDB whose answers these are, this program behind it: there are clients that ask for that.
    #[default]
    CouchDb,
    /// This program.
    Pumice,
}

impl ServerName {
    /// The header's value.
    pub fn header(self) -> &'static str {
        match self {
            Self::CouchDb => concat!("CouchDB/3.5.0 (pumice/", env!("CARGO_PKG_VERSION"), ")"),
            Self::Pumice => concat!("pumice/", env!("CARGO_PKG_VERSION"), " (CouchDB 3.5 API)"),
        }
    }
}

/// Limits and waits. See `docs/http.md`.
#[derive(Clone, Debug)]
pub struct HttpOptions {
    /// Connections at the same time; more wait to be accepted.
    pub connections_max: usize,
    /// Requests that work on files at the same time; more wait.
    pub working_max: usize,
    /// How long a client may take for the head of a request, and to begin one.
    pub head_timeout: Duration,
    /// How long a client may send nothing of a body, or take nothing of an answer.
    pub stall_timeout: Duration,
    /// Bytes of a request's body, compressed or not, attachments aside.
    pub body_bytes_max: u64,
    /// Bytes of the bodies that are held at the same time.
    pub bodies_bytes_max: u64,
    /// Keys, ids or documents that a request may name.
    pub rows_max: usize,
    /// Bytes of a request's target.
    pub target_bytes_max: usize,
    /// How answers name the server.
    pub server_name: ServerName,
    /// Whether it is served over TLS.
    pub is_tls: bool,
    /// Whether everybody who reaches the address is on this machine.
    pub loopback: bool,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            connections_max: 2_000,
            working_max: 64,
            head_timeout: Duration::from_secs(30),
            stall_timeout: Duration::from_secs(30),
            body_bytes_max: 64 << 20,
            bodies_bytes_max: 256 << 20,
            rows_max: 100_000,
            target_bytes_max: 8_000,
            server_name: ServerName::default(),
            is_tls: false,
            loopback: true,
        }
    }
}
