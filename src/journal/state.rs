//! What a store holds after some transaction: an image, and an overlay above it.

use std::ops::Bound;
use std::sync::Arc;

use super::frame::chain_seed;
use super::header::Header;
use super::image::{Image, ReadError};
use super::overlay::{Before, Direction, Gathered, Item, Overlay, Slot, stored_len};
use super::reader::Cursor;
use super::record::{Operation, Record};
use super::tail_file::TailFile;
use super::{Counters, KeyRange, Sequence, Value};
use crate::vfs::File;

/// A large transaction is applied in parts, to keep what it takes in memory small beside what it leaves there.
const GATHERED_OPERATIONS: usize = 16 << 10;

/// Transactions of no more operations are applied as they come: sorting would cost more than it wins.
const FEW_OPERATIONS: u32 = 4;

/// What a snapshot freezes. Changed only while nobody else can see it.
#[derive(Clone, Debug)]
pub struct State {
    /// The last transaction in it.
    pub sequence: Sequence,
    /// What lies below the overlay.
    pub base: Arc<Base>,
    pub overlay: Overlay,
    pub counters: Counters,
    /// Where the frames of this state end.
    pub end_position: u64,
    /// The header checksum of its last frame. Known once the frame is written, so right in what is
    /// published, and stale in what is only accepted.
    pub previous_crc: u32,
}

/// A journal file with its image: what a compaction makes anew.
#[derive(Debug)]
pub struct Base {
    pub header: Header,
    /// The file that image and overlay point into.
    pub file: Arc<dyn File>,
    pub image: Image,
    /// Where the overlay's long values are.
    pub tail: TailFile,
}

impl State {
    /// What a file holds before its first frame.
    pub fn of_base(base: Arc<Base>) -> Self {
        let header = base.header;
        Self {
            sequence: header.base_sequence,
            base,
            overlay: Overlay::default(),
            counters: header.base_counters(),
            end_position: header.tail_start,
            previous_crc: chain_seed(header.file_id),
        }
    }

    /// Where a walk over later frames begins.
    pub fn cursor(&self) -> Cursor {
        Cursor {
            position: self.end_position,
            sequence: self.sequence,
            counters: self.counters,
            previous_crc: self.previous_crc,
            synced_position: self.base.header.tail_start,
            witnessed: false,
        }
    }

    pub fn get(&self, key: &[u8]) -> Result<Option<Value>, ReadError> {
        match self.overlay.get(key) {
            Some(slot) => self.read_slot(slot),
            None if self.overlay.masks().covers(key) => Ok(None),
            None => self.base.image.get(key),
        }
    }

    /// The length of the value of `key`, without reading a value that is in the tail's file.
    pub fn value_len(&self, key: &[u8]) -> Result<Option<u64>, ReadError> {
        match self.overlay.get(key) {
            Some(slot) => Ok(slot.value_len()),
            None => self.len_below(key),
        }
    }

    /// The value that a slot stands for.
    fn read_slot(&self, slot: Slot<'_>) -> Result<Option<Value>, ReadError> {
        match slot {
            Slot::Tombstone => Ok(None),
            Slot::Inline(value) => Ok(Some(Value::from(value))),
            Slot::Loose(value) => Ok(Some(Value::from(value.clone()))),
            Slot::InFile { position, len, crc } => {
                self.base.tail.value(position, len, crc).map(Some)
            }
        }
    }

