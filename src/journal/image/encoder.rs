//! Entries become a block's payload.
//!
//! Entries are gathered first and laid out when the block is full, because what all keys share (the prefix)
//! is known only then.

use super::block::{HEAD_BYTES, padded_head};
use super::bytes::{common_prefix, put_lengths, put_varint};

/// A block is closed when it would hold about this many bytes: one page.
pub(super) const BLOCK_TARGET_BYTES: usize = 4096;
/// In a data block, a group ends when starting a new one costs at most one byte in this many. Starting one
/// costs the bytes that the key could have shared. Random keys share next to nothing: each entry gets a slot,
/// and a get goes straight to it. Long paths share a lot: the groups get long, and the file stays small.
pub(super) const DATA_BYTES_PER_COST: usize = 16;
/// As [`DATA_BYTES_PER_COST`], for index blocks. They are a hundredth of the bytes and every read goes through
/// several of them, so more of their entries get a slot.
pub(super) const INDEX_BYTES_PER_COST: usize = 4;
/// What an entry costs beside its key and value, about.
const ENTRY_OVERHEAD_BYTES: usize = 4;

#[derive(Clone, Copy, Debug)]
struct Gathered {
    shared: usize,
    key_len: usize,
    value_len: usize,
}

/// The entries of a block that is still open. Holds at most [`BLOCK_TARGET_BYTES`] of values and key suffixes
/// besides the last key and, for index blocks, one entry more.
#[derive(Debug, Default)]
pub(super) struct OpenBlock {
    entries: Vec<Gathered>,
    suffixes: Vec<u8>,
    values: Vec<u8>,
    /// The last key gathered; kept when the block is closed.
    last_key: Vec<u8>,
    prefix_len: usize,
    estimate_bytes: usize,
}

impl OpenBlock {
    /// Takes a key whose value will be `value_len` bytes long. The value follows by
    /// [`push_value`](Self::push_value), or at [`Layout::build`] by the caller's hand.
    pub fn push_key(&mut self, key: &[u8], value_len: usize) {
        let shared = if self.entries.is_empty() {
            self.prefix_len = key.len();
            0
        } else {
            let shared = common_prefix(&self.last_key, key);
            self.prefix_len = self.prefix_len.min(shared);
            shared
        };
        let suffix = key.get(shared..).unwrap_or_default();
        self.suffixes.extend_from_slice(suffix);
        self.last_key.truncate(shared);
        self.last_key.extend_from_slice(suffix);
        self.estimate_bytes += suffix.len() + value_len + ENTRY_OVERHEAD_BYTES;
        self.entries.push(Gathered { shared, key_len: key.len(), value_len });
    }

    /// Takes the value that belongs to the last key.
    pub fn push_value(&mut self, value: &[u8]) {
        self.values.extend_from_slice(value);
    }

    /// The last key, also of the block before when this one is still empty.
    pub fn last_key(&self) -> &[u8] {
        &self.last_key
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub fn is_full(&self) -> bool {
        self.estimate_bytes >= BLOCK_TARGET_BYTES
    }

    /// All values that were pushed: the one value, in a block with one entry.
    pub fn values(&self) -> &[u8] {
        &self.values
    }

    /// Forgets the entries, not the last key.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.suffixes.clear();
        self.values.clear();
        self.prefix_len = 0;
        self.estimate_bytes = 0;
    }

    #[cfg(test)]
    pub fn held_bytes(&self) -> usize {
        self.suffixes.len() + self.values.len()
    }
}

/// A payload in two parts, in buffers that are used again for each block.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// Slot count, prefix and slots.
    pub front: Vec<u8>,
    /// The entries. The last one's value is missing when it was not pushed.
    pub entries: Vec<u8>,
    heads: Vec<u8>,
    offsets: Vec<u8>,
    key: Vec<u8>,
}

impl Layout {
    /// Lays out the entries of `block`, with a new group for each cost that so many bytes outweigh.
    pub fn build(&mut self, block: &OpenBlock, bytes_per_cost: usize) {
        self.entries.clear();
        self.heads.clear();
        self.offsets.clear();
        self.key.clear();
        let mut group_start = None;
        let (mut suffixes, mut values) = (block.suffixes.as_slice(), block.values.as_slice());
        for entry in &block.entries {
            let suffix = take(&mut suffixes, entry.key_len - entry.shared);
            self.key.truncate(entry.shared);
            self.key.extend_from_slice(suffix);
            let shared = entry.shared.saturating_sub(block.prefix_len);
            match (group_start, u16::try_from(self.entries.len())) {
                (Some(start), offset)
                    if offset.is_err()
                        || self.entries.len() - start < bytes_per_cost * (shared + 1) =>
                {
                    self.put_after_another(shared, suffix, entry.value_len);
                }
                (_, offset) => {
                    group_start = Some(self.entries.len());
                    self.offsets.extend_from_slice(&offset.unwrap_or(0).to_le_bytes());
                    self.put_first_of_group(block.prefix_len, entry.value_len);
                }
            }
            self.entries.extend_from_slice(take(&mut values, entry.value_len));
        }
        self.put_front(block);
    }

    fn put_first_of_group(&mut self, prefix_len: usize, value_len: usize) {
        let rest = self.key.get(prefix_len..).unwrap_or_default();
        self.heads.extend_from_slice(&padded_head(rest));
        put_lengths(&mut self.entries, rest.len(), value_len);
        self.entries.extend_from_slice(rest.get(HEAD_BYTES..).unwrap_or_default());
    }

