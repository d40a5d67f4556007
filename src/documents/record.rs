//! Values of a shard, to bytes and back. docs/format.md has the tables.

use super::attachment_info::{AttachmentInfo, Encoding};
use super::revision::{Revision, RevisionHash};
use super::tree::{BodyRef, Node, Tree};
use super::varint::{Cursor, put, put_bytes};

const DELETED: u8 = 1;
const SEVERAL_LEAVES: u8 = 2;
const OTHER_HASH: u8 = 4;

const NODE_DELETED: u8 = 1;
const NODE_BODY: u8 = 2;
const NODE_OTHER_HASH: u8 = 4;
const NODE_ATTACHED: u8 = 8;

fn flag(set: bool, flag: u8) -> u8 {
    if set { flag } else { 0 }
}

/// What stands in front of a document's record: enough for lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// The document's last change.
    pub sequence: u64,
    /// Whether there are other leaves than the winner.
    pub several_leaves: bool,
    /// The winner.
    pub winner: Revision,
    pub deleted: bool,
    pub body: BodyRef,
}

/// A document: its last change and its tree. The winner's branch comes first, newest revision first.
pub(super) fn encode_document(out: &mut Vec<u8>, sequence: u64, tree: &Tree) {
    let leaves = tree.ranked_leaves();
    let winner = leaves.first().and_then(|index| tree.node(*index));
    let deleted = winner.is_some_and(|node| node.deleted);
    let several = if leaves.len() > 1 { SEVERAL_LEAVES } else { 0 };
    out.push(flag(deleted, DELETED) | several);
    put(out, sequence);
    let mut places = vec![0; tree.nodes.len()];
    let mut written = 0;
    for leaf in leaves {
        encode_branch(out, tree, leaf, &mut places, &mut written);
    }
    if !tree.other_parents.is_empty() {
        encode_contradictions(out, tree, &mut places, &mut written);
    }
}

/// What histories that contradict each other leave: nodes that no leaf shows among its ancestors, then the edges.
fn encode_contradictions(out: &mut Vec<u8>, tree: &Tree, places: &mut [u64], written: &mut u64) {
    let mut nodes: Vec<_> = tree.nodes.iter().map(|node| &node.revision).enumerate().collect();
    nodes.sort_by(|left, right| right.1.cmp(left.1));
    for (index, _) in nodes {
        if places.get(index) == Some(&0) {
            encode_branch(out, tree, index, places, written);
        }
    }
    let place = |index: usize| places.get(index).copied().unwrap_or_default();
    let edges = tree.other_parents.iter().map(|(child, parent)| (place(*child), place(*parent)));
    let mut edges: Vec<_> = edges.collect();
    edges.sort_unstable();
    for (child, parent) in edges {
        [child, 0, parent].into_iter().for_each(|number| put(out, number));
    }
}

/// Nodes from the first one up to a root, or to the first node that stands in an earlier branch. `places` are the numbers of
/// written nodes, from 1 on.
fn encode_branch(
    out: &mut Vec<u8>,
    tree: &Tree,
    first: usize,
    places: &mut [u64],
    written: &mut u64,
) {
    let place = |places: &[u64], index: usize| places.get(index).copied().unwrap_or_default();
    let branch: Vec<_> =
        tree.ancestors(first).take_while(|index| place(places, *index) == 0).collect();
    let oldest = branch.last().and_then(|index| tree.node(*index));
    let join = oldest.and_then(|node| node.parent).map_or(0, |parent| place(places, parent));
    put(out, tree.node(first).map_or(0, |node| node.revision.depth));
    put(out, branch.len() as u64);
    put(out, join);
    for index in branch {
        *written += 1;
        if let Some(place) = places.get_mut(index) {
            *place = *written;
        }
        if let Some(node) = tree.node(index) {
            encode_node(out, node, index == first);
        }
    }
}

fn encode_node(out: &mut Vec<u8>, node: &Node, is_first: bool) {
    let mut tag = flag(node.deleted, NODE_DELETED);
    if let Some(body) = node.body {
        tag |= NODE_BODY | flag(body.attached, NODE_ATTACHED);
    }
    let hash = &node.revision.hash;
    tag |= flag(!hash.is_md5(), NODE_OTHER_HASH);
    out.push(tag);
    if hash.is_md5() {
        out.extend_from_slice(hash.as_bytes());
    } else {
        put_bytes(out, hash.as_bytes());
    }
    if let Some(body) = node.body {
        put(out, body.number);
        if is_first {
            // What an inner node counts is not known any more once it was read.
            let body = if node.children == 0 { body } else { BodyRef::default() };
            put(out, body.stored_bytes);
            put(out, body.external_bytes);
        }
    }
}

