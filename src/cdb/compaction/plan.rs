//! What is to be compacted, and when: one small state machine per datastore, fed with the time. Pure.
//!
//! A datastore is idle, or waits: because a threshold was exceeded or somebody asked, with the delay that is
//! its own. What is asked for twice is done once. After a failure, thresholds are not listened to for a
//! while, which doubles with each failure in a row: a compaction that finds no room must not be tried at every
//! transaction.

use std::time::Duration;

use super::super::Datastore;
use super::delay::{Delay, DelayOptions};
use super::entry::Cause;

/// The pause after the first failure.
const BACK_OFF_MIN: Duration = Duration::from_secs(60);
/// The longest pause.
const BACK_OFF_MAX: Duration = Duration::from_secs(3600);

/// The three datastores' waits.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    waits: [Wait; 3],
}

#[derive(Clone, Debug, Default)]
struct Wait {
    cause: Option<Cause>,
    delay: Delay,
    failures: u32,
    deaf_until: Duration,
}

impl Plan {
    fn wait(&mut self, datastore: Datastore) -> &mut Wait {
        let [config, operational, snapshot] = &mut self.waits;
        match datastore {
            Datastore::Config => config,
            Datastore::Operational => operational,
            Datastore::Snapshot => snapshot,
        }
    }

    /// A transaction was committed; `due` says what the thresholds made of it.
    pub fn committed(
        &mut self,
        datastore: Datastore,
        due: Option<Cause>,
        now: Duration,
        delay: &DelayOptions,
    ) {
        let wait = self.wait(datastore);
        wait.delay.restart(now, delay);
        if due.is_some() && now >= wait.deaf_until {
            wait.arm(due, now, delay);
        }
    }

    /// Somebody asked.
    pub fn requested(
        &mut self,
        datastore: Datastore,
        cause: Cause,
        now: Duration,
        delay: &DelayOptions,
    ) {
        self.wait(datastore).arm(Some(cause), now, delay);
    }

    /// What is due now, each once.
    pub fn take_due(&mut self, now: Duration) -> Vec<(Datastore, Cause)> {
        let mut due = Vec::new();
        for datastore in Datastore::ALL {
            let wait = self.wait(datastore);
            if wait.delay.fire(now) {
                due.extend(wait.cause.take().map(|cause| (datastore, cause)));
            }
        }
        due
    }

    /// When something is due next.
    pub fn next_deadline(&self) -> Option<Duration> {
        self.waits.iter().filter_map(|wait| wait.delay.deadline()).min()
    }

    /// When and why this datastore is due, if it waits.
    pub fn waiting(&mut self, datastore: Datastore) -> Option<(Cause, Duration)> {
        let wait = self.wait(datastore);
        wait.cause.zip(wait.delay.deadline())
    }

    /// Whether a datastore waits because it was asked for.
    pub fn is_requested(&mut self, datastore: Datastore) -> bool {
        self.wait(datastore).cause == Some(Cause::Request)
    }

    /// What waits because of a threshold is not wanted any more.
    pub fn forget_automatic(&mut self) {
        for datastore in Datastore::ALL {
            if matches!(self.wait(datastore).cause, Some(Cause::Threshold(_) | Cause::Start(_))) {
                self.forget(datastore);
            }
        }
    }

    /// What was waited for is not wanted any more.
    pub fn forget(&mut self, datastore: Datastore) {
        let wait = self.wait(datastore);
        wait.cause = None;
        wait.delay.disarm();
    }

    /// A compaction succeeded, whoever ran it: what was waited for is done.
    pub fn succeeded(&mut self, datastore: Datastore) {
        *self.wait(datastore) = Wait::default();
    }

    /// A compaction failed.
    pub fn failed(&mut self, datastore: Datastore, now: Duration) {
        let wait = self.wait(datastore);
        let pause = BACK_OFF_MIN.saturating_mul(1 << wait.failures.min(10)).min(BACK_OFF_MAX);
        wait.failures += 1;
        wait.deaf_until = now + pause;
    }
}

impl Wait {
    fn arm(&mut self, cause: Option<Cause>, now: Duration, delay: &DelayOptions) {
        // A request stays one, whatever thresholds say: it is kept over restarts and changes of the options.
        if self.cause.is_none() || cause == Some(Cause::Request) {
            self.cause = cause;
        }
        self.delay.arm(now, delay);
    }
}

#[cfg(test)]
mod tests {
    use super::super::threshold::ThresholdName;
    use super::*;

    const DELAY: DelayOptions =
        DelayOptions { timeout: Duration::from_secs(5), max_wait: Some(Duration::from_secs(60)) };
    const DUE: Option<Cause> = Some(Cause::Threshold(ThresholdName::FileSizeRelative));

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_configuration_waits_and_the_others_do_not() {
        let mut plan = Plan::default();
        plan.committed(Datastore::Config, DUE, at(0), &DELAY);
        plan.committed(Datastore::Operational, DUE, at(0), &DelayOptions::NONE);
        let due: Vec<_> =
            plan.take_due(at(0)).into_iter().map(|(datastore, _)| datastore).collect();
        assert_eq!(due, [Datastore::Operational]);
        assert_eq!(plan.next_deadline(), Some(at(5)));
        assert_eq!(plan.take_due(at(5)).len(), 1);
        assert_eq!(plan.next_deadline(), None);
    }

    #[test]
    fn what_is_asked_for_twice_is_done_once() {
        let mut plan = Plan::default();
        plan.requested(Datastore::Snapshot, Cause::Request, at(0), &DelayOptions::NONE);
        plan.requested(Datastore::Snapshot, Cause::Request, at(0), &DelayOptions::NONE);
        assert_eq!(plan.take_due(at(0)), [(Datastore::Snapshot, Cause::Request)]);
        assert_eq!(plan.take_due(at(0)), []);
    }

    #[test]
    fn a_request_for_the_configuration_honours_its_delay() {
        let mut plan = Plan::default();
        plan.requested(Datastore::Config, Cause::Request, at(0), &DELAY);
        plan.committed(Datastore::Config, None, at(3), &DELAY);
        assert_eq!(plan.take_due(at(7)), []);
        assert_eq!(plan.take_due(at(8)), [(Datastore::Config, Cause::Request)]);
    }

    #[test]
    fn after_failures_thresholds_are_not_listened_to_for_longer_and_longer() {
        let mut plan = Plan::default();
        let none = DelayOptions::NONE;
        plan.failed(Datastore::Operational, at(0));
        plan.committed(Datastore::Operational, DUE, at(59), &none);
        assert_eq!(plan.take_due(at(59)), []);
        plan.committed(Datastore::Operational, DUE, at(60), &none);
        assert_eq!(plan.take_due(at(60)).len(), 1);
        plan.failed(Datastore::Operational, at(60));
        plan.committed(Datastore::Operational, DUE, at(179), &none);
        assert_eq!(plan.take_due(at(179)), []);
        plan.requested(Datastore::Operational, Cause::Request, at(179), &none);
        assert_eq!(plan.take_due(at(179)).len(), 1, "a person is always listened to");
        plan.succeeded(Datastore::Operational);
        plan.committed(Datastore::Operational, DUE, at(180), &none);
        assert_eq!(plan.take_due(at(180)).len(), 1);
    }
}
