//! What a store holds after some transaction: an image, and an overlay above it.

use std::ops::Bound;
use std::sync::Arc;

use super::frame::chain_seed;
use super::header::Header;
use super::image::{Damage, Image, ReadError};
use super::overlay::{Overlay, Slot};
use super::reader::{Cursor, Frame};
use super::record::{Operation, Operations, RecordError};
use super::{Counters, KeyRange, Sequence, Value};
use crate::vfs::File;

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

    /// Takes over a frame of the tail, whose counters were exact when it was written.
    pub fn replay(&mut self, frame: &Frame<'_>) -> Result<(), RecordError> {
        for operation in Operations::of(frame.payload)? {
            self.overlay.apply(operation?, Some(frame.payload_position()));
        }
        self.sequence = frame.header.sequence;
        self.previous_crc = frame.crc;
        self.counters = frame.header.counters;
        self.end_position = frame.position + frame.header.frame_len();
        Ok(())
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
            None if self.overlay.masks().covers(key) => Ok(None),
            None => Ok(self.base.image.get(key)?.map(|value| value.len() as u64)),
        }
    }

    /// The value that a slot stands for.
    pub fn read_slot(&self, slot: &Slot) -> Result<Option<Value>, ReadError> {
        match slot {
            Slot::Tombstone => Ok(None),
            Slot::Inline(value) => Ok(Some(Value::from(value.clone()))),
            Slot::InFile { position, len, crc } => {
                let mut bytes = Vec::new();
                self.read_in_file(*position, *len, *crc, &mut bytes)?;
                Ok(Some(Value::from(bytes)))
            }
        }
    }

    /// Reads a value of the tail into `bytes`, replacing what was there.
    pub fn read_in_file(
        &self,
        position: u64,
        len: u32,
        crc: u32,
        bytes: &mut Vec<u8>,
    ) -> Result<(), ReadError> {
        bytes.clear();
        bytes.resize(len as usize, 0);
        self.base.file.read_exact_at(bytes, position)?;
        let computed = crc32c::crc32c(bytes);
        if computed == crc {
            return Ok(());
        }
        Err(Damage::Payload { stored: crc, computed }.at(self.base.file.path(), position))
    }

    pub fn count(&self, range: &KeyRange) -> Result<Counters, ReadError> {
        if range.is_empty() {
            return Ok(Counters::default());
        }
        let mut total = self.image_count(range)?;
        for masked in self.overlay.masks().within(range) {
            total.remove(self.image_count(&masked)?);
        }
        for (key, slot) in self.overlay.range(range) {
            let hidden = self.overlay.masks().covers(key);
            let below = if hidden { None } else { self.base.image.get(key)? };
            let size = |value_len: u64| key.len() as u64 + value_len;
            total.replace(below.map(|value| size(value.len() as u64)), slot.value_len().map(size));
        }
        Ok(total)
    }

    fn image_count(&self, range: &KeyRange) -> Result<Counters, ReadError> {
        let end = range.end().map_or(Bound::Unbounded, Bound::Excluded);
        let count = self.base.image.count_range(Bound::Included(range.start()), end)?;
        Ok(Counters { entries: count.entries, live_bytes: count.key_value_bytes })
    }

    /// Applies an operation and keeps the counters exact, which needs a look at what was there before.
    pub fn apply_counted(
        &mut self,
        operation: Operation<'_>,
        payload_position: Option<u64>,
    ) -> Result<(), ReadError> {
        match operation {
            Operation::Put { key, value, .. } => {
                let before = self.entry_bytes(key)?;
                self.counters.replace(before, Some((key.len() + value.len()) as u64));
            }
            Operation::Delete { key } => {
                let before = self.entry_bytes(key)?;
                self.counters.replace(before, None);
            }
            Operation::DeleteRange { .. } => {
                let gone = self.count(&operation.range())?;
                self.counters.remove(gone);
            }
        }
        self.overlay.apply(operation, payload_position);
        Ok(())
    }

    fn entry_bytes(&self, key: &[u8]) -> Result<Option<u64>, ReadError> {
        Ok(self.value_len(key)?.map(|value_len| key.len() as u64 + value_len))
    }
}
