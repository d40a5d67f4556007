//! Ten years of a thousand expressions, in UTC: every time, against a walk over all days and against the crate `croner`.

use std::str::FromStr;

use chrono::{DateTime, Datelike, NaiveDate, Timelike, Utc};
use croner::Cron;
use pumice::scheduler::{Schedule, Zone};

use crate::expression::Expression;
use crate::random::Random;

const EXPRESSIONS: usize = 1_000;
/// Of a dense expression not every time is looked at, but so many from so many places on.
const DENSE_TIMES: usize = 20_000;
const PLACES: usize = 200;
const TIMES_AT_A_PLACE: usize = 8;

fn day(year: i32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, 1, 1).unwrap()
}

pub fn utc() -> Zone {
    "UTC".parse().unwrap()
}

/// Every time of an expression in the years 2020 to 2029, in seconds.
fn walked(expression: &Expression) -> Vec<u64> {
    let minutes: Vec<_> = (0..24 * 60).filter(|minute| expression.minute_fits(*minute)).collect();
    let mut times = Vec::new();
    for date in day(2020).iter_days().take_while(|date| *date < day(2030)) {
        let parts = (
            date.month() as usize,
            date.day() as usize,
            date.weekday().num_days_from_sunday() as usize,
        );
        if expression.day_fits(parts) {
            let midnight = date.and_hms_opt(0, 0, 0).unwrap().and_utc().timestamp().cast_unsigned();
            times.extend(minutes.iter().map(|minute| midnight + *minute as u64 * 60));
        }
    }
    times
}

fn seconds(date: NaiveDate) -> u64 {
    date.and_hms_opt(0, 0, 0).unwrap().and_utc().timestamp().cast_unsigned()
}

fn below(random: &mut Random, bound: u64) -> u64 {
    random.below(usize::try_from(bound).unwrap()) as u64
}

/// The next times after `from`, in seconds, as long as they are in the ten years.
fn ours(schedule: &Schedule, from: u64, count: usize) -> Vec<u64> {
    let (mut at, end) = (from * 1_000_000, seconds(day(2030)));
    let next = || {
        at = schedule.next_after(at)?;
        assert_eq!(at % 60_000_000, 0);
        Some(at / 1_000_000).filter(|time| *time < end)
    };
    std::iter::from_fn(next).take(count).collect()
}

#[test]
fn ten_years_of_a_thousand_expressions_are_those_of_a_walk_over_all_days() {
    let mut random = Random::new(2026);
    let (mut compared, mut whole) = (0, 0);
    for number in 0..EXPRESSIONS {
        let expression = Expression::random(&mut random, if number % 10 == 0 { 6 } else { 1 });
        let text = expression.text();
        let walked = walked(&expression);
        let schedule = match Schedule::cron(&text, utc()) {
            Ok(schedule) => schedule,
            Err(error) => {
                assert!(
                    walked.is_empty() && error.to_string().contains("never"),
                    "{text}: {error}"
                );
                continue;
            }
        };
        if walked.len() <= DENSE_TIMES {
            // The one after the last is beyond the end.
            let found = ours(&schedule, seconds(day(2020)) - 1, usize::MAX);
            assert!(found == walked, "{text}: {} times, {} walked", found.len(), walked.len());
            compared += walked.len();
            whole += 1;
            continue;
        }
        for _ in 0..PLACES {
            let from =
                seconds(day(2020)) + below(&mut random, seconds(day(2029)) - seconds(day(2020)));
            let first = walked.partition_point(|time| *time <= from);
            let expected = &walked[first..(first + TIMES_AT_A_PLACE).min(walked.len())];
            assert_eq!(ours(&schedule, from, expected.len()), expected, "{text} from {from}");
            compared += expected.len();
        }
    }
    assert!(whole > EXPRESSIONS * 3 / 4 && compared > 500_000, "{whole} whole, {compared} times");
}

#[test]
fn a_thousand_expressions_are_those_of_croner() {
    let mut random = Random::new(4);
    let mut compared = 0;
    for _ in 0..EXPRESSIONS {
        let expression = Expression::random(&mut random, 3);
        let text = expression.text();
        let Ok(schedule) = Schedule::cron(&text, utc()) else { continue };
        // croner takes a day field that begins with */2 for a restricted one, and unites; crontab(5) goes by the star.
        if expression.fields[2].text.starts_with("*/")
            || expression.fields[4].text.starts_with("*/")
        {
            continue;
        }
        let theirs = Cron::from_str(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
        for _ in 0..4 {
            let from =
                seconds(day(2020)) + below(&mut random, seconds(day(2030)) - seconds(day(2020)));
            let mut at: DateTime<Utc> = DateTime::from_timestamp(from.cast_signed(), 0).unwrap();
            for found in ours(&schedule, from, 6) {
                at = theirs.find_next_occurrence(&at, false).unwrap();
                assert_eq!(at.timestamp().cast_unsigned(), found, "{text} from {from}: {at}");
                assert_eq!((at.second(), at.nanosecond()), (0, 0));
                compared += 1;
            }
        }
    }
    assert!(compared > 10_000, "{compared}");
}

#[test]
fn the_last_time_before_an_instant_is_the_last_of_the_walk() {
    let mut random = Random::new(77);
    for _ in 0..100 {
        let expression = Expression::random(&mut random, 3);
        let Ok(schedule) = Schedule::cron(&expression.text(), utc()) else { continue };
        let walked = walked(&expression);
        for _ in 0..20 {
            let span = seconds(day(2029)) - seconds(day(2020));
            let after = seconds(day(2020)) + below(&mut random, span);
            let until = after + below(&mut random, seconds(day(2030)) - after);
            let expected = walked.iter().rev().find(|time| **time <= until);
            let expected = expected.filter(|time| **time > after).copied();
            let found = schedule.last_between(after * 1_000_000, until * 1_000_000);
            assert_eq!(found.map(|time| time / 1_000_000), expected, "{}", expression.text());
        }
    }
}
