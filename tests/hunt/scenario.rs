//! What a process does with its stores, by the production code, on a recorded file system.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use pumice::clock::ManualClock;
use pumice::journal::check::salvage;
use pumice::journal::{
    BlockCache, CommitError, CompactionControl, CompactionError, CompactionObserver,
    CompactionRequest, Compression, Directory, Durability, ImageRead, KeyRange, OpenError,
    Sequence, Snapshot, Stage, Store, StoreOptions, WritePolicy,
};
use pumice::vfs::{OpenMode, Operation, Vfs};

use crate::content::Content;
use crate::disk::{Disk, Files};
use crate::history::{Change, History, LARGE, Map, ROLLBACK, SYNC, compare};
use crate::record::{RecordVfs, Verdict};
use crate::{DIR, NAMES};

/// No room.
const ENOSPC: i32 = 28;

/// A process at work.
pub struct Process {
    pub vfs: RecordVfs,
    stores: Mutex<Vec<Store>>,
    pub history: Mutex<History>,
    /// A transaction that an open may find in the place of another.
    pub undecided: Mutex<Option<(usize, u64, u32)>>,
    ids: AtomicU32,
    /// Every open has a time of its own, so that no two files of a disk have the same id; the same steps
    /// have the same times, so that equal disks are equal.
    pub time: AtomicU64,
}

/// One for all: to make one takes longer than all else.
static CACHE: OnceLock<Arc<BlockCache>> = OnceLock::new();

/// Opens the first `count` stores of the directory.
pub fn open_stores(vfs: Arc<dyn Vfs>, count: usize, time: u64) -> Result<Vec<Store>, OpenError> {
    let clock = Arc::new(ManualClock::starting_at(time));
    let directory = Directory::open(vfs, clock, Path::new(DIR))?;
    let options = StoreOptions {
        compression: Compression::default(),
        image_read: ImageRead::default(),
        block_cache: CACHE.get_or_init(|| BlockCache::new(1 << 20)).clone(),
    };
    let open = |name: &&str| Store::open(&directory, name, options.clone());
    NAMES[..count].iter().map(open).collect()
}

/// Where compactions write.
pub fn side_files() -> [PathBuf; 2] {
    NAMES.map(|name| Path::new(DIR).join(format!("{name}.compact")))
}

impl Process {
    /// On a disk, with the history that led to it.
    pub fn on(disk: Disk, history: History, time: u64) -> Arc<Self> {
        Arc::new(Self {
            vfs: RecordVfs::over(disk),
            stores: Mutex::default(),
            history: Mutex::new(history),
            undecided: Mutex::new(None),
            ids: AtomicU32::new(1),
            time: AtomicU64::new(time),
        })
    }

    pub fn fresh() -> Arc<Self> {
        Self::on(Disk::empty(), History::default(), 1)
    }

    /// The process that comes after this one, on a disk that it left.
    pub fn after(&self, disk: Disk) -> Arc<Self> {
        let history = self.history.lock().unwrap().clone();
        Self::on(disk, history, self.time.load(Ordering::Relaxed))
    }

    /// The transactions that follow have numbers from `id` on.
    pub fn count_from(&self, id: u32) {
        self.ids.store(id, Ordering::Relaxed);
    }

    pub fn store(&self, index: usize) -> Store {
        self.stores.lock().unwrap()[index].clone()
    }

    /// Opens stores; what they hold is durable from here on.
    pub fn open(&self, count: usize) -> Result<(), OpenError> {
        self.open_unread(count)?;
        for (index, store) in self.stores.lock().unwrap().iter().enumerate() {
            let snapshot = store.snapshot();
            let sequence = snapshot.sequence().get();
            let mut history = self.history.lock().unwrap();
            if let Some(undecided) = self.undecided.lock().unwrap().take()
                && (undecided.0, undecided.1) == (index, sequence)
                && compare(&snapshot, history.map(index, sequence)).is_err()
            {
                *history = history.with(undecided);
            }
            compare(&snapshot, history.map(index, sequence))
                .unwrap_or_else(|what| panic!("after {sequence}: {what}"));
        }
        Ok(())
    }

