//! What a replication did, and why it ended.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What a run did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Progress {
    /// Revisions that were asked about.
    pub missing_checked: u64,
    /// Those that the target had not.
    pub missing_found: u64,
    /// Documents that were read.
    pub docs_read: u64,
    /// Documents that were written.
    pub docs_written: u64,
    /// Documents that the target refused.
    pub doc_write_failures: u64,
    /// Documents that were read in bulk.
    pub bulk_get_docs: u64,
    /// Documents that were to be read in bulk.
    pub bulk_get_attempts: u64,
}

impl Progress {
    /// What both did together.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self {
            missing_checked: self.missing_checked + other.missing_checked,
            missing_found: self.missing_found + other.missing_found,
            docs_read: self.docs_read + other.docs_read,
            docs_written: self.docs_written + other.docs_written,
            doc_write_failures: self.doc_write_failures + other.doc_write_failures,
            bulk_get_docs: self.bulk_get_docs + other.bulk_get_docs,
            bulk_get_attempts: self.bulk_get_attempts + other.bulk_get_attempts,
        }
    }
}

/// How a replication stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// What sessions before this one did, as its checkpoint says.
    pub before: Progress,
    /// What this run did.
    pub progress: Progress,
    /// The last change that was read; null before the first.
    pub source_seq: Value,
    /// The last change that was copied; null before the first.
    pub through_seq: Value,
    /// The last change that a checkpoint names; null before the first.
    pub checkpointed_source_seq: Value,
    /// How many changes come behind `source_seq`, where the source says.
    pub changes_pending: Option<u64>,
}

impl Standing {
    /// What all sessions did.
    pub fn total(&self) -> Progress {
        self.before.plus(&self.progress)
    }

    /// As `_scheduler` tells it.
    pub fn info(&self) -> Value {
        let done = self.total();
        json!({
            "revisions_checked": done.missing_checked,
            "missing_revisions_found": done.missing_found,
            "docs_read": done.docs_read,
            "docs_written": done.docs_written,
            "changes_pending": self.changes_pending,
            "doc_write_failures": done.doc_write_failures,
            "bulk_get_docs": done.bulk_get_docs,
            "bulk_get_attempts": done.bulk_get_attempts,
            "checkpointed_source_seq": self.checkpointed_source_seq,
            "source_seq": self.source_seq,
            "through_seq": self.through_seq,
        })
    }
}

/// Why a replication ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Failed {
    /// A word for programs.
    pub error: String,
    /// A line for people.
    pub reason: String,
    /// Whether the same may succeed a moment later.
    pub is_passing: bool,
}

impl Failed {
    /// With a word and a line: it stays so until somebody changes something.
    pub fn new(error: &str, reason: impl Into<String>) -> Self {
        Self { error: error.to_owned(), reason: reason.into(), is_passing: false }
    }

    /// What may succeed a moment later.
    pub fn passing(error: &str, reason: impl Into<String>) -> Self {
        Self { is_passing: true, ..Self::new(error, reason) }
    }
}

/// A text in a query or a path segment.
pub fn escape(text: &str) -> String {
    let bytes = text.bytes().map(|byte| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
            char::from(byte).to_string()
        }
        byte => format!("%{byte:02X}"),
    });
    bytes.collect()
}
