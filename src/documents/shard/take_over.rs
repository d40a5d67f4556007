//! Taking over what another shard has, as it stands there: trees, numbers, bodies of leaves, and what those name.
//!
//! Numbers of changes, bodies and contents stay what they were: a half has a part of them and gives out later ones. So
//! records go over as they are, and only what counts (documents, bytes, how often a content is named) is made anew.

use super::batch::{Batch, doc_space};
use super::core::Shard;
use super::read::body_record;
use super::upload::TOGETHER;
use crate::documents::attachment_info::AttachmentInfo;
use crate::documents::error::DocumentError;
use crate::documents::key;
use crate::documents::record::{ContentRecord, decode_change, decode_document};
use crate::documents::tree::{BodyRef, Tree};
use crate::journal::{Durability, Snapshot, WriteBatch};

/// A document as another shard has it.
#[derive(Debug)]
pub(super) struct Taken {
    pub id: String,
    sequence: u64,
    dead: bool,
    /// Its row of the changes.
    change: Vec<u8>,
    record: Vec<u8>,
    tree: Tree,
}

fn leaf_bodies(tree: &Tree) -> impl Iterator<Item = BodyRef> + '_ {
    tree.nodes.iter().filter(|node| node.children == 0).filter_map(|node| node.body)
}

impl Taken {
    /// About how much it adds to a transaction.
    pub fn size_bytes(&self) -> u64 {
        let bodies: u64 = leaf_bodies(&self.tree).map(|body| body.stored_bytes).sum();
        bodies + (self.record.len() + self.change.len()) as u64
    }
}

impl Shard {
    /// The document of a row of the changes.
    pub(super) fn document_of_change(
        &self,
        snapshot: &Snapshot,
        sequence: u64,
        change: &[u8],
    ) -> Result<Taken, DocumentError> {
        let damaged = || self.damaged("change");
        let row = decode_change(change).ok_or_else(damaged)?;
        let id = std::str::from_utf8(row.id).map_err(|_| damaged())?.to_owned();
        let key = key::bytes(doc_space(row.deleted), id.as_bytes());
        let record = snapshot.get(&key)?.ok_or_else(damaged)?;
        let (_, tree) = decode_document(&record).ok_or_else(|| self.damaged("document"))?;
        let (dead, change, record) = (row.deleted, change.to_vec(), record.to_vec());
        Ok(Taken { id, sequence, dead, change, record, tree })
    }

    /// Copies the contents that a document names and that are not here yet. They are named by the transaction that follows.
    pub(super) fn take_contents(
        &self,
        source: &Snapshot,
        taken: &Taken,
    ) -> Result<(), DocumentError> {
        for body in leaf_bodies(&taken.tree).filter(|body| body.attached) {
            let record = body_record(source, body.number)?.ok_or_else(|| self.damaged("body"))?;
            for attachment in self.read_body(&record)?.0 {
                if !self.snapshot().contains(&key::chunk(attachment.content, 0))? {
                    self.take_chunks(source, attachment.content, attachment.content)?;
                }
            }
        }
        Ok(())
    }

    /// Copies the chunks of a content, in transactions of a few.
    pub(super) fn take_chunks(
        &self,
        source: &Snapshot,
        from: u64,
        to: u64,
    ) -> Result<(), DocumentError> {
        let range = key::chunks(from);
        let mut scan = source.scan(&range);
        let (mut index, mut ended) = (0, false);
        while !ended {
            let mut batch = WriteBatch::new();
            for _ in 0..TOGETHER {
                let Some((_, chunk)) = scan.next()? else {
                    ended = true;
                    break;
                };
                batch.put(&key::chunk(to, index), chunk)?;
                index += 1;
            }
            if !batch.is_empty() {
                self.store.write(batch, Durability::Buffered)?;
            }
        }
        Ok(())
    }
}

impl Batch<'_> {
    /// Makes a document what it is in another shard.
    pub(super) fn take_over(
        &mut self,
        source: &Snapshot,
        taken: &Taken,
    ) -> Result<(), DocumentError> {
        self.forget(&taken.id)?;
        let key = key::bytes(doc_space(taken.dead), taken.id.as_bytes());
        self.writes.put(&key, &taken.record)?;
        self.writes.put(&key::number(key::CHANGE, taken.sequence), &taken.change)?;
        *self.count_of(taken.dead) += 1;
        for body in leaf_bodies(&taken.tree) {
            let record = body_record(source, body.number)?;
            let record = record.ok_or_else(|| self.shard.damaged("body"))?;
            self.writes.put(&key::number(key::BODY, body.number), &record)?;
            self.counters.external_bytes =
                self.counters.external_bytes.saturating_add(body.external_bytes);
            if body.attached {
                for attachment in self.shard.read_body(&record)?.0 {
                    self.adopt(source, &attachment)?;
                }
            }
        }
        Ok(())
    }

    /// Removes a document as if it had never been.
    pub(super) fn forget(&mut self, id: &str) -> Result<(), DocumentError> {
        let doc = self.load(id)?;
        let Some((sequence, dead)) = doc.before else {
            return Ok(());
        };
        self.writes.delete(&key::number(key::CHANGE, sequence))?;
        self.writes.delete(&key::bytes(doc_space(dead), id.as_bytes()))?;
        let count = self.count_of(dead);
        *count = count.saturating_sub(1);
        for body in leaf_bodies(&doc.tree) {
            if body.attached {
                for attachment in self.attachments_of(body.number)? {
                    self.release_live(&attachment)?;
                    self.release(&attachment)?;
                }
            }
            self.writes.delete(&key::number(key::BODY, body.number))?;
            self.counters.external_bytes =
                self.counters.external_bytes.saturating_sub(body.external_bytes);
        }
        Ok(())
    }

    fn count_of(&mut self, dead: bool) -> &mut u64 {
        if dead { &mut self.counters.dead_docs } else { &mut self.counters.live_docs }
    }

    /// Names a content whose chunks are here, for the first time perhaps.
    fn adopt(
        &mut self,
        source: &Snapshot,
        attachment: &AttachmentInfo,
    ) -> Result<(), DocumentError> {
        let number = attachment.content;
        let key = key::content(&attachment.md5, attachment.stored_length, number);
        if !self.contents.contains_key(&number) && !self.snapshot.contains(&key)? {
            let record = source.get(&key)?.and_then(|record| ContentRecord::decode(&record));
            let theirs = record.ok_or_else(|| self.shard.damaged("content"))?;
            let record = ContentRecord { references: 0, live: 0, ..theirs };
            self.contents.insert(number, (key, record));
        }
        self.name(attachment)
    }
}
