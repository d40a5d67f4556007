//! Keys of a shard: one byte that names the space, then what stands in docs/format.md.

use crate::journal::KeyRange;

/// Counters, limits, security: a name.
pub(super) const META: u8 = 0x01;
/// Documents whose winner is not deleted: the id.
pub(super) const LIVE: u8 = 0x10;
/// Documents whose winner is deleted: the id.
pub(super) const DEAD: u8 = 0x11;
/// Last changes: the sequence.
pub(super) const CHANGE: u8 = 0x20;
/// Bodies of revisions: their numbers.
pub(super) const BODY: u8 = 0x30;
/// Bodies that are no longer those of leaves: their numbers.
pub(super) const GARBAGE: u8 = 0x38;
/// Content of attachments: content number, then the number of the chunk.
pub(super) const CHUNK: u8 = 0x40;
/// Contents: MD5, stored length, content number.
pub(super) const CONTENT: u8 = 0x41;
/// Contents that no document has yet: content number.
pub(super) const PENDING: u8 = 0x42;
/// Local documents: the id without `_local/`.
pub(super) const LOCAL: u8 = 0x50;
/// Purges: their sequence.
pub(super) const PURGE: u8 = 0x60;

/// A key of bytes.
pub(super) fn bytes(space: u8, rest: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + rest.len());
    key.push(space);
    key.extend_from_slice(rest);
    key
}

/// A key of a number; ascending as the numbers do.
pub(super) fn number(space: u8, number: u64) -> [u8; 9] {
    let mut key = [space; 9];
    let (_, digits) = key.split_at_mut(1);
    digits.copy_from_slice(&number.to_be_bytes());
    key
}

/// The number of such a key.
pub(super) fn read_number(key: &[u8]) -> Option<u64> {
    key.get(1..9).and_then(|bytes| bytes.try_into().ok()).map(u64::from_be_bytes)
}

/// A whole space.
pub(super) fn space(space: u8) -> KeyRange {
    KeyRange::prefix(&[space])
}

/// Keys of numbers behind `after`.
pub(super) fn numbers_after(space: u8, after: u64) -> KeyRange {
    let start = number(space, after.saturating_add(1)).to_vec();
    KeyRange::new(start..vec![space + 1])
}

/// The key of one chunk.
pub(super) fn chunk(content: u64, index: u32) -> [u8; 13] {
    let mut key = [0; 13];
    let (head, tail) = key.split_at_mut(9);
    head.copy_from_slice(&number(CHUNK, content));
    tail.copy_from_slice(&index.to_be_bytes());
    key
}

/// All chunks of a content.
pub(super) fn chunks(content: u64) -> KeyRange {
    KeyRange::prefix(&number(CHUNK, content))
}

/// What contents with this digest begin with.
pub(super) fn digest(md5: &[u8; 16], stored_length: u64) -> Vec<u8> {
    let mut key = Vec::with_capacity(33);
    key.push(CONTENT);
    key.extend_from_slice(md5);
    key.extend_from_slice(&stored_length.to_be_bytes());
    key
}

/// The key of a content.
pub(super) fn content(md5: &[u8; 16], stored_length: u64, number: u64) -> Vec<u8> {
    let mut key = digest(md5, stored_length);
    key.extend_from_slice(&number.to_be_bytes());
    key
}