    /// The bytes of a slot's value, in place or in `buffer`; none for a key that is gone.
    pub fn slot_bytes<'a>(
        &'a self,
        slot: Slot<'a>,
        buffer: &'a mut Vec<u8>,
    ) -> Result<&'a [u8], ReadError> {
        match slot {
            Slot::Tombstone => Ok(&[]),
            Slot::Inline(value) => Ok(value),
            Slot::Loose(value) => Ok(value),
            Slot::InFile { position, len, crc } => self.base.tail.bytes(position, len, crc, buffer),
        }
    }

    pub fn count(&self, range: &KeyRange) -> Result<Counters, ReadError> {
        if range.is_empty() {
            return Ok(Counters::default());
        }
        let mut total = self.image_count(range)?;
        for masked in self.overlay.masks().within(range) {
            total.remove(self.image_count(&masked)?);
        }
        let mut slots = self.overlay.range(range, Direction::Forward);
        while let Some(slot) = slots.slot() {
            let key = slots.key();
            let size = |value_len: u64| key.len() as u64 + value_len;
            total.replace(self.len_below(key)?.map(size), slot.value_len().map(size));
            slots.step();
        }
        Ok(total)
    }

    fn image_count(&self, range: &KeyRange) -> Result<Counters, ReadError> {
        let end = range.end().map_or(Bound::Unbounded, Bound::Excluded);
        let count = self.base.image.count_range(Bound::Included(range.start()), end)?;
        Ok(Counters { entries: count.entries, live_bytes: count.key_value_bytes })
    }

    /// Applies a record and keeps the counters exact, which needs a look at what was there before. After an error
    /// the state must not be used.
    pub fn apply_counted(
        &mut self,
        record: &Record,
        payload_position: u64,
    ) -> Result<(), ReadError> {
        if record.operation_count() <= FEW_OPERATIONS {
            let each = |operation| self.apply_one(operation, payload_position);
            return record.operations().flatten().try_for_each(each);
        }
        let mut gathered = Gathered::up_to(GATHERED_OPERATIONS);
        // A record that was just encoded decodes.
        for operation in record.operations().flatten() {
            if let Operation::DeleteRange { .. } = operation {
                gathered.release(|items| self.set_counted(items))?;
                self.apply_one(operation, payload_position)?;
                continue;
            }
            if gathered.is_full() {
                gathered.release(|items| self.set_counted(items))?;
            }
            gathered.push(operation, payload_position);
        }
        gathered.release(|items| self.set_counted(items))
    }

    fn apply_one(
        &mut self,
        operation: Operation<'_>,
        payload_position: u64,
    ) -> Result<(), ReadError> {
        let (key, value_len) = match operation {
            Operation::Put { key, value, .. } => (key, Some(value.len() as u64)),
            Operation::Delete { key } => (key, None),
            Operation::DeleteRange { .. } => {
                let gone = self.count(&operation.range())?;
                self.counters.remove(gone);
                self.overlay.apply(operation, Some(payload_position));
                return Ok(());
            }
        };
        let known = self.overlay.apply(operation, Some(payload_position));
        self.count_change(key, known, value_len)
    }

    /// Counts that `key` has a value of another length now. `known` is what the overlay had before.
    fn count_change(
        &mut self,
        key: &[u8],
        known: Before,
        value_len: Option<u64>,
    ) -> Result<(), ReadError> {
        let before = match known {
            Some(before) => before,
            None => self.len_below(key)?,
        };
        let size = |value_len: u64| key.len() as u64 + value_len;
        self.counters.replace(before.map(size), value_len.map(size));
        Ok(())
    }

    /// Sets slots whose keys are in order.
    fn set_counted(&mut self, items: &[Item<'_>]) -> Result<(), ReadError> {
        let mut known = Vec::with_capacity(items.len());
        self.overlay.insert_sorted(items, |before| known.push(before));
        for (&(key, kind, payload), known) in items.iter().zip(known) {
            self.count_change(key, known, stored_len(kind, payload))?;
        }
        Ok(())
    }

    /// The length of the value that the image has under `key`, as far as no mask hides it.
    fn len_below(&self, key: &[u8]) -> Result<Option<u64>, ReadError> {
        if self.overlay.masks().covers(key) {
            return Ok(None);
        }
        Ok(self.base.image.get(key)?.map(|value| value.len() as u64))
    }
}
