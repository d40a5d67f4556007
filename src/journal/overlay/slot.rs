//! What the overlay keeps under a key.

use std::sync::Arc;

/// Values longer than this stay in the file and are read by position.
const INLINE_VALUE_MAX_BYTES: usize = 1024;

/// The newest word on a key.
#[derive(Clone, Debug)]
pub enum Slot {
    /// The value, in memory.
    Inline(Arc<[u8]>),
    /// The value, in the journal file.
    InFile {
        /// Its first byte.
        position: u64,
        /// Its length.
        len: u32,
        /// Its checksum, since it is read apart from its frame.
        crc: u32,
    },
    /// The key is gone.
    Tombstone,
}

impl Slot {
    /// A value: in the file when it is long and has a place there, else in memory.
    pub fn of_value(value: &[u8], position: Option<u64>) -> Self {
        match (position, u32::try_from(value.len())) {
            (Some(position), Ok(len)) if value.len() > INLINE_VALUE_MAX_BYTES => {
                Self::InFile { position, len, crc: crc32c::crc32c(value) }
            }
            _ => Self::Inline(Arc::from(value)),
        }
    }

    /// The length of the value; `None` when the key is gone.
    pub fn value_len(&self) -> Option<u64> {
        match self {
            Self::Inline(value) => Some(value.len() as u64),
            Self::InFile { len, .. } => Some(u64::from(*len)),
            Self::Tombstone => None,
        }
    }
}
