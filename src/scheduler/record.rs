//! What is kept in `O.cdb` of every task: up to when its times are dealt with, whether it runs, and its history.
//!
//! `/scheduler/task{NAME}/`: `schedule` (the text that the rest is about), `handled-until`, `held`, `is-running` with `running-when` and
//! `running-since`, `sequence`, `runs` (how long the history is), `history{WHEN SEQ}`. Before an action begins, one transaction says that the time is dealt with and that
//! the task runs; after it, one writes the history and says that it does not. So at no instant can a time be run a second time.

use crate::cdb::{
    Cdb, Child, CommitError, Datastore, Decimal64, Error, KeyLeaf, ListInfo, OrderedBy, Path,
    ReadView, Selector, Value, ValueType, WriteTransaction,
};

const OPER: Datastore = Datastore::Operational;
/// How many tasks that removed themselves keep their history.
const DEPARTED_MAX: usize = 20;

/// Why a task ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// Its time came.
    Schedule,
    /// Its time had passed while nothing could run.
    Missed,
    /// Somebody asked for it.
    Request,
}

impl Trigger {
    const ALL: [(Self, &'static str); 3] =
        [(Self::Schedule, "schedule"), (Self::Missed, "missed"), (Self::Request, "request")];
}

impl std::fmt::Display for Trigger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = Self::ALL.iter().find(|(trigger, _)| trigger == self).map(|(_, name)| *name);
        f.write_str(name.unwrap_or_default())
    }
}

/// A run that is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Past {
    /// The time that it was for, microseconds since the Unix epoch.
    pub when_micros: u64,
    /// Tells apart runs for the same time; counts up through all runs of the task.
    pub sequence: u64,
    /// When it began.
    pub start_micros: u64,
    /// How long it took.
    pub duration_micros: u64,
    /// Why it ran.
    pub trigger: Trigger,
    /// Whether the action succeeded.
    pub succeeded: bool,
    /// What the action said, or why it did not succeed.
    pub info: String,
}

/// What was kept of a task.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// The schedule that it is about.
    pub spec: Option<String>,
    /// Its times up to here are dealt with.
    pub handled_micros: u64,
    /// Whether times that come are passed over: it is disabled, or the scheduler suspended.
    pub held: bool,
    /// The run that was going on when this was written.
    pub running: Option<Mark>,
}

/// A run that goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The time that it is for.
    pub when_micros: u64,
    /// When it began.
    pub since_micros: u64,
}

fn tasks() -> Path {
    Path::root().child("scheduler").child("task")
}

fn task(name: &str) -> Path {
    tasks().with_keys([name])
}

fn uint(value: Option<&Value>) -> Option<u64> {
    match value {
        Some(Value::Uint64(number)) => Some(*number),
        _ => None,
    }
}

/// What was kept of a task.
pub fn kept(view: &ReadView, name: &str) -> Result<Kept, Error> {
    let get = |leaf: &str| view.get(task(name).child(leaf));
    let running = match (
        get("is-running")?,
        uint(get("running-when")?.as_ref()),
        uint(get("running-since")?.as_ref()),
    ) {
        (Some(Value::Boolean(true)), Some(when_micros), Some(since_micros)) => {
            Some(Mark { when_micros, since_micros })
        }
        _ => None,
    };
    Ok(Kept {
        spec: get("schedule")?.map(|spec| spec.to_string()),
        handled_micros: uint(get("handled-until")?.as_ref()).unwrap_or_default(),
        held: get("held")? == Some(Value::Boolean(true)),
        running,
    })
}

fn write(
    cdb: &Cdb,
    comment: &str,
    mut change: impl FnMut(&mut WriteTransaction) -> Result<(), Error>,
) -> Result<(), CommitError> {
    let write = cdb.write(OPER, |tx| {
        tx.set_user("scheduler");
        tx.set_comment(comment);
        if tx.list_info(tasks())?.is_none() {
            tx.declare_list(tasks(), &keys(&[("name", ValueType::String)]))?;
        }
        let history = tasks().child("history");
        if tx.list_info(&history)?.is_none() {
            let when = ("when", ValueType::String);
            tx.declare_list(&history, &keys(&[when, ("seq", ValueType::Uint64)]))?;
        }
        change(tx)
    });
    write.map(drop)
}

