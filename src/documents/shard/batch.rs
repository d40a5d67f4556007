//! What one turn changes, before it is committed.

use std::collections::HashMap;
use std::sync::Arc;

use super::core::{META_COUNTERS, Shard};
use super::read::body_record;
use crate::documents::attachment_info::AttachmentInfo;
use crate::documents::error::DocumentError;
use crate::documents::key;
use crate::documents::record::{
    ContentRecord, Counters, Garbage, decode_document, encode_change, encode_document,
};
use crate::documents::stored::Pending;
use crate::documents::tree::{BodyRef, Tree};
use crate::journal::{Durability, Snapshot, WriteBatch};

/// A document in a batch.
#[derive(Debug, Default)]
pub(super) struct Doc {
    /// Its last change before, and whether it was deleted; `None` when there was none.
    pub(super) before: Option<(u64, bool)>,
    pub tree: Tree,
    changed: bool,
}

/// Changes of a shard that are committed together.
#[derive(Debug)]
pub(super) struct Batch<'a> {
    pub shard: &'a Shard,
    pub snapshot: Snapshot,
    pub writes: WriteBatch,
    pub counters: Counters,
    docs: HashMap<String, Doc>,
    /// The documents that changed, in the order in which they did first.
    order: Vec<String>,
    /// Contents whose counts changed, by number.
    pub(super) contents: HashMap<u64, (Vec<u8>, ContentRecord)>,
    /// Attachments of bodies that were put here.
    bodies: HashMap<u64, Vec<AttachmentInfo>>,
    /// Uploads that found their document, and the content that they became.
    pub(super) claimed: Vec<(Arc<Pending>, u64)>,
    /// Something could not be read in the middle of an edit: nothing may be committed.
    failed: Option<DocumentError>,
    scratch: Vec<u8>,
}

/// Bytes of a key that is a number.
const NUMBER_KEY_BYTES: u64 = 9;

impl<'a> Batch<'a> {
    pub fn begin(shard: &'a Shard) -> Self {
        Self {
            shard,
            snapshot: shard.snapshot(),
            writes: WriteBatch::new(),
            counters: shard.counters(),
            docs: HashMap::new(),
            order: Vec::new(),
            contents: HashMap::new(),
            bodies: HashMap::new(),
            claimed: Vec::new(),
            failed: None,
            scratch: Vec::new(),
        }
    }

    /// A failure after something was changed: the batch will not be committed.
    pub fn fail(&mut self, error: &DocumentError) {
        self.failed.get_or_insert_with(|| error.clone());
    }

    /// A document as it is now, with what this batch did to it.
    pub fn doc(&mut self, id: &str) -> Result<&mut Doc, DocumentError> {
        if !self.docs.contains_key(id) {
            let doc = self.load(id)?;
            self.docs.insert(id.to_owned(), doc);
        }
        let damaged = || self.shard.damaged("document");
        self.docs.get_mut(id).ok_or_else(damaged)
    }

    pub(super) fn load(&self, id: &str) -> Result<Doc, DocumentError> {
        let mut key = key::bytes(key::LIVE, id.as_bytes());
        let mut record = self.snapshot.get(&key)?;
        let mut dead = false;
        if record.is_none() && self.counters.dead_docs > 0 {
            if let Some(space) = key.first_mut() {
                *space = key::DEAD;
            }
            record = self.snapshot.get(&key)?;
            dead = true;
        }
        let Some(record) = record else {
            return Ok(Doc::default());
        };
        let (sequence, tree) =
            decode_document(&record).ok_or_else(|| self.shard.damaged("document"))?;
        Ok(Doc { before: Some((sequence, dead)), tree, changed: false })
    }

    /// Notes that a document's tree is another one now.
    pub fn touch(&mut self, id: &str) {
        if let Some(doc) = self.docs.get_mut(id)
            && !std::mem::replace(&mut doc.changed, true)
        {
            self.order.push(id.to_owned());
        }
    }

    /// Stores a body.
    pub fn put_body(
        &mut self,
        attachments: Vec<AttachmentInfo>,
        record: &[u8],
        text_bytes: u64,
    ) -> Result<BodyRef, DocumentError> {
        self.counters.bodies += 1;
        let number = self.counters.bodies;
        self.writes.put(&key::number(key::BODY, number), record)?;
        let attached_bytes: u64 = attachments.iter().map(|attachment| attachment.length).sum();
        let body = BodyRef {
            number,
            stored_bytes: NUMBER_KEY_BYTES + record.len() as u64,
            external_bytes: text_bytes.saturating_add(attached_bytes),
            attached: !attachments.is_empty(),
        };
        self.counters.external_bytes =
            self.counters.external_bytes.saturating_add(body.external_bytes);
        if body.attached {
            self.bodies.insert(number, attachments);
        }
        Ok(body)
    }

