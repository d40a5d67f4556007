//! The wait before a due compaction of the configuration datastore: a state machine, fed with the time.
//!
//! NSO waits `delayed-compaction-timeout` for quiet: a transaction during the wait restarts it. Under steady
//! traffic that never ends, so there is an upper bound of ours, `delayed-compaction-max-wait`, counted from
//! the moment that the compaction became due.

use std::time::Duration;

/// How long to wait for quiet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DelayOptions {
    /// `delayed-compaction-timeout`: quiet that is waited for; zero is no delay. NSO's default is 5 s.
    pub timeout: Duration,
    /// `delayed-compaction-max-wait`: the longest wait in all; `None` is without end, as in NSO.
    pub max_wait: Option<Duration>,
}

impl Default for DelayOptions {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(5), max_wait: Some(Duration::from_secs(60)) }
    }
}

impl DelayOptions {
    /// No wait at all: for the operational and the snapshot datastore.
    pub const NONE: Self = Self { timeout: Duration::ZERO, max_wait: None };
}

/// The wait of one datastore. Times are those of the monotonic clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delay {
    armed: Option<Armed>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Armed {
    due_since: Duration,
    /// When it fires unless a transaction comes.
    deadline: Duration,
}

impl Delay {
    /// A compaction became due, or was asked for. When it is already waited for, nothing changes.
    pub fn arm(&mut self, now: Duration, options: &DelayOptions) {
        if self.armed.is_none() {
            self.armed = Some(Armed { due_since: now, deadline: now + options.timeout });
        }
    }

    /// A transaction was committed: the wait begins again, within its upper bound.
    pub fn restart(&mut self, now: Duration, options: &DelayOptions) {
        if let Some(armed) = &mut self.armed {
            let latest = options.max_wait.map(|max_wait| armed.due_since + max_wait);
            let deadline = now + options.timeout;
            armed.deadline = latest.map_or(deadline, |latest| deadline.min(latest));
        }
    }

    /// When it fires, if nothing comes between.
    pub fn deadline(&self) -> Option<Duration> {
        self.armed.map(|armed| armed.deadline)
    }

    /// Whether the wait is over; if so it is disarmed, and the compaction is to begin.
    pub fn fire(&mut self, now: Duration) -> bool {
        let fires = self.deadline().is_some_and(|deadline| now >= deadline);
        if fires {
            self.armed = None;
        }
        fires
    }

    /// Gives the wait up.
    pub fn disarm(&mut self) {
        self.armed = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    const OPTIONS: DelayOptions = DelayOptions { timeout: at(5), max_wait: Some(at(60)) };

    #[test]
    fn quiet_for_the_timeout_fires_once() {
        let mut delay = Delay::default();
        delay.arm(at(100), &OPTIONS);
        assert!(!delay.fire(at(104)));
        assert!(delay.fire(at(105)));
        assert!(!delay.fire(at(200)));
    }

    #[test]
    fn each_transaction_restarts_the_wait() {
        let mut delay = Delay::default();
        delay.arm(at(0), &OPTIONS);
        for second in [4, 8, 12] {
            delay.restart(at(second), &OPTIONS);
            assert!(!delay.fire(at(second + 4)));
        }
        assert!(delay.fire(at(17)));
    }

    #[test]
    fn steady_traffic_cannot_put_it_off_beyond_the_longest_wait() {
        let mut delay = Delay::default();
        delay.arm(at(0), &OPTIONS);
        for second in 1..60 {
            delay.restart(at(second), &OPTIONS);
            assert!(!delay.fire(at(second)), "second {second}");
        }
        assert!(delay.fire(at(60)));
    }

    #[test]
    fn without_a_longest_wait_it_is_put_off_for_ever_as_in_nso() {
        let options = DelayOptions { max_wait: None, ..OPTIONS };
        let mut delay = Delay::default();
        delay.arm(at(0), &options);
        delay.restart(at(1_000_000), &options);
        assert_eq!(delay.deadline(), Some(at(1_000_005)));
    }

    #[test]
    fn no_timeout_fires_at_once() {
        let mut delay = Delay::default();
        delay.arm(at(7), &DelayOptions::NONE);
        assert!(delay.fire(at(7)));
    }

    #[test]
    fn a_transaction_without_anything_due_arms_nothing() {
        let mut delay = Delay::default();
        delay.restart(at(1), &OPTIONS);
        assert_eq!(delay.deadline(), None);
    }
}
