//! kill -9 under 32 writers and a compaction that never rests, over HTTP: `cargo test --test http_kill [-- --rounds N --seed S]`.
//!
//! Each writer counts: it writes a new document with its next number, then its own document with that number. A follower reads the
//! changes from where it was, before the kill and after. So after each kill:
//! - every document that was acknowledged is there, and a writer's own document has its last acknowledged number or the next;
//! - what the follower has put together of the changes is exactly what is there: no sequence that it was given was taken back.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test; a failure here is a failed test"
)]

#[path = "http/connection.rs"]
mod connection;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use connection::Connection;
use serde_json::{Value, json};

const WRITERS: usize = 32;
const ROUNDS: u64 = 6;

/// A daemon that can be killed.
struct Daemon {
    child: Child,
    address: String,
}

impl Daemon {
    fn start(dir: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_pumice"))
            .current_dir(dir)
            .env_remove("RUST_LOG")
            .args(["start", "--bind", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = lines.by_ref().map(Result::unwrap).find(|line| line.contains("http://"));
        let line = line.expect("it does not listen");
        let address =
            line.split("http://").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, address }
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// Asks with JSON and reads JSON; `None` says that the daemon is gone.
fn ask(
    connection: &mut Connection,
    method: &str,
    target: &str,
    body: &str,
) -> Option<(u16, Value)> {
    let (status, body) = connection.ask(method, target, body)?;
    Some((status, serde_json::from_slice(&body).ok()?))
}

/// What was acknowledged.
#[derive(Default)]
struct Ledger {
    /// Each writer's last number and the revision of its own document.
    writers: BTreeMap<usize, (u64, String)>,
    /// New documents and their revisions.
    documents: BTreeMap<String, String>,
}

/// One acknowledgement.
enum Told {
    New { id: String, rev: String },
    Own { writer: usize, number: u64, rev: String },
}

/// What the follower knows: the revision of each document, and where it is.
struct Follower {
    revs: BTreeMap<String, String>,
    since: Value,
}

fn rev(answer: &Value) -> String {
    answer["rev"].as_str().unwrap().to_owned()
}

/// Writes until the daemon is gone.
fn write(address: &str, writer: usize, start: (u64, String), told: &Sender<Told>) -> Option<()> {
    let connection = &mut Connection::open(address)?;
    let (last, mut own) = start;
    for number in last + 1.. {
        let id = format!("w{writer:02}-{number:06}");
        let text = "x".repeat(if number.is_multiple_of(40) { 20_000 } else { 300 });
        let (status, answer) = ask(
            connection,
            "PUT",
            &format!("/db/{id}"),
            &json!({ "n": number, "text": text }).to_string(),
        )?;
        // One that was written and not answered before the kill is there already.
        assert!(status == 201 || status == 409, "{answer}");
        if status == 201 {
            told.send(Told::New { id, rev: rev(&answer) }).ok()?;
        }
        let mut document = json!({ "n": number });
        if !own.is_empty() {
            document["_rev"] = Value::from(own.as_str());
        }
        let (status, answer) =
            ask(connection, "PUT", &format!("/db/w{writer:02}"), &document.to_string())?;
        assert_eq!(status, 201, "{answer}");
        own = rev(&answer);
        told.send(Told::Own { writer, number, rev: own.clone() }).ok()?;
    }
    None
}

/// Asks for one compaction after the other until the daemon is gone.
fn compact(address: &str) -> Option<()> {
    let connection = &mut Connection::open(address)?;
    loop {
        ask(connection, "POST", "/db/_compact", "{}")?;
        while ask(connection, "GET", "/db", "")?.1["compact_running"] == true {}
    }
}

impl Follower {
    /// Reads changes; `false` when there are none left.
    fn step(&mut self, connection: &mut Connection, feed: &str) -> Option<bool> {
        let since = self.since.as_str().map_or_else(|| self.since.to_string(), str::to_owned);
        let (status, answer) = ask(
            connection,
            "GET",
            &format!("/db/_changes?since={since}&feed={feed}&timeout=1000&limit=500"),
            "",
        )?;
        assert_eq!(status, 200, "{answer}");
        let rows = answer["results"].as_array().unwrap();
        for row in rows {
            let rev = row["changes"][0]["rev"].as_str().unwrap();
            self.revs.insert(row["id"].as_str().unwrap().to_owned(), rev.to_owned());
        }
        self.since = answer["last_seq"].clone();
        Some(!rows.is_empty())
    }

    fn follow(&mut self, address: &str, ended: &AtomicBool) -> Option<()> {
        let connection = &mut Connection::open(address)?;
        while !ended.load(Ordering::SeqCst) {
            self.step(connection, "longpoll")?;
        }
        Some(())
    }
}

impl Ledger {
    fn note(&mut self, told: Told) {
        match told {
            Told::New { id, rev } => drop(self.documents.insert(id, rev)),
            Told::Own { writer, number, rev } => drop(self.writers.insert(writer, (number, rev))),
        }
    }

    /// Takes `count` acknowledgements.
    fn read(&mut self, told: &Receiver<Told>, count: u64) {
        for _ in 0..count {
            self.note(told.recv().expect("the writers have ended"));
        }
    }

    /// Holds what is there against what was acknowledged; goes on from what is there.
    fn judge(&mut self, address: &str, follower: &mut Follower) {
        let connection = &mut Connection::open(address).unwrap();
        let (_, all) = ask(connection, "GET", "/db/_all_docs", "").unwrap();
        let row = |row: &Value| {
            let rev = row["value"]["rev"].as_str().unwrap().to_owned();
            (row["id"].as_str().unwrap().to_owned(), rev)
        };
        let there: BTreeMap<String, String> =
            all["rows"].as_array().unwrap().iter().map(row).collect();
        for (id, rev) in &self.documents {
            assert_eq!(there.get(id), Some(rev), "acknowledged and lost: {id}");
        }
        for writer in 0..WRITERS {
            let (last, _) = self.writers.get(&writer).cloned().unwrap_or_default();
            let (status, found) = ask(connection, "GET", &format!("/db/w{writer:02}"), "").unwrap();
            assert!(status == 200 || last == 0, "writer {writer}: {found}");
            let number = found["n"].as_u64().unwrap_or(0);
            assert!(number == last || number == last + 1, "writer {writer}: {number} after {last}");
            let rev = found["_rev"].as_str().unwrap_or_default().to_owned();
            self.writers.insert(writer, (number, rev));
        }
        while follower.step(connection, "normal").unwrap() {}
        assert_eq!(follower.revs, there, "the changes are not what is there");
        let (_, info) = ask(connection, "GET", "/db", "").unwrap();
        assert_eq!(info["doc_count"], there.len(), "{info}");
    }
}

/// Any numbers do; the same for the same seed.
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *state >> 33
}

fn round(dir: &Path, ledger: &mut Ledger, follower: &mut Follower, acknowledgements: u64) {
    let daemon = Daemon::start(dir);
    let address = daemon.address.clone();
    ledger.judge(&address, follower);
    let (sender, told) = channel();
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (sender, address) = (sender.clone(), &address);
            let start = ledger.writers.get(&writer).cloned().unwrap_or_default();
            scope.spawn(move || write(address, writer, start, &sender));
        }
        drop(sender);
        scope.spawn(|| compact(&address));
        scope.spawn(|| follower.follow(&address, &ended));
        ledger.read(&told, acknowledgements);
        daemon.kill();
        ended.store(true, Ordering::SeqCst);
        // What came in before the kill was acknowledged too.
        told.iter().for_each(|one| ledger.note(one));
    });
}

fn main() {
    let words: Vec<String> = std::env::args().collect();
    let number = |name: &str, default: u64| {
        let place = words.iter().position(|word| word == name);
        place.map_or(default, |place| words[place + 1].parse().unwrap())
    };
    if words.iter().any(|word| word == "--list") {
        return;
    }
    let (rounds, mut seed) = (number("--rounds", ROUNDS), number("--seed", 1));
    let dir = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(dir.path());
    let connection = &mut Connection::open(&daemon.address).unwrap();
    assert_eq!(ask(connection, "PUT", "/db", "").unwrap().0, 201);
    daemon.kill();
    let mut ledger = Ledger::default();
    let mut follower = Follower { revs: BTreeMap::new(), since: Value::from(0) };
    for _ in 0..rounds {
        let acknowledgements = 100 + random(&mut seed) % 1500;
        round(dir.path(), &mut ledger, &mut follower, acknowledgements);
    }
    let daemon = Daemon::start(dir.path());
    ledger.judge(&daemon.address, &mut follower);
    daemon.kill();
    println!(
        "http_kill: {rounds} rounds, {} documents acknowledged and there, feeds complete",
        ledger.documents.len()
    );
}