    /// As [`Process::open`], where calls may fail: nothing is read.
    pub fn open_unread(&self, count: usize) -> Result<(), OpenError> {
        let time = self.time.fetch_add(1, Ordering::Relaxed);
        let stores = open_stores(self.vfs.shared(), count, time)?;
        for (index, store) in stores.iter().enumerate() {
            let sequence = store.snapshot().sequence().get();
            let mut history = self.history.lock().unwrap();
            assert!(sequence <= history.last(index), "more than was ever committed");
            history.truncate(index, sequence);
            self.vfs.acked(index, sequence);
        }
        *self.stores.lock().unwrap() = stores;
        Ok(())
    }

    pub fn commit(&self, index: usize, durability: Durability) -> Result<(), CommitError> {
        let id = self.ids.fetch_add(1, Ordering::Relaxed);
        let store = self.store(index);
        match store.write(Change::of(id).batch(), durability) {
            Ok(receipt) => {
                let sequence = receipt.sequence.get();
                self.history.lock().unwrap().record(index, sequence, id);
                if durability == SYNC {
                    self.vfs.acked(index, sequence);
                }
                Ok(())
            }
            Err(error) => {
                let next = store.snapshot().sequence().get() + 1;
                let mut history = self.history.lock().unwrap();
                if !matches!(error, CommitError::Poisoned { .. }) {
                    self.vfs.refused(index, next, id);
                } else if history.last(index) < next {
                    // Unknown: it may turn up after a reopen.
                    history.record(index, next, id);
                }
                Err(error)
            }
        }
    }

    /// Takes over what a store holds after each transaction, all durable.
    fn learn(&self, index: usize) {
        let (store, mut history) = (self.store(index), self.history.lock().unwrap());
        let last = store.snapshot().sequence();
        for sequence in history.last(index) + 1..=last.get() {
            history.push(index, map_of(&store.snapshot_at(Sequence::new(sequence)).unwrap()));
        }
        self.vfs.acked(index, last.get());
    }

    fn commits(&self, count: u32) {
        (0..count).for_each(|_| self.commit(0, SYNC).unwrap());
    }

    /// Compacts the first store, and calls `at_stage` before each stage.
    pub fn compact(
        self: &Arc<Self>,
        policy: WritePolicy,
        at_stage: impl Fn(&Self, Stage) + Send + Sync + 'static,
    ) -> Result<(), CompactionError> {
        let process = Arc::downgrade(self);
        let call: Box<dyn Fn(Stage) + Send + Sync> =
            Box::new(move |stage| at_stage(&process.upgrade().unwrap(), stage));
        let control = CompactionControl::observed_by(Arc::new(AtStage(call)));
        let request = CompactionRequest { policy, ..CompactionRequest::default() };
        let store = self.store(0);
        store.compact(&request, &control)?;
        self.vfs.acked(0, store.snapshot().sequence().get());
        Ok(())
    }

    pub fn close(&self) -> Result<(), CommitError> {
        let stores = std::mem::take(&mut *self.stores.lock().unwrap());
        for (index, store) in stores.iter().enumerate() {
            store.close()?;
            self.vfs.acked(index, store.snapshot().sequence().get());
        }
        Ok(())
    }
}

fn map_of(snapshot: &Snapshot) -> Map {
    let (mut map, mut scan) = (Map::new(), snapshot.scan(&KeyRange::all()));
    while let Some((key, value)) = scan.next().unwrap() {
        map.insert(key.to_vec(), value.to_vec());
    }
    map
}

struct AtStage(Box<dyn Fn(Stage) + Send + Sync>);

impl fmt::Debug for AtStage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AtStage")
    }
}

impl CompactionObserver for AtStage {
    fn stage(&self, stage: Stage) {
        (self.0)(stage);
    }
}

/// A name, how many stores it uses, and what it does.
pub struct Scenario {
    pub name: &'static str,
    pub stores: usize,
    pub run: fn() -> Arc<Process>,
}

