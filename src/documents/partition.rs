//! Partitioned databases: the part of an id before its first colon says where a document is, so that all documents of one
//! partition are in one shard. As CouchDB's since 3.0 (section 4.1 of the reference: the hash is that of the partition's name).

use std::sync::Arc;

use super::error::DocumentError;
use super::key;
use super::options::AllDocsRange;
use super::parse::check_id;
use super::shard::{Shard, body_record};
use super::tree::{BodyRef, Tree};
use crate::journal::{KeyRange, Snapshot};

/// Between the name of a partition and the rest of an id.
const SEPARATOR: char = ':';

/// What comes right behind it: no id of the partition is as large as this.
const BEHIND_SEPARATOR: char = ';';

/// What `GET /{db}/_partition/{partition}` tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionInfo {
    /// Its name.
    pub partition: String,
    /// Documents whose winner is not deleted.
    pub doc_count: u64,
    /// Documents whose winner is deleted.
    pub doc_del_count: u64,
    /// Bytes of its documents' records, of the bodies of their leaves, and of the attachments of these; one that several share is
    /// counted for each.
    pub active_bytes: u64,
    /// Bytes of the JSON text of leaves and their attachments, not compressed.
    pub external_bytes: u64,
}

/// Whether a partition can be called so.
///
/// # Errors
/// [`DocumentError::IllegalPartition`]: empty, with an underscore in front, or with a colon in it.
pub fn check_partition(name: &str) -> Result<(), DocumentError> {
    let reason = match name {
        "" => "Partition must not be empty",
        _ if name.starts_with('_') => "Partition must not start with an underscore",
        _ if name.contains(SEPARATOR) => "Partition must not contain a colon",
        _ => return Ok(()),
    };
    Err(DocumentError::IllegalPartition { reason })
}

/// Whether a document can be called so: in a partitioned database `partition:id`, but for design and local documents.
pub(super) fn check_document_id(id: &str, partitioned: bool) -> Result<(), DocumentError> {
    check_id(id)?;
    if !partitioned || id.starts_with('_') {
        return Ok(());
    }
    let (partition, rest) = split(id)?;
    check_partition(partition)?;
    check_id(rest)
}

fn split(id: &str) -> Result<(&str, &str), DocumentError> {
    let reason = "Doc id must be of form partition:id";
    id.split_once(SEPARATOR).ok_or(DocumentError::IllegalId { reason })
}

/// What decides about the shard of a document.
///
/// # Errors
/// [`DocumentError::IllegalId`] in a partitioned database, for an id without a partition.
pub(super) fn hash(id: &str, partitioned: bool) -> Result<u32, DocumentError> {
    let hashed = if partitioned && !id.starts_with('_') { split(id)?.0 } else { id };
    Ok(crc32fast::hash(hashed.as_bytes()))
}

/// The same, for an id that may be none of this database: such a one is refused wherever it comes to.
pub(super) fn place(id: &str, partitioned: bool) -> u32 {
    hash(id, partitioned).unwrap_or_default()
}

/// The part of a range that is within a partition.
pub(super) fn clamp(range: &AllDocsRange, partition: &str) -> AllDocsRange {
    let (low, high) = (format!("{partition}{SEPARATOR}"), format!("{partition}{BEHIND_SEPARATOR}"));
    let mut clamped = range.clone();
    let AllDocsRange { start, end, descending, .. } = &mut clamped;
    let (first, last) = if *descending { (end, start) } else { (start, end) };
    if first.as_ref().is_none_or(|first| *first < low) {
        *first = Some(low);
    }
    if last.as_ref().is_none_or(|last| *last > high) {
        *last = Some(high);
    }
    clamped
}

/// Counts a partition, on one snapshot of its shard.
pub(super) fn info(shard: &Arc<Shard>, partition: &str) -> Result<PartitionInfo, DocumentError> {
    let snapshot = shard.snapshot();
    let mut info = PartitionInfo {
        partition: partition.to_owned(),
        doc_count: 0,
        doc_del_count: 0,
        active_bytes: 0,
        external_bytes: 0,
    };
    let prefix = format!("{partition}{SEPARATOR}");
    for space in [key::LIVE, key::DEAD] {
        let mut count = 0;
        let keys = KeyRange::prefix(&key::bytes(space, prefix.as_bytes()));
        let mut scan = snapshot.scan(&keys);
        while let Some((key, record)) = scan.next()? {
            count += 1;
            info.active_bytes += (key.len() + record.len()) as u64;
            add_leaves(&mut info, shard, &snapshot, &shard.tree(record)?)?;
        }
        if space == key::LIVE {
            info.doc_count = count;
        } else {
            info.doc_del_count = count;
        }
    }
    Ok(info)
}

fn add_leaves(
    info: &mut PartitionInfo,
    shard: &Shard,
    snapshot: &Snapshot,
    tree: &Tree,
) -> Result<(), DocumentError> {
    for body in tree.nodes.iter().filter(|node| node.children == 0).filter_map(|node| node.body) {
        info.external_bytes += body.external_bytes;
        info.active_bytes += body.stored_bytes + attached_bytes(shard, snapshot, body)?;
    }
    Ok(())
}

fn attached_bytes(shard: &Shard, snapshot: &Snapshot, body: BodyRef) -> Result<u64, DocumentError> {
    if !body.attached {
        return Ok(0);
    }
    let Some(record) = body_record(snapshot, body.number)? else { return Ok(0) };
    let (attachments, _) = shard.read_body(&record)?;
    Ok(attachments.iter().map(|attachment| attachment.stored_length).sum())
}
