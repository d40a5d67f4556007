//! What a replication did, and why it ended.

use serde::{Deserialize, Serialize};

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
