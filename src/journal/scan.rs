//! Entries of a range in order: the image's, with the overlay's merged over them.
//!
//! A scan lends each entry until the next call; nothing is allocated per entry.

use std::cmp::Ordering;
use std::ops::Bound;

use super::image::{ImageCursor, ReadError};
use super::overlay::{Direction, Slot, Slots};
use super::state::State;
use super::{KeyRange, Value};

/// A walk over the entries of a range. Not an iterator, because it lends: loop with `while let`.
///
/// ```
/// # use pumice::journal::{Durability, KeyRange, Store, WriteBatch};
/// # let store = Store::in_memory()?;
/// # let mut batch = WriteBatch::new();
/// # batch.put(b"a/1", b"one")?;
/// # batch.put(b"a/2", b"two")?;
/// # store.write(batch, Durability::Sync)?;
/// let snapshot = store.snapshot();
/// let mut scan = snapshot.scan(&KeyRange::prefix(b"a/"));
/// let mut keys = Vec::new();
/// while let Some((key, _value)) = scan.next()? {
///     keys.push(key.to_vec());
/// }
/// assert_eq!(keys, [b"a/1", b"a/2"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Scan<'a> {
    state: &'a State,
    range: KeyRange,
    direction: Direction,
    image: ImageCursor,
    image_state: ImageState,
    slots: Slots<'a>,
    /// Whether the slot that the overlay stands on was handed out.
    slot_used: bool,
    /// Where the last leap over a mask led.
    landed: Option<Vec<u8>>,
    /// How many leaves of the overlay were asked from the memory.
    leaves: usize,
    /// A value of the tail that had to be read from the file.
    buffer: Vec<u8>,
}

/// A key and its value, lent.
pub type Entry<'a> = (&'a [u8], &'a [u8]);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ImageState {
    /// Not positioned yet.
    Unplaced,
    /// The cursor's entry is the next candidate.
    Ready,
    /// The cursor's entry was handed out.
    Used,
    /// No more entries in range.
    Done,
}

/// Which side has the next entry.
enum Pick {
    Image,
    Overlay,
    Nothing,
}

impl<'a> Scan<'a> {
    pub(super) fn forward(state: &'a State, range: &KeyRange) -> Self {
        Self::new(state, range, Direction::Forward)
    }

    pub(super) fn reverse(state: &'a State, range: &KeyRange) -> Self {
        Self::new(state, range, Direction::Reverse)
    }

    fn new(state: &'a State, range: &KeyRange, direction: Direction) -> Self {
        let mut scan = Self {
            state,
            range: range.clone(),
            direction,
            image: state.base.image.cursor(),
            image_state: ImageState::Unplaced,
            slots: state.overlay.range(range, direction),
            slot_used: false,
            landed: None,
            leaves: 1,
            buffer: Vec::new(),
        };
        if range.is_empty() {
            scan.image_state = ImageState::Done;
        }
        scan
    }

