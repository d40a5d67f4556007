//! Checksums of docs/format.md, put right over bytes that were mutated.

pub const HEADER: usize = 512;
pub const BLOCK_HEADER: usize = 14;
pub const FRAME_HEADER: usize = 64;
pub const FRAME_MAGIC: [u8; 4] = [0xb3, 0x9a, 0x1f, 0x7d];

pub fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

pub fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap())
}

pub fn put(bytes: &mut [u8], at: usize, what: &[u8]) {
    bytes[at..at + what.len()].copy_from_slice(what);
}

/// The checksum of a file's header, which ends in it.
pub fn header(bytes: &mut [u8]) {
    let crc = crc32c::crc32c(&bytes[..508]);
    put(bytes, 508, &crc.to_le_bytes());
}

/// A block at the front of `bytes`, whose payload length is made to fit; returns its length.
pub fn block(bytes: &mut [u8], file_id: u128, position: u64) -> usize {
    let room = bytes.len() - BLOCK_HEADER;
    let len = (u32_at(bytes, 8) as usize).min(room);
    put(bytes, 8, &(len as u32).to_le_bytes());
    let payload = crc32c::crc32c(&bytes[BLOCK_HEADER..BLOCK_HEADER + len]);
    put(bytes, 4, &payload.to_le_bytes());
    let crc = crc32c::crc32c(&file_id.to_le_bytes());
    let crc = crc32c::crc32c_append(crc, &position.to_le_bytes());
    let crc = crc32c::crc32c_append(crc, &bytes[4..BLOCK_HEADER]);
    put(bytes, 0, &crc.to_le_bytes());
    BLOCK_HEADER + len
}

/// The checksum of a frame's header for its place.
pub fn frame_header(bytes: &mut [u8], file_id: u128, position: u64) -> u32 {
    let crc = crc32c::crc32c(&file_id.to_le_bytes());
    let crc = crc32c::crc32c_append(crc, &position.to_le_bytes());
    let crc = crc32c::crc32c_append(crc, &bytes[..60]);
    put(bytes, 60, &crc.to_le_bytes());
    crc
}

/// The magic and checksum of a closing record for its place.
fn closing(bytes: &mut [u8], file_id: u128, position: u64) {
    put(bytes, 0, b"closed\x1a\n");
    let crc = crc32c::crc32c(&file_id.to_le_bytes());
    let crc = crc32c::crc32c_append(crc, &position.to_le_bytes());
    let crc = crc32c::crc32c_append(crc, &bytes[..508]);
    put(bytes, 508, &crc.to_le_bytes());
}

/// Which parts of a file are put right.
#[derive(Clone, Copy)]
pub struct Parts {
    pub header: bool,
    pub copy: bool,
    pub blocks: bool,
    pub frames: bool,
    pub sequences: bool,
}

/// Puts the checksums of a whole file right, as far as its lengths lead somewhere.
pub fn file(bytes: &mut [u8], parts: Parts) {
    if bytes.len() < HEADER {
        return;
    }
    if parts.header {
        put(bytes, 0, b"pumice\x1a\n\x01\0");
        put(bytes, 12, &512_u32.to_le_bytes());
        put(bytes, 56, &512_u64.to_le_bytes());
        header(bytes);
    }
    let file_id = u128::from_le_bytes(bytes[16..32].try_into().unwrap());
    let end = usize::try_from(u64_at(bytes, 64)).ok().and_then(|len| len.checked_add(HEADER));
    let Some(end) = end.filter(|end| *end <= bytes.len()) else { return };
    if parts.blocks {
        let mut at = HEADER;
        while at + BLOCK_HEADER < end {
            at += block(&mut bytes[at..end], file_id, at as u64);
        }
    }
    if parts.copy && end + HEADER <= bytes.len() {
        let (front, back) = bytes.split_at_mut(end);
        back[..HEADER].copy_from_slice(&front[..HEADER]);
    }
    let tail = usize::try_from(u64_at(bytes, 104)).unwrap_or(usize::MAX);
    if parts.copy && bytes[10] > 0 && (HEADER..=bytes.len()).contains(&tail) {
        closing(&mut bytes[tail - HEADER..tail], file_id, (tail - HEADER) as u64);
    }
    if parts.frames && tail <= bytes.len() {
        let base = u64_at(bytes, 48);
        frames(bytes, tail, file_id, base, parts.sequences);
    }
}

/// Puts the chain of frames from `at` on right.
fn frames(bytes: &mut [u8], mut at: usize, file_id: u128, base: u64, sequences: bool) {
    let mut previous = crc32c::crc32c(&file_id.to_le_bytes());
    let mut sequence = base;
    while at + FRAME_HEADER <= bytes.len() && bytes[at..at + 4] == FRAME_MAGIC {
        let frame = &mut bytes[at..];
        let room = frame.len() - FRAME_HEADER;
        let len = (u32_at(frame, 16) as usize).min(room / 8 * 8);
        put(frame, 16, &(len as u32).to_le_bytes());
        let padded = len.next_multiple_of(8);
        frame[FRAME_HEADER + len..FRAME_HEADER + padded].fill(0);
        let payload = crc32c::crc32c(&frame[FRAME_HEADER..FRAME_HEADER + padded]);
        put(frame, 20, &payload.to_le_bytes());
        if sequences {
            sequence = sequence.wrapping_add(u64::from(frame[4] == 1));
            put(frame, 8, &sequence.to_le_bytes());
        }
        put(frame, 48, &previous.to_le_bytes());
        previous = frame_header(frame, file_id, at as u64);
        at += FRAME_HEADER + padded;
    }
}
