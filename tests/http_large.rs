//! A large attachment goes in and comes out, and the daemon's memory does not grow with it:
//! `cargo test --release --test http_large -- --large` for 1 GiB, the largest that there may be; 64 MiB without.
//!
//! The bytes are made while they are sent and made again to compare with: they are in memory nowhere, so whatever memory is taken
//! is the server's. The system is asked on the way how much of its own the process has; pages of the files that it maps are the
//! system's to take back, and told beside.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test; a failure here is a failed test"
)]

use std::cell::Cell;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

const SMALL_BYTES: u64 = 64 << 20;
const LARGE_BYTES: u64 = 1 << 30;
/// What the daemon may take beyond what it had before: pieces on their way, and what says where each chunk stands.
const GROWTH_KIB_MAX: u64 = 24 << 10;
const BLOCK_BYTES: u64 = 64 << 10;
/// Blocks between two looks at the memory.
const LOOK_EVERY: u64 = 128;

/// A daemon of its own process, ended with this.
struct Daemon {
    child: Child,
    address: String,
    /// The most memory of its own that was seen.
    most_kib: Cell<u64>,
}

impl Daemon {
    fn start(directory: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_pumice"))
            .current_dir(directory)
            .env_remove("RUST_LOG")
            .args(["start", "--bind", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = lines.by_ref().map(Result::unwrap).find(|line| line.contains("http://"));
        let line = line.expect("it does not listen");
        let address = line.split("http://").nth(1).unwrap().split_whitespace().next().unwrap();
        let address = address.to_owned();
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, address, most_kib: Cell::new(0) }
    }

    /// A number of the process's, in KiB.
    fn kib(&self, name: &str) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let told = Command::new("grep").args([name, &path]).output().unwrap();
        let text = String::from_utf8(told.stdout).unwrap();
        text.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// Memory of its own, not of a file.
    fn look(&self) -> u64 {
        let now = self.kib("RssAnon");
        self.most_kib.set(self.most_kib.get().max(now));
        now
    }

    fn look_at(&self, block: u64) {
        if block.is_multiple_of(LOOK_EVERY) {
            self.look();
        }
    }

    /// Sends a head, and a body as it is made; answers what reads the answer.
    fn ask(&self, head: &str, body_bytes: u64) -> BufReader<TcpStream> {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let length = format!("Content-Length: {body_bytes}\r\nConnection: close\r\n\r\n");
        stream
            .write_all(format!("{head} HTTP/1.1\r\nHost: 127.0.0.1\r\n{length}").as_bytes())
            .unwrap();
        for number in 0..body_bytes / BLOCK_BYTES {
            stream.write_all(&block(number)).unwrap();
            self.look_at(number);
        }
        BufReader::with_capacity(1 << 16, stream)
    }

    fn status(&self, head: &str, body_bytes: u64) -> u16 {
        read_status(&mut self.ask(head, body_bytes))
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// The block with a number; no two are alike, so that nothing is stored once for two, and none is compressed.
fn block(number: u64) -> Vec<u8> {
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let words = (0..BLOCK_BYTES / 8).flat_map(|_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.collect()
}

/// The status, and the headers read over.
fn read_status(answer: &mut impl BufRead) -> u16 {
    let head: Vec<String> =
        answer.lines().map(Result::unwrap).take_while(|line| !line.is_empty()).collect();
    head[0].split(' ').nth(1).unwrap().parse().unwrap()
}

fn main() {
    let words: Vec<String> = std::env::args().collect();
    if words.iter().any(|word| word == "--list") {
        return;
    }
    let is_large = words.iter().any(|word| word == "--large");
    let bytes = if is_large { LARGE_BYTES } else { SMALL_BYTES };
    let directory = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(directory.path());
    assert_eq!(daemon.status("PUT /db", 0), 201);
    let before = daemon.look();
    assert_eq!(daemon.status("PUT /db/doc/large", bytes), 201);
    let sent = daemon.most_kib.get();
    let mut answer = daemon.ask("GET /db/doc/large", 0);
    assert_eq!(read_status(&mut answer), 200);
    let mut taken = vec![0; usize::try_from(BLOCK_BYTES).unwrap()];
    for number in 0..bytes / BLOCK_BYTES {
        answer.read_exact(&mut taken).unwrap();
        assert!(taken == block(number), "block {number} is another one");
        daemon.look_at(number);
    }
    assert_eq!(answer.read(&mut taken).unwrap(), 0);
    let (most, peak) = (daemon.most_kib.get(), daemon.kib("VmHWM"));
    println!(
        "{} MiB in and out: {before} KiB of its own before, {sent} at most in PUT, {most} in both; peak resident {peak} KiB \
         with mapped files",
        bytes >> 20
    );
    assert!(most - before < GROWTH_KIB_MAX, "memory grows with an attachment");
}
