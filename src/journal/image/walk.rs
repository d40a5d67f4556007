//! Blocks in the order in which they stand in the file, without the index: for checking and for salvage.

use std::sync::Arc;

use crate::vfs::{self, File};

use super::error::{Damage, ReadError};
use super::header::{BlockHeader, FileSeed, HEADER_BYTES, LZ4};
use super::source::unpack;

/// Bytes read at once.
const WINDOW_BYTES: usize = 1 << 20;

/// Reads blocks at positions through a window of 1 MiB, or of one block that is larger. No length is believed
/// before the checksum over it fits.
#[derive(Debug)]
pub(super) struct BlockWalker {
    file: Arc<dyn File>,
    seed: FileSeed,
    end: u64,
    window: Vec<u8>,
    window_start: u64,
    unpacked: Vec<u8>,
}

impl BlockWalker {
    /// Reads what lies before `end`.
    pub fn new(file: Arc<dyn File>, seed: FileSeed, end: u64) -> Self {
        Self { file, seed, end, window: Vec::new(), window_start: 0, unpacked: Vec::new() }
    }

    pub fn corrupt(&self, position: u64, damage: Damage) -> ReadError {
        damage.at(self.file.path(), position)
    }

    /// The header at `position`.
    pub fn header(&mut self, position: u64) -> Result<Result<BlockHeader, Damage>, vfs::Error> {
        let (seed, end) = (self.seed, self.end);
        let bytes = self.bytes(position, HEADER_BYTES)?;
        let header = bytes.first_chunk().ok_or(Damage::Header);
        Ok(header.and_then(|header| checked_header(seed, header, position, end)))
    }

    /// The payload of the block at `position` that has this header, checked and unpacked.
    pub fn payload(
        &mut self,
        position: u64,
        header: &BlockHeader,
    ) -> Result<Result<&[u8], Damage>, vfs::Error> {
        let start = position.saturating_add(HEADER_BYTES as u64);
        let mut unpacked = std::mem::take(&mut self.unpacked);
        let payload = self.bytes(start, header.payload_len as usize)?;
        let checked = header.check_payload(payload).and_then(|()| match header.compression {
            LZ4 => unpack(payload, &mut unpacked),
            _ => Ok(()),
        });
        self.unpacked = unpacked;
        if let Err(damage) = checked {
            return Ok(Err(damage));
        }
        if header.compression == LZ4 {
            return Ok(Ok(&self.unpacked));
        }
        self.bytes(start, header.payload_len as usize).map(Ok)
    }

    /// The next position after `position` where a header stands, or the end.
    pub fn resync(&mut self, position: u64) -> Result<u64, vfs::Error> {
        let (seed, end) = (self.seed, self.end);
        let mut at = position + 1;
        while at < end {
            let bytes = self.bytes(at, WINDOW_BYTES)?;
            let candidates = bytes.windows(HEADER_BYTES);
            let count = candidates.len() as u64;
            for (header, position) in candidates.zip(at..) {
                let header = header.first_chunk();
                if header.is_some_and(|it| checked_header(seed, it, position, end).is_ok()) {
                    return Ok(position);
                }
            }
            if count == 0 {
                break;
            }
            at += count;
        }
        Ok(end)
    }

    /// Up to `len` bytes at `position`; fewer only before the end.
    fn bytes(&mut self, position: u64, len: usize) -> Result<&[u8], vfs::Error> {
        let left = usize::try_from(self.end.saturating_sub(position)).unwrap_or(usize::MAX);
        let len = len.min(left);
        let offset = position.checked_sub(self.window_start);
        let offset = offset.and_then(|offset| usize::try_from(offset).ok());
        let inside =
            |offset: &usize| offset.checked_add(len).is_some_and(|end| end <= self.window.len());
        let offset = if let Some(offset) = offset.filter(inside) {
            offset
        } else {
            self.fill(position, len.max(WINDOW_BYTES.min(left)))?;
            0
        };
        Ok(self.window.get(offset..).and_then(|rest| rest.get(..len)).unwrap_or_default())
    }

    fn fill(&mut self, position: u64, len: usize) -> Result<(), vfs::Error> {
        self.window.resize(len, 0);
        self.window.shrink_to(WINDOW_BYTES);
        self.window_start = position;
        let count = self.file.read_at(&mut self.window, position)?;
        self.window.truncate(count);
        Ok(())
    }
}

fn checked_header(
    seed: FileSeed,
    bytes: &[u8; HEADER_BYTES],
    position: u64,
    limit: u64,
) -> Result<BlockHeader, Damage> {
    let header = seed.decode(bytes, position)?;
    let end = position.saturating_add(header.block_len());
    if end > limit { Err(Damage::Beyond { found: end, limit }) } else { Ok(header) }
}
