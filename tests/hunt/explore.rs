//! Every disk that a recording may leave, opened by the production code and held against what was promised.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use pumice::journal::{CompactionControl, CompactionRequest, Store};
use pumice::vfs::Vfs;
use pumice::vfs::mem::MemVfs;

use crate::disk::{Disk, Event, Files, fingerprint};
use crate::history::{History, SYNC, batch, read};
use crate::random::Random;
use crate::record::Recording;
use crate::scenario::{Process, open_stores_at};
use crate::{DIR, NAMES};

/// The number of the transaction that a check commits.
const PROBE: u32 = 900;

/// What was looked at, over all threads.
#[derive(Debug, Default)]
pub struct Tally {
    seen: Mutex<HashSet<u64>>,
    checked: Mutex<HashSet<(u64, [u64; 2])>>,
    pub points: AtomicU64,
}

impl Tally {
    pub fn distinct(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    /// Whether these files, with this much acknowledged, were not looked at before.
    fn is_new(&self, fingerprint: u64, salt: u64, acked: [u64; 2]) -> bool {
        self.seen.lock().unwrap().insert(fingerprint);
        self.checked.lock().unwrap().insert((fingerprint ^ salt, acked))
    }
}

/// How thoroughly to look.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// States for each point in time.
    pub budget: usize,
    /// One in so many states is crashed once more while it is opened.
    pub again_one_in: usize,
}

#[derive(Debug)]
pub struct Explorer<'a> {
    pub tally: &'a Tally,
    pub effort: Effort,
    pub random: Random,
}

impl Explorer<'_> {
    /// Crashes a recording at every point.
    pub fn recording(&mut self, recording: &Recording, history: &History, stores: usize) {
        let mut disk = recording.start.clone();
        for (index, event) in recording.events.iter().enumerate() {
            disk.apply(event);
            let later = &recording.events[index + 1..];
            // What is promised next is promised of the same disk, and is more.
            if !matches!(later.first(), Some(Event::Acked { .. } | Event::Refused { .. })) {
                self.point_before(&disk, history, stores, later);
            }
        }
    }

    /// Crashes at one point, after which nothing is known of.
    pub fn point(&mut self, disk: &Disk, history: &History, stores: usize) {
        self.point_before(disk, history, stores, &[]);
    }

    fn point_before(&mut self, disk: &Disk, history: &History, stores: usize, later: &[Event]) {
        let undecided = undecided(later);
        let salt = undecided.map_or(0, |(_, _, id)| u64::from(id) << 32);
        let other: Vec<History> =
            undecided.iter().map(|undecided| history.with(*undecided)).collect();
        let histories: Vec<&History> = [history].into_iter().chain(&other).collect();
        self.tally.points.fetch_add(1, Ordering::Relaxed);
        for files in disk.crashes(self.effort.budget, &mut self.random) {
            let fingerprint = fingerprint(&files);
            if !self.tally.is_new(fingerprint, salt, disk.acked) {
                continue;
            }
            let history = check(&files, disk.acked, &histories, stores, fingerprint);
            let again = self.effort.again_one_in;
            if again > 0 && self.random.below(again) == 0 {
                self.crash_again(&files, disk.acked, history, stores);
            }
        }
    }

    /// Opens what is left, and crashes again on the way.
    fn crash_again(&mut self, files: &Files, acked: [u64; 2], history: &History, stores: usize) {
        let process = Process::on(Disk::settled(files, acked), history.clone());
        process.count_from(PROBE + 10);
        process.open(stores).unwrap();
        process.commit(0, SYNC).unwrap();
        let effort = Effort { budget: 6, again_one_in: 0 };
        let random = Random::new(self.random.next());
        let history = process.history.lock().unwrap().clone();
        // The history holds what was recovered, which may be less than what was acknowledged after it.
        let mut inner = Explorer { tally: self.tally, effort, random };
        inner.recording_of_recovery(&process.vfs.recording(), files, &history, stores);
    }

    fn recording_of_recovery(
        &mut self,
        recording: &Recording,
        files: &Files,
        history: &History,
        stores: usize,
    ) {
        let context = Context { what: "a crash while it was opened again", files };
        self.recording(recording, history, stores);
        drop(context);
    }
}

