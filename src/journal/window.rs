//! What was committed lately, so that optimistic transactions can be checked.
//!
//! Records are kept, not their keys: remembering a commit costs nothing per key, and only a transaction that
//! has something to check pays for decoding. Kept is what some running transaction began before, up to a
//! bound in bytes; a transaction that began before the floor is told that it is too old.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::record::{Operation, Record};
use super::{CommitError, KeyRange, Sequence};
use crate::planted::planted;

/// The most record bytes that are remembered.
const WINDOW_MAX_BYTES: usize = 64 << 20;

/// What a transaction has read.
#[derive(Clone, Debug, Default)]
pub struct ReadSet {
    keys: BTreeSet<Vec<u8>>,
    ranges: Vec<KeyRange>,
}

impl ReadSet {
    /// Adds a key.
    pub fn add_key(&mut self, key: &[u8]) {
        if !self.keys.contains(key) {
            self.keys.insert(key.to_vec());
        }
    }

    /// Adds a range.
    pub fn add_range(&mut self, range: KeyRange) {
        if !range.is_empty() && self.ranges.last() != Some(&range) {
            self.ranges.push(range);
        }
    }

    /// Whether nothing was read.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.ranges.is_empty()
    }

    /// A key that was read and that the operation changes.
    fn hit_by(&self, operation: &Operation<'_>) -> Option<Vec<u8>> {
        match operation {
            Operation::Put { key, .. } | Operation::Delete { key } => {
                let read =
                    self.keys.contains(*key) || self.ranges.iter().any(|range| range.contains(key));
                read.then(|| key.to_vec())
            }
            Operation::DeleteRange { .. } => {
                let deleted = operation.range();
                let key = self.keys.range(deleted.start().to_vec()..).next();
                let key = key.filter(|key| deleted.contains(key)).cloned();
                let overlapping = || self.ranges.iter().find(|range| range.overlaps(&deleted));
                key.or_else(|| Some(overlapping()?.start().max(deleted.start()).to_vec()))
            }
        }
    }
}

/// The commits since the oldest running transaction began.
#[derive(Debug, Default)]
pub struct RecentCommits {
    records: VecDeque<(Sequence, Arc<Record>)>,
    bytes: usize,
    /// Commits after this one are remembered; earlier ones may not be.
    floor: Sequence,
    running: BTreeMap<Sequence, usize>,
}

impl RecentCommits {
    /// An empty window above `floor`.
    pub fn above(floor: Sequence) -> Self {
        Self { floor, ..Self::default() }
    }

    /// A transaction began on `base`.
    pub fn begin(&mut self, base: Sequence) {
        *self.running.entry(base).or_default() += 1;
    }

    /// A transaction that began on `base` is over; forgets what nobody needs any more. `visible` is the last
    /// sequence that a new transaction could begin on.
    pub fn end(&mut self, base: Sequence, visible: Sequence) {
        if let Some(count) = self.running.get_mut(&base) {
            *count -= 1;
            if *count == 0 {
                self.running.remove(&base);
            }
        }
        self.forget_up_to(visible);
    }

    /// Remembers an accepted record.
    pub fn push(&mut self, sequence: Sequence, record: Arc<Record>, visible: Sequence) {
        self.bytes += record.payload().len();
        self.records.push_back((sequence, record));
        self.forget_up_to(visible);
        while self.bytes > WINDOW_MAX_BYTES && self.records.len() > 1 {
            self.forget_first();
        }
    }

    /// Forgets the records after `last`: they were accepted but never written.
    pub fn truncate_after(&mut self, last: Sequence) {
        while self.records.back().is_some_and(|(sequence, _)| *sequence > last) {
            if let Some((_, record)) = self.records.pop_back() {
                self.bytes -= record.payload().len();
            }
        }
    }

    /// Whether nothing that `reads` holds was changed after `base`.
    pub fn check(&self, base: Sequence, reads: &ReadSet) -> Result<(), CommitError> {
        planted!(ConflictIgnored => return Ok(()));
        if reads.is_empty() {
            return Ok(());
        }
        if base < self.floor {
            return Err(CommitError::TooOld { base });
        }
        let later = self.records.partition_point(|(sequence, _)| *sequence <= base);
        for (by, record) in self.records.range(later..) {
            let hit = record.operations().flatten().find_map(|operation| reads.hit_by(&operation));
            if let Some(key) = hit {
                return Err(CommitError::Conflict { key, by: *by });
            }
        }
        Ok(())
    }

