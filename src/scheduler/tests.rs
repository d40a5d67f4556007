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

#[test]
fn a_committed_task_compacts_and_writes_its_history_without_a_restart() {
    let world = World::new("2026-11-20T12:00:00Z");
    assert_eq!(world.scheduler.run_due(), None);
    for number in 0..10_u8 {
        world.cdb.write(Config, |tx| tx.set("/counter", number)).unwrap();
    }
    world.task(
        "nightly",
        "0 2 * * *",
        &[("action-name", "compact"), ("params/datastore", "config")],
    );
    assert_eq!(world.scheduler.run_due(), Some(at("2026-11-21T02:00:00Z")));
    world.go_to("2026-11-21T03:00:00Z");
    assert_eq!(world.cdb.compactions().info(Config).growth.transactions, 0);
    let last = &world.cdb.compaction_history(1).unwrap()[0].entry;
    assert_eq!(
        (last.cause, last.start_micros),
        (crate::cdb::Cause::Schedule, at("2026-11-21T02:00:00Z"))
    );
    let history = world.history("nightly");
    assert_eq!(history.len(), 1);
    assert!(history[0].starts_with("2026-11-21T02:00:00Z schedule ok: A.cdb "), "{}", history[0]);
    assert!(history[0].ends_with("(11 tx)"), "{}", history[0]);
    let oper = world.cdb.begin_read(Operational);
    let entry = "/scheduler/task{nightly}/history{2026-11-21T02:00:00Z 1}";
    let leaf = |name: &str| oper.get(format!("{entry}/{name}").as_str()).unwrap();
    assert_eq!(leaf("succeeded"), Some(Value::Boolean(true)));
    assert_eq!(leaf("start").unwrap().to_string(), "2026-11-21T02:00:00Z");
    assert!(leaf("duration").is_some() && leaf("info").is_some());
    assert_eq!(
        oper.get("/scheduler/task{nightly}/is-running").unwrap(),
        Some(Value::Boolean(false))
    );
}

