//! What is to be replicated.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use super::outcome::{Progress, Standing};
use super::peer::Peer;

/// What to replicate.
#[derive(Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a member of the request")]
pub struct Replication {
    /// From where.
    pub source: Peer,
    /// To where.
    pub target: Peer,
    /// Its id: the name of its checkpoints.
    pub id: String,
    /// Tells this run from others.
    pub session_id: String,
    /// On and on.
    pub continuous: bool,
    /// Make the target when it is not there.
    pub create_target: bool,
    /// With which parameters it is made: an object such as `{"q":4}`, or null.
    pub create_target_params: Value,
    /// Where to begin, whatever checkpoints say.
    pub since: Option<Value>,
    /// Whether checkpoints are read and written.
    pub use_checkpoints: bool,
    /// Winners only.
    pub winning_revs_only: bool,
    /// Which documents: `doc_ids`, `selector`, `filter` with `query_params`, as members of an object.
    pub filter: Value,
    /// The time as people read it.
    pub times: Times,
    /// How it stands.
    pub standing: Arc<Mutex<Standing>>,
}

/// Tells the time in words.
#[derive(Clone)]
pub struct Times(pub Arc<dyn Fn() -> String + Send + Sync>);

impl Replication {
    /// How it stands.
    pub fn standing(&self) -> Standing {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What was done so far.
    pub fn so_far(&self) -> Progress {
        self.standing().progress
    }

    /// Notes how it stands.
    pub(super) fn stands(&self, note: impl FnOnce(&mut Standing)) {
        note(&mut self.standing.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Adds to what was done.
    pub(super) fn note(&self, note: impl FnOnce(&mut Progress)) {
        self.stands(|standing| note(&mut standing.progress));
    }
}
