//! What compaction costs over a long run: random updates with the store's own thresholds, and what the disk was
//! sent for each byte that was put.

use std::time::Instant;

use super::load::{BATCH, put_range};
use super::{fresh, say};
use crate::args::Args;
use crate::data::{Random, Values, key};
use crate::measure::{disk_bytes, written_bytes};
use crate::store::{self, KEY_BYTES, Options, Outcome, Put};

/// `--entries N --times T`: N entries, each overwritten T times on the average.
pub fn run(args: &Args) -> Outcome<()> {
    let (contestant, dir) = (args.text("contestant", ""), args.dir());
    let entries: u64 = args.get("entries", 100_000)?;
    let times: u64 = args.get("times", 20)?;
    let values = Values::new(150);
    fresh(&dir)?;
    let store = store::open(&contestant, &dir, Options { automatic: true, bulk: true })?;
    put_range(&*store, &values, 0..entries)?;
    store.sync()?;
    let before = written_bytes(store.pid())?;
    let (mut writer, mut random) = (store.writer()?, Random::new(5));
    let (start, mut largest) = (Instant::now(), 0);
    for batch in 0..entries * times / BATCH {
        let numbers: Vec<_> = (0..BATCH).map(|_| random.below(entries)).collect();
        let puts: Vec<Put<'_>> =
            numbers.iter().map(|n| (key(*n), values.get(random.next()))).collect();
        writer.commit(&puts, true)?;
        if batch % 10 == 0 {
            largest = largest.max(disk_bytes(&dir)?);
        }
    }
    let took = start.elapsed().as_secs_f64();
    store.sync()?;
    let written = (written_bytes(store.pid())? - before) as f64;
    let entry_bytes = (KEY_BYTES + 150) as f64;
    let (put, live) = ((entries * times) as f64 * entry_bytes, entries as f64 * entry_bytes);
    say("cost", "written_per_put", written / put)?;
    say("cost", "written_per_live", written / live)?;
    say("cost", "puts_per_s", (entries * times) as f64 / took)?;
    say("cost", "largest_per_live", largest as f64 / live)?;
    say("cost", "last_per_live", disk_bytes(&dir)? as f64 / live)
}
