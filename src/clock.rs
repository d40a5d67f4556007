//! Time through a seam: the system's clock, and one that tests turn by hand.
//!
//! Intervals are measured on the monotonic clock (a [`Duration`] since an arbitrary start); the wall clock is
//! for people and for records, never for ordering.

use std::fmt::Debug;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Where time comes from.
pub trait Clock: Send + Sync + Debug {
    /// Time since an arbitrary fixed start; never goes back.
    fn monotonic(&self) -> Duration;

    /// Microseconds since the Unix epoch, UTC.
    fn wall_micros(&self) -> u64;

    /// A number that no other call anywhere has answered. The one source of randomness.
    fn unique_id(&self) -> u128;

    /// Blocks until `signal` is raised or the monotonic clock reaches `deadline` (`None`: no deadline).
    /// Returns at once, and lowers the signal, when it was already raised.
    fn wait(&self, signal: &Arc<Signal>, deadline: Option<Duration>) -> Woken;
}

/// Why [`Clock::wait`] returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Woken {
    /// The signal was raised (and is lowered again).
    Signal,
    /// The deadline was reached.
    Deadline,
}

/// A flag that one thread waits for and others raise.
#[derive(Debug, Default)]
pub struct Signal {
    raised: Mutex<bool>,
    changed: Condvar,
}

impl Signal {
    /// A lowered signal.
    pub fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    /// Raises it and wakes whoever waits.
    pub fn raise(&self) {
        *self.lock() = true;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, bool> {
        self.raised.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn poke(&self) {
        drop(self.lock());
        self.changed.notify_all();
    }
}

/// The operating system's clock.
#[derive(Debug)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// Starts the monotonic clock at zero.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the system's clock")]
    pub fn new() -> Self {
        Self { start: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that reads the system's clock")]
    fn wall_micros(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
    }

    fn unique_id(&self) -> u128 {
        let mut bytes = [0; 16];
        if getrandom::fill(&mut bytes).is_ok() {
            return u128::from_le_bytes(bytes);
        }
        // A system that has no randomness now had some when the process began: each `RandomState` is keyed from that.
        let half = || u128::from(RandomState::new().build_hasher().finish());
        (half() << 64) | half()
    }

    fn wait(&self, signal: &Arc<Signal>, deadline: Option<Duration>) -> Woken {
        let mut raised = signal.lock();
        loop {
            if std::mem::take(&mut *raised) {
                return Woken::Signal;
            }
            let Some(deadline) = deadline else {
                raised = signal.changed.wait(raised).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = deadline.saturating_sub(self.monotonic());
            if left.is_zero() {
                return Woken::Deadline;
            }
            let woken = signal.changed.wait_timeout(raised, left);
            raised = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// A clock that stands still until a test moves it.
///
/// ```
/// use pumice::clock::{Clock, ManualClock};
/// use std::time::Duration;
///
/// let clock = ManualClock::starting_at(1_000_000);
/// clock.advance(Duration::from_secs(2));
/// assert_eq!(clock.wall_micros(), 3_000_000);
/// ```
#[derive(Debug)]
pub struct ManualClock {
    wall_start_micros: u64,
    state: Mutex<ManualState>,
}

#[derive(Debug, Default)]
struct ManualState {
    now: Duration,
    ids: u64,
    waiting: Vec<Weak<Signal>>,
}

impl ManualClock {
    /// A clock whose wall time is `wall_micros` and whose monotonic time is zero.
    pub fn starting_at(wall_micros: u64) -> Self {
        Self { wall_start_micros: wall_micros, state: Mutex::default() }
    }

    /// Moves both clocks forward and wakes every waiter whose deadline has come.
    pub fn advance(&self, by: Duration) {
        let waiting = {
            let mut state = self.lock();
            state.now += by;
            std::mem::take(&mut state.waiting)
        };
        for signal in waiting.iter().filter_map(Weak::upgrade) {
            signal.poke();
        }
    }

    fn lock(&self) -> MutexGuard<'_, ManualState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for ManualClock {
    fn monotonic(&self) -> Duration {
        self.lock().now
    }

    fn wall_micros(&self) -> u64 {
        let now = u64::try_from(self.lock().now.as_micros()).unwrap_or(u64::MAX);
        self.wall_start_micros.saturating_add(now)
    }

    fn unique_id(&self) -> u128 {
        let mut state = self.lock();
        state.ids += 1;
        u128::from(self.wall_start_micros) << 64 | u128::from(state.ids)
    }

    fn wait(&self, signal: &Arc<Signal>, deadline: Option<Duration>) -> Woken {
        let mut raised = signal.lock();
        loop {
            if std::mem::take(&mut *raised) {
                return Woken::Signal;
            }
            // Registered while the signal's lock is held: `advance` pokes through that lock, so a move of
            // the clock between this check and the wait below cannot be missed.
            let now = {
                let mut state = self.lock();
                state.waiting.push(Arc::downgrade(signal));
                state.now
            };
            if deadline.is_some_and(|deadline| now >= deadline) {
                return Woken::Deadline;
            }
            raised = signal.changed.wait(raised).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_deadline_fires_only_when_the_clock_is_turned() {
        let clock = Arc::new(ManualClock::starting_at(0));
        let signal = Signal::new();
        let waiter = {
            let (clock, signal) = (clock.clone(), signal.clone());
            std::thread::spawn(move || clock.wait(&signal, Some(Duration::from_secs(5))))
        };
        clock.advance(Duration::from_secs(4));
        assert!(!waiter.is_finished());
        clock.advance(Duration::from_secs(1));
        assert_eq!(waiter.join().unwrap(), Woken::Deadline);
    }

    #[test]
    fn a_signal_raised_before_the_wait_is_not_lost() {
        let clock = SystemClock::new();
        let signal = Signal::new();
        signal.raise();
        assert_eq!(clock.wait(&signal, None), Woken::Signal);
    }
}
