//! Requests about the scheduler.

use std::sync::Arc;

use super::failure::{Class, Failure};
use super::open::Service;
use super::protocol::{
    NextRow, Purged, Reply, RunRow, Schedule, ScheduleAdd, SchedulePurge, TaskChange, TaskRow,
    TaskRows, Tasks, Words,
};
use super::write::{Measure, name_author};
use crate::cdb::{Datastore, Error, Path, Value, WriteTransaction};
use crate::component::Problem;
use crate::scheduler::{Cancel, Past, Purge, SchedulerError, Task, Zone, parse_time, utc_text};

impl From<SchedulerError> for Failure {
    fn from(error: SchedulerError) -> Self {
        let reason = error.to_string();
        match error {
            SchedulerError::NoTask { .. } => Self::new(Class::NotFound, "not_found", reason)
                .hint("pumice schedule ls lists the tasks"),
            SchedulerError::Faulty { problem } => {
                Self::new(Class::Refused, "refused", reason).about(problem.path)
            }
            SchedulerError::Running { .. } => Self::new(Class::Conflict, "running", reason),
            SchedulerError::Read(error) => error.into(),
            SchedulerError::Write(error) => error.into(),
            _ => Self::new(Class::Fault, "internal", reason),
        }
    }
}

pub fn schedule(service: &Service, schedule: Schedule, cancel: &Cancel) -> Result<Reply, Failure> {
    match schedule {
        Schedule::List => list(service),
        Schedule::Add(task) => add(service, &task),
        Schedule::Remove(task) => remove(service, &task),
        Schedule::Enable(task) => change(service, &task, enabled(true)),
        Schedule::Disable(task) => change(service, &task, enabled(false)),
        Schedule::Suspend(words) => suspended(service, true, &words),
        Schedule::Resume(words) => suspended(service, false, &words),
        Schedule::Next(rows) => next(service, &rows),
        Schedule::Run(task) => run(service, &task.name, cancel),
        Schedule::History(rows) => history(service, &rows),
        Schedule::Purge(which) => purge(service, &which),
    }
}

fn root() -> Path {
    Path::root().child("scheduler")
}

fn path(task: &str) -> Path {
    root().child("task").with_keys([task])
}

fn list(service: &Service) -> Result<Reply, Failure> {
    let read = service.scheduler.config()?;
    let suspended = read.config.suspended;
    let tasks = read.config.tasks.iter().map(|task| row(service, task, suspended));
    let mut tasks = tasks.collect::<Result<Vec<_>, Failure>>()?;
    let faulty = faulty(service, &read.problems)?;
    tasks.extend(faulty);
    tasks.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(Reply::Tasks(Tasks { suspended, tasks }))
}

fn row(service: &Service, task: &Task, suspended: bool) -> Result<TaskRow, Failure> {
    let active = task.enabled && !suspended;
    let next = service.scheduler.next_run_times(&task.name, 1)?.pop().filter(|_| active);
    let last = service.scheduler.history(&task.name, 1)?.pop();
    Ok(TaskRow {
        name: task.name.clone(),
        schedule: task.spec.clone(),
        action: task.action.clone(),
        params: task.params.iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect(),
        enabled: task.enabled,
        next_micros: next,
        next: next.map(|next| task.zone.text(next)),
        running_since: service.scheduler.running_since(&task.name)?.map(utc_text),
        last: last.map(|past| run_row(&task.name, past)),
        problem: None,
    })
}

/// Rows of tasks that cannot run, each with its first mistake.
fn faulty(service: &Service, problems: &[Problem]) -> Result<Vec<TaskRow>, Failure> {
    let view = service.cdb.begin_read(Datastore::Config);
    let mut rows: Vec<TaskRow> = Vec::new();
    for entry in view.children(root().child("task"))? {
        let inside = |problem: &&Problem| problem.path.steps().starts_with(entry.path.steps());
        let Some(problem) = problems.iter().find(inside) else { continue };
        let text = |leaf: &str| {
            let value = view.get(entry.path.child(leaf)).ok().flatten();
            value.map(|value| value.to_string()).unwrap_or_default()
        };
        rows.push(TaskRow {
            name: text("name"),
            schedule: text("schedule"),
            action: text("action-name"),
            params: Default::default(),
            enabled: false,
            next_micros: None,
            next: None,
            running_since: None,
            last: None,
            problem: Some(problem.to_string()),
        });
    }
    Ok(rows)
}

pub fn run_row(task: &str, past: Past) -> RunRow {
    RunRow {
        task: task.to_owned(),
        when: utc_text(past.when_micros),
        seq: past.sequence,
        start_micros: past.start_micros,
        duration_micros: past.duration_micros,
        trigger: past.trigger.to_string(),
        succeeded: past.succeeded,
        info: past.info,
    }
}

