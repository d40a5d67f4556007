//! A database: its shards as one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arc_swap::ArcSwap;

use super::all_docs::{AllDocs, AllDocsRow, keys_of, look_up};
use super::body::Body;
use super::catalog::DatabaseRecord;
use super::changes::Changes;
use super::document::{Document, OpenRev};
use super::error::DocumentError;
use super::info::{DatabaseInfo, RangeHistory, ShardInfo, Sizes};
use super::key;
use super::limits::LiveLimits;
use super::local::LocalDocument;
use super::options::{AllDocsRange, ChangesOptions, OpenOptions, OpenRevs, Since};
use super::partition::{self, PartitionInfo, check_document_id, check_partition};
use super::place::range_name;
use super::prepare::Rules;
use super::purge::{PurgeInfo, RevsDiff};
use super::ranges::{even_ranges, split_on_the_way};
use super::revision::Revision;
use super::sequence::Sequence;
use super::shard::{Shard, Upload, UploadOptions};
use super::watch::{Bell, Watch};
use crate::compaction::{CompactionQueue, as_target};

/// What a new database that is for admins only has as its security object.
const ADMIN_ONLY: &str = r#"{"members":{"roles":["_admin"]},"admins":{"roles":["_admin"]}}"#;

/// CouchDB's version of its files since 3.0.
const DISK_FORMAT_VERSION: u32 = 8;

/// An open database. Everything blocks its thread for as long as it takes; nothing of it is async.
#[derive(Debug)]
pub struct Database {
    record: DatabaseRecord,
    /// Another set once a shard was split. A call takes it once, and again when it came too late for a shard.
    shards: ArcSwap<Vec<Arc<Shard>>>,
    limits: LiveLimits,
    pub(super) compactor: Arc<CompactionQueue>,
    bell: Arc<Bell>,
    /// Rung for the first change since [`Database::take_touched`].
    events: Arc<Bell>,
    touched: AtomicBool,
    /// When it was last asked for, counted in requests for databases.
    used: AtomicU64,
}

impl Database {
    pub(super) fn new(
        record: DatabaseRecord,
        shards: Vec<Arc<Shard>>,
        limits: LiveLimits,
        compactor: Arc<CompactionQueue>,
        events: Arc<Bell>,
    ) -> Self {
        let (bell, touched, used) = (Arc::default(), AtomicBool::new(false), AtomicU64::new(0));
        let shards = ArcSwap::from_pointee(shards);
        Self { record, shards, limits, compactor, bell, events, touched, used }
    }

    /// What an edit is held to that comes now.
    pub(super) fn rules(&self) -> Rules {
        let max_document_bytes = self.limits.get().max_document_bytes;
        Rules { max_document_bytes, partitioned: self.record.partitioned }
    }

    /// Whether something changed since the last call.
    pub(super) fn take_touched(&self) -> bool {
        self.touched.swap(false, Ordering::AcqRel)
    }

    /// Notes when it was asked for.
    pub(super) fn note_use(&self, request: u64) {
        self.used.fetch_max(request, Ordering::AcqRel);
    }

    /// When it was last asked for.
    pub(super) fn last_use(&self) -> u64 {
        self.used.load(Ordering::Acquire)
    }

    /// Whether nothing reads, writes, compacts or watches it but through handles that `Databases` gives out.
    pub(super) fn is_idle(&self) -> bool {
        let shards = self.shards.load();
        let unused = shards.iter().all(|shard| Arc::strong_count(shard) == 1);
        unused && !self.bell.is_watched() && !shards.iter().any(|shard| shard.is_compacting())
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.record.name
    }

