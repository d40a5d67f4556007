//! What can go wrong, by what the caller can do about it. HTTP maps each variant to a status, an error word and a reason.

use std::sync::Arc;

use thiserror::Error;

use super::revision::InvalidRevision;
use crate::journal::{CommitError, CompactionError, LimitError, OpenError, ReadError};
use crate::vfs;

/// An operation on a document was refused or failed. The message is CouchDB's `reason` wherever it has one.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum DocumentError {
    /// The revision given is not a leaf (409 `conflict`).
    #[error("Document update conflict.")]
    Conflict,
    /// There is no such document or revision (404 `not_found`, "missing" or "deleted").
    #[error("{}", if *deleted { "deleted" } else { "missing" })]
    NotFound {
        /// The document was there and is deleted.
        deleted: bool,
    },
    /// The document has no attachment of that name (404 `not_found`).
    #[error("Document is missing attachment")]
    NoAttachment,
    /// The text is no revision id (400 `bad_request`).
    #[error(transparent)]
    BadRevision(#[from] InvalidRevision),
    /// Not JSON, or not UTF-8 (400 `bad_request`).
    #[error("invalid UTF-8 JSON")]
    InvalidJson,
    /// JSON, but not an object (400 `bad_request`).
    #[error("Document must be a JSON object")]
    NotAnObject,
    /// Some other thing the caller did wrong (400 `bad_request`).
    #[error("{reason}")]
    BadRequest {
        /// CouchDB's words.
        reason: String,
    },
    /// A special member is unknown or of the wrong type (400 `doc_validation`).
    #[error("{reason}")]
    Validation {
        /// CouchDB's words: `Bad special document member: _x`.
        reason: String,
    },
    /// No document can be called so (400 `illegal_docid`).
    #[error("{reason}")]
    IllegalId {
        /// CouchDB's words.
        reason: &'static str,
    },
    /// No partition can be called so (400 `illegal_partition`).
    #[error("{reason}")]
    IllegalPartition {
        /// CouchDB's words.
        reason: &'static str,
    },
    /// The database is not partitioned (400 `bad_request`).
    #[error("database is not partitioned")]
    NotPartitioned,
    /// An attachment stub without an attachment that it could stand for (412 `missing_stub`).
    #[error("Invalid attachment stub in {id} for {name}")]
    MissingStub {
        /// The document.
        id: String,
        /// The attachment.
        name: String,
    },
    /// An attachment's text is not base64 (400 `bad_request`).
    #[error("Invalid attachment data for {name}")]
    BadAttachment {
        /// The attachment.
        name: String,
    },
    /// Fewer or more bytes than were announced (400 `bad_request`).
    #[error("the attachment has {actual_bytes} bytes, {expected_bytes} were announced")]
    AttachmentLength {
        /// What was announced.
        expected_bytes: u64,
        /// What came.
        actual_bytes: u64,
    },
    /// The digest given is not that of the content (400 `content_md5_mismatch`).
    #[error("Possible message corruption.")]
    DigestMismatch,
    /// A document over the limit (413 `document_too_large`).
    #[error("{id}")]
    TooLarge {
        /// The document.
        id: String,
    },
    /// More than a request may bring (413 `too_large`; for documents `max_bulk_docs_count_exceeded`).
    #[error("the request has more than {max} {what}")]
    TooMany {
        /// Of what.
        what: Many,
        /// How many there may be.
        max: usize,
    },
    /// An attachment over the limit (413 `attachment_too_large`).
    #[error("{name}")]
    AttachmentTooLarge {
        /// The attachment.
        name: String,
    },
    /// Somebody's rule forbids it (403 `forbidden`). Never made here; for validation by the rooms above.
    #[error("{reason}")]
    Forbidden {
        /// Why.
        reason: String,
    },
    /// `since` is not a sequence of this database (400 `bad_request`).
    #[error("Malformed sequence supplied in 'since' parameter.")]
    BadSequence,
    /// What was read could not be handed on: the reader is gone.
    #[error("the output failed: {reason}")]
    Output {
        /// What the writer said.
        reason: String,
    },
    /// The database was removed meanwhile (404 `not_found`).
    #[error("Database does not exist.")]
    DatabaseGone,
    /// The shard was split while the call was on its way; asked again, its halves take it (503 `service_unavailable`).
    /// [`super::Database`] does so by itself.
    #[error("The shard was split meanwhile. Ask again.")]
    ShardSplit,
    /// The shard could not be read or written.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// What a request may not have too many of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Many {
    /// Documents of one `_bulk_docs`.
    Documents,
    /// Ids in `_revisions`.
    RevisionIds,
    /// Attachments.
    Attachments,
}

