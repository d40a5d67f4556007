//! What is asked of every damaged file.

use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use pumice::journal::check::{CheckReport, salvage, verify};
use pumice::journal::{KeyRange, OpenError, ReadError, Snapshot, Store};

use crate::golden::{FILE, Golden, Map, Says, apply, file_of, open, vfs_with};

/// What came of the damaged files.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    pub files: u64,
    /// The open refused.
    pub refused: u64,
    /// It opened, and a read failed.
    pub read_errors: u64,
    /// It opened and read; `check` named the damage.
    pub checked: u64,
    /// Something that was never acknowledged, or not known to be, would be cut, and the log says so.
    pub unfinished: u64,
    /// As it was after one of the transactions, without anything to see: cut between two frames, or zeros behind.
    pub whole: u64,
    /// Records that `salvage` returned.
    pub saved: u64,
}

pub type SharedTally = TallyOfAll;

#[derive(Default)]
pub struct TallyOfAll(Mutex<Tally>);

impl TallyOfAll {
    pub fn add(&self, tally: &Tally) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).add(tally);
    }

    pub fn into_inner(self) -> Tally {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tally {
    pub fn shared() -> TallyOfAll {
        TallyOfAll::default()
    }

    pub fn add(&mut self, other: &Self) {
        self.files += other.files;
        self.refused += other.refused;
        self.read_errors += other.read_errors;
        self.checked += other.checked;
        self.unfinished += other.unfinished;
        self.whole += other.whole;
        self.saved += other.saved;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { files, refused, read_errors, checked, unfinished, whole, saved } = self;
        write!(
            f,
            "{files} files: {refused} refused, {read_errors} failing reads, {checked} named by check alone, \
             {unfinished} with an unfinished end, {whole} whole; 0 wrong values; {saved} records saved"
        )
    }
}

pub struct Judge<'a> {
    golden: &'a Golden,
}

impl<'a> Judge<'a> {
    pub fn new(golden: &'a Golden) -> Self {
        Self { golden }
    }

    /// Panics when a promise is broken for this file; `number` says which file it is.
    pub fn judge(&self, bytes: &[u8], number: usize, tally: &mut Tally) {
        tally.files += 1;
        let vfs = vfs_with(bytes);
        let report = verify(&file_of(&vfs), &mut |_| {});
        let opened = open(&vfs, true);
        match &opened {
            Ok(store) => self.read(&store.snapshot(), report.as_ref().ok(), number, tally),
            Err(OpenError::NotFound { .. }) => {
                // Of a new store only the name; it holds nothing.
                assert!(bytes.iter().all(|byte| *byte == 0), "file {number}: not found");
                tally.whole += 1;
            }
            Err(_) => {
                let named = report.as_ref().map_or(true, |report| !report.is_sound());
                assert!(named, "file {number}: refused, and check says {report:?}");
                tally.refused += 1;
            }
        }
        drop(opened);
        let refused = open(&vfs, false).map(|_| ()).is_err();
        if refused {
            let after = vfs.bytes(Path::new(FILE)).unwrap();
            assert!(after == bytes, "file {number}: the open changed what it refused");
        }
        self.save(bytes, number, tally);
    }