fn decode_node(cursor: &mut Cursor<'_>, depth: u64, is_first: bool) -> Option<Node> {
    let tag = cursor.byte()?;
    let hash = if tag & NODE_OTHER_HASH == 0 {
        RevisionHash::md5(cursor.md5()?)
    } else {
        RevisionHash::other(cursor.bytes()?)
    };
    let body = if tag & NODE_BODY == 0 {
        None
    } else {
        let mut body = BodyRef { number: cursor.number()?, ..BodyRef::default() };
        body.attached = tag & NODE_ATTACHED != 0;
        if is_first {
            body.stored_bytes = cursor.number()?;
            body.external_bytes = cursor.number()?;
        }
        Some(body)
    };
    let revision = Revision { depth, hash };
    let deleted = tag & NODE_DELETED != 0;
    Some(Node { parent: None, children: 0, revision, deleted, body })
}

/// Reads the front of a document's record.
pub(super) fn decode_head(record: &[u8]) -> Option<Head> {
    let mut cursor = Cursor::new(record);
    let flags = cursor.byte()?;
    let sequence = cursor.number()?;
    let depth = cursor.number()?;
    cursor.number()?;
    cursor.number()?;
    let node = decode_node(&mut cursor, depth, true)?;
    Some(Head {
        sequence,
        several_leaves: flags & SEVERAL_LEAVES != 0,
        winner: node.revision,
        deleted: node.deleted,
        body: node.body?,
    })
}

/// Reads a whole record: the last change and the tree.
pub(super) fn decode_document(record: &[u8]) -> Option<(u64, Tree)> {
    let mut cursor = Cursor::new(record);
    cursor.byte()?;
    let sequence = cursor.number()?;
    let mut tree = Tree::default();
    while !cursor.rest.is_empty() {
        decode_branch(&mut cursor, &mut tree)?;
    }
    Some((sequence, tree))
}

fn decode_branch(cursor: &mut Cursor<'_>, tree: &mut Tree) -> Option<()> {
    let depth = cursor.number()?;
    let count = cursor.number()?;
    let join = usize::try_from(cursor.number()?).ok()?;
    if count == 0 {
        return decode_edge(usize::try_from(depth).ok()?, join, tree);
    }
    for back in 0..count {
        let mut node = decode_node(cursor, depth.checked_sub(back)?, back == 0)?;
        node.children = u32::from(back > 0);
        node.parent = Some(tree.nodes.len() + 1);
        tree.nodes.push(node);
    }
    tree.nodes.last_mut()?.parent = join.checked_sub(1);
    if let Some(parent) = join.checked_sub(1) {
        tree.nodes.get_mut(parent)?.children += 1;
    }
    Some(())
}

/// A parent beside the shown one. Both nodes are numbered from 1 on.
fn decode_edge(child: usize, parent: usize, tree: &mut Tree) -> Option<()> {
    let (child, parent) = (child.checked_sub(1)?, parent.checked_sub(1)?);
    tree.nodes.get(child)?;
    tree.nodes.get_mut(parent)?.children += 1;
    tree.add_other_parent(child, parent);
    Some(())
}

/// A row of the changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ChangeRecord<'a> {
    pub deleted: bool,
    pub several_leaves: bool,
    pub winner: Revision,
    pub id: &'a [u8],
}

pub(super) fn encode_change(out: &mut Vec<u8>, tree: &Tree, id: &[u8]) {
    let Some(winner) = tree.winner().and_then(|index| tree.node(index)) else {
        return;
    };
    let several = tree.nodes.iter().filter(|node| node.children == 0).count() > 1;
    let hash = &winner.revision.hash;
    out.push(
        flag(winner.deleted, DELETED)
            | flag(several, SEVERAL_LEAVES)
            | flag(!hash.is_md5(), OTHER_HASH),
    );
    put(out, winner.revision.depth);
    if hash.is_md5() {
        out.extend_from_slice(hash.as_bytes());
    } else {
        put_bytes(out, hash.as_bytes());
    }
    out.extend_from_slice(id);
}

