//! The engine's daily bench: `cargo bench --bench engine [-- --entries N --seconds S --dir DIR]`;
//! with `--open` it only opens the store that an earlier run left in DIR, in a process of its own.
//!
//! Rows as in the project's performance goals: durable commits with 1, 8 and 64 writers, batch load, random gets and a
//! whole scan before and after compaction, compaction under both policies, reopen. Beside each row that
//! touches the disk stands what the disk gives for the same bytes without an engine. Keys 16 bytes, values
//! 150 bytes. Only ratios within one run mean something: a disk's sync latency drifts by hours.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a bench: it prints, and stops at the first error"
)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hdrhistogram::Histogram;
use pumice::clock::{Clock, SystemClock};
use pumice::journal::{
    CompactionControl, CompactionRequest, Directory, Durability, KeyRange, Store, StoreOptions,
    WriteBatch, WritePolicy,
};
use pumice::vfs::os::OsVfs;
use pumice::vfs::{OpenMode, Vfs};

const VALUE_BYTES: usize = 150;
const BATCH: u64 = 1000;

struct Args {
    entries: u64,
    seconds: u64,
    dir: PathBuf,
    open_only: bool,
}

impl Args {
    fn parse() -> Self {
        let mut args = Self {
            entries: 500_000,
            seconds: 3,
            dir: PathBuf::from("target/bench"),
            open_only: false,
        };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let mut value = || words.next().unwrap_or_else(|| panic!("{word} wants a value"));
            match word.as_str() {
                "--entries" => args.entries = value().parse().unwrap(),
                "--seconds" => args.seconds = value().parse().unwrap(),
                "--open" => args.open_only = true,
                "--dir" => args.dir = PathBuf::from(value()),
                _ => {}
            }
        }
        args
    }
}

/// Times and prints rows.
struct Bench {
    clock: SystemClock,
    args: Args,
}

fn key(n: u64) -> [u8; 16] {
    // Spread over the key space: a fixed permutation of 64 bits.
    let mixed = (n ^ 0x9e37_79b9_7f4a_7c15).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = mixed ^ (mixed >> 31);
    let mut key = [0; 16];
    key[..8].copy_from_slice(&mixed.to_be_bytes());
    key[8..].copy_from_slice(&n.to_be_bytes());
    key
}

fn value(n: u64) -> [u8; VALUE_BYTES] {
    let mut value = [0; VALUE_BYTES];
    for (index, byte) in value.iter_mut().enumerate() {
        *byte = (n as usize).wrapping_mul(31).wrapping_add(index * 7) as u8;
    }
    value
}

fn remove_dir(dir: &Path) {
    if let Ok(names) = OsVfs.list(dir) {
        for name in names {
            OsVfs.remove(&dir.join(name)).unwrap();
        }
    }
}

impl Bench {
    fn open(&self, name: &str) -> Store {
        let dir = self.args.dir.join(name);
        let clock = Arc::new(SystemClock::new());
        let directory = Directory::open(OsVfs::shared(), clock, &dir).unwrap();
        Store::open(&directory, "store", StoreOptions::default()).unwrap()
    }

    fn fresh(&self, name: &str) -> Store {
        remove_dir(&self.args.dir.join(name));
        self.open(name)
    }

    fn since(&self, start: Duration) -> Duration {
        self.clock.monotonic().saturating_sub(start)
    }

    fn row(name: &str, count: u64, took: Duration, rest: &str) {
        let rate = count as f64 / took.as_secs_f64();
        println!("{name:<38} {rate:>12.0}/s  {rest}");
    }

