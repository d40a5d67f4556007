//! A database: its shards as one.

use super::all_docs::{AllDocs, AllDocsRow};
use super::attachment::{Upload, UploadOptions};
use super::body::Body;
use super::changes::Changes;
use super::document::{Document, OpenRev};
use super::edit::{Edit, Written};
use super::error::DocumentError;
use super::local::LocalDocument;
use super::options::{AllDocsRange, ChangesOptions, OpenOptions, OpenRevs, Since, UpdateOptions};
use super::purge::{PurgeInfo, RevsDiff};
use super::revision::Revision;
use super::sequence::Sequence;
use super::shard::ShardInfo;
use super::watch::{Bell, Watch};
use std::sync::Arc;

/// Sizes in bytes, as CouchDB means them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// The files.
    pub file: u64,
    /// What is alive in them: leaves, their attachments, and what leads to them. Exact.
    pub active: u64,
    /// The JSON text of live leaves and their attachments, not compressed.
    pub external: u64,
}

/// What `GET /{db}` tells. Sums over the shards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseInfo {
    /// Its name.
    pub name: String,
    /// Documents whose winner is not deleted.
    pub doc_count: u64,
    /// Documents whose winner is deleted.
    pub doc_del_count: u64,
    /// Where the changes end.
    pub update_seq: Sequence,
    /// Where the purges end.
    pub purge_seq: Sequence,
    /// Sizes.
    pub sizes: Sizes,
    /// 8, as CouchDB's since 3.0; clients look at it.
    pub disk_format_version: u32,
    /// Whether a shard is being compacted.
    pub compact_running: bool,
    /// When it was made, seconds since the Unix epoch.
    pub instance_start_time: u64,
    /// Shards.
    pub q: u32,
    /// What tells it from another one of that name.
    pub uuid: String,
}

/// An open database. Everything blocks its thread for as long as it takes; nothing of it is async.
#[derive(Debug)]
pub struct Database {
    name: String,
    bell: Arc<Bell>,
}

impl Database {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Counts, sizes and sequences; without I/O.
    pub fn info(&self) -> Result<DatabaseInfo, DocumentError> {
        Err(DocumentError::DatabaseGone)
    }

    /// Its shards in the order of their ranges.
    pub fn shards(&self) -> Vec<ShardInfo> {
        Vec::new()
    }

    /// The shard that a document belongs to.
    pub fn shard_of(&self, id: &str) -> Result<ShardInfo, DocumentError> {
        let _ = id;
        Err(DocumentError::DatabaseGone)
    }

    /// The security object: the JSON text that was set, or that of a new database.
    pub fn security(&self) -> Result<String, DocumentError> {
        Err(DocumentError::DatabaseGone)
    }

    /// Replaces the security object; `text` must be a JSON object, whose shape is the caller's business.
    pub fn set_security(&self, text: &str) -> Result<(), DocumentError> {
        let _ = text;
        Ok(())
    }

    /// How many revisions a branch keeps.
    pub fn revs_limit(&self) -> u64 {
        1000
    }

    /// Sets it, 1 or more.
    pub fn set_revs_limit(&self, limit: u64) -> Result<(), DocumentError> {
        let _ = limit;
        Ok(())
    }

    /// How many purges are remembered.
    pub fn purged_infos_limit(&self) -> u64 {
        1000
    }

    /// Sets it, 1 or more.
    pub fn set_purged_infos_limit(&self, limit: u64) -> Result<(), DocumentError> {
        let _ = limit;
        Ok(())
    }

    /// Writes: one engine transaction for each shard that is concerned, synced before it answers. One answer for each
    /// edit, in their order. A second interactive edit of the same document in one call is a conflict, unless it stands on
    /// a leaf of its own.
    ///
    /// When a shard cannot be written, its edits answer [`DocumentError::Storage`]; those of the others stay.
    pub fn update(
        &self,
        edits: Vec<Edit>,
        options: impl Into<UpdateOptions>,
    ) -> Vec<Result<Written, DocumentError>> {
        let _options: UpdateOptions = options.into();
        edits.iter().map(|_| Err(DocumentError::DatabaseGone)).collect()
    }

    /// Reads a document.
    ///
    /// # Errors
    /// [`DocumentError::NotFound`], with `deleted` when the winner is a tombstone.
    pub fn open(&self, id: &str, options: &OpenOptions) -> Result<Document, DocumentError> {
        let _ = (id, options);
        Err(DocumentError::MISSING)
    }