    /// Counts, sizes and sequences; without I/O, unless something was buffered: the place in the changes is a durable one.
    pub fn info(&self) -> DatabaseInfo {
        let set = self.each_shard();
        let shards: Vec<_> = set.iter().map(|shard| shard.info()).collect();
        let mut sizes = Sizes::default();
        shards.iter().for_each(|shard| sizes += shard.sizes);
        let sequence = |place: fn(&Shard) -> super::sequence::Place| {
            Sequence::new(set.iter().map(|shard| place(shard)).collect())
        };
        DatabaseInfo {
            name: self.record.name.clone(),
            doc_count: shards.iter().map(|shard| shard.doc_count).sum(),
            doc_del_count: shards.iter().map(|shard| shard.doc_del_count).sum(),
            update_seq: sequence(Shard::last_place),
            purge_seq: sequence(Shard::last_purge),
            sizes,
            disk_format_version: DISK_FORMAT_VERSION,
            compact_running: shards.iter().any(|shard| shard.compact_running)
                || set.iter().any(|shard| self.compactor.is_pending(&as_target(shard))),
            instance_start_time: self.record.created_s,
            q: u32::try_from(set.len()).unwrap_or(u32::MAX),
            partitioned: self.record.partitioned,
            uuid: self.record.uuid.clone(),
        }
    }

    pub(super) fn each_shard(&self) -> Arc<Vec<Arc<Shard>>> {
        self.shards.load_full()
    }

    /// Does something with all shards; again, when it failed and a shard was split meanwhile.
    fn with_shards<T>(
        &self,
        work: impl Fn(&[Arc<Shard>]) -> Result<T, DocumentError>,
    ) -> Result<T, DocumentError> {
        loop {
            let set = self.each_shard();
            let done = work(&set);
            if done.is_ok() || Arc::ptr_eq(&set, &self.each_shard()) {
                return done;
            }
        }
    }

    /// Does something with the shard of a document; again, when it was split meanwhile.
    fn with_shard<T>(
        &self,
        id: &str,
        work: impl Fn(&Arc<Shard>) -> Result<T, DocumentError>,
    ) -> Result<T, DocumentError> {
        loop {
            let done = work(&self.shard(id)?);
            if !matches!(done, Err(DocumentError::ShardSplit)) {
                return done;
            }
        }
    }

    /// Puts halves in the place of a shard.
    pub(super) fn swap(&self, source: &Arc<Shard>, halves: &[Arc<Shard>; 2]) {
        let mut shards = Vec::new();
        for shard in self.each_shard().iter() {
            if Arc::ptr_eq(shard, source) {
                shards.extend(halves.iter().cloned());
            } else {
                shards.push(shard.clone());
            }
        }
        self.shards.store(Arc::new(shards));
    }

    /// What decides in which shard a document is.
    fn hash(&self, id: &str) -> u32 {
        partition::place(id, self.record.partitioned)
    }

    /// Which of these shards a document is in.
    pub(super) fn shard_index(&self, shards: &[Arc<Shard>], id: &str) -> usize {
        let hash = self.hash(id);
        shards.iter().position(|shard| shard.holds(hash)).unwrap_or_default()
    }

    /// Its shards in the order of their ranges.
    pub fn shards(&self) -> Vec<ShardInfo> {
        self.each_shard().iter().map(|shard| shard.info()).collect()
    }

    /// The ranges that it was made with, and those that were split since, each before its halves.
    pub fn range_history(&self) -> RangeHistory {
        let now: Vec<_> = self.each_shard().iter().map(|shard| shard.options().range).collect();
        let names = |ranges: Vec<_>| ranges.into_iter().map(range_name).collect();
        let q = self.record.q;
        RangeHistory { made: names(even_ranges(q)), split: names(split_on_the_way(q, &now)) }
    }

    /// The shard that a document belongs to.
    pub fn shard_of(&self, id: &str) -> Result<ShardInfo, DocumentError> {
        Ok(self.shard(id)?.info())
    }

    fn shard(&self, id: &str) -> Result<Arc<Shard>, DocumentError> {
        let hash = partition::hash(id, self.record.partitioned)?;
        let set = self.shards.load();
        set.iter().find(|shard| shard.holds(hash)).cloned().ok_or(DocumentError::DatabaseGone)
    }

