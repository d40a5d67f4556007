//! The fourteen bytes before every block, and the checksums that bind a block to its file and place.

use super::error::Damage;
use crate::planted::planted;

/// Bytes of a block header.
pub(super) const HEADER_BYTES: usize = 14;
/// Compression code of a block stored as it is.
pub(super) const RAW: u8 = 0;
/// Compression code of an lz4 block behind its raw length (four bytes, little endian).
pub(super) const LZ4: u8 = 1;

/// A decoded header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BlockHeader {
    pub payload_checksum: u32,
    pub payload_len: u32,
    pub level: u8,
    pub compression: u8,
}

impl BlockHeader {
    /// Bytes of the block, header and payload.
    pub fn block_len(&self) -> u64 {
        u64::from(self.payload_len) + HEADER_BYTES as u64
    }

    /// Reads the fields, without any check.
    #[inline]
    pub fn decode(bytes: &[u8; HEADER_BYTES]) -> Self {
        let &[_, _, _, _, c0, c1, c2, c3, l0, l1, l2, l3, level, compression] = bytes;
        Self {
            payload_checksum: u32::from_le_bytes([c0, c1, c2, c3]),
            payload_len: u32::from_le_bytes([l0, l1, l2, l3]),
            level,
            compression,
        }
    }

    /// Whether the block is what a pointer promised.
    #[inline]
    pub fn expect(&self, level: u8, block_len: u64) -> Result<(), Damage> {
        if self.block_len() != block_len {
            return Err(Damage::Length { found: self.block_len(), expected: block_len });
        }
        if self.level != level {
            return Err(Damage::Level { found: self.level, expected: level });
        }
        Ok(())
    }

    /// Whether the payload is the one that was written.
    pub fn check_payload(&self, payload: &[u8]) -> Result<(), Damage> {
        planted!(BlockCrcIgnored => return Ok(()));
        let computed = crc32c::crc32c(payload);
        if computed != self.payload_checksum {
            return Err(Damage::Payload { stored: self.payload_checksum, computed });
        }
        Ok(())
    }
}

/// The part of every header checksum that is the same for all blocks of a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct FileSeed(u32);

impl FileSeed {
    pub fn new(file_id: u128) -> Self {
        Self(crc32c::crc32c(&file_id.to_le_bytes()))
    }

    fn checksum(self, position: u64, fields: &[u8]) -> u32 {
        crc32c::crc32c_append(crc32c::crc32c_append(self.0, &position.to_le_bytes()), fields)
    }

    /// The header as it stands in the file at `position`.
    pub fn encode(self, header: BlockHeader, position: u64) -> [u8; HEADER_BYTES] {
        let [c0, c1, c2, c3] = header.payload_checksum.to_le_bytes();
        let [l0, l1, l2, l3] = header.payload_len.to_le_bytes();
        let fields = [c0, c1, c2, c3, l0, l1, l2, l3, header.level, header.compression];
        let [h0, h1, h2, h3] = self.checksum(position, &fields).to_le_bytes();
        let [.., level, compression] = fields;
        [h0, h1, h2, h3, c0, c1, c2, c3, l0, l1, l2, l3, level, compression]
    }

    /// Reads a header that must have been written at `position` of this file.
    pub fn decode(self, bytes: &[u8; HEADER_BYTES], position: u64) -> Result<BlockHeader, Damage> {
        let (stored, fields) = bytes.split_first_chunk::<4>().ok_or(Damage::Header)?;
        if u32::from_le_bytes(*stored) != self.checksum(position, fields) {
            return Err(Damage::Header);
        }
        let header = BlockHeader::decode(bytes);
        if header.compression > LZ4 {
            return Err(Damage::Compression { found: header.compression });
        }
        Ok(header)
    }
}

/// Puts the checksums of a block right, whose payload was changed to see who finds out otherwise.
#[cfg(test)]
pub fn reseal(file: &mut [u8], file_id: u128, position: usize) {
    let seed = FileSeed::new(file_id);
    let start = position + HEADER_BYTES;
    let before = BlockHeader::decode(file[position..start].first_chunk().unwrap());
    let payload_checksum = crc32c::crc32c(&file[start..][..before.payload_len as usize]);
    let header = seed.encode(BlockHeader { payload_checksum, ..before }, position as u64);
    file[position..start].copy_from_slice(&header);
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: BlockHeader = BlockHeader {
        payload_checksum: 0x0403_0201,
        payload_len: 4096,
        level: 2,
        compression: LZ4,
    };

    #[test]
    fn a_header_reads_back_only_in_its_file_and_place() {
        let bytes = FileSeed::new(7).encode(HEADER, 4096);
        assert_eq!(FileSeed::new(7).decode(&bytes, 4096), Ok(HEADER));
        assert_eq!(FileSeed::new(8).decode(&bytes, 4096), Err(Damage::Header));
        assert_eq!(FileSeed::new(7).decode(&bytes, 4095), Err(Damage::Header));
    }

    #[test]
    fn every_flipped_bit_of_a_header_is_seen() {
        let good = FileSeed::new(7).encode(HEADER, 1);
        for bit in 0..HEADER_BYTES * 8 {
            let mut bytes = good;
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(FileSeed::new(7).decode(&bytes, 1), Err(Damage::Header), "bit {bit}");
        }
    }
}