#[test]
fn next_is_right_across_a_change_of_the_clocks() {
    let world = World::new("2026-03-27T12:00:00Z");
    world.task("t", "30 2 * * *", &[("time-zone", "Europe/Berlin")]);
    let zone: Zone = "Europe/Berlin".parse().unwrap();
    let next = world.scheduler.next_run_times("t", 4).unwrap();
    let next: Vec<_> = next.into_iter().map(|next| zone.text(next)).collect();
    let expected = [
        "2026-03-28T02:30:00+01:00",
        "2026-03-29T03:00:00+02:00",
        "2026-03-30T02:30:00+02:00",
        "2026-03-31T02:30:00+02:00",
    ];
    assert_eq!(next, expected);
    world.go_to("2026-03-30T12:00:00Z");
    assert_eq!(
        world.noted(),
        ["2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]
    );
}

#[test]
fn what_cannot_be_is_refused_with_path_place_and_what_was_expected() {
    let world = World::new("2026-11-20T12:00:00Z");
    let good = [("schedule", "0 2 * * *"), ("action-name", "compact")];
    for (leaves, message) in [
        (&[("schedule", "0 25 * * *")][..], "/task{t}/schedule: hour 25 is over 23 (second field)"),
        (
            &[("schedule", "0 0 30 2 *")],
            "/task{t}/schedule: no month that is named has that day: it never comes (third field)",
        ),
        (
            &[("time", "2026-11-21T02:00:00Z")],
            "/task{t}/time: there is a schedule already: expected one of the two",
        ),
        (
            &[("action-name", "comapct")],
            "/task{t}/action-name: there is no action \"comapct\": did you mean compact? there are backup, check, compact, compact-database, fail, note, panic",
        ),
        (
            &[("params/datastore", "x")],
            "/task{t}/params/datastore: \"x\" is not config, oper, snapshot or all",
        ),
        (
            &[("params/data-store", "config")],
            "/task{t}/params/data-store: there is no such parameter; there are: datastore, if-transactions-over, policy, throttle",
        ),
        (
            &[("params/if-transactions-over", "few")],
            "/task{t}/params/if-transactions-over: \"few\" is not a number",
        ),
        (
            &[("params/datastore", "config"), ("action-params", "<datastore>config</datastore>")],
            "/task{t}/action-params: there are params already: expected one of the two",
        ),
        (
            &[("action-params", "<datastore>x</datastore>")],
            "/task{t}/action-params: \"x\" is not config, oper, snapshot or all",
        ),
        (
            &[("action-params", "<datastore>")],
            "/task{t}/action-params: not XML: an element does not end",
        ),
        (&[("action-name", "backup")], "/task{t}/action-name: the parameter directory is missing"),
        (
            &[("action-name", "backup"), ("params/directory", "here")],
            "/task{t}/params/directory: \"here\" does not begin with /",
        ),
        (
            &[("action-name", "compact-database"), ("params/database", "d")],
            "/task{t}/action-name: no document databases yet",
        ),
        (
            &[("time-zone", "Europe/Berln")],
            "/task{t}/time-zone: \"Europe/Berln\" is not a time zone: expected local, UTC or a name such as Europe/Berlin (did you mean Europe/Berlin?)",
        ),
        (&[("overlap", "queue")], "/task{t}/overlap: \"queue\" is not skip or queue-one"),
        (&[("missed-runs", "all")], "/task{t}/missed-runs: \"all\" is not once or skip"),
        (
            &[("timeout", "long")],
            "/task{t}/timeout: \"long\" is not a duration such as PT5S, P1DT2H, 5s or 1h 30m",
        ),
        (&[("enabled", "yes")], "/task{t}/enabled: \"yes\" is not true or false"),
        (&[("every", "5m")], "/task{t}/every: there is no such node in /scheduler"),
    ] {
        let leaves: Vec<_> = good
            .iter()
            .chain(leaves)
            .map(|(leaf, text)| (format!("task{{t}}/{leaf}"), *text))
            .collect();
        let leaves: Vec<_> = leaves.iter().map(|(leaf, text)| (leaf.as_str(), *text)).collect();
        assert_eq!(world.try_set(&leaves), Err(message.to_owned()));
    }
    for (leaves, message) in [
        (
            &[("task{t}/schedule", "0 2 * * *")][..],
            "/task{t}/action-name: it is missing: what the task does",
        ),
        (
            &[("task{t}/action-name", "compact")],
            "/task{t}/schedule: it is missing: expected a schedule or a time",
        ),
        (
            &[("task{t}/action-name", "compact"), ("task{t}/time", "noon")],
            "/task{t}/time: \"noon\" is not a time such as 2026-11-20T02:00:00+01:00",
        ),
        (&[("history-size", "0")], "/history-size: \"0\" is not a number from 1 to 10,000"),
        (
            &[("suspend", "true")],
            "/suspend: there is no such node in /scheduler; did you mean suspended?",
        ),
    ] {
        assert_eq!(world.try_set(leaves), Err(message.to_owned()));
    }
    assert_eq!(world.cdb.transaction_id(Config).get(), 0);
}

/// The shape of NSO's own example, as its init files have it.
const NSO: &str = r#"<config xmlns="http://tail-f.com/ns/config/1.0">
  <scheduler xmlns="http://tail-f.com/ns/ncs-scheduler">
    <task>
      <name>compaction</name>
      <schedule>0 2 * * *</schedule>
      <action-name>compact</action-name>
      <action-node xmlns:ct="http://example.com/compaction-task">/ct:compaction-task</action-node>
      <action-params>
        <![CDATA[<if-transactions-over>5</if-transactions-over>]]>
      </action-params>
      <ha-mode>primary</ha-mode>
    </task>
  </scheduler>
</config>"#;

#[test]
fn a_file_in_the_shape_of_nso_is_a_task() {
    let world = World::new("2026-11-20T12:00:00Z");
    let options = LoadOptions { keys: crate::component::key_hints(&SUBTREE), ..Default::default() };
    let source = BytesSource::new("task.xml", NSO.as_bytes());
    world.cdb.load(Config, &source, &options, &Default::default()).unwrap();
    let config = world.scheduler.config().unwrap();
    assert_eq!(config.problems, []);
    let task = &config.config.tasks[0];
    assert_eq!((task.name.as_str(), task.action.as_str()), ("compaction", "compact"));
    assert_eq!(task.params.get("if-transactions-over"), Some("5"));
    assert_eq!(task.node.as_deref(), Some("/ct:compaction-task"));
}

#[test]
fn an_init_file_is_a_task_and_a_faulty_one_is_refused() {
    let vfs = MemVfs::new();
    vfs.put(Path::new("/memory/task.xml"), NSO.as_bytes().to_vec());
    let world = World::on(vfs, "2026-11-20T12:00:00Z");
    assert!(world.exists("compaction"));
    let vfs = MemVfs::new();
    vfs.put(Path::new("/memory/task.xml"), NSO.replace("0 2 *", "0 24 *").into_bytes());
    let options = Cdb::options().vfs(vfs.shared());
    let refused = Scheduler::guard(options, &Actions::builtin()).open("/memory").unwrap_err();
    assert!(
        refused.to_string().contains("/schedule: hour 24 is over 23 (second field)"),
        "{refused}"
    );
}

#[test]
fn a_single_time_runs_and_removes_itself_unless_it_is_kept() {
    let world = World::new("2026-11-20T12:00:00Z");
    world.task("once", "2026-11-20T13:00:00Z", &[("params/what", "this")]);
    world.task("kept", "2026-11-20T14:00:00+01:00", &[("keep", "true")]);
    world.go_to("2026-11-20T12:59:59Z");
    assert!(world.exists("once"));
    world.go_to("2026-11-22T12:00:00Z");
    assert_eq!(world.noted(), ["2026-11-20T13:00:00Z", "2026-11-20T13:00:00Z"]);
    assert!(!world.exists("once") && world.exists("kept"));
    assert_eq!(world.history("once"), ["2026-11-20T13:00:00Z schedule ok: noted this"]);
    assert_eq!(world.scheduler.next_run_times("kept", 3).unwrap(), Vec::<u64>::new());
    // The same name again is another task.
    world.task("once", "2026-11-22T13:00:00Z", &[]);
    world.go_to("2026-11-22T14:00:00Z");
    assert_eq!(world.noted(), ["2026-11-22T13:00:00Z"]);
    assert_eq!(world.history("once").len(), 2);
}

#[test]
fn of_tasks_that_removed_themselves_the_last_twenty_keep_their_history() {
    let world = World::new("2026-11-20T12:00:00Z");
    for number in 10..35 {
        world.task(&format!("once{number}"), &format!("2026-11-20T13:{number}:00Z"), &[]);
    }
    world.go_to("2026-11-20T15:00:00Z");
    assert_eq!(world.noted().len(), 25);
    assert!(world.history("once10").is_empty() && world.history("once14").is_empty());
    assert_eq!((world.history("once15").len(), world.history("once34").len()), (1, 1));
}

#[test]
fn what_passed_while_nothing_ran_makes_one_run_or_none() {
    let world = World::new("2026-11-20T12:00:00Z");
    world.task("once", "0 * * * *", &[]);
    world.task("skip", "0 * * * *", &[("missed-runs", "skip")]);
    world.task("single", "2026-11-21T00:00:00Z", &[]);
    world.go_to("2026-11-20T13:30:00Z");
    assert_eq!(world.noted().len(), 2);
    let world = world.restart("2026-11-25T10:30:00Z");
    let mut noted = world.noted();
    noted.sort();
    assert_eq!(noted, ["2026-11-21T00:00:00Z", "2026-11-25T10:00:00Z"]);
    let expected = [
        "2026-11-20T13:00:00Z schedule ok: noted nothing",
        "2026-11-25T10:00:00Z missed ok: noted nothing",
    ];
    assert_eq!(world.history("once"), expected);
    assert_eq!(
        world.history("skip")[1],
        "2026-11-25T10:00:00Z missed failed: missed: nothing could run at that time (missed-runs is skip)"
    );
    // And it is not made up for again.
    let world = world.restart("2026-11-25T10:40:00Z");
    assert_eq!(world.noted(), [""; 0]);
    world.go_to("2026-11-25T11:00:00Z");
    assert_eq!(world.noted(), ["2026-11-25T11:00:00Z", "2026-11-25T11:00:00Z"]);
}

#[test]
fn a_clock_that_jumps_makes_no_burst() {
    let world = World::new("2026-11-20T12:00:00Z");
    world.task("often", "* * * * *", &[]);
    world.clock.advance(HOUR * 24 * 365 * 3);
    world.scheduler.run_due();
    world.scheduler.run_due();
    assert_eq!(world.noted().len(), 1);
}

#[test]
fn suspending_is_sticky_and_makes_nothing_up() {
    let world = World::new("2026-11-20T12:00:00Z");
    world.task("t", "0 * * * *", &[]);
    world.task("u", "30 * * * *", &[]);
    world.set("suspended", "true");
    world.go_to("2026-11-20T15:15:00Z");
    let world = world.restart("2026-11-20T16:15:00Z");
    world.go_to("2026-11-20T17:15:00Z");
    assert_eq!(world.noted(), [""; 0]);
    world.set("task{u}/enabled", "false");
    world.set("suspended", "false");
    world.go_to("2026-11-20T18:45:00Z");
    assert_eq!(world.noted(), ["2026-11-20T18:00:00Z"]);
    // Enabled while nothing ran: what passed while it was disabled is not missed.
    let world = world.restart("2026-11-20T19:45:00Z");
    assert_eq!(world.noted(), ["2026-11-20T19:00:00Z"]);
    world.set("task{u}/enabled", "true");
    world.go_to("2026-11-20T20:45:00Z");
    assert_eq!(world.noted(), ["2026-11-20T20:00:00Z", "2026-11-20T20:30:00Z"]);
}

#[test]
fn another_schedule_counts_from_the_moment_that_it_is_committed() {
    let world = World::new("2026-11-20T12:00:00Z");
    world.task("t", "0 3 * * *", &[]);
    world.go_to("2026-11-21T04:00:00Z");
    assert_eq!(world.noted().len(), 1);
    world.set("task{t}/schedule", "0 2 * * *");
    world.go_to("2026-11-21T12:00:00Z");
    assert_eq!(world.noted(), [""; 0]);
    world.go_to("2026-11-22T02:00:00Z");
    assert_eq!(world.noted(), ["2026-11-22T02:00:00Z"]);
}

#[test]
fn what_goes_wrong_stands_in_the_history_with_its_text() {
    let world = World::new("2026-11-20T12:00:00Z");
    world.task("fails", "0 * * * *", &[("action-name", "fail")]);
    world.task("panics", "0 * * * *", &[("action-name", "panic")]);
    world.task(
        "backs-up",
        "0 * * * *",
        &[("action-name", "backup"), ("params/directory", "/memory")],
    );
    world.vfs.set_free_space_bytes(1000);
    world.go_to("2026-11-20T13:00:00Z");
    assert_eq!(world.history("fails"), ["2026-11-20T13:00:00Z schedule failed: no luck"]);
    assert_eq!(
        world.history("panics"),
        ["2026-11-20T13:00:00Z schedule failed: the action panicked"]
    );
    let backup = &world.history("backs-up")[0];
    assert!(
        backup.contains("failed: needs about") && backup.ends_with("1000 are free"),
        "{backup}"
    );
}

#[test]
fn the_history_is_bounded_and_can_be_purged() {
    let world = World::new("2026-11-20T12:00:00Z");
    world.set("history-size", "5");
    world.task("t", "*/10 * * * *", &[]);
    world.go_to("2026-11-20T14:00:00Z");
    let history = world.history("t");
    assert_eq!(history.len(), 5);
    assert!(
        history[0].starts_with("2026-11-20T13:20:00Z")
            && history[4].starts_with("2026-11-20T14:00:00Z")
    );
    let old = Purge { before_micros: Some(at("2026-11-20T13:40:00Z")), succeeded: Some(false) };
    assert_eq!(world.scheduler.purge("t", &old).unwrap(), 0);
    let old = Purge { succeeded: Some(true), ..old };
    assert_eq!(world.scheduler.purge("t", &old).unwrap(), 2);
    assert_eq!(world.history("t").len(), 3);
    assert_eq!(world.scheduler.purge("t", &Purge::default()).unwrap(), 3);
}

#[test]
fn a_task_runs_on_request_whether_or_not_it_is_enabled() {
    let world = World::new("2026-11-20T12:00:00Z");
    world.task("t", "0 2 * * *", &[("enabled", "false"), ("params/what", "it")]);
    let past = world.scheduler.run("t").unwrap();
    assert_eq!(
        (past.trigger, past.info.as_str(), past.sequence),
        (Trigger::Request, "noted it", 1)
    );
    assert_eq!(world.history("t"), ["2026-11-20T12:00:00Z request ok: noted it"]);
    let missing = world.scheduler.run("u").unwrap_err();
    assert_eq!(missing.to_string(), "there is no task u");
}

#[test]
fn a_removed_task_leaves_nothing_behind() {
    let world = World::new("2026-11-20T12:00:00Z");
    world.task("t", "0 * * * *", &[]);
    world.go_to("2026-11-20T13:00:00Z");
    world.cdb.write(Config, |tx| tx.delete("/scheduler/task{t}")).unwrap();
    world.go_to("2026-11-20T15:00:00Z");
    assert_eq!(world.noted().len(), 1);
    assert_eq!(world.cdb.begin_read(Operational).count_nodes("/scheduler").unwrap(), 0);
}

#[test]
fn a_run_that_a_crash_cut_off_is_not_repeated_and_the_history_says_so() {
    let world = World::new("2026-11-20T12:00:00Z");
    world.task("t", "0 * * * *", &[]);
    let (cut, after) = (world.vfs.clone(), Arc::new(Mutex::new(None)));
    let kept = after.clone();
    world.scheduler.observe(move |event| {
        if let SchedulerEvent::Started { .. } = event {
            *kept.lock().unwrap() = Some(cut.crash());
        }
    });
    world.go_to("2026-11-20T13:00:00Z");
    let crashed = after.lock().unwrap().take().unwrap();
    let world = World::on(crashed, "2026-11-20T13:20:00Z");
    assert_eq!(world.scheduler.running_since("t").unwrap(), Some(at("2026-11-20T13:00:00Z")));
    world.go_to("2026-11-20T14:00:00Z");
    assert_eq!(world.noted(), ["2026-11-20T14:00:00Z"]);
    assert_eq!(
        world.history("t")[0],
        "2026-11-20T13:00:00Z schedule failed: interrupted: the program ended while it ran; how far it came is not known"
    );
    assert_eq!(world.scheduler.running_since("t").unwrap(), None);
}

#[test]
fn a_backup_is_a_database_of_its_own_and_old_ones_go() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::starting_at(at("2026-11-20T12:00:00Z")));
    let cdb = Cdb::options().clock(clock.clone()).open(dir.path().join("data")).unwrap();
    let scheduler = Scheduler::attach(&cdb, Actions::builtin());
    let target = dir.path().join("backups");
    for number in 0..20_u8 {
        cdb.write(Config, |tx| tx.set("/counter", number)).unwrap();
    }
    cdb.write(Config, |tx| {
        let task = "/scheduler/task{backup}";
        tx.set_text(format!("{task}/schedule").as_str(), "0 * * * *")?;
        tx.set_text(format!("{task}/action-name").as_str(), "backup")?;
        tx.set_text(format!("{task}/params/directory").as_str(), target.to_str().unwrap())?;
        tx.set_text(format!("{task}/params/keep").as_str(), "2")
    })
    .unwrap();
    for _ in 0..4 {
        scheduler.run_due();
        clock.advance(HOUR);
    }
    scheduler.run_due();
    let past = scheduler.history("backup", 10).unwrap();
    assert!(past.iter().all(|past| past.succeeded), "{past:?}");
    assert!(past[0].info.ends_with(", 1 older removed"), "{}", past[0].info);
    let names = crate::vfs::os::OsVfs.list(&target).unwrap();
    assert_eq!(names, ["backup-20261120T150000Z", "backup-20261120T160000Z"]);
    let copy = Cdb::options().read_only().open(target.join(&names[1])).unwrap();
    assert_eq!(copy.begin_read(Config).get("/counter").unwrap(), Some(19_u8.into()));
    assert_eq!(copy.compactions().info(Config).growth.transactions, 0);
    assert!(copy.verify(Config, &mut |_| {}).unwrap().is_sound());
    assert_eq!(copy.transaction_id(Config), cdb.transaction_id(Config));
}

