//! The scheduler on a clock that is turned by hand.

mod configured; // what is committed is a task, or refused
mod ending; // threads, time limits, stopping
mod runs; // actions and their history
mod times; // when it is time

use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::*;
use crate::Datastore::{Config, Operational};
use crate::cdb::{ByItself, BytesSource, Cdb, CompactionOptions, LoadOptions, Value};
use crate::clock::ManualClock;
use crate::vfs::Vfs;
use crate::vfs::mem::MemVfs;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

fn utc() -> Zone {
    "UTC".parse().unwrap()
}

fn at(text: &str) -> u64 {
    parse_time(text, utc()).unwrap()
}

/// A database on a clock that is turned by hand, and what its tasks did.
struct World {
    vfs: MemVfs,
    clock: Arc<ManualClock>,
    cdb: Cdb,
    scheduler: Scheduler,
    /// The times that the action `note` ran for.
    noted: Arc<Mutex<Vec<String>>>,
}

fn actions(noted: &Arc<Mutex<Vec<String>>>) -> Actions {
    let mut actions = Actions::builtin();
    let noted = noted.clone();
    actions.register("note", move |call| {
        noted.lock().unwrap().push(utc_text(call.when_micros));
        Ok(format!("noted {}", call.params.get("what").unwrap_or("nothing")))
    });
    actions.register("fail", |_| Err("no luck".into()));
    actions.register("panic", |_| panic!("a planted one"));
    actions
}

impl World {
    fn new(start: &str) -> Self {
        Self::on(MemVfs::new(), start)
    }

    fn on(vfs: MemVfs, start: &str) -> Self {
        let clock = Arc::new(ManualClock::starting_at(at(start)));
        let noted = Arc::default();
        let actions = actions(&noted);
        let by_hand = CompactionOptions { by_itself: ByItself::Never, ..Default::default() };
        let options = Cdb::options().vfs(vfs.shared()).clock(clock.clone()).compaction(by_hand);
        let cdb = Scheduler::guard(options, &actions).open("/memory").unwrap();
        let scheduler = Scheduler::attach_guarded(&cdb, actions);
        Self { vfs, clock, cdb, scheduler, noted }
    }

    /// The same directory after a power failure, opened again at another time.
    fn restart(self, now: &str) -> Self {
        let vfs = self.vfs.crash();
        drop(self);
        let world = Self::on(vfs, now);
        world.scheduler.run_due();
        world
    }

    fn set(&self, path: &str, text: &str) {
        self.try_set(&[(path, text)]).unwrap();
    }

    fn try_set(&self, leaves: &[(&str, &str)]) -> Result<(), String> {
        let set = self.cdb.write(Config, |tx| {
            leaves.iter().try_for_each(|(path, text)| {
                tx.set_text(format!("/scheduler/{path}").as_str(), text)
            })
        });
        set.map(drop).map_err(|error| error.to_string().replace("refused: /scheduler", ""))
    }

    /// A task of the action `note`, with leaves besides.
    fn task(&self, name: &str, schedule: &str, leaves: &[(&str, &str)]) {
        let path = |leaf: &str| format!("task{{{name}}}/{leaf}");
        let mut all = vec![(path("action-name"), "note"), (path("time-zone"), "UTC")];
        all.push((path(if schedule.contains('T') { "time" } else { "schedule" }), schedule));
        all.extend(leaves.iter().map(|(leaf, text)| (path(leaf), *text)));
        let all: Vec<_> = all.iter().map(|(path, text)| (path.as_str(), *text)).collect();
        self.try_set(&all).unwrap();
        self.scheduler.run_due();
    }

    /// Turns the clock to a time, looking whenever something is due.
    fn go_to(&self, time: &str) {
        let end = at(time);
        loop {
            let wake = self.scheduler.run_due().filter(|wake| *wake <= end);
            let now = self.cdb.clock().wall_micros();
            let to = wake.unwrap_or(end);
            self.clock.advance(Duration::from_micros(to.saturating_sub(now)));
            if wake.is_none() {
                break;
            }
        }
        self.scheduler.run_due();
    }

    fn noted(&self) -> Vec<String> {
        std::mem::take(&mut *self.noted.lock().unwrap())
    }

    /// `when trigger ok|failed info`, oldest first.
    fn history(&self, name: &str) -> Vec<String> {
        let mut past = self.scheduler.history(name, 1000).unwrap();
        past.reverse();
        let line = |past: &Past| {
            let how = if past.succeeded { "ok" } else { "failed" };
            format!("{} {} {how}: {}", utc_text(past.when_micros), past.trigger, past.info)
        };
        past.iter().map(line).collect()
    }

    fn exists(&self, task: &str) -> bool {
        let path = format!("/scheduler/task{{{task}}}");
        self.cdb.begin_read(Config).exists(path.as_str()).unwrap()
    }

    /// The events of runs on threads.
    fn events(&self) -> Receiver<SchedulerEvent> {
        let (sender, events) = channel();
        self.scheduler.observe(move |event| drop(sender.send(event.clone())));
        events
    }
}

fn wait_for(
    events: &Receiver<SchedulerEvent>,
    wanted: impl Fn(&SchedulerEvent) -> bool,
) -> SchedulerEvent {
    events.iter().find(|event| wanted(event)).unwrap()
}

fn is_finished(event: &SchedulerEvent) -> bool {
    matches!(event, SchedulerEvent::Finished { .. })
}
