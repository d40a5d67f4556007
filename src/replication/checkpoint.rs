//! Where a replication stopped: a local document on both sides, whose histories tell how far both agree.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::outcome::Progress;

/// The version of the way that ids are made, as in CouchDB's checkpoints.
pub const ID_VERSION: u64 = 4;
/// Sessions that are remembered.
const HISTORY_MAX: usize = 50;

/// The local document.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq)]
pub struct Checkpoint {
    /// The revision it was read with.
    #[serde(rename = "_rev", skip_serializing_if = "Option::is_none")]
    pub rev: Option<String>,
    /// The session that wrote it.
    #[serde(default)]
    pub session_id: String,
    /// How far it came.
    #[serde(default)]
    pub source_last_seq: Value,
    /// See [`ID_VERSION`].
    #[serde(default)]
    pub replication_id_version: u64,
    /// What the newest session did, of a replication by document ids: its answers tell that beside the history.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub summary: Option<Summary>,
    /// The sessions, newest first.
    #[serde(default)]
    pub history: Vec<Session>,
}

/// What a session did, in short.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq)]
pub struct Summary {
    start_time: String,
    end_time: String,
    docs_read: u64,
    docs_written: u64,
    doc_write_failures: u64,
}

/// One session.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq)]
#[serde(default)]
#[expect(clippy::struct_field_names, reason = "the names of the members")]
pub struct Session {
    /// Its id.
    pub session_id: String,
    /// When it began.
    pub start_time: String,
    /// When it was last heard of.
    pub end_time: String,
    /// Where it began.
    pub start_last_seq: Value,
    /// Where it is.
    pub end_last_seq: Value,
    /// Where the next one can begin.
    pub recorded_seq: Value,
    /// What it and those before it did.
    #[serde(flatten)]
    pub progress: Progress,
    /// Whether it is by document ids.
    #[serde(skip)]
    pub is_by_ids: bool,
}

/// How far both sides agree, and what was done up to there; `None`: from the beginning.
pub fn common(source: &Checkpoint, target: &Checkpoint) -> Option<(Value, Progress)> {
    let (seq, progress) = if !source.session_id.is_empty() && source.session_id == target.session_id
    {
        let newest = source.history.first().map(|session| session.progress.clone());
        (source.source_last_seq.clone(), newest.unwrap_or_default())
    } else {
        let known = |id: &str| target.history.iter().any(|session| session.session_id == id);
        let session = source.history.iter().find(|session| known(&session.session_id))?;
        (session.recorded_seq.clone(), session.progress.clone())
    };
    Some((seq, progress)).filter(|(seq, _)| !seq.is_null())
}

impl Summary {
    fn of(session: &Session) -> Self {
        let Progress { docs_read, docs_written, doc_write_failures, .. } = session.progress;
        let (start_time, end_time) = (session.start_time.clone(), session.end_time.clone());
        Self { start_time, end_time, docs_read, docs_written, doc_write_failures }
    }
}

/// The checkpoint after a session came to its newest state: the session replaces itself, or is put in front.
pub fn next(old: &Checkpoint, session: &Session) -> Checkpoint {
    let others = old.history.iter().filter(|other| other.session_id != session.session_id);
    let history = std::iter::once(session).chain(others).take(HISTORY_MAX).cloned().collect();
    Checkpoint {
        rev: old.rev.clone(),
        session_id: session.session_id.clone(),
        source_last_seq: session.recorded_seq.clone(),
        replication_id_version: ID_VERSION,
        summary: session.is_by_ids.then(|| Summary::of(session)),
        history,
    }
}

/// The id of a replication: the same for the same server, source, target and filter.
pub fn id(server: &str, source: &str, target: &str, what: &Value) -> String {
    let text = json!([server, source, target, what]).to_string();
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(id: &str, seq: u64) -> Session {
        Session { session_id: id.to_owned(), recorded_seq: json!(seq), ..Session::default() }
    }

    #[test]
    fn both_sides_agree_on_the_newest_session_that_both_have() {
        let none = Checkpoint::default();
        let one = next(&none, &session("a", 5));
        let source = next(&next(&one, &session("b", 7)), &session("c", 9));
        let target = next(&one, &session("b", 7));
        assert_eq!(common(&source, &source).unwrap().0, json!(9));
        assert_eq!(common(&source, &target).unwrap().0, json!(7));
        assert_eq!(common(&source, &one).unwrap().0, json!(5));
        assert_eq!(common(&source, &none), None);
        assert_eq!(common(&none, &none), None);
    }

    #[test]
    fn a_session_that_goes_on_stays_one_and_old_ones_are_forgotten() {
        let mut checkpoint = Checkpoint::default();
        for number in 0..60 {
            checkpoint = next(&checkpoint, &session(&number.to_string(), number));
            checkpoint = next(&checkpoint, &session(&number.to_string(), number + 1));
        }
        assert_eq!(checkpoint.history.len(), HISTORY_MAX);
        assert_eq!(checkpoint.source_last_seq, json!(60));
        assert_eq!(checkpoint.history[1].session_id, "58");
    }

    #[test]
    fn another_filter_is_another_replication() {
        let plain = id("s", "a", "b", &json!({}));
        assert_eq!(plain, id("s", "a", "b", &json!({})));
        assert_ne!(plain, id("s", "a", "b", &json!({"doc_ids": ["x"]})));
        assert_ne!(plain, id("s", "b", "a", &json!({})));
        assert_eq!(plain.len(), 32);
    }
}
