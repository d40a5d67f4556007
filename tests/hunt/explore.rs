//! Every disk that a recording may leave, opened by the production code and held against what was promised.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use pumice::journal::{CompactionControl, CompactionRequest, Store};

use crate::disk::{Disk, Event, Files};
use crate::history::{Change, History, Map, SYNC, compare};
use crate::memory::Memory;
use crate::random::Random;
use crate::record::Recording;
use crate::scenario::{Process, open_stores, side_files};
use crate::space;

/// The number of the transaction that a check commits.
const PROBE: u32 = 904;
/// The time of a process that checks; no other has it.
const PROBE_TIME: u64 = 1 << 40;
const SHARDS: usize = 64;

/// The numbers that it is given are as good as hashes.
#[derive(Default)]
pub struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, _: &[u8]) {
        unreachable!("only numbers are kept")
    }
    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}

type Numbers = HashSet<u64, BuildHasherDefault<AsItIs>>;

/// What was looked at, over all threads.
#[derive(Debug)]
pub struct Tally {
    seen: Vec<Mutex<Numbers>>,
    checked: Vec<Mutex<Numbers>>,
    pub distinct: AtomicU64,
    pub points: AtomicU64,
    pub exhausted: AtomicU64,
}

impl Default for Tally {
    fn default() -> Self {
        let shards = || (0..SHARDS).map(|_| Mutex::default()).collect();
        Self {
            seen: shards(),
            checked: shards(),
            distinct: AtomicU64::new(0),
            points: AtomicU64::new(0),
            exhausted: AtomicU64::new(0),
        }
    }
}

impl Tally {
    pub fn distinct(&self) -> u64 {
        self.distinct.load(Ordering::Relaxed)
    }

    /// Whether these files were never seen, and whether what is expected of them, which `salt` stands for,
    /// was not looked at before.
    fn is_new(&self, fingerprint: u64, salt: u64) -> (bool, bool) {
        let insert = |sets: &[Mutex<Numbers>], number: u64| {
            sets[(number >> 58) as usize].lock().unwrap().insert(number)
        };
        let unseen = insert(&self.seen, fingerprint);
        self.distinct.fetch_add(u64::from(unseen), Ordering::Relaxed);
        let expected = salt.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (unseen, insert(&self.checked, fingerprint.rotate_left(17) ^ expected))
    }
}

/// How thoroughly to look.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// States for each point in time.
    pub budget: usize,
    /// One in so many states is crashed once more while it is opened; none where it is 0.
    pub again_one_in: usize,
    /// States for each point of that.
    pub budget_again: usize,
}

#[derive(Debug)]
pub struct Explorer<'a> {
    pub tally: &'a Tally,
    pub effort: Effort,
    pub random: Random,
    /// The transaction of a process before that nobody was told about: until this process has opened the
    /// store, it may be there.
    pub carried: Option<Undecided>,
    /// States that nobody had seen before.
    pub found: u64,
}

/// A store, a sequence, and the number of the transaction that may have it.
pub type Undecided = (usize, u64, u32);

impl Explorer<'_> {
    /// Crashes a recording at every point.
    pub fn recording(&mut self, recording: &Recording, history: &History, stores: usize) {
        let mut disk = recording.start.clone();
        let told = |event: &Event| matches!(event, Event::Acked { .. } | Event::Refused { .. });
        for (index, event) in recording.events.iter().enumerate() {
            disk.apply(event);
            let later = &recording.events[index + 1..];
            // What is promised next is promised of the same disk, and is more.
            if later.first().is_some_and(told) || matches!(event, Event::SyncBegun) {
                continue;
            }
            let opened = recording.events[..=index].iter().any(told);
            let undecided = if opened { undecided(later) } else { self.carried };
            self.point_before(&disk, history, stores, undecided);
        }
        self.carried = None;
    }

    /// Crashes at one point, after which nothing is known of.
    pub fn point(&mut self, disk: &Disk, history: &History, stores: usize) {
        self.point_before(disk, history, stores, None);
    }

    fn point_before(
        &mut self,
        disk: &Disk,
        history: &History,
        stores: usize,
        undecided: Option<Undecided>,
    ) {
        let salt = undecided.map_or(0, |(_, _, id)| u64::from(id) << 32);
        let salt = salt ^ disk.acked[0] ^ disk.acked[1] << 16;
        let other: Vec<History> =
            undecided.iter().map(|undecided| history.with(*undecided)).collect();
        let histories: Vec<&History> = [history].into_iter().chain(&other).collect();
        let (tally, effort) = (self.tally, self.effort);
        tally.points.fetch_add(1, Ordering::Relaxed);
        let again = effort.again_one_in;
        let (mut twice, mut found) = (Vec::new(), 0);
        let all = space::crashes(disk, effort.budget, &mut self.random, &mut |files, random| {
            let fingerprint = files.fingerprint();
            let (unseen, unchecked) = tally.is_new(fingerprint, salt);
            found += u64::from(unseen);
            if !unchecked {
                return;
            }
            let fits = check(&files, disk.acked, &histories, stores, fingerprint);
            if again > 0 && random.below(again) == 0 {
                twice.push((files, fits));
            }
        });
        tally.exhausted.fetch_add(u64::from(all), Ordering::Relaxed);
        self.found += found;
        for (files, history) in twice {
            self.crash_again(&files, disk.acked, histories[history], stores);
        }
    }

    /// Opens what is left, and crashes again on the way.
    fn crash_again(&mut self, files: &Files, acked: [u64; 2], history: &History, stores: usize) {
        let process = Process::on(Disk::settled(files, acked), history.clone(), 1 << 30);
        process.count_from(PROBE + 10);
        process.open(stores).unwrap();
        process.commit(0, SYNC).unwrap();
        let effort = Effort { budget: self.effort.budget_again, again_one_in: 0, budget_again: 0 };
        let random = Random::new(self.random.next());
        // The history holds what was recovered, which may be less than what was acknowledged after it.
        let history = process.history.lock().unwrap().clone();
        let context = Context { what: "a crash while it was opened again", files };
        let mut inner = Explorer { tally: self.tally, effort, random, carried: None, found: 0 };
        inner.recording(&process.vfs.recording(), &history, stores);
        self.found += inner.found;
        drop(context);
    }
}

