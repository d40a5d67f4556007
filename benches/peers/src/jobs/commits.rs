//! W1, W2, W3: durable commits for some seconds, by one thread or many, of one put or many.

use std::time::{Duration, Instant};

use super::{fresh, say};
use crate::args::Args;
use crate::data::{Values, key};
use crate::measure::{Latencies, anonymous_bytes, disk_bytes};
use crate::raw::{Group, Log};
use crate::store::{self, Options, Outcome, Put, Writer, cpu_seconds};

/// Not measured: files are made, caches warm up.
const WARM_UP: Duration = Duration::from_millis(300);
/// Numbers of keys that one writer may use.
const KEYS_EACH: u64 = 1 << 40;

struct Work {
    writers: u64,
    puts: u64,
    seconds: f64,
    values: Values,
}

pub fn run(args: &Args) -> Outcome<()> {
    let (row, contestant, dir) = (args.text("row", "W1"), args.text("contestant", ""), args.dir());
    let work = Work {
        writers: args.get("writers", 1)?,
        puts: args.get("puts", 1)?,
        seconds: args.get("seconds", 1.0)?,
        values: Values::new(args.get("value-bytes", 150)?),
    };
    fresh(&dir)?;
    if contestant.starts_with("raw") {
        let group = Group::new(Log::create(&dir, &contestant)?);
        return work.measure(&row, || Ok(Box::new(RawWriter(&group)))).map(drop);
    }
    let store = store::open(&contestant, &dir, Options::default())?;
    let before = cpu_seconds(&*store)?;
    let commits = work.measure(&row, || store.writer())?;
    say(&row, "cpu_us", (cpu_seconds(&*store)? - before) * 1e6 / commits as f64)?;
    say(&row, "anon_bytes", anonymous_bytes(store.pid())? as f64)?;
    say(&row, "disk_bytes", disk_bytes(&dir)? as f64)
}

struct RawWriter<'a>(&'a Group);

impl Writer for RawWriter<'_> {
    fn commit(&mut self, puts: &[Put<'_>], _durable: bool) -> Outcome<()> {
        self.0.commit(puts)
    }
}

impl Work {
    /// How many commits there were, with those that are not in the rate.
    fn measure<'a>(
        &self,
        row: &str,
        writer: impl Fn() -> Outcome<Box<dyn Writer + 'a>> + Sync,
    ) -> Outcome<u64> {
        let start = Instant::now() + WARM_UP;
        let end = start + Duration::from_secs_f64(self.seconds);
        let measured = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..self.writers)
                .map(|number| {
                    let writer = &writer;
                    scope.spawn(move || self.commit_until(&mut *writer()?, number, start, end))
                })
                .collect();
            let joined = threads.into_iter().map(|thread| thread.join());
            joined.map(|one| one.map_err(|_| "a writer panicked")?).collect::<Outcome<Vec<_>>>()
        })?;
        let (mut all, mut commits) = (Latencies::new()?, 0);
        for (latencies, count) in &measured {
            all.add(latencies)?;
            commits += count;
        }
        say(row, "rate", all.count() as f64 / self.seconds)?;
        say(row, "p50_us", all.micros(0.5))?;
        say(row, "p99_us", all.micros(0.99))?;
        say(row, "max_us", all.max_micros())?;
        Ok(commits)
    }

    fn commit_until(
        &self,
        writer: &mut dyn Writer,
        number: u64,
        start: Instant,
        end: Instant,
    ) -> Outcome<(Latencies, u64)> {
        let (mut latencies, mut count) = (Latencies::new()?, 0);
        let mut next = number * KEYS_EACH;
        loop {
            let puts: Vec<Put<'_>> =
                (next..next + self.puts).map(|n| (key(n), self.values.get(n))).collect();
            next += self.puts;
            let before = Instant::now();
            if before >= end {
                return Ok((latencies, count));
            }
            writer.commit(&puts, true)?;
            let after = Instant::now();
            count += 1;
            if before >= start && after < end {
                latencies.record(after - before)?;
            }
        }
    }
}
