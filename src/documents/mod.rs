//! JSON documents with revisions, as CouchDB keeps them, in shards on the engine.
//!
//! [`Databases`] is all of a directory, [`Database`] one of them: Q shards, each a journal file. A document goes in as an
//! [`Edit`] ([`parse_document`] makes one of JSON text) and comes out as a [`Document`]; neither is ever a tree of values.
//! Nothing here knows HTTP; errors say what CouchDB would say.
//!
//! Invariants:
//! - one call of [`Database::update`] is one transaction in each shard that it concerns, durable before it answers;
//! - the same edits give the same revision ids as on any CouchDB;
//! - every change of a document has one sequence in its shard, and only its last one is listed;
//! - sequences survive restarts and compactions.
//!
//! What lies in a shard, byte by byte: docs/format.md.

mod all_docs;
mod attachment_info;
mod body;
mod catalog;
mod changes;
mod check;
mod database;
mod databases;
mod document;
mod due;
mod edit;
mod error;
mod events;
mod info;
mod json;
mod key;
mod limits;
mod local;
mod options;
mod orphans;
mod parse;
mod partition;
mod place;
mod prepare;
mod purge;
mod ranges;
mod record;
mod revision;
mod revision_id;
mod sequence;
mod shard;
mod shelf;
mod split;
mod stored;
mod tree;
mod update;
mod varint;
mod watch;

#[cfg(test)]
mod tests;

pub use self::all_docs::{AllDocs, AllDocsRow};
pub use self::attachment_info::{AttachmentInfo, Encoding};
pub use self::body::Body;
pub use self::catalog::{Catalog, DatabaseRecord, MemoryCatalog};
pub use self::changes::{Change, Changes};
pub use self::check::{CheckedFile, database_files, missing_file};
pub use self::database::Database;
pub use self::databases::Databases;
pub use self::document::{
    AttachmentMembers, Availability, Document, Mask, Members, OpenRev, RevisionStatus,
};
pub use self::edit::{AttachmentEdit, AttachmentSource, Edit, Written};
pub use self::error::{DatabaseError, DocumentError, Many, StorageError};
pub use self::events::{DatabaseEvent, EventKind};
pub use self::info::{DatabaseInfo, RangeHistory, ShardInfo, Sizes};
pub use self::limits::Limits;
pub use self::local::LocalDocument;
pub use self::options::{
    AllDocsRange, ChangesOptions, CreateOptions, DocumentsOptions, EditMode, OpenOptions, OpenRevs,
    Since, Style, UpdateOptions,
};
pub use self::parse::{
    ParseLimits, ParsedBulk, ParsedDocument, check_attachment_name, check_id, parse_bulk,
    parse_document, parse_document_within,
};
pub use self::partition::{PartitionInfo, check_partition};
pub use self::place::check_name;
pub use self::purge::{PurgeInfo, RevsDiff};
pub use self::revision::{InvalidRevision, Revision, RevisionHash, RevisionPath};
pub use self::sequence::Sequence;
pub use self::shard::{AttachmentReader, Upload, UploadOptions};
pub use self::split::{SplitEvent, SplitJob, SplitPhase, SplitRefused, SplitState, Splitting};
pub use self::stored::StoredAttachment;
pub use self::watch::{Hook, HookHandle, Watch};
pub use crate::compaction::{ActiveTask, AutomaticCompaction};