/// The transaction that will be refused: it may be there as long as nobody was told.
pub fn undecided(later: &[Event]) -> Option<Undecided> {
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
            for (path, content) in &self.files.files {
                println!("  {} of {} bytes", path.display(), content.len());
            }
        }
    }
}

fn open(vfs: &Memory, stores: usize) -> Vec<Store> {
    open_stores(vfs.shared(), stores, PROBE_TIME).unwrap_or_else(|error| panic!("{error}"))
}

/// Opens a disk's files; what is there must be a prefix of one of the histories with all that was
/// acknowledged; the store must go on from there. Answers which of the histories.
fn check(
    files: &Files,
    acked: [u64; 2],
    histories: &[&History],
    stores: usize,
    choice: u64,
) -> usize {
    let context = Context { what: "a state after a crash", files };
    let vfs = files.memory();
    let opened = open(&vfs, stores);
    let (choice_of_history, history) = choose(&opened, histories);
    let change = Change::of(PROBE);
    let mut expected = Vec::new();
    for (index, store) in opened.iter().enumerate() {
        let snapshot = store.snapshot();
        let sequence = snapshot.sequence().get();
        assert!(sequence >= acked[index], "{} was acknowledged, {sequence} is there", acked[index]);
        assert!(sequence <= history.last(index), "{sequence} was never committed");
        let map = history.map(index, sequence);
        compare(&snapshot, map).unwrap_or_else(|what| panic!("store {index}, {sequence}: {what}"));
        assert_eq!(store.stats().entries, map.len() as u64);
        let receipt = store.write(change.batch(), SYNC).unwrap();
        assert_eq!(receipt.sequence.get(), sequence + 1);
        expected.push((sequence + 1, change.apply(map)));
    }
    let next = end(&vfs, &opened, choice);
    // With the lock of their directory.
    drop(opened);
    reopen(&next, &expected);
    drop(context);
    choice_of_history
}

/// The history of which the stores hold a prefix; the first where none fits.
fn choose<'h>(opened: &[Store], histories: &[&'h History]) -> (usize, &'h History) {
    let fits = |history: &&History| {
        opened.iter().enumerate().all(|(index, store)| {
            let snapshot = store.snapshot();
            let sequence = snapshot.sequence().get();
            sequence <= history.last(index)
                && compare(&snapshot, history.map(index, sequence)).is_ok()
        })
    };
    let fitting = if histories.len() > 1 { histories.iter().position(fits) } else { None };
    (fitting.unwrap_or(0), histories[fitting.unwrap_or(0)])
}

fn reopen(vfs: &Memory, expected: &[(u64, Map)]) {
    for (store, (sequence, map)) in open(vfs, expected.len()).iter().zip(expected) {
        let snapshot = store.snapshot();
        assert_eq!(snapshot.sequence().get(), *sequence, "reopened");
        compare(&snapshot, map).unwrap_or_else(|what| panic!("reopened: {what}"));
    }
    for side in side_files() {
        assert!(!vfs.has(&side), "a side file is left");
    }
}

/// Ends a process: closed, by a power failure, or by one after a compaction.
fn end(vfs: &Memory, opened: &[Store], choice: u64) -> Memory {
    match choice % 16 {
        0..8 => {
            opened.iter().for_each(|store| store.close().unwrap());
            vfs.clone()
        }
        8 => {
            let request = CompactionRequest::default();
            opened[0].compact(&request, &CompactionControl::new()).unwrap();
            vfs.crash()
        }
        _ => vfs.crash(),
    }
}
