//! A place between the entries of an image.

use std::ops::Bound;
use std::sync::Arc;

use crate::journal::value::Value;

use super::block::BlockView;
use super::descent::Inner;
use super::entry_cursor::EntryCursor;
use super::error::{Damage, ReadError};
use super::source::Block;
use super::summary::{BlockPointer, Child};

/// Moves over the entries of an image in key order, both ways, without allocating for an entry.
///
/// A new cursor is at no entry. A move returns whether it found one; one that did not, or that failed, leaves
/// the cursor at no entry, until the next seek.
#[derive(Debug)]
pub struct ImageCursor {
    image: Arc<Inner>,
    /// From the root to the leaf.
    path: Vec<Step>,
    valid: bool,
}

#[derive(Debug)]
struct Step {
    position: u64,
    block: Block,
    entries: EntryCursor,
}

impl Step {
    fn new() -> Self {
        let block = Block::Mapped { start: 0, end: 0 };
        Self { position: 0, block, entries: EntryCursor::new() }
    }
}

/// Where to go in each block on the way down.
#[derive(Clone, Copy)]
enum Aim<'k> {
    First,
    Last,
    /// The last entry that is not greater.
    Floor(&'k [u8]),
}

/// Where a descent ended.
enum Landed {
    /// At what was aimed for; `exact` says whether that is the very key.
    At { exact: bool },
    /// All keys of the leaf are greater: at its first.
    BeforeLeaf,
    /// There is no leaf.
    Nowhere,
}

impl ImageCursor {
    pub(super) fn new(image: Arc<Inner>) -> Self {
        let path = (0..image.summary.height).map(|_| Step::new()).collect();
        Self { image, path, valid: false }
    }

    /// Whether the cursor is at an entry.
    pub fn valid(&self) -> bool {
        self.valid
    }

    /// The key of the entry; empty at no entry.
    #[inline]
    pub fn key(&self) -> &[u8] {
        match self.path.last() {
            Some(leaf) if self.valid => leaf.entries.key(),
            _ => &[],
        }
    }

    /// The value of the entry, in place; empty at no entry.
    #[inline]
    pub fn value(&self) -> &[u8] {
        match self.path.last() {
            Some(leaf) if self.valid => {
                let payload = self.image.source.payload(&leaf.block);
                payload.get(leaf.entries.value()).unwrap_or_default()
            }
            _ => &[],
        }
    }

    /// The value of the entry, to keep.
    pub fn owned_value(&self) -> Value {
        match self.path.last() {
            Some(leaf) if self.valid => {
                let value = leaf.entries.value();
                self.image.source.value(&leaf.block, value.start, value.end)
            }
            _ => Value::from([].as_slice()),
        }
    }

    /// What is wrong when a seek ended where no key in order can be.
    pub(in crate::journal) fn out_of_order(&self) -> ReadError {
        let position = self.path.last().map(|leaf| leaf.position).unwrap_or_default();
        self.image.source.corrupt(position, Damage::Order)
    }

    /// Goes to the first entry of all.
    pub fn seek_first(&mut self) -> Result<bool, ReadError> {
        let landed = self.descend(Aim::First)?;
        self.valid = !matches!(landed, Landed::Nowhere);
        Ok(self.valid)
    }

    /// Goes to the first entry whose key is `key` or greater.
    pub fn seek(&mut self, key: &[u8]) -> Result<bool, ReadError> {
        let landed = self.descend(Aim::Floor(key))?;
        self.valid = !matches!(landed, Landed::Nowhere);
        match landed {
            Landed::At { exact: false } => self.next(),
            Landed::At { exact: true } | Landed::BeforeLeaf | Landed::Nowhere => Ok(self.valid),
        }
    }

    /// Goes to the last entry within a bound: `Included(key)` is the last not greater than `key`,
    /// `Excluded(key)` the last less, `Unbounded` the last of all.
    pub fn seek_last(&mut self, bound: Bound<&[u8]>) -> Result<bool, ReadError> {
        let (aim, with_key) = match bound {
            Bound::Unbounded => (Aim::Last, true),
            Bound::Included(key) => (Aim::Floor(key), true),
            Bound::Excluded(key) => (Aim::Floor(key), false),
        };
        let landed = self.descend(aim)?;
        self.valid = !matches!(landed, Landed::Nowhere);
        match landed {
            Landed::At { exact } if with_key || !exact => Ok(true),
            Landed::At { .. } | Landed::BeforeLeaf => self.prev(),
            Landed::Nowhere => Ok(false),
        }
    }