#[test]
fn a_check_tells_that_all_is_sound() {
    let world = World::new("2026-11-20T12:00:00Z");
    world.task("t", "0 * * * *", &[("action-name", "check")]);
    world.go_to("2026-11-20T13:00:00Z");
    assert_eq!(
        world.history("t"),
        ["2026-11-20T13:00:00Z schedule ok: A.cdb sound, O.cdb sound, S.cdb sound"]
    );
}

/// NSO's example: each file with more than five transactions.
#[test]
fn only_what_has_grown_is_compacted() {
    let world = World::new("2026-11-20T12:00:00Z");
    world.task(
        "t",
        "0 2 * * *",
        &[("action-name", "compact"), ("params/if-transactions-over", "5")],
    );
    world.go_to("2026-11-21T02:00:00Z");
    assert_eq!(
        world.history("t"),
        [
            "2026-11-21T02:00:00Z schedule ok: A.cdb left alone (1 tx), O.cdb left alone (2 tx), S.cdb left alone (0 tx)"
        ]
    );
    for number in 0..5_u8 {
        world.cdb.write(Config, |tx| tx.set("/counter", number)).unwrap();
    }
    world.go_to("2026-11-22T02:00:00Z");
    let last = world.history("t").pop().unwrap();
    assert!(last.contains("A.cdb ") && last.contains("(6 tx), O.cdb left alone (4 tx)"), "{last}");
    assert_eq!(world.cdb.compactions().info(Config).growth.transactions, 0);
}

