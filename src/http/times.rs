//! How long something took, in classes: each power of two of microseconds has four.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

/// Four classes for each of 64 powers.
const CLASSES: usize = 256;

/// Counts by class.
#[derive(Debug)]
pub struct Times {
    classes: Vec<AtomicU64>,
    sum_us: AtomicU64,
    max_us: AtomicU64,
}

impl Default for Times {
    fn default() -> Self {
        let classes = (0..CLASSES).map(|_| AtomicU64::new(0)).collect();
        Self { classes, sum_us: AtomicU64::new(0), max_us: AtomicU64::new(0) }
    }
}

impl Times {
    /// Notes one.
    pub fn note(&self, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        if let Some(count) = self.classes.get(class(us)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.sum_us.fetch_add(us, Ordering::Relaxed);
        self.max_us.fetch_max(us, Ordering::Relaxed);
    }

    /// How many were noted.
    pub fn count(&self) -> u64 {
        self.classes.iter().map(|count| count.load(Ordering::Relaxed)).sum()
    }

    /// Their sum in seconds.
    pub fn sum_s(&self) -> f64 {
        Duration::from_micros(self.sum_us.load(Ordering::Relaxed)).as_secs_f64()
    }

    /// The time in seconds that so many thousandths of all were within: the end of their class, so up to a quarter more.
    pub fn within_s(&self, thousandths: u64) -> f64 {
        let wanted = self.count().saturating_mul(thousandths).div_ceil(1_000);
        let mut passed = 0;
        for (index, count) in self.classes.iter().enumerate() {
            passed += count.load(Ordering::Relaxed);
            if passed >= wanted && wanted > 0 {
                let end = begin(index + 1).min(self.max_us.load(Ordering::Relaxed));
                return Duration::from_micros(end).as_secs_f64();
            }
        }
        0.0
    }

    /// As `_stats` tells it, in milliseconds, with CouchDB's members as far as classes give them.
    pub fn to_json(&self) -> Value {
        let count = self.count();
        let ms = |thousandths| self.within_s(thousandths) * 1_000.0;
        let mean = match u32::try_from(count) {
            Ok(0) | Err(_) => 0.0,
            Ok(count) => self.sum_s() * 1_000.0 / f64::from(count),
        };
        let used = self.classes.iter().enumerate().filter_map(|(index, count)| {
            let count = count.load(Ordering::Relaxed);
            let begin_ms = Duration::from_micros(begin(index)).as_secs_f64() * 1_000.0;
            (count > 0).then(|| json!([begin_ms, count]))
        });
        let percentile = [(50, 500), (75, 750), (90, 900), (95, 950), (99, 990), (999, 999)]
            .map(|(name, thousandths)| json!([name, ms(thousandths)]));
        json!({
            "min": ms(1), "max": ms(1_000), "arithmetic_mean": mean, "median": ms(500),
            "percentile": percentile, "histogram": used.collect::<Vec<_>>(), "n": count,
        })
    }
}

/// The class of a time.
fn class(us: u64) -> usize {
    let Some(power) = us.checked_ilog2() else { return 0 };
    let quarter = match power {
        0 | 1 => 0,
        _ => (us >> (power - 2)) & 3,
    };
    usize::try_from(u64::from(power) * 4 + quarter).unwrap_or(CLASSES - 1)
}

/// Where a class begins.
fn begin(class: usize) -> u64 {
    let (power, quarter) = (class / 4, u64::try_from(class % 4).unwrap_or(0));
    match u32::try_from(power) {
        Ok(power @ (0 | 1)) => 1 << power,
        Ok(power) => (4 + quarter).checked_shl(power - 2).unwrap_or(u64::MAX),
        Err(_) => u64::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_in_the_class_that_begins_before_it() {
        for us in [1, 2, 3, 4, 5, 7, 8, 9, 1_000, 1_023, 1_024, 999_999, u64::MAX / 2] {
            let class = class(us);
            assert!(begin(class) <= us, "{us}");
            assert!(class < 8 || us < begin(class + 1), "{us}");
        }
        assert_eq!(class(0), 0);
        assert!(class(u64::MAX) < CLASSES);
    }

    #[test]
    fn times_are_told_within_a_quarter() {
        let times = Times::default();
        for ms in 1..=100 {
            times.note(Duration::from_millis(ms));
        }
        let half = times.within_s(500);
        assert!((0.05..0.0625).contains(&half), "{half}");
        assert_eq!((times.count(), times.within_s(1_000)), (100, 0.1));
        assert!(Times::default().within_s(500) < f64::EPSILON);
    }
}
