//! Ids that the server makes: for `_uuids`, and for documents that come without one. Made as the settings of the section `uuids` say.

use std::sync::{Mutex, PoisonError};

use super::problem::Problem;
use crate::clock::Clock;
use crate::service::Service;

/// Bits of a sequential id that count; those above them are random and stay until the count is over.
const COUNT_BITS: u32 = 24;
/// Where a count ends (CouchDB's).
const COUNT_MAX: u32 = 0x00ff_f000;
/// The largest step of a count (CouchDB's).
const STEP_MAX: u32 = 0xffd;
/// Digits of a random number behind a time.
const RANDOM_DIGITS: usize = 18;

/// What the next id depends on.
#[derive(Debug, Default)]
pub struct Uuids(Mutex<Last>);

#[derive(Debug, Default)]
struct Last {
    /// The random part of sequential ids; `None` before the first.
    prefix: Option<u128>,
    count: u32,
    /// The time of the last id that has one: no two have the same.
    micros: u64,
}

impl Uuids {
    /// New ids, as many as are asked for.
    pub fn make(
        &self,
        service: &Service,
        clock: &dyn Clock,
        count: usize,
    ) -> Result<Vec<String>, Problem> {
        let algorithm = service.setting("uuids", "algorithm")?.unwrap_or_default();
        let suffix = match algorithm.as_str() {
            "utc_id" => service.setting("uuids", "utc_id_suffix")?.unwrap_or_default(),
            _ => String::new(),
        };
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let make = |_| match algorithm.as_str() {
            "random" => format!("{:032x}", clock.unique_id()),
            "utc_id" => format!("{:014x}{suffix}", last.time(clock)),
            "utc_random" => {
                let random = format!("{:032x}", clock.unique_id());
                let random = random.get(32 - RANDOM_DIGITS..).unwrap_or_default();
                format!("{:014x}{random}", last.time(clock))
            }
            _ => last.sequential(clock),
        };
        Ok((0..count).map(make).collect())
    }
}

impl Last {
    /// Microseconds since the Unix epoch, later than all before.
    fn time(&mut self, clock: &dyn Clock) -> u64 {
        self.micros = clock.wall_micros().max(self.micros + 1);
        self.micros
    }

    fn sequential(&mut self, clock: &dyn Clock) -> String {
        let random = clock.unique_id();
        let step = 1 + u32::try_from(random % u128::from(STEP_MAX)).unwrap_or_default();
        let prefix = match self.prefix {
            Some(prefix) if self.count + step < COUNT_MAX => prefix,
            _ => {
                self.count = 0;
                clock.unique_id() >> COUNT_BITS
            }
        };
        self.prefix = Some(prefix);
        self.count += step;
        format!("{:032x}", (prefix << COUNT_BITS) | u128::from(self.count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{ManualClock, SystemClock};

    #[test]
    fn sequential_ids_ascend_and_share_a_prefix_until_the_count_is_over() {
        let (clock, mut last) = (SystemClock::new(), Last::default());
        let ids: Vec<String> = (0..20_000).map(|_| last.sequential(&clock)).collect();
        assert!(ids.iter().all(|id| id.len() == 32));
        let prefixes: std::collections::BTreeSet<_> = ids.iter().map(|id| &id[..26]).collect();
        assert!((2..20).contains(&prefixes.len()), "{}", prefixes.len());
        let same = |pair: &&[String]| pair[0][..26] == pair[1][..26];
        assert!(ids.windows(2).filter(same).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn two_ids_of_one_moment_have_different_times() {
        let (clock, mut last) = (ManualClock::starting_at(5), Last::default());
        let times = [last.time(&clock), last.time(&clock), last.time(&clock)];
        assert!(times[0] < times[1] && times[1] < times[2], "{times:?}");
    }
}
