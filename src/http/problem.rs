//! Every answer that is an error: its status, CouchDB's error word and reason, in one place.

use std::borrow::Cow;

use serde_json::json;

use crate::auth::Refused;
use crate::documents::{DatabaseError, DocumentError, Many, StorageError};
use crate::journal::CommitError;
use crate::service::{Class, Failure};

/// A request that is answered with an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The status code.
    pub status: u16,
    /// The word that programs look at.
    pub error: Cow<'static, str>,
    /// The sentence that people read.
    pub reason: Cow<'static, str>,
    /// Headers beside the usual ones.
    pub headers: Vec<(&'static str, String)>,
    /// What to look for in the log.
    pub reference: Option<u32>,
    /// The reason as server admins read it; it may name files of the server.
    pub for_admins: Option<Text>,
}

type Text = Cow<'static, str>;

impl Problem {
    /// Any problem.
    pub fn new(status: u16, error: impl Into<Text>, reason: impl Into<Text>) -> Self {
        Self {
            status,
            error: error.into(),
            reason: reason.into(),
            headers: Vec::new(),
            reference: None,
            for_admins: None,
        }
    }

    /// 400: the request makes no sense.
    pub fn bad_request(reason: impl Into<Text>) -> Self {
        Self::new(400, "bad_request", reason)
    }

    /// 400: a body is not JSON.
    pub fn bad_json() -> Self {
        Self::bad_request("invalid UTF-8 JSON")
    }

    /// 400: a revision that has not the shape of one.
    pub fn bad_rev() -> Self {
        Self::bad_request("Invalid rev format")
    }

    /// 400: a parameter of a query over rows.
    pub fn query_parse(reason: impl Into<Text>) -> Self {
        Self::new(400, "query_parse_error", reason)
    }

    /// 401: whoever asks must say who they are, or is not the one.
    pub fn unauthorized(reason: impl Into<Text>) -> Self {
        Self::new(401, "unauthorized", reason)
    }

    /// 401: for server admins.
    pub fn not_server_admin() -> Self {
        Self::unauthorized("You are not a server admin.")
    }

    /// 401 for somebody unknown, 403 for somebody known: the database does not let them in.
    pub fn not_member(is_known: bool) -> Self {
        let reason = "You are not authorized to access this db.";
        if is_known {
            Self::forbidden("You are not allowed to access this db.")
        } else {
            Self::unauthorized(reason)
        }
    }

    /// 403.
    pub fn forbidden(reason: impl Into<Text>) -> Self {
        Self::new(403, "forbidden", reason)
    }

    /// 404 with its reason.
    pub fn not_found(reason: impl Into<Text>) -> Self {
        Self::new(404, "not_found", reason)
    }

    /// 404: `missing`.
    pub fn missing() -> Self {
        Self::not_found("missing")
    }

    /// 404: no such database.
    pub fn no_database() -> Self {
        Self::not_found("Database does not exist.")
    }

    /// 405 with the methods that there are.
    pub fn method(allowed: &str) -> Self {
        let problem = Self::new(405, "method_not_allowed", format!("Only {allowed} allowed"));
        problem.header("Allow", allowed)
    }

    /// 409.
    pub fn conflict() -> Self {
        Self::new(409, "conflict", "Document update conflict.")
    }

    /// 413.
    pub fn too_large() -> Self {
        Self::new(413, "too_large", "the request entity is too large")
    }

    /// 415: only JSON.
    pub fn not_json() -> Self {
        Self::new(415, "bad_content_type", "Content-Type must be application/json")
    }

    /// 500: ours.
    pub fn internal(reason: impl Into<Text>) -> Self {
        Self::new(500, "internal_server_error", reason)
    }

    /// What this server could not do, with the reason that is for its admins and its log.
    fn server_side(status: u16, error: &'static str, detail: String) -> Self {
        let reason = match status {
            507 => "There is no room on the server's disk.",
            _ => "The server could not do this; its log says why.",
        };
        Self { for_admins: Some(detail.into()), ..Self::new(status, error, reason) }
    }

    /// As it is told to a server admin.
    pub fn told_to_admin(mut self) -> Self {
        if let Some(detail) = self.for_admins.take() {
            self.reason = detail;
        }
        self
    }

    /// 500 with a number: what CouchDB answers where it runs into a fault over what it was given. Its clients know the words.
    pub fn fault(reason: &'static str) -> Self {
        Self::new(500, "unknown_error", reason).referenced()
    }

    /// 500: what CouchDB answers when none of its shards takes a setting.
    pub fn no_majority() -> Self {
        Self::new(500, "error", "no_majority")
    }

    /// 501: what is not there yet, and why.
    pub fn not_implemented(reason: impl Into<Text>) -> Self {
        Self::new(501, "not_implemented", reason)
    }

