//! The file's header: what it is, where its image and tail are, and what its last compaction did.
//!
//! Written once, when the file is made, and never changed; a copy stands behind the image for salvage.

use super::format::fields::{get, put, u16_at, u32_at, u64_at};
use super::format::{
    CLOSING_SIZE, HEADER_BYTES, HEADER_END, HEADER_MAGIC, TAIL_ALIGN, VERSION_MAJOR, VERSION_MINOR,
    VERSION_MINOR_CLOSING, align_up,
};
use super::image::{BlockPointer, ImageSummary};
use super::{CompactionRecord, Counters, Sequence};

const MAGIC: usize = 0;
const MAJOR: usize = 8;
const MINOR: usize = 10;
const LENGTH: usize = 12;
const FILE_ID: usize = 16;
const GENERATION: usize = 32;
const CREATED_MICROS: usize = 40;
const BASE_SEQUENCE: usize = 48;
const IMAGE_START: usize = 56;
const IMAGE_LEN: usize = 64;
const IMAGE_ENTRIES: usize = 72;
const IMAGE_BYTES: usize = 80;
const ROOT_POSITION: usize = 88;
const ROOT_LEN: usize = 96;
const HEIGHT: usize = 100;
const TAIL_START: usize = 104;
const SEALED_POSITION: usize = 112;
const COMPACTION: usize = 120;
const CRC: usize = HEADER_BYTES - 4;
const HEADER_LEN_FIELD: u32 = 512;

/// A journal file's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The minor version of the format that the file was made in.
    pub minor_version: u16,
    /// Tells this file from every other; part of all its checksums.
    pub file_id: u128,
    /// How many compactions led to this file.
    pub generation: u64,
    /// When the file was made: microseconds since the Unix epoch.
    pub created_micros: u64,
    /// The last transaction that the image holds.
    pub base_sequence: Sequence,
    /// Where the image is.
    pub image: ImageSummary,
    /// Where the first frame is.
    pub tail_start: u64,
    /// Frames before this position were durable when the file got its name.
    pub sealed_position: u64,
    /// What the compaction that made this file did; all zero for a new store.
    pub compaction: CompactionRecord,
}

/// Why bytes are not a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderError {
    /// Another kind of file.
    NotAJournal,
    /// Written by a newer major version.
    Version {
        /// Its major version.
        major: u16,
    },
    /// The checksum does not fit.
    Damaged,
}

impl Header {
    /// The header of a store without entries, transactions or past.
    pub fn newborn(file_id: u128, created_micros: u64) -> Self {
        let image = ImageSummary::empty(HEADER_END);
        let tail_start = Self::tail_start_behind(&image);
        Self {
            minor_version: VERSION_MINOR,
            file_id,
            generation: 0,
            created_micros,
            base_sequence: Sequence::ZERO,
            image,
            tail_start,
            sealed_position: tail_start,
            compaction: CompactionRecord::default(),
        }
    }

    /// Where the tail of a new file begins: behind `image`, the header's copy and the closing record.
    pub fn tail_start_behind(image: &ImageSummary) -> u64 {
        align_up(image.start + image.len + HEADER_END, TAIL_ALIGN) + CLOSING_SIZE
    }

    /// Where the closing record is; `None` in a file of format 1.0, which has none.
    pub fn closing_position(&self) -> Option<u64> {
        let has_one = self.minor_version >= VERSION_MINOR_CLOSING;
        has_one.then(|| self.tail_start.saturating_sub(CLOSING_SIZE))
    }

    /// Where the zeros behind the header's copy end.
    pub fn pad_end(&self) -> u64 {
        self.closing_position().unwrap_or(self.tail_start)
    }

    /// Where the header's copy is.
    pub fn copy_position(&self) -> u64 {
        self.image.start + self.image.len
    }

    /// The counters that hold before the first frame.
    pub fn base_counters(&self) -> Counters {
        Counters { entries: self.image.entries, live_bytes: self.image.key_value_bytes }
    }

