//! W7: everything overwritten many times, then a compaction while a thread commits durably, then one alone.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::load::{BATCH, put_range};
use super::{fresh, say};
use crate::args::Args;
use crate::data::{Random, Values, key};
use crate::measure::{disk_bytes, written_bytes};
use crate::store::{self, KEY_BYTES, Options, Outcome, Put, Store, cpu_seconds};

/// How long the writer runs before the compaction begins.
const BEFORE: Duration = Duration::from_secs(1);

struct Work<'a> {
    dir: &'a Path,
    values: Values,
    entries: u64,
    live_bytes: f64,
}

pub fn run(args: &Args) -> Outcome<()> {
    let (contestant, dir) = (args.text("contestant", ""), args.dir());
    let entries: u64 = args.get("entries", 20_000)?;
    let work = Work {
        dir: &dir,
        values: Values::new(150),
        entries,
        live_bytes: (entries * (KEY_BYTES as u64 + 150)) as f64,
    };
    fresh(&dir)?;
    let store = store::open(&contestant, &dir, Options { automatic: false, bulk: true })?;
    put_range(&*store, &work.values, 0..entries)?;
    work.overwrite(&*store, args.get("times", 20)?)?;
    store.sync()?;
    say("W7c", "bytes_before", disk_bytes(&dir)? as f64)?;
    work.compact_under_writer(&*store)?;
    // What the writer left is overwritten data again: the next one has as much to do as a real one.
    work.overwrite(&*store, 2)?;
    store.sync()?;
    work.compact_alone(&*store)
}

impl Work<'_> {
    fn overwrite(&self, store: &dyn Store, times: u64) -> Outcome<()> {
        let (mut writer, mut random) = (store.writer()?, Random::new(times));
        for _ in 0..self.entries * times / BATCH {
            let numbers: Vec<_> = (0..BATCH).map(|_| random.below(self.entries)).collect();
            let puts: Vec<Put<'_>> =
                numbers.iter().map(|n| (key(*n), self.values.get(random.next()))).collect();
            writer.commit(&puts, false)?;
        }
        Ok(())
    }

    fn compact_under_writer(&self, store: &dyn Store) -> Outcome<()> {
        let stop = AtomicBool::new(false);
        let (window, commits) = std::thread::scope(|scope| {
            let committing = scope.spawn(|| self.commit_until(store, &stop));
            std::thread::sleep(BEFORE);
            let start = Instant::now();
            let compacted = store.compact();
            let window = (start, Instant::now());
            // One more commit, so that one that waited is seen.
            std::thread::sleep(Duration::from_millis(20));
            stop.store(true, Ordering::Relaxed);
            let commits = committing.join().map_err(|_| "the writer panicked")??;
            compacted.map(|()| (window, commits))
        })?;
        let (start, end) = window;
        let took = (end - start).as_secs_f64();
        say("W7a", "rate", self.live_bytes / 1e6 / took)?;
        let meanwhile = commits.iter().filter(|commit| commit.1 > start && commit.0 < end);
        let longest = meanwhile.clone().map(|(from, to)| *to - *from).max().unwrap_or_default();
        say("W7b", "ms", longest.as_secs_f64() * 1e3)?;
        let rate_before = rate(&commits, start.checked_sub(BEFORE * 9 / 10), start);
        say("W7d", "ratio", rate(&commits, Some(start), end) / rate_before)?;
        say("W7d", "rate_before", rate_before)
    }

    fn commit_until(
        &self,
        store: &dyn Store,
        stop: &AtomicBool,
    ) -> Outcome<Vec<(Instant, Instant)>> {
        let (mut writer, mut random) = (store.writer()?, Random::new(99));
        let mut commits = Vec::new();
        while !stop.load(Ordering::Relaxed) {
            let put = (key(random.below(self.entries)), self.values.get(random.next()));
            let before = Instant::now();
            writer.commit(&[put], true)?;
            commits.push((before, Instant::now()));
        }
        Ok(commits)
    }

    fn compact_alone(&self, store: &dyn Store) -> Outcome<()> {
        let (before, cpu) = (written_bytes(store.pid())?, cpu_seconds(store)?);
        let start = Instant::now();
        store.compact()?;
        let took = start.elapsed().as_secs_f64();
        say("W7a", "cpu_us", (cpu_seconds(store)? - cpu) * 1e6)?;
        let written = written_bytes(store.pid())? - before;
        say("W7e", "ratio", written as f64 / self.live_bytes)?;
        say("W7a", "rate_alone", self.live_bytes / 1e6 / took)?;
        let disk = disk_bytes(self.dir)? as f64;
        let used = store.used_bytes().map_or(disk, |used| used as f64);
        say("W7c", "ratio", used / self.live_bytes)?;
        say("W7c", "disk_ratio", disk / self.live_bytes)
    }
}

/// Commits per second that ended in a span.
fn rate(commits: &[(Instant, Instant)], start: Option<Instant>, end: Instant) -> f64 {
    let Some(start) = start else { return 0.0 };
    let count = commits.iter().filter(|commit| commit.1 >= start && commit.1 < end).count();
    count as f64 / (end - start).as_secs_f64()
}

/// Writing the live bytes and syncing once; and the longest of durable commits that nobody disturbs.
pub fn limit(args: &Args) -> Outcome<()> {
    let dir = args.dir();
    let entries: u64 = args.get("entries", 20_000)?;
    let live_bytes = entries * (KEY_BYTES as u64 + 150);
    fresh(&dir)?;
    let piece = vec![7; 1 << 20];
    let start = Instant::now();
    let mut file = File::create(dir.join("raw"))?;
    for _ in 0..live_bytes.div_ceil(piece.len() as u64) {
        file.write_all(&piece)?;
    }
    file.sync_all()?;
    say("W7a", "rate", live_bytes as f64 / 1e6 / start.elapsed().as_secs_f64())
}