    /// Reads several revisions of a document.
    ///
    /// # Errors
    /// [`DocumentError::NotFound`] for [`OpenRevs::All`] of a document that never was.
    pub fn open_revs(
        &self,
        id: &str,
        revisions: &OpenRevs,
        latest: bool,
    ) -> Result<Vec<OpenRev>, DocumentError> {
        let _ = (id, revisions, latest);
        Err(DocumentError::MISSING)
    }

    /// Which of these revisions are not known; documents of which all are known are left off.
    pub fn revs_diff(
        &self,
        asked: &[(String, Vec<Revision>)],
    ) -> Result<Vec<RevsDiff>, DocumentError> {
        let _ = asked;
        Ok(Vec::new())
    }

    /// Removes leaves and the ancestors that only they had, as if they had never been. Answers what was removed of each
    /// document, in the order asked; unknown revisions are left off.
    pub fn purge(
        &self,
        asked: &[(String, Vec<Revision>)],
    ) -> Result<Vec<(String, Vec<Revision>)>, DocumentError> {
        let _ = asked;
        Ok(Vec::new())
    }

    /// The purges that are remembered, oldest first within each shard.
    pub fn purge_infos(&self) -> Result<Vec<PurgeInfo>, DocumentError> {
        Ok(Vec::new())
    }

    /// Documents in the order of their ids, on one snapshot of all shards.
    pub fn all_docs(&self, range: &AllDocsRange) -> Result<AllDocs, DocumentError> {
        let _ = range;
        Err(DocumentError::DatabaseGone)
    }

    /// These documents, in this order; `None` for one that never was. `descending`, `skip` and `limit` are the caller's
    /// business here.
    pub fn all_docs_keys(
        &self,
        keys: &[String],
        include_docs: bool,
    ) -> Result<Vec<Option<AllDocsRow>>, DocumentError> {
        let _ = (keys, include_docs);
        Ok(Vec::new())
    }

    /// Changes, on one snapshot of all shards.
    pub fn changes(
        &self,
        since: &Since,
        options: &ChangesOptions,
    ) -> Result<Changes, DocumentError> {
        let _ = (since, options);
        Err(DocumentError::DatabaseGone)
    }

    /// A handle that wakes for every update.
    pub fn watch(&self) -> Watch {
        Watch::new(&self.bell)
    }

    /// Begins to take an attachment for the document `id`. The handle that comes of it can only be used for that
    /// document's shard.
    pub fn upload(&self, id: &str, options: UploadOptions) -> Result<Upload, DocumentError> {
        let _ = (id, options);
        Err(DocumentError::DatabaseGone)
    }

    /// A local document; `id` with `_local/` in front.
    pub fn local_get(&self, id: &str) -> Result<LocalDocument, DocumentError> {
        let _ = id;
        Err(DocumentError::MISSING)
    }

    /// Writes a local document. `rev` is the number of the revision it stands on (none: 0); the new one is one more,
    /// whatever is there.
    pub fn local_put(
        &self,
        id: &str,
        rev: Option<u64>,
        body: &Body,
    ) -> Result<LocalDocument, DocumentError> {
        let _ = (id, rev, body);
        Err(DocumentError::DatabaseGone)
    }

    /// Removes a local document.
    ///
    /// # Errors
    /// [`DocumentError::NotFound`].
    pub fn local_remove(&self, id: &str) -> Result<(), DocumentError> {
        let _ = id;
        Err(DocumentError::MISSING)
    }

    /// Local documents in the order of their ids; `exclusive_end`, `skip`, `limit` and `descending` as for
    /// [`Database::all_docs`]; bodies come with `include_docs`.
    pub fn local_list(&self, range: &AllDocsRange) -> Result<Vec<LocalDocument>, DocumentError> {
        let _ = range;
        Ok(Vec::new())
    }

    /// Asks for a compaction of every shard, in the background; what runs already goes on. Answers at once.
    pub fn compact(&self) -> Result<(), DocumentError> {
        Ok(())
    }

    /// Compacts every shard on this thread.
    pub fn compact_now(&self) -> Result<(), DocumentError> {
        Ok(())
    }

    /// Makes durable what was answered with [`crate::journal::Durability::Buffered`].
    pub fn sync(&self) -> Result<(), DocumentError> {
        Ok(())
    }
}
