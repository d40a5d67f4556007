//! Frames in order from a file. Never modifies it.

use std::sync::Arc;

use super::format::{FRAME_ALIGN, FRAME_HEADER_BYTES, FRAME_HEADER_SIZE, FRAME_MAGIC};
use super::frame::{self, FrameHeader, FrameKind, Place, chain_seed};
use super::header::Header;
use super::{Counters, Sequence};
use crate::planted::planted;
use crate::vfs::{self, File};

/// How much is read from the file at a time.
const CHUNK_BYTES: usize = 1 << 20;

/// Walks the frames of a tail. Stops at the first place that does not hold the frame that must follow.
#[derive(Debug)]
pub struct FrameReader {
    file: Arc<dyn File>,
    file_id: u128,
    /// Nothing is read at or after this position.
    limit: u64,
    cursor: Cursor,
    buffer: Vec<u8>,
    buffer_start: u64,
}

/// Where a walk stands, and what the next frame must say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Where the next frame begins.
    pub position: u64,
    /// The last transaction so far.
    pub sequence: Sequence,
    /// The counters so far.
    pub counters: Counters,
    /// The header checksum of the last frame.
    pub previous_crc: u32,
    /// What the last frame says was durable when it was written.
    pub synced_position: u64,
    /// Whether the last frame is a witness, so that all before it is known to be durable.
    pub witnessed: bool,
}

impl Cursor {
    /// Before everything, where not even a header could be read.
    pub fn nowhere() -> Self {
        Self {
            position: 0,
            sequence: Sequence::ZERO,
            counters: Counters::default(),
            previous_crc: 0,
            synced_position: 0,
            witnessed: false,
        }
    }

    /// Before the first frame of a file.
    pub fn at_tail_start(header: &Header) -> Self {
        Self {
            position: header.tail_start,
            sequence: header.base_sequence,
            counters: header.base_counters(),
            previous_crc: chain_seed(header.file_id),
            synced_position: header.tail_start,
            witnessed: true,
        }
    }
}

/// A transaction's frame.
#[derive(Debug)]
pub struct Frame<'a> {
    /// Its header.
    pub header: FrameHeader,
    /// Its header's checksum.
    pub crc: u32,
    /// Its first byte in the file.
    pub position: u64,
    /// The record.
    pub payload: &'a [u8],
}

impl Frame<'_> {
    /// Where the payload begins in the file.
    pub fn payload_position(&self) -> u64 {
        self.position + FRAME_HEADER_SIZE
    }
}

impl FrameReader {
    /// A walk from `cursor` up to `limit`.
    pub fn new(file: Arc<dyn File>, file_id: u128, cursor: Cursor, limit: u64) -> Self {
        Self { file, file_id, limit, cursor, buffer: Vec::new(), buffer_start: 0 }
    }

    /// Where it stands.
    pub fn cursor(&self) -> Cursor {
        self.cursor
    }

    /// Lets a walk that stopped at its limit go on to a later one.
    pub fn extend_to(&mut self, limit: u64) {
        self.limit = limit;
        self.buffer.clear();
    }

    /// The next transaction; `None` where the chain of frames ends. Witnesses are passed over.
    pub fn next(&mut self) -> vfs::Result<Option<Frame<'_>>> {
        loop {
            let Some((header, crc)) = self.next_header()? else {
                return Ok(None);
            };
            let position = self.cursor.position;
            self.cursor = Cursor {
                position: position + header.frame_len(),
                sequence: header.sequence,
                counters: header.counters,
                previous_crc: crc,
                synced_position: header.synced_position,
                witnessed: header.kind == FrameKind::Witness,
            };
            if header.kind == FrameKind::Transaction {
                let payload = self.payload_at(position, &header);
                return Ok(Some(Frame { header, crc, position, payload }));
            }
        }
    }

    /// The frame at the cursor, if it is whole and the one that must follow.
    fn next_header(&mut self) -> vfs::Result<Option<(FrameHeader, u32)>> {
        let position = self.cursor.position;
        if !self.fill(FRAME_HEADER_SIZE)? {
            return Ok(None);
        }
        let place = Place { file_id: self.file_id, position };
        let Some((header, crc)) = decode_at(&self.buffer, position - self.buffer_start, place)
        else {
            return Ok(None);
        };
        if !self.follows(&header) || !self.fill(header.frame_len())? {
            return Ok(None);
        }
        planted!(PayloadCrcIgnored => return Ok(Some((header, crc))));
        let payload = self.payload_at(position, &header);
        let whole =
            frame::payload_crc(payload) == header.payload_crc && self.padding_is_zero(&header);
        Ok(whole.then_some((header, crc)))
    }

    fn follows(&self, header: &FrameHeader) -> bool {
        let expected = match header.kind {
            FrameKind::Transaction => self.cursor.sequence.next(),
            FrameKind::Witness => self.cursor.sequence,
        };
        planted!(SequenceNotCompared => return header.previous_crc == self.cursor.previous_crc);
        planted!(PredecessorNotCompared => return header.sequence == expected);
        header.sequence == expected && header.previous_crc == self.cursor.previous_crc
    }

    fn payload_at(&self, position: u64, header: &FrameHeader) -> &[u8] {
        let start = offset(position + FRAME_HEADER_SIZE - self.buffer_start);
        self.buffer.get(start..start + header.payload_len as usize).unwrap_or_default()
    }

    fn padding_is_zero(&self, header: &FrameHeader) -> bool {
        let start = offset(self.cursor.position + FRAME_HEADER_SIZE - self.buffer_start);
        let len = header.payload_len as usize;
        let padding = self.buffer.get(start + len..start + len.next_multiple_of(8));
        padding.is_some_and(|padding| padding.iter().all(|byte| *byte == 0))
    }

    /// Makes sure that the buffer holds `len` bytes from the cursor on. `false` when the limit comes first.
    fn fill(&mut self, len: u64) -> vfs::Result<bool> {
        let position = self.cursor.position;
        let left = self.limit.saturating_sub(position);
        if len > left {
            return Ok(false);
        }
        let held = self.buffer_start + self.buffer.len() as u64;
        if !self.buffer.is_empty() && position >= self.buffer_start && position + len <= held {
            return Ok(true);
        }
        let wanted = offset(len.max((CHUNK_BYTES as u64).min(left)));
        self.buffer.resize(wanted, 0);
        let got = self.file.read_at(&mut self.buffer, position)?;
        self.buffer.truncate(got);
        self.buffer_start = position;
        Ok(got as u64 >= len)
    }
}