    /// Whether a document of this database can be called so: [`super::check_id`], and `partition:id` in a partitioned one.
    ///
    /// # Errors
    /// [`DocumentError::IllegalId`], [`DocumentError::IllegalPartition`].
    pub fn check_id(&self, id: &str) -> Result<(), DocumentError> {
        check_document_id(id, self.record.partitioned)
    }

    /// Whether documents are placed by partitions.
    pub fn is_partitioned(&self) -> bool {
        self.record.partitioned
    }

    /// The shard of a partition.
    fn shard_of_partition(&self, partition: &str) -> Result<Arc<Shard>, DocumentError> {
        check_partition(partition)?;
        if !self.record.partitioned {
            return Err(DocumentError::NotPartitioned);
        }
        self.shard(&format!("{partition}:"))
    }

    /// Counts the documents of a partition; takes as long as there are many.
    ///
    /// # Errors
    /// [`DocumentError::IllegalPartition`], [`DocumentError::NotPartitioned`].
    pub fn partition_info(&self, partition: &str) -> Result<PartitionInfo, DocumentError> {
        partition::info(&self.shard_of_partition(partition)?, partition)
    }

    /// The documents of a partition that are in a range, in the order of their ids. Total and offset are counted in the
    /// partition's shard, as CouchDB counts them.
    ///
    /// # Errors
    /// [`DocumentError::IllegalPartition`], [`DocumentError::NotPartitioned`].
    pub fn partition_docs(
        &self,
        partition: &str,
        range: &AllDocsRange,
    ) -> Result<AllDocs, DocumentError> {
        let shard = self.shard_of_partition(partition)?;
        AllDocs::new(std::slice::from_ref(&shard), &partition::clamp(range, partition))
    }

    fn first_shard(&self) -> Result<Arc<Shard>, DocumentError> {
        self.shards.load().first().cloned().ok_or(DocumentError::DatabaseGone)
    }

    /// The security object: the JSON text that was set, `{}` before.
    pub fn security(&self) -> Result<String, DocumentError> {
        Ok(self.first_shard()?.security()?.unwrap_or_else(|| "{}".to_owned()))
    }

    /// Replaces the security object.
    ///
    /// # Errors
    /// [`DocumentError::InvalidJson`], [`DocumentError::NotAnObject`]; what is in the object is the caller's business.
    pub fn set_security(&self, text: &str) -> Result<(), DocumentError> {
        let object = Body::parse(text.as_bytes())?;
        self.with_shards(|shards| {
            let (first, others) = shards.split_first().ok_or(DocumentError::DatabaseGone)?;
            first.set_security(object.as_str())?;
            others.iter().try_for_each(|shard| shard.note_setting())
        })
    }

    /// As a new database begins.
    pub(super) fn set_admin_only(&self) -> Result<(), DocumentError> {
        self.first_shard()?.begin_with_security(ADMIN_ONLY)
    }

    /// How many revisions a branch keeps.
    pub fn revs_limit(&self) -> u64 {
        self.first_shard().map_or(1, |shard| shard.revs_limit())
    }

    /// Sets it, 1 or more. Reading goes by it at once.
    pub fn set_revs_limit(&self, limit: u64) -> Result<(), DocumentError> {
        let set = |shard: &Arc<Shard>| shard.set_revs_limit(limit.max(1));
        self.with_shards(|shards| shards.iter().try_for_each(set))
    }

    /// How many purges each shard remembers.
    pub fn purged_infos_limit(&self) -> u64 {
        self.first_shard().map_or(1, |shard| shard.purged_infos_limit())
    }

    /// Sets it, 1 or more.
    pub fn set_purged_infos_limit(&self, limit: u64) -> Result<(), DocumentError> {
        let set = |shard: &Arc<Shard>| shard.set_purged_infos_limit(limit.max(1));
        self.with_shards(|shards| shards.iter().try_for_each(set))
    }