    /// 400: a name that no database can have.
    pub fn database_name(name: &str) -> Self {
        let reason = format!(
            "Name: '{name}'. Only lowercase characters (a-z), digits (0-9), and any of the characters \
             _, $, (, ), +, -, and / are allowed. Must begin with a letter."
        );
        Self::new(400, "illegal_database_name", reason)
    }

    /// Adds a number by which the answer is found in the log.
    pub fn referenced(mut self) -> Self {
        let text = self.for_admins.as_ref().unwrap_or(&self.reason);
        self.reference = Some(crc32fast::hash(text.as_bytes()));
        self
    }

    /// Adds a header.
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The body of the answer.
    pub fn body(&self) -> String {
        let reference =
            self.reference.map(|number| format!(",\"ref\":{number}")).unwrap_or_default();
        let (error, reason) = (json!(self.error), json!(self.reason));
        format!("{{\"error\":{error},\"reason\":{reason}{reference}}}\n")
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        let reason = refused.to_string();
        match refused {
            Refused::Wrong => Self::unauthorized(reason),
            Refused::Locked => Self::forbidden(reason),
            Refused::Busy => {
                Self::new(503, "service_unavailable", reason).header("Retry-After", "1")
            }
        }
    }
}

impl From<DocumentError> for Problem {
    fn from(error: DocumentError) -> Self {
        let reason = match error {
            // CouchDB does not say which one it was.
            DocumentError::TooLarge { .. } => String::new(),
            DocumentError::TooMany { what: Many::Documents, max } => max.to_string(),
            ref error => error.to_string(),
        };
        let (status, word) = match error {
            DocumentError::Conflict => (409, "conflict"),
            DocumentError::NotFound { .. }
            | DocumentError::NoAttachment
            | DocumentError::DatabaseGone => (404, "not_found"),
            DocumentError::BadRevision(_)
            | DocumentError::InvalidJson
            | DocumentError::NotAnObject
            | DocumentError::BadRequest { .. }
            | DocumentError::BadAttachment { .. }
            | DocumentError::AttachmentLength { .. }
            | DocumentError::NotPartitioned
            | DocumentError::BadSequence => (400, "bad_request"),
            DocumentError::Validation { .. } => (400, "doc_validation"),
            DocumentError::IllegalId { .. } => (400, "illegal_docid"),
            DocumentError::IllegalPartition { .. } => (400, "illegal_partition"),
            DocumentError::MissingStub { .. } => (412, "missing_stub"),
            DocumentError::DigestMismatch => (400, "content_md5_mismatch"),
            DocumentError::TooLarge { .. } => (413, "document_too_large"),
            DocumentError::TooMany { what: Many::Documents, .. } => {
                (413, "max_bulk_docs_count_exceeded")
            }
            DocumentError::TooMany { .. } => (413, "too_large"),
            DocumentError::AttachmentTooLarge { .. } => (413, "attachment_too_large"),
            DocumentError::Forbidden { .. } => (403, "forbidden"),
            DocumentError::ShardSplit => (503, "service_unavailable"),
            DocumentError::Storage(error) => return error.into(),
            _ => return Self::server_side(500, "internal_server_error", reason),
        };
        Self::new(status, word, reason)
    }
}

impl From<DatabaseError> for Problem {
    fn from(error: DatabaseError) -> Self {
        let reason = error.to_string();
        let (status, word) = match error {
            DatabaseError::Exists => (412, "file_exists"),
            DatabaseError::NotFound => (404, "not_found"),
            DatabaseError::IllegalName { .. } => (400, "illegal_database_name"),
            DatabaseError::NameTooLong => (400, "database_name_too_long"),
            DatabaseError::BadShardCount | DatabaseError::SystemPartitioned => (400, "bad_request"),
            DatabaseError::Storage(error) => return error.into(),
            _ => return Self::server_side(500, "internal_server_error", reason),
        };
        Self::new(status, word, reason)
    }
}

impl From<StorageError> for Problem {
    fn from(error: StorageError) -> Self {
        let reason = error.to_string();
        tracing::error!(%error, "a shard could not be read or written");
        match error {
            StorageError::Commit(CommitError::NoSpace(_)) => {
                Self::server_side(507, "insufficient_storage", reason)
            }
            StorageError::Limit(_) => Self::new(413, "too_large", reason),
            _ => Self::server_side(500, "internal_server_error", reason).referenced(),
        }
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        if failure.code == Class::Refused.code() {
            return Self::bad_request(failure.reason);
        }
        tracing::error!(error = %failure.error, reason = %failure.reason, "the configuration could not be read or written");
        Self::server_side(500, "internal_server_error", failure.reason).referenced()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_files_is_for_admins() {
        let failure = Failure::new(Class::Disk, "disk", "cannot write /var/lib/pumice/A.cdb");
        let problem = Problem::from(failure);
        assert!(!problem.body().contains("/var"), "{}", problem.body());
        assert!(problem.told_to_admin().body().contains("/var/lib/pumice/A.cdb"));
    }
}