/// A distance inside a buffer; saturates, so that a lookup with it finds nothing.
fn offset(distance: u64) -> usize {
    usize::try_from(distance).unwrap_or(usize::MAX)
}

fn decode_at(buffer: &[u8], distance: u64, place: Place) -> Option<(FrameHeader, u32)> {
    let bytes = buffer.get(offset(distance)..)?.first_chunk::<FRAME_HEADER_BYTES>()?;
    FrameHeader::decode(bytes, place)
}

/// What lies behind the place where a chain of frames ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remains {
    /// Whether it is nothing but zeros.
    pub zeros: bool,
    /// Whether some frame of this file stands there.
    pub later_frame: bool,
    /// Whether such a frame says that the place where the chain ends was durable.
    pub witness: bool,
}

/// Looks at everything from `position` to `limit`, in one pass with one buffer.
pub fn inspect_remains(
    file: &dyn File,
    file_id: u128,
    position: u64,
    limit: u64,
) -> vfs::Result<Remains> {
    let mut remains = Remains { zeros: true, later_frame: false, witness: false };
    let most = offset(limit.saturating_sub(position)).min(CHUNK_BYTES + FRAME_HEADER_BYTES);
    let mut buffer = vec![0; most];
    let mut start = position;
    while start < limit && !remains.witness {
        let want = offset(limit - start).min(buffer.len());
        let chunk = buffer.get_mut(..want).unwrap_or_default();
        let got = file.read_at(chunk, start)?;
        let chunk = chunk.get(..got).unwrap_or_default();
        if got == 0 {
            break;
        }
        inspect_chunk(chunk, start, file_id, position, &mut remains);
        start += CHUNK_BYTES as u64;
    }
    Ok(remains)
}

/// Compares pieces at once: the space ahead is megabytes, and every open looks at it.
pub fn is_zeros(bytes: &[u8]) -> bool {
    static ZEROS: [u8; 4096] = [0; 4096];
    bytes.chunks(ZEROS.len()).all(|piece| Some(piece) == ZEROS.get(..piece.len()))
}

fn inspect_chunk(chunk: &[u8], start: u64, file_id: u128, end: u64, remains: &mut Remains) {
    if is_zeros(chunk) {
        return;
    }
    remains.zeros = false;
    let magic = FRAME_MAGIC.to_le_bytes();
    let first = offset(super::format::align_up(start, FRAME_ALIGN) - start);
    for distance in (first..chunk.len().min(CHUNK_BYTES)).step_by(offset(FRAME_ALIGN)) {
        if !chunk.get(distance..).is_some_and(|rest| rest.starts_with(&magic)) {
            continue;
        }
        let place = Place { file_id, position: start + distance as u64 };
        if let Some((header, _)) = decode_at(chunk, distance as u64, place) {
            remains.later_frame = true;
            remains.witness |= header.synced_position > end;
            planted!(WitnessIgnored => remains.witness = false);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::frame::payload_crc;
    use super::*;
    use crate::vfs::mem::MemVfs;
    use crate::vfs::{OpenMode, Vfs};

    const FILE_ID: u128 = 5;
    const START: Cursor = Cursor {
        position: 1024,
        sequence: Sequence::new(7),
        counters: Counters { entries: 0, live_bytes: 0 },
        previous_crc: 99,
        synced_position: 1024,
        witnessed: true,
    };

    fn reader_over(sequence: u64, previous_crc: u32) -> FrameReader {
        let header = FrameHeader {
            kind: FrameKind::Transaction,
            sequence: Sequence::new(sequence),
            payload_len: 0,
            payload_crc: payload_crc(&[]),
            synced_position: 1024,
            counters: Counters::default(),
            previous_crc,
        };
        let vfs = MemVfs::new();
        let file = vfs.open(Path::new("/f"), OpenMode::CreateNew).unwrap();
        let (bytes, _) = header.encode(Place { file_id: FILE_ID, position: START.position });
        file.write_all_at(&bytes, START.position).unwrap();
        FrameReader::new(file, FILE_ID, START, 4096)
    }

    #[test]
    fn only_the_next_frame_of_the_chain_is_taken() {
        assert!(reader_over(8, 99).next().unwrap().is_some());
        assert!(reader_over(9, 99).next().unwrap().is_none(), "a gap");
        assert!(reader_over(7, 99).next().unwrap().is_none(), "a repetition");
        assert!(reader_over(8, 98).next().unwrap().is_none(), "another predecessor");
    }
}
