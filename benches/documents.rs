//! The documents' daily bench: `cargo bench --bench documents [-- --documents N --seconds S --dir DIR --growth]`; without
//! `--bench` it runs tiny, to see that it runs.
//!
//! Documents of about 1 KB: bulks of a thousand, single updates by 1, 8 and 32 threads, reads, lists, changes, the growth of
//! a file under updates, compaction alone and beside writers (these two alone: `--growth`). `--open-bytes N` also makes a shard
//! of so many bytes and opens it, after a close and after a kill; it alone: `--open`. Only ratios within one run mean something.

#[path = "shards/opening.rs"]
mod opening;

use std::fmt::Write as _;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use hdrhistogram::Histogram;
use pumice::clock::{Clock, SystemClock};
use pumice::documents::{
    AllDocsRange, AutomaticCompaction, ChangesOptions, CreateOptions, Database, Databases,
    DocumentsOptions, Edit, EditMode, Members, MemoryCatalog, OpenOptions, ParseLimits, Since,
    parse_bulk, parse_document,
};
use pumice::vfs::os::OsVfs;

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

const BULK: u64 = 1000;

struct Bench {
    clock: Arc<SystemClock>,
    dir: PathBuf,
    documents: u64,
    time: Duration,
    growth_only: bool,
    open_only: bool,
    /// How large a shard is made to be opened; 0: none.
    open_bytes: u64,
}

/// The shard that CouchDB's row opened.
const OPEN_BYTES: u64 = 850_000_000;

fn main() -> Outcome<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let measured = words.iter().any(|word| word == "--bench");
    let after = |name: &str| {
        let place = words.iter().position(|word| word == name)?;
        words.get(place + 1).cloned()
    };
    let number = |name, default| after(name).map_or(Ok(default), |text| text.parse::<u64>());
    if let Some(place) = words.iter().position(|word| word == opening::STEP) {
        return opening::run_step(words.get(place + 1..).unwrap_or_default());
    }
    let dir = tempfile::tempdir()?;
    let millis = number("--seconds", if measured { 2 } else { 0 })? * 1000 + 50;
    let bench = Bench {
        clock: Arc::new(SystemClock::new()),
        dir: after("--dir").map_or_else(|| dir.path().to_path_buf(), PathBuf::from),
        documents: number("--documents", if measured { 100_000 } else { 3000 })?,
        time: Duration::from_millis(millis),
        open_only: words.iter().any(|word| word == "--open"),
        open_bytes: number("--open-bytes", if measured { 0 } else { 1 << 20 })?,
        growth_only: words.iter().any(|word| word == "--growth"),
    };
    bench.run()
}

fn say(line: &str) -> Outcome<()> {
    Ok(writeln!(std::io::stdout().lock(), "{line}")?)
}

/// A document of 963 bytes, as CouchDB's row was measured with.
fn json(id: &str, version: u64, rev: &str) -> String {
    let mut text = format!("{{\"_id\":\"{id}\"{rev},\"version\":{version},\"active\":true");
    for field in 0..14 {
        let salt = version.wrapping_mul(31) + field;
        let _infallible = write!(
            text,
            ",\"field_{field}\":\"value {salt:>12} of some length, as it is {field:>4}\""
        );
    }
    text.push('}');
    text
}

fn id(number: u64) -> String {
    format!("document-{number:012}")
}

fn edit(number: u64, version: u64, rev: &str) -> Outcome<Edit> {
    let rev = if rev.is_empty() { String::new() } else { format!(",\"_rev\":\"{rev}\"") };
    let id = id(number);
    let document = parse_document(json(&id, version, &rev).as_bytes())?;
    Ok(document.into_edit(id))
}

impl Bench {
    fn open(&self, name: &str) -> Outcome<(Databases, Arc<Database>)> {
        let compaction = AutomaticCompaction { enabled: false, ..AutomaticCompaction::default() };
        let options = DocumentsOptions { compaction, ..DocumentsOptions::default() };
        let catalog = Arc::new(MemoryCatalog::new());
        let dir = self.dir.join(name);
        let databases =
            Databases::open(&dir, OsVfs::shared(), self.clock.clone(), catalog, options)?;
        let database = databases.create("bench", &CreateOptions::with_shards(1))?;
        Ok((databases, database))
    }

