//! What stands for an image outside of it: pointers, counts, options.

use super::bytes::{put_varint, varint};

/// Where a block stands: the first byte of its header, and its length with the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockPointer {
    /// Position in the file, in bytes.
    pub position: u64,
    /// Length in bytes, header included.
    pub len: u32,
}

impl BlockPointer {
    /// The position after the block.
    pub(super) fn end(self) -> u64 {
        self.position.saturating_add(u64::from(self.len))
    }
}

/// What a journal's header keeps about its image: all that is needed to read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageSummary {
    /// Position of the first byte.
    pub start: u64,
    /// Length in bytes; 0 for an image without entries.
    pub len: u64,
    /// The top block; `None` for an image without entries.
    pub root: Option<BlockPointer>,
    /// Levels of blocks on the way from the root to an entry: 0 without entries, 1 when the root holds the
    /// entries itself.
    pub height: u8,
    /// Number of entries.
    pub entries: u64,
    /// Bytes of all keys and values, without what storing them costs.
    pub key_value_bytes: u64,
}

impl ImageSummary {
    /// An image without entries.
    pub fn empty(start: u64) -> Self {
        Self { start, len: 0, root: None, height: 0, entries: 0, key_value_bytes: 0 }
    }

    /// The position after the last byte.
    pub fn end(&self) -> u64 {
        self.start.saturating_add(self.len)
    }
}

/// How much lies in a range of keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RangeCount {
    /// Number of entries.
    pub entries: u64,
    /// Bytes of their keys and values.
    pub key_value_bytes: u64,
}

impl RangeCount {
    pub(super) fn add(&mut self, more: Self) {
        self.entries = self.entries.saturating_add(more.entries);
        self.key_value_bytes = self.key_value_bytes.saturating_add(more.key_value_bytes);
    }

    pub(super) fn less(self, other: Self) -> Self {
        Self {
            entries: self.entries.saturating_sub(other.entries),
            key_value_bytes: self.key_value_bytes.saturating_sub(other.key_value_bytes),
        }
    }
}

/// Whether data blocks are compressed. Index blocks never are: every read passes through them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// Stored as they are, and read in place.
    #[default]
    None,
    /// lz4, for every block that gets at least an eighth smaller by it.
    Lz4,
}

/// How an image is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImageOptions {
    /// Whether data blocks are compressed.
    pub compression: Compression,
}

/// The value of an index entry: a block and what lies under it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Child {
    pub pointer: BlockPointer,
    pub count: RangeCount,
}

impl Child {
    pub fn encode(&self, out: &mut Vec<u8>) {
        put_varint(out, self.pointer.position);
        put_varint(out, u64::from(self.pointer.len));
        put_varint(out, self.count.entries);
        put_varint(out, self.count.key_value_bytes);
    }

    pub fn decode(value: &[u8]) -> Option<Self> {
        let (pointer, at) = pointer(value)?;
        let (entries, at) = varint(value, at)?;
        let (key_value_bytes, at) = varint(value, at)?;
        let count = RangeCount { entries, key_value_bytes };
        (at == value.len()).then_some(Self { pointer, count })
    }

    /// Decodes no more than a descent needs.
    #[inline]
    pub fn decode_pointer(value: &[u8]) -> Option<BlockPointer> {
        Some(pointer(value)?.0)
    }
}

#[inline]
fn pointer(value: &[u8]) -> Option<(BlockPointer, usize)> {
    let (position, at) = varint(value, 0)?;
    let (len, at) = varint(value, at)?;
    Some((BlockPointer { position, len: u32::try_from(len).ok()? }, at))
}
