//! Every byte offset of a journal file outside the image's blocks. docs/format.md is the prose to it.
//!
//! `[header][image][header copy][pad][closing record][tail of frames][zeros written ahead]`. All integers are little endian.

/// The first bytes of every journal file.
pub const HEADER_MAGIC: [u8; 8] = *b"pumice\x1a\n";
/// Files with another major version are refused.
pub const VERSION_MAJOR: u16 = 1;
/// Files with a higher minor version are read; what they add is ignored.
pub const VERSION_MINOR: u16 = 1;
/// The first minor version whose files have a closing record.
pub const VERSION_MINOR_CLOSING: u16 = 1;
/// The header's length: one sector, so that it is never torn by a drive that writes whole sectors.
pub const HEADER_BYTES: usize = 512;
/// [`HEADER_BYTES`] as a position.
pub const HEADER_END: u64 = 512;
/// Tails begin at a multiple of this.
pub const TAIL_ALIGN: u64 = 512;

/// The first bytes of a closing record.
pub const CLOSING_MAGIC: [u8; 8] = *b"closed\x1a\n";
/// The length of the closing record: one sector, right in front of the tail.
pub const CLOSING_BYTES: usize = 512;
/// [`CLOSING_BYTES`] as a distance.
pub const CLOSING_SIZE: u64 = 512;

/// No file is longer: positions are signed on POSIX.
pub const FILE_MAX_BYTES: u64 = i64::MAX.unsigned_abs();

/// The first bytes of every frame.
pub const FRAME_MAGIC: u32 = 0x7d1f_9ab3;
/// A frame's header.
pub const FRAME_HEADER_BYTES: usize = 64;
/// [`FRAME_HEADER_BYTES`] as a distance.
pub const FRAME_HEADER_SIZE: u64 = 64;
/// Frames begin at a multiple of this, counted from the start of the file.
pub const FRAME_ALIGN: u64 = 8;

/// A frame that holds a transaction.
pub const KIND_TRANSACTION: u8 = 1;
/// A frame without payload that only says what was durable when it was written.
pub const KIND_WITNESS: u8 = 2;

/// The least space that is written with zeros ahead of the tail at a time.
pub const AHEAD_MIN_BYTES: u64 = 64 << 10;
/// The most space that is written with zeros ahead of the tail at a time.
pub const AHEAD_MAX_BYTES: u64 = 8 << 20;
/// Space ahead grows with the file: an eighth of it.
pub const AHEAD_FRACTION: u64 = 8;

const _: () = assert!(HEADER_END == HEADER_BYTES as u64);
const _: () = assert!(CLOSING_SIZE == CLOSING_BYTES as u64);
const _: () = assert!(CLOSING_SIZE.is_multiple_of(TAIL_ALIGN));
const _: () = assert!(FRAME_HEADER_SIZE == FRAME_HEADER_BYTES as u64);
const _: () = assert!(TAIL_ALIGN.is_multiple_of(FRAME_ALIGN));
const _: () = assert!(FRAME_HEADER_SIZE.is_multiple_of(FRAME_ALIGN));
const _: () = assert!(super::limits::MAX_TRANSACTION_BYTES < u32::MAX as usize);

/// The next multiple of `align` at or after `position`.
pub const fn align_up(position: u64, align: u64) -> u64 {
    position.div_ceil(align) * align
}

/// Fixed-place fields of a byte array, little endian. Offsets are constants of this room, inside the array.
pub(super) mod fields {
    pub fn put<const N: usize>(bytes: &mut [u8], offset: usize, field: [u8; N]) {
        debug_assert!(offset + N <= bytes.len());
        if let Some(to) = bytes.get_mut(offset..offset + N) {
            to.copy_from_slice(&field);
        }
    }

    pub fn get<const N: usize>(bytes: &[u8], offset: usize) -> [u8; N] {
        let field = bytes.get(offset..offset + N).and_then(|field| field.try_into().ok());
        debug_assert!(field.is_some());
        field.unwrap_or([0; N])
    }

    pub fn u16_at(bytes: &[u8], offset: usize) -> u16 {
        u16::from_le_bytes(get(bytes, offset))
    }

    pub fn u32_at(bytes: &[u8], offset: usize) -> u32 {
        u32::from_le_bytes(get(bytes, offset))
    }

    pub fn u64_at(bytes: &[u8], offset: usize) -> u64 {
        u64::from_le_bytes(get(bytes, offset))
    }
}