    fn run(&self) -> Outcome<()> {
        let size = json(&id(1), 1, "").len();
        say(&format!("{} documents of {size} bytes, 1 shard", self.documents))?;
        if self.open_only {
            let bytes = if self.open_bytes == 0 { OPEN_BYTES } else { self.open_bytes };
            return opening::row(&self.dir.join("open"), bytes);
        }
        if self.growth_only {
            let (_open, db) = self.open("b")?;
            self.updates(&db)?;
            return self.compaction(&db);
        }
        let (_open, db) = self.open("a")?;
        self.parse()?;
        self.bulk(&db)?;
        for threads in [1, 8, 32] {
            self.new_documents(&db, threads)?;
        }
        self.reads(&db)?;
        db.compact_now()?;
        say("after a compaction")?;
        self.reads(&db)?;
        let (_open, db) = self.open("b")?;
        self.updates(&db)?;
        self.compaction(&db)?;
        if self.open_bytes > 0 {
            opening::row(&self.dir.join("open"), self.open_bytes)?;
        }
        Ok(())
    }

    fn timed(&self, what: &str, count: u64, work: impl FnOnce() -> Outcome<()>) -> Outcome<f64> {
        let start = self.clock.monotonic();
        work()?;
        let took = self.clock.monotonic().saturating_sub(start).as_secs_f64();
        say(&format!("{what:<34} {:>12.0} /s", count as f64 / took))?;
        Ok(took)
    }

    fn parse(&self) -> Outcome<()> {
        let text = json(&id(1), 1, "");
        self.timed("parse", 20_000, || {
            (0..20_000).try_for_each(|_| Ok(parse_document(text.as_bytes()).map(|_| ())?))
        })?;
        Ok(())
    }

    fn bulk(&self, db: &Database) -> Outcome<()> {
        let bodies: Vec<_> = (0..self.documents / BULK)
            .map(|bulk| {
                let docs: Vec<_> = (0..BULK)
                    .map(|n| json(&id((bulk * BULK + n) * 7919 % (1 << 40)), 1, ""))
                    .collect();
                format!("{{\"docs\":[{}]}}", docs.join(","))
            })
            .collect();
        let count = self.documents / BULK * BULK;
        self.timed("bulks of 1,000, from text", count, || {
            for body in &bodies {
                let edits = parse_bulk(body.as_bytes(), &ParseLimits::default())?
                    .docs
                    .into_iter()
                    .map(|document| {
                        let id = document.id.clone().unwrap_or_default();
                        document.into_edit(id)
                    });
                for outcome in db.update(edits.collect(), EditMode::Interactive) {
                    outcome?;
                }
            }
            Ok(())
        })?;
        Ok(())
    }