    /// Goes one entry on.
    #[expect(clippy::should_implement_trait, reason = "it lends and can fail: no Iterator")]
    #[inline]
    pub fn next(&mut self) -> Result<bool, ReadError> {
        if !std::mem::take(&mut self.valid) {
            return Ok(false);
        }
        if let Some(leaf) = self.path.last_mut() {
            let moved = leaf.entries.next(self.image.source.payload(&leaf.block));
            self.valid =
                moved.map_err(|damage| self.image.source.corrupt(leaf.position, damage))?;
        }
        if !self.valid {
            self.valid = self.move_to_neighbour(EntryCursor::next, Aim::First)?;
        }
        Ok(self.valid)
    }

    /// Goes one entry back.
    pub fn prev(&mut self) -> Result<bool, ReadError> {
        if std::mem::take(&mut self.valid) {
            self.valid = self.move_to_neighbour(EntryCursor::prev, Aim::Last)?;
        }
        Ok(self.valid)
    }

    /// Moves the lowest step that can be moved, and goes down from there.
    #[inline(never)]
    fn move_to_neighbour(
        &mut self,
        advance: fn(&mut EntryCursor, &[u8]) -> Result<bool, Damage>,
        aim: Aim<'_>,
    ) -> Result<bool, ReadError> {
        for (depth, step) in self.path.iter_mut().enumerate().rev() {
            let moved = advance(&mut step.entries, self.image.source.payload(&step.block));
            if moved.map_err(|damage| self.image.source.corrupt(step.position, damage))? {
                self.descend_below(depth, aim)?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn descend(&mut self, aim: Aim<'_>) -> Result<Landed, ReadError> {
        self.valid = false;
        let Some(root) = self.image.summary.root else {
            return Ok(Landed::Nowhere);
        };
        let block = self.image.root(root)?.clone();
        let landed = self.enter(0, root, block, aim)?;
        if self.path.len() == 1 { Ok(landed) } else { self.descend_below(0, aim) }
    }

    /// Goes down to a leaf from where the step at `depth` stands.
    fn descend_below(&mut self, depth: usize, aim: Aim<'_>) -> Result<Landed, ReadError> {
        let mut landed = Landed::At { exact: false };
        for depth in depth + 1..self.path.len() {
            let child = self.child_of(depth - 1)?;
            // Not more than 64 levels.
            let level = u8::try_from(self.path.len() - 1 - depth).unwrap_or(0);
            let block = self.image.source.block(child, level)?;
            landed = self.enter(depth, child, block, aim)?;
        }
        Ok(landed)
    }

    fn child_of(&self, depth: usize) -> Result<BlockPointer, ReadError> {
        let step = self.path.get(depth);
        let child = step.and_then(|step| {
            Child::decode_pointer(self.image.source.payload(&step.block).get(step.entries.value())?)
        });
        let position = step.map(|step| step.position).unwrap_or_default();
        child.ok_or_else(|| self.image.source.corrupt(position, Damage::Index))
    }

    fn enter(
        &mut self,
        depth: usize,
        pointer: BlockPointer,
        block: Block,
        aim: Aim<'_>,
    ) -> Result<Landed, ReadError> {
        let Some(step) = self.path.get_mut(depth) else {
            return Ok(Landed::Nowhere);
        };
        step.position = pointer.position;
        step.block = block;
        let payload = self.image.source.payload(&step.block);
        let landed = place(&mut step.entries, payload, aim);
        landed.map_err(|damage| self.image.source.corrupt(pointer.position, damage))
    }
}

fn place(entries: &mut EntryCursor, payload: &[u8], aim: Aim<'_>) -> Result<Landed, Damage> {
    match aim {
        Aim::First => entries.first(payload)?,
        Aim::Last => entries.last(payload)?,
        Aim::Floor(key) => {
            let Some(found) = BlockView::parse(payload)?.search(key)? else {
                entries.first(payload)?;
                return Ok(Landed::BeforeLeaf);
            };
            entries.move_to(payload, &found)?;
            return Ok(Landed::At { exact: found.exact });
        }
    }
    Ok(Landed::At { exact: true })
}