pub const SCENARIOS: &[Scenario] = &[
    Scenario { name: "nothing", stores: 1, run: nothing },
    Scenario { name: "newborn", stores: 1, run: newborn },
    Scenario { name: "appends", stores: 1, run: appends },
    Scenario { name: "groups of threads", stores: 1, run: groups_of_threads },
    Scenario { name: "group led by a buffered one", stores: 1, run: group_led_by_a_buffered_one },
    Scenario { name: "buffered groups", stores: 1, run: buffered_groups },
    Scenario { name: "repair of garbage", stores: 1, run: repair_of_garbage },
    Scenario { name: "repair of a group", stores: 1, run: repair_of_a_group },
    Scenario { name: "extension", stores: 1, run: extension },
    Scenario { name: "blocking compaction", stores: 1, run: blocking_compaction },
    Scenario { name: "background compaction", stores: 1, run: background_compaction },
    Scenario { name: "commits between stages", stores: 1, run: commits_between_stages },
    Scenario { name: "compaction of nothing", stores: 1, run: compaction_of_nothing },
    Scenario { name: "failed append", stores: 1, run: failed_append },
    Scenario { name: "failed append of it all", stores: 1, run: failed_append_of_it_all },
    Scenario { name: "close and reopen", stores: 1, run: close_and_reopen },
    Scenario { name: "two stores", stores: 2, run: two_stores },
    Scenario { name: "rollback", stores: 1, run: rollback },
    Scenario { name: "salvage", stores: 1, run: salvage_into_new },
];

/// Nothing at all: what is done to it meets a disk without even the directory.
fn nothing() -> Arc<Process> {
    Process::fresh()
}

/// Without a real end: whatever the dropped stores write then is not part of the scenario.
fn newborn() -> Arc<Process> {
    let process = Process::fresh();
    process.open(1).unwrap();
    process.commits(1);
    process
}

fn appends() -> Arc<Process> {
    let process = Process::fresh();
    process.open(1).unwrap();
    process.commits(5);
    process
}

/// The first commit's sync is held until the others had every chance to gather behind it.
fn groups_of_threads() -> Arc<Process> {
    const FOLLOWERS: usize = 4;
    let process = Process::fresh();
    process.open(1).unwrap();
    process.commits(1);
    let begun = Arc::new(AtomicU32::new(0));
    let holding = begun.clone();
    process.vfs.during_sync(Some(Arc::new(move || {
        while holding.load(Ordering::SeqCst) <= FOLLOWERS as u32 {
            std::thread::yield_now();
        }
        (0..3000).for_each(|_| std::thread::yield_now());
    })));
    std::thread::scope(|scope| {
        for _ in 0..=FOLLOWERS {
            scope.spawn(|| {
                begun.fetch_add(1, Ordering::SeqCst);
                process.commit(0, SYNC).unwrap();
            });
        }
    });
    process.vfs.during_sync(None);
    process.commits(1);
    process
}

/// Behind a commit whose sync is held, a buffered one leads a group in which another waits for a sync.
fn group_led_by_a_buffered_one() -> Arc<Process> {
    let process = Process::fresh();
    process.open(1).unwrap();
    process.commits(1);
    let step = Arc::new(AtomicU32::new(0));
    let reach = |step: &AtomicU32, number: u32| {
        while step.load(Ordering::SeqCst) < number {
            std::thread::yield_now();
        }
    };
    let linger = || (0..3000).for_each(|_| std::thread::yield_now());
    let holding = step.clone();
    process.vfs.during_sync(Some(Arc::new(move || {
        holding.fetch_max(1, Ordering::SeqCst);
        reach(&holding, 3);
        linger();
    })));
    std::thread::scope(|scope| {
        scope.spawn(|| process.commits(1));
        scope.spawn(|| {
            reach(&step, 1);
            step.fetch_max(2, Ordering::SeqCst);
            process.commit(0, Durability::Buffered).unwrap();
        });
        scope.spawn(|| {
            reach(&step, 2);
            linger();
            step.fetch_max(3, Ordering::SeqCst);
            process.commits(1);
        });
    });
    process.vfs.during_sync(None);
    process
}