    fn new_documents(&self, db: &Database, threads: u64) -> Outcome<()> {
        let stop = AtomicBool::new(false);
        let start = self.clock.monotonic();
        let histograms = std::thread::scope(|scope| {
            let work = |thread: u64| {
                let stop = &stop;
                scope.spawn(move || -> Outcome<Histogram<u64>> {
                    let mut latencies = Histogram::new(3)?;
                    let mut number = (threads << 48) + (thread << 40) + (1 << 60);
                    while !stop.load(Ordering::Relaxed) {
                        number += 1;
                        let begin = self.clock.monotonic();
                        db.update_one(edit(number, 1, "")?)?;
                        let took = self.clock.monotonic().saturating_sub(begin);
                        latencies.record(u64::try_from(took.as_micros())?)?;
                        if self.clock.monotonic().saturating_sub(start) >= self.time {
                            stop.store(true, Ordering::Relaxed);
                        }
                    }
                    Ok(latencies)
                })
            };
            let threads: Vec<_> = (0..threads).map(work).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().map_err(|_| "a writer panicked")?)
                .collect::<Outcome<Vec<_>>>()
        })?;
        let took = self.clock.monotonic().saturating_sub(start).as_secs_f64();
        let mut all = Histogram::<u64>::new(3)?;
        for histogram in histograms {
            all.add(histogram)?;
        }
        say(&format!(
            "{:<34} {:>12.0} /s   p50 {} us, p99 {} us, max {} us",
            format!("new documents, {threads} threads"),
            all.len() as f64 / took,
            all.value_at_quantile(0.5),
            all.value_at_quantile(0.99),
            all.max(),
        ))
    }

    fn reads(&self, db: &Database) -> Outcome<()> {
        let count = self.documents / BULK * BULK;
        let mut out = Vec::new();
        self.timed("get, random, as text", count, || {
            for n in 0..count {
                let number = n.wrapping_mul(0x9e37_79b9) % count * 7919 % (1 << 40);
                out.clear();
                db.open(&id(number), &OpenOptions::default())?
                    .write_json(&mut out, &Members::default())?;
            }
            Ok(())
        })?;
        for include_docs in [false, true] {
            let total = db.info().doc_count;
            self.timed(
                if include_docs { "all_docs with documents" } else { "all_docs" },
                total,
                || {
                    let mut rows =
                        db.all_docs(&AllDocsRange { include_docs, ..AllDocsRange::default() })?;
                    while let Some(row) = rows.next()? {
                        out.clear();
                        if let Some(document) = row.document {
                            document.write_json(&mut out, &Members::default())?;
                        }
                    }
                    Ok(())
                },
            )?;
            self.timed(
                if include_docs { "changes with documents" } else { "changes" },
                total,
                || {
                    let options = ChangesOptions { include_docs, ..ChangesOptions::default() };
                    let mut changes = db.changes(&Since::Zero, &options)?;
                    while let Some(change) = changes.next()? {
                        out.clear();
                        write!(out, "{}", change.seq)?;
                        if let Some(document) = change.document {
                            document.write_json(&mut out, &Members::default())?;
                        }
                    }
                    Ok(())
                },
            )?;
        }
        Ok(())
    }

    /// The same documents again and again: what a file grows by.
    fn updates(&self, db: &Database) -> Outcome<()> {
        let documents = (self.documents / 5).max(BULK);
        let mut revs = vec![String::new(); usize::try_from(documents)?];
        let before = db.info().sizes.file;
        self.timed("updates, 20 each, in bulks", documents * 20, || {
            for version in 1..=20 {
                for first in (0..documents).step_by(usize::try_from(BULK)?) {
                    let part = first..(first + BULK).min(documents);
                    let edits: Outcome<Vec<_>> = part
                        .clone()
                        .map(|n| {
                            edit(n, version, revs.get(usize::try_from(n)?).map_or("", |rev| rev))
                        })
                        .collect();
                    for (n, outcome) in part.zip(db.update(edits?, EditMode::Interactive)) {
                        if let Some(rev) = revs.get_mut(usize::try_from(n)?) {
                            *rev = outcome?.rev.to_string();
                        }
                    }
                }
            }
            Ok(())
        })?;
        let sizes = db.info().sizes;
        let each = (sizes.file - before) / (documents * 20);
        say(&format!(
            "    {each} file bytes an update; file {} MB, active {} MB",
            sizes.file >> 20,
            sizes.active >> 20
        ))
    }

    fn compaction(&self, db: &Database) -> Outcome<()> {
        let sizes = db.info().sizes;
        let docs = db.info().doc_count;
        let took = self.timed("compaction, documents", docs, || Ok(db.compact_now()?))?;
        let after = db.info().sizes;
        say(&format!(
            "    {:.0} MB/s of active bytes; file {} to {}, active {}",
            sizes.active as f64 / took / 1e6,
            sizes.file,
            after.file,
            after.active
        ))?;
        let (stop, written) = (AtomicBool::new(false), AtomicU64::new(0));
        std::thread::scope(|scope| {
            let writers: Vec<_> = (0..8_u64)
                .map(|thread| {
                    let (stop, written) = (&stop, &written);
                    scope.spawn(move || -> Outcome<Histogram<u64>> {
                        let mut latencies = Histogram::new(3)?;
                        let mut number = (thread << 40) + (1 << 61);
                        while !stop.load(Ordering::Relaxed) {
                            number += 1;
                            let begin = self.clock.monotonic();
                            db.update_one(edit(number, 1, "")?)?;
                            let took = self.clock.monotonic().saturating_sub(begin);
                            latencies.record(u64::try_from(took.as_micros())?)?;
                            written.fetch_add(1, Ordering::Relaxed);
                        }
                        Ok(latencies)
                    })
                })
                .collect();
            let begin = self.clock.monotonic();
            let compacted = (0..3).try_for_each(|_| db.compact_now());
            let took = self.clock.monotonic().saturating_sub(begin).as_secs_f64();
            stop.store(true, Ordering::Relaxed);
            let mut all = Histogram::<u64>::new(3)?;
            for writer in writers {
                all.add(writer.join().map_err(|_| "a writer panicked")??)?;
            }
            compacted?;
            say(&format!(
                "{:<34} {:>12.2} s    beside it {:.0} writes/s, p99 {} us, max {} us",
                "3 compactions under 8 writers",
                took,
                written.load(Ordering::Relaxed) as f64 / took,
                all.value_at_quantile(0.99),
                all.max(),
            ))
        })
    }
}
