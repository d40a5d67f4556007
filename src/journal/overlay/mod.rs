//! The tail's keys in memory: what the transactions since the last image changed.
//!
//! A persistent ordered map (its clone is a snapshot and costs nothing) from keys to slots, and *masks*:
//! ranges that a range delete has hidden from the image. A mask never hides the overlay's own slots: applying
//! a range delete removes the slots inside it, and a later put stands above the mask.
//!
//! Invariants: masks are disjoint and do not touch; a slot under a key always wins over the image.

mod key;
mod masks;
mod slot;

use imbl::OrdMap;

pub use key::Key;
pub use masks::Masks;
pub use slot::Slot;

use super::KeyRange;
use super::record::Operation;

/// What the tail changed.
#[derive(Clone, Debug, Default)]
pub struct Overlay {
    slots: OrdMap<Key, Slot>,
    masks: Masks,
}

impl Overlay {
    /// Applies one operation. `payload_position` is where the record's payload lies in the file, or `None`
    /// while it has no place yet; then every value is kept in memory.
    pub fn apply(&mut self, operation: Operation<'_>, payload_position: Option<u64>) {
        match operation {
            Operation::Put { key, value, value_offset } => {
                let position = payload_position.map(|start| start + value_offset as u64);
                self.slots.insert(Key::new(key), Slot::of_value(value, position));
            }
            Operation::Delete { key } => {
                self.slots.insert(Key::new(key), Slot::Tombstone);
            }
            Operation::DeleteRange { .. } => self.delete_range(&operation.range()),
        }
    }

    fn delete_range(&mut self, range: &KeyRange) {
        let inside: Vec<Key> = self.range(range).map(|(key, _)| key.clone()).collect();
        for key in inside {
            self.slots.remove(&key);
        }
        self.masks.insert(range);
    }

    /// What the overlay says of a key, if anything.
    pub fn get(&self, key: &[u8]) -> Option<&Slot> {
        self.slots.get(key)
    }

    /// The slots of a range in order, readable from both ends.
    pub fn range(&self, range: &KeyRange) -> Slots<'_> {
        if range.is_empty() {
            return self.slots.range(..Key::new(&[]));
        }
        let start = std::ops::Bound::Included(Key::new(range.start()));
        match range.end() {
            Some(end) => self.slots.range((start, std::ops::Bound::Excluded(Key::new(end)))),
            None => self.slots.range((start, std::ops::Bound::Unbounded)),
        }
    }

    /// The ranges hidden from the image.
    pub fn masks(&self) -> &Masks {
        &self.masks
    }
}

/// The slots of a range in key order.
pub type Slots<'a> = imbl::ordmap::RangedIter<'a, Key, Slot, imbl::shared_ptr::DefaultSharedPtr>;