fn keys(keys: &[(&str, ValueType)]) -> ListInfo {
    let leaf = |(name, value_type): &(&str, ValueType)| KeyLeaf {
        name: (*name).to_owned(),
        value_type: *value_type,
    };
    ListInfo { keys: keys.iter().map(leaf).collect(), ordered_by: OrderedBy::System }
}

/// Keeps from when on a task's times count, and for which schedule; and whether they are passed over.
pub fn keep(cdb: &Cdb, name: &str, kept: &Kept) -> Result<(), CommitError> {
    write(cdb, "scheduler", |tx| {
        let path = task(name);
        if let Some(spec) = &kept.spec {
            tx.set(path.child("schedule"), spec.as_str())?;
        }
        tx.set(path.child("held"), kept.held)?;
        tx.set(path.child("handled-until"), kept.handled_micros)
    })
}

/// Says durably that a run begins, and up to when the task's times are dealt with (0: as before).
pub fn started(cdb: &Cdb, name: &str, mark: Mark, handled_micros: u64) -> Result<(), CommitError> {
    write(cdb, &format!("scheduler: {name} begins"), |tx| {
        let path = task(name);
        tx.set(path.child("is-running"), true)?;
        tx.set(path.child("running-when"), mark.when_micros)?;
        tx.set(path.child("running-since"), mark.since_micros)?;
        if handled_micros > 0 {
            tx.set(path.child("handled-until"), handled_micros)?;
        }
        Ok(())
    })
}

/// Adds a run to the history, which keeps so many, and says that the task does not run. Answers the run with its sequence.
pub fn finished(
    cdb: &Cdb,
    name: &str,
    past: &Past,
    handled_micros: u64,
    history_size: u64,
) -> Result<Past, CommitError> {
    let mut past = past.clone();
    write(cdb, &format!("scheduler: {name} has run"), |tx| {
        let path = task(name);
        past.sequence = uint(tx.get(path.child("sequence"))?.as_ref()).unwrap_or_default() + 1;
        tx.set(path.child("sequence"), past.sequence)?;
        tx.set(path.child("is-running"), false)?;
        tx.remove(path.child("running-when"))?;
        tx.remove(path.child("running-since"))?;
        if handled_micros > 0 {
            tx.set(path.child("handled-until"), handled_micros)?;
        }
        add(tx, name, &past, history_size)
    })?;
    Ok(past)
}

fn add(tx: &mut WriteTransaction, name: &str, past: &Past, history_size: u64) -> Result<(), Error> {
    let history = &task(name).child("history");
    let when = super::zone::utc_text(past.when_micros);
    let path = history.with_keys([when, past.sequence.to_string()]);
    tx.set(path.child("start"), super::zone::utc_text(past.start_micros))?;
    let micros = i64::try_from(past.duration_micros).unwrap_or(i64::MAX);
    if let Some(seconds) = Decimal64::new(micros, 6) {
        tx.set(path.child("duration"), Value::Decimal64(seconds))?;
    }
    tx.set(path.child("start-micros"), past.start_micros)?;
    tx.set(path.child("when-micros"), past.when_micros)?;
    tx.set(path.child("trigger"), Value::Enumeration(past.trigger.to_string()))?;
    tx.set(path.child("succeeded"), past.succeeded)?;
    tx.set(path.child("info"), past.info.as_str())?;
    // Counted, since a list must be walked to know how long it is.
    let runs = task(name).child("runs");
    let mut count = uint(tx.get(&runs)?.as_ref()).unwrap_or_default() + 1;
    while count > history_size {
        tx.remove(history.with_selector(Some(Selector::Position(0))))?;
        count -= 1;
    }
    tx.set(runs, count)
}

/// The last runs of a task, newest first.
pub fn history(view: &ReadView, name: &str, limit: usize) -> Result<Vec<Past>, Error> {
    let entries = view.children(task(name).child("history"))?;
    let newest = entries.iter().rev().take(limit);
    let past: Result<Vec<_>, Error> = newest.map(|entry| past(view, entry)).collect();
    Ok(past?.into_iter().flatten().collect())
}

