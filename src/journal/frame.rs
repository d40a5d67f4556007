//! One frame to bytes and back. Pure.
//!
//! A frame is a 64-byte header, the payload, and zeros up to the next multiple of 8. The header's checksum
//! covers the file's id and the frame's position, so that a frame of another file, or an old one in a reused
//! place, is not taken for a frame of this tail; the payload's checksum covers payload and zeros.

use super::format::fields::{put, u32_at, u64_at};
use super::format::{
    FRAME_ALIGN, FRAME_HEADER_BYTES, FRAME_HEADER_SIZE, FRAME_MAGIC, KIND_TRANSACTION,
    KIND_WITNESS, align_up,
};
use super::limits::MAX_TRANSACTION_BYTES;
use super::{Counters, Sequence};
use crate::planted::planted;

const MAGIC: usize = 0;
const KIND: usize = 4;
const SEQUENCE: usize = 8;
const PAYLOAD_LEN: usize = 16;
const PAYLOAD_CRC: usize = 20;
const SYNCED_POSITION: usize = 24;
const ENTRIES: usize = 32;
const LIVE_BYTES: usize = 40;
const PREVIOUS_CRC: usize = 48;
const RESERVED: usize = 52;
const HEADER_CRC: usize = 60;

/// Which place a frame is for; part of its checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The id of the file.
    pub file_id: u128,
    /// The frame's first byte.
    pub position: u64,
}

/// What the frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameKind {
    /// A transaction's record.
    Transaction,
    /// Nothing but the statement of what was durable.
    Witness,
}

/// A frame's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    /// What it holds.
    pub kind: FrameKind,
    /// The transaction's number; for a witness the last transaction before it.
    pub sequence: Sequence,
    /// Length of the payload in bytes.
    pub payload_len: u32,
    /// Checksum of payload and padding.
    pub payload_crc: u32,
    /// Everything before this position was durable when the frame was written.
    pub synced_position: u64,
    /// The store's counters after this transaction.
    pub counters: Counters,
    /// The header checksum of the frame before, or the file's seed for the first.
    pub previous_crc: u32,
}

impl FrameHeader {
    /// The header as bytes, and its checksum, which the next frame names.
    pub fn encode(&self, place: Place) -> ([u8; FRAME_HEADER_BYTES], u32) {
        let mut bytes = [0; FRAME_HEADER_BYTES];
        put(&mut bytes, MAGIC, FRAME_MAGIC.to_le_bytes());
        let kind = match self.kind {
            FrameKind::Transaction => KIND_TRANSACTION,
            FrameKind::Witness => KIND_WITNESS,
        };
        put(&mut bytes, KIND, [kind]);
        put(&mut bytes, SEQUENCE, self.sequence.get().to_le_bytes());
        put(&mut bytes, PAYLOAD_LEN, self.payload_len.to_le_bytes());
        put(&mut bytes, PAYLOAD_CRC, self.payload_crc.to_le_bytes());
        put(&mut bytes, SYNCED_POSITION, self.synced_position.to_le_bytes());
        put(&mut bytes, ENTRIES, self.counters.entries.to_le_bytes());
        put(&mut bytes, LIVE_BYTES, self.counters.live_bytes.to_le_bytes());
        put(&mut bytes, PREVIOUS_CRC, self.previous_crc.to_le_bytes());
        let crc = header_crc(&bytes, place);
        put(&mut bytes, HEADER_CRC, crc.to_le_bytes());
        (bytes, crc)
    }

