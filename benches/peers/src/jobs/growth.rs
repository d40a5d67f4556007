//! pumice alone, as it grows: what an entry costs in memory and on disk, and what each kind of work costs.

use std::time::Instant;

use super::read::get_all;
use super::{fresh, say};
use crate::args::Args;
use crate::data::{Values, key};
use crate::jobs::load::BATCH;
use crate::measure::{anonymous_bytes, disk_bytes};
use crate::store::{self, KEY_BYTES, Options, Outcome, Put, Store};

/// The tail may grow to this many bytes before it is compacted, so that memory stays bounded.
const TAIL_BYTES: u64 = 512 << 20;
const GETS: u64 = 1_000_000;

/// `--entries N --value-bytes V`: loads in batches, compacting now and then, and at the end once more.
pub fn load(args: &Args) -> Outcome<()> {
    let dir = args.dir();
    let entries: u64 = args.get("entries", 100_000)?;
    let value_bytes: usize = args.get("value-bytes", 150)?;
    let values = Values::new(value_bytes);
    fresh(&dir)?;
    let store = store::open("pumice", &dir, Options { automatic: false, bulk: true })?;
    let entry_bytes = (KEY_BYTES + value_bytes) as u64;
    let batch = BATCH.min((16 << 20) / entry_bytes).max(1);
    let (mut next, mut tail, mut compacting) = (0, 0, 0.0);
    let start = Instant::now();
    let mut writer = store.writer()?;
    while next < entries {
        let end = (next + batch).min(entries);
        let puts: Vec<Put<'_>> = (next..end).map(|n| (key(n), values.get(n))).collect();
        writer.commit(&puts, false)?;
        tail += (end - next) * entry_bytes;
        next = end;
        // Half of what there is at least: else it would be written again and again.
        if tail > TAIL_BYTES.max(next * entry_bytes / 3) && next < entries {
            compacting += compact(&*store)?;
            tail = 0;
        }
    }
    store.sync()?;
    say("growth", "load_s", start.elapsed().as_secs_f64() - compacting)?;
    say("growth", "tail_anon_bytes", anonymous_bytes(store.pid())? as f64)?;
    say("growth", "tail_entries", (tail / entry_bytes) as f64)?;
    compact(&*store)?;
    // Nothing is in the tail now: what one pass over the whole image takes.
    let took = compact(&*store)?;
    say("growth", "compaction_mb_per_s", (entries * entry_bytes) as f64 / 1e6 / took)
}

fn compact(store: &dyn Store) -> Outcome<f64> {
    let start = Instant::now();
    store.compact()?;
    Ok(start.elapsed().as_secs_f64())
}

/// Opens what `load` left, and reads.
pub fn read(args: &Args) -> Outcome<()> {
    let dir = args.dir();
    let entries: u64 = args.get("entries", 100_000)?;
    let gets = GETS.min(args.get("gets", GETS)?);
    let before = anonymous_bytes(std::process::id())?;
    let start = Instant::now();
    let store = store::open("pumice", &dir, Options::default())?;
    say("growth", "open_ms", start.elapsed().as_secs_f64() * 1e3)?;
    store.reader()?.get(&key(entries / 2))?.ok_or("an entry is not there")?;
    say("growth", "first_read_ms", start.elapsed().as_secs_f64() * 1e3)?;
    let start = Instant::now();
    let scanned = store.reader()?.scan()?;
    let took = start.elapsed().as_secs_f64();
    if scanned.entries != entries {
        return Err(format!("{} entries instead of {entries}", scanned.entries).into());
    }
    say("growth", "scan_first_per_s", entries as f64 / took)?;
    let start = Instant::now();
    store.reader()?.scan()?;
    let took = start.elapsed().as_secs_f64();
    say("growth", "scan_per_s", entries as f64 / took)?;
    say("growth", "scan_mb_per_s", scanned.bytes as f64 / 1e6 / took)?;
    for threads in [1, 2] {
        let rate = get_all(&|| store.reader(), entries, gets, threads)?;
        say("growth", &format!("get_{threads}_per_s"), rate)?;
    }
    say("growth", "anon_bytes", (anonymous_bytes(store.pid())? - before) as f64)?;
    say("growth", "disk_bytes", disk_bytes(&dir)? as f64)
}
