//! Five fields of crontab(5) for the crate `cron`, which speaks another dialect: the translation, and nothing but it.
//!
//! The crate wants seconds in front, counts Sunday as 1, wants both day fields to fit where crontab(5) wants either (when
//! neither begins with `*`), and knows nothing of what cron does when clocks are changed. So the fields are read here, it is handed
//! plain lists, once or, for the union of the days, twice, and it counts in local time without a zone: the changes of
//! the clocks are the affair of [`super::zone`].

use chrono::{DateTime, NaiveDateTime};
use cron::Schedule;

use super::field::{CronError, Fields};

/// A schedule in local time.
#[derive(Clone, Debug)]
pub struct Crontab {
    fields: Fields,
    /// A time is in the schedule when it is in one of these.
    either: Vec<Schedule>,
}

impl Crontab {
    /// Reads five fields or a nickname.
    ///
    /// # Errors
    /// Also for a day that never comes, such as the 30th of February.
    pub fn parse(text: &str) -> Result<Self, CronError> {
        let fields = Fields::parse(text)?;
        let both_days = !fields.day.star && !fields.weekday.star;
        let lines = if both_days {
            vec![line(&fields, true, false), line(&fields, false, true)]
        } else {
            vec![line(&fields, true, true)]
        };
        let parsed: Result<Vec<Schedule>, _> = lines.iter().map(|line| line.parse()).collect();
        let failed = |problem: String| CronError { problem, field: None, column: 1 };
        let either = parsed.map_err(|error| failed(format!("cannot be scheduled: {error}")))?;
        let crontab = Self { fields, either };
        if crontab.next_local(DateTime::UNIX_EPOCH.naive_utc()).is_none() {
            return Err(CronError {
                problem: "no month that is named has that day: it never comes".to_owned(),
                field: Some(3),
                column: 1,
            });
        }
        Ok(crontab)
    }

    /// The first local time after this one. `None` when there is none before the year 2100.
    pub(super) fn next_local(&self, after: NaiveDateTime) -> Option<NaiveDateTime> {
        let next = |schedule: &Schedule| schedule.after(&after.and_utc()).next();
        self.either.iter().filter_map(next).min().map(|next| next.naive_utc())
    }

    /// Whether it means the hours of the day, and not the passing of time: neither hour nor minute begins with `*` (cron(8)).
    pub(super) fn is_fixed(&self) -> bool {
        !self.fields.hour.star && !self.fields.minute.star
    }
}

/// The crate's line: seconds, minutes, hours, days, months, days of the week.
fn line(fields: &Fields, days: bool, weekdays: bool) -> String {
    let list = |numbers: &mut dyn Iterator<Item = u8>| {
        numbers.map(|number| number.to_string()).collect::<Vec<_>>().join(",")
    };
    let days = if days { list(&mut fields.day.numbers()) } else { "*".to_owned() };
    let weekdays = if weekdays {
        list(&mut fields.weekday.numbers().map(|day| day + 1))
    } else {
        "*".to_owned()
    };
    let (minutes, hours) = (list(&mut fields.minute.numbers()), list(&mut fields.hour.numbers()));
    format!("0 {minutes} {hours} {days} {} {weekdays}", list(&mut fields.month.numbers()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local(text: &str) -> NaiveDateTime {
        NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap()
    }

    /// The next times, from Friday, 20 November 2026, 12:00.
    fn next(text: &str, count: usize) -> Vec<String> {
        let crontab = Crontab::parse(text).unwrap();
        let mut at = local("2026-11-20 12:00");
        let times = (0..count).map(|_| {
            at = crontab.next_local(at).unwrap();
            at.format("%a %Y-%m-%d %H:%M").to_string()
        });
        times.collect()
    }

    #[test]
    fn what_the_crate_reads_otherwise_is_read_as_cron_does() {
        assert_eq!(next("0 2 * * 1", 1), ["Mon 2026-11-23 02:00"]);
        assert_eq!(next("0 2 * * 0", 1), ["Sun 2026-11-22 02:00"]);
        assert_eq!(next("0 2 * * 7", 1), ["Sun 2026-11-22 02:00"]);
        assert_eq!(next("*/5 * * * *", 2), ["Fri 2026-11-20 12:05", "Fri 2026-11-20 12:10"]);
        assert_eq!(next("@daily", 1), ["Sat 2026-11-21 00:00"]);
    }

    #[test]
    fn restricted_days_are_united() {
        let expected = ["Wed 2026-11-25 00:00", "Tue 2026-12-01 00:00", "Wed 2026-12-02 00:00"];
        assert_eq!(next("0 0 1,15 * 3", 3), expected);
    }

    #[test]
    fn a_star_with_a_step_is_a_star_and_both_days_must_fit() {
        // Vixie: the odd days that are Mondays.
        assert_eq!(next("0 0 */2 * 1", 2), ["Mon 2026-11-23 00:00", "Mon 2026-12-07 00:00"]);
    }

    #[test]
    fn leap_days_come_and_other_days_never() {
        assert_eq!(next("0 0 29 2 *", 2), ["Tue 2028-02-29 00:00", "Sun 2032-02-29 00:00"]);
        let never = Crontab::parse("0 0 30 2 *").unwrap_err();
        assert_eq!(
            never.to_string(),
            "no month that is named has that day: it never comes (third field)"
        );
        assert!(Crontab::parse("0 0 31 4,6,9,11 *").is_err());
        // Every Monday comes, also when the 31st does not.
        assert!(Crontab::parse("0 0 31 4 1").is_ok());
    }
}
