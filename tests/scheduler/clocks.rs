//! Changes of the clocks, in five zones and ten years: against a cron that wakes every minute and looks at the clock on the wall.

use chrono::{DateTime, Datelike, NaiveDateTime, TimeDelta, Timelike};
use chrono_tz::Tz;
use pumice::scheduler::{Schedule, Zone, parse_time};

use crate::expression::Expression;
use crate::random::Random;

/// North and south, half an hour (Lord Howe), at midnight (Sao Paulo, until 2019), none but a whole day (Samoa, 2011).
const ZONES: [&str; 5] = [
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Sao_Paulo",
    "Pacific/Apia",
];
const EXPRESSIONS: usize = 60;

fn local(zone: Tz, minute: u64) -> NaiveDateTime {
    let utc = DateTime::from_timestamp(i64::try_from(minute * 60).unwrap(), 0).unwrap();
    utc.with_timezone(&zone).naive_local()
}

fn fits(expression: &Expression, local: NaiveDateTime) -> bool {
    let parts = (
        local.month() as usize,
        local.day() as usize,
        local.weekday().num_days_from_sunday() as usize,
    );
    expression.day_fits(parts)
        && expression.minute_fits((local.hour() * 60 + local.minute()) as usize)
}

/// The minutes (since 1970) in which a cron that wakes every minute runs something, as cron(8) says.
fn woken(expression: &Expression, zone: Tz, from: u64, until: u64) -> Vec<u64> {
    const MINUTE: TimeDelta = TimeDelta::minutes(1);
    // Begun before any change, so that it is known what the clocks have shown.
    let mut shown = local(zone, from - 1);
    let mut runs = Vec::new();
    for minute in from..until {
        let now = local(zone, minute);
        let runs_now = if expression.is_fixed() {
            let mut any = false;
            while shown < now {
                shown += MINUTE;
                any |= fits(expression, shown);
            }
            any
        } else {
            fits(expression, now)
        };
        if runs_now {
            runs.push(minute);
        }
    }
    runs
}

/// The minutes at which the clocks are changed.
fn changes(zone: Tz, from: u64, until: u64) -> Vec<u64> {
    let offset = |minute: u64| local(zone, minute) - local(Tz::UTC, minute);
    let hours: Vec<_> = (from / 30..until / 30).map(|half_hour| half_hour * 30).collect();
    hours.windows(2).filter(|pair| offset(pair[0]) != offset(pair[1])).map(|pair| pair[1]).collect()
}

fn minute(text: &str) -> u64 {
    parse_time(text, "UTC".parse().unwrap()).unwrap() / 60_000_000
}

#[test]
fn around_every_change_of_the_clocks_the_times_are_those_of_a_cron_that_looks_every_minute() {
    let mut random = Random::new(11);
    let (mut compared, mut seen) = (0, 0);
    for name in ZONES {
        let (zone, ours): (Tz, Zone) = (name.parse().unwrap(), name.parse().unwrap());
        let (from, until) = match name {
            "America/Sao_Paulo" | "Pacific/Apia" => {
                ("2010-01-01T00:00:00Z", "2020-01-01T00:00:00Z")
            }
            _ => ("2020-01-01T00:00:00Z", "2030-01-01T00:00:00Z"),
        };
        let changes = changes(zone, minute(from), minute(until));
        assert!(changes.len() >= 19, "{name}: {}", changes.len());
        seen += changes.len();
        for number in 0..EXPRESSIONS {
            let expression = Expression::random(&mut random, if number % 2 == 0 { 0 } else { 8 });
            let Ok(schedule) = Schedule::cron(&expression.text(), ours) else { continue };
            let change = changes[number % changes.len()];
            let (from, until) = (change - 36 * 60, change + 36 * 60);
            let expected = woken(&expression, zone, from, until);
            let mut at = (from - 1) * 60_000_000;
            let mut found = Vec::new();
            while let Some(next) = schedule.next_after(at).filter(|next| *next < until * 60_000_000)
            {
                found.push(next / 60_000_000);
                at = next;
            }
            assert_eq!(found, expected, "{} in {name} around {change}", expression.text());
            // From the middle of every minute, too: what was before does not matter.
            for from in [change - 90, change - 30, change, change + 1, change + 29, change + 61] {
                let next = schedule.next_after(from * 60_000_000 + 30_000_000);
                let expected = expected.iter().find(|minute| **minute > from);
                if let Some(expected) = expected {
                    let next = next.map(|next| next / 60_000_000);
                    assert_eq!(
                        next,
                        Some(*expected),
                        "{} in {name} from {from}",
                        expression.text()
                    );
                }
            }
            compared += expected.len();
        }
    }
    assert!(compared > 2_000 && seen > 95, "{compared} times, {seen} changes");
}

/// What people see of it: 02:30 in Berlin.
#[test]
fn half_past_two_comes_once_on_every_night() {
    let zone: Zone = "Europe/Berlin".parse().unwrap();
    let schedule = Schedule::cron("30 2 * * *", zone).unwrap();
    let next =
        |from: &str| zone.text(schedule.next_after(parse_time(from, zone).unwrap()).unwrap());
    assert_eq!(next("2026-03-28T12:00:00"), "2026-03-29T03:00:00+02:00");
    assert_eq!(next("2026-03-29T03:00:00"), "2026-03-30T02:30:00+02:00");
    assert_eq!(next("2026-10-24T12:00:00"), "2026-10-25T02:30:00+02:00");
    assert_eq!(next("2026-10-25T02:30:00+02:00"), "2026-10-26T02:30:00+01:00");
    let quarters = Schedule::cron("*/30 2 * * *", zone).unwrap();
    let mut at = parse_time("2026-10-25T00:00:00", zone).unwrap();
    let times: Vec<_> = (0..4)
        .map(|_| {
            at = quarters.next_after(at).unwrap();
            zone.text(at)
        })
        .collect();
    let expected = ["02:00:00+02:00", "02:30:00+02:00", "02:00:00+01:00", "02:30:00+01:00"];
    assert_eq!(times, expected.map(|time| format!("2026-10-25T{time}")));
}

#[test]
fn the_leap_day_comes_every_four_years_but_not_in_2100() {
    let zone: Zone = "UTC".parse().unwrap();
    let schedule = Schedule::cron("0 12 29 2 *", zone).unwrap();
    let mut at = parse_time("2019-01-01T00:00:00Z", zone).unwrap();
    let mut years = Vec::new();
    while let Some(next) = schedule.next_after(at) {
        years.push(zone.text(next)[..10].to_owned());
        at = next;
    }
    assert_eq!(years.len(), 20);
    assert_eq!((years[0].as_str(), years[19].as_str()), ("2020-02-29", "2096-02-29"));
    let on_monday = Schedule::cron("0 12 29 2 */7", zone).unwrap();
    let next = on_monday.next_after(parse_time("2026-01-01T00:00:00Z", zone).unwrap()).unwrap();
    assert_eq!(zone.text(next), "2032-02-29T12:00:00Z");
}