#[test]
fn a_thread_of_its_own_runs_what_any_transaction_configures() {
    let world = World::new("2026-11-20T12:00:00Z");
    world.scheduler.start().unwrap();
    let events = world.events();
    let writer = world.cdb.clone();
    std::thread::spawn(move || {
        writer.write(Config, |tx| {
            tx.set_text("/scheduler/task{t}/schedule", "*/5 * * * *")?;
            tx.set_text("/scheduler/task{t}/action-name", "note")
        })
    })
    .join()
    .unwrap()
    .unwrap();
    // It is taken over on the other thread: seen when its first time is waited for.
    while world.scheduler.shared_jobs() == 0 {
        std::thread::yield_now();
    }
    for minute in [5, 10] {
        world.clock.advance(MINUTE * 5);
        let SchedulerEvent::Finished { past, .. } = wait_for(&events, is_finished) else {
            panic!()
        };
        assert_eq!(past.when_micros, at(&format!("2026-11-20T12:{minute:02}:00Z")));
        assert!(past.succeeded);
    }
    world.scheduler.stop();
    assert_eq!(world.noted().len(), 2);
}

/// A task that runs until it is told to end.
fn endless(world: World) -> World {
    let mut actions = actions(&world.noted);
    actions.register("endless", |call| {
        let (sender, ended) = channel();
        call.cancel.on_cancel(move || {
            sender.send(()).unwrap();
        });
        ended.recv().unwrap();
        Err("told to end".into())
    });
    let scheduler = Scheduler::attach_guarded(&world.cdb, actions);
    World { scheduler, ..world }
}