fn buffered_groups() -> Arc<Process> {
    let process = Process::fresh();
    process.open(1).unwrap();
    for _ in 0..2 {
        (0..3).for_each(|_| process.commit(0, Durability::Buffered).unwrap());
        process.commits(1);
    }
    process.commit(0, Durability::Buffered).unwrap();
    process.store(0).sync().unwrap();
    process.vfs.acked(0, process.store(0).snapshot().sequence().get());
    process.commits(1);
    process
}

/// A process on a file of three transactions, of which `damage` spoils the end.
fn on_damaged(damage: impl FnOnce(&mut Vec<u8>, usize, usize)) -> Arc<Process> {
    let process = Process::fresh();
    process.open(1).unwrap();
    process.commits(2);
    let last = usize::try_from(process.store(0).stats().file_bytes).unwrap();
    process.commit(0, Durability::Buffered).unwrap();
    process.commits(1);
    let end = usize::try_from(process.store(0).stats().file_bytes).unwrap();
    let mut files = process.vfs.disk().live_files();
    spoil(&mut files, NAMES[0], |bytes| damage(bytes, last, end));
    // What the damage takes away was never acknowledged.
    let process = process.after(Disk::settled(&files, [2, 0]));
    process.count_from(20);
    process.open(1).unwrap();
    process.commits(3);
    process
}

fn spoil(files: &mut Files, name: &str, damage: impl FnOnce(&mut Vec<u8>)) {
    let content = files.files.get_mut(&Path::new(DIR).join(name)).unwrap();
    let mut bytes = content.bytes();
    damage(&mut bytes);
    *content = Content::of(&bytes);
}

fn repair_of_garbage() -> Arc<Process> {
    on_damaged(|bytes, _, end| bytes[end + 40..end + 3000].fill(0xa5))
}

fn repair_of_a_group() -> Arc<Process> {
    on_damaged(|bytes, last, _| bytes[last + 70] ^= 1)
}

fn extension() -> Arc<Process> {
    let process = Process::fresh();
    process.open(1).unwrap();
    process.commits(1);
    process.count_from(LARGE);
    process.commits(4);
    process
}

fn blocking_compaction() -> Arc<Process> {
    let process = Process::fresh();
    process.open(1).unwrap();
    process.commits(3);
    process.compact(WritePolicy::Blocking, |_, _| ()).unwrap();
    process.commits(2);
    process
}

fn background_compaction() -> Arc<Process> {
    let process = Process::fresh();
    process.open(1).unwrap();
    process.commits(3);
    process.commit(0, Durability::Buffered).unwrap();
    process.compact(WritePolicy::Background, |_, _| ()).unwrap();
    process.commits(1);
    process
}

/// A commit before each stage in which commits are taken, synced and buffered in turn.
pub fn commit_at(process: &Process, stage: Stage) {
    match stage {
        Stage::Begin | Stage::CatchUp => drop(process.commit(0, SYNC)),
        Stage::WriteImage => {
            drop(process.commit(0, Durability::Buffered));
            drop(process.commit(0, SYNC));
        }
        Stage::Seal => drop(process.commit(0, Durability::Buffered)),
        Stage::Swap | Stage::Retire => {}
    }
}

fn commits_between_stages() -> Arc<Process> {
    let process = Process::fresh();
    process.open(1).unwrap();
    process.commits(2);
    process.compact(WritePolicy::Background, commit_at).unwrap();
    process.commits(1);
    process.compact(WritePolicy::Background, commit_at).unwrap();
    process.commits(1);
    process
}

fn compaction_of_nothing() -> Arc<Process> {
    let process = Process::fresh();
    process.open(1).unwrap();
    process.compact(WritePolicy::Blocking, |_, _| ()).unwrap();
    process.compact(WritePolicy::Background, |_, _| ()).unwrap();
    process.commits(2);
    process
}