    /// As bytes.
    pub fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        put(&mut bytes, MAGIC, HEADER_MAGIC);
        put(&mut bytes, MAJOR, VERSION_MAJOR.to_le_bytes());
        put(&mut bytes, MINOR, self.minor_version.to_le_bytes());
        put(&mut bytes, LENGTH, HEADER_LEN_FIELD.to_le_bytes());
        put(&mut bytes, FILE_ID, self.file_id.to_le_bytes());
        let root = self.image.root.unwrap_or(BlockPointer { position: 0, len: 0 });
        for (offset, field) in [
            (GENERATION, self.generation),
            (CREATED_MICROS, self.created_micros),
            (BASE_SEQUENCE, self.base_sequence.get()),
            (IMAGE_START, self.image.start),
            (IMAGE_LEN, self.image.len),
            (IMAGE_ENTRIES, self.image.entries),
            (IMAGE_BYTES, self.image.key_value_bytes),
            (ROOT_POSITION, root.position),
            (TAIL_START, self.tail_start),
            (SEALED_POSITION, self.sealed_position),
        ] {
            put(&mut bytes, offset, field.to_le_bytes());
        }
        put(&mut bytes, ROOT_LEN, root.len.to_le_bytes());
        put(&mut bytes, HEIGHT, [self.image.height]);
        for (index, field) in self.compaction.fields().into_iter().enumerate() {
            put(&mut bytes, COMPACTION + index * 8, field.to_le_bytes());
        }
        let crc = crc32c::crc32c(bytes.get(..CRC).unwrap_or_default());
        put(&mut bytes, CRC, crc.to_le_bytes());
        bytes
    }

    /// Reads a header.
    pub fn decode(bytes: &[u8; HEADER_BYTES]) -> Result<Self, HeaderError> {
        if get(bytes, MAGIC) != HEADER_MAGIC {
            return Err(HeaderError::NotAJournal);
        }
        if u32_at(bytes, CRC) != crc32c::crc32c(bytes.get(..CRC).unwrap_or_default()) {
            return Err(HeaderError::Damaged);
        }
        let major = u16_at(bytes, MAJOR);
        if major != VERSION_MAJOR {
            return Err(HeaderError::Version { major });
        }
        let root =
            BlockPointer { position: u64_at(bytes, ROOT_POSITION), len: u32_at(bytes, ROOT_LEN) };
        let image = ImageSummary {
            start: u64_at(bytes, IMAGE_START),
            len: u64_at(bytes, IMAGE_LEN),
            root: (root.len > 0).then_some(root),
            height: get::<1>(bytes, HEIGHT)[0],
            entries: u64_at(bytes, IMAGE_ENTRIES),
            key_value_bytes: u64_at(bytes, IMAGE_BYTES),
        };
        let mut compaction = [0; CompactionRecord::FIELDS];
        for (index, field) in compaction.iter_mut().enumerate() {
            *field = u64_at(bytes, COMPACTION + index * 8);
        }
        Ok(Self {
            minor_version: u16_at(bytes, MINOR),
            file_id: u128::from_le_bytes(get(bytes, FILE_ID)),
            generation: u64_at(bytes, GENERATION),
            created_micros: u64_at(bytes, CREATED_MICROS),
            base_sequence: Sequence::new(u64_at(bytes, BASE_SEQUENCE)),
            image,
            tail_start: u64_at(bytes, TAIL_START),
            sealed_position: u64_at(bytes, SEALED_POSITION),
            compaction: CompactionRecord::from_fields(compaction),
        })
    }
}

const _: () = assert!(HEADER_LEN_FIELD as usize == HEADER_BYTES);
const _: () = assert!(COMPACTION + CompactionRecord::FIELDS * 8 <= CRC);

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        let mut header = Header::newborn(0x0102_0304, 5);
        header.generation = 3;
        header.image.entries = 9;
        header.image.root = Some(BlockPointer { position: 600, len: 70 });
        header.compaction = CompactionRecord::from_fields([1, 2, 3, 4, 5, 6]);
        header
    }

    #[test]
    fn a_header_reads_back_as_it_was_written() {
        assert_eq!(Header::decode(&header().encode()), Ok(header()));
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let bytes = header().encode();
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes;
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(Header::decode(&damaged).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn a_newer_major_version_is_told_from_damage() {
        let mut bytes = header().encode();
        put(&mut bytes, MAJOR, 2_u16.to_le_bytes());
        let crc = crc32c::crc32c(&bytes[..CRC]);
        put(&mut bytes, CRC, crc.to_le_bytes());
        assert_eq!(Header::decode(&bytes), Err(HeaderError::Version { major: 2 }));
    }
}