/// The transaction that will be refused: it may be there as long as nobody was told.
pub fn undecided(later: &[Event]) -> Option<(usize, u64, u32)> {
    let answer = later.iter().find_map(|event| match event {
        Event::Acked { .. } => Some(None),
        Event::Refused { store, sequence, id } => Some(Some((*store, *sequence, *id))),
        _ => None,
    });
    answer.flatten()
}

/// Prints what was looked at when a check fails.
pub struct Context<'a> {
    pub what: &'a str,
    pub files: &'a Files,
}

impl Drop for Context<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("while looking at {}:", self.what);
            for (path, bytes) in self.files {
                println!("  {} of {} bytes", path.display(), bytes.len());
            }
        }
    }
}

fn file_system(files: &Files) -> MemVfs {
    let vfs = MemVfs::new();
    for (path, bytes) in files {
        vfs.put(path, bytes.to_vec());
    }
    vfs
}

fn open(vfs: &MemVfs, stores: usize) -> Vec<Store> {
    open_stores_at(vfs.shared(), stores, 1 << 40).unwrap_or_else(|error| panic!("{error}"))
}

/// Opens a disk's files; what is there must be a prefix of the history with all that was acknowledged; the
/// store must go on from there.
fn check<'h>(
    files: &Files,
    acked: [u64; 2],
    histories: &[&'h History],
    stores: usize,
    choice: u64,
) -> &'h History {
    let context = Context { what: "a state after a crash", files };
    let vfs = file_system(files);
    let opened = open(&vfs, stores);
    let fits = |history: &&&History| {
        opened.iter().enumerate().all(|(index, store)| {
            let snapshot = store.snapshot();
            let sequence = snapshot.sequence().get();
            sequence <= history.last(index) && read(&snapshot) == history.map(index, sequence)
        })
    };
    let history: &History = histories.iter().find(fits).unwrap_or(&histories[0]);
    let mut expected = Vec::new();
    for (index, store) in opened.iter().enumerate() {
        let snapshot = store.snapshot();
        let sequence = snapshot.sequence().get();
        assert!(sequence >= acked[index], "{} was acknowledged, {sequence} is there", acked[index]);
        assert!(sequence <= history.last(index), "{sequence} was never committed");
        let mut map = history.map(index, sequence);
        assert_eq!(read(&snapshot), map, "store {index} after {sequence}");
        assert_eq!(store.stats().entries, map.len() as u64);
        let (batch, puts, gone) = batch(PROBE);
        let receipt = store.write(batch, SYNC).unwrap();
        assert_eq!(receipt.sequence.get(), sequence + 1);
        map.retain(|key, _| !gone.iter().any(|range| range.contains(key)));
        map.extend(puts);
        expected.push((sequence + 1, map));
    }
    let next = end(&vfs, &opened, choice);
    // With the lock of their directory.
    drop(opened);
    for (store, (sequence, map)) in open(&next, stores).iter().zip(&expected) {
        assert_eq!(store.snapshot().sequence().get(), *sequence);
        assert_eq!(read(&store.snapshot()), *map, "reopened");
    }
    let side: PathBuf = Path::new(DIR).join(format!("{}.compact", NAMES[0]));
    assert!(!next.exists(&side).unwrap(), "a side file is left");
    drop(context);
    history
}

/// Ends a process: closed, by a power failure, or by one after a compaction.
fn end(vfs: &MemVfs, opened: &[Store], choice: u64) -> MemVfs {
    match choice % 8 {
        0..4 => {
            opened.iter().for_each(|store| store.close().unwrap());
            vfs.clone()
        }
        4 => {
            let request = CompactionRequest::default();
            opened[0].compact(&request, &CompactionControl::new()).unwrap();
            vfs.crash()
        }
        _ => vfs.crash(),
    }
}
