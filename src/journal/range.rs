//! Ranges of keys.

use std::ops::{Bound, RangeBounds};

/// A half-open range of keys: from `start`, up to and without `end`. No `end` means to the last key.
///
/// ```
/// use pumice::journal::KeyRange;
///
/// let range = KeyRange::prefix(b"ab");
/// assert!(range.contains(b"abc") && !range.contains(b"ac"));
/// assert_eq!(KeyRange::new(b"a".to_vec()..=b"c".to_vec()).end(), Some(&b"c\0"[..]));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyRange {
    start: Vec<u8>,
    end: Option<Vec<u8>>,
}

/// The smallest key after `key`.
fn successor(key: &[u8]) -> Vec<u8> {
    let mut next = Vec::with_capacity(key.len() + 1);
    next.extend_from_slice(key);
    next.push(0);
    next
}

impl KeyRange {
    /// From any of Rust's ranges over keys.
    pub fn new(bounds: impl RangeBounds<Vec<u8>>) -> Self {
        let start = match bounds.start_bound() {
            Bound::Included(key) => key.clone(),
            Bound::Excluded(key) => successor(key),
            Bound::Unbounded => Vec::new(),
        };
        let end = match bounds.end_bound() {
            Bound::Included(key) => Some(successor(key)),
            Bound::Excluded(key) => Some(key.clone()),
            Bound::Unbounded => None,
        };
        Self { start, end }
    }

    /// Every key.
    pub fn all() -> Self {
        Self { start: Vec::new(), end: None }
    }

    /// Just this key.
    pub fn key(key: &[u8]) -> Self {
        Self { start: key.to_vec(), end: Some(successor(key)) }
    }

    /// Every key that begins with `prefix`, the prefix itself among them.
    pub fn prefix(prefix: &[u8]) -> Self {
        let mut end = prefix.to_vec();
        while end.last() == Some(&u8::MAX) {
            end.pop();
        }
        let end = match end.last_mut() {
            Some(last) => {
                *last += 1;
                Some(end)
            }
            None => None,
        };
        Self { start: prefix.to_vec(), end }
    }

    /// The first key that can be in the range.
    pub fn start(&self) -> &[u8] {
        &self.start
    }

    /// The first key after the range, if it has an end.
    pub fn end(&self) -> Option<&[u8]> {
        self.end.as_deref()
    }

    /// Whether no key can be in it.
    pub fn is_empty(&self) -> bool {
        self.end.as_deref().is_some_and(|end| end <= self.start.as_slice())
    }

    /// Whether `key` is in it.
    pub fn contains(&self, key: &[u8]) -> bool {
        key >= self.start.as_slice() && self.end.as_deref().is_none_or(|end| key < end)
    }

    /// Whether some key can be in both.
    pub fn overlaps(&self, other: &Self) -> bool {
        let before = |end: Option<&[u8]>, start: &[u8]| end.is_some_and(|end| end <= start);
        !(before(self.end(), other.start())
            || before(other.end(), self.start())
            || self.is_empty()
            || other.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_of_highest_bytes_has_no_end() {
        assert_eq!(KeyRange::prefix(&[0xff, 0xff]).end(), None);
        assert_eq!(KeyRange::prefix(&[1, 0xff]).end(), Some(&[2][..]));
    }

    #[test]
    fn ranges_that_only_touch_do_not_overlap() {
        let left = KeyRange::new(b"a".to_vec()..b"b".to_vec());
        let right = KeyRange::new(b"b".to_vec()..b"c".to_vec());
        assert!(!left.overlaps(&right));
        assert!(left.overlaps(&KeyRange::key(b"a")));
        assert!(!left.overlaps(&KeyRange::new(b"aa".to_vec()..b"aa".to_vec())));
    }
}
