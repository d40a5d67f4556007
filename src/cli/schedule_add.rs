//! `pumice schedule add`

use std::collections::BTreeMap;

use clap::{Args, ValueEnum};

use super::change::summary;
use super::context::{Context, unexpected};
use super::global::Author;
use super::output::Output;
use super::session::Session;
use super::stop::Stop;
use crate::service::{Failure, Reply, Request, Schedule, ScheduleAdd, TaskRows};
use crate::units::Duration;

/// Add a task
///
/// Actions: compact (datastore=config|oper|snapshot|all, if-transactions-over=N, policy=blocking|background, throttle=SIZE), check
/// (datastore), backup (directory=DIR, keep=N), compact-database (database=NAME, shard=N).
#[derive(Debug, Args)]
pub struct Add {
    /// Its name
    name: String,
    /// When: "minute hour day month weekday" as in crontab(5), a name such as @daily, or one time: 2026-11-21T02:00:00
    schedule: String,
    /// What it does
    action: String,
    /// The parameters of that
    #[arg(value_name = "NAME=VALUE", value_parser = param)]
    params: Vec<(String, String)>,
    /// Whose clocks it goes by, such as Europe/Berlin [default: the server's]
    #[arg(long, value_name = "ZONE")]
    time_zone: Option<String>,
    /// What a time does that comes while it runs [default: skip]
    #[arg(long, value_enum, value_name = "POLICY")]
    overlap: Option<Overlap>,
    /// What is done about times that passed while no daemon ran [default: once]
    #[arg(long, value_enum, value_name = "POLICY")]
    missed_runs: Option<Missed>,
    /// Begin each run up to this much later, by chance
    #[arg(long, value_name = "DURATION")]
    random_delay: Option<Duration>,
    /// How long a run may take
    #[arg(long, value_name = "DURATION")]
    timeout: Option<Duration>,
    /// Keep a task with one time after it has run
    #[arg(long)]
    keep: bool,
    /// Do not let it run by itself yet
    #[arg(long)]
    disabled: bool,
    #[command(flatten)]
    author: Author,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Overlap {
    /// Nothing
    Skip,
    /// One more run after it
    QueueOne,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Missed {
    /// One run for all of them
    Once,
    /// Nothing
    Skip,
}

fn param(text: &str) -> Result<(String, String), String> {
    let parts = text.split_once('=').filter(|(name, _)| !name.is_empty());
    let (name, value) = parts.ok_or("expected NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// `2026-11-21..`, where a crontab never has its dashes.
fn is_time(text: &str) -> bool {
    matches!(text.as_bytes(), [_, _, _, _, b'-', _, _, b'-', ..])
}

fn name_of<T: ValueEnum>(value: &T) -> String {
    value.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

impl Add {
    fn leaves(&self) -> BTreeMap<String, String> {
        let when = if is_time(&self.schedule) { "time" } else { "schedule" };
        let options = [
            (when, Some(self.schedule.clone())),
            ("action-name", Some(self.action.clone())),
            ("time-zone", self.time_zone.clone()),
            ("overlap", self.overlap.as_ref().map(name_of)),
            ("missed-runs", self.missed_runs.as_ref().map(name_of)),
            ("random-delay", self.random_delay.map(Duration::to_xs)),
            ("timeout", self.timeout.map(Duration::to_xs)),
            ("keep", self.keep.then(|| "true".to_owned())),
            ("enabled", self.disabled.then(|| "false".to_owned())),
        ];
        let given = options.into_iter().filter_map(|(leaf, text)| Some((leaf.to_owned(), text?)));
        given.collect()
    }

    /// The parameters; a directory is where this command is.
    fn params(&self) -> Result<BTreeMap<String, String>, Stop> {
        let mut params: BTreeMap<_, _> = self.params.iter().cloned().collect();
        if let Some(directory) = params.get_mut("directory") {
            *directory = absolute(directory)?;
        }
        Ok(params)
    }

    pub fn run(self, context: &mut Context) -> Result<(), Stop> {
        let (leaves, params) = (self.leaves(), self.params()?);
        let name = self.name.clone();
        let task = ScheduleAdd { name: self.name, leaves, params, words: self.author.words() };
        let request = Request::Schedule(Schedule::Add(task));
        let mut session = context.session(&request)?;
        let Reply::Committed(committed) = context.request_in(&mut session, &request)? else {
            return Err(unexpected());
        };
        if context.output.is_json() {
            return context.output.object(&committed);
        }
        context.output.note(summary(&committed))?;
        let next = Request::Schedule(Schedule::Next(TaskRows { name: name.clone(), limit: 1 }));
        if let Reply::NextRuns(rows) = context.request_in(&mut session, &next)?
            && let Some(next) = rows.first()
        {
            context.output.note(format_args!("{name} runs next at {}", next.local))?;
        }
        without_daemon(&mut context.output, &session)
    }
}

/// Where no daemon runs, nothing runs by itself.
pub fn without_daemon(output: &mut Output, session: &Session) -> Result<(), Stop> {
    if session.is_daemon() {
        return Ok(());
    }
    output.note("no daemon runs: tasks run by themselves while one does (pumice start)")
}

/// A directory as another process finds it.
pub fn absolute(directory: &str) -> Result<String, Stop> {
    let path = std::path::absolute(directory)?;
    let text = path.to_str().ok_or_else(|| Failure::usage("the directory's name is not UTF-8"))?;
    Ok(text.to_owned())
}
