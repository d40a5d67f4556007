//! Many operations at once: sorted first and then put into the tree in one go, which costs a fraction of putting them
//! there one by one. Replaying a tail does so, and committing a large transaction.

use super::packed::head_of;
use super::slot::Stored;
use super::tree::Item;
use crate::journal::record::Operation;

/// Operations that are not in the overlay yet.
#[derive(Debug)]
pub struct Gathered {
    max_operations: usize,
    bytes: Vec<u8>,
    operations: Vec<Held>,
}

#[derive(Clone, Copy, Debug)]
struct Held {
    /// The key's first bytes, as pages have them.
    head: u64,
    /// Where the key begins in `bytes`; the payload follows. Later operations have greater ones.
    at: u32,
    key_len: u16,
    payload_len: u8,
    kind: u8,
}

impl Gathered {
    /// Operations, to be let go of when there are `max_operations` or their keys and payloads have 64 times as many
    /// bytes.
    pub fn up_to(max_operations: usize) -> Self {
        Self { max_operations, bytes: Vec::new(), operations: Vec::new() }
    }

    /// Takes a put or a delete of one key.
    pub fn push(&mut self, operation: Operation<'_>, payload_position: u64) {
        match operation {
            Operation::Put { key, value, value_offset } => {
                self.keep(key, &Stored::of_value(value, payload_position + value_offset as u64));
            }
            Operation::Delete { key } => self.keep(key, &Stored::tombstone()),
            Operation::DeleteRange { .. } => {}
        }
    }

    /// Whether it is time to let go of them.
    pub fn is_full(&self) -> bool {
        self.operations.len() >= self.max_operations || self.bytes.len() / 64 >= self.max_operations
    }

    fn keep(&mut self, key: &[u8], stored: &Stored<'_>) {
        let payload = stored.payload();
        let operation = Held {
            head: head_of(key),
            // Full long before 4 GiB.
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

    /// Lets go of everything, in the order of the keys. Of several operations on a key the last one counts.
    pub fn release<T>(&mut self, take: impl FnOnce(&[Item<'_>]) -> T) -> T {
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
        let taken = take(&items);
        drop(items);
        self.operations.clear();
        self.bytes.clear();
        taken
    }
}

impl Held {
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
