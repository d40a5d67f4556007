//! The closing record: how far the tail was durable when the file was last closed, kept apart from the tail.
//!
//! A witness at the end of the tail proves what stands before it, and is lost with the sector that holds it, or when
//! bytes before it are cut out or doubled. This record stands at a fixed place in front of the tail, in a sector of
//! its own. It is written after what it names is durable, so a chain of frames that ends before it is damage. It
//! stays true while the store is written on, because nothing before it is ever cut back.

use super::Sequence;
use super::format::fields::{get, put, u32_at, u64_at};
use super::format::{CLOSING_BYTES, CLOSING_MAGIC};
use super::frame::Place;
use super::reader::Cursor;
use crate::planted::planted;
use crate::vfs::{self, File};

const MAGIC: usize = 0;
const END_POSITION: usize = 8;
const SEQUENCE: usize = 16;
const LAST_CRC: usize = 24;
const CRC: usize = CLOSING_BYTES - 4;

/// Where the tail ended at the last close, or when the file was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClosingRecord {
    /// Frames before this position were durable.
    pub end_position: u64,
    /// The last transaction before it.
    pub sequence: Sequence,
    /// The header checksum of the last frame before it.
    pub last_crc: u32,
}

/// What stands at the place of the closing record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closing {
    /// The file is of format 1.0, which has none.
    Absent,
    /// It is not as it was written.
    Damaged,
    /// It is whole.
    Whole(ClosingRecord),
}

impl Closing {
    /// Reads what stands at `position`, the place that the header gives.
    pub fn read(file: &dyn File, file_id: u128, position: Option<u64>) -> vfs::Result<Self> {
        let Some(position) = position else {
            return Ok(Self::Absent);
        };
        let mut bytes = [0; CLOSING_BYTES];
        let count = file.read_at(&mut bytes, position)?;
        let record = ClosingRecord::decode(&bytes, Place { file_id, position });
        Ok(match record {
            Some(record) if count == CLOSING_BYTES => Self::Whole(record),
            _ => Self::Damaged,
        })
    }

    /// Frames before this position were durable at the last close.
    pub fn end_position(self) -> Option<u64> {
        match self {
            Self::Whole(record) => Some(record.end_position),
            Self::Absent | Self::Damaged => None,
        }
    }
}

impl ClosingRecord {
    /// What a close says of a tail that ends at `cursor`.
    pub fn at(cursor: &Cursor) -> Self {
        Self {
            end_position: cursor.position,
            sequence: cursor.sequence,
            last_crc: cursor.previous_crc,
        }
    }

    /// As bytes for its place.
    pub fn encode(&self, place: Place) -> [u8; CLOSING_BYTES] {
        let mut bytes = [0; CLOSING_BYTES];
        put(&mut bytes, MAGIC, CLOSING_MAGIC);
        put(&mut bytes, END_POSITION, self.end_position.to_le_bytes());
        put(&mut bytes, SEQUENCE, self.sequence.get().to_le_bytes());
        put(&mut bytes, LAST_CRC, self.last_crc.to_le_bytes());
        let crc = checksum(&bytes, place);
        put(&mut bytes, CRC, crc.to_le_bytes());
        bytes
    }

    /// Reads a record; `None` when these bytes are not one that was written for this place.
    pub fn decode(bytes: &[u8; CLOSING_BYTES], place: Place) -> Option<Self> {
        let fits =
            get(bytes, MAGIC) == CLOSING_MAGIC && u32_at(bytes, CRC) == checksum(bytes, place);
        fits.then(|| Self {
            end_position: u64_at(bytes, END_POSITION),
            sequence: Sequence::new(u64_at(bytes, SEQUENCE)),
            last_crc: u32_at(bytes, LAST_CRC),
        })
    }

    /// Writes it to its place. Durable only after a sync.
    pub fn write(&self, file: &dyn File, place: Place) -> vfs::Result<()> {
        planted!(ClosingRecordMissing => return Ok(()));
        file.write_all_at(&self.encode(place), place.position)
    }
}

fn checksum(bytes: &[u8; CLOSING_BYTES], place: Place) -> u32 {
    let crc = crc32c::crc32c(&place.file_id.to_le_bytes());
    let crc = crc32c::crc32c_append(crc, &place.position.to_le_bytes());
    crc32c::crc32c_append(crc, bytes.get(..CRC).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place = Place { file_id: 7, position: 1024 };
    const RECORD: ClosingRecord =
        ClosingRecord { end_position: 1856, sequence: Sequence::new(2), last_crc: 0x0102_0304 };

    #[test]
    fn a_closing_record_reads_back_as_it_was_written() {
        assert_eq!(ClosingRecord::decode(&RECORD.encode(PLACE), PLACE), Some(RECORD));
    }

    #[test]
    fn every_flipped_bit_of_a_closing_record_is_noticed() {
        let bytes = RECORD.encode(PLACE);
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes;
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(ClosingRecord::decode(&damaged, PLACE), None, "bit {bit}");
        }
    }

    #[test]
    fn a_closing_record_counts_for_its_file_and_place_only() {
        let bytes = RECORD.encode(PLACE);
        for other in [Place { file_id: 8, ..PLACE }, Place { position: 1536, ..PLACE }] {
            assert_eq!(ClosingRecord::decode(&bytes, other), None);
        }
    }
}