    /// Whole reads are a state that was; what comes before an error is as it was in one.
    fn read(
        &self,
        snapshot: &Snapshot,
        report: Option<&CheckReport>,
        number: usize,
        tally: &mut Tally,
    ) {
        let states = &self.golden.states;
        let mut found = Map::new();
        let error = scan(snapshot, &mut found).err();
        let at = usize::try_from(snapshot.sequence().get()).unwrap();
        // The sequence says which state it must be.
        let base = self.base_sequence();
        let state = at.checked_sub(base).and_then(|index| states.get(index));
        let state = state.unwrap_or_else(|| panic!("file {number}: sequence {at} never was"));
        match &error {
            Some(error) => {
                assert!(matches!(error, ReadError::Corrupt { .. }), "file {number}: {error}");
                let wrong = found.iter().find(|(key, value)| state.get(*key) != Some(value));
                assert!(
                    wrong.is_none(),
                    "file {number}: a wrong value before the error: {wrong:?}"
                );
            }
            None => assert!(found == *state, "file {number}: a wrong state"),
        }
        // Looked up one by one it is no other.
        for (key, value) in state {
            match snapshot.get(key) {
                Ok(got) => assert_eq!(got.as_deref(), Some(value.as_slice()), "file {number}"),
                Err(ReadError::Corrupt { .. }) => {}
                Err(error) => panic!("file {number}: {error}"),
            }
        }
        let report =
            report.unwrap_or_else(|| panic!("file {number}: opens, and cannot be checked"));
        let last = at - base + 1 == states.len();
        if error_or_unsound(error.as_ref(), report) {
            let tally = if error.is_some() { &mut tally.read_errors } else { &mut tally.checked };
            *tally += 1;
            assert!(!report.is_sound(), "file {number}: check has not found what a read did");
        } else if self.golden.closed {
            assert!(last, "file {number}: transactions are gone, and the check finds nothing");
            tally.whole += 1;
        } else if report.unfinished_bytes > 0 {
            tally.unfinished += 1;
        } else {
            tally.whole += 1;
            let cut = report.file_bytes < self.golden.bytes.len() as u64;
            let zeros = report.tail_end.as_deref() == Some("zeros-ahead");
            assert!(last || cut || zeros, "file {number}: transactions are gone without a word");
        }
    }

    fn base_sequence(&self) -> usize {
        let bytes: [u8; 8] = self.golden.bytes[48..56].try_into().unwrap();
        usize::try_from(u64::from_le_bytes(bytes)).unwrap()
    }

    /// Every record of which no byte was changed is saved, and nothing else.
    fn save(&self, bytes: &[u8], number: usize, tally: &mut Tally) {
        let target = Store::in_memory().unwrap();
        let saved = salvage(&file_of(&vfs_with(bytes)), &target);
        let (expected, records) = self.undamaged(bytes, false);
        // A record of which only the padding is damaged may be saved or not.
        let (generous, _) = self.undamaged(bytes, true);
        let Ok(_) = saved else {
            let headers = self.headers_damaged(bytes);
            assert!(headers, "file {number}: nothing was saved: {saved:?}");
            return;
        };
        let mut found = Map::new();
        scan(&target.snapshot(), &mut found).unwrap();
        if self.headers_damaged(bytes) {
            return;
        }
        let expected = if found == generous { generous } else { expected };
        let missing = expected.iter().find(|(key, value)| found.get(*key) != Some(value));
        assert!(missing.is_none(), "file {number}: not saved: {missing:?}");
        let made_up = found.iter().find(|(key, _)| !expected.contains_key(*key));
        assert!(made_up.is_none(), "file {number}: saved and never written so: {made_up:?}");
        tally.saved += records;
    }

    /// Neither the header nor its copy is whole: without them nothing can be read.
    fn headers_damaged(&self, bytes: &[u8]) -> bool {
        let len: [u8; 8] = self.golden.bytes[64..72].try_into().unwrap();
        let copy = 512 + usize::try_from(u64::from_le_bytes(len)).unwrap();
        let same = |range: Range<usize>| bytes.get(range.clone()) == self.golden.bytes.get(range);
        !same(0..512) && !same(copy..copy + 512)
    }

    fn undamaged(&self, bytes: &[u8], without_padding: bool) -> (Map, u64) {
        let mut map = Map::new();
        let mut records = 0;
        for part in &self.golden.parts {
            let end = if without_padding { part.end } else { part.bytes.end };
            let range = part.bytes.start..end;
            if bytes.get(range.clone()) != self.golden.bytes.get(range) {
                continue;
            }
            match &part.says {
                Says::Entries(entries) => {
                    records += entries.len() as u64;
                    map.extend(entries.iter().cloned());
                }
                Says::Transaction(changes) => {
                    records += 1;
                    apply(&mut map, changes);
                }
                Says::Witness => {}
            }
        }
        (map, records)
    }
}

fn error_or_unsound(error: Option<&ReadError>, report: &CheckReport) -> bool {
    error.is_some() || !report.is_sound()
}

fn scan(snapshot: &Snapshot, into: &mut Map) -> Result<(), ReadError> {
    let mut scan = snapshot.scan(&KeyRange::all());
    while let Some((key, value)) = scan.next()? {
        into.insert(key.to_vec(), value.to_vec());
    }
    Ok(())
}
