//! A read-only mapping of a part of a file, or bytes in memory that stand for one. With `lease.rs` the crate's only `unsafe` code.

use std::ops::Range;
use std::sync::Arc;

use super::opened::Opened;

/// Bytes of a file, readable in place.
#[derive(Clone, Debug)]
pub struct Mapping(Inner);

#[derive(Clone, Debug)]
enum Inner {
    Mapped(Arc<Mapped>),
    Memory(Arc<[u8]>),
}

#[derive(Debug)]
struct Mapped {
    map: memmap2::MmapRaw,
    /// A file that is mapped is not cut down.
    _file: Arc<Opened>,
}

impl Mapping {
    /// Maps `len` bytes of an open file from `start` on. The file may be shorter; see [`Mapping::get`].
    pub(super) fn of_file(file: &Arc<Opened>, start: u64, len: usize) -> std::io::Result<Self> {
        let mut options = memmap2::MmapOptions::new();
        let map = options.offset(start).len(len).map_raw_read_only(&file.file)?;
        Ok(Self(Inner::Mapped(Arc::new(Mapped { map, _file: file.clone() }))))
    }

    /// Bytes in memory in place of a mapping.
    pub fn of_memory(bytes: Arc<[u8]>) -> Self {
        Self(Inner::Memory(bytes))
    }

    /// A part of it, which must lie within the file and be such that nobody writes to it any more. `None` when it
    /// does not lie within the mapping.
    #[inline]
    #[expect(unsafe_code, reason = "mmap is unsafe by nature; see the safety comment")]
    pub fn get(&self, range: Range<usize>) -> Option<&[u8]> {
        let map = match &self.0 {
            Inner::Mapped(mapped) => &mapped.map,
            Inner::Memory(bytes) => return bytes.get(range),
        };
        if range.start > range.end || range.end > map.len() {
            return None;
        }
        // SAFETY: the range lies within the mapping, which lives as long as `self` does. Its bytes do not change
        // meanwhile: the engine asks only for an image, which no code path writes after the file got its name, and
        // for values of published transactions, which stand in front of where the writer appends; what is being
        // written behind them is never made a slice of. The directory lock keeps other writers of ours away,
        // and `opened.rs` cuts a file only when no mapping of it is left. A
        // file cut short by somebody else turns a read into SIGBUS, which ends the process and changes nothing on
        // disk; docs/decisions/0002-image-reading.md says why that is acceptable and how to choose positional
        // reads instead.
        Some(unsafe {
            std::slice::from_raw_parts(map.as_ptr().add(range.start), range.end - range.start)
        })
    }
}
