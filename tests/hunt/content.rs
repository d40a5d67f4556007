//! The bytes of a file in pieces that copies share, so that a disk costs what is different about it.

use std::ops::Range;
use std::sync::Arc;

use crate::random::Random;

/// What a drive writes whole.
pub const SECTOR: usize = 512;
static ZEROS: [u8; SECTOR] = [0; SECTOR];

/// Bytes that are not all zero, and a number for them.
#[derive(Debug)]
pub struct Sector {
    pub bytes: [u8; SECTOR],
    hash: u64,
}

/// A sector; without one the bytes are zeros.
pub type Piece = Option<Arc<Sector>>;

/// The bytes of a file. Equal bytes are equal pieces: those behind the end are zeros.
#[derive(Clone, Debug, Default)]
pub struct Content {
    pieces: Vec<Piece>,
    len: usize,
}

fn mix(hash: u64, word: u64) -> u64 {
    (hash ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29)
}

pub fn hash_of(bytes: &[u8]) -> u64 {
    let mut hash = mix(0xcbf2_9ce4_8422_2325, bytes.len() as u64);
    for word in bytes.chunks(8) {
        let mut whole = [0; 8];
        whole[..word.len()].copy_from_slice(word);
        hash = mix(hash, u64::from_le_bytes(whole));
    }
    hash
}

pub fn piece_of(bytes: &[u8; SECTOR]) -> Piece {
    (*bytes != ZEROS).then(|| Arc::new(Sector { hash: hash_of(bytes), bytes: *bytes }))
}

pub fn same(one: &Piece, other: &Piece) -> bool {
    match (one, other) {
        (None, None) => true,
        (Some(one), Some(other)) => {
            Arc::ptr_eq(one, other) || (one.hash == other.hash && one.bytes == other.bytes)
        }
        _ => false,
    }
}

/// The sectors that a range touches.
pub fn sectors(range: &Range<usize>) -> Range<usize> {
    range.start / SECTOR..range.end.div_ceil(SECTOR)
}

impl Content {
    pub fn of(bytes: &[u8]) -> Self {
        let mut content = Self::default();
        content.write(0, bytes);
        content
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn piece(&self, sector: usize) -> &Piece {
        self.pieces.get(sector).unwrap_or(&None)
    }

    /// Takes a sector over as it is; one behind the end is dropped.
    pub fn set_piece(&mut self, sector: usize, piece: Piece) {
        if let Some(place) = self.pieces.get_mut(sector) {
            *place = piece;
            self.clear_behind_end(sector);
        }
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.len];
        self.read(&mut bytes, 0);
        bytes
    }

    /// Reads as many bytes as there are.
    pub fn read(&self, buffer: &mut [u8], start: usize) -> usize {
        let count = buffer.len().min(self.len.saturating_sub(start));
        let mut done = 0;
        while done < count {
            let (sector, offset) = ((start + done) / SECTOR, (start + done) % SECTOR);
            let part = (SECTOR - offset).min(count - done);
            let to = &mut buffer[done..done + part];
            match &self.pieces[sector] {
                Some(piece) => to.copy_from_slice(&piece.bytes[offset..offset + part]),
                None => to.copy_from_slice(&ZEROS[..part]),
            }
            done += part;
        }
        count
    }

    pub fn write(&mut self, start: usize, bytes: &[u8]) {
        self.set_len((start + bytes.len()).max(self.len));
        let mut done = 0;
        while done < bytes.len() {
            let (sector, offset) = ((start + done) / SECTOR, (start + done) % SECTOR);
            let part = (SECTOR - offset).min(bytes.len() - done);
            let from = &bytes[done..done + part];
            let before = &self.pieces[sector];
            if before.is_some() || from != &ZEROS[..part] {
                let mut whole = before.as_ref().map_or(ZEROS, |piece| piece.bytes);
                whole[offset..offset + part].copy_from_slice(from);
                self.pieces[sector] = piece_of(&whole);
            }
            done += part;
        }
    }

    /// Cuts, or extends with zeros.
    pub fn set_len(&mut self, len: usize) {
        let shrinks = len < self.len;
        self.len = len;
        self.pieces.resize(len.div_ceil(SECTOR), None);
        if shrinks {
            self.clear_behind_end(len / SECTOR);
        }
    }

    /// Fills a range with noise that follows from `random`: never a frame, never zeros.
    pub fn fill_with_noise(&mut self, range: Range<usize>, random: &mut Random) {
        let noise = random.next().to_le_bytes().map(|byte| byte | 1);
        for sector in sectors(&range) {
            let start = range.start.max(sector * SECTOR);
            let end = range.end.min((sector + 1) * SECTOR);
            let piece = noise.map(|byte| byte ^ ((sector & 0x7f) as u8) << 1).repeat(SECTOR / 8);
            self.write(start, &piece[..end - start]);
        }
    }

    /// Equal contents have equal numbers.
    pub fn fingerprint(&self) -> u64 {
        let mut sum = mix(0x51_7c_c1_b7, self.len as u64);
        for (index, piece) in self.pieces.iter().enumerate() {
            if let Some(piece) = piece {
                sum = sum.wrapping_add(mix(piece.hash, index as u64));
            }
        }
        sum
    }

    fn clear_behind_end(&mut self, sector: usize) {
        let held = self.len.saturating_sub(sector * SECTOR);
        if held >= SECTOR {
            return;
        }
        if let Some(Some(piece)) = self.pieces.get(sector) {
            let mut bytes = piece.bytes;
            bytes[held..].fill(0);
            self.pieces[sector] = piece_of(&bytes);
        }
    }
}
