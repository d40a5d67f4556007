//! Many operations at once: sorted first and then put into the tree in one go, which costs a fraction of putting them
//! there one by one. Replaying a tail does so.

use super::overlay::Overlay;
use super::packed::head_of;
use super::slot::Stored;
use super::tree::Item;
use crate::journal::record::Operation;

/// So many bytes of keys and payloads are gathered at the most.
const GATHER_MAX_BYTES: usize = 64 << 20;
/// So many operations.
const GATHER_MAX_OPERATIONS: usize = 1 << 20;

/// Operations that are not in the overlay yet.
#[derive(Debug, Default)]
pub struct Gathered {
    bytes: Vec<u8>,
    operations: Vec<Gathering>,
}

#[derive(Clone, Copy, Debug)]
struct Gathering {
    /// The key's first bytes, as pages have them.
    head: u64,
    /// Where the key begins in `bytes`; the payload follows. Later operations have greater ones.
    at: u32,
    key_len: u16,
    payload_len: u8,
    kind: u8,
}

impl Gathered {
    /// Takes an operation, and empties itself into `overlay` when that is necessary.
    pub fn add(&mut self, operation: Operation<'_>, payload_position: u64, overlay: &mut Overlay) {
        match operation {
            Operation::Put { key, value, value_offset } => {
                self.push(key, &Stored::of_value(value, payload_position + value_offset as u64));
            }
            Operation::Delete { key } => self.push(key, &Stored::tombstone()),
            Operation::DeleteRange { .. } => {
                self.empty_into(overlay);
                overlay.apply(operation, Some(payload_position));
            }
        }
        let full = self.bytes.len() > GATHER_MAX_BYTES;
        if full || self.operations.len() >= GATHER_MAX_OPERATIONS {
            self.empty_into(overlay);
        }
    }

    fn push(&mut self, key: &[u8], stored: &Stored<'_>) {
        let payload = stored.payload();
        let operation = Gathering {
            head: head_of(key),
            // Not over the limits above by more than one key.
            at: u32::try_from(self.bytes.len()).unwrap_or(u32::MAX),
            key_len: u16::try_from(key.len()).unwrap_or(u16::MAX),
            payload_len: u8::try_from(payload.len()).unwrap_or(u8::MAX),
            kind: stored.kind,
        };
        self.bytes.extend_from_slice(key);
        self.bytes.extend_from_slice(payload);
        if key.is_empty() && payload.is_empty() {
            // Each has a place of its own, which says which one is later.
            self.bytes.push(0);
        }
        self.operations.push(operation);
    }

    /// Puts everything into the overlay. Of several operations on a key the last one counts.
    pub fn empty_into(&mut self, overlay: &mut Overlay) {
        let bytes = &self.bytes;
        self.operations.sort_unstable_by(|left, right| {
            let by_key = || left.key(bytes).cmp(right.key(bytes)).then(left.at.cmp(&right.at));
            left.head.cmp(&right.head).then_with(by_key)
        });
        let mut items: Vec<Item<'_>> = Vec::with_capacity(self.operations.len());
        for operation in &self.operations {
            let item = operation.item(bytes);
            match items.last_mut() {
                Some(last) if last.0 == item.0 => *last = item,
                _ => items.push(item),
            }
        }
        overlay.extend_sorted(&items);
        drop(items);
        self.operations.clear();
        self.bytes.clear();
    }
}

impl Gathering {
    fn key<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        let start = self.at as usize;
        bytes.get(start..start + usize::from(self.key_len)).unwrap_or_default()
    }

    fn item<'a>(&self, bytes: &'a [u8]) -> Item<'a> {
        let end = self.at as usize + usize::from(self.key_len);
        let payload = bytes.get(end..end + usize::from(self.payload_len)).unwrap_or_default();
        (self.key(bytes), self.kind, payload)
    }
}
