//! A key that is short most of the time.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// The longest key that is kept in place.
const INLINE_BYTES: usize = 30;

/// Key bytes: in place up to 30, else shared. 32 bytes in all; a clone never allocates.
#[derive(Clone)]
pub struct Key(Repr);

#[derive(Clone)]
enum Repr {
    Inline { len: u8, bytes: [u8; INLINE_BYTES] },
    Shared(Arc<[u8]>),
}

impl Key {
    /// A copy of `bytes`.
    pub fn new(bytes: &[u8]) -> Self {
        let mut place = [0; INLINE_BYTES];
        match (u8::try_from(bytes.len()), place.get_mut(..bytes.len())) {
            (Ok(len), Some(to)) => {
                to.copy_from_slice(bytes);
                Self(Repr::Inline { len, bytes: place })
            }
            _ => Self(Repr::Shared(Arc::from(bytes))),
        }
    }
}

impl Deref for Key {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Repr::Inline { len, bytes } => bytes.get(..usize::from(*len)).unwrap_or_default(),
            Repr::Shared(bytes) => bytes,
        }
    }
}

impl Borrow<[u8]> for Key {
    fn borrow(&self) -> &[u8] {
        self
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Key {}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        (**self).cmp(&**other)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.escape_ascii())
    }
}

const _: () = assert!(size_of::<Key>() == 32);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_every_length_keep_their_bytes_and_order() {
        let keys: Vec<Vec<u8>> = (0..64).map(|len| vec![b'k'; len]).collect();
        for pair in keys.windows(2) {
            assert_eq!(&*Key::new(&pair[0]), pair[0].as_slice());
            assert!(Key::new(&pair[0]) < Key::new(&pair[1]));
        }
    }
}
