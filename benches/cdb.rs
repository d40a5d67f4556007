//! The database's daily bench: `cargo bench --bench cdb [-- --devices N --seconds S --dir DIR]`; without `--bench`
//! it runs tiny, to see that it runs.
//!
//! Config transactions of one leaf, of a hundred, and a load of ten thousand nodes; reads through key paths;
//! how soon a subscriber knows; a compaction under both write policies beside a writer. Only ratios within one
//! run mean something.

use std::fmt::Write as _;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

use hdrhistogram::Histogram;
use pumice::cdb::{
    Author, BytesSource, Cdb, CompactionOptions, Datastore, JournalCompaction, LoadOptions, Path,
    RunOptions, SubscriptionPoint, Value,
};
use pumice::clock::{Clock, Signal, SystemClock};
use pumice::journal::WritePolicy;
use pumice::vfs::os::OsVfs;
use pumice::vfs::{OpenMode, Vfs};

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Leaves of a device; with its entry in the list, five nodes.
const LEAVES: [&str; 4] = ["address", "port", "platform", "state"];
const NODES_EACH: u64 = 5;
/// Devices that one transaction makes when the tree is filled.
const FILL_STEP: u64 = 2000;
const LOADED_DEVICES: u64 = 2000;

struct Bench {
    clock: Arc<SystemClock>,
    dir: PathBuf,
    devices: u64,
    time: Duration,
}

fn main() -> Outcome<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let measured = words.iter().any(|word| word == "--bench");
    let after = |name: &str| {
        let place = words.iter().position(|word| word == name)?;
        words.get(place + 1).cloned()
    };
    let number = |name, default| after(name).map_or(Ok(default), |text| text.parse::<u64>());
    let dir = tempfile::tempdir()?;
    let millis = number("--seconds", if measured { 2 } else { 0 })? * 1000 + 50;
    let bench = Bench {
        clock: Arc::new(SystemClock::new()),
        dir: after("--dir").map_or_else(|| dir.path().to_path_buf(), PathBuf::from),
        devices: number("--devices", if measured { 200_000 } else { 2000 })?,
        time: Duration::from_millis(millis),
    };
    bench.run()
}

fn say(line: &str) -> Outcome<()> {
    Ok(writeln!(std::io::stdout().lock(), "{line}")?)
}

fn leaf(device: u64, leaf: &str) -> String {
    format!("/devices/device{{ce{device}}}/{leaf}")
}

/// Spreads numbers over the devices.
fn pick(number: u64, of: u64) -> u64 {
    number.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29) % of.max(1)
}

/// Times what is done again and again.
struct Rate {
    latencies: Histogram<u64>,
    took: Duration,
}

impl Rate {
    fn line(&self, what: &str, each: u64) -> String {
        let count = self.latencies.len() * each;
        let at = |quantile| self.latencies.value_at_quantile(quantile) as f64 / 1e3;
        format!(
            "{what:<44} {:>10.0}/s  p50 {:.1} p99 {:.1} max {:.1} us",
            count as f64 / self.took.as_secs_f64(),
            at(0.5),
            at(0.99),
            self.latencies.max() as f64 / 1e3
        )
    }
}

impl Bench {
    fn run(&self) -> Outcome<()> {
        let cdb = self.open("cdb")?;
        self.fill(&cdb)?;
        cdb.compactions().run(Datastore::Config, RunOptions::default())?;
        say(&format!(
            "{} nodes in {} MB; the disk alone: {}",
            cdb.node_count(Datastore::Config),
            cdb.stats(Datastore::Config).file_bytes >> 20,
            self.raw()?
        ))?;
        for leaves in [1, 100] {
            let rate = self.commits(&cdb, leaves)?;
            say(&rate.line(&format!("transaction of {leaves} leaves, 1 writer"), 1))?;
        }
        self.commits_of_many(&cdb, 8)?;
        self.reads(&cdb)?;
        self.load()?;
        self.notifications(&cdb)?;
        for policy in [WritePolicy::Blocking, WritePolicy::Background] {
            self.compaction(&cdb, policy)?;
        }
        Ok(cdb.close()?)
    }

    fn open(&self, name: &str) -> Outcome<Cdb> {
        let dir = self.dir.join(name);
        for file in OsVfs.list(&dir).unwrap_or_default() {
            OsVfs.remove(&dir.join(file))?;
        }
        let journal_compaction = JournalCompaction::Manual;
        let options = CompactionOptions { journal_compaction, ..CompactionOptions::default() };
        Ok(Cdb::options().compaction(options).open(&dir)?)
    }

    fn since(&self, start: Duration) -> Duration {
        self.clock.monotonic().saturating_sub(start)
    }

