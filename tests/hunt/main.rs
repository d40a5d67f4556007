//! The adversary of the storage engine: every disk that a crash may leave, and every call that may fail.
//!
//! `cargo test --test hunt [-- --budget N --seed S --only K]`. A scenario is run by the production code on a file
//! system that writes down what is done to it (`record`). Then, for every point in time, the disks that a
//! power failure may leave (`disk`) are opened by the production code and held against what was committed
//! and acknowledged (`explore`). The same after a process was killed and started again with the cache still
//! there, after a sync that failed and left its pages clean, and after every call failed in turn (`faults`).
//! A larger budget takes more states for each point in time; `--only` takes one of the four kinds (0 to 3).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    missing_docs,
    reason = "a test; a failure here is a failed test"
)]

mod disk;
mod explore;
mod faults;
mod history;
mod random;
mod record;
mod scenario;

use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};

use pumice::clock::{Clock, SystemClock};

use explore::{Effort, Explorer, Tally};
use random::Random;
use scenario::{SCENARIOS, Scenario};

/// Where the stores are, and what they are called.
const DIR: &str = "/data";
const NAMES: [&str; 2] = ["A.cdb", "B.cdb"];
const THREADS: usize = 2;
/// About how many states are tried for each point in time.
const BUDGET: u64 = 40;

fn argument(name: &str) -> Option<u64> {
    let mut words = std::env::args().skip_while(|word| word != name);
    words.nth(1).map(|word| word.parse().unwrap())
}

/// What is done with a scenario.
#[derive(Clone, Copy, Debug)]
enum Hunt {
    Crashes,
    Kills,
    LyingSyncs,
    Faults,
}

fn hunt(kind: Hunt, scenario: &Scenario, tally: &Tally, budget: usize, seed: u64) {
    let effort = Effort { budget, again_one_in: 16 };
    let small = Effort { budget: budget / 8, again_one_in: 0 };
    let explorer = |effort| Explorer { tally, effort, random: Random::new(seed) };
    match kind {
        Hunt::Crashes => faults::crashes(scenario, explorer(effort)),
        Hunt::Kills => faults::kills(scenario, explorer(small)),
        Hunt::LyingSyncs => faults::lying_syncs(scenario, explorer(small)),
        Hunt::Faults => faults::fail_every_call(scenario, explorer(small)),
    }
}

/// Lets the other threads end after a failure.
struct StopOnPanic<'a>(&'a AtomicUsize);

impl Drop for StopOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.store(usize::MAX / 2, Ordering::Relaxed);
        }
    }
}

fn main() -> ExitCode {
    let budget = usize::try_from(argument("--budget").unwrap_or(BUDGET)).unwrap();
    let seed = argument("--seed").unwrap_or(20_261_120);
    let only = argument("--only");
    let kinds = [Hunt::Crashes, Hunt::Kills, Hunt::LyingSyncs, Hunt::Faults];
    let jobs: Vec<_> = kinds
        .into_iter()
        .enumerate()
        .filter(|(index, _)| only.is_none_or(|only| only == *index as u64))
        .flat_map(|(_, kind)| SCENARIOS.iter().map(move |scenario| (kind, scenario)))
        .collect();
    let (clock, tally, next) = (SystemClock::new(), Tally::default(), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let stop = StopOnPanic(&next);
                while let Some((kind, scenario)) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let (before, start) = (tally.distinct(), clock.monotonic());
                    hunt(*kind, scenario, &tally, budget, seed);
                    let (states, took) =
                        (tally.distinct() - before, clock.monotonic().saturating_sub(start));
                    println!("{kind:?} of {}: about {states} states in {took:.1?}", scenario.name);
                }
                drop(stop);
            });
        }
    });
    let (states, took) = (tally.distinct(), clock.monotonic());
    let per_second = states as f64 / took.as_secs_f64();
    let points = tally.points.load(Ordering::Relaxed);
    println!(
        "{states} distinct states at {points} points, {per_second:.0} states/s, {took:.1?} (seed {seed}, budget {budget})"
    );
    println!("{} calls made to fail", faults::injected());
    println!("1 passed, 0 failed");
    ExitCode::SUCCESS
}
