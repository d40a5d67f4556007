//! Documents over HTTP: `cargo bench --bench http_documents [-- --documents N --seconds S --dir DIR]`; without `--bench` it
//! runs tiny, to see that it runs.
//!
//! `--growth` leaves out the rows before the growth of a file.
//!
//! The rows of CouchDB in docs/performance.md, with a client in the same process that speaks HTTP over sockets of the loopback and
//! takes its share of the machine. Documents of 963 bytes, q=1, nobody has to say who they are. CouchDB's figures are of another run
//! on a machine of the same kind: they show an order of magnitude, no more.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    clippy::assigning_clones,
    reason = "a bench"
)]

#[path = "../tests/http/connection.rs"]
mod connection;
#[path = "../tests/http/server.rs"]
mod server;

use std::fmt::Write as _;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use connection::Connection;
use hdrhistogram::Histogram;
use pumice::clock::{Clock, SystemClock};
use pumice::documents::{AutomaticCompaction, DocumentsOptions};
use pumice::http::HttpOptions;
use server::Server;

const BULK: u64 = 1000;

/// Asks, and wants success.
fn want(connection: &mut Connection, method: &str, target: &str, body: &str) -> Vec<u8> {
    let (status, answer) = connection.ask(method, target, body).unwrap();
    assert!(status < 300, "{method} {target}: {status} {}", String::from_utf8_lossy(&answer));
    answer
}

/// A number of a JSON answer.
fn number_of(connection: &mut Connection, target: &str, pointer: &str) -> u64 {
    let answer = want(connection, "GET", target, "");
    let value: serde_json::Value = serde_json::from_slice(&answer).unwrap();
    value.pointer(pointer).and_then(serde_json::Value::as_u64).unwrap()
}

/// A document of 963 bytes.
fn json(id: &str, version: u64, rev: &str) -> String {
    let mut text = format!("{{\"_id\":\"{id}\",\"version\":{version:>12}");
    if !rev.is_empty() {
        write!(text, ",\"_rev\":\"{rev}\"").unwrap();
    }
    let mut field = 0;
    while text.len() < 880 {
        let salt = version.wrapping_mul(31).wrapping_add(field);
        write!(text, ",\"field_{field}\":\"value {salt:>12} of some length\"").unwrap();
        field += 1;
    }
    let padding = 963_usize.saturating_sub(text.len() + 12);
    write!(text, ",\"rest\":\"{:x<padding$}\"}}", "").unwrap();
    text
}

fn id(number: u64) -> String {
    format!("document-{number:012}")
}

fn rev_of(answer: &[u8]) -> String {
    let value: serde_json::Value = serde_json::from_slice(answer).unwrap();
    value["rev"].as_str().unwrap().to_owned()
}

struct Bench {
    clock: SystemClock,
    dir: PathBuf,
    documents: u64,
    time: Duration,
    growth_only: bool,
    server: Server,
    next: AtomicU64,
}

fn options() -> DocumentsOptions {
    let compaction = AutomaticCompaction { enabled: false, ..AutomaticCompaction::default() };
    DocumentsOptions { compaction, ..DocumentsOptions::default() }
}

fn serve(dir: &std::path::Path) -> Server {
    serve_with(dir, options())
}

