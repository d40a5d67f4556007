//! What can go wrong with an image, by what the caller can do about it.

use std::path::PathBuf;

use crate::journal::limits::{MAX_KEY_BYTES, MAX_VALUE_BYTES};
use crate::vfs;

/// A read that gave no answer. It never stands for a wrong answer: a block whose checksum does not fit is
/// not looked into.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The file could not be read; trying again may help.
    #[error(transparent)]
    Io(#[from] vfs::Error),
    /// The file's bytes are not what was written. Nothing was changed; `check` lists all of the damage and
    /// `salvage` copies what is good.
    #[error("{} is damaged at byte {position}: {damage}", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// The first byte of the block that is damaged.
        position: u64,
        /// What was found there.
        damage: Damage,
    },
}

/// What is wrong with a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Damage {
    /// The header's checksum does not fit this file and position.
    #[error("the checksum of the block header does not fit this file and position")]
    Header,
    /// The payload's checksum does not fit the payload.
    #[error("the checksum of the block is {computed:08x}, {stored:08x} was expected")]
    Payload {
        /// The checksum in the header.
        stored: u32,
        /// The checksum of the bytes.
        computed: u32,
    },
    /// A block reaches beyond the image, or the image beyond the file.
    #[error("the block ends at {found}, after the end of the image or file at {limit}")]
    Beyond {
        /// Where the block claims to end.
        found: u64,
        /// The last position possible.
        limit: u64,
    },
    /// A pointer leads before the image, or to nothing.
    #[error("a block pointer leads outside of the image")]
    Pointer,
    /// A block's length is not the one in the pointer that leads to it.
    #[error("the block is {found} bytes long, {expected} were expected")]
    Length {
        /// The length in the block's header, with the header.
        found: u64,
        /// The length in the pointer.
        expected: u64,
    },
    /// A block stands at another level of the tree than the pointer says.
    #[error("the block is of level {found}, {expected} was expected")]
    Level {
        /// The level in the block's header.
        found: u8,
        /// The level that was looked for.
        expected: u8,
    },
    /// A compression that this version does not know.
    #[error("the block's compression is {found}, 0 (none) or 1 (lz4) was expected")]
    Compression {
        /// The code in the block's header.
        found: u8,
    },
    /// A compressed block does not unpack to its stated size.
    #[error("the compressed block does not unpack to the size it states")]
    Unpack,
    /// The entries do not fit into the block.
    #[error("the entries do not fit into the block")]
    Layout,
    /// A key is not greater than the one before it.
    #[error("a key is not greater than the key before it")]
    Order,
    /// An index entry does not describe the block it leads to.
    #[error("the index does not describe the blocks before it")]
    Index,
    /// What the header says about the image is not what the image holds.
    #[error("the image holds {found} {what}, {expected} were expected")]
    Count {
        /// What was counted.
        what: &'static str,
        /// The count.
        found: u64,
        /// The count that the file's header states.
        expected: u64,
    },
}

impl Damage {
    /// The same, with the file and the position of the block.
    pub(in crate::journal) fn at(self, path: &std::path::Path, position: u64) -> ReadError {
        ReadError::Corrupt { path: path.to_path_buf(), position, damage: self }
    }
}

/// Why an entry could not be added to an image.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The file could not be written.
    #[error(transparent)]
    Io(#[from] vfs::Error),
    /// The key is not greater than the one added before it.
    #[error("key number {number} is not greater than the key before it")]
    OutOfOrder {
        /// How many keys had been added.
        number: u64,
    },
    /// The key is over [`MAX_KEY_BYTES`].
    #[error("the key is {size_bytes} bytes long, the limit is {MAX_KEY_BYTES}")]
    KeyTooLong {
        /// Its length.
        size_bytes: usize,
    },
    /// The value is over [`MAX_VALUE_BYTES`].
    #[error("the value is {size_bytes} bytes long, the limit is {MAX_VALUE_BYTES}")]
    ValueTooLong {
        /// Its length.
        size_bytes: usize,
    },
}