    /// How many commits are remembered.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    fn forget_up_to(&mut self, visible: Sequence) {
        let needed = self.running.keys().next().copied().unwrap_or(visible).min(visible);
        while self.records.front().is_some_and(|(sequence, _)| *sequence <= needed) {
            self.forget_first();
        }
    }

    fn forget_first(&mut self) {
        if let Some((sequence, record)) = self.records.pop_front() {
            self.bytes -= record.payload().len();
            self.floor = self.floor.max(sequence);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::WriteBatch;
    use super::*;

    fn record(fill: impl FnOnce(&mut WriteBatch)) -> Arc<Record> {
        let mut batch = WriteBatch::new();
        fill(&mut batch);
        Arc::new(batch.into_record().unwrap())
    }

    fn put(key: &[u8]) -> Arc<Record> {
        record(|batch| batch.put(key, b"v").unwrap())
    }

    fn reads(keys: &[&[u8]], ranges: &[KeyRange]) -> ReadSet {
        let mut reads = ReadSet::default();
        keys.iter().for_each(|key| reads.add_key(key));
        ranges.iter().for_each(|range| reads.add_range(range.clone()));
        reads
    }

    const fn at(number: u64) -> Sequence {
        Sequence::new(number)
    }

    #[test]
    fn only_later_changes_of_what_was_read_conflict() {
        let mut recent = RecentCommits::default();
        recent.begin(at(0));
        recent.push(at(1), put(b"a"), at(0));
        recent.push(at(2), put(b"b"), at(0));
        assert!(recent.check(at(1), &reads(&[b"a"], &[])).is_ok());
        let conflict = recent.check(at(0), &reads(&[b"a"], &[]));
        assert!(
            matches!(conflict, Err(CommitError::Conflict { key, by }) if key == b"a" && by == at(1))
        );
        let ranged = recent.check(at(1), &reads(&[], &[KeyRange::prefix(b"b")]));
        assert!(matches!(ranged, Err(CommitError::Conflict { by, .. }) if by == at(2)));
        assert!(recent.check(at(0), &reads(&[b"c"], &[KeyRange::prefix(b"c")])).is_ok());
    }

    #[test]
    fn a_range_delete_conflicts_with_keys_and_ranges_inside_it() {
        let mut recent = RecentCommits::default();
        recent.begin(at(0));
        let deleted = KeyRange::prefix(b"m");
        recent.push(at(1), record(|batch| batch.delete_range(&deleted).unwrap()), at(0));
        for hit in
            [reads(&[b"mm"], &[]), reads(&[], &[KeyRange::new(b"a".to_vec()..b"mz".to_vec())])]
        {
            assert!(matches!(recent.check(at(0), &hit), Err(CommitError::Conflict { .. })));
        }
        assert!(recent.check(at(0), &reads(&[b"l", b"n"], &[])).is_ok());
    }

    #[test]
    fn what_nobody_can_ask_about_is_forgotten_and_then_refused_as_too_old() {
        let mut recent = RecentCommits::default();
        recent.begin(at(1));
        recent.push(at(2), put(b"a"), at(1));
        recent.push(at(3), put(b"b"), at(2));
        assert_eq!(recent.records.len(), 2);
        recent.end(at(1), at(3));
        assert_eq!((recent.records.len(), recent.bytes), (0, 0));
        let late = recent.check(at(1), &reads(&[b"a"], &[]));
        assert!(matches!(late, Err(CommitError::TooOld { .. })));
    }

    #[test]
    fn a_full_window_forgets_its_oldest_and_keeps_the_newest_however_large() {
        let of_bytes = |bytes: usize| {
            let overhead = put(b"k").payload().len() - 1 + 4;
            let record = record(|batch| batch.put(b"k", &vec![0; bytes - overhead]).unwrap());
            assert_eq!(record.payload().len(), bytes);
            record
        };
        let mut recent = RecentCommits::default();
        recent.begin(at(0));
        recent.push(at(1), of_bytes(WINDOW_MAX_BYTES / 2), at(0));
        recent.push(at(2), of_bytes(WINDOW_MAX_BYTES / 2), at(0));
        assert_eq!(recent.len(), 2, "as much as may be");
        recent.push(at(3), put(b"a"), at(0));
        assert_eq!(recent.len(), 2);
        let read = reads(&[b"a"], &[]);
        assert!(
            matches!(recent.check(at(0), &read), Err(CommitError::TooOld { base }) if base == at(0))
        );
        assert!(
            matches!(recent.check(at(1), &read), Err(CommitError::Conflict { by, .. }) if by == at(3))
        );
        recent.push(at(4), of_bytes(WINDOW_MAX_BYTES + 1), at(0));
        assert_eq!(recent.len(), 1);
        assert!(
            matches!(recent.check(at(3), &reads(&[b"k"], &[])), Err(CommitError::Conflict { by, .. }) if by == at(4))
        );
    }
}
