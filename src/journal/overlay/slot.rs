//! What the overlay keeps under a key.

use std::sync::Arc;

/// Values longer than this stay in the file and are read by position.
pub const INLINE_MAX_BYTES: usize = 64;

const _: () = assert!(INLINE_MAX_BYTES <= u8::MAX as usize, "a payload of a page");

const TOMBSTONE: u8 = 0;
const INLINE: u8 = 1;
const IN_FILE: u8 = 2;
const LOOSE: u8 = 3;

/// The newest word on a key.
#[derive(Clone, Copy, Debug)]
pub enum Slot<'a> {
    /// The value, in memory.
    Inline(&'a [u8]),
    /// The value, in the journal file.
    InFile {
        /// Its first byte.
        position: u64,
        /// Its length.
        len: u32,
        /// Its checksum, since it is read apart from its frame.
        crc: u32,
    },
    /// A value that is too long for the tree and has no place in a file yet.
    Loose(&'a Arc<[u8]>),
    /// The key is gone.
    Tombstone,
}

impl Slot<'_> {
    /// The length of the value; `None` when the key is gone.
    pub fn value_len(&self) -> Option<u64> {
        match self {
            Self::Inline(value) => Some(value.len() as u64),
            Self::Loose(value) => Some(value.len() as u64),
            Self::InFile { len, .. } => Some(u64::from(*len)),
            Self::Tombstone => None,
        }
    }
}

/// A slot as the tree stores it: a kind and a short payload.
#[derive(Clone, Copy, Debug)]
pub struct Stored<'a> {
    pub kind: u8,
    bytes: [u8; 16],
    /// The payload, when it is not the first `len` of `bytes`.
    inline: Option<&'a [u8]>,
    len: usize,
}

impl<'a> Stored<'a> {
    /// The key is gone.
    pub fn tombstone() -> Self {
        Self { kind: TOMBSTONE, bytes: [0; 16], inline: None, len: 0 }
    }

    /// A short value.
    pub fn inline(value: &'a [u8]) -> Self {
        Self { kind: INLINE, bytes: [0; 16], inline: Some(value), len: 0 }
    }

    /// A value by its place in the file.
    fn in_file(position: u64, value: &[u8]) -> Self {
        // Values are shorter than 4 GiB.
        let len = u32::try_from(value.len()).unwrap_or(u32::MAX);
        let number =
            u128::from(position) | u128::from(len) << 64 | u128::from(crc32c::crc32c(value)) << 96;
        Self { kind: IN_FILE, bytes: number.to_le_bytes(), inline: None, len: 16 }
    }

    /// A value that is in the file at `position`, and kept here as well when it is short.
    pub fn of_value(value: &'a [u8], position: u64) -> Self {
        if value.len() <= INLINE_MAX_BYTES {
            return Self::inline(value);
        }
        Self::in_file(position, value)
    }

    /// A value by its number among the loose ones.
    pub fn loose(index: u64) -> Self {
        Self { kind: LOOSE, bytes: u128::from(index).to_le_bytes(), inline: None, len: 8 }
    }

    /// The payload.
    pub fn payload(&self) -> &[u8] {
        self.inline.unwrap_or(self.bytes.get(..self.len).unwrap_or_default())
    }
}

/// Reads a slot back. What no [`Stored`] can be is taken for a tombstone; pages hold nothing else.
pub fn decode<'a>(kind: u8, payload: &'a [u8], loose: &'a [Arc<[u8]>]) -> Slot<'a> {
    match (kind, payload.first_chunk::<8>(), payload.first_chunk::<16>()) {
        (INLINE, ..) => Slot::Inline(payload),
        (IN_FILE, _, Some(bytes)) => in_file(u128::from_le_bytes(*bytes)),
        (LOOSE, Some(index), _) => {
            let index = usize::try_from(u64::from_le_bytes(*index)).unwrap_or(usize::MAX);
            loose.get(index).map_or(Slot::Tombstone, Slot::Loose)
        }
        _ => Slot::Tombstone,
    }
}

/// The length of the value that a payload stands for, where the loose values are not at hand: there are none
/// but in the view of a transaction, which counts nothing.
pub fn stored_len(kind: u8, payload: &[u8]) -> Option<u64> {
    decode(kind, payload, &[]).value_len()
}

fn in_file(number: u128) -> Slot<'static> {
    let low = |number: u128| u64::try_from(number & u128::from(u64::MAX)).unwrap_or(0);
    let high = low(number >> 64);
    let word = |number: u64| u32::try_from(number & u64::from(u32::MAX)).unwrap_or(0);
    Slot::InFile { position: low(number), len: word(high), crc: word(high >> 32) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_slot_reads_back() {
        let value = vec![7; 300];
        let stored = Stored::in_file(u64::MAX - 5, &value);
        let Slot::InFile { position, len, crc } = decode(stored.kind, stored.payload(), &[]) else {
            panic!("{stored:?}");
        };
        assert_eq!((position, len, crc), (u64::MAX - 5, 300, crc32c::crc32c(&value)));
        let loose = [Arc::from(b"zero".as_slice()), Arc::from(b"one".as_slice())];
        let stored = Stored::loose(1);
        let slot = decode(stored.kind, stored.payload(), &loose);
        assert!(matches!(slot, Slot::Loose(value) if **value == *b"one"));
        let stored = Stored::inline(b"short");
        assert!(matches!(decode(stored.kind, stored.payload(), &[]), Slot::Inline(b"short")));
        let stored = Stored::tombstone();
        assert!(decode(stored.kind, stored.payload(), &[]).value_len().is_none());
    }
}