    /// The attachments of a body.
    pub fn attachments_of(&self, number: u64) -> Result<Vec<AttachmentInfo>, DocumentError> {
        if let Some(attachments) = self.bodies.get(&number) {
            return Ok(attachments.clone());
        }
        match body_record(&self.snapshot, number)? {
            Some(record) => Ok(self.shard.read_body(&record)?.0),
            None => Ok(Vec::new()),
        }
    }

    /// Notes that a body is no longer that of a leaf. It stays readable until a compaction.
    pub fn discard(&mut self, body: &BodyRef) -> Result<(), DocumentError> {
        let garbage = Garbage { stored_bytes: body.stored_bytes, attached: body.attached };
        let record = garbage.encode();
        self.writes.put(&key::number(key::GARBAGE, body.number), &record)?;
        let counters = &mut self.counters;
        counters.garbage_bytes += body.stored_bytes + NUMBER_KEY_BYTES + record.len() as u64;
        counters.external_bytes = counters.external_bytes.saturating_sub(body.external_bytes);
        if body.attached {
            for attachment in self.attachments_of(body.number)? {
                self.release_live(&attachment)?;
            }
        }
        Ok(())
    }

    /// Removes a body that was discarded before. `record` is what was noted then.
    pub fn collect(&mut self, number: u64, record: &[u8]) -> Result<(), DocumentError> {
        let garbage = Garbage::decode(record).ok_or_else(|| self.shard.damaged("garbage"))?;
        if garbage.attached {
            for attachment in self.attachments_of(number)? {
                self.release(&attachment)?;
            }
        }
        let gone = garbage.stored_bytes + NUMBER_KEY_BYTES + record.len() as u64;
        self.counters.garbage_bytes = self.counters.garbage_bytes.saturating_sub(gone);
        self.writes.delete(&key::number(key::BODY, number))?;
        Ok(self.writes.delete(&key::number(key::GARBAGE, number))?)
    }

    /// Writes everything down and commits it.
    pub fn commit(mut self, durability: Durability) -> Result<(), DocumentError> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        for id in std::mem::take(&mut self.order) {
            self.write_doc(&id)?;
        }
        self.write_contents()?;
        let before = self.shard.counters();
        if self.counters != before {
            self.writes.put(META_COUNTERS, &self.counters.encode())?;
        }
        if self.writes.is_empty() {
            return Ok(());
        }
        let receipt = self.shard.store.write(self.writes, durability)?;
        if durability == Durability::Sync {
            self.shard.note_durable(receipt.sequence);
        }
        self.shard.set_counters(self.counters);
        for (pending, content) in self.claimed {
            pending.taken_as(content);
        }
        Ok(())
    }

    fn write_doc(&mut self, id: &str) -> Result<(), DocumentError> {
        let Some(mut doc) = self.docs.remove(id) else {
            return Ok(());
        };
        self.counters.update_seq += 1;
        if let Some((sequence, dead)) = doc.before {
            self.writes.delete(&key::number(key::CHANGE, sequence))?;
            let count =
                if dead { &mut self.counters.dead_docs } else { &mut self.counters.live_docs };
            *count = count.saturating_sub(1);
        }
        doc.tree.stem(self.shard.revs_limit());
        let winner = doc.tree.winner().and_then(|index| doc.tree.node(index));
        let now = winner.map(|node| node.deleted);
        if let Some((_, dead)) = doc.before
            && now != Some(dead)
        {
            self.writes.delete(&key::bytes(doc_space(dead), id.as_bytes()))?;
        }
        let Some(dead) = now else {
            return Ok(());
        };
        let sequence = self.counters.update_seq;
        self.scratch.clear();
        encode_document(&mut self.scratch, sequence, &doc.tree);
        self.writes.put(&key::bytes(doc_space(dead), id.as_bytes()), &self.scratch)?;
        self.scratch.clear();
        encode_change(&mut self.scratch, &doc.tree, id.as_bytes());
        self.writes.put(&key::number(key::CHANGE, sequence), &self.scratch)?;
        let count = if dead { &mut self.counters.dead_docs } else { &mut self.counters.live_docs };
        *count += 1;
        Ok(())
    }
}

pub(super) fn doc_space(dead: bool) -> u8 {
    if dead { key::DEAD } else { key::LIVE }
}