pub(super) fn decode_change(record: &[u8]) -> Option<ChangeRecord<'_>> {
    let mut cursor = Cursor::new(record);
    let flags = cursor.byte()?;
    let depth = cursor.number()?;
    let hash = if flags & OTHER_HASH == 0 {
        RevisionHash::md5(cursor.md5()?)
    } else {
        RevisionHash::other(cursor.bytes()?)
    };
    Some(ChangeRecord {
        deleted: flags & DELETED != 0,
        several_leaves: flags & SEVERAL_LEAVES != 0,
        winner: Revision { depth, hash },
        id: cursor.rest,
    })
}

/// A body: its attachments, then its JSON text to the end.
pub(super) fn encode_body(out: &mut Vec<u8>, attachments: &[AttachmentInfo], text: &str) {
    put(out, attachments.len() as u64);
    for attachment in attachments {
        put_bytes(out, attachment.name.as_bytes());
        put_bytes(out, attachment.content_type.as_bytes());
        put(out, attachment.revpos);
        out.extend_from_slice(&attachment.md5);
        put(out, attachment.length);
        out.push(u8::from(attachment.encoding == Encoding::Gzip));
        put(out, attachment.stored_length);
        put(out, attachment.content);
    }
    out.extend_from_slice(text.as_bytes());
}

/// The attachments of a body, and where its text begins.
pub(super) fn decode_body(record: &[u8]) -> Option<(Vec<AttachmentInfo>, usize)> {
    let mut cursor = Cursor::new(record);
    let count = cursor.number()?;
    let mut attachments = Vec::new();
    for _ in 0..count {
        attachments.push(AttachmentInfo {
            name: cursor.text()?,
            content_type: cursor.text()?,
            revpos: cursor.number()?,
            md5: cursor.md5()?,
            length: cursor.number()?,
            encoding: if cursor.byte()? == 0 { Encoding::Identity } else { Encoding::Gzip },
            stored_length: cursor.number()?,
            content: cursor.number()?,
        });
    }
    Some((attachments, record.len() - cursor.rest.len()))
}

/// How often a content is named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ContentRecord {
    /// By bodies.
    pub references: u64,
    /// By bodies of leaves, among them.
    pub live: u64,
    /// Bytes of the keys and values of its chunks.
    pub chunk_bytes: u64,
}

impl ContentRecord {
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for number in [self.references, self.live, self.chunk_bytes] {
            put(&mut out, number);
        }
        out
    }

    pub fn decode(record: &[u8]) -> Option<Self> {
        let mut cursor = Cursor::new(record);
        let (references, live) = (cursor.number()?, cursor.number()?);
        Some(Self { references, live, chunk_bytes: cursor.number()? })
    }
}

/// What is noted of a body that is no longer that of a leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Garbage {
    /// Bytes of its key and value.
    pub stored_bytes: u64,
    /// Whether it names attachments.
    pub attached: bool,
}

impl Garbage {
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(4);
        out.push(u8::from(self.attached));
        put(&mut out, self.stored_bytes);
        out
    }

    pub fn decode(record: &[u8]) -> Option<Self> {
        let mut cursor = Cursor::new(record);
        Some(Self { attached: cursor.byte()? != 0, stored_bytes: cursor.number()? })
    }
}

/// What a shard counts. One record, written with each change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counters {
    /// Documents whose winner is not deleted.
    pub live_docs: u64,
    /// Documents whose winner is deleted.
    pub dead_docs: u64,
    /// The last change.
    pub update_seq: u64,
    /// The last body.
    pub bodies: u64,
    /// The last purge.
    pub purge_seq: u64,
    /// Bytes of the JSON texts of leaves and of their attachments, not encoded.
    pub external_bytes: u64,
    /// Bytes of keys and values that the next compaction drops: bodies that are no longer those of leaves.
    pub garbage_bytes: u64,
    /// The last change when it was compacted.
    pub compacted_seq: u64,
}

impl Counters {
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(40);
        let numbers = [
            self.live_docs,
            self.dead_docs,
            self.update_seq,
            self.bodies,
            self.purge_seq,
            self.external_bytes,
            self.garbage_bytes,
            self.compacted_seq,
        ];
        for number in numbers {
            put(&mut out, number);
        }
        out
    }

    pub fn decode(record: &[u8]) -> Option<Self> {
        let mut cursor = Cursor::new(record);
        Some(Self {
            live_docs: cursor.number()?,
            dead_docs: cursor.number()?,
            update_seq: cursor.number()?,
            bodies: cursor.number()?,
            purge_seq: cursor.number()?,
            external_bytes: cursor.number()?,
            garbage_bytes: cursor.number()?,
            compacted_seq: cursor.number()?,
        })
    }
}
