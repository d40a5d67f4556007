//! Compaction by a timetable: the database decides nothing by itself (`manual`), and a task of the scheduler compacts every
//! datastore that has had more than five transactions.
//!
//! Time is a clock turned by hand, which makes a week pass in a moment; with the system's clock, `Scheduler::start` runs tasks on
//! a thread of its own.
//!
//! `cargo run --example scheduled_compaction`

use std::error::Error;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use pumice::cdb::{CompactionOptions, DelayOptions, JournalCompaction};
use pumice::clock::{Clock, ManualClock};
use pumice::scheduler::{Actions, Scheduler, utc_text};
use pumice::vfs::mem::MemVfs;
use pumice::{Cdb, Datastore};

/// Friday, 2 January 2026, 00:00 UTC.
const START_MICROS: u64 = 1_767_312_000_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    run(&mut std::io::stdout().lock())
}

/// The whole of it; a test runs it, too.
pub fn run(out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let clock = Arc::new(ManualClock::starting_at(START_MICROS));
    let compaction = CompactionOptions {
        journal_compaction: JournalCompaction::Manual,
        // PT0S: what is asked for begins at once.
        delay: DelayOptions { timeout: Duration::ZERO, ..DelayOptions::default() },
        ..CompactionOptions::default()
    };
    let options = Cdb::options().vfs(MemVfs::new().shared()).clock(clock.clone());
    let cdb = options.compaction(compaction).open("/memory")?;

    let mut actions = Actions::builtin();
    actions.register("count", |call| {
        let tasks = call.cdb.begin_read(Datastore::Config).num_instances("/scheduler/task")?;
        Ok(format!("{tasks} tasks"))
    });
    let scheduler = Scheduler::attach(&cdb, actions);

    // Tasks are configuration: any transaction makes them, and one that cannot be is refused.
    cdb.write(Datastore::Config, |tx| {
        tx.set_text("/scheduler/task{nightly}/schedule", "30 2 * * MON-FRI")?;
        tx.set_text("/scheduler/task{nightly}/time-zone", "UTC")?;
        tx.set_text("/scheduler/task{nightly}/action-name", "compact")?;
        tx.set_text("/scheduler/task{nightly}/params/if-transactions-over", "5")?;
        tx.set_text("/scheduler/task{weekly}/schedule", "0 12 * * SUN")?;
        tx.set_text("/scheduler/task{weekly}/time-zone", "UTC")?;
        tx.set_text("/scheduler/task{weekly}/action-name", "count")
    })?;
    let refused = cdb.write(Datastore::Config, |tx| {
        tx.set_text("/scheduler/task{nightly}/schedule", "30 25 * * MON-FRI")
    });
    if let Err(error) = refused {
        writeln!(out, "{error}")?;
    }

    // Four days, with a night's work before each run.
    for transactions in [12, 3, 4, 0] {
        for number in 0..transactions {
            cdb.write(Datastore::Config, |tx| tx.set("/counter", number))?;
        }
        let next = scheduler.run_due().ok_or("nothing is scheduled")?;
        // Where time is real: wait here.
        clock.advance(Duration::from_micros(next - clock.wall_micros()));
        scheduler.run_due();
    }
    for task in ["nightly", "weekly"] {
        for past in scheduler.history(task, 10)?.iter().rev() {
            writeln!(out, "{task} {}: {}", utc_text(past.when_micros), past.info)?;
        }
    }
    Ok(())
}