    fn put_after_another(&mut self, shared: usize, suffix: &[u8], value_len: usize) {
        put_varint(&mut self.entries, shared as u64);
        put_lengths(&mut self.entries, suffix.len(), value_len);
        self.entries.extend_from_slice(suffix);
    }

    fn put_front(&mut self, block: &OpenBlock) {
        // Both fit: a key is at most 65,535 bytes long, and a slot stands for an offset of 16 bits.
        let slots = u16::try_from(self.offsets.len() / 2).unwrap_or(u16::MAX);
        let prefix_len = u16::try_from(block.prefix_len).unwrap_or(u16::MAX);
        self.front.clear();
        self.front.extend_from_slice(&slots.to_le_bytes());
        self.front.extend_from_slice(&prefix_len.to_le_bytes());
        self.front.extend_from_slice(self.key.get(..block.prefix_len).unwrap_or_default());
        self.front.extend_from_slice(&self.heads);
        self.front.extend_from_slice(&self.offsets);
    }
}

/// Cuts up to `len` bytes off the front.
fn take<'a>(bytes: &mut &'a [u8], len: usize) -> &'a [u8] {
    let (taken, rest) = bytes.split_at_checked(len).unwrap_or((*bytes, &[]));
    *bytes = rest;
    taken
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::collection::{btree_map, vec};
    use proptest::prelude::*;

    use super::super::block::BlockView;
    use super::super::entry_cursor::EntryCursor;
    use super::*;

    fn payload(entries: &BTreeMap<Vec<u8>, Vec<u8>>) -> Vec<u8> {
        let mut block = OpenBlock::default();
        for (key, value) in entries {
            block.push_key(key, value.len());
            block.push_value(value);
        }
        let mut layout = Layout::default();
        layout.build(&block, DATA_BYTES_PER_COST);
        [layout.front, layout.entries].concat()
    }

    /// Keys that share a lot and are often beginnings of each other, with zero bytes where heads are padded.
    fn entries() -> impl Strategy<Value = BTreeMap<Vec<u8>, Vec<u8>>> {
        let key = vec(prop_oneof![Just(0), Just(1), Just(b'a'), Just(0xff)], 0..9);
        btree_map(key, vec(any::<u8>(), 0..4), 1..150)
    }

    proptest! {
        #[test]
        fn a_search_finds_the_last_key_not_greater(
            entries in entries(), probes in vec(vec(prop_oneof![Just(0), Just(1), Just(b'a')], 0..10), 40),
        ) {
            let payload = payload(&entries);
            let view = BlockView::parse(&payload).unwrap();
            for probe in probes.iter().chain(entries.keys()) {
                let expected = entries.range(..=probe.clone()).next_back();
                let found = view.search(probe).unwrap();
                let value = found.map(|found| view.value(&found.entry).to_vec());
                prop_assert_eq!(value.as_ref(), expected.map(|(_, value)| value));
                if let (Some(found), Some((key, _))) = (found, expected) {
                    prop_assert_eq!(found.exact, key == probe);
                    let mut cursor = EntryCursor::new();
                    cursor.move_to(&payload, &found).unwrap();
                    prop_assert_eq!(cursor.key(), key.as_slice());
                }
            }
        }

        #[test]
        fn a_cursor_meets_every_entry_both_ways(entries in entries()) {
            let payload = payload(&entries);
            let mut cursor = EntryCursor::new();
            let at = |cursor: &EntryCursor| (cursor.key().to_vec(), payload[cursor.value()].to_vec());
            cursor.first(&payload).unwrap();
            let mut forward = vec![at(&cursor)];
            while cursor.next(&payload).unwrap() {
                forward.push(at(&cursor));
            }
            let expected: Vec<_> = entries.into_iter().collect();
            prop_assert_eq!(&forward, &expected);
            let mut backward = vec![at(&cursor)];
            cursor.last(&payload).unwrap();
            prop_assert_eq!(&backward[0], &at(&cursor));
            while cursor.prev(&payload).unwrap() {
                backward.push(at(&cursor));
            }
            backward.reverse();
            prop_assert_eq!(&backward, &expected);
        }

        #[test]
        fn arbitrary_bytes_never_panic(payload in vec(any::<u8>(), 0..200), key: Vec<u8>) {
            let Ok(view) = BlockView::parse(&payload) else { return Ok(()) };
            // Refused or not: they come back.
            let answers = [view.search(&key).is_ok(), view.last().is_ok()];
            prop_assert_eq!(answers.len(), 2);
            let mut cursor = EntryCursor::new();
            if cursor.first(&payload).is_ok() {
                while let Ok(true) = cursor.next(&payload) {}
            }
            if cursor.last(&payload).is_ok() {
                let mut steps = 0;
                while steps < 300 && matches!(cursor.prev(&payload), Ok(true)) {
                    steps += 1;
                }
            }
        }
    }

    #[test]
    fn random_keys_get_a_slot_each_and_long_paths_do_not() {
        let hash = |n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes().to_vec();
        let random = (0..20).map(|n| (hash(n), vec![0; 150])).collect();
        let path = |n| format!("{}/ipv4/address/primary/leaf-{}", n / 10, n % 10).into_bytes();
        let paths = (0..20).map(|n| (path(n), vec![0; 8])).collect();
        assert_eq!(BlockView::parse(&payload(&random)).unwrap().slots(), 20);
        assert!(BlockView::parse(&payload(&paths)).unwrap().slots() <= 2);
    }
}