/// Past the guard, which does not know the action.
fn plant(vfs: &MemVfs, leaves: &[(&str, &str)]) {
    let cdb = Cdb::options().vfs(vfs.shared()).open("/memory").unwrap();
    cdb.write(Config, |tx| {
        tx.set_text("/scheduler/task{t}/action-name", "endless")?;
        leaves.iter().try_for_each(|(leaf, text)| {
            tx.set_text(format!("/scheduler/task{{t}}/{leaf}").as_str(), text)
        })
    })
    .unwrap();
}

#[test]
fn a_run_that_takes_too_long_is_told_to_end_and_what_comes_meanwhile_is_passed_over() {
    let vfs = MemVfs::new();
    plant(&vfs, &[("schedule", "* * * * *"), ("timeout", "PT150S"), ("time-zone", "UTC")]);
    let world = endless(World::on(vfs, "2026-11-20T12:00:30Z"));
    let events = world.events();
    world.scheduler.start().unwrap();
    while world.scheduler.shared_jobs() == 0 {
        std::thread::yield_now();
    }
    world.clock.advance(MINUTE / 2);
    wait_for(&events, |event| matches!(event, SchedulerEvent::Started { .. }));
    for _ in 0..2 {
        world.clock.advance(MINUTE);
        wait_for(&events, |event| matches!(event, SchedulerEvent::Due { .. }));
    }
    assert!(world.scheduler.running_since("t").unwrap().is_some());
    let refused = world.scheduler.run("t").unwrap_err();
    assert_eq!(refused.to_string(), "t is running already");
    world.clock.advance(MINUTE / 2);
    let SchedulerEvent::Finished { past, .. } = wait_for(&events, is_finished) else { panic!() };
    assert_eq!(
        (past.succeeded, past.info.as_str()),
        (false, "timed out after PT2M30S: told to end; 2 times that came meanwhile passed over")
    );
    assert_eq!(past.duration_micros, 150_000_000);
    world.scheduler.stop();
}

#[test]
fn stopping_ends_what_runs_and_keeps_its_history() {
    let vfs = MemVfs::new();
    plant(&vfs, &[("schedule", "* * * * *"), ("time-zone", "UTC")]);
    let world = endless(World::on(vfs, "2026-11-20T12:00:30Z"));
    let events = world.events();
    world.scheduler.start().unwrap();
    while world.scheduler.shared_jobs() == 0 {
        std::thread::yield_now();
    }
    world.clock.advance(MINUTE / 2);
    wait_for(&events, |event| matches!(event, SchedulerEvent::Started { .. }));
    world.scheduler.stop();
    assert_eq!(world.history("t"), ["2026-11-20T12:01:00Z schedule failed: told to end"]);
}
