//! A file as a stream: for input read once from front to back and output written so.

use std::io::{self, Read, Write};
use std::sync::Arc;

use super::File;

/// Reads a file from the front.
#[derive(Debug)]
pub struct FileReader {
    file: Arc<dyn File>,
    position: u64,
}

impl FileReader {
    /// Starts at the first byte.
    pub fn new(file: Arc<dyn File>) -> Self {
        Self::at(file, 0)
    }

    /// Starts at the byte `position`.
    pub fn at(file: Arc<dyn File>, position: u64) -> Self {
        Self { file, position }
    }
}

impl Read for FileReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(buffer, self.position).map_err(io::Error::other)?;
        self.position += count as u64;
        Ok(count)
    }
}

/// Writes a file from the front. Nothing is durable before [`File::sync_all`].
#[derive(Debug)]
pub struct FileWriter {
    file: Arc<dyn File>,
    position: u64,
}

impl FileWriter {
    /// Starts at the first byte.
    pub fn new(file: Arc<dyn File>) -> Self {
        Self::at(file, 0)
    }

    /// Starts at the byte `position`.
    pub fn at(file: Arc<dyn File>, position: u64) -> Self {
        Self { file, position }
    }
}

impl Write for FileWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write_all_at(bytes, self.position).map_err(io::Error::other)?;
        self.position += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