    /// Wakes whoever waits for changes.
    pub(super) fn tell(&self) {
        self.bell.ring();
        if !self.touched.swap(true, Ordering::AcqRel) {
            self.events.ring();
        }
    }

    /// Reads a document.
    ///
    /// # Errors
    /// [`DocumentError::NotFound`], with `deleted` when the winner is a tombstone.
    pub fn open(&self, id: &str, options: &OpenOptions) -> Result<Document, DocumentError> {
        let shard = self.shard(id)?;
        let snapshot = shard.snapshot();
        let found = shard.find(&snapshot, id)?.ok_or(DocumentError::MISSING)?;
        let document = match &options.rev {
            None if found.head.deleted && !options.deleted => return Err(DocumentError::DELETED),
            None => Document::winner(&shard, &snapshot, id.to_owned(), found)?,
            Some(rev) => {
                let tree = shard.tree(&found.record)?;
                let mut index = tree.find(rev).ok_or(DocumentError::MISSING)?;
                if options.latest {
                    let below = tree.leaves_below(index);
                    let ranked = tree.ranked_leaves();
                    let best = ranked.into_iter().find(|leaf| below.contains(leaf));
                    index = best.unwrap_or(index);
                }
                let node = tree.node(index).ok_or(DocumentError::MISSING)?;
                Document::of_node(&shard, &snapshot, id, &found, node)?
            }
        };
        let mut document = document.ok_or(DocumentError::MISSING)?;
        if options.revs_info {
            document.look_up_revs()?;
        }
        Ok(document)
    }

    /// Reads several revisions of a document; the same one only once.
    ///
    /// # Errors
    /// [`DocumentError::NotFound`] for [`OpenRevs::All`] of a document that never was.
    pub fn open_revs(
        &self,
        id: &str,
        revisions: &OpenRevs,
        latest: bool,
    ) -> Result<Vec<OpenRev>, DocumentError> {
        let shard = self.shard(id)?;
        let snapshot = shard.snapshot();
        let found = shard.find(&snapshot, id)?;
        let (Some(found), asked) = (found, revisions) else {
            return match revisions {
                OpenRevs::All => Err(DocumentError::MISSING),
                OpenRevs::These(asked) => Ok(asked.iter().cloned().map(OpenRev::Missing).collect()),
            };
        };
        let tree = shard.tree(&found.record)?;
        let read = |index: usize| -> Result<Option<OpenRev>, DocumentError> {
            let Some(node) = tree.node(index) else {
                return Ok(None);
            };
            let document = Document::of_node(&shard, &snapshot, id, &found, node)?;
            let missing = || OpenRev::Missing(node.revision.clone());
            Ok(Some(document.map_or_else(missing, |document| OpenRev::Found(Box::new(document)))))
        };
        let asked = match asked {
            OpenRevs::All => {
                return tree
                    .listed_leaves()
                    .into_iter()
                    .filter_map(|leaf| read(leaf).transpose())
                    .collect();
            }
            OpenRevs::These(asked) => asked,
        };
        let (mut answers, mut seen) = (Vec::new(), Vec::new());
        for revision in asked {
            let Some(index) = tree.find(revision) else {
                answers.push(OpenRev::Missing(revision.clone()));
                continue;
            };
            let wanted = if latest { tree.leaves_below(index) } else { vec![index] };
            for index in wanted {
                if !seen.contains(&index) {
                    seen.push(index);
                    answers.extend(read(index)?);
                }
            }
        }
        Ok(answers)
    }

    /// Which of these revisions are not known; documents of which all are known are left off.
    pub fn revs_diff(
        &self,
        asked: &[(String, Vec<Revision>)],
    ) -> Result<Vec<RevsDiff>, DocumentError> {
        let mut diffs = Vec::new();
        for (id, revisions) in asked {
            let shard = self.shard(id)?;
            let tree = shard.known_tree(&shard.snapshot(), id)?;
            let missing: Vec<_> =
                revisions.iter().filter(|rev| tree.find(rev).is_none()).cloned().collect();
            if !missing.is_empty() {
                let possible_ancestors = tree.possible_ancestors(&missing);
                diffs.push(RevsDiff { id: id.clone(), missing, possible_ancestors });
            }
        }
        Ok(diffs)
    }

