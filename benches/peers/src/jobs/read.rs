//! W5: random gets by one and two threads, scans, and the memory that it takes, on what a load left.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::time::Instant;

use super::say;
use crate::args::Args;
use crate::data::{Random, Values, key};
use crate::measure::anonymous_bytes;
use crate::store::{
    self, KEY_BYTES, Key, Options, Outcome, Reader, Scanned, Store, cpu_seconds, touch,
};

pub fn run(args: &Args) -> Outcome<()> {
    let (contestant, dir) = (args.text("contestant", ""), args.dir());
    let entries: u64 = args.get("entries", 100_000)?;
    let gets: u64 = args.get("gets", entries)?;
    let suffix = args.text("suffix", "");
    let expected = Scanned { entries, bytes: entries * (KEY_BYTES as u64 + 150) };
    let store = store::open(&contestant, &dir, Options::default())?;
    // Not measured: what is read comes into the caches.
    scan(&*store, expected)?;
    for threads in [1, 2] {
        let row = format!("W5a-{threads}{suffix}");
        let cpu = cpu_seconds(&*store)?;
        say(&row, "rate", get_all(&|| store.reader(), entries, gets, threads)?)?;
        say(&row, "cpu_us", (cpu_seconds(&*store)? - cpu) * 1e6 / (gets * threads) as f64)?;
    }
    let (row, cpu) = (format!("W5b{suffix}"), cpu_seconds(&*store)?);
    let best = [scan(&*store, expected)?, scan(&*store, expected)?];
    say(&row, "rate", best.into_iter().fold(0.0, f64::max))?;
    say(&row, "cpu_us", (cpu_seconds(&*store)? - cpu) * 1e6 / (2 * entries) as f64)?;
    say(&format!("W5c{suffix}"), "anon_bytes", anonymous_bytes(store.pid())? as f64)
}

/// Entries per second.
fn scan(store: &dyn Store, expected: Scanned) -> Outcome<f64> {
    let mut reader = store.reader()?;
    let start = Instant::now();
    let scanned = reader.scan()?;
    let took = start.elapsed().as_secs_f64();
    if scanned != expected {
        return Err(format!("a scan saw {scanned:?} instead of {expected:?}").into());
    }
    Ok(scanned.entries as f64 / took)
}

/// Gets per second of all threads.
pub fn get_all<'a>(
    reader: &(dyn Fn() -> Outcome<Box<dyn Reader + 'a>> + Sync),
    entries: u64,
    gets: u64,
    threads: u64,
) -> Outcome<f64> {
    let start = Instant::now();
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|thread| scope.spawn(move || get_many(&mut *reader()?, entries, gets, thread)))
            .collect();
        let joined = running.into_iter().map(|thread| thread.join());
        joined.map(|one| one.map_err(|_| "a reader panicked")?).collect::<Outcome<Vec<()>>>()
    })?;
    Ok((gets * threads) as f64 / start.elapsed().as_secs_f64())
}

fn get_many(reader: &mut dyn Reader, entries: u64, gets: u64, seed: u64) -> Outcome<()> {
    let mut random = Random::new(seed);
    for _ in 0..gets {
        let number = random.below(entries);
        if reader.get(&key(number))?.is_none() {
            return Err(format!("key {number} is not there").into());
        }
    }
    Ok(())
}

/// A hash map in memory for the gets, and a row of bytes for the scan.
pub fn limit(args: &Args) -> Outcome<()> {
    let entries: u64 = args.get("entries", 100_000)?;
    let gets: u64 = args.get("gets", entries)?;
    let values = Values::new(150);
    let owned = |n| <[u8; 150]>::try_from(values.get(n));
    let mut map = Map::default();
    for number in 0..entries {
        map.insert(key(number), owned(number)?);
    }
    for threads in [1, 2] {
        let rate = get_all(&|| Ok(Box::new(InMap(&map))), entries, gets, threads)?;
        say(&format!("W5a-{threads}"), "rate", rate)?;
    }
    Ok(())
}

type Map = HashMap<Key, [u8; 150], BuildHasherDefault<FirstBytes>>;

/// The keys are random: their first bytes are a hash.
#[derive(Default)]
struct FirstBytes(u64);

impl Hasher for FirstBytes {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk() {
            self.0 = u64::from_le_bytes(*first);
        }
    }
}

struct InMap<'a>(&'a Map);

impl Reader for InMap<'_> {
    fn get(&mut self, key: &Key) -> Outcome<Option<usize>> {
        Ok(self.0.get(key).map(|value| touch(value)))
    }

    fn scan(&mut self) -> Outcome<Scanned> {
        Err("a hash map has no order".into())
    }
}
