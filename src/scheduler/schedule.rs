//! When a task runs: by a crontab in a time zone, or once.
//!
//! *Changes of the clocks*, as in cron(8): a schedule that means hours of the day (neither minute nor hour begins with `*`) runs once
//! for each of its times: one that is left out comes when the clocks are put forward, one that comes twice the first time. Every other
//! schedule follows the clocks: it runs whenever they show one of its times.

use chrono::{NaiveDateTime, TimeDelta};

use super::crontab::Crontab;
use super::field::CronError;
use super::zone::Zone;

/// Clocks are put back by no more than this at once.
const FOLD_MAX: TimeDelta = TimeDelta::hours(3);
/// A pause without a change of the clocks that is longer than this may hold two changes.
const ONE_CHANGE: TimeDelta = TimeDelta::hours(24);
const MINUTE_MICROS: u64 = 60_000_000;

/// When a task runs.
#[derive(Clone, Debug)]
pub enum Schedule {
    /// Again and again.
    Cron {
        /// When, in local time.
        crontab: Box<Crontab>,
        /// Whose local time.
        zone: Zone,
    },
    /// Once, at this instant.
    Once {
        /// Microseconds since the Unix epoch.
        at_micros: u64,
    },
}

impl Schedule {
    /// By a crontab in a zone.
    ///
    /// ```
    /// use pumice::scheduler::{Schedule, parse_time, utc_text};
    ///
    /// let berlin = "Europe/Berlin".parse()?;
    /// let nightly = Schedule::cron("30 2 * * MON-FRI", berlin)?;
    /// let friday = parse_time("2026-11-20T12:00:00+01:00", berlin).unwrap();
    /// assert_eq!(nightly.next_after(friday).map(utc_text).as_deref(), Some("2026-11-23T01:30:00Z"));
    /// assert_eq!(
    ///     Schedule::cron("0 25 * * *", berlin).unwrap_err().to_string(),
    ///     "hour 25 is over 23 (second field)"
    /// );
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn cron(text: &str, zone: Zone) -> Result<Self, CronError> {
        Ok(Self::Cron { crontab: Box::new(Crontab::parse(text)?), zone })
    }

    /// The first time after an instant; both in microseconds since the Unix epoch.
    pub fn next_after(&self, micros: u64) -> Option<u64> {
        match self {
            Self::Once { at_micros } => Some(*at_micros).filter(|at| *at > micros),
            Self::Cron { crontab, zone } if crontab.is_fixed() => {
                fixed_after(crontab, *zone, micros)
            }
            Self::Cron { crontab, zone } => following_after(crontab, *zone, micros),
        }
    }

    /// The last time up to an instant that is after another one.
    pub fn last_between(&self, after: u64, until: u64) -> Option<u64> {
        let first = self.next_after(after).filter(|first| *first <= until)?;
        // Widening steps back from the end: no schedule has many times in the first that has any.
        let mut window = 60 * MINUTE_MICROS;
        loop {
            let start = until.saturating_sub(window).max(first.saturating_sub(1));
            let mut found = self.next_after(start).filter(|next| *next <= until);
            if start < first || found.is_some() {
                while let Some(next) =
                    found.and_then(|last| self.next_after(last)).filter(|next| *next <= until)
                {
                    found = Some(next);
                }
                return found;
            }
            window = window.saturating_mul(24);
        }
    }
}

fn fixed_after(crontab: &Crontab, zone: Zone, micros: u64) -> Option<u64> {
    // The first instant grows with the local time, so the first that is later is the one.
    let mut local = zone.local(micros);
    loop {
        local = crontab.next_local(local)?;
        if let Some(instant) = zone.first_instant(local).filter(|instant| *instant > micros) {
            return Some(instant);
        }
    }
}

fn following_after(crontab: &Crontab, zone: Zone, micros: u64) -> Option<u64> {
    let now = zone.local(micros);
    let later = |local: NaiveDateTime| {
        zone.instants(local).into_iter().flatten().find(|instant| *instant > micros)
    };
    let next = crontab.next_local(now)?;
    if let Some(instant) = later(next)
        && next - now < ONE_CHANGE
        && zone.offset(micros) == zone.offset(instant)
    {
        return Some(instant);
    }
    // The clocks are changed before it, perhaps: they may show again what they have shown, or pass over `next`.
    let mut local = now.checked_sub_signed(FOLD_MAX)?;
    let mut best: Option<u64> = None;
    loop {
        local = match crontab.next_local(local) {
            Some(local) => local,
            None => return best,
        };
        if let Some(best) = best
            && local - zone.local(best) > FOLD_MAX
        {
            return Some(best);
        }
        best = match (best, later(local)) {
            (Some(best), Some(instant)) => Some(best.min(instant)),
            (best, instant) => best.or(instant),
        };
    }
}