    /// The next entry: key and value, lent until the next call.
    #[expect(clippy::should_implement_trait, reason = "it lends, so it cannot be an Iterator")]
    pub fn next(&mut self) -> Result<Option<Entry<'_>>, ReadError> {
        loop {
            if std::mem::take(&mut self.slot_used) {
                self.slots.step();
                self.touch_ahead();
            }
            self.place_image()?;
            match self.pick() {
                Pick::Nothing => return Ok(None),
                Pick::Image => {
                    self.image_state = ImageState::Used;
                    return Ok(Some((self.image.key(), self.image.value())));
                }
                Pick::Overlay => {
                    self.slot_used = true;
                    match self.slots.slot() {
                        None | Some(Slot::Tombstone) => {}
                        Some(slot) => {
                            let value = self.state.slot_bytes(slot, &mut self.buffer)?;
                            return Ok(Some((self.slots.key(), value)));
                        }
                    }
                }
            }
        }
    }

    /// In the order of the keys, values of the tail lie anywhere in the file, and to wait for one after the other
    /// is most of the time of a long scan. So all of a leaf are asked for at once, from the second leaf on: a short
    /// scan wants few.
    fn touch_ahead(&mut self) {
        if self.slots.leaves() <= self.leaves {
            return;
        }
        self.leaves = self.slots.leaves();
        for slot in self.slots.leaf() {
            if let Slot::InFile { position, len, .. } = slot {
                self.state.base.tail.touch(position, len);
            }
        }
    }

    /// Collects the rest, up to `limit` entries.
    pub fn collect(&mut self, limit: usize) -> Result<Vec<(Vec<u8>, Value)>, ReadError> {
        let mut entries = Vec::new();
        while entries.len() < limit
            && let Some((key, value)) = self.next()?
        {
            entries.push((key.to_vec(), Value::from(value.to_vec())));
        }
        Ok(entries)
    }

    /// Chooses the side with the earlier key; where both have the key, the image's entry is passed over.
    fn pick(&mut self) -> Pick {
        let on_image = self.image_state == ImageState::Ready;
        if self.slots.slot().is_none() {
            return if on_image { Pick::Image } else { Pick::Nothing };
        }
        let key = self.slots.key();
        if !on_image {
            return Pick::Overlay;
        }
        let order = match self.direction {
            Direction::Forward => self.image.key().cmp(key),
            Direction::Reverse => key.cmp(self.image.key()),
        };
        match order {
            Ordering::Less => Pick::Image,
            Ordering::Greater => Pick::Overlay,
            Ordering::Equal => {
                self.image_state = ImageState::Used;
                Pick::Overlay
            }
        }
    }

    /// Moves the image's cursor to its next entry that is in range and not hidden.
    fn place_image(&mut self) -> Result<(), ReadError> {
        match self.image_state {
            ImageState::Ready | ImageState::Done => return Ok(()),
            ImageState::Unplaced => self.seek_first()?,
            ImageState::Used => self.step()?,
        };
        while self.image.valid() && self.in_range() {
            if !self.skip_mask()? {
                self.image_state = ImageState::Ready;
                return Ok(());
            }
        }
        self.image_state = ImageState::Done;
        Ok(())
    }

    fn seek_first(&mut self) -> Result<bool, ReadError> {
        match self.direction {
            Direction::Forward => self.image.seek(self.range.start()),
            Direction::Reverse => {
                let end = self.range.end().map_or(Bound::Unbounded, Bound::Excluded);
                self.image.seek_last(end)
            }
        }
    }

    fn step(&mut self) -> Result<bool, ReadError> {
        match self.direction {
            Direction::Forward => self.image.next(),
            Direction::Reverse => self.image.prev(),
        }
    }

    fn in_range(&self) -> bool {
        match self.direction {
            Direction::Forward => self.range.end().is_none_or(|end| self.image.key() < end),
            Direction::Reverse => self.image.key() >= self.range.start(),
        }
    }

    /// Leaps over the mask that the cursor stands in. `false` when it stands in none.
    fn skip_mask(&mut self) -> Result<bool, ReadError> {
        let Some((start, end)) = self.state.overlay.masks().over(self.image.key()) else {
            return Ok(false);
        };
        let image = &mut self.image;
        let left = match (self.direction, end) {
            (Direction::Reverse, _) => {
                !image.seek_last(Bound::Excluded(start))? || image.key() < &**start
            }
            (Direction::Forward, Some(end)) => !image.seek(end)? || image.key() >= &**end,
            // Hidden to the last key: beyond the last there is nothing.
            (Direction::Forward, None) => !(image.seek_last(Bound::Unbounded)? && image.next()?),
        };
        if !left || !self.is_beyond_last_leap() {
            return Err(self.image.out_of_order());
        }
        Ok(true)
    }

    /// Keys that are not in order would lead back into the mask, at once or after some steps, and the scan around for
    /// ever. Where they are, each leap lands beyond the one before it.
    fn is_beyond_last_leap(&mut self) -> bool {
        if !self.image.valid() {
            return true;
        }
        let key = self.image.key();
        let is_beyond = |last: &Vec<u8>| match self.direction {
            Direction::Forward => key > last.as_slice(),
            Direction::Reverse => key < last.as_slice(),
        };
        let beyond = self.landed.as_ref().is_none_or(is_beyond);
        self.landed = Some(key.to_vec());
        beyond
    }
}
