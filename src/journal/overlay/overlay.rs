//! Slots under keys, and masks: what operations make of them.

use std::sync::Arc;

use super::masks::Masks;
use super::packed::Buffers;
use super::slot::{INLINE_MAX_BYTES, Slot, Stored, decode, stored_len};
use super::tree::{Item, Tree};
use super::walk::{Direction, Walk};
use crate::journal::KeyRange;
use crate::journal::record::Operation;

/// What the tail changed.
#[derive(Clone, Debug, Default)]
pub struct Overlay {
    tree: Tree,
    masks: Masks,
    /// Long values without a place in the file. Only the view of a transaction has any.
    loose: Arc<Vec<Arc<[u8]>>>,
}

/// What was there before: nothing in the overlay, or a slot with the length of its value, if it had one.
pub type Before = Option<Option<u64>>;

impl Overlay {
    /// Applies one operation. `payload_position` is where the record's payload lies in the file, or `None`
    /// while it has no place yet; then every value is kept in memory. Answers what was under the key of a put or
    /// delete; loose values are not counted.
    pub fn apply(&mut self, operation: Operation<'_>, payload_position: Option<u64>) -> Before {
        match operation {
            Operation::Put { key, value, value_offset } => {
                let position = payload_position.map(|start| start + value_offset as u64);
                let stored = match position {
                    Some(position) => Stored::of_value(value, position),
                    None if value.len() <= INLINE_MAX_BYTES => Stored::inline(value),
                    None => self.keep_loose(value),
                };
                self.insert(key, &stored)
            }
            Operation::Delete { key } => self.insert(key, &Stored::tombstone()),
            Operation::DeleteRange { .. } => {
                self.delete_range(&operation.range());
                None
            }
        }
    }

    fn insert(&mut self, key: &[u8], stored: &Stored<'_>) -> Before {
        let item = (key, stored.kind, stored.payload());
        self.tree.insert(item, |before| before.map(|(kind, payload)| stored_len(kind, payload)))
    }

    /// Lets go of it, and gives the memory of pages that nobody else has.
    pub fn into_buffers(self) -> Vec<Buffers> {
        self.tree.into_buffers()
    }

    /// Memory for the pages that the next changes copy.
    pub fn keep_spare(&mut self, buffers: Vec<Buffers>) {
        self.tree.keep_spare(buffers);
    }

    fn keep_loose(&mut self, value: &[u8]) -> Stored<'static> {
        let loose = Arc::make_mut(&mut self.loose);
        loose.push(Arc::from(value));
        Stored::loose(loose.len() as u64 - 1)
    }

    /// Sets slots whose keys are in order, and tells of each what was there before.
    pub fn insert_sorted(&mut self, items: &[Item<'_>], mut before: impl FnMut(Before)) {
        if self.tree.is_empty() {
            self.tree = Tree::of_sorted(items);
            items.iter().for_each(|_| before(None));
            return;
        }
        self.tree.insert_sorted(items, &mut |found| {
            before(found.map(|(kind, payload)| stored_len(kind, payload)));
        });
    }

    fn delete_range(&mut self, range: &KeyRange) {
        let mut inside = Vec::new();
        let mut walk = self.range(range, Direction::Forward);
        while walk.slot().is_some() {
            inside.push(walk.key().to_vec());
            walk.step();
        }
        for key in inside {
            self.tree.remove(&key);
        }
        self.masks.insert(range);
    }

    /// What the overlay says of a key, if anything.
    pub fn get(&self, key: &[u8]) -> Option<Slot<'_>> {
        let (kind, payload) = self.tree.get(key)?;
        Some(decode(kind, payload, &self.loose))
    }

    /// The slots of a range in order.
    pub fn range(&self, range: &KeyRange, direction: Direction) -> Slots<'_> {
        Slots { walk: Walk::new(&self.tree, range, direction), loose: &self.loose }
    }

    /// The ranges hidden from the image.
    pub fn masks(&self) -> &Masks {
        &self.masks
    }
}

/// A walk over the slots of a range.
#[derive(Debug)]
pub struct Slots<'a> {
    walk: Walk<'a>,
    loose: &'a [Arc<[u8]>],
}

impl<'a> Slots<'a> {
    /// The slot that it stands on; `None` after the last.
    pub fn slot(&self) -> Option<Slot<'a>> {
        let (kind, payload) = self.walk.payload()?;
        Some(decode(kind, payload, self.loose))
    }

    /// Its key.
    pub fn key(&self) -> &[u8] {
        self.walk.key()
    }

    /// How many leaves the walk has come to.
    pub fn leaves(&self) -> usize {
        self.walk.leaves()
    }

    /// All slots of the leaf that it stands in.
    pub fn leaf(&self) -> impl Iterator<Item = Slot<'a>> {
        self.walk.leaf().map(|(kind, payload)| decode(kind, payload, self.loose))
    }

    /// Goes on to the next.
    pub fn step(&mut self) {
        self.walk.step();
    }
}
