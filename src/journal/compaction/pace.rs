//! Keeps a compaction under its byte rate.

use std::num::NonZeroU64;
use std::time::Duration;

use super::control::CompactionControl;
use crate::clock::Clock;

/// Waits often enough that no more than the rate is written since the start.
#[derive(Debug)]
pub struct Pace<'a> {
    clock: &'a dyn Clock,
    control: &'a CompactionControl,
    bytes_per_second: Option<NonZeroU64>,
    start: Duration,
}

impl<'a> Pace<'a> {
    /// Starts to count. `None` is without limit.
    pub fn start(
        clock: &'a dyn Clock,
        control: &'a CompactionControl,
        bytes_per_second: Option<NonZeroU64>,
    ) -> Self {
        Self { clock, control, bytes_per_second, start: clock.monotonic() }
    }

    /// Waits until `written_bytes` are due, or the compaction is cancelled.
    pub fn keep(&self, written_bytes: u64) {
        let Some(rate) = self.bytes_per_second else {
            return;
        };
        let due = due_after(written_bytes, rate);
        while !self.control.is_cancelled() && self.clock.monotonic() < self.start + due {
            self.clock.wait(&self.control.wake, Some(self.start + due));
        }
    }
}

fn due_after(bytes: u64, rate: NonZeroU64) -> Duration {
    let micros = u128::from(bytes) * 1_000_000 / u128::from(rate.get());
    Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_due_in_proportion_to_the_rate() {
        let rate = NonZeroU64::new(4 << 20).unwrap();
        assert_eq!(due_after(1 << 20, rate), Duration::from_millis(250));
        assert_eq!(due_after(0, rate), Duration::ZERO);
    }
}
