//! How large a shard's file becomes that is written to for long, compacted by itself at its default settings.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::vfs::{File, LockAttempt, LockMode, OpenMode, Result as VfsResult, Vfs};

/// Looks that are taken at something that will be so, before it is taken for a mistake.
const LOOKS_MAX: u64 = 5_000_000;

fn automatic() -> World {
    let mut world = World::new();
    world.options.compaction = AutomaticCompaction::default();
    world
}

/// Documents of about a kilobyte that are updated again and again, as bulks.
struct Updated {
    db: Arc<Database>,
    revs: Vec<String>,
    version: u64,
}

impl Updated {
    fn new(db: Arc<Database>, documents: usize) -> Self {
        Self { db, revs: vec![String::new(); documents], version: 0 }
    }

    /// Updates every document once.
    fn update(&mut self) {
        self.version += 1;
        let edits = self.revs.iter().enumerate().map(|(n, rev)| {
            let rev = if rev.is_empty() { String::new() } else { format!(r#","_rev":"{rev}""#) };
            let text = format!("{:0>900}", self.version * 1000 + n as u64);
            edit(&format!(r#"{{"_id":"d{n}"{rev},"text":"{text}"}}"#))
        });
        let written = self.db.update(edits.collect(), EditMode::Interactive);
        self.revs = written.into_iter().map(|written| written.unwrap().rev.to_string()).collect();
    }
}

#[test]
fn a_file_that_is_updated_for_long_stays_within_twice_its_live_bytes_and_a_bulk() {
    let databases = automatic().open();
    let db = databases.create("db", &CreateOptions::with_shards(1)).unwrap();
    let mut updated = Updated::new(db.clone(), 500);
    updated.update();
    let sizes = || db.shards()[0].sizes;
    let bulk = sizes().file;
    let (mut compactions, mut compacted) = (0, 0);
    for _ in 0..60 {
        updated.update();
        // File over active bytes above 2.0, and above 1 MiB: the defaults.
        let limit = |active: u64| (2 * active).max(1 << 20);
        assert!(sizes().file <= limit(sizes().active) + 2 * bulk, "{:?}", sizes());
        // Whoever compacts is given the time it takes: how fast it is, is for the bench.
        let mut looks = 0;
        while sizes().file > limit(sizes().active) || db.shards()[0].compact_running {
            looks += 1;
            assert!(looks < LOOKS_MAX, "nobody compacts {:?}", sizes());
            std::thread::yield_now();
        }
        let now = db.shards()[0].compacted_seq;
        compactions += u64::from(std::mem::replace(&mut compacted, now) != now);
    }
    assert!((15..=60).contains(&compactions), "{compactions}");
}

/// Files that run something when a compaction begins its new file.
struct Hooked {
    files: Arc<dyn Vfs>,
    begun: AtomicU64,
    at_first: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl std::fmt::Debug for Hooked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hooked")
    }
}

impl Vfs for Hooked {
    fn open(&self, path: &Path, mode: OpenMode) -> VfsResult<Arc<dyn File>> {
        if path.to_string_lossy().ends_with("pumice.compact") {
            self.begun.fetch_add(1, Ordering::SeqCst);
            if let Some(run) = self.at_first.lock().unwrap().take() {
                run();
            }
        }
        self.files.open(path, mode)
    }
    fn rename(&self, from: &Path, to: &Path) -> VfsResult<()> {
        self.files.rename(from, to)
    }
    fn remove(&self, path: &Path) -> VfsResult<()> {
        self.files.remove(path)
    }
    fn sync_dir(&self, dir: &Path) -> VfsResult<()> {
        self.files.sync_dir(dir)
    }
    fn create_dir(&self, dir: &Path) -> VfsResult<()> {
        self.files.create_dir(dir)
    }
    fn exists(&self, path: &Path) -> VfsResult<bool> {
        self.files.exists(path)
    }
    fn list(&self, dir: &Path) -> VfsResult<Vec<String>> {
        self.files.list(dir)
    }
    fn free_space_bytes(&self, dir: &Path) -> VfsResult<u64> {
        self.files.free_space_bytes(dir)
    }
    fn lock(&self, path: &Path, mode: LockMode, holder: &str) -> VfsResult<LockAttempt> {
        self.files.lock(path, mode, holder)
    }
}

#[test]
fn what_becomes_garbage_during_a_compaction_is_compacted_though_nobody_writes_any_more() {
    let world = automatic();
    let files = Arc::new(Hooked {
        files: world.vfs.shared(),
        begun: AtomicU64::new(0),
        at_first: Mutex::default(),
    });
    let databases = Databases::open(
        Path::new("/data"),
        files.clone(),
        world.clock.clone(),
        world.catalog.clone(),
        world.options.clone(),
    )
    .unwrap();
    let db = databases.create("db", &CreateOptions::with_shards(1)).unwrap();
    let mut updated = Updated::new(db.clone(), 100);
    updated.update();
    // The rest is written while the new file is being made, by the thread that makes it.
    let begun = files.begun.load(Ordering::SeqCst);
    *files.at_first.lock().unwrap() =
        Some(Box::new(move || (0..40).for_each(|_| updated.update())));
    db.compact();
    let mut looks = 0;
    while files.begun.load(Ordering::SeqCst) < begun + 2 || db.shards()[0].compact_running {
        looks += 1;
        assert!(looks < LOOKS_MAX, "{:?} is left", db.shards()[0].sizes);
        std::thread::yield_now();
    }
    let sizes = db.shards()[0].sizes;
    assert!(sizes.file < 2 * sizes.active, "{sizes:?}");
}
