//! Time zones: instants and what clocks on the wall show, also when the clocks are changed.
//!
//! An instant is a number of microseconds since the Unix epoch. With `first_instant` every local time has one: that of a clock that was
//! put forward over it is the change itself; of one that comes twice it is the first.

use std::fmt;

use chrono::{
    DateTime, Local, MappedLocalTime, NaiveDateTime, SecondsFormat, TimeDelta, TimeZone, Utc,
};
use chrono_tz::{TZ_VARIANTS, Tz};

use crate::dates::iso_date;

/// The longest that clocks were ever put forward at once: a day (Samoa, 2011).
const GAP_MINUTES_MAX: usize = 24 * 60;

/// A time zone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Zone {
    /// The server's own: `TZ`, or `/etc/localtime`.
    #[default]
    Local,
    /// One of the IANA database.
    Named(Tz),
}

/// A name that no time zone has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{name}\" is not a time zone: expected local, UTC or a name such as Europe/Berlin{}", hint(.near.as_deref()))]
pub struct UnknownZone {
    /// The name.
    pub name: String,
    /// The nearest that there is.
    pub near: Option<&'static str>,
}

fn hint(near: Option<&str>) -> String {
    near.map(|near| format!(" (did you mean {near}?)")).unwrap_or_default()
}

/// `local`, `UTC`, `Europe/Berlin`.
impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local => f.write_str("local"),
            Self::Named(zone) => f.write_str(zone.name()),
        }
    }
}

impl std::str::FromStr for Zone {
    type Err = UnknownZone;

    fn from_str(name: &str) -> Result<Self, UnknownZone> {
        if name == "local" {
            return Ok(Self::Local);
        }
        name.parse()
            .map(Self::Named)
            .map_err(|_| UnknownZone { name: name.to_owned(), near: near(name) })
    }
}

fn near(name: &str) -> Option<&'static str> {
    const ALIKE: f64 = 0.85;
    let wanted = name.to_ascii_lowercase();
    let alike = |zone: &Tz| {
        let (whole, lower) = (zone.name(), zone.name().to_ascii_lowercase());
        let city = lower.rsplit('/').next().unwrap_or_default();
        let alike = strsim::jaro_winkler(&wanted, &lower).max(strsim::jaro_winkler(&wanted, city));
        (alike, whole)
    };
    let best = TZ_VARIANTS.iter().map(alike).max_by(|a, b| a.0.total_cmp(&b.0));
    best.filter(|(how_much, _)| *how_much > ALIKE).map(|(_, zone)| zone)
}

impl Zone {
    /// What the clocks show at an instant.
    pub fn local(self, micros: u64) -> NaiveDateTime {
        let utc = utc(micros).naive_utc();
        match self {
            Self::Local => Local.from_utc_datetime(&utc).naive_local(),
            Self::Named(zone) => zone.from_utc_datetime(&utc).naive_local(),
        }
    }

    /// The instants at which the clocks show a time: one, or two when they are put back, or none.
    pub fn instants(self, local: NaiveDateTime) -> [Option<u64>; 2] {
        let (first, second) = match self {
            Self::Local => both(Local.from_local_datetime(&local)),
            Self::Named(zone) => both(zone.from_local_datetime(&local)),
        };
        [first, second.filter(|second| Some(*second) != first)]
    }

    /// The first instant at which the clocks show a time; when they are put forward over it, the first after it.
    pub fn first_instant(self, local: NaiveDateTime) -> Option<u64> {
        let later = |minutes: usize| {
            let minutes = TimeDelta::minutes(i64::try_from(minutes).unwrap_or_default());
            self.instants(local.checked_add_signed(minutes)?)[0]
        };
        (0..=GAP_MINUTES_MAX).find_map(later)
    }

    /// How far the clocks are ahead of UTC at an instant.
    pub fn offset(self, micros: u64) -> TimeDelta {
        self.local(micros) - utc(micros).naive_utc()
    }

    /// An instant for people: `2026-11-20T02:00:00+01:00`.
    pub fn text(self, micros: u64) -> String {
        let utc = utc(micros).naive_utc();
        match self {
            Self::Local => rfc3339(&Local.from_utc_datetime(&utc)),
            Self::Named(zone) => rfc3339(&zone.from_utc_datetime(&utc)),
        }
    }
}

fn rfc3339<Z: TimeZone<Offset: fmt::Display>>(time: &DateTime<Z>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn both<Z: TimeZone>(mapped: MappedLocalTime<DateTime<Z>>) -> (Option<u64>, Option<u64>) {
    let micros = |time: DateTime<Z>| u64::try_from(time.timestamp_micros()).ok();
    match mapped {
        MappedLocalTime::None => (None, None),
        MappedLocalTime::Single(one) => (micros(one), None),
        MappedLocalTime::Ambiguous(one, other) => {
            let (one, other) = (micros(one), micros(other));
            (one.min(other), one.max(other))
        }
    }
}

fn utc(micros: u64) -> DateTime<Utc> {
    let micros = i64::try_from(micros).unwrap_or(i64::MAX);
    DateTime::from_timestamp_micros(micros).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// An instant in UTC: `2026-11-20T01:00:00Z`.
pub fn utc_text(micros: u64) -> String {
    iso_date(micros / 1_000_000)
}

/// Reads a time of RFC 3339, or one without an offset, which is then of `zone`.
pub fn parse_time(text: &str, zone: Zone) -> Option<u64> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return u64::try_from(time.timestamp_micros()).ok();
    }
    let formats = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M"];
    let local = formats.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
    zone.first_instant(local?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn berlin() -> Zone {
        "Europe/Berlin".parse().unwrap()
    }

    #[test]
    fn times_are_read_with_and_without_an_offset() {
        let one = parse_time("2026-11-20T02:00:00+01:00", Zone::Local).unwrap();
        assert_eq!(utc_text(one), "2026-11-20T01:00:00Z");
        assert_eq!(parse_time("2026-11-20T02:00:00", berlin()), Some(one));
        assert_eq!(berlin().text(one), "2026-11-20T02:00:00+01:00");
        for text in ["2026-11-20", "tomorrow", "2026-13-20T02:00:00Z", "1960-01-01T00:00:00Z"] {
            assert_eq!(parse_time(text, berlin()), None, "{text}");
        }
    }

    #[test]
    fn a_time_that_clocks_leave_out_is_the_change() {
        // 29 March 2026: 02:00 is 03:00.
        let missing = parse_time("2026-03-29T02:30:00", berlin()).unwrap();
        assert_eq!(berlin().text(missing), "2026-03-29T03:00:00+02:00");
        // 25 October 2026: 03:00 is 02:00 once more.
        let doubled = parse_time("2026-10-25T02:30:00", berlin()).unwrap();
        assert_eq!(utc_text(doubled), "2026-10-25T00:30:00Z");
        assert_eq!(
            berlin().instants(berlin().local(doubled)),
            [Some(doubled), Some(doubled + 3_600_000_000)]
        );
    }

    #[test]
    fn a_zone_that_is_not_there_is_told_with_the_nearest() {
        let error = "Europe/Berln".parse::<Zone>().unwrap_err().to_string();
        assert!(error.ends_with("(did you mean Europe/Berlin?)"), "{error}");
        assert!("berlin".parse::<Zone>().unwrap_err().to_string().contains("Europe/Berlin"));
        assert_eq!("UTC".parse::<Zone>().unwrap().to_string(), "UTC");
        assert_eq!("local".parse::<Zone>().unwrap(), Zone::Local);
    }
}
