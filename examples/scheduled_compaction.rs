//! Compaction by a timetable: the database decides nothing by itself (`manual`), and code like cron's compacts every
//! datastore that has had more than five transactions.
//!
//! The timetable is in the dialect of crontab(5); the crate `cron` speaks another, so that there is a small translation. Time
//! is a clock turned by hand, which makes a week pass in a moment.
//!
//! `cargo run --example scheduled_compaction`

use std::error::Error;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use cron::Schedule;
use pumice::cdb::{CompactionOptions, DelayOptions, JournalCompaction, RunOptions};
use pumice::clock::{Clock, ManualClock};
use pumice::vfs::mem::MemVfs;
use pumice::{Cdb, Datastore};

/// 02:30 from Monday to Friday.
const TIMETABLE: &str = "30 2 * * 1-5";
/// Datastores with more transactions than this since their last compaction are compacted.
const TRANSACTIONS_MAX: u64 = 5;
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

    let schedule = crontab(TIMETABLE)?;
    // The day's work: much on one day, little on another.
    for transactions in [12, 3, 4] {
        for number in 0..transactions {
            cdb.write(Datastore::Config, |tx| tx.set("/counter", number))?;
        }
        let now = now(&*clock)?;
        let due = schedule.after(&now).next().ok_or("the timetable has come to its end")?;
        // Where time is real: wait here.
        clock.advance((due - now).to_std()?);
        writeln!(out, "{}", due.format("%a %Y-%m-%d %H:%M"))?;
        compact_what_has_grown(&cdb, out)?;
    }
    Ok(())
}

fn compact_what_has_grown(cdb: &Cdb, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    for datastore in Datastore::ALL {
        let transactions = cdb.compactions().info(datastore).growth.transactions;
        if transactions <= TRANSACTIONS_MAX {
            writeln!(out, "  {datastore}: {transactions} transactions, left alone")?;
            continue;
        }
        // Or `initiate`, which returns at once and compacts on the database's own thread.
        let done = cdb.compactions().run(datastore, RunOptions::default())?;
        let (start, end) = (done.size_start_bytes, done.size_end_bytes);
        writeln!(out, "  {datastore}: {transactions} transactions, {start} -> {end} bytes")?;
    }
    Ok(())
}

fn now(clock: &dyn Clock) -> Result<DateTime<Utc>, Box<dyn Error>> {
    let micros = i64::try_from(clock.wall_micros())?;
    Ok(DateTime::from_timestamp_micros(micros).ok_or("the clock is out of range")?)
}

/// Reads five fields as crontab(5) does. The crate wants seconds in front, counts Sunday as 1 where cron has 0 and 7, and
/// wants both day fields to fit where cron wants either: so days of the week are spelt as names, and a line that
/// restricts both is refused.
fn crontab(line: &str) -> Result<Schedule, Box<dyn Error>> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let [minute, hour, day, month, weekday] = fields[..] else {
        return Err(format!("\"{line}\": expected five fields").into());
    };
    if !day.starts_with('*') && !weekday.starts_with('*') {
        return Err(format!("\"{line}\": a day of the month or of the week, not both").into());
    }
    let weekday =
        weekdays(weekday).ok_or_else(|| format!("\"{weekday}\": not days of the week"))?;
    Ok(format!("0 {minute} {hour} {day} {month} {weekday}").parse()?)
}

/// `1-5` to `MON,TUE,WED,THU,FRI`.
fn weekdays(field: &str) -> Option<String> {
    const NAMES: [&str; 8] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"];
    let number = |text: &str| {
        let named = NAMES.iter().position(|name| name.eq_ignore_ascii_case(text));
        named.or_else(|| text.parse().ok().filter(|number| *number < NAMES.len()))
    };
    let mut days: Vec<&str> = Vec::new();
    for part in field.split(',') {
        let (range, step) = part.split_once('/').unwrap_or((part, "1"));
        let (first, last) = match range.split_once('-') {
            _ if range == "*" => (0, 6),
            Some((first, last)) => (number(first)?, number(last)?),
            None => (number(range)?, number(range)?),
        };
        let step = step.parse().ok().filter(|step: &usize| *step > 0)?;
        days.extend(NAMES.get(first..=last)?.iter().step_by(step));
    }
    Some(days.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_of_the_week_are_those_of_cron() {
        for (field, days) in [
            ("1-5", "MON,TUE,WED,THU,FRI"),
            ("0,7", "SUN,SUN"),
            ("5-7", "FRI,SAT,SUN"),
            ("mon,WED", "MON,WED"),
            ("*/3", "SUN,WED,SAT"),
        ] {
            assert_eq!(weekdays(field).as_deref(), Some(days), "{field}");
        }
        for field in ["8", "5-1", "*/0", "day", ""] {
            assert_eq!(weekdays(field), None, "{field}");
        }
    }

    #[test]
    fn the_next_time_is_that_of_cron() {
        let start = DateTime::from_timestamp_micros(START_MICROS.cast_signed()).unwrap();
        for (line, next) in [
            ("30 2 * * 1-5", "Fri 2026-01-02 02:30"),
            ("0 0 * * 0", "Sun 2026-01-04 00:00"),
            ("0 0 * * 7", "Sun 2026-01-04 00:00"),
            ("*/20 * 1 * *", "Sun 2026-02-01 00:00"),
        ] {
            let found = crontab(line).unwrap().after(&start).next().unwrap();
            assert_eq!(found.format("%a %Y-%m-%d %H:%M").to_string(), next, "{line}");
        }
        assert!(crontab("0 0 1 * 1").is_err());
        assert!(crontab("0 0 1 *").is_err());
    }
}
