//! Damage, and what comes of it: golden files with every bit flipped, cut at every length, with blocks zeroed, swapped,
//! repeated and taken from elsewhere, and with zeros, garbage and old frames behind their end.
//!
//! `cargo test --test damage`; `cargo test --release --test damage -- --all` leaves nothing out: where a short run
//! takes some thousands of each kind it takes them all, and holes of 1 GiB.
//!
//! For each damaged file it is held against what was written:
//! - *never a wrong value*: what a reader gets is the state after one of the transactions, entry by entry;
//! - *damage in what was sealed is named*: the open refuses, a read fails, or `check` has it on its list;
//! - *a refusal and a reading change nothing*;
//! - *`salvage` returns every undamaged record*, and nothing that was not written.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test; a failure here is a failed test"
)]

mod behind;
mod golden;
mod judge;
mod places;
#[path = "../shared/random.rs"]
mod random;

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};

use golden::Golden;
use judge::{Judge, Tally};

/// What is looked at.
#[derive(Clone, Copy)]
pub struct Depth {
    all: bool,
}

fn main() -> ExitCode {
    let depth = Depth { all: std::env::args().any(|word| word == "--all") };
    let mut total = Tally::default();
    for golden in golden::all() {
        for (what, run) in [
            ("bits flipped", places::bits as fn(&Golden, Depth, &Runner<'_>)),
            ("cut short", places::lengths),
            ("blocks zeroed", places::zeroed),
            ("blocks swapped", places::swapped),
            ("blocks repeated", places::repeated),
            ("blocks from elsewhere", places::foreign),
            ("something behind the end", behind::appended),
        ] {
            let runner =
                Runner { judge: Judge::new(&golden), tally: Tally::shared(), all: depth.all };
            run(&golden, depth, &runner);
            let tally = runner.tally.into_inner();
            println!("{:>14}, {what}: {tally}", golden.name);
            total.add(&tally);
        }
    }
    let sparse = AtomicU64::new(0);
    behind::sparse(depth, &sparse);
    println!(
        "sparse tails up to {} MiB: {} files",
        behind::largest(depth),
        sparse.load(Ordering::Relaxed)
    );
    println!("{total}");
    println!("1 passed, 0 failed");
    ExitCode::SUCCESS
}

/// Judges damaged files on all cores.
pub struct Runner<'a> {
    judge: Judge<'a>,
    tally: judge::SharedTally,
    all: bool,
}

/// The most files of one kind that a short run looks at.
const SHORT_RUN: usize = 1000;

impl Runner<'_> {
    /// `damage` makes the file of each number under `count`; `None` where it would be whole. A short run takes some of
    /// the numbers, in steps of an odd length, so that it is not always the same bit.
    fn each(&self, count: usize, damage: impl Fn(usize) -> Option<Vec<u8>> + Sync) {
        let step = if self.all { 1 } else { count.div_ceil(SHORT_RUN) | 1 };
        let next = AtomicU64::new(0);
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        std::thread::scope(|scope| {
            for _ in 0..cores {
                scope.spawn(|| {
                    let mut tally = Tally::default();
                    loop {
                        let turn = next.fetch_add(1, Ordering::Relaxed);
                        let number = usize::try_from(turn).unwrap() * step;
                        if number >= count {
                            break;
                        }
                        if let Some(bytes) = damage(number) {
                            self.judge.judge(&bytes, number, &mut tally);
                        }
                    }
                    self.tally.add(&tally);
                });
            }
        });
    }
}
