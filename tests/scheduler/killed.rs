//! kill -9 between due, started and done: the test starts itself as a child, whose tasks run on a clock turned by hand, kills it at a
//! chosen point or in the middle of something, and holds what is left against what is promised:
//!
//! - a time is run at most once, wherever the child died, and it was on the disk before that it is dealt with;
//! - a run that was cut off stands in the history as interrupted, and is not repeated;
//! - times that passed while nothing ran make one run for the last of them (`once`), or none and a line in the history (`skip`, when they
//!   are late by more than a minute); a time that was due and not begun is among them.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use pumice::Datastore::{Config, Operational};
use pumice::cdb::{Cdb, Value};
use pumice::clock::{Clock, ManualClock};
use pumice::scheduler::{Actions, Past, Scheduler, SchedulerEvent};
use pumice::vfs::os::OsVfs;
use pumice::vfs::{OpenMode, Vfs, read_file};

use crate::random::Random;

const ROUNDS: usize = 200;
const MINUTE: u64 = 60_000_000;
/// Both tasks: every five minutes.
const EVERY: u64 = 5 * MINUTE;
const TASKS: [&str; 2] = ["once", "skip"];
const CHILD: &str = "PUMICE_KILLED_CHILD";

/// What the child is told, as words between blanks.
struct Orders {
    dir: PathBuf,
    /// Its first time.
    start: u64,
    /// The number of the line at which it stands still; 0: never.
    stand_still_at: usize,
}

fn say(orders: &Orders, said: &AtomicUsize, line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").unwrap();
    out.flush().unwrap();
    drop(out);
    if said.fetch_add(1, Ordering::SeqCst) + 1 == orders.stand_still_at {
        // Until the end of the world, or of this process.
        std::io::stdin().lines().for_each(drop);
    }
}

/// Adds a line to the file of effects, durably.
fn append(dir: &Path, line: &str) {
    let path = dir.join("effects");
    let mode = if OsVfs.exists(&path).unwrap() { OpenMode::ReadWrite } else { OpenMode::CreateNew };
    let file = OsVfs.open(&path, mode).unwrap();
    file.write_durable_at(format!("{line}\n").as_bytes(), file.len().unwrap()).unwrap();
}

/// Runs only in the child: tasks, minute by minute, until it is killed.
#[test]
fn child() {
    let Some(words) = std::env::var_os(CHILD) else { return };
    let words = words.into_string().unwrap();
    let words: Vec<_> = words.split(' ').collect();
    let orders = Arc::new(Orders {
        dir: words[0].into(),
        start: words[1].parse().unwrap(),
        stand_still_at: words[2].parse().unwrap(),
    });
    let said = Arc::new(AtomicUsize::new(0));
    let clock = Arc::new(ManualClock::starting_at(orders.start));
    let cdb = Cdb::options().clock(clock.clone()).open(orders.dir.join("data")).unwrap();
    let mut actions = Actions::builtin();
    let (told, count) = (orders.clone(), said.clone());
    actions.register("work", move |call| {
        let (task, when) = (call.task, call.when_micros);
        append(&told.dir, &format!("{task} {when} begin"));
        say(&told, &count, &format!("acting {task} {when}"));
        append(&told.dir, &format!("{task} {when} end"));
        Ok("worked".to_owned())
    });
    let scheduler = Scheduler::attach(&cdb, actions);
    let (told, count) = (orders.clone(), said.clone());
    scheduler.observe(move |event| match event {
        SchedulerEvent::Due { task, .. } => say(&told, &count, &format!("due {task}")),
        SchedulerEvent::Started { task, .. } => say(&told, &count, &format!("started {task}")),
        SchedulerEvent::Finished { task, .. } => say(&told, &count, &format!("finished {task}")),
    });
    loop {
        say(&orders, &said, &format!("time {}", clock.wall_micros()));
        scheduler.run_due();
        say(&orders, &said, "looked");
        clock.advance(Duration::from_micros(MINUTE));
    }
}

/// What a round has left behind.
struct Round {
    /// The child's lines.
    lines: Vec<String>,
    /// The last time that it saw.
    last_time: u64,
}

fn run_and_kill(dir: &Path, start: u64, lines_wanted: usize, standing: bool) -> Round {
    let stand_still_at = if standing { lines_wanted } else { 0 };
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "killed::child", "--nocapture", "--test-threads=1"])
        .env(CHILD, format!("{} {start} {stand_still_at}", dir.to_str().unwrap()))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let words = ["time", "looked", "due", "started", "acting", "finished"];
    let mut lines = Vec::new();
    let mut killed = false;
    // The harness of the child has its own lines; the first of ours may stand behind one of them.
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        let first = line.rsplit("... ").next().unwrap().to_owned();
        if words.iter().any(|word| first.starts_with(word)) {
            lines.push(first);
        }
        if lines.len() == lines_wanted && !killed {
            child.kill().unwrap();
            killed = true;
        }
    }
    child.wait().unwrap();
    assert!(killed, "the child ended by itself: {lines:?}");
    let time = |line: &String| line.strip_prefix("time ").map(|time| time.parse().unwrap());
    let last_time = lines.iter().filter_map(time).max().unwrap_or(start);
    Round { lines, last_time }
}

