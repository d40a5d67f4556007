//! kill -9 at random moments under 16 writers: the test starts itself as a child, kills it, opens what is
//! left and holds it against the ledger of what the child had acknowledged.
//!
//! `cargo test --test crash [-- --rounds N --seed S]`. Every second round the child compacts without pause,
//! under both policies in turn. The data directory lives on from round to round.
//!
//! Each writer counts: one transaction sets its three keys to its next number. So after a crash:
//! - the three keys of a writer agree (no transaction is there by half);
//! - a writer's number is the last acknowledged or later, by at most the one that was under way;
//! - the numbers of all writers add up to the store's sequence (what is there is a prefix without holes).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test; a failure here is a failed test"
)]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Mutex;

use pumice::journal::{
    CompactionControl, CompactionRequest, Durability, Store, StoreOptions, WriteBatch, WritePolicy,
};

const WRITERS: usize = 16;
const ROUNDS: u64 = 200;
const PARTS: [&str; 3] = ["a", "b", "c"];

fn key(writer: usize, part: &str) -> Vec<u8> {
    format!("{writer:02}/{part}").into_bytes()
}

fn number(store: &Store, writer: usize, part: &str) -> u64 {
    let value = store.snapshot().get(&key(writer, part)).unwrap();
    value.map_or(0, |value| u64::from_be_bytes(value[..8].try_into().unwrap()))
}

/// Writes for ever, and says on its output what was acknowledged.
fn child(path: &Path, compacting: bool) {
    let store = Store::open_file(path, StoreOptions::default()).unwrap();
    let ledger = Mutex::new(std::io::stdout());
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (store, ledger) = (&store, &ledger);
            scope.spawn(move || {
                for number in number(store, writer, "a") + 1.. {
                    // Some values are long enough to be read from the file by position.
                    let value = vec![0; if number % 50 == 0 { 3000 } else { 40 }];
                    let value = [&number.to_be_bytes()[..], &value].concat();
                    let mut batch = WriteBatch::new();
                    PARTS.iter().for_each(|part| batch.put(&key(writer, part), &value).unwrap());
                    store.write(batch, Durability::Sync).unwrap();
                    writeln!(ledger.lock().unwrap(), "{writer} {number}").unwrap();
                }
            });
        }
        if compacting {
            compact_for_ever(&store);
        }
    });
}

fn compact_for_ever(store: &Store) {
    for policy in [WritePolicy::Background, WritePolicy::Blocking].into_iter().cycle() {
        let request = CompactionRequest { policy, ..CompactionRequest::default() };
        store.compact(&request, &CompactionControl::new()).unwrap();
    }
}

/// Runs a child until it has acknowledged `count` transactions, kills it, and answers each writer's last.
fn run_and_kill(path: &Path, compacting: bool, count: usize) -> [u64; WRITERS] {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--child", path.to_str().unwrap(), if compacting { "yes" } else { "no" }])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut acknowledged = [0; WRITERS];
    let mut seen = 0;
    let mut killed = false;
    // After the kill, what is left in the pipe was acknowledged too.
    while let Some(Ok(line)) = lines.next() {
        if let Some((writer, number)) = line.split_once(' ')
            && let (Ok(writer), Ok(number)) = (writer.parse::<usize>(), number.parse::<u64>())
        {
            acknowledged[writer] = number.max(acknowledged[writer]);
            seen += 1;
        }
        if seen >= count && !killed {
            child.kill().unwrap();
            killed = true;
        }
    }
    assert!(killed, "the child ended by itself");
    child.wait().unwrap();
    acknowledged
}

/// Holds what is on disk against the ledger.
fn verify(path: &Path, before: &[u64; WRITERS], acknowledged: &[u64; WRITERS]) -> [u64; WRITERS] {
    let store = Store::open_file(path, StoreOptions::default()).unwrap();
    let mut found = [0; WRITERS];
    for writer in 0..WRITERS {
        let numbers = PARTS.map(|part| number(&store, writer, part));
        assert!(
            numbers.iter().all(|n| *n == numbers[0]),
            "writer {writer} is there by half: {numbers:?}"
        );
        let last = acknowledged[writer].max(before[writer]);
        let allowed = last..=last + 1;
        assert!(
            allowed.contains(&numbers[0]),
            "writer {writer}: {} is not in {allowed:?}",
            numbers[0]
        );
        found[writer] = numbers[0];
    }
    let sequence = store.stats().sequence.get();
    assert_eq!(found.iter().sum::<u64>(), sequence, "the numbers do not add up: there is a hole");
    found
}

fn argument(name: &str) -> Option<String> {
    let mut words = std::env::args().skip_while(|word| word != name);
    words.nth(1)
}

fn main() -> ExitCode {
    if let Some(path) = argument("--child") {
        child(Path::new(&path), std::env::args().next_back().as_deref() == Some("yes"));
        return ExitCode::SUCCESS;
    }
    let rounds = argument("--rounds").map_or(ROUNDS, |rounds| rounds.parse().unwrap());
    let seed = argument("--seed").map_or(20_261_120, |seed| seed.parse::<u64>().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    let mut random = seed;
    let mut found = [0; WRITERS];
    for round in 0..rounds {
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let count = usize::try_from((random >> 33) % 400 + 1).unwrap();
        let acknowledged = run_and_kill(&path, round % 2 == 1, count);
        println!("round {round} (seed {seed}): killed after {count} acknowledged");
        found = verify(&path, &found, &acknowledged);
    }
    println!("{rounds} rounds, {} transactions, nothing lost", found.iter().sum::<u64>());
    println!("1 passed, 0 failed");
    ExitCode::SUCCESS
}