    /// Reads a header; `None` when these bytes are not a header written for this place.
    pub fn decode(bytes: &[u8; FRAME_HEADER_BYTES], place: Place) -> Option<(Self, u32)> {
        if u32_at(bytes, MAGIC) != FRAME_MAGIC {
            return None;
        }
        let crc = u32_at(bytes, HEADER_CRC);
        if crc != header_crc(bytes, place) {
            return None;
        }
        let kind = match bytes.get(KIND).copied() {
            Some(KIND_TRANSACTION) => FrameKind::Transaction,
            Some(KIND_WITNESS) => FrameKind::Witness,
            _ => return None,
        };
        let header = Self {
            kind,
            sequence: Sequence::new(u64_at(bytes, SEQUENCE)),
            payload_len: u32_at(bytes, PAYLOAD_LEN),
            payload_crc: u32_at(bytes, PAYLOAD_CRC),
            synced_position: u64_at(bytes, SYNCED_POSITION),
            counters: Counters {
                entries: u64_at(bytes, ENTRIES),
                live_bytes: u64_at(bytes, LIVE_BYTES),
            },
            previous_crc: u32_at(bytes, PREVIOUS_CRC),
        };
        let fits = header.payload_len as usize <= MAX_TRANSACTION_BYTES;
        fits.then_some((header, crc))
    }

    /// The whole frame's length with padding.
    pub fn frame_len(&self) -> u64 {
        frame_len(u64::from(self.payload_len))
    }
}

/// The length of a frame with a payload of `payload_len` bytes.
pub fn frame_len(payload_len: u64) -> u64 {
    FRAME_HEADER_SIZE + align_up(payload_len, FRAME_ALIGN)
}

/// The zeros that follow a payload of `payload_len` bytes.
pub fn padding(payload_len: usize) -> &'static [u8] {
    const ZEROS: [u8; 8] = [0; 8];
    let len = payload_len.next_multiple_of(ZEROS.len()) - payload_len;
    ZEROS.get(..len).unwrap_or_default()
}

/// The checksum of a payload and its padding.
pub fn payload_crc(payload: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(payload), padding(payload.len()))
}

/// What the first frame of a file names as its predecessor's checksum.
pub fn chain_seed(file_id: u128) -> u32 {
    crc32c::crc32c(&file_id.to_le_bytes())
}

fn header_crc(bytes: &[u8; FRAME_HEADER_BYTES], place: Place) -> u32 {
    planted!(PlaceNotInCrc => return crc32c::crc32c(bytes.get(..HEADER_CRC).unwrap_or_default()));
    let crc = crc32c::crc32c(&place.file_id.to_le_bytes());
    let crc = crc32c::crc32c_append(crc, &place.position.to_le_bytes());
    crc32c::crc32c_append(crc, bytes.get(..HEADER_CRC).unwrap_or_default())
}

const _: () = assert!(RESERVED + 8 == HEADER_CRC && HEADER_CRC + 4 == FRAME_HEADER_BYTES);

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place = Place { file_id: 7, position: 512 };

    fn header() -> FrameHeader {
        FrameHeader {
            kind: FrameKind::Transaction,
            sequence: Sequence::new(42),
            payload_len: 5,
            payload_crc: payload_crc(b"bytes"),
            synced_position: 512,
            counters: Counters { entries: 3, live_bytes: 99 },
            previous_crc: 1,
        }
    }

    #[test]
    fn a_header_reads_back_only_at_its_own_place() {
        let (bytes, crc) = header().encode(PLACE);
        assert_eq!(FrameHeader::decode(&bytes, PLACE), Some((header(), crc)));
        assert_eq!(FrameHeader::decode(&bytes, Place { position: 520, ..PLACE }), None);
        assert_eq!(FrameHeader::decode(&bytes, Place { file_id: 8, ..PLACE }), None);
    }

    #[test]
    fn every_flipped_bit_of_a_header_is_noticed() {
        let (bytes, _) = header().encode(PLACE);
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes;
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(FrameHeader::decode(&damaged, PLACE), None, "bit {bit}");
        }
    }

    #[test]
    fn frames_end_on_multiples_of_eight() {
        for len in 0..17 {
            assert_eq!((len + padding(len).len()) % 8, 0);
            assert_eq!(frame_len(len as u64), 64 + (len + padding(len).len()) as u64);
        }
    }
}
