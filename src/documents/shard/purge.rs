//! Purging in a shard.

use super::batch::Batch;
use super::core::Shard;
use crate::documents::error::DocumentError;
use crate::documents::key;
use crate::documents::purge::PurgeInfo;
use crate::documents::revision::{Revision, RevisionHash};
use crate::documents::varint::{Cursor, put, put_bytes};
use crate::journal::{Durability, KeyRange};

fn encode(uuid: u128, id: &str, revisions: &[Revision]) -> Vec<u8> {
    let mut out = uuid.to_be_bytes().to_vec();
    put_bytes(&mut out, id.as_bytes());
    for revision in revisions {
        put(&mut out, revision.depth);
        out.push(u8::from(revision.hash.is_md5()));
        put_bytes(&mut out, revision.hash.as_bytes());
    }
    out
}

fn decode(sequence: u64, record: &[u8]) -> Option<PurgeInfo> {
    let mut cursor = Cursor::new(record);
    let uuid = u128::from_be_bytes(cursor.md5()?);
    let id = cursor.text()?;
    let mut revisions = Vec::new();
    while !cursor.rest.is_empty() {
        let depth = cursor.number()?;
        let md5 = cursor.byte()? == 1;
        let bytes = cursor.bytes()?;
        let hash = match bytes.try_into() {
            Ok(bytes) if md5 => RevisionHash::md5(bytes),
            _ => RevisionHash::other(bytes),
        };
        revisions.push(Revision { depth, hash });
    }
    Some(PurgeInfo { sequence, uuid: format!("{uuid:032x}"), id, revisions })
}

/// The document of a record.
pub(super) fn purged_id(record: &[u8]) -> Option<String> {
    decode(0, record).map(|info| info.id)
}

impl Shard {
    /// Removes leaves. Answers those that were there, for each document.
    pub fn purge(
        &self,
        asked: &[(String, Vec<Revision>)],
    ) -> Result<Vec<Vec<Revision>>, DocumentError> {
        self.exclusively(Durability::Sync, |batch| {
            asked.iter().map(|(id, revisions)| batch.purge(id, revisions)).collect()
        })
    }

    /// What is remembered of purges, oldest first.
    pub fn purge_infos(&self) -> Result<Vec<PurgeInfo>, DocumentError> {
        let snapshot = self.snapshot();
        let mut scan = snapshot.scan(&key::space(key::PURGE));
        let mut infos = Vec::new();
        while let Some((key, record)) = scan.next()? {
            let info = key::read_number(key).and_then(|sequence| decode(sequence, record));
            infos.push(info.ok_or_else(|| self.damaged("purge"))?);
        }
        let limit = usize::try_from(self.purged_infos_limit()).unwrap_or(usize::MAX);
        Ok(infos.split_off(infos.len().saturating_sub(limit)))
    }
}

impl Batch<'_> {
    fn purge(&mut self, id: &str, revisions: &[Revision]) -> Result<Vec<Revision>, DocumentError> {
        let mut purged = Vec::new();
        for revision in revisions {
            let tree = &mut self.doc(id)?.tree;
            let Some(leaf) = tree.find_leaf(revision) else {
                continue;
            };
            if let Some(body) = tree.remove_leaf(leaf) {
                self.discard(&body)?;
            }
            purged.push(revision.clone());
        }
        if !purged.is_empty() {
            self.touch(id);
        }
        // What was asked for is remembered, found or not: copies of this database may have it.
        self.counters.purge_seq += 1;
        let uuid = self.shard.store.directory().clock().unique_id();
        let key = key::number(key::PURGE, self.counters.purge_seq);
        self.writes.put(&key, &encode(uuid, id, revisions))?;
        Ok(purged)
    }

    /// Forgets purges beyond the limit.
    pub fn trim_purges(&mut self) -> Result<(), DocumentError> {
        let limit = self.shard.purged_infos_limit();
        let Some(last) = self.counters.purge_seq.checked_sub(limit) else {
            return Ok(());
        };
        let (first, end) = (key::number(key::PURGE, 0), key::number(key::PURGE, last + 1));
        let range = KeyRange::new(first.to_vec()..end.to_vec());
        if self.snapshot.scan(&range).next()?.is_some() {
            self.writes.delete_range(&range)?;
        }
        Ok(())
    }
}