    /// Removes leaves and the ancestors that only they had, as if they had never been. Answers what was removed of each
    /// document, in the order asked; unknown revisions are left off.
    pub fn purge(
        &self,
        asked: &[(String, Vec<Revision>)],
    ) -> Result<Vec<(String, Vec<Revision>)>, DocumentError> {
        let mut purged: Vec<_> = asked.iter().map(|(id, _)| (id.clone(), Vec::new())).collect();
        let mut left: Vec<_> = (0..asked.len()).collect();
        while let Some((id, _)) = left.first().and_then(|index| asked.get(*index)) {
            let shard = self.shard(id)?;
            let is_here =
                |index: &usize| asked.get(*index).is_some_and(|(id, _)| shard.holds(self.hash(id)));
            let (here, others): (Vec<_>, Vec<_>) = left.iter().copied().partition(is_here);
            let part: Vec<_> = here.iter().filter_map(|index| asked.get(*index)).cloned().collect();
            match shard.purge(&part) {
                Ok(removed) => {
                    for (index, removed) in here.into_iter().zip(removed) {
                        purged
                            .get_mut(index)
                            .into_iter()
                            .for_each(|slot| slot.1.clone_from(&removed));
                    }
                    left = others;
                }
                // The next round finds its halves.
                Err(DocumentError::ShardSplit) => {}
                Err(error) => return Err(error),
            }
        }
        self.tell();
        Ok(purged)
    }

    /// The purges that are remembered, oldest first within each shard.
    pub fn purge_infos(&self) -> Result<Vec<PurgeInfo>, DocumentError> {
        let mut infos = Vec::new();
        for shard in self.each_shard().iter() {
            infos.extend(shard.purge_infos()?);
        }
        Ok(infos)
    }

    /// Documents in the order of their ids, on one snapshot of all shards.
    pub fn all_docs(&self, range: &AllDocsRange) -> Result<AllDocs, DocumentError> {
        AllDocs::new(&self.each_shard(), range)
    }

    /// These documents, in this order; `None` for one that never was. `descending`, `skip` and `limit` are the caller's
    /// business here.
    pub fn all_docs_keys(
        &self,
        keys: &[String],
        include_docs: bool,
    ) -> Result<Vec<Option<AllDocsRow>>, DocumentError> {
        let set = self.each_shard();
        let snapshots: Vec<_> = set.iter().map(|shard| shard.snapshot()).collect();
        let row = |id: &String| {
            let index = self.shard_index(&set, id);
            match (set.get(index), snapshots.get(index)) {
                (Some(shard), Some(snapshot)) => look_up(shard, snapshot, id, include_docs),
                _ => Ok(None),
            }
        };
        keys.iter().map(row).collect()
    }

    /// Changes, on one snapshot of all shards. What they tell of is durable.
    pub fn changes(
        &self,
        since: &Since,
        options: &ChangesOptions,
    ) -> Result<Changes, DocumentError> {
        Changes::new(&self.each_shard(), since, options)
    }

    /// A handle that wakes for every update.
    pub fn watch(&self) -> Watch {
        Watch::new(&self.bell)
    }

    /// Begins to take an attachment for the document `id`. The handle that comes of it can only be used for documents
    /// of that one's shard.
    pub fn upload(&self, id: &str, options: UploadOptions) -> Result<Upload, DocumentError> {
        Upload::begin(&self.shard(id)?, options)
    }

    /// A local document; `id` with `_local/` in front.
    pub fn local_get(&self, id: &str) -> Result<LocalDocument, DocumentError> {
        self.shard(id)?.local_get(id)
    }

