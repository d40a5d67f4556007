//! When a task is to begin: a state machine, fed with the time.
//!
//! Rules:
//! - a time is dealt with once: `handled` only grows, and everything up to it is never looked at again;
//! - however many times have passed, they make one run at most;
//! - a task runs once at a time; what comes meanwhile is passed over, or makes one more run;
//! - clocks that are put back a little repeat nothing; by more than three hours, times are counted anew from there (cron(8)).

use std::sync::Arc;

use super::record::Trigger;
use super::task::{MissedRuns, Overlap, Task};

/// A time that is looked at later than this has been missed.
const GRACE_MICROS: u64 = 60_000_000;
/// Clocks that are put back by more than this begin anew.
const BACK_MAX_MICROS: u64 = 3 * 3_600_000_000;

/// A task and its times.
#[derive(Clone, Debug)]
pub struct Job {
    pub task: Arc<Task>,
    /// Times up to here are dealt with.
    pub handled: u64,
    /// Whether times that come are passed over.
    pub held: bool,
    /// Whether a run goes on.
    pub running: bool,
    /// Times that came while it ran, and were passed over.
    pub skipped: u64,
    waiting: Option<Begin>,
    queued: Option<Begin>,
    /// The first time after `handled`, once it was asked for.
    next: Option<(u64, Option<u64>)>,
}

/// A run that is to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Begin {
    /// The time that it is for.
    pub when: u64,
    /// Not before then.
    pub at: u64,
    /// Why.
    pub trigger: Trigger,
}

/// What a look found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// A time that came.
    pub due: Option<u64>,
    /// The time that was missed, when nothing is to be done about it.
    pub missed: Option<u64>,
    /// A run that is to begin now.
    pub begin: Option<Begin>,
    /// The clocks were put back so far that times are counted anew.
    pub put_back: bool,
}

impl Job {
    /// Times up to `handled` are dealt with.
    pub fn new(task: Arc<Task>, handled: u64, held: bool) -> Self {
        Self {
            task,
            handled,
            held,
            running: false,
            skipped: 0,
            waiting: None,
            queued: None,
            next: None,
        }
    }

    /// The job of the same task with another schedule: what waits is forgotten, a run that goes on is not.
    pub fn rescheduled(&self, task: Arc<Task>, handled: u64, held: bool) -> Self {
        Self { running: self.running, skipped: self.skipped, ..Self::new(task, handled, held) }
    }

    /// Looks at the clock. `chance` answers a number below another.
    pub fn look(&mut self, now: u64, chance: &mut dyn FnMut(u64) -> u64) -> Found {
        let mut found = Found::default();
        if self.handled > now.saturating_add(BACK_MAX_MICROS) && !self.task.is_once() {
            found.put_back = true;
            self.handled = now;
            self.waiting = None;
        }
        if self.held {
            self.pass_over(now);
            return found;
        }
        if let Some(first) = self.next().filter(|first| *first <= now) {
            let when = self.task.schedule.last_between(self.handled, now).unwrap_or(first);
            self.handled = when;
            found.due = Some(when);
            self.come(when, now, chance, &mut found);
        }
        found.begin = self.begin(now);
        found
    }

    /// A time has come.
    fn come(&mut self, when: u64, now: u64, chance: &mut dyn FnMut(u64) -> u64, found: &mut Found) {
        let delay_max = self.task.random_delay.micros();
        let late = now - when > GRACE_MICROS.saturating_add(delay_max);
        if late && self.task.missed_runs == MissedRuns::Skip {
            found.missed = Some(when);
            return;
        }
        let begin = if late {
            Begin { when, at: now, trigger: Trigger::Missed }
        } else {
            let delay = if delay_max == 0 { 0 } else { chance(delay_max.saturating_add(1)) };
            Begin { when, at: when.saturating_add(delay), trigger: Trigger::Schedule }
        };
        if !self.running && self.waiting.is_none() {
            self.waiting = Some(begin);
        } else if (self.task.overlap == Overlap::QueueOne || self.task.is_once())
            && self.queued.is_none()
        {
            self.queued = Some(begin);
        } else {
            self.skipped += 1;
        }
    }

    /// What waits and may begin.
    fn begin(&mut self, now: u64) -> Option<Begin> {
        if self.running {
            return None;
        }
        if self.waiting.is_none() {
            self.waiting = self.queued.take();
        }
        if let Some(waiting) = &mut self.waiting {
            // Clocks that were put back do not make it longer.
            waiting.at = waiting.at.min(now.saturating_add(self.task.random_delay.micros()));
        }
        let begin = self.waiting.take_if(|waiting| waiting.at <= now)?;
        self.running = true;
        Some(begin)
    }

    /// Times that come while it is held are dealt with; a task with a single time keeps it for later.
    fn pass_over(&mut self, now: u64) {
        (self.waiting, self.queued) = (None, None);
        if !self.task.is_once() {
            self.handled = self.handled.max(now);
        }
    }

    /// The first time that is not dealt with.
    pub fn next(&mut self) -> Option<u64> {
        match self.next {
            Some((handled, next)) if handled == self.handled => next,
            _ => {
                let next = self.task.schedule.next_after(self.handled);
                self.next = Some((self.handled, next));
                next
            }
        }
    }

    /// When to look again; `None`: not before something changes.
    pub fn wake_at(&mut self) -> Option<u64> {
        if self.held {
            return None;
        }
        let waiting = self.waiting.filter(|_| !self.running).map(|waiting| waiting.at);
        let next = self.next();
        waiting.into_iter().chain(next).min()
    }