    /// Commits of `writers` threads, each waiting for its own, for the given time.
    fn commits(&self, writers: u64) {
        let store = self.fresh("commits");
        let total = AtomicU64::new(0);
        let start = self.clock.monotonic();
        let end = start + Duration::from_secs(self.args.seconds);
        let histograms: Vec<Histogram<u64>> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..writers)
                .map(|writer| {
                    scope.spawn({
                        let (store, total) = (&store, &total);
                        move || self.commit_until(store, writer, end, total)
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let took = self.since(start);
        let mut all = Histogram::<u64>::new(3).unwrap();
        histograms.iter().for_each(|histogram| all.add(histogram).unwrap());
        let commits = total.load(Ordering::Relaxed);
        let frame = store.stats().tail_bytes / commits.max(1);
        let (limit, limit_p99) = self.raw_syncs(writers, frame as usize);
        let rest = format!(
            "{} us | raw {limit:.0}/s p99 {limit_p99} us | {:.2} of raw, {frame} B each",
            spread(&all),
            commits as f64 / took.as_secs_f64() / limit,
        );
        Self::row(&format!("durable commit, {writers} writers"), commits, took, &rest);
    }

    fn commit_until(
        &self,
        store: &Store,
        writer: u64,
        end: Duration,
        total: &AtomicU64,
    ) -> Histogram<u64> {
        let mut histogram = Histogram::<u64>::new(3).unwrap();
        let mut n = writer << 40;
        loop {
            let before = self.clock.monotonic();
            if before >= end {
                return histogram;
            }
            let mut batch = WriteBatch::new();
            batch.put(&key(n), &value(n)).unwrap();
            store.write(batch, Durability::Sync).unwrap();
            let took = self.since(before);
            histogram.record(took.as_micros() as u64).unwrap();
            total.fetch_add(1, Ordering::Relaxed);
            n += 1;
        }
    }

    /// What the disk gives: `writers` frames with one write and one sync, into written space.
    fn raw_syncs(&self, writers: u64, frame: usize) -> (f64, u64) {
        let path = self.args.dir.join("raw");
        if OsVfs.exists(&path).unwrap() {
            OsVfs.remove(&path).unwrap();
        }
        let file = OsVfs.open(&path, OpenMode::CreateNew).unwrap();
        let zeros = vec![0; 1 << 20];
        for piece in 0..64_u64 {
            file.write_all_at(&zeros, piece << 20).unwrap();
        }
        file.sync_all().unwrap();
        let group = vec![7; frame * writers as usize];
        let mut histogram = Histogram::<u64>::new(3).unwrap();
        let start = self.clock.monotonic();
        let end = start + Duration::from_secs(self.args.seconds.min(2));
        let (mut position, mut groups) = (0, 0);
        while self.clock.monotonic() < end {
            let before = self.clock.monotonic();
            file.write_durable_at(&group, position).unwrap();
            histogram.record(self.since(before).as_micros() as u64).unwrap();
            position = (position + group.len() as u64) % (60 << 20);
            groups += 1;
        }
        let rate = (groups * writers) as f64 / self.since(start).as_secs_f64();
        (rate, histogram.value_at_quantile(0.99))
    }

    /// What the disk gives for so many bytes, written front to back and synced once, in MB/s.
    fn raw_write(&self, bytes: u64) -> f64 {
        let path = self.args.dir.join("raw");
        if OsVfs.exists(&path).unwrap() {
            OsVfs.remove(&path).unwrap();
        }
        let file = OsVfs.open(&path, OpenMode::CreateNew).unwrap();
        let piece = vec![7; 1 << 20];
        let start = self.clock.monotonic();
        let mut position = 0;
        while position < bytes {
            file.write_all_at(&piece, position).unwrap();
            position += piece.len() as u64;
        }
        file.sync_all().unwrap();
        let rate = position as f64 / 1e6 / self.since(start).as_secs_f64();
        OsVfs.remove(&path).unwrap();
        rate
    }

    fn load(&self) -> Store {
        let store = self.fresh("load");
        let start = self.clock.monotonic();
        let mut histogram = Histogram::<u64>::new(3).unwrap();
        let mut n = 0;
        while n < self.args.entries {
            let before = self.clock.monotonic();
            let mut batch = WriteBatch::new();
            for n in n..(n + BATCH).min(self.args.entries) {
                batch.put(&key(n), &value(n)).unwrap();
            }
            store.write(batch, Durability::Buffered).unwrap();
            histogram.record(self.since(before).as_micros() as u64).unwrap();
            n += BATCH;
        }
        store.sync().unwrap();
        let took = self.since(start);
        let bytes = store.stats().tail_bytes;
        let rest = format!(
            "per batch {} us | {} MB in the tail, {:.0} MB/s | raw {:.0} MB/s",
            spread(&histogram),
            bytes >> 20,
            bytes as f64 / 1e6 / took.as_secs_f64(),
            self.raw_write(bytes),
        );
        Self::row("load, batches of 1,000, one sync", self.args.entries, took, &rest);
        store
    }

    fn gets(&self, store: &Store, what: &str, threads: u64) {
        let count = 400_000.min(self.args.entries);
        let start = self.clock.monotonic();
        let histograms: Vec<Histogram<u64>> = std::thread::scope(|scope| {
            let running: Vec<_> = (0..threads)
                .map(|thread| scope.spawn(move || self.get_many(store, thread, count)))
                .collect();
            running.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let took = self.since(start);
        let mut all = Histogram::<u64>::new(3).unwrap();
        histograms.iter().for_each(|histogram| all.add(histogram).unwrap());
        let rest = format!("{} ns", spread(&all));
        Self::row(&format!("get, {what}, {threads} threads"), count * threads, took, &rest);
    }

    /// Every 16th get is timed, so that the clock does not weigh.
    fn get_many(&self, store: &Store, thread: u64, count: u64) -> Histogram<u64> {
        let mut histogram = Histogram::<u64>::new(3).unwrap();
        let snapshot = store.snapshot();
        let mut n = thread + 1;
        for round in 0..count {
            n = n.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let wanted = key((n >> 20) % self.args.entries);
            let before = (round % 16 == 0).then(|| self.clock.monotonic());
            assert!(snapshot.get(&wanted).unwrap().is_some());
            if let Some(before) = before {
                histogram.record(self.since(before).as_nanos() as u64).unwrap();
            }
        }
        histogram
    }

    fn scan(&self, store: &Store, what: &str) {
        let start = self.clock.monotonic();
        let snapshot = store.snapshot();
        let mut scan = snapshot.scan(&KeyRange::all());
        let (mut count, mut bytes) = (0, 0);
        while let Some((key, value)) = scan.next().unwrap() {
            count += 1;
            bytes += key.len() + value.len();
        }
        assert_eq!(count, self.args.entries);
        let took = self.since(start);
        let rest = format!("{:.0} MB/s", bytes as f64 / 1e6 / took.as_secs_f64());
        Self::row(&format!("scan of everything, {what}"), count, took, &rest);
    }

    fn compact(&self, store: &Store, policy: WritePolicy) {
        let before = store.stats();
        let request = CompactionRequest { policy, ..CompactionRequest::default() };
        let report = store.compact(&request, &CompactionControl::new()).unwrap();
        let after = store.stats();
        let rest = format!(
            "{:.0} MB/s of live data | {} -> {} MB, {:.3} file/live | blocked {} ms | raw {:.0} MB/s",
            before.live_bytes as f64 / 1e6 / report.duration.as_secs_f64(),
            before.file_bytes >> 20,
            after.file_bytes >> 20,
            after.file_bytes as f64 / after.live_bytes as f64,
            report.blocked.as_millis(),
            self.raw_write(after.file_bytes),
        );
        Self::row(&format!("compaction, {policy:?}"), report.entries, report.duration, &rest);
    }

    fn reopen(&self, store: Store, what: &str) -> Store {
        store.close().unwrap();
        drop(store);
        self.timed_open(what)
    }

    fn timed_open(&self, what: &str) -> Store {
        let start = self.clock.monotonic();
        let store = self.open("load");
        let opened = self.since(start);
        assert!(store.snapshot().get(&key(1)).unwrap().is_some());
        let read = self.since(start);
        let stats = store.stats();
        println!(
            "{:<38} {:>9.2} ms  first read after {:.2} ms | {} entries, {} transactions in the tail, {} resident",
            format!("open, {what}"),
            opened.as_secs_f64() * 1e3,
            read.as_secs_f64() * 1e3,
            stats.entries,
            stats.transactions_since_compaction,
            resident(),
        );
        store
    }
}

fn spread(histogram: &Histogram<u64>) -> String {
    let at = |quantile| histogram.value_at_quantile(quantile);
    format!("p50 {} p99 {} max {}", at(0.5), at(0.99), histogram.max())
}

/// Anonymous memory of this process.
fn resident() -> String {
    let limit = 1 << 20;
    let file = OsVfs.open(Path::new("/proc/self/status"), OpenMode::Read).unwrap();
    let mut bytes = vec![0; limit];
    let count = file.read_at(&mut bytes, 0).unwrap();
    let status = String::from_utf8_lossy(&bytes[..count]).into_owned();
    let line = status.lines().find(|line| line.starts_with("RssAnon")).unwrap_or_default();
    line.split_whitespace().skip(1).collect::<Vec<_>>().join(" ")
}

fn main() {
    let bench = Bench { clock: SystemClock::new(), args: Args::parse() };
    OsVfs.create_dir(&bench.args.dir).unwrap();
    if bench.args.open_only {
        drop(bench.timed_open("in a process of its own"));
        return;
    }
    println!("{} entries of 16 + {VALUE_BYTES} bytes", bench.args.entries);
    for writers in [1, 8, 64] {
        bench.commits(writers);
    }
    let store = bench.load();
    bench.gets(&store, "all in the tail", 1);
    bench.scan(&store, "all in the tail");
    let store = bench.reopen(store, "all in the tail");
    bench.compact(&store, WritePolicy::Blocking);
    for threads in [1, 2] {
        bench.gets(&store, "all in the image", threads);
    }
    bench.scan(&store, "all in the image");
    bench.compact(&store, WritePolicy::Background);
    let store = bench.reopen(store, "all in the image");
    drop(store);
}