/// One entry; none when it was removed meanwhile.
fn past(view: &ReadView, entry: &Child) -> Result<Option<Past>, Error> {
    let get = |leaf: &str| view.get(entry.path.child(leaf));
    let duration_micros = match get("duration")? {
        Some(Value::Decimal64(seconds)) => u64::try_from(seconds.digits()).unwrap_or_default(),
        _ => 0,
    };
    let trigger = get("trigger")?.map(|trigger| trigger.to_string()).unwrap_or_default();
    let trigger =
        Trigger::ALL.iter().find(|(_, name)| *name == trigger).map(|(trigger, _)| *trigger);
    let (when, sequence) = (uint(get("when-micros")?.as_ref()), uint(get("seq")?.as_ref()));
    let Some((when_micros, sequence)) = when.zip(sequence) else { return Ok(None) };
    Ok(Some(Past {
        when_micros,
        sequence,
        start_micros: uint(get("start-micros")?.as_ref()).unwrap_or_default(),
        duration_micros,
        trigger: trigger.unwrap_or(Trigger::Schedule),
        succeeded: get("succeeded")? == Some(Value::Boolean(true)),
        info: get("info")?.map(|info| info.to_string()).unwrap_or_default(),
    }))
}

/// Which runs are to be forgotten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Purge {
    /// Those of before this time; else of any.
    pub before_micros: Option<u64>,
    /// Those that succeeded, or those that did not; else both.
    pub succeeded: Option<bool>,
}

/// Forgets runs (NSO: `history/purge`), and says how many.
pub fn purge(cdb: &Cdb, name: &str, purge: &Purge) -> Result<u64, CommitError> {
    let mut purged = 0;
    write(cdb, &format!("scheduler: purge the history of {name}"), |tx| {
        purged = 0;
        for entry in tx.children(task(name).child("history"))? {
            let when = uint(tx.get(entry.path.child("when-micros"))?.as_ref()).unwrap_or_default();
            let succeeded = tx.get(entry.path.child("succeeded"))? == Some(Value::Boolean(true));
            let old = purge.before_micros.is_none_or(|before| when < before);
            if old && purge.succeeded.is_none_or(|wanted| wanted == succeeded) {
                tx.delete(&entry.path)?;
                purged += 1;
            }
        }
        let runs = task(name).child("runs");
        match uint(tx.get(&runs)?.as_ref()) {
            Some(count) => tx.set(runs, count.saturating_sub(purged)),
            None => Ok(()),
        }
    })?;
    Ok(purged)
}

/// Forgets a task.
pub fn forget(cdb: &Cdb, name: &str) -> Result<(), CommitError> {
    write(cdb, &format!("scheduler: {name} is gone"), |tx| tx.remove(task(name)).map(drop))
}

/// The names of tasks that something is kept of.
pub fn known(view: &ReadView) -> Result<Vec<String>, Error> {
    let name = |entry: Child| match entry.path.steps().last()?.selector.as_ref()? {
        Selector::Keys(keys) => match keys.first()? {
            crate::cdb::KeyText::Text(name) => Some(name.clone()),
            crate::cdb::KeyText::Any => None,
        },
        Selector::Position(_) => None,
    };
    Ok(view.children(tasks())?.into_iter().filter_map(name).collect())
}

/// Of tasks that are no longer configured, forgets all but those that ran last.
pub fn forget_departed(cdb: &Cdb, configured: &[&str]) -> Result<(), CommitError> {
    let view = cdb.begin_read(OPER);
    let departed = known(&view)?.into_iter().filter(|name| !configured.contains(&name.as_str()));
    let ran = |name: String| Ok::<_, Error>((kept(&view, &name)?.handled_micros, name));
    let mut departed = departed.map(ran).collect::<Result<Vec<_>, _>>()?;
    departed.sort();
    let many = departed.len().saturating_sub(DEPARTED_MAX);
    departed.iter().take(many).try_for_each(|(_, name)| forget(cdb, name))
}
