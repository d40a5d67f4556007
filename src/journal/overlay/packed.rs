//! A few dozen keys in order, packed into one run of bytes: what the leaves and branches of the tree are made of.
//!
//! What all keys begin with is stored once. Behind it stands, for each entry, the rest of its key and its *payload*
//! (for a leaf, the value or where it is). Entries hold the first eight bytes of that rest as a number, so that a
//! search seldom leaves them. To copy a page is to copy two runs of memory: no entry has an allocation of its own.

use std::ops::Range;

use crate::journal::image::common_prefix;

/// Room for this share of a page's bytes is kept free when it is copied: one over this.
const SPARE_FRACTION: usize = 8;
/// And for so many entries.
const SPARE_ENTRIES: usize = 4;

/// Keys in order, each with a kind and a payload of up to 255 bytes.
#[derive(Debug, Default)]
pub struct Packed {
    prefix_len: usize,
    /// The prefix, then rests of keys and payloads in no particular order.
    bytes: Vec<u8>,
    entries: Vec<Entry>,
    /// Bytes that no entry refers to any more.
    dead: usize,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    /// The first bytes of the suffix, the first the most significant, zeros behind the last.
    head: u64,
    /// Where the suffix begins in `bytes`; the payload follows it.
    at: u32,
    suffix_len: u16,
    payload_len: u8,
    kind: u8,
}

const _: () = assert!(size_of::<Entry>() == 16);

/// The memory of a page.
#[derive(Debug, Default)]
pub struct Buffers {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
}

impl Buffers {
    /// New memory.
    pub fn with_room(bytes: usize, entries: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes), entries: Vec::with_capacity(entries) }
    }

    /// How much it is.
    pub fn size_bytes(&self) -> usize {
        self.bytes.capacity() + self.entries.capacity() * size_of::<Entry>()
    }

    fn has_room(&self, bytes: usize, entries: usize) -> bool {
        self.bytes.capacity() >= bytes && self.entries.capacity() >= entries
    }
}

/// The first eight bytes as a number that sorts as they do.
pub fn head_of(suffix: &[u8]) -> u64 {
    if let Some(head) = suffix.first_chunk() {
        return u64::from_be_bytes(*head);
    }
    let mut head = [0; 8];
    head.iter_mut().zip(suffix).for_each(|(to, from)| *to = *from);
    u64::from_be_bytes(head)
}

impl Packed {
    /// A copy, with room for the change that it is made for. It takes `memory` if that is large enough.
    pub fn copy(&self, memory: Buffers) -> Self {
        let room = self.bytes.len() + self.bytes.len() / SPARE_FRACTION + 64;
        let count = self.entries.len() + SPARE_ENTRIES;
        let enough = memory.has_room(room, count);
        let memory = if enough { memory } else { Buffers::with_room(room, count) };
        let Buffers { mut bytes, mut entries } = memory;
        bytes.clear();
        bytes.extend_from_slice(&self.bytes);
        entries.clear();
        entries.extend_from_slice(&self.entries);
        Self { prefix_len: self.prefix_len, bytes, entries, dead: self.dead }
    }