impl std::fmt::Display for Many {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Documents => "documents",
            Self::RevisionIds => "revision ids",
            Self::Attachments => "attachments",
        })
    }
}

impl DocumentError {
    /// There never was such a document.
    pub const MISSING: Self = Self::NotFound { deleted: false };
    /// The document is deleted.
    pub const DELETED: Self = Self::NotFound { deleted: true };
}

/// A journal could not be opened, read or written.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum StorageError {
    /// Not opened.
    #[error(transparent)]
    Open(Arc<OpenError>),
    /// Not read.
    #[error(transparent)]
    Read(Arc<ReadError>),
    /// Not written; [`CommitError::NoSpace`] is 507 `insufficient_storage`.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// Not compacted.
    #[error(transparent)]
    Compaction(Arc<CompactionError>),
    /// Something is larger than the engine takes.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// The system refused.
    #[error(transparent)]
    Io(Arc<vfs::Error>),
    /// A stored record does not read; see docs/format.md.
    #[error("a record of the {what} in {path} cannot be read")]
    Record {
        /// Which kind.
        what: &'static str,
        /// The shard's file.
        path: String,
    },
    /// Something else went wrong below.
    #[error("{reason}")]
    Other {
        /// What.
        reason: String,
    },
}

impl From<OpenError> for StorageError {
    fn from(error: OpenError) -> Self {
        Self::Open(Arc::new(error))
    }
}

impl From<ReadError> for StorageError {
    fn from(error: ReadError) -> Self {
        Self::Read(Arc::new(error))
    }
}

impl From<CompactionError> for StorageError {
    fn from(error: CompactionError) -> Self {
        Self::Compaction(Arc::new(error))
    }
}

impl From<vfs::Error> for StorageError {
    fn from(error: vfs::Error) -> Self {
        Self::Io(Arc::new(error))
    }
}

macro_rules! through_storage {
    ($($source:ty),*) => {$(
        impl From<$source> for DocumentError {
            fn from(error: $source) -> Self {
                Self::Storage(error.into())
            }
        }

        impl From<$source> for DatabaseError {
            fn from(error: $source) -> Self {
                Self::Storage(error.into())
            }
        }
    )*};
}

through_storage!(OpenError, ReadError, CommitError, CompactionError, LimitError, vfs::Error);

/// An operation on a whole database was refused or failed.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum DatabaseError {
    /// There is one of that name (412 `file_exists`).
    #[error("The database could not be created, the file already exists.")]
    Exists,
    /// There is none of that name (404 `not_found`).
    #[error("Database does not exist.")]
    NotFound,
    /// No database can be called so (400 `illegal_database_name`).
    #[error(
        "Name: '{name}'. Only lowercase characters (a-z), digits (0-9), and any of the characters _, $, (, ), +, -, and / are allowed. Must begin with a letter."
    )]
    IllegalName {
        /// The name.
        name: String,
    },
    /// The name has more than 238 bytes (400 `database_name_too_long`).
    #[error("Database name too long. Max: 238")]
    NameTooLong,
    /// `q` is not between 1 and 256 (400 `bad_request`).
    #[error("The `q` value should be a positive integer.")]
    BadShardCount,
    /// What the server itself keeps things in is not partitioned (400 `bad_request`).
    #[error("Cannot partition a system database")]
    SystemPartitioned,
    /// The catalog could not be read or written.
    #[error("the catalog of databases: {0}")]
    Catalog(String),
    /// A shard could not be made, opened, read or written.
    #[error(transparent)]
    Storage(#[from] StorageError),
}