    fn repeat(&self, mut work: impl FnMut(u64) -> Outcome<()>) -> Outcome<Rate> {
        let mut latencies = Histogram::new(3)?;
        let start = self.clock.monotonic();
        let mut number = 0;
        while self.since(start) < self.time {
            let before = self.clock.monotonic();
            work(number)?;
            latencies.record(u64::try_from(self.since(before).as_nanos())?)?;
            number += 1;
        }
        Ok(Rate { latencies, took: self.since(start) })
    }

    fn fill(&self, cdb: &Cdb) -> Outcome<()> {
        let start = self.clock.monotonic();
        let mut next = 0;
        while next < self.devices {
            let end = (next + FILL_STEP).min(self.devices);
            cdb.write(Datastore::Config, |tx| {
                for device in next..end {
                    tx.set_text(leaf(device, "address").as_str(), &format!("10.0.0.{device}"))?;
                    tx.set(leaf(device, "port").as_str(), Value::Uint16(830))?;
                    tx.set_text(leaf(device, "platform").as_str(), "a router of some kind")?;
                    tx.set_text(leaf(device, "state").as_str(), "unlocked")?;
                }
                Ok(())
            })?;
            next = end;
        }
        let nodes = (self.devices * NODES_EACH) as f64;
        let rate = nodes / self.since(start).as_secs_f64();
        let what = format!("filling, {} nodes a transaction", FILL_STEP * NODES_EACH);
        say(&format!("{what:<44} {rate:>10.0} nodes/s"))
    }

    /// One durable write of 256 bytes after the other, into written space.
    fn raw(&self) -> Outcome<String> {
        let path = self.dir.join("raw");
        if OsVfs.exists(&path)? {
            OsVfs.remove(&path)?;
        }
        let file = OsVfs.open(&path, OpenMode::CreateNew)?;
        file.write_all_at(&vec![0; 16 << 20], 0)?;
        file.sync_all()?;
        let rate =
            self.repeat(|number| Ok(file.write_durable_at(&[7; 256], number % 60_000 * 256)?))?;
        OsVfs.remove(&path)?;
        Ok(rate.line("256 bytes, durable", 1).split_whitespace().collect::<Vec<_>>().join(" "))
    }

    fn commits(&self, cdb: &Cdb, leaves: u64) -> Outcome<Rate> {
        self.repeat(|number| self.commit(cdb, number, leaves))
    }

    fn commit(&self, cdb: &Cdb, number: u64, leaves: u64) -> Outcome<()> {
        // Always another value: what changes nothing is told to nobody.
        let state = format!("state {number} of {:?}", self.clock.monotonic());
        cdb.write(Datastore::Config, |tx| {
            for device in number * leaves..(number + 1) * leaves {
                let path = leaf(pick(device, self.devices), "state");
                tx.set_text(path.as_str(), &state)?;
            }
            Ok(())
        })?;
        Ok(())
    }

    fn commits_of_many(&self, cdb: &Cdb, writers: u64) -> Outcome<()> {
        let rates = std::thread::scope(|scope| {
            let running: Vec<_> = (0..writers)
                .map(|writer| {
                    scope.spawn(move || {
                        self.repeat(|number| self.commit(cdb, number * writers + writer, 1))
                    })
                })
                .collect();
            let joined = running.into_iter().map(std::thread::ScopedJoinHandle::join);
            joined.map(|one| one.map_err(|_| "a writer panicked")?).collect::<Outcome<Vec<_>>>()
        })?;
        let mut all = Rate { latencies: Histogram::new(3)?, took: self.time };
        for rate in &rates {
            all.latencies.add(&rate.latencies)?;
            all.took = all.took.max(rate.took);
        }
        say(&all.line(&format!("transaction of 1 leaf, {writers} writers"), 1))
    }

    fn reads(&self, cdb: &Cdb) -> Outcome<()> {
        const AT_ONCE: u64 = 100;
        let view = cdb.begin_read(Datastore::Config);
        let leaf_of = |number: u64, one: u64| {
            let device = pick(number * AT_ONCE + one, self.devices);
            leaf(device, LEAVES.get(usize::try_from(one % 4).unwrap_or(0)).unwrap_or(&"port"))
        };
        let rate = self.repeat(|number| {
            (0..AT_ONCE).try_for_each(|one| {
                view.get(leaf_of(number, one).as_str())?.ok_or("a leaf is not there")?;
                Ok(())
            })
        })?;
        say(&rate.line("reads by path as text (times for 100)", AT_ONCE))?;
        let paths: Vec<Path> =
            (0..50_000).map(|one| leaf_of(one, one % 4).parse()).collect::<Result<_, _>>()?;
        let mut next = paths.iter().cycle();
        let rate = self.repeat(|_| {
            next.by_ref().take(100).try_for_each(|path| {
                view.get(path)?.ok_or("a leaf is not there")?;
                Ok(())
            })
        })?;
        say(&rate.line("reads by parsed path (times for 100)", AT_ONCE))?;
        let rate = self.repeat(|number| {
            let device = pick(number, self.devices);
            let entry = view.get_object(format!("/devices/device{{ce{device}}}").as_str())?;
            entry.ok_or("a device is not there").map(drop)?;
            Ok(())
        })?;
        say(&rate.line("reads of whole devices", 1))
    }

