//! W6: opening what another process left, up to the first read and up to everything read.

use std::fs;
use std::time::Instant;

use super::load::{BATCH, put_range};
use super::{fresh, say};
use crate::args::Args;
use crate::data::{Random, Values, key};
use crate::measure::anonymous_bytes;
use crate::store::{self, Options, Outcome, Put, cpu_seconds};

/// Opens, gets one entry, scans. The files are in the page cache.
pub fn run(args: &Args) -> Outcome<()> {
    let (row, contestant, dir) = (args.text("row", "W6a"), args.text("contestant", ""), args.dir());
    let entries: u64 = args.get("entries", 100_000)?;
    let options = Options { automatic: args.get("automatic", false)?, bulk: false };
    let start = Instant::now();
    let store = store::open(&contestant, &dir, options)?;
    let mut reader = store.reader()?;
    if reader.get(&key(entries / 2))?.is_none() {
        return Err("an entry is not there".into());
    }
    let first = start.elapsed().as_secs_f64();
    let first_cpu = cpu_seconds(&*store)?;
    let scanned = reader.scan()?;
    let all = start.elapsed().as_secs_f64();
    if scanned.entries != entries {
        return Err(format!("{} entries instead of {entries}", scanned.entries).into());
    }
    say(&format!("{row}-first"), "ms", first * 1e3)?;
    say(&format!("{row}-all"), "ms", all * 1e3)?;
    say(&format!("{row}-first"), "cpu_us", first_cpu * 1e6)?;
    say(&format!("{row}-all"), "cpu_us", cpu_seconds(&*store)? * 1e6)?;
    say(&format!("{row}-all"), "anon_bytes", anonymous_bytes(store.pid())? as f64)?;
    match args.get("records", 0_u64)? {
        0 => Ok(()),
        records => say(&format!("{row}-first"), "records_per_s", records as f64 / first),
    }
}

/// Loads `--entries`, then overwrites random ones in durable batches until `--updates` are done, and with
/// `--until killed` from then on until somebody kills the process.
pub fn churn(args: &Args) -> Outcome<()> {
    let (contestant, dir) = (args.text("contestant", ""), args.dir());
    let entries: u64 = args.get("entries", 100_000)?;
    let updates: u64 = args.get("updates", entries)?;
    let automatic = args.get("automatic", true)?;
    let values = Values::new(150);
    fresh(&dir)?;
    let store = store::open(&contestant, &dir, Options { automatic, bulk: true })?;
    put_range(&*store, &values, 0..entries)?;
    store.sync()?;
    let durable = args.text("until", "done") == "killed";
    let (mut writer, mut random, mut done) = (store.writer()?, Random::new(3), 0);
    loop {
        let numbers: Vec<_> = (0..BATCH).map(|_| random.below(entries)).collect();
        let puts: Vec<Put<'_>> =
            numbers.iter().map(|n| (key(*n), values.get(n ^ random.next()))).collect();
        writer.commit(&puts, durable)?;
        done += BATCH;
        if done >= updates {
            if !durable {
                return store.sync();
            }
            say("ready", "updates", done as f64)?;
        }
    }
}

/// Reading a file of the same length and computing its checksum.
pub fn limit(args: &Args) -> Outcome<()> {
    let (row, dir) = (args.text("row", "W6c"), args.dir());
    let records: u64 = args.get("records", 100_000)?;
    fresh(&dir)?;
    let path = dir.join("raw");
    fs::write(&path, vec![7; usize::try_from(records * 172)?])?;
    let start = Instant::now();
    let mut bytes = 0;
    let (mut file, mut piece) = (fs::File::open(&path)?, vec![0; 1 << 20]);
    loop {
        let count = std::io::Read::read(&mut file, &mut piece)?;
        if count == 0 {
            break;
        }
        bytes += count;
        std::hint::black_box(crc32c::crc32c(&piece[..count]));
    }
    let took = start.elapsed().as_secs_f64();
    std::hint::black_box(bytes);
    say(&format!("{row}-first"), "ms", took * 1e3)?;
    say(&format!("{row}-first"), "records_per_s", records as f64 / took)
}