/// Half a frame is written before room runs out; then commits, a compaction, commits.
fn failed_append() -> Arc<Process> {
    let process = Process::fresh();
    process.open(1).unwrap();
    process.close().unwrap();
    let (writes, on) = (AtomicU32::new(0), Arc::new(AtomicU32::new(1)));
    let switch = on.clone();
    process.vfs.set_plan(Some(Arc::new(move |operation| {
        let counts = operation == Operation::Write && switch.load(Ordering::SeqCst) > 0;
        let fails = counts && writes.fetch_add(1, Ordering::SeqCst) % 3 == 2;
        if fails { Verdict::Fail(ENOSPC) } else { Verdict::Pass }
    })));
    process.open_unread(1).unwrap();
    let failed = (0..6).filter(|_| process.commit(0, SYNC).is_err()).count();
    assert!(failed > 0);
    drop(process.compact(WritePolicy::Background, |_, _| ()));
    (0..3).for_each(|_| drop(process.commit(0, SYNC)));
    on.store(0, Ordering::SeqCst);
    process.compact(WritePolicy::Blocking, |_, _| ()).unwrap();
    process.commits(1);
    process
}

/// The bytes of a commit that was refused are all in place; they must not be taken for a commit later.
fn failed_append_of_it_all() -> Arc<Process> {
    let process = Process::fresh();
    process.open(1).unwrap();
    process.commits(1);
    process.vfs.set_verdict(Operation::Write, 0, Verdict::FailLate(ENOSPC));
    assert!(process.commit(0, SYNC).is_err());
    process.commits(1);
    process.commit(0, Durability::Buffered).unwrap();
    process.vfs.set_verdict(Operation::Write, 0, Verdict::FailLate(ENOSPC));
    assert!(process.commit(0, SYNC).is_err());
    process.compact(WritePolicy::Background, |_, _| ()).unwrap();
    process.commits(1);
    process
}

fn close_and_reopen() -> Arc<Process> {
    let process = Process::fresh();
    for _ in 0..2 {
        process.open(1).unwrap();
        process.commits(2);
        process.commit(0, Durability::Buffered).unwrap();
        process.close().unwrap();
    }
    process.open(1).unwrap();
    process.commits(1);
    process
}

fn two_stores() -> Arc<Process> {
    let process = Process::fresh();
    process.open(2).unwrap();
    process.commits(1);
    process.commit(1, SYNC).unwrap();
    let commit_other = |process: &Process, stage| {
        if stage != Stage::Retire {
            process.commit(1, SYNC).unwrap();
        }
    };
    process.compact(WritePolicy::Background, commit_other).unwrap();
    process.commit(1, SYNC).unwrap();
    process.commits(1);
    process
}

/// What transactions did is taken back by one that brings the state before them.
fn rollback() -> Arc<Process> {
    let process = Process::fresh();
    process.open(1).unwrap();
    process.commits(3);
    let earlier = process.store(0).snapshot_at(Sequence::new(2)).unwrap();
    compare(&earlier, &Change::of(ROLLBACK + 2).puts).unwrap();
    process.count_from(ROLLBACK + 2);
    process.commits(1);
    process.compact(WritePolicy::Background, |_, _| ()).unwrap();
    process.count_from(ROLLBACK + 1);
    process.commits(1);
    process
}

/// A damaged store is saved into a new one beside it, and the new one is used.
fn salvage_into_new() -> Arc<Process> {
    const OLD: &str = "old";
    let first = Process::fresh();
    first.open(1).unwrap();
    first.commits(2);
    first.compact(WritePolicy::Blocking, |_, _| ()).unwrap();
    first.commits(2);
    first.close().unwrap();
    let mut files = first.vfs.disk().live_files();
    spoil(&mut files, NAMES[0], |bytes| bytes[100] ^= 1);
    let content = files.files.remove(&Path::new(DIR).join(NAMES[0])).unwrap();
    let old = Path::new(DIR).join(OLD);
    files.files.insert(old.clone(), content);
    let process = Process::on(Disk::settled(&files, [0; 2]), History::default(), 10);
    process.open(1).unwrap();
    let source = process.vfs.shared().open(&old, OpenMode::Read).unwrap();
    salvage(&source, &process.store(0)).unwrap();
    let expected = first.history.lock().unwrap().map(0, 4).clone();
    compare(&process.store(0).snapshot(), &expected).unwrap();
    process.learn(0);
    process.count_from(5);
    process.commits(2);
    process
}
