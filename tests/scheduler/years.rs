//! Ten years on a clock that is turned by hand.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pumice::Datastore::{Config, Operational};
use pumice::cdb::{ByItself, Cdb, CompactionOptions};
use pumice::clock::{Clock, ManualClock};
use pumice::scheduler::{Actions, Schedule, Scheduler, SchedulerEvent, Trigger, Zone, parse_time};
use pumice::vfs::mem::MemVfs;

const START: &str = "2020-01-01T00:00:00Z";
const END: &str = "2030-01-01T00:00:00Z";

/// Task, schedule, zone, action, how often in ten years.
const TASKS: [(&str, &str, &str, &str, usize); 6] = [
    ("nightly", "30 2 * * *", "Europe/Berlin", "compact", 3653),
    ("weekly", "0 4 * * SUN", "America/New_York", "check", 522),
    ("monthly", "@monthly", "Australia/Sydney", "nothing", 120),
    ("fifteenth-or-monday", "0 12 15 * 1", "UTC", "nothing", 625),
    ("half-days-of-may", "0 */12 * 5 *", "UTC", "nothing", 620),
    ("leap-day", "0 0 29 2 *", "Asia/Tokyo", "nothing", 3),
];

fn at(text: &str) -> u64 {
    parse_time(text, "UTC".parse().unwrap()).unwrap()
}

#[test]
fn ten_years_run_every_task_at_every_time_of_its_schedule_and_files_stay_small() {
    let clock = Arc::new(ManualClock::starting_at(at(START)));
    let by_hand = CompactionOptions { by_itself: ByItself::Never, ..Default::default() };
    let vfs = MemVfs::new();
    let options = Cdb::options().vfs(vfs.shared()).clock(clock.clone()).compaction(by_hand);
    let cdb = options.open("/memory").unwrap();
    let ran: Arc<Mutex<BTreeMap<String, Vec<u64>>>> = Arc::default();
    let mut actions = Actions::builtin();
    actions.register("nothing", |_| Ok(String::new()));
    let scheduler = Scheduler::attach(&cdb, actions);
    let noted = ran.clone();
    scheduler.observe(move |event| {
        if let SchedulerEvent::Finished { task, past } = event {
            assert!(past.succeeded && past.trigger == Trigger::Schedule, "{past:?}");
            noted.lock().unwrap().entry(task.clone()).or_default().push(past.when_micros);
        }
    });
    cdb.write(Config, |tx| {
        for (name, schedule, zone, action, _) in TASKS {
            let leaf = |leaf: &str| format!("/scheduler/task{{{name}}}/{leaf}");
            tx.set_text(leaf("schedule").as_str(), schedule)?;
            tx.set_text(leaf("time-zone").as_str(), zone)?;
            tx.set_text(leaf("action-name").as_str(), action)?;
        }
        tx.set_text("/scheduler/task{nightly}/params/if-transactions-over", "50")
    })
    .unwrap();
    let (mut largest, end) = (0, at(END));
    while let Some(wake) = scheduler.run_due().filter(|wake| *wake < end) {
        let now = clock.wall_micros();
        assert!(wake > now, "the clock stands still at {now}");
        clock.advance(Duration::from_micros(wake - now));
        largest = largest.max(cdb.stats(Operational).file_bytes);
    }
    let ran = ran.lock().unwrap();
    for (name, schedule, zone, _, times) in TASKS {
        let zone: Zone = zone.parse().unwrap();
        let schedule = Schedule::cron(schedule, zone).unwrap();
        let mut at = at(START);
        let next = || {
            at = schedule.next_after(at)?;
            Some(at).filter(|at| *at < end)
        };
        let expected: Vec<_> = std::iter::from_fn(next).collect();
        assert_eq!(ran[name], expected, "{name}");
        // On the clocks of other zones, the first midnight of the ten years may be before they begin.
        assert!(times.abs_diff(expected.len()) <= 1, "{name}: {} times", expected.len());
        assert_eq!(scheduler.history(name, usize::MAX).unwrap().len(), expected.len().min(100));
    }
    let compactions = cdb.compaction_history(1000).unwrap();
    assert!(compactions.len() > 100, "{} compactions", compactions.len());
    assert!(largest < 1 << 20, "O.cdb had {largest} bytes");
}
