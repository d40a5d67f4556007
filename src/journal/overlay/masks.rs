//! Ranges of the image that range deletes have hidden.

use imbl::OrdMap;

use super::Key;
use crate::journal::KeyRange;

/// Disjoint ranges that do not touch: from the key, up to and without the end (none: to the last key).
#[derive(Clone, Debug, Default)]
pub struct Masks {
    ranges: OrdMap<Key, Option<Key>>,
}

impl Masks {
    /// Whether `key` is hidden.
    pub fn covers(&self, key: &[u8]) -> bool {
        self.over(key).is_some()
    }

    /// The mask that covers `key`, if one does: its first key, and its end unless it has none.
    pub fn over(&self, key: &[u8]) -> Option<(&Key, Option<&Key>)> {
        if self.ranges.is_empty() {
            return None;
        }
        let (start, end) = self.at_or_before(key)?;
        let covers = end.as_ref().is_none_or(|end| key < &**end);
        covers.then_some((start, end.as_ref()))
    }

    /// The masks that overlap `range`, cut to it, in order.
    pub fn within(&self, range: &KeyRange) -> Vec<KeyRange> {
        let first =
            self.at_or_before(range.start()).map(|(start, end)| (start.clone(), end.clone()));
        let after = self.ranges.range(Key::new(range.start())..);
        let rest = after.map(|(start, end)| (start.clone(), end.clone()));
        let mut found: Vec<KeyRange> = Vec::new();
        for (start, end) in first.into_iter().chain(rest) {
            if range.end().is_some_and(|limit| &*start >= limit) {
                break;
            }
            let start = range.start().max(&start).to_vec();
            let end = match (end, range.end()) {
                (Some(end), Some(limit)) => Some(limit.min(&end).to_vec()),
                (Some(end), None) => Some(end.to_vec()),
                (None, limit) => limit.map(<[u8]>::to_vec),
            };
            let cut = match end {
                Some(end) => KeyRange::new(start..end),
                None => KeyRange::new(start..),
            };
            if !cut.is_empty() && found.last() != Some(&cut) {
                found.push(cut);
            }
        }
        found
    }

    /// Hides `range` too, merging what it overlaps or touches.
    pub fn insert(&mut self, range: &KeyRange) {
        let mut start = Key::new(range.start());
        let mut end = range.end().map(Key::new);
        if let Some((before, before_end)) = self.at_or_before(&start)
            && before_end.as_ref().is_none_or(|before_end| *before_end >= start)
        {
            start = before.clone();
            end = later(end, before_end.clone());
        }
        let swallowed: Vec<(Key, Option<Key>)> = self
            .ranges
            .range(start.clone()..)
            .take_while(|(other, _)| end.as_ref().is_none_or(|end| *other <= end))
            .map(|(other, other_end)| (other.clone(), other_end.clone()))
            .collect();
        for (other, other_end) in swallowed {
            end = later(end, other_end);
            self.ranges.remove(&other);
        }
        self.ranges.insert(start, end);
    }

    fn at_or_before(&self, key: &[u8]) -> Option<(&Key, &Option<Key>)> {
        self.ranges.get_prev(key)
    }
}

/// The later of two ends, where `None` is after all.
fn later(a: Option<Key>, b: Option<Key>) -> Option<Key> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.max(b)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(start: &str, end: &str) -> KeyRange {
        KeyRange::new(start.as_bytes().to_vec()..end.as_bytes().to_vec())
    }

    #[test]
    fn masks_merge_when_they_overlap_or_touch() {
        let mut masks = Masks::default();
        for (start, end) in [("b", "c"), ("e", "f"), ("c", "d"), ("a", "bb"), ("dd", "e")] {
            masks.insert(&range(start, end));
        }
        assert_eq!(masks.within(&KeyRange::all()), [range("a", "d"), range("dd", "f")]);
        assert!(masks.covers(b"cc") && !masks.covers(b"d") && masks.covers(b"e"));
        assert_eq!(masks.over(b"c"), Some((&Key::new(b"a"), Some(&Key::new(b"d")))));
    }

    #[test]
    fn a_mask_without_end_swallows_what_follows() {
        let mut masks = Masks::default();
        masks.insert(&range("x", "y"));
        masks.insert(&KeyRange::new(b"m".to_vec()..));
        masks.insert(&range("z", "zz"));
        assert_eq!(masks.within(&range("a", "p")), [range("m", "p")]);
        assert_eq!(masks.over(b"zzz"), Some((&Key::new(b"m"), None)));
        assert_eq!(masks.within(&KeyRange::all()), [KeyRange::new(b"m".to_vec()..)]);
    }
}