    /// Whether its single time is dealt with and nothing of it is left to do.
    pub fn is_spent(&mut self) -> bool {
        let idle = !self.running && self.waiting.is_none() && self.queued.is_none();
        idle && self.task.is_once() && !self.task.keep && self.next().is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheduler::{Params, Schedule, parse_time};
    use crate::units::Duration;

    const MINUTE: u64 = 60_000_000;

    fn at(text: &str) -> u64 {
        parse_time(&format!("2026-11-{text}:00Z"), "UTC".parse().unwrap()).unwrap()
    }

    fn task(schedule: &str) -> Task {
        let zone = "UTC".parse().unwrap();
        Task {
            name: "t".to_owned(),
            schedule: Schedule::cron(schedule, zone).unwrap(),
            spec: schedule.to_owned(),
            zone,
            enabled: true,
            keep: false,
            action: "a".to_owned(),
            node: None,
            params: Params::default(),
            overlap: Overlap::Skip,
            missed_runs: MissedRuns::Once,
            random_delay: Duration::ZERO,
            timeout: None,
        }
    }

    fn job(task: Task, from: &str) -> Job {
        Job::new(Arc::new(task), at(from), false)
    }

    fn look(job: &mut Job, now: u64) -> Found {
        job.look(now, &mut |below| below / 2)
    }

    #[test]
    fn a_time_is_run_once_and_its_next_waited_for() {
        let mut job = job(task("0 2 * * *"), "20T12:00");
        assert_eq!(job.wake_at(), Some(at("21T02:00")));
        assert_eq!(look(&mut job, at("21T02:00") - 1), Found::default());
        let begin = look(&mut job, at("21T02:00")).begin.unwrap();
        assert_eq!((begin.when, begin.trigger), (at("21T02:00"), Trigger::Schedule));
        job.running = false;
        assert_eq!(look(&mut job, at("21T02:00")), Found::default());
        assert_eq!(job.wake_at(), Some(at("22T02:00")));
    }

    #[test]
    fn many_missed_times_make_one_run_or_none() {
        let mut once = job(task("*/5 * * * *"), "20T12:00");
        let begin = look(&mut once, at("25T12:04")).begin.unwrap();
        assert_eq!((begin.when, begin.trigger), (at("25T12:00"), Trigger::Missed));
        once.running = false;
        assert_eq!(look(&mut once, at("25T12:04")), Found::default());
        let skip = Task { missed_runs: MissedRuns::Skip, ..task("*/5 * * * *") };
        let mut skip = job(skip, "20T12:00");
        let found = look(&mut skip, at("25T12:04"));
        assert_eq!((found.missed, found.begin), (Some(at("25T12:00")), None));
        // One that is still on time is run.
        assert!(look(&mut skip, at("26T12:05")).begin.is_some());
    }

    #[test]
    fn a_time_during_a_run_is_passed_over_or_makes_one_more_run() {
        let queue = Task { overlap: Overlap::QueueOne, ..task("* * * * *") };
        for (task, runs_again) in [(task("* * * * *"), false), (queue, true)] {
            let mut job = job(task, "20T12:00");
            assert!(look(&mut job, at("20T12:01")).begin.is_some());
            for minute in 2..6 {
                assert_eq!(look(&mut job, at("20T12:00") + minute * MINUTE).begin, None);
            }
            assert_eq!(job.skipped, if runs_again { 3 } else { 4 });
            job.running = false;
            let begin = look(&mut job, at("20T12:05") + 1).begin;
            assert_eq!(begin.map(|begin| begin.when), runs_again.then(|| at("20T12:02")));
        }
    }

    #[test]
    fn clocks_that_are_put_back_repeat_nothing_or_begin_anew() {
        let mut job = job(task("0 * * * *"), "20T12:00");
        look(&mut job, at("20T13:00")).begin.unwrap();
        job.running = false;
        assert_eq!(look(&mut job, at("20T11:00")), Found::default());
        assert_eq!(look(&mut job, at("20T13:30")), Found::default());
        assert_eq!(job.wake_at(), Some(at("20T14:00")));
        let found = look(&mut job, at("19T13:30"));
        assert!(found.put_back && found.begin.is_none());
        assert_eq!(job.wake_at(), Some(at("19T14:00")));
    }

    #[test]
    fn a_random_delay_is_within_its_bound_and_is_not_late() {
        let delay = Duration::from_secs(600);
        let mut job = job(Task { random_delay: delay, ..task("0 2 * * *") }, "20T12:00");
        assert_eq!(look(&mut job, at("21T02:00")).begin, None);
        assert_eq!(job.wake_at(), Some(at("21T02:05")));
        let begin = look(&mut job, at("21T02:05")).begin.unwrap();
        assert_eq!((begin.when, begin.trigger), (at("21T02:00"), Trigger::Schedule));
    }

    #[test]
    fn what_is_held_passes_times_over_and_makes_nothing_up() {
        let mut job = job(task("0 2 * * *"), "20T12:00");
        job.held = true;
        assert_eq!((look(&mut job, at("25T12:00")), job.wake_at()), (Found::default(), None));
        job.held = false;
        assert_eq!(look(&mut job, at("25T12:00")), Found::default());
        assert_eq!(job.wake_at(), Some(at("26T02:00")));
    }

    #[test]
    fn a_single_time_is_kept_while_held_and_spent_when_dealt_with() {
        let schedule = Schedule::Once { at_micros: at("21T02:00") };
        let mut job = Job::new(Arc::new(Task { schedule, ..task("* * * * *") }), 0, true);
        assert_eq!(look(&mut job, at("22T02:00")), Found::default());
        assert!(!job.is_spent());
        job.held = false;
        let begin = look(&mut job, at("22T02:00")).begin.unwrap();
        assert_eq!((begin.when, begin.trigger), (at("21T02:00"), Trigger::Missed));
        assert!(!job.is_spent());
        job.running = false;
        assert!(job.is_spent());
    }
}
