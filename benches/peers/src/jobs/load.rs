//! W4: everything in batches of 1,000, one sync at the end. The store is left for the rows that read it.

use std::fs::File;
use std::io::Write;
use std::time::Instant;

use super::{fresh, say};
use crate::args::Args;
use crate::data::{Values, key};
use crate::measure::{anonymous_bytes, disk_bytes};
use crate::raw;
use crate::store::{self, Options, Outcome, Put, Store, cpu_seconds};

pub const BATCH: u64 = 1000;

/// `--entries N --compact none|after|half --sorted true`: with `half`, the first half is compacted and the second
/// stays as it was written.
pub fn run(args: &Args) -> Outcome<()> {
    let (row, contestant, dir) = (args.text("row", "W4"), args.text("contestant", ""), args.dir());
    let entries: u64 = args.get("entries", 100_000)?;
    let compact = args.text("compact", "none");
    let values = Values::new(args.get("value-bytes", 150)?);
    fresh(&dir)?;
    let store = store::open(&contestant, &dir, Options { automatic: false, bulk: true })?;
    let (start, cpu) = (Instant::now(), cpu_seconds(&*store)?);
    put_range(&*store, &values, 0..entries / 2)?;
    if compact == "half" {
        store.compact()?;
    }
    put_range(&*store, &values, entries / 2..entries)?;
    store.sync()?;
    say(&row, "rate", entries as f64 / start.elapsed().as_secs_f64())?;
    say(&row, "cpu_us", (cpu_seconds(&*store)? - cpu) * 1e6 / entries as f64)?;
    say(&row, "anon_bytes", anonymous_bytes(store.pid())? as f64)?;
    say(&row, "disk_bytes", disk_bytes(&dir)? as f64)?;
    if compact == "after" {
        store.compact()?;
    }
    Ok(())
}

/// Writes the entries of these numbers, not durably.
pub fn put_range(store: &dyn Store, values: &Values, numbers: std::ops::Range<u64>) -> Outcome<()> {
    let mut writer = store.writer()?;
    let mut next = numbers.start;
    while next < numbers.end {
        let end = (next + BATCH).min(numbers.end);
        let puts: Vec<Put<'_>> = (next..end).map(|n| (key(n), values.get(n))).collect();
        writer.commit(&puts, false)?;
        next = end;
    }
    Ok(())
}

/// The same bytes with a checksum for each batch, written front to back.
pub fn limit(args: &Args) -> Outcome<()> {
    let (row, dir) = (args.text("row", "W4"), args.dir());
    let entries: u64 = args.get("entries", 100_000)?;
    let values = Values::new(args.get("value-bytes", 150)?);
    fresh(&dir)?;
    let start = Instant::now();
    let mut file = File::create(dir.join("raw"))?;
    let (mut next, mut records) = (0, Vec::new());
    while next < entries {
        let puts: Vec<Put<'_>> = (next..next + BATCH).map(|n| (key(n), values.get(n))).collect();
        records.clear();
        raw::encode(&puts, &mut records);
        file.write_all(&records)?;
        next += BATCH;
    }
    file.sync_all()?;
    say(&row, "rate", entries as f64 / start.elapsed().as_secs_f64())
}