fn add(service: &Service, task: &ScheduleAdd) -> Result<Reply, Failure> {
    refuse_the_past(service, task)?;
    let measure = Measure::begin(service, Datastore::Config);
    let entry = path(&task.name);
    let written = service.cdb.write(Datastore::Config, |tx| {
        name_author(tx, &task.words);
        if tx.list_info(root().child("task"))?.is_none() {
            let keys =
                "name".parse().map_err(|error: crate::cdb::ListInfoError| refusal(&error))?;
            tx.declare_list(root().child("task"), &keys)?;
        }
        tx.create(&entry)?;
        for (leaf, text) in &task.leaves {
            tx.set(entry.child(leaf), typed(leaf, text))?;
        }
        let params = entry.child("params");
        task.params.iter().try_for_each(|(name, text)| tx.set(params.child(name), text.as_str()))
    });
    Ok(Reply::Committed(measure.committed(&written?.1)))
}

/// With the type that the leaf is meant to have.
fn typed(leaf: &str, text: &str) -> Value {
    match leaf {
        "overlap" | "missed-runs" => Value::Enumeration(text.to_owned()),
        "enabled" | "keep" => text.parse().map_or_else(|_| text.into(), Value::Boolean),
        _ => text.into(),
    }
}

fn refusal(error: &dyn std::error::Error) -> Error {
    Error::Refused { reason: error.to_string() }
}

/// A typing error in a date is not to run something at once.
fn refuse_the_past(service: &Service, task: &ScheduleAdd) -> Result<(), Failure> {
    let zone = task.leaves.get("time-zone").and_then(|zone| zone.parse().ok());
    let time = task.leaves.get("time");
    let at = time.and_then(|time| parse_time(time, zone.unwrap_or(Zone::Local)));
    let now = service.around.clock.wall_micros();
    match at.filter(|at| *at <= now) {
        Some(at) => {
            let reason = format!("{} has passed: it is {}", utc_text(at), utc_text(now));
            Err(Failure::new(Class::Refused, "refused", reason)
                .about(path(&task.name).child("time")))
        }
        None => Ok(()),
    }
}

fn enabled(enabled: bool) -> impl Fn(&mut WriteTransaction, &Path) -> Result<(), Error> {
    move |tx, path| tx.set(path.child("enabled"), enabled)
}

fn change(
    service: &Service,
    task: &TaskChange,
    change: impl Fn(&mut WriteTransaction, &Path) -> Result<(), Error>,
) -> Result<Reply, Failure> {
    let (measure, path) = (Measure::begin(service, Datastore::Config), path(&task.name));
    if !service.cdb.begin_read(Datastore::Config).exists(&path)? {
        return Err(SchedulerError::NoTask { name: task.name.clone() }.into());
    }
    let written = service.cdb.write(Datastore::Config, |tx| {
        name_author(tx, &task.words);
        change(tx, &path)
    });
    Ok(Reply::Committed(measure.committed(&written?.1)))
}

fn remove(service: &Service, task: &TaskChange) -> Result<Reply, Failure> {
    let removed = change(service, task, |tx, path| tx.delete(path))?;
    service.scheduler.forget(&task.name)?;
    Ok(removed)
}

fn suspended(service: &Service, suspended: bool, words: &Words) -> Result<Reply, Failure> {
    let measure = Measure::begin(service, Datastore::Config);
    let written = service.cdb.write(Datastore::Config, |tx| {
        name_author(tx, words);
        tx.set(root().child("suspended"), suspended)
    });
    Ok(Reply::Committed(measure.committed(&written?.1)))
}

fn next(service: &Service, rows: &TaskRows) -> Result<Reply, Failure> {
    let times = service.scheduler.next_run_times(&rows.name, rows.limit)?;
    let tasks = service.scheduler.config()?.config.tasks;
    let task = tasks.iter().find(|task| task.name == rows.name);
    let zone = task.map_or(Zone::Local, |task| task.zone);
    let row = |micros| NextRow { micros, utc: utc_text(micros), local: zone.text(micros) };
    Ok(Reply::NextRuns(times.into_iter().map(row).collect()))
}

fn run(service: &Service, name: &str, cancel: &Cancel) -> Result<Reply, Failure> {
    let told = Arc::new(Cancel::new());
    let ours = told.clone();
    cancel.on_cancel(move || ours.cancel());
    let past = service.scheduler.run_cancelled_by(name, &told)?;
    Ok(Reply::Ran(run_row(name, past)))
}

fn history(service: &Service, rows: &TaskRows) -> Result<Reply, Failure> {
    let past = service.scheduler.history(&rows.name, rows.limit)?;
    // One that removed itself has a history and is no task any more.
    if past.is_empty() {
        service.scheduler.next_run_times(&rows.name, 0)?;
    }
    Ok(Reply::RunHistory(past.into_iter().map(|past| run_row(&rows.name, past)).collect()))
}

fn purge(service: &Service, which: &SchedulePurge) -> Result<Reply, Failure> {
    let now = service.around.clock.wall_micros();
    let purge = Purge {
        before_micros: which.older_than_micros.map(|age| now.saturating_sub(age)),
        succeeded: which.succeeded,
    };
    let names = match &which.name {
        Some(name) => vec![name.clone()],
        None => service.scheduler.known()?,
    };
    let purged = names.iter().map(|name| service.scheduler.purge(name, &purge));
    let runs = purged.sum::<Result<u64, SchedulerError>>()?;
    Ok(Reply::Purged(Purged { runs }))
}
