//! Finds keys that come twice, however many come, in memory that does not grow with them.
//!
//! Of a key its 128-bit fingerprint is kept, with its place. When there are too many, they go sorted into a scratch file
//! (a *run*), and the runs are merged at the end: a key that is in two of them shows there, as equal neighbours.

use std::cmp::Reverse;
use std::collections::hash_map::Entry;
use std::collections::{BinaryHeap, HashMap};
use std::io::{BufReader, Read, Write};
use std::ops::Range;
use std::sync::Arc;

use super::fingerprint::Fingerprints;
use super::position::At;
use super::problem::{LoadError, Problem};
use crate::vfs::{File, FileReader, FileWriter, Scratch};

/// How many fingerprints are in memory at the most: some 4 MB.
const IN_MEMORY_MAX: usize = 1 << 16;

/// A fingerprint and a place in a run: four little-endian numbers.
const RECORD_BYTES: usize = 32;

/// How much of a run is read at once.
const READ_BYTES: usize = 4096;

/// Makes the sets of one pass.
#[derive(Clone, Debug)]
pub(super) struct Sets {
    scratch: Scratch,
    fingerprints: Fingerprints,
    in_memory_max: usize,
}

impl Sets {
    pub fn new(scratch: Scratch) -> Self {
        let fingerprints = Fingerprints::default();
        Self { scratch, fingerprints, in_memory_max: IN_MEMORY_MAX }
    }

    #[cfg(test)]
    pub fn with_in_memory_max(self, in_memory_max: usize) -> Self {
        Self { in_memory_max, ..self }
    }
}

/// The keys that came so far, each once.
#[derive(Debug, Default)]
pub(super) struct Distinct {
    recent: HashMap<u128, At>,
    /// Where each run lies in the file, in bytes.
    runs: Vec<Range<u64>>,
    file: Option<Arc<dyn File>>,
}

/// A key that came twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Twice {
    pub first: At,
    pub again: At,
}

/// What a set knows at its end about keys that were not found to come twice on the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Late {
    /// The key whose second place is the first in the source.
    pub first: Option<Twice>,
    /// How often a key came again.
    pub count: u64,
}

impl Distinct {
    /// Takes a key in. What came before it may have gone to a run; then [`Distinct::finish`] finds it.
    pub fn insert(&mut self, sets: &Sets, key: &[u8], at: At) -> Result<Option<Twice>, LoadError> {
        match self.recent.entry(sets.fingerprints.of(key)) {
            Entry::Occupied(first) => return Ok(Some(Twice { first: *first.get(), again: at })),
            Entry::Vacant(new) => drop(new.insert(at)),
        }
        if self.recent.len() >= sets.in_memory_max {
            self.spill(&sets.scratch).map_err(|error| LoadError::at(at, error))?;
        }
        Ok(None)
    }

    fn spill(&mut self, scratch: &Scratch) -> Result<(), Problem> {
        let mut records: Vec<Record> = self.recent.drain().collect();
        records.sort_unstable();
        let file = match &self.file {
            Some(file) => file.clone(),
            None => self.file.insert(scratch.create()?).clone(),
        };
        let start = self.runs.last().map_or(0, |run| run.end);
        let mut bytes = Vec::with_capacity(records.len() * RECORD_BYTES);
        for record in &records {
            encode(record, &mut bytes)?;
        }
        FileWriter::at(file, start).write_all(&bytes)?;
        self.runs.push(start..start + bytes.len() as u64);
        Ok(())
    }

    /// The keys that came twice and were not found on the way.
    pub fn finish(mut self, sets: &Sets) -> Result<Late, Problem> {
        if self.runs.is_empty() {
            return Ok(Late::default());
        }
        self.spill(&sets.scratch)?;
        let Some(file) = self.file else {
            return Ok(Late::default());
        };
        Merge::begin(&file, &self.runs)?.late()
    }
}

type Record = (u128, At);

fn encode((fingerprint, at): &Record, bytes: &mut Vec<u8>) -> std::io::Result<()> {
    bytes.write_all(&fingerprint.to_le_bytes())?;
    bytes.write_all(&at.line.to_le_bytes())?;
    bytes.write_all(&at.column.to_le_bytes())
}