    /// Writes a local document. `rev` is the number of the revision it stands on (none: 0); the new one is one more,
    /// whatever is there.
    pub fn local_put(
        &self,
        id: &str,
        rev: Option<u64>,
        body: &Body,
    ) -> Result<LocalDocument, DocumentError> {
        self.check_id(id)?;
        self.with_shard(id, |shard| shard.local_put(id, rev, body))
    }

    /// Removes a local document.
    ///
    /// # Errors
    /// [`DocumentError::NotFound`].
    pub fn local_remove(&self, id: &str) -> Result<(), DocumentError> {
        self.with_shard(id, |shard| shard.local_remove(id))
    }

    /// Local documents in the order of their ids (with `_local/` in front, in the range too); bodies come always.
    pub fn local_list(&self, range: &AllDocsRange) -> Result<Vec<LocalDocument>, DocumentError> {
        let bare = |id: &Option<String>| {
            id.as_ref().map(|id| id.strip_prefix("_local/").unwrap_or(id).to_owned())
        };
        let bare =
            AllDocsRange { start: bare(&range.start), end: bare(&range.end), ..range.clone() };
        let keys = keys_of(&bare, key::LOCAL);
        let mut found = Vec::new();
        for shard in self.each_shard().iter() {
            found.extend(shard.local_list(&keys)?);
        }
        found.sort_by(|left, right| left.id.cmp(&right.id));
        if range.descending {
            found.reverse();
        }
        let number = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
        let limit = range.limit.map_or(usize::MAX, number);
        Ok(found.into_iter().skip(number(range.skip)).take(limit).collect())
    }

    /// Asks for a compaction of every shard, in the background; what runs already goes on. Answers at once.
    pub fn compact(&self) {
        self.each_shard().iter().for_each(|shard| self.compactor.request(&as_target(shard)));
    }

    /// Compacts every shard on this thread.
    ///
    /// # Errors
    /// [`DocumentError::Storage`] with [`crate::journal::CompactionError::Running`] when one is being compacted.
    pub fn compact_now(&self) -> Result<(), DocumentError> {
        self.with_shards(|shards| shards.iter().try_for_each(|shard| self.compact_shard(shard)))
    }

    fn compact_shard(&self, shard: &Arc<Shard>) -> Result<(), DocumentError> {
        self.compactor.run(&as_target(shard), |control| shard.compact(control).map(|_| ()))
    }

    /// How many shards it has.
    pub fn shard_count(&self) -> usize {
        self.shards.load().len()
    }

    /// Compacts one shard, counted from 0, on this thread; `None` when there is none of that number.
    pub fn compact_shard_now(&self, number: usize) -> Option<Result<(), DocumentError>> {
        Some(self.compact_shard(self.each_shard().get(number)?))
    }

    /// Makes durable what was answered with [`crate::journal::Durability::Buffered`].
    pub fn sync(&self) -> Result<(), DocumentError> {
        self.with_shards(|shards| shards.iter().try_for_each(|shard| shard.sync()))
    }

    /// Ends it: what was committed is durable, later writes are refused.
    pub(super) fn close(&self) -> Result<(), DocumentError> {
        self.each_shard().iter().try_for_each(|shard| shard.close())
    }

    /// Before it is removed: its files may go.
    pub(super) fn disown_shards(&self) -> Result<(), DocumentError> {
        self.each_shard().iter().try_for_each(|shard| shard.disown())
    }

    /// Once its record is in the catalog: its files stay.
    pub(super) fn own_shards(&self) -> Result<(), DocumentError> {
        self.each_shard().iter().try_for_each(|shard| shard.own())
    }

    /// It was removed: writers are refused, readers go on with what they have.
    pub(super) fn retire(&self) -> Result<(), DocumentError> {
        for shard in self.each_shard().iter() {
            self.compactor.forget(&as_target(shard));
            shard.retire()?;
        }
        self.bell.ring();
        Ok(())
    }
}
