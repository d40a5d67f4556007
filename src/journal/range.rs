//! Ranges of keys.

use std::cmp::Ordering;
use std::fmt;
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
#[derive(Clone)]
pub struct KeyRange(Repr);

/// A transaction keeps one range for each key that it writes, so just a key takes one allocation.
#[derive(Clone)]
enum Repr {
    /// The key and a zero byte: the range begins without that byte and ends with it.
    Key(Vec<u8>),
    Range {
        start: Vec<u8>,
        end: Option<Vec<u8>>,
    },
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
        Self(Repr::Range { start, end })
    }

    /// Every key.
    pub fn all() -> Self {
        Self(Repr::Range { start: Vec::new(), end: None })
    }

    /// Just this key.
    pub fn key(key: &[u8]) -> Self {
        Self(Repr::Key(successor(key)))
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
        Self(Repr::Range { start: prefix.to_vec(), end })
    }

    /// The first key that can be in the range.
    pub fn start(&self) -> &[u8] {
        match &self.0 {
            Repr::Key(with_zero) => with_zero.split_last().map_or(&[], |(_, key)| key),
            Repr::Range { start, .. } => start,
        }
    }

    /// The first key after the range, if it has an end.
    pub fn end(&self) -> Option<&[u8]> {
        match &self.0 {
            Repr::Key(with_zero) => Some(with_zero),
            Repr::Range { end, .. } => end.as_deref(),
        }
    }

    /// Whether no key can be in it.
    pub fn is_empty(&self) -> bool {
        self.end().is_some_and(|end| end <= self.start())
    }

    /// Whether `key` is in it.
    pub fn contains(&self, key: &[u8]) -> bool {
        key >= self.start() && self.end().is_none_or(|end| key < end)
    }

    /// The keys that are in both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let start = self.start().max(other.start()).to_vec();
        let end = match (self.end(), other.end()) {
            (Some(a), Some(b)) => Some(a.min(b).to_vec()),
            (a, b) => a.or(b).map(<[u8]>::to_vec),
        };
        Self(Repr::Range { start, end })
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

impl PartialEq for KeyRange {
    fn eq(&self, other: &Self) -> bool {
        (self.start(), self.end()) == (other.start(), other.end())
    }
}

impl Eq for KeyRange {}

impl PartialOrd for KeyRange {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// By start, then by end, where no end comes first.
impl Ord for KeyRange {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.start(), self.end()).cmp(&(other.start(), other.end()))
    }
}

impl fmt::Debug for KeyRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"..", self.start().escape_ascii())?;
        self.end().map_or(Ok(()), |end| write!(f, "\"{}\"", end.escape_ascii()))
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
    fn just_a_key_is_the_range_from_it_to_its_successor() {
        for key in [&b""[..], b"k", b"k\0"] {
            let range = KeyRange::key(key);
            assert_eq!(range, KeyRange::new(key.to_vec()..=key.to_vec()));
            assert_eq!((range.start(), range.end()), (key, Some(&successor(key)[..])));
            assert!(range.contains(key) && !range.is_empty() && !range.contains(&successor(key)));
        }
    }

    #[test]
    fn what_is_in_both_is_the_intersection() {
        let all = KeyRange::all();
        let middle = KeyRange::new(b"b".to_vec()..b"m".to_vec());
        assert_eq!(all.intersection(&middle), middle);
        assert_eq!(middle.intersection(&KeyRange::key(b"c")), KeyRange::key(b"c"));
        let late = KeyRange::new(b"d".to_vec()..);
        assert_eq!(late.intersection(&middle), KeyRange::new(b"d".to_vec()..b"m".to_vec()));
        assert!(KeyRange::key(b"z").intersection(&middle).is_empty());
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
