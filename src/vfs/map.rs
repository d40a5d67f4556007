//! A read-only mapping of a file, or bytes in memory that stand for one. The crate's only `unsafe` code.

use std::ops::Deref;
use std::sync::Arc;

/// Bytes of a file, readable in place.
#[derive(Clone, Debug)]
pub struct Mapping(Inner);

#[derive(Clone, Debug)]
enum Inner {
    Mapped(Arc<memmap2::Mmap>),
    Memory(Arc<[u8]>),
}

impl Mapping {
    /// Maps the first `len` bytes of an open file.
    #[expect(unsafe_code, reason = "mmap is unsafe by nature; see the safety comment")]
    #[expect(clippy::disallowed_types, reason = "this room is where std::fs lives")]
    pub(super) fn of_file(file: &std::fs::File, len: usize) -> std::io::Result<Self> {
        // SAFETY: the mapping is read-only, and the engine maps only the image part of a journal, which no
        // code path writes after the file got its name; the directory lock keeps other writers of ours away.
        // A file cut short by somebody else turns a read into SIGBUS, which ends the process and changes
        // nothing on disk; docs/decisions/0002-image-reading.md says why that is acceptable and how to
        // choose positional reads instead.
        let map = unsafe { memmap2::MmapOptions::new().len(len).map(file)? };
        Ok(Self(Inner::Mapped(Arc::new(map))))
    }

    /// Bytes in memory in place of a mapping.
    pub(super) fn of_memory(bytes: Arc<[u8]>) -> Self {
        Self(Inner::Memory(bytes))
    }
}

impl Deref for Mapping {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Inner::Mapped(map) => map,
            Inner::Memory(bytes) => bytes,
        }
    }
}
