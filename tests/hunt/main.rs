//! The adversary of the storage engine: every disk that a crash may leave, and every call that may fail.
//!
//! `cargo test --test hunt [-- --budget N --seed S --only K --again N]`. A scenario is run by the production code on
//! a file system that writes down what is done to it (`record`). Then, for every point in time, the disks that
//! a power failure may leave (`disk`, `space`) are opened by the production code and held against what was
//! committed and acknowledged (`explore`). The same after a process was killed and started again with the
//! cache still there, after a sync that failed and left its pages clean, and after every call failed in turn
//! (`faults`). The budget is how many states are looked at for each point in time: where there are no more,
//! that is all of them. One in `--again` states is crashed once more while it is opened. `--only` takes one of
//! the four kinds (0 to 3). From a budget of 1000 on, calls fail in every way, before that in a third of them.
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

mod content;
mod disk;
mod explore;
mod faults;
mod history;
mod memory;
#[path = "../shared/random.rs"]
mod random;
mod record;
mod scenario;
mod space;

use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use pumice::clock::{Clock, SystemClock};

use explore::{Effort, Explorer, Tally};
use random::Random;
use scenario::{SCENARIOS, Scenario};

/// Where the stores are, and what they are called. Neither directory is there at the beginning.
const DIR: &str = "/srv/pumice";
const NAMES: [&str; 2] = ["A.cdb", "B.cdb"];
const THREADS: usize = 2;
/// About how many states are tried for each point in time.
const BUDGET: u64 = 40;
/// From this budget on nothing is left out.
const BUDGET_ALL: usize = 1000;
/// One in so many states is crashed again.
const AGAIN: u64 = 16;
/// A hunt that finds no new state and fails no call for so long hangs.
const HANGS_AFTER: Duration = Duration::from_secs(60);

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

/// How much is done.
#[derive(Clone, Copy, Debug)]
struct Plan {
    budget: usize,
    again: usize,
    seed: u64,
}

/// Answers how many states it found that were not known before.
fn hunt(kind: Hunt, scenario: &Scenario, tally: &Tally, plan: Plan) -> u64 {
    let Plan { budget, again, seed } = plan;
    let all = budget >= BUDGET_ALL;
    let small = Effort { budget: budget / 8, again_one_in: 0, budget_again: 0 };
    let effort = match kind {
        Hunt::Crashes => {
            Effort { budget, again_one_in: again, budget_again: (budget / 200).max(6) }
        }
        Hunt::Kills | Hunt::LyingSyncs => small,
        Hunt::Faults => Effort { budget: small.budget.min(50), ..small },
    };
    let random = Random::new(seed);
    let mut explorer = Explorer { tally, effort, random, carried: None, found: 0 };
    match kind {
        Hunt::Crashes => faults::crashes(scenario, &mut explorer),
        Hunt::Kills => faults::kills(scenario, &mut explorer),
        Hunt::LyingSyncs => faults::lying_syncs(scenario, &mut explorer),
        Hunt::Faults => faults::fail_every_call(scenario, &mut explorer, all),
    }
    explorer.found
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

/// Ends the program when nothing moves any more.
fn watch(tally: &Tally, ended: &Receiver<()>) {
    let moved = || tally.points.load(Ordering::Relaxed) + tally.distinct() + faults::injected();
    let mut before = u64::MAX;
    while ended.recv_timeout(HANGS_AFTER) == Err(RecvTimeoutError::Timeout) {
        if moved() == before {
            println!("hangs in: {}", faults::notes().join("; "));
            std::process::exit(101);
        }
        before = moved();
        println!("... {} states, {} faults so far", tally.distinct(), faults::injected());
    }
}

fn run(jobs: &[(Hunt, &Scenario)], tally: &Tally, plan: Plan) {
    let (clock, next) = (SystemClock::new(), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let stop = StopOnPanic(&next);
                while let Some((kind, scenario)) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let start = clock.monotonic();
                    let found = hunt(*kind, scenario, tally, plan);
                    let took = clock.monotonic().saturating_sub(start).as_secs_f64();
                    let per_second = found as f64 / took;
                    let what = format!("{kind:?} of {}", scenario.name);
                    println!("{what:44} {found:9} states {took:7.1} s {per_second:7.0} states/s");
                }
                drop(stop);
            });
        }
    });
}

fn main() -> ExitCode {
    let count = |name: &str, default| usize::try_from(argument(name).unwrap_or(default)).unwrap();
    let plan = Plan {
        budget: count("--budget", BUDGET),
        again: count("--again", AGAIN),
        seed: argument("--seed").unwrap_or(20_261_120),
    };
    let only = argument("--only");
    let kinds = [Hunt::Crashes, Hunt::Kills, Hunt::LyingSyncs, Hunt::Faults];
    let kinds = (0..).zip(kinds).filter(|(index, _)| only.is_none_or(|only| only == *index));
    let jobs: Vec<_> = kinds
        .flat_map(|(_, kind)| SCENARIOS.iter().map(move |scenario| (kind, scenario)))
        .collect();
    let (clock, tally, (end, ended)) = (SystemClock::new(), Tally::default(), channel());
    std::thread::scope(|scope| {
        let watched = &tally;
        scope.spawn(move || watch(watched, &ended));
        run(&jobs, &tally, plan);
        drop(end);
    });
    let (states, took) = (tally.distinct(), clock.monotonic());
    let per_second = states as f64 / took.as_secs_f64();
    let points = tally.points.load(Ordering::Relaxed);
    let exhausted = tally.exhausted.load(Ordering::Relaxed);
    println!(
        "{states} distinct states at {points} points, at {exhausted} of them all there are; {per_second:.0} states/s, {took:.1?} ({plan:?})"
    );
    println!("{} calls made to fail", faults::injected());
    println!("1 passed, 0 failed");
    ExitCode::SUCCESS
}
