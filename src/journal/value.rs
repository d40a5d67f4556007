//! A value as reads give it: owned, cheap to clone, wherever its bytes are.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use crate::vfs::Mapping;

/// The longest value that is kept in the [`Value`] itself.
const INLINE_BYTES: usize = 30;

/// A value. It dereferences to its bytes, and clones without copying more than a few words.
///
/// A value that points into a mapped file keeps that mapping alive, and with it the disk space of a file that
/// was since replaced: do not keep large ones for long.
///
/// ```
/// use pumice::journal::Value;
///
/// let value = Value::from(b"10.0.0.1".as_slice());
/// assert_eq!(&*value.clone(), b"10.0.0.1");
/// ```
#[derive(Clone)]
pub struct Value(Bytes);

#[derive(Clone)]
enum Bytes {
    Inline { len: u8, bytes: [u8; INLINE_BYTES] },
    Shared { bytes: Arc<[u8]>, start: usize, len: usize },
    Mapped { mapping: Mapping, start: usize, len: usize },
}

impl Value {
    fn inline(value: &[u8]) -> Option<Self> {
        let mut bytes = [0; INLINE_BYTES];
        bytes.get_mut(..value.len())?.copy_from_slice(value);
        Some(Self(Bytes::Inline { len: u8::try_from(value.len()).ok()?, bytes }))
    }

    /// A part of shared bytes; bytes outside of them are left off.
    pub(super) fn of_shared(bytes: &Arc<[u8]>, start: usize, end: usize) -> Self {
        let value = bytes.get(start..end).unwrap_or_default();
        if let Some(inline) = Self::inline(value) {
            return inline;
        }
        Self(Bytes::Shared { bytes: bytes.clone(), start, len: value.len() })
    }

    /// A part of a mapping; bytes outside of it are left off.
    pub(super) fn of_mapping(mapping: &Mapping, start: usize, end: usize) -> Self {
        let value = mapping.get(start..end).unwrap_or_default();
        if let Some(inline) = Self::inline(value) {
            return inline;
        }
        Self(Bytes::Mapped { mapping: mapping.clone(), start, len: value.len() })
    }
}

impl Deref for Value {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        let bytes = match &self.0 {
            Bytes::Inline { len, bytes } => bytes.get(..usize::from(*len)),
            Bytes::Shared { bytes, start, len } => bytes.get(*start..start + len),
            Bytes::Mapped { mapping, start, len } => mapping.get(*start..start + len),
        };
        bytes.unwrap_or_default()
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Self {
        Self::inline(bytes).unwrap_or_else(|| Self::from(Arc::from(bytes)))
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::inline(&bytes).unwrap_or_else(|| Self::from(Arc::from(bytes)))
    }
}

impl From<Arc<[u8]>> for Value {
    /// Keeps the bytes where they are.
    fn from(bytes: Arc<[u8]>) -> Self {
        let len = bytes.len();
        Self(Bytes::Shared { bytes, start: 0, len })
    }
}

impl AsRef<[u8]> for Value {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Value {}

impl PartialEq<[u8]> for Value {
    fn eq(&self, other: &[u8]) -> bool {
        **self == *other
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Value(\"{}\")", self.escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_reads_back_however_it_was_made() {
        for len in 0..100 {
            let bytes: Vec<u8> = (0..len).collect();
            let shared: Arc<[u8]> = Arc::from(bytes.as_slice());
            assert_eq!(&*Value::from(bytes.as_slice()), bytes);
            assert_eq!(&*Value::from(bytes.clone()), bytes);
            let value = Value::from(bytes.as_slice());
            assert!(value == bytes[..] && value != b"something else entirely"[..]);
            assert_eq!(&*Value::from(shared.clone()), bytes);
            let whole = usize::from(len);
            for start in 0..whole {
                assert_eq!(&*Value::of_shared(&shared, start, whole), &bytes[start..]);
                assert_eq!(&*Value::of_shared(&shared, 0, start), &bytes[..start]);
            }
        }
    }

    #[test]
    fn a_value_stays_small() {
        assert!(size_of::<Value>() <= 40);
    }
}
