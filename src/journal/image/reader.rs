//! Point reads and counts.

use std::ops::Bound;
use std::sync::Arc;

use crate::journal::value::Value;
use crate::vfs::File;

use super::cache::BlockCache;
use super::cursor::ImageCursor;
use super::descent::Inner;
use super::error::{Damage, ReadError};
use super::source::{ImageRead, Source};
use super::summary::{ImageSummary, RangeCount};
use super::verify::{VerifyReport, verify};

/// Levels that no image has: each has at least twice the blocks of the one above.
const HEIGHT_MAX: u8 = 64;

/// An image that is read in place. Clones share it; all methods may be called from any thread.
///
/// Opening reads nothing of the image. Every block is checked against its checksum before it is used.
#[derive(Clone, Debug)]
pub struct Image {
    inner: Arc<Inner>,
}

impl Image {
    /// Opens the image that `summary` describes, in a file known by `file_id`. `cache` holds the blocks that
    /// cannot be read in place: all of them with [`ImageRead::Cached`], compressed ones with
    /// [`ImageRead::Mapped`].
    ///
    /// # Errors
    /// [`ReadError::Corrupt`] when the file is too short or the summary contradicts itself.
    pub fn open(
        file: Arc<dyn File>,
        file_id: u128,
        summary: ImageSummary,
        read: ImageRead,
        cache: &Arc<BlockCache>,
    ) -> Result<Self, ReadError> {
        let empty = ImageSummary::empty(summary.start);
        let sane = match summary.root {
            None => summary == empty,
            Some(_) => (1..=HEIGHT_MAX).contains(&summary.height) && summary.entries > 0,
        };
        if !sane {
            return Err(Damage::Pointer.at(file.path(), summary.start));
        }
        let source = Source::open(file, file_id, &summary, read, cache)?;
        Ok(Self { inner: Arc::new(Inner::new(source, summary)) })
    }

    /// What it was opened with.
    pub fn summary(&self) -> &ImageSummary {
        &self.inner.summary
    }

    /// The value under `key`.
    pub fn get(&self, key: &[u8]) -> Result<Option<Value>, ReadError> {
        let found = self.inner.find(key)?;
        Ok(found.map(|(block, start, end)| self.inner.source.value(&block, start, end)))
    }

    /// Hands the value under `key` to `read`, in place. Where many threads read at once this is faster than
    /// [`get`](Self::get), which counts who holds the bytes.
    pub fn get_with<R>(
        &self,
        key: &[u8],
        read: impl FnOnce(Option<&[u8]>) -> R,
    ) -> Result<R, ReadError> {
        let found = self.inner.find(key)?;
        let value = found
            .as_ref()
            .and_then(|(block, start, end)| self.inner.source.payload(block).get(*start..*end));
        Ok(read(value))
    }

    /// A cursor, at no entry yet.
    pub fn cursor(&self) -> ImageCursor {
        ImageCursor::new(self.inner.clone())
    }

    /// Counts what lies between two bounds, in time proportional to the height of the tree. A range whose end
    /// is before its start holds nothing.
    pub fn count_range(
        &self,
        start: Bound<&[u8]>,
        end: Bound<&[u8]>,
    ) -> Result<RangeCount, ReadError> {
        let ImageSummary { entries, key_value_bytes, .. } = self.inner.summary;
        let upto = match end {
            Bound::Unbounded => RangeCount { entries, key_value_bytes },
            Bound::Included(key) => self.inner.rank(key, true)?,
            Bound::Excluded(key) => self.inner.rank(key, false)?,
        };
        let before = match start {
            Bound::Unbounded => RangeCount::default(),
            Bound::Included(key) => self.inner.rank(key, false)?,
            Bound::Excluded(key) => self.inner.rank(key, true)?,
        };
        Ok(upto.less(before))
    }

    /// Reads the whole image from front to back, past mapping and cache, and checks everything: every
    /// checksum, the order of all keys, the index against the blocks, the counts, and that no byte lies
    /// between blocks. `progress` is told the bytes checked so far, about once a mebibyte.
    ///
    /// # Errors
    /// [`ReadError::Corrupt`] with the first position that is wrong.
    pub fn verify(&self, progress: &mut dyn FnMut(u64)) -> Result<VerifyReport, ReadError> {
        verify(self.inner.source.file(), self.inner.source.seed(), &self.inner.summary, progress)
    }
}
