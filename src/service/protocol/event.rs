//! The lines of the server: events while it goes on, and at last a reply or failure.

use serde::{Deserialize, Serialize};

use super::reply::{NodeChange, Reply};
use crate::service::failure::Failure;

/// A line of the server.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Message {
    /// It goes on.
    Event(Event),
    /// It is done.
    Reply(Reply),
    /// It was refused, or failed.
    Failure(Failure),
}

/// What is told while a request is executed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// More of what is saved.
    Text(String),
    /// Watching has begun: later transactions are told.
    Watching,
    /// A transaction.
    Changed(Transaction),
    /// A compaction goes on.
    Progress(Progress),
}

/// A transaction as a watcher sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transaction {
    /// Its number.
    pub tx: u64,
    /// Who.
    pub user: Option<String>,
    /// Why.
    pub comment: Option<String>,
    /// What it changed below the path.
    pub changes: Vec<NodeChange>,
}

/// How far a compaction is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// `A.cdb`.
    pub file: String,
    /// 0 to 100.
    pub percent: u8,
    /// Bytes written so far.
    pub written_bytes: u64,
}