/// `(task, when, begin or end)`, in order.
fn effects(dir: &Path) -> Vec<(String, u64, String)> {
    let path = dir.join("effects");
    if !OsVfs.exists(&path).unwrap() {
        return Vec::new();
    }
    let text = String::from_utf8(read_file(&OsVfs, &path, 1 << 30).unwrap()).unwrap();
    let line = |line: &str| {
        let words: Vec<_> = line.split(' ').collect();
        (words[0].to_owned(), words[1].parse().unwrap(), words[2].to_owned())
    };
    text.lines().map(line).collect()
}

/// Up to when the times of a task are dealt with, and its history, oldest first.
fn kept(dir: &Path, task: &str) -> (u64, Vec<Past>) {
    let cdb = Cdb::options().read_only().open(dir.join("data")).unwrap();
    let scheduler = Scheduler::attach(&cdb, Actions::builtin());
    let path = format!("/scheduler/task{{{task}}}/handled-until");
    let handled = match cdb.begin_read(Operational).get(path.as_str()).unwrap() {
        Some(Value::Uint64(handled)) => handled,
        _ => 0,
    };
    let mut history = scheduler.history(task, usize::MAX).unwrap();
    history.reverse();
    (handled, history)
}

fn set_up(dir: &Path) {
    let cdb = Cdb::open(dir.join("data")).unwrap();
    cdb.write(Config, |tx| {
        tx.set_text("/scheduler/history-size", "10000")?;
        for task in TASKS {
            let leaf = |leaf: &str| format!("/scheduler/task{{{task}}}/{leaf}");
            tx.set_text(leaf("schedule").as_str(), "*/5 * * * *")?;
            tx.set_text(leaf("time-zone").as_str(), "UTC")?;
            tx.set_text(leaf("action-name").as_str(), "work")?;
            tx.set_text(leaf("missed-runs").as_str(), task)?;
        }
        Ok(())
    })
    .unwrap();
}

#[test]
fn two_hundred_kills_between_due_started_and_done_keep_what_is_promised() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path();
    set_up(dir);
    let mut random = Random::new(9);
    let mut start = 1_800_000_000_000_000_u64;
    let mut killed_in = BTreeSet::new();
    let (mut cut_off, mut made_up, mut skipped) = (0, 0, 0);
    for round in 0..ROUNDS {
        let before: Vec<_> = TASKS.iter().map(|task| kept(dir, task).0).collect();
        let begun_before = effects(dir).len();
        let standing = random.below(3) > 0;
        let done = run_and_kill(dir, start, 1 + random.below(24), standing);
        let last = done.lines.last().unwrap().split(' ').next().unwrap().to_owned();
        killed_in.insert(last);
        let effects = effects(dir);
        let looked = done.lines.iter().any(|line| line == "looked");
        for (task, before) in TASKS.iter().zip(before) {
            let what = format!("round {round}, {task}, from {start}, {:?}", done.lines);
            let (handled, history) = kept(dir, task);
            let of = |word: &'static str| {
                let fits =
                    move |(name, _, what): &&(String, u64, String)| name == task && what == word;
                effects.iter().filter(fits).map(|(_, when, _)| *when).collect::<Vec<_>>()
            };
            let (begun, ended) = (of("begin"), of("end"));
            assert!(begun.windows(2).all(|pair| pair[0] < pair[1]), "a time was run twice: {what}");
            assert!(begun.last().is_none_or(|when| *when <= handled), "not noted: {what}");
            for past in history.iter().filter(|past| past.succeeded) {
                assert!(ended.contains(&past.when_micros), "not done: {what}");
            }
            // In this round: the last of what was missed, or nothing before what came on time.
            let now = effects[begun_before..].iter();
            let now: Vec<_> = now
                .filter(|(name, _, word)| name == task && word == "begin")
                .map(|e| e.1)
                .collect();
            let latest = start - start % EVERY;
            let was_missed = before > 0 && latest > before;
            let is_late = start - latest > MINUTE;
            assert!(
                now.iter().all(|when| *when >= latest && *when > before),
                "an old time: {what}"
            );
            if was_missed && *task == "skip" && is_late {
                assert!(!now.contains(&latest), "run though late: {what}");
                let noted =
                    |past: &Past| past.when_micros == latest && past.info.starts_with("missed:");
                assert!(!looked || history.iter().any(noted), "not noted as missed: {what}");
                skipped += 1;
            } else if was_missed && looked {
                assert_eq!(now.first(), Some(&latest), "not made up for: {what}");
                made_up += 1;
            }
            // What an earlier round began and did not end is told as interrupted by now, when a look was had.
            let interrupted: Vec<_> = history
                .iter()
                .filter(|past| past.info.starts_with("interrupted:"))
                .map(|past| past.when_micros)
                .collect();
            let unfinished = begun.iter().filter(|when| !ended.contains(when));
            for when in unfinished.filter(|when| looked && !now.contains(when)) {
                assert!(interrupted.contains(when), "{when} is missing: {what}");
            }
            assert!(interrupted.windows(2).all(|pair| pair[0] < pair[1]), "told twice: {what}");
            cut_off = cut_off.max(interrupted.len());
        }
        // Down for no time, some minutes, or much longer.
        let down = [0, 1, MINUTE, 3 * MINUTE, 12 * MINUTE, 600 * MINUTE][random.below(6)];
        start = done.last_time + down;
    }
    let stages: Vec<_> = killed_in.iter().map(String::as_str).collect();
    assert_eq!(stages, ["acting", "due", "finished", "looked", "started", "time"]);
    assert!(cut_off > 10 && made_up > 50 && skipped > 20, "{cut_off} {made_up} {skipped}");
}
