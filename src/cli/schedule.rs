//! `pumice schedule`

use std::collections::BTreeMap;

use clap::{Args, Subcommand};

use super::change;
use super::context::{Context, unexpected};
use super::global::Author;
use super::output::Output;
use super::schedule_add::{Add, without_daemon};
use super::session::Session;
use super::stop::Stop;
use super::table::{Align, Table};
use super::text::{count, took};
use crate::service::{
    NextRow, Reply, Request, RunRow, Schedule, SchedulePurge, TaskChange, TaskName, TaskRow,
    TaskRows, Tasks,
};
use crate::units::Duration;

/// Tasks that run by a timetable: compactions, checks, backups
///
/// Tasks are configuration, below /scheduler/task, and run while a daemon does. See docs/operations.md.
#[derive(Debug, Subcommand)]
pub enum ScheduleCommand {
    /// List the tasks, when they run next, and how they ran last
    Ls,
    /// Add a task: pumice schedule add nightly "0 2 * * *" compact if-transactions-over=5
    Add(Add),
    /// Remove a task
    Rm(OfTask),
    /// Let a task run by itself again
    Enable(OfTask),
    /// Keep a task from running by itself
    Disable(OfTask),
    /// Say when a task runs next
    Next {
        /// Its name
        name: String,
        /// So many times
        #[arg(short = 'n', long, value_name = "N", default_value_t = 5)]
        number: usize,
    },
    /// Run a task now and wait for its end: done, exit 0; failed, exit 1
    Run {
        /// Its name
        name: String,
    },
    /// The last runs of a task, newest first
    History {
        /// Its name
        name: String,
        /// At most so many
        #[arg(short = 'n', long, value_name = "N", default_value_t = 20)]
        number: usize,
    },
    /// Forget past runs
    Purge(PurgeRuns),
    /// Keep all tasks from running by themselves, also after a restart
    Suspend(Words),
    /// Let tasks run by themselves again
    Resume(Words),
}

#[derive(Debug, Args)]
pub struct OfTask {
    /// Its name
    name: String,
    #[command(flatten)]
    author: Author,
}

#[derive(Debug, Args)]
pub struct Words {
    #[command(flatten)]
    author: Author,
}

#[derive(Debug, Args)]
pub struct PurgeRuns {
    /// The task [default: every task]
    name: Option<String>,
    /// Only runs that are older, such as 7d or P1W
    #[arg(long, value_name = "DURATION")]
    older_than: Option<Duration>,
    /// Only runs that succeeded, or did not
    #[arg(long, value_name = "true|false")]
    succeeded: Option<bool>,
}

impl OfTask {
    fn change(self) -> TaskChange {
        TaskChange { name: self.name, words: self.author.words() }
    }
}

impl ScheduleCommand {
    pub fn run(self, context: &mut Context) -> Result<(), Stop> {
        let asked = match self {
            Self::Add(add) => return add.run(context),
            Self::Ls => Schedule::List,
            Self::Rm(task) => Schedule::Remove(task.change()),
            Self::Enable(task) => Schedule::Enable(task.change()),
            Self::Disable(task) => Schedule::Disable(task.change()),
            Self::Next { name, number } => Schedule::Next(TaskRows { name, limit: number }),
            Self::Run { name } => Schedule::Run(TaskName { name }),
            Self::History { name, number } => Schedule::History(TaskRows { name, limit: number }),
            Self::Purge(purge) => Schedule::Purge(SchedulePurge {
                name: purge.name,
                older_than_micros: purge.older_than.map(Duration::micros),
                succeeded: purge.succeeded,
            }),
            Self::Suspend(words) => Schedule::Suspend(words.author.words()),
            Self::Resume(words) => Schedule::Resume(words.author.words()),
        };
        let request = Request::Schedule(asked);
        let mut session = context.session(&request)?;
        let reply = context.request_in(&mut session, &request)?;
        print(context, &session, reply)
    }
}

fn print(context: &mut Context, session: &Session, reply: Reply) -> Result<(), Stop> {
    let output = &mut context.output;
    match reply {
        Reply::Committed(committed) => change::print_committed(output, &committed),
        Reply::Tasks(tasks) => output.answer(&tasks, |output| list(output, &tasks, session)),
        Reply::NextRuns(rows) => output.answers(&rows, |output| next(output, &rows)),
        Reply::RunHistory(rows) => output.answers(&rows, |output| history(output, &rows)),
        Reply::Purged(purged) => output.answer(&purged, |output| {
            output.note(format_args!("forgot {}", count(purged.runs, "run")))
        }),
        Reply::Ran(run) => {
            output.answer(&run, |output| output.line(ran(&run)))?;
            if run.succeeded { Ok(()) } else { Err(Stop::No) }
        }
        _ => Err(unexpected()),
    }
}

fn list(output: &mut Output, tasks: &Tasks, session: &Session) -> Result<(), Stop> {
    if tasks.tasks.is_empty() {
        return output.note("no tasks (pumice schedule add --help)");
    }
    let mut table = Table::new(&[Align::Left; 5]);
    table.row(["task", "schedule", "action", "next", "last"]);
    for task in &tasks.tasks {
        let next = standing(task, tasks.suspended);
        let last = task.last.as_ref().map_or_else(|| "-".to_owned(), last);
        let action = with_params(&task.action, &task.params);
        table.row([task.name.clone(), task.schedule.clone(), action, next, last]);
    }
    output.table(&table)?;
    for problem in tasks.tasks.iter().filter_map(|task| task.problem.as_ref()) {
        output.line(format_args!("faulty: {problem}"))?;
    }
    if tasks.suspended {
        output.note("suspended: no task runs by itself (pumice schedule resume)")?;
    }
    without_daemon(output, session)
}

fn standing(task: &TaskRow, suspended: bool) -> String {
    if let Some(since) = &task.running_since {
        return format!("running since {since}");
    }
    match &task.next {
        _ if task.problem.is_some() => "never: it is faulty".to_owned(),
        Some(next) => next.clone(),
        None if !task.enabled => "disabled".to_owned(),
        None if suspended => "suspended".to_owned(),
        None => "-".to_owned(),
    }
}

/// `compact datastore=config`
fn with_params(action: &str, params: &BTreeMap<String, String>) -> String {
    let params = params.iter().map(|(name, text)| format!(" {name}={text}"));
    format!("{action}{}", params.collect::<String>())
}

fn last(run: &RunRow) -> String {
    let how = if run.succeeded { "ok" } else { "failed" };
    format!("{} {how}", run.when)
}

fn next(output: &mut Output, rows: &[NextRow]) -> Result<(), Stop> {
    if rows.is_empty() {
        return output.note("never: its time was");
    }
    rows.iter().try_for_each(|row| output.line(&row.local))
}

/// `nightly  ok  5 ms  A.cdb 2.2 KB -> 1.5 KB (3 tx)`
fn ran(run: &RunRow) -> String {
    let how = if run.succeeded { "ok" } else { "failed" };
    format!("{}  {how}  {}  {}", run.task, took(run.duration_micros), run.info)
}

fn history(output: &mut Output, rows: &[RunRow]) -> Result<(), Stop> {
    if rows.is_empty() {
        return output.note("no runs yet");
    }
    let mut table = Table::new(&[Align::Left; 5]);
    table.row(["when", "why", "took", "", "info"]);
    for row in rows {
        let how = if row.succeeded { "ok" } else { "failed" };
        let cells = [&row.when, &row.trigger, &took(row.duration_micros), how, &row.info];
        table.row(cells.map(ToOwned::to_owned));
    }
    output.table(&table)
}