    /// XML with ten thousand nodes, loaded into an empty database, again and again.
    fn load(&self) -> Outcome<()> {
        let mut xml = String::from("<devices>");
        for device in 0..LOADED_DEVICES {
            writeln!(
                xml,
                "<device><name>ce{device}</name><address>10.0.0.{device}</address><port>830</port>\
                 <platform>a router of some kind</platform><state>unlocked</state></device>"
            )?;
        }
        xml += "</devices>";
        let cdb = self.open("load")?;
        let rate = self.repeat(|number| {
            let xml = xml.replace("ce", &format!("ce{number}-"));
            let source = BytesSource::new("devices.xml", xml.as_bytes());
            cdb.load(Datastore::Config, &source, &LoadOptions::default(), &Author::default())?;
            Ok(())
        })?;
        let nodes = LOADED_DEVICES * NODES_EACH;
        say(&rate.line(&format!("load of {nodes} nodes from XML, in nodes"), nodes))
    }

    /// From the call of the commit to the subscriber's hands, and to the commit's answer.
    fn notifications(&self, cdb: &Cdb) -> Outcome<()> {
        let point = SubscriptionPoint::new("/devices/device{*}/state")?;
        let changes = cdb.subscribe(Datastore::Config, point);
        let (say_when, when) = channel();
        let clock = self.clock.clone();
        let subscriber = std::thread::spawn(move || {
            while let Some(delivery) = changes.next() {
                if say_when.send(clock.monotonic()).is_err() {
                    return;
                }
                delivery.acknowledge();
            }
        });
        let mut delivered = Histogram::<u64>::new(3)?;
        let rate = self.repeat(|number| {
            let before = self.clock.monotonic();
            self.commit(cdb, number, 1)?;
            let took = when.recv()?.saturating_sub(before);
            Ok(delivered.record(u64::try_from(took.as_nanos())?)?)
        })?;
        // It ends at the next delivery, which nobody receives.
        drop(when);
        self.commit(cdb, 1, 1)?;
        subscriber.join().map_err(|_| "the subscriber panicked")?;
        say(&rate.line("transaction of 1 leaf, 1 subscriber", 1))?;
        let told = Rate { latencies: delivered, took: rate.took };
        say(&told.line("... until the subscriber has it", 1))
    }

    fn compaction(&self, cdb: &Cdb, policy: WritePolicy) -> Outcome<()> {
        let stop = AtomicBool::new(false);
        let (entry, longest, rate) = std::thread::scope(|scope| {
            let writing = scope.spawn(|| self.write_until(cdb, &stop));
            self.pause();
            let options = RunOptions { write_policy: Some(policy), ..RunOptions::default() };
            let entry = cdb.compactions().run(Datastore::Config, options);
            stop.store(true, Ordering::Relaxed);
            let (longest, rate) = writing.join().map_err(|_| "the writer panicked")??;
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>((entry?, longest, rate))
        })?;
        let live = cdb.stats(Datastore::Config).live_bytes as f64;
        say(&format!(
            "{:<44} {:>7.0} ms, {:.0} MB/s of live data; writers held back {:.1} ms, longest commit {:.1} ms, p50 {:.2} ms",
            format!("compaction of {} nodes, {policy:?}", cdb.node_count(Datastore::Config)),
            entry.duration_micros as f64 / 1e3,
            live / entry.duration_micros as f64,
            entry.blocked_micros as f64 / 1e3,
            longest.as_secs_f64() * 1e3,
            rate,
        ))
    }

    fn write_until(&self, cdb: &Cdb, stop: &AtomicBool) -> Outcome<(Duration, f64)> {
        let (mut latencies, mut number) = (Histogram::<u64>::new(3)?, 0);
        let mut longest = Duration::ZERO;
        while !stop.load(Ordering::Relaxed) {
            let before = self.clock.monotonic();
            self.commit(cdb, number, 1)?;
            let took = self.since(before);
            latencies.record(u64::try_from(took.as_nanos())?)?;
            longest = longest.max(took);
            number += 1;
        }
        Ok((longest, latencies.value_at_quantile(0.5) as f64 / 1e6))
    }

    /// The writer is in its stride before the compaction begins.
    fn pause(&self) {
        let deadline = self.clock.monotonic() + self.time.min(Duration::from_millis(300));
        self.clock.wait(&Signal::new(), Some(deadline));
    }
}
