//! Reads what is good of a damaged image, without its index.

use std::sync::Arc;

use crate::vfs::{self, File};

use super::entry_cursor::EntryCursor;
use super::error::Damage;
use super::header::{BlockHeader, FileSeed};
use super::walk::BlockWalker;

/// The buffer for a block is not kept when it is larger.
const KEPT_BYTES: usize = 1 << 20;

/// Walks from block to block by their lengths. A damaged block is stepped over when its header is whole;
/// else the next header is searched for byte by byte (it is bound to its file and place by a checksum of 32
/// bits, so what looks like one is one). Memory: a few MiB, or three times the
/// largest block.
///
/// Data blocks come in key order. Keys across a damaged place may be missing, never wrong.
#[derive(Debug)]
pub struct ImageSalvage {
    walker: BlockWalker,
    position: u64,
    end: u64,
    payload: Vec<u8>,
    entries: EntryCursor,
}

/// A piece of a damaged image.
#[derive(Debug)]
pub enum Salvaged<'a> {
    /// A data block whose checksum fits.
    Data(SalvagedBlock<'a>),
    /// Bytes that could not be used. When the block's header could be read and it is an index block, nothing
    /// is lost with it.
    Damaged {
        /// The first of them.
        position: u64,
        /// How many.
        len: u64,
        /// What is wrong with them.
        damage: Damage,
        /// Whether entries may have been lost.
        data: bool,
    },
}

/// The entries of a good data block.
#[derive(Debug)]
pub struct SalvagedBlock<'a> {
    /// Where the block stands.
    pub position: u64,
    payload: &'a [u8],
    entries: &'a mut EntryCursor,
    started: bool,
}

/// A key and its value.
pub type SalvagedEntry<'a> = (&'a [u8], &'a [u8]);

impl SalvagedBlock<'_> {
    /// The next entry, key and value.
    ///
    /// # Errors
    /// The block's checksum fits but its entries make no sense: it was written so, and nothing more can be
    /// had from it.
    #[expect(clippy::should_implement_trait, reason = "it lends and can fail: no Iterator")]
    pub fn next(&mut self) -> Result<Option<SalvagedEntry<'_>>, Damage> {
        let there = if std::mem::replace(&mut self.started, true) {
            self.entries.next(self.payload)?
        } else {
            self.entries.first(self.payload).map(|()| true)?
        };
        let value = self.payload.get(self.entries.value()).unwrap_or_default();
        Ok(there.then_some((self.entries.key(), value)))
    }
}

impl ImageSalvage {
    /// Reads the bytes from `start` up to `end` of a file known by `file_id`. `end` may be the end of the file
    /// when it is not known where the image ends.
    pub fn new(file: Arc<dyn File>, file_id: u128, start: u64, end: u64) -> Self {
        let walker = BlockWalker::new(file, FileSeed::new(file_id), end);
        Self { walker, position: start, end, payload: Vec::new(), entries: EntryCursor::new() }
    }

    /// The next good data block or damaged place; `None` at the end.
    #[expect(clippy::should_implement_trait, reason = "it lends and can fail: no Iterator")]
    pub fn next(&mut self) -> Result<Option<Salvaged<'_>>, vfs::Error> {
        while self.position < self.end {
            let position = self.position;
            let header = match self.walker.header(position)? {
                Ok(header) => header,
                Err(damage) => {
                    self.position = self.walker.resync(position)?;
                    let len = self.position - position;
                    return Ok(Some(Salvaged::Damaged { position, len, damage, data: true }));
                }
            };
            self.position = position.saturating_add(header.block_len());
            if let Some(damage) = self.read(position, &header)? {
                let (len, data) = (header.block_len(), header.level == 0);
                return Ok(Some(Salvaged::Damaged { position, len, damage, data }));
            }
            if header.level == 0 {
                let (payload, entries) = (self.payload.as_slice(), &mut self.entries);
                let block = SalvagedBlock { position, payload, entries, started: false };
                return Ok(Some(Salvaged::Data(block)));
            }
        }
        Ok(None)
    }

    /// Fills `payload` when it is good.
    fn read(&mut self, position: u64, header: &BlockHeader) -> Result<Option<Damage>, vfs::Error> {
        self.payload.clear();
        self.payload.shrink_to(KEPT_BYTES);
        match self.walker.payload(position, header)? {
            Ok(payload) => self.payload.extend_from_slice(payload),
            Err(damage) => return Ok(Some(damage)),
        }
        Ok(None)
    }
}