    /// Its memory, for another page.
    pub fn into_buffers(self) -> Buffers {
        Buffers { bytes: self.bytes, entries: self.entries }
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Bytes of keys and payloads.
    pub fn live_bytes(&self) -> usize {
        self.bytes.len() - self.dead
    }

    /// The index of `key`, or where it would be inserted.
    pub fn search(&self, key: &[u8]) -> Result<usize, usize> {
        let prefix = self.prefix();
        let Some(suffix) = key.strip_prefix(prefix) else {
            return Err(if key < prefix { 0 } else { self.len() });
        };
        let head = head_of(suffix);
        // All heads are looked at, without a branch: what of them is not in a cache comes at once. A search by halves would
        // wait for one line after the other.
        let start = self.entries.iter().map(|entry| usize::from(entry.head < head)).sum();
        let rest = self.entries.get(start..).unwrap_or_default();
        let same = rest.partition_point(|entry| entry.head == head);
        let same = rest.get(..same).unwrap_or_default();
        same.binary_search_by(|entry| self.suffix(entry).cmp(suffix))
            .map_or_else(|index| Err(start + index), |index| Ok(start + index))
    }

    /// What all keys begin with.
    pub fn prefix(&self) -> &[u8] {
        self.bytes.get(..self.prefix_len).unwrap_or_default()
    }

    /// What the key at `index` has behind the prefix.
    pub fn rest(&self, index: usize) -> &[u8] {
        self.entries.get(index).map(|entry| self.suffix(entry)).unwrap_or_default()
    }

    /// The key at `index`.
    pub fn key(&self, index: usize) -> Vec<u8> {
        [self.prefix(), self.rest(index)].concat()
    }

    /// Kind and payload of the entry at `index`.
    pub fn payload(&self, index: usize) -> Option<(u8, &[u8])> {
        let entry = self.entries.get(index)?;
        Some((entry.kind, self.payload_of(entry)))
    }

    fn suffix(&self, entry: &Entry) -> &[u8] {
        let start = entry.at as usize;
        self.bytes.get(start..start + usize::from(entry.suffix_len)).unwrap_or_default()
    }

    fn payload_of(&self, entry: &Entry) -> &[u8] {
        let start = entry.at as usize + usize::from(entry.suffix_len);
        self.bytes.get(start..start + usize::from(entry.payload_len)).unwrap_or_default()
    }

    /// Inserts a key that is not there at the index that [`Packed::search`] gave.
    pub fn insert(&mut self, index: usize, key: &[u8], kind: u8, payload: &[u8]) {
        if self.entries.is_empty() {
            self.bytes.clear();
            self.bytes.extend_from_slice(key);
            (self.prefix_len, self.dead) = (key.len(), 0);
        }
        let shared = common_prefix(self.prefix(), key);
        if shared < self.prefix_len {
            *self = self.part(0..self.len(), shared);
        }
        let suffix = key.get(self.prefix_len..).unwrap_or_default();
        let entry = self.append(suffix, kind, payload);
        self.entries.insert(index.min(self.entries.len()), entry);
    }

    /// Gives the key at `index` another payload.
    pub fn replace(&mut self, index: usize, kind: u8, payload: &[u8]) {
        let Some(entry) = self.entries.get_mut(index) else { return };
        if usize::from(entry.payload_len) == payload.len() {
            entry.kind = kind;
            let start = entry.at as usize + usize::from(entry.suffix_len);
            let place = self.bytes.get_mut(start..start + payload.len());
            place.unwrap_or_default().copy_from_slice(payload);
            return;
        }
        let old = *entry;
        let (start, len) = (old.at as usize, usize::from(old.suffix_len));
        let at = self.bytes.len();
        self.bytes.extend_from_within(start..start + len);
        self.bytes.extend_from_slice(payload);
        self.dead += len + usize::from(old.payload_len);
        let new = Entry { at: word(at), payload_len: byte(payload.len()), kind, ..old };
        self.entries.get_mut(index).into_iter().for_each(|entry| *entry = new);
        self.tidy();
    }

    /// Removes the key at `index`.
    pub fn remove(&mut self, index: usize) {
        if index < self.entries.len() {
            let entry = self.entries.remove(index);
            self.dead += usize::from(entry.suffix_len) + usize::from(entry.payload_len);
            self.tidy();
        }
    }

    /// Parts with the entries from `at` on.
    pub fn split_off(&mut self, at: usize) -> Self {
        let right = self.part(at..self.len(), self.prefix_of(at..self.len()));
        *self = self.part(0..at, self.prefix_of(0..at));
        right
    }

    /// A page of keys that are in order already.
    pub fn of_sorted<'a>(entries: impl Iterator<Item = (&'a [u8], u8, &'a [u8])> + Clone) -> Self {
        let first = entries.clone().next().map(|(key, ..)| key).unwrap_or_default();
        let last = entries.clone().last().map(|(key, ..)| key).unwrap_or_default();
        let prefix_len = common_prefix(first, last);
        let size = |(key, _, payload): (&[u8], u8, &[u8])| key.len() - prefix_len + payload.len();
        let bytes = prefix_len + entries.clone().map(size).sum::<usize>();
        let mut page = Self::with_room(first, prefix_len, bytes, entries.clone().count());
        for (key, kind, payload) in entries {
            page.push(key.get(prefix_len..).unwrap_or_default(), kind, payload);
        }
        page
    }

    fn with_room(first: &[u8], prefix_len: usize, size: usize, count: usize) -> Self {
        let mut bytes = Vec::with_capacity(size);
        bytes.extend_from_slice(first.get(..prefix_len).unwrap_or_default());
        Self { prefix_len, bytes, entries: Vec::with_capacity(count), dead: 0 }
    }

    fn push(&mut self, suffix: &[u8], kind: u8, payload: &[u8]) {
        let entry = self.append(suffix, kind, payload);
        self.entries.push(entry);
    }

