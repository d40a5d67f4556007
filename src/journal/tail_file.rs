//! Long values of the tail, read where they are in the file.
//!
//! Where mappings are wanted and offered, the file is mapped in windows, each twice as long as the one before, when a
//! value in it is first asked for. A window may reach beyond the end of the file, which grows into it. Only bytes of
//! published transactions are read, and those never change.

use std::sync::{Arc, OnceLock};

use super::image::{Damage, ImageRead, ReadError};
use super::value::Value;
use crate::vfs::{File, Mapping};

/// The first window; the n-th has 2^n times this.
const FIRST_WINDOW_BYTES: u64 = 64 << 20;
/// Enough for a file of 2^58 bytes.
const WINDOWS: usize = 32;

/// The file of a journal, for reading values of its tail.
#[derive(Debug)]
pub struct TailFile {
    file: Arc<dyn File>,
    read: ImageRead,
    /// `None` where the window cannot be mapped.
    windows: [OnceLock<Option<Mapping>>; WINDOWS],
}

impl TailFile {
    /// Reads as images are read.
    pub fn new(file: Arc<dyn File>, read: ImageRead) -> Self {
        Self { file, read, windows: [const { OnceLock::new() }; WINDOWS] }
    }

    /// The value at `position`, checked.
    pub fn value(&self, position: u64, len: u32, crc: u32) -> Result<Value, ReadError> {
        if let Some((mapping, start)) = self.window(position, len) {
            let end = start + len as usize;
            self.check(mapping.get(start..end).unwrap_or_default(), position, crc)?;
            return Ok(Value::of_mapping(mapping, start, end));
        }
        let mut bytes = vec![0; len as usize];
        self.read(position, crc, &mut bytes)?;
        Ok(Value::from(bytes))
    }

    /// The bytes of the value at `position`, checked: in place, or else in `buffer`.
    pub fn bytes<'a>(
        &'a self,
        position: u64,
        len: u32,
        crc: u32,
        buffer: &'a mut Vec<u8>,
    ) -> Result<&'a [u8], ReadError> {
        if let Some((mapping, start)) = self.window(position, len) {
            let bytes = mapping.get(start..start + len as usize).unwrap_or_default();
            self.check(bytes, position, crc)?;
            return Ok(bytes);
        }
        buffer.clear();
        buffer.resize(len as usize, 0);
        self.read(position, crc, buffer)?;
        Ok(buffer)
    }

    /// Asks the memory for a value that is wanted soon, where it is mapped: it comes while others are waited for.
    pub fn touch(&self, position: u64, len: u32) {
        const LINE_BYTES: usize = 64;
        const LINES: usize = 4;
        if let Some((mapping, start)) = self.window(position, len) {
            let bytes = mapping.get(start..start + len as usize).unwrap_or_default();
            let lines = bytes.iter().step_by(LINE_BYTES).take(LINES);
            std::hint::black_box(lines.fold(0, |all, byte| all ^ byte));
        }
    }

    fn read(&self, position: u64, crc: u32, bytes: &mut [u8]) -> Result<(), ReadError> {
        self.file.read_exact_at(bytes, position)?;
        self.check(bytes, position, crc)
    }

    fn check(&self, bytes: &[u8], position: u64, stored: u32) -> Result<(), ReadError> {
        let computed = crc32c::crc32c(bytes);
        if computed == stored {
            return Ok(());
        }
        Err(Damage::Payload { stored, computed }.at(self.file.path(), position))
    }

    /// The window that holds all of a value, and where in it the value begins.
    fn window(&self, position: u64, len: u32) -> Option<(&Mapping, usize)> {
        if self.read != ImageRead::Mapped {
            return None;
        }
        let number = (position / FIRST_WINDOW_BYTES + 1).ilog2();
        let window = (FIRST_WINDOW_BYTES << number) - FIRST_WINDOW_BYTES;
        let end = window + (FIRST_WINDOW_BYTES << number);
        if position.checked_add(u64::from(len))? > end {
            return None;
        }
        let cell = self.windows.get(usize::try_from(number).ok()?)?;
        let mapping =
            cell.get_or_init(|| self.file.map_growing(window..end).ok().flatten()).as_ref()?;
        Some((mapping, usize::try_from(position - window).ok()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vfs::os::OsVfs;
    use crate::vfs::{OpenMode, Vfs};

    #[test]
    fn values_read_back_mapped_or_not_across_windows_and_behind_what_was_the_end() {
        let dir = tempfile::tempdir().unwrap();
        let file = OsVfs.open(&dir.path().join("f"), OpenMode::CreateNew).unwrap();
        let values: Vec<(u64, Vec<u8>)> =
            [0, 1000, FIRST_WINDOW_BYTES - 50, FIRST_WINDOW_BYTES, 3 * FIRST_WINDOW_BYTES - 1]
                .into_iter()
                .map(|position| (position, vec![u8::try_from(position % 251).unwrap(); 100]))
                .collect();
        for read in [ImageRead::Mapped, ImageRead::Cached] {
            let tail = TailFile::new(file.clone(), read);
            for (position, value) in &values {
                file.write_all_at(value, *position).unwrap();
                let crc = crc32c::crc32c(value);
                assert_eq!(&*tail.value(*position, 100, crc).unwrap(), value);
                assert_eq!(tail.bytes(*position, 100, crc, &mut Vec::new()).unwrap(), value);
                let wrong = tail.value(*position, 100, !crc);
                assert!(
                    matches!(wrong, Err(ReadError::Corrupt { position: at, .. }) if at == *position)
                );
            }
        }
    }
}
