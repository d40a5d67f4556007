//! CouchDB's HTTP API on hyper.
//!
//! A request travels: `accept` (connections in bounded number, slow ones let go) -> `strict` (what can be read in two ways, refused)
//! -> `handle` (path decoded segment by segment,
//! found in the table of `routes`) -> `admit` (who asks, and whether they may: the one place that says no) -> its body -> a
//! handler. What blocks does so in `work`, in bounded number; long answers are made piece by piece as the client
//! takes them. Every answer that is an error is made in `problem`.
//!
//! - server: `server`, `node`, `config`, `cors`, `session`, `updates`, `replicate`
//! - databases: `database`, `limits`, `shards`, `purge`, `revisions`, `design`, `users`, `secrets`
//! - documents: `document`, `edits`, `copy`, `bulk`, `bulk_get`, `local`, `attachment`, `multipart_put`, `multipart_out`
//! - rows: `all_docs`, `changes`, `selector`
//!
//! What clients see: docs/http.md.

#![allow(
    clippy::unnecessary_wraps,
    reason = "handlers have one shape, whether they can fail or not"
)]
#![allow(clippy::match_bool, reason = "two cases beside each other read well")]
#![allow(clippy::single_match_else, reason = "two cases beside each other read well")]

mod accept;
mod acting;
mod admit;
mod all_docs;
mod app;
mod attachment;
mod body;
mod bulk;
mod bulk_get;
mod call;
mod changes;
mod changes_query;
mod changes_rows;
mod config;
mod copy;
mod cors;
mod database;
mod databases;
mod design;
mod design_check;
mod document;
mod edits;
mod fields;
mod forwarded;
mod framing;
mod handle;
mod identity;
mod inside;
mod keeping;
mod limits;
mod local;
mod metrics;
mod multipart_out;
mod multipart_put;
mod node;
mod options;
mod partition;
mod patience;
mod problem;
mod purge;
mod replicate;
mod replicator;
mod replicator_settings;
mod reply;
mod reshard;
mod revisions;
mod routes;
mod rows_query;
mod scheduler;
mod secrets;
mod selector;
mod server;
mod session;
mod shards;
mod spill;
mod stats;
mod strict;
mod target;
mod times;
mod tls;
mod trees;
mod updates;
mod uploading;
mod users;
mod uuids;
mod work;

pub use accept::serve;
pub use app::App;
pub use options::{HttpOptions, ServerName};
pub use tls::Tls;