fn serve_with(dir: &std::path::Path, documents: DocumentsOptions) -> Server {
    let any = "127.0.0.1:0".parse().unwrap();
    Server::start_with(any, dir, false, HttpOptions::default(), documents)
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let measured = words.iter().any(|word| word == "--bench");
    let after = |name: &str| {
        let place = words.iter().position(|word| word == name)?;
        words.get(place + 1).cloned()
    };
    let number = |name, default: u64| after(name).map_or(default, |text| text.parse().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let dir = after("--dir").map_or_else(|| dir.path().to_path_buf(), PathBuf::from);
    let bench = Bench {
        clock: SystemClock::new(),
        documents: number("--documents", if measured { 20_000 } else { 300 }),
        time: Duration::from_millis(number("--seconds", if measured { 3 } else { 0 }) * 1000 + 20),
        growth_only: words.iter().any(|word| word == "--growth"),
        server: serve(&dir),
        dir,
        next: AtomicU64::new(0),
    };
    bench.run();
}

fn say(what: &str, ours: &str, couchdb: &str) {
    writeln!(std::io::stdout().lock(), "{what:<44} {ours:<58} {couchdb}").unwrap();
}

/// So many a second, beside CouchDB's.
fn rate(per_second: f64, couchdb: f64) -> String {
    format!("{per_second:>9.0}/s = {:.1} x", per_second / couchdb)
}

fn latencies(taken: &Histogram<u64>) -> String {
    let ms = |micros: u64| micros as f64 / 1000.0;
    format!(
        "p50 {:.2} p99 {:.2} max {:.1} ms",
        ms(taken.value_at_quantile(0.5)),
        ms(taken.value_at_quantile(0.99)),
        ms(taken.max())
    )
}

impl Bench {
    fn open(&self) -> Connection {
        Connection::open(self.server.address).unwrap()
    }

    fn timed<T>(&self, work: impl FnOnce() -> T) -> (T, Duration) {
        let begin = self.clock.monotonic();
        let done = work();
        (done, self.clock.monotonic().saturating_sub(begin))
    }

    /// Asks on so many connections for the time of a row, or until `ended`.
    fn repeat(
        &self,
        connections: u64,
        ended: Option<&AtomicBool>,
        ask: impl Fn(&mut Connection, u64) + Sync,
    ) -> (f64, Histogram<u64>) {
        let all = Mutex::new(Histogram::new(3).unwrap());
        let begin = self.clock.monotonic();
        let goes_on = || match ended {
            Some(ended) => !ended.load(Ordering::SeqCst),
            None => self.clock.monotonic().saturating_sub(begin) < self.time,
        };
        std::thread::scope(|scope| {
            for _ in 0..connections {
                scope.spawn(|| {
                    let connection = &mut self.open();
                    let mut own = Histogram::<u64>::new(3).unwrap();
                    while goes_on() {
                        let number = self.next.fetch_add(1, Ordering::Relaxed);
                        let ((), took) = self.timed(|| ask(connection, number));
                        own.record(u64::try_from(took.as_micros()).unwrap().max(1)).unwrap();
                    }
                    all.lock().unwrap().add(own).unwrap();
                });
            }
        });
        let took = self.clock.monotonic().saturating_sub(begin);
        let all = all.into_inner().unwrap();
        (all.len() as f64 / took.as_secs_f64(), all)
    }

    fn run(self) {
        say("", "pumice", "CouchDB 3.5 (another run)");
        if !self.growth_only {
            self.puts();
            self.updates();
        }
        self.bulks();
        if !self.growth_only {
            self.reads();
            self.lists();
        }
        let without = self.growth();
        self.growth_compacted(without);
        self.compaction_alone();
        self.compaction_under_writers();
        self.reopen();
    }

    fn puts(&self) {
        let couchdb = [(1, 281.0, "7 ms"), (8, 652.0, "21 ms"), (32, 1135.0, "54 ms")];
        for (connections, theirs, p99) in couchdb {
            let database = format!("/put{connections}");
            want(&mut self.open(), "PUT", &format!("{database}?q=1"), "");
            let (per_second, taken) = self.repeat(connections, None, |connection, number| {
                let id = id(number);
                want(connection, "PUT", &format!("{database}/{id}"), &json(&id, 1, ""));
            });
            let ours = format!("{}  {}", rate(per_second, theirs), latencies(&taken));
            let theirs = format!("{theirs}/s, p99 {p99}");
            say(&format!("PUT new, {connections} connections"), &ours, &theirs);
        }
    }

    fn updates(&self) {
        let connection = &mut self.open();
        want(connection, "PUT", "/update?q=1", "");
        let documents = self.documents.min(8000);
        fill(connection, "/update", documents);
        let all = want(connection, "GET", "/update/_all_docs", "");
        let all: serde_json::Value = serde_json::from_slice(&all).unwrap();
        let rows = all["rows"].as_array().unwrap().iter();
        let revs: Vec<Mutex<String>> =
            rows.map(|row| Mutex::new(row["value"]["rev"].as_str().unwrap().to_owned())).collect();
        let before = number_of(connection, "/update", "/sizes/file");
        let done = AtomicU64::new(0);
        let (per_second, taken) = self.repeat(8, None, |connection, number| {
            let index = usize::try_from(number % documents).unwrap();
            let id = id(number % documents);
            let mut rev = revs[index].lock().unwrap();
            let answer =
                want(connection, "PUT", &format!("/update/{id}"), &json(&id, number, &rev));
            *rev = rev_of(&answer);
            done.fetch_add(1, Ordering::Relaxed);
        });
        let grown = number_of(connection, "/update", "/sizes/file") - before;
        let each = grown / done.load(Ordering::Relaxed).max(1);
        let ours = format!("{}  {}  {each} B each", rate(per_second, 463.0), latencies(&taken));
        say("update existing, 8 connections", &ours, "463/s, 5,011 B each");
    }

    fn bulks(&self) {
        let connection = &mut self.open();
        want(connection, "PUT", "/bulk?q=1", "");
        let ((), took) = self.timed(|| fill(connection, "/bulk", self.documents));
        let per_second = self.documents as f64 / took.as_secs_f64();
        say("_bulk_docs of 1,000, the client included", &rate(per_second, 9957.0), "9,957 docs/s");
        assert_eq!(number_of(connection, "/bulk", "/doc_count"), self.documents);
    }

    fn reads(&self) {
        for (connections, theirs) in [(1, 1463.0), (32, 2821.0)] {
            let (per_second, taken) = self.repeat(connections, None, |connection, number| {
                let id = id(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) % self.documents);
                want(connection, "GET", &format!("/bulk/{id}"), "");
            });
            let ours = format!("{}  {}", rate(per_second, theirs), latencies(&taken));
            say(&format!("GET by id, {connections} connections"), &ours, &format!("{theirs}/s"));
        }
    }

    fn lists(&self) {
        let rows = [
            ("/bulk/_all_docs", 106_000.0),
            ("/bulk/_all_docs?include_docs=true", 15_200.0),
            ("/bulk/_changes", 51_200.0),
            ("/bulk/_changes?include_docs=true", 12_300.0),
        ];
        let connection = &mut self.open();
        for (target, theirs) in rows {
            let (answer, took) = self.timed(|| want(connection, "GET", target, ""));
            let found = bytecount(&answer, b"\"id\":\"document-");
            assert!(found >= self.documents, "{target}: {found} rows");
            let per_second = self.documents as f64 / took.as_secs_f64();
            say(target, &rate(per_second, theirs), &format!("{theirs} rows/s"));
        }
    }

    /// Every document updated twenty times, as bulks; `after_each` is told the connection after each bulk.
    fn update_all(
        &self,
        connection: &mut Connection,
        database: &str,
        mut after_each: impl FnMut(&mut Connection),
    ) {
        for version in 1..=20 {
            for start in (0..self.documents).step_by(1000) {
                let end = self.documents.min(start + BULK);
                let keys: Vec<String> = (start..end).map(|n| format!("\"{}\"", id(n))).collect();
                let body = format!("{{\"keys\":[{}]}}", keys.join(","));
                let rows = want(connection, "POST", &format!("{database}/_all_docs"), &body);
                let rows: serde_json::Value = serde_json::from_slice(&rows).unwrap();
                let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
                let docs: Vec<String> = rows["rows"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|row| json(&text(&row["id"]), version, &text(&row["value"]["rev"])))
                    .collect();
                let body = format!("{{\"docs\":[{}]}}", docs.join(","));
                want(connection, "POST", &format!("{database}/_bulk_docs"), &body);
                after_each(connection);
            }
        }
    }

    /// Without a compaction; answers how many updates a second.
    fn growth(&self) -> f64 {
        let connection = &mut self.open();
        let ((), took) = self.timed(|| self.update_all(connection, "/bulk", |_| ()));
        let (file, active) = sizes_of(connection, "/bulk");
        let ours = format!("{} MB for {} MB live", file >> 20, active >> 20);
        say("20 updates of every document: the file", &ours, "1,177 MB for 38 MB live");
        self.documents as f64 * 20.0 / took.as_secs_f64()
    }

    /// The same on a server that compacts by itself: `before` is the rate of one that does not.
    fn growth_compacted(&self, before: f64) {
        let server = serve_with(&self.dir.join("automatic"), DocumentsOptions::default());
        let connection = &mut Connection::open(server.address).unwrap();
        want(connection, "PUT", "/auto?q=1", "");
        fill(connection, "/auto", self.documents);
        let (mut largest, mut bulks) = (0.0_f64, 0_u64);
        let ((), took) = self.timed(|| {
            self.update_all(connection, "/auto", |connection| {
                let (file, active) = sizes_of(connection, "/auto");
                if file > AutomaticCompaction::default().min_file_bytes {
                    largest = largest.max(file as f64 / active as f64);
                }
                bulks += 1;
            });
        });
        let per_second = self.documents as f64 * 20.0 / took.as_secs_f64();
        while bytecount(&want(connection, "GET", "/_active_tasks", ""), b"compaction") > 0 {
            std::thread::yield_now();
        }
        let (file, active) = sizes_of(connection, "/auto");
        let ours = format!(
            "file at most {largest:.2} x live, {:.2} in the end; {per_second:.0}/s, {:.2} of without",
            file as f64 / active as f64,
            per_second / before
        );
        say("the same, compacted by itself", &ours, "as without; then 19.9 x; -30 %");
        server.stop();
    }

    /// Compacts and waits for the end; answers how long that took.
    fn compact(&self, connection: &mut Connection) -> Duration {
        let ((), took) = self.timed(|| {
            want(connection, "POST", "/bulk/_compact", "");
            let target = "/bulk";
            loop {
                let info = want(connection, "GET", target, "");
                let info: serde_json::Value = serde_json::from_slice(&info).unwrap();
                if info["compact_running"] == false
                    && bytecount(&want(connection, "GET", "/_active_tasks", ""), b"compaction") == 0
                {
                    break;
                }
                std::thread::yield_now();
            }
        });
        took
    }

    fn compaction_alone(&self) {
        let connection = &mut self.open();
        let took = self.compact(connection).as_secs_f64();
        let [file, active] =
            ["/sizes/file", "/sizes/active"].map(|what| number_of(connection, "/bulk", what));
        let megabytes = active as f64 / 1e6 / took;
        let ours = format!(
            "{megabytes:.0} MB/s = {:.1} x, {:.0} docs/s, file {:.2} of live",
            megabytes / 11.7,
            self.documents as f64 / took,
            file as f64 / active as f64
        );
        say("compaction, nobody writing", &ours, "11.7 MB/s, 6,150 docs/s");
    }

    fn compaction_under_writers(&self) {
        let write = |connection: &mut Connection, number: u64| {
            let id = format!("new-{number}");
            want(connection, "PUT", &format!("/bulk/{id}"), &json(&id, 1, ""));
        };
        let (before, _) = self.repeat(8, None, write);
        let ended = AtomicBool::new(false);
        let (took, (during, taken)) = std::thread::scope(|scope| {
            let writers = scope.spawn(|| self.repeat(8, Some(&ended), write));
            let took = self.compact(&mut self.open());
            ended.store(true, Ordering::SeqCst);
            (took, writers.join().unwrap())
        });
        let ours = format!(
            "{:.2} s, writes {:.2} of before, {}",
            took.as_secs_f64(),
            during / before,
            latencies(&taken)
        );
        say("compaction under 8 writers", &ours, "never ended in 300 s");
    }

    fn reopen(self) {
        let (clock, dir) = (self.clock, self.dir);
        self.server.stop();
        let begin = clock.monotonic();
        let server = serve(&dir);
        let started = clock.monotonic().saturating_sub(begin);
        let connection = &mut Connection::open(server.address).unwrap();
        want(connection, "GET", &format!("/bulk/{}", id(7)), "");
        let took = clock.monotonic().saturating_sub(begin);
        let ours = format!(
            "{:.1} ms to the first document ({:.1} to listen), {} MB",
            took.as_secs_f64() * 1e3,
            started.as_secs_f64() * 1e3,
            number_of(connection, "/bulk", "/sizes/file") >> 20
        );
        say("start on what is there", &ours, "18-44 ms to open 0.85 GB");
        server.stop();
    }
}

/// Makes the documents from 0 on.
fn fill(connection: &mut Connection, database: &str, documents: u64) {
    for start in (0..documents).step_by(1000) {
        let end = documents.min(start + BULK);
        let docs: Vec<String> = (start..end).map(|number| json(&id(number), 0, "")).collect();
        let body = format!("{{\"docs\":[{}]}}", docs.join(","));
        want(connection, "POST", &format!("{database}/_bulk_docs"), &body);
    }
}

/// `file` and `active` of a database.
fn sizes_of(connection: &mut Connection, database: &str) -> (u64, u64) {
    let info = want(connection, "GET", database, "");
    let info: serde_json::Value = serde_json::from_slice(&info).unwrap();
    let size = |name: &str| info["sizes"][name].as_u64().unwrap();
    (size("file"), size("active"))
}

fn bytecount(text: &[u8], what: &[u8]) -> u64 {
    text.windows(what.len()).filter(|window| *window == what).count() as u64
}