    /// Writes suffix and payload, and gives the entry for them.
    fn append(&mut self, suffix: &[u8], kind: u8, payload: &[u8]) -> Entry {
        let at = word(self.bytes.len());
        self.bytes.extend_from_slice(suffix);
        self.bytes.extend_from_slice(payload);
        let suffix_len = u16::try_from(suffix.len()).unwrap_or(u16::MAX);
        Entry { head: head_of(suffix), at, suffix_len, payload_len: byte(payload.len()), kind }
    }

    /// What the keys of `range` all begin with, which may be more than the prefix.
    fn prefix_of(&self, range: Range<usize>) -> usize {
        let (first, last) = (self.rest(range.start), self.rest(range.end.saturating_sub(1)));
        self.prefix_len + common_prefix(first, last)
    }

    /// The entries of `range` as a page whose prefix has `prefix_len` bytes.
    fn part(&self, range: Range<usize>, prefix_len: usize) -> Self {
        let entries = self.entries.get(range.clone()).unwrap_or_default();
        let longer = self.prefix_len.saturating_sub(prefix_len);
        let size: usize = entries
            .iter()
            .map(|e| longer + usize::from(e.suffix_len) + usize::from(e.payload_len))
            .sum();
        let room = prefix_len + size + size / SPARE_FRACTION;
        let first = self.key(range.start);
        let mut part = Self::with_room(&first, prefix_len, room, entries.len() + SPARE_ENTRIES);
        let mut suffix = Vec::new();
        for entry in entries {
            suffix.clear();
            suffix.extend_from_slice(self.prefix().get(prefix_len..).unwrap_or_default());
            let cut = prefix_len.saturating_sub(self.prefix_len);
            suffix.extend_from_slice(self.suffix(entry).get(cut..).unwrap_or_default());
            part.push(&suffix, entry.kind, self.payload_of(entry));
        }
        part
    }

    /// Packs anew once half of the bytes are dead.
    fn tidy(&mut self) {
        if self.dead > self.bytes.len() / 2 {
            *self = self.part(0..self.len(), self.prefix_len);
        }
    }
}

/// Keys are shorter than 64 KiB and pages have few, so that a page is far from 4 GiB.
fn word(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Payloads are short; `slot.rs` asserts it.
fn byte(number: usize) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn content(page: &Packed) -> BTreeMap<Vec<u8>, (u8, Vec<u8>)> {
        let entry = |index| {
            let (kind, payload) = page.payload(index).unwrap();
            (page.key(index), (kind, payload.to_vec()))
        };
        (0..page.len()).map(entry).collect()
    }

    fn key() -> impl Strategy<Value = Vec<u8>> {
        (0..3_usize, proptest::collection::vec(0..4_u8, 0..12))
            .prop_map(|(shared, rest)| [&b"/a/long/prefix"[..shared * 7], &rest].concat())
    }

    proptest! {
        #[test]
        fn a_page_is_what_a_map_is(
            steps in proptest::collection::vec((key(), 0..4_u8, 0..20_usize), 1..120),
            split in 0..40_usize,
        ) {
            let mut page = Packed::default();
            let mut map = BTreeMap::new();
            for (key, action, len) in steps {
                let payload = vec![action; len];
                match (page.search(&key), action) {
                    (Ok(index), 0) => {
                        page.remove(index);
                        map.remove(&key);
                    }
                    (Ok(index), _) => {
                        page.replace(index, action, &payload);
                        map.insert(key, (action, payload));
                    }
                    (Err(index), _) => {
                        prop_assert_eq!(index, map.range(..key.clone()).count());
                        page.insert(index, &key, action, &payload);
                        map.insert(key, (action, payload));
                    }
                }
                prop_assert_eq!(page.len(), map.len());
            }
            prop_assert_eq!(&content(&page), &map);
            for key in map.keys() {
                prop_assert!(page.search(key).is_ok());
            }
            let entries: Vec<_> = map.iter().collect();
            let again = Packed::of_sorted(
                entries.iter().map(|(key, (kind, payload))| (key.as_slice(), *kind, payload.as_slice())),
            );
            prop_assert_eq!(&content(&again), &map);
            let at = split.min(page.len());
            let right = page.split_off(at);
            prop_assert_eq!(page.len(), at);
            let mut joined = content(&page);
            joined.extend(content(&right));
            prop_assert_eq!(joined, map);
        }
    }

    #[test]
    fn what_all_keys_begin_with_is_stored_once() {
        let keys: Vec<String> =
            (0..64).map(|n| format!("/devices/device{{router-{n:06}}}")).collect();
        let page = Packed::of_sorted(keys.iter().map(|key| (key.as_bytes(), 1, &b"x"[..])));
        assert_eq!(page.prefix(), b"/devices/device{router-0000");
        assert!(page.live_bytes() < 64 * 6, "{}", page.live_bytes());
    }
}
