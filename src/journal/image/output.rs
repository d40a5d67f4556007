//! Bytes on their way to the file, gathered into large aligned writes.

use crate::vfs::{self, File};

/// Bytes gathered before a write; writes end at multiples of it.
pub(super) const OUTPUT_BYTES: usize = 512 << 10;

/// Appends to a file from a position on.
#[derive(Debug)]
pub(super) struct Output<'f> {
    file: &'f dyn File,
    buffer: Vec<u8>,
    /// Where the buffer's first byte belongs.
    handed: u64,
}

impl<'f> Output<'f> {
    pub fn new(file: &'f dyn File, start: u64) -> Self {
        Self { file, buffer: Vec::new(), handed: start }
    }

    /// The position of the next byte appended.
    pub fn position(&self) -> u64 {
        self.handed + self.buffer.len() as u64
    }

    pub fn append(&mut self, mut bytes: &[u8]) -> vfs::Result<()> {
        while !bytes.is_empty() {
            let filled = self.position() % OUTPUT_BYTES as u64;
            let room = OUTPUT_BYTES - usize::try_from(filled).unwrap_or(0);
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.buffer.extend_from_slice(now);
            if now.len() == room {
                self.hand_over()?;
            }
            bytes = later;
        }
        Ok(())
    }

    /// Writes what is gathered.
    pub fn hand_over(&mut self) -> vfs::Result<()> {
        self.file.write_all_at(&self.buffer, self.handed)?;
        self.handed = self.position();
        self.buffer.clear();
        Ok(())
    }

    #[cfg(test)]
    pub fn held_bytes(&self) -> usize {
        self.buffer.len()
    }
}