fn decode(input: &mut impl Read) -> std::io::Result<Record> {
    let (mut fingerprint, mut line, mut column) = ([0; 16], [0; 8], [0; 8]);
    input.read_exact(&mut fingerprint)?;
    input.read_exact(&mut line)?;
    input.read_exact(&mut column)?;
    let at = At { line: u64::from_le_bytes(line), column: u64::from_le_bytes(column) };
    Ok((u128::from_le_bytes(fingerprint), at))
}

type Run = BufReader<std::io::Take<FileReader>>;

/// All runs as one, in the order of the fingerprints.
struct Merge {
    runs: Vec<Run>,
    /// The next record of each run that has one.
    heads: BinaryHeap<Reverse<(Record, usize)>>,
}

impl Merge {
    fn begin(file: &Arc<dyn File>, runs: &[Range<u64>]) -> Result<Self, Problem> {
        let open = |run: &Range<u64>| {
            let reader = FileReader::at(file.clone(), run.start).take(run.end - run.start);
            BufReader::with_capacity(READ_BYTES, reader)
        };
        let runs: Vec<Run> = runs.iter().map(open).collect();
        let mut merge = Self { heads: BinaryHeap::with_capacity(runs.len()), runs };
        for index in 0..merge.runs.len() {
            merge.refill(index)?;
        }
        Ok(merge)
    }

    fn refill(&mut self, index: usize) -> Result<(), Problem> {
        let Some(run) = self.runs.get_mut(index) else {
            return Ok(());
        };
        if !std::io::BufRead::fill_buf(run)?.is_empty() {
            self.heads.push(Reverse((decode(run)?, index)));
        }
        Ok(())
    }

    fn late(mut self) -> Result<Late, Problem> {
        let mut late = Late::default();
        let mut last: Option<Record> = None;
        while let Some(Reverse((record, index))) = self.heads.pop() {
            if let Some((_, first)) = last.filter(|last| last.0 == record.0) {
                late.count += 1;
                if late.first.is_none_or(|found| record.1 < found.again) {
                    late.first = Some(Twice { first, again: record.1 });
                }
            }
            last = Some(record);
            self.refill(index)?;
        }
        Ok(late)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::vfs::mem::MemVfs;

    fn sets() -> Sets {
        Sets::new(Scratch::new(MemVfs::new().shared(), "/")).with_in_memory_max(4)
    }

    fn at(line: usize) -> At {
        At { line: line as u64, column: 1 }
    }

    /// The first key that came twice, by both ways.
    fn twice(keys: &[u8]) -> Option<Twice> {
        let sets = sets();
        let mut distinct = Distinct::default();
        let mut soonest: Option<Twice> = None;
        for (line, key) in keys.iter().enumerate() {
            let found = distinct.insert(&sets, &[*key], at(line)).unwrap();
            soonest = soonest.or(found);
        }
        let late = distinct.finish(&sets).unwrap().first;
        [soonest, late].into_iter().flatten().min_by_key(|twice| twice.again)
    }

    proptest! {
        #[test]
        fn a_key_that_comes_twice_is_found_whatever_came_between(keys in proptest::collection::vec(0_u8..60, 0..40)) {
            let again = (0..keys.len()).find(|line| keys[..*line].contains(&keys[*line]));
            let expected = again.map(|again| {
                let first = keys.iter().position(|key| *key == keys[again]).unwrap();
                Twice { first: at(first), again: at(again) }
            });
            prop_assert_eq!(twice(&keys), expected);
        }
    }

    #[test]
    fn keys_that_went_to_the_file_are_remembered_and_the_file_has_no_name() {
        let vfs = MemVfs::new().shared();
        let sets = Sets::new(Scratch::new(vfs.clone(), "/")).with_in_memory_max(3);
        let mut distinct = Distinct::default();
        for line in 0..100_usize {
            let key = if line == 90 { 7 } else { line };
            let found = distinct.insert(&sets, &key.to_be_bytes(), at(line)).unwrap();
            assert_eq!(found, None, "the first is not in memory any more");
            assert!(distinct.recent.len() < 3);
        }
        assert_eq!(vfs.list(std::path::Path::new("/")).unwrap(), Vec::<String>::new());
        let expected = Twice { first: at(7), again: at(90) };
        assert_eq!(distinct.finish(&sets).unwrap(), Late { first: Some(expected), count: 1 });
    }
}
