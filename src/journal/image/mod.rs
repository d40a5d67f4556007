//! The image: the sorted, checksummed, indexed part of a journal file, written as a stream and read in place.
//!
//! The life of an image: compaction hands ascending entries to an [`ImageBuilder`], which writes blocks of
//! about 4 KiB and, between them, the index blocks that lead to them, level by level. What
//! [`ImageBuilder::finish`] returns, an [`ImageSummary`], goes into the journal's header. From it
//! [`Image::open`] reads the image again, without loading anything: a get goes from the root down to one data
//! block, an [`ImageCursor`] moves over the entries both ways, counts come from sums in the index.
//! [`Image::verify`] checks all of it; [`ImageSalvage`] reads what is good of a damaged one.
//!
//! Invariants: an image is never changed after it was written. Every byte of it belongs to a block, and every
//! block's checksum covers the file's id and the block's position, so that a changed, moved or foreign block
//! is found; no block is used before its checksum was seen to fit. No length out of the file is used before
//! it was held against what is there: damage leads to [`ReadError::Corrupt`], never to a panic, a large
//! allocation or a wrong value.
//!
//! Threads: an [`Image`] and a [`BlockCache`] are shared freely, a cursor belongs to one thread at a time. No
//! lock is held while a file is read.
//!
//! It knows no overlay and no transactions. The bytes: `docs/format.md`. Why a mapping:
//! `docs/decisions/0002-image-reading.md`.

mod block;
mod builder;
mod bytes;
mod cache;
mod cursor;
mod descent;
mod encoder;
mod entry_cursor;
mod error;
mod header;
mod output;
mod reader;
mod salvage;
mod source;
mod summary;
#[cfg(test)]
mod tests;
mod verified;
mod verify;
mod walk;

pub use builder::ImageBuilder;
pub(super) use bytes::{common_prefix, separator};
pub use cache::BlockCache;
pub use cursor::ImageCursor;
pub use error::{BuildError, Damage, ReadError};
#[cfg(test)]
pub(super) use header::reseal;
pub use reader::Image;
pub use salvage::{ImageSalvage, Salvaged, SalvagedBlock, SalvagedEntry};
pub use source::ImageRead;
pub use summary::{BlockPointer, Compression, ImageOptions, ImageSummary, RangeCount};
pub use verify::VerifyReport;
