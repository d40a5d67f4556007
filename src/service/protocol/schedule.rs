//! Requests about the scheduler and backups, and what is answered.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::words::Words;

/// What is asked of the scheduler.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verb", rename_all = "kebab-case")]
pub enum Schedule {
    /// The tasks.
    List,
    /// A new task.
    Add(ScheduleAdd),
    /// Removes a task.
    Remove(TaskChange),
    /// A task runs by itself.
    Enable(TaskChange),
    /// A task does not run by itself.
    Disable(TaskChange),
    /// No task runs by itself.
    Suspend(Words),
    /// Tasks run by themselves.
    Resume(Words),
    /// The next times of a task.
    Next(TaskRows),
    /// Runs a task now and waits for its end.
    Run(TaskName),
    /// The last runs of a task.
    History(TaskRows),
    /// Forgets runs of a task.
    Purge(SchedulePurge),
}

/// A new task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleAdd {
    /// Its name.
    pub name: String,
    /// Its leaves: `schedule`, `action-name`, `overlap`.
    pub leaves: BTreeMap<String, String>,
    /// The parameters of its action.
    pub params: BTreeMap<String, String>,
    /// For the log.
    pub words: Words,
}

/// A task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskName {
    /// Its name.
    pub name: String,
}

/// A task that is changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskChange {
    /// Its name.
    pub name: String,
    /// For the log.
    pub words: Words,
}

/// So many of something of a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskRows {
    /// Its name.
    pub name: String,
    /// At most so many.
    pub limit: usize,
}

/// Which runs are to be forgotten.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchedulePurge {
    /// The task; every task when it is left out.
    pub name: Option<String>,
    /// Only those that are older than this.
    pub older_than_micros: Option<u64>,
    /// Only those that succeeded, or did not.
    pub succeeded: Option<bool>,
}

/// A directory to copy the database into.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backup {
    /// The directory, as the executing process finds it.
    pub directory: String,
}

/// The scheduler and its tasks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tasks {
    /// Whether no task runs by itself.
    pub suspended: bool,
    /// The tasks, by name.
    pub tasks: Vec<TaskRow>,
}

/// A task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskRow {
    /// Its name.
    pub name: String,
    /// Its crontab and zone, or its single time in UTC.
    pub schedule: String,
    /// What it does.
    pub action: String,
    /// The parameters of that.
    pub params: BTreeMap<String, String>,
    /// Whether it runs by itself, as far as it is concerned.
    pub enabled: bool,
    /// The next time that it runs, microseconds since the Unix epoch; none while it does not run by itself.
    pub next_micros: Option<u64>,
    /// The same in its zone: `2026-11-21T02:00:00+01:00`.
    pub next: Option<String>,
    /// Since when it runs, in UTC.
    pub running_since: Option<String>,
    /// Its last run.
    pub last: Option<RunRow>,
    /// Why it cannot run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// A run that is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRow {
    /// The task.
    pub task: String,
    /// The time that it was for, in UTC.
    pub when: String,
    /// Counts up through all runs of the task.
    pub seq: u64,
    /// When it began, microseconds since the Unix epoch.
    pub start_micros: u64,
    /// How long it took.
    pub duration_micros: u64,
    /// `schedule`, `missed` or `request`.
    pub trigger: String,
    /// Whether the action succeeded.
    pub succeeded: bool,
    /// What the action said, or why it did not succeed.
    pub info: String,
}

/// A time that a task will run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextRow {
    /// Microseconds since the Unix epoch.
    pub micros: u64,
    /// In UTC.
    pub utc: String,
    /// In the task's zone.
    pub local: String,
}

/// What was forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Purged {
    /// How many runs.
    pub runs: u64,
}

/// A file that was copied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupRow {
    /// The copy.
    pub path: String,
    /// Its size.
    pub size_bytes: u64,
    /// The last transaction in it.
    pub tx: u64,
    /// How many keys it has.
    pub entries: u64,
}

/// A value of the configuration in the database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingRow {
    /// Its leaf.
    pub path: String,
    /// Its value.
    pub value: String,
    /// `default`, or the file that it is stored in: `A.cdb`.
    pub origin: String,
}
