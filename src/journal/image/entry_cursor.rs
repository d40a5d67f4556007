//! A place between the entries of one block that knows the whole key there.

use std::ops::Range;

use super::block::{BlockView, Entry, Found};
use super::error::Damage;

/// Moves over the entries of a block. The payload is handed in with each call and must be the one that the
/// cursor was put on. The key's buffer is kept from block to block.
#[derive(Clone, Debug)]
pub(super) struct EntryCursor {
    key: Vec<u8>,
    prefix_len: usize,
    /// Where the entries start in the payload.
    base: usize,
    slot: usize,
    group_end: usize,
    entry: Entry,
}

impl EntryCursor {
    pub fn new() -> Self {
        let entry = Entry { start: 0, shared: 0, suffix: 0, value: 0, end: 0 };
        Self { key: Vec::new(), prefix_len: 0, base: 0, slot: 0, group_end: 0, entry }
    }

    /// The key of the present entry.
    pub fn key(&self) -> &[u8] {
        &self.key
    }

    /// Where the present entry's value stands in the payload.
    pub fn value(&self) -> Range<usize> {
        self.base + self.entry.value..self.base + self.entry.end
    }

    /// Where the present entry starts.
    pub fn start(&self) -> usize {
        self.entry.start
    }

    /// Goes to the first entry.
    pub fn first(&mut self, payload: &[u8]) -> Result<(), Damage> {
        let view = self.open(payload)?;
        self.enter(&view, 0)
    }

    /// Goes to the last entry.
    pub fn last(&mut self, payload: &[u8]) -> Result<(), Damage> {
        let view = self.open(payload)?;
        self.enter(&view, view.slots() - 1)?;
        self.walk_to_end(&view, view.entries.len())
    }

    /// Goes to what a search in this payload found.
    pub fn move_to(&mut self, payload: &[u8], found: &Found) -> Result<(), Damage> {
        let view = self.open(payload)?;
        self.enter(&view, found.slot)?;
        self.walk_to_end(&view, found.entry.end)
    }

    /// Goes one entry on; `false`, and it stays, at the last.
    #[inline]
    pub fn next(&mut self, payload: &[u8]) -> Result<bool, Damage> {
        let view = BlockView::parse(payload)?;
        if self.entry.end < self.group_end {
            self.step(&view)?;
            return Ok(true);
        }
        if self.slot + 1 >= view.slots() {
            return Ok(false);
        }
        self.enter(&view, self.slot + 1)?;
        Ok(true)
    }

    /// Goes one entry back; `false`, and it stays, at the first.
    pub fn prev(&mut self, payload: &[u8]) -> Result<bool, Damage> {
        let view = BlockView::parse(payload)?;
        let start = self.entry.start;
        let slot = if view.first_of_group(self.slot)?.start < start {
            self.slot
        } else if let Some(slot) = self.slot.checked_sub(1) {
            slot
        } else {
            return Ok(false);
        };
        self.enter(&view, slot)?;
        self.walk_to_end(&view, start)?;
        Ok(true)
    }

    fn open<'a>(&mut self, payload: &'a [u8]) -> Result<BlockView<'a>, Damage> {
        let view = BlockView::parse(payload)?;
        self.base = payload.len() - view.entries.len();
        self.prefix_len = view.prefix.len();
        self.key.clear();
        self.key.extend_from_slice(view.prefix);
        Ok(view)
    }

    #[inline]
    fn enter(&mut self, view: &BlockView<'_>, slot: usize) -> Result<(), Damage> {
        self.entry = view.first_of_group(slot)?;
        self.slot = slot;
        self.group_end = view.group_end(slot);
        self.key.truncate(self.prefix_len);
        self.key.extend_from_slice(view.head(slot, self.entry.shared)?);
        self.key.extend_from_slice(view.suffix(&self.entry));
        Ok(())
    }

    #[inline]
    fn step(&mut self, view: &BlockView<'_>) -> Result<(), Damage> {
        self.entry = view.after(&self.entry, self.group_end)?;
        self.key.truncate(self.prefix_len + self.entry.shared);
        self.key.extend_from_slice(view.suffix(&self.entry));
        Ok(())
    }

    /// Goes on in the group until the entry that ends at `end`.
    fn walk_to_end(&mut self, view: &BlockView<'_>, end: usize) -> Result<(), Damage> {
        while self.entry.end < end {
            self.step(view)?;
        }
        Ok(())
    }
}
