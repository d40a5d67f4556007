//! The scheduler's configuration: what stands below `/scheduler`, and the tasks that it makes.
//!
//! Names and shapes are NSO's (`tailf-ncs-scheduler.yang`); what NSO has not is marked in docs/operations.md.

use std::sync::Arc;

use super::action::Actions;
use super::field::CronError;
use super::params::Params;
use super::schedule::Schedule;
use super::zone::{Zone, parse_time};
use crate::component::{Component, Kind, Leaf, List, Section, Subtree};
use crate::units::Duration;

/// What holds when `history-size` is not there.
const HISTORY_SIZE: u64 = 100;

const fn leaf(
    path: &'static str,
    kind: Kind,
    default: Option<&'static str>,
    about: &'static str,
) -> Leaf {
    Leaf { path, kind, default, about }
}

/// Everything that may stand below `/scheduler`.
pub static SUBTREE: Subtree = Subtree {
    root: "/scheduler",
    lists: &[List { path: "task", key: "name" }],
    leaves: &[
        leaf(
            "suspended",
            Kind::Boolean,
            Some("false"),
            "Whether no task runs by itself. Times that pass meanwhile are not made up for.",
        ),
        leaf(
            "history-size",
            Kind::Number { min: 1, max: 10_000 },
            Some("100"),
            "How many runs the history of each task keeps (ours).",
        ),
        leaf(
            "task/schedule",
            Kind::Checked("crontab(5)", check_cron),
            None,
            "When it runs, again and again: minute, hour, day of month, month, day of week; or a name such as @daily.",
        ),
        leaf(
            "task/time",
            Kind::Checked("date-and-time", check_time),
            None,
            "When it runs, once: RFC 3339; without an offset it is a time of time-zone.",
        ),
        leaf(
            "task/keep",
            Kind::Flag,
            Some("false"),
            "Whether a task with a time stays after it has run.",
        ),
        leaf(
            "task/time-zone",
            Kind::Checked("time zone", check_zone),
            Some("local"),
            "Whose clocks schedule means: a name such as Europe/Berlin, or the server's own (ours).",
        ),
        leaf("task/enabled", Kind::Boolean, Some("true"), "Whether it runs by itself (ours)."),
        leaf("task/action-name", Kind::Text, None, "What it does."),
        leaf(
            "task/action-node",
            Kind::Text,
            None,
            "Handed to actions of programs; those of pumice act on the database whatever node it is.",
        ),
        leaf(
            "task/action-params",
            Kind::Checked("XML", check_xml),
            None,
            "The parameters as XML, in the place of params.",
        ),
        leaf(
            "task/params/*",
            Kind::Text,
            None,
            "The parameters of the action, one leaf each (ours).",
        ),
        leaf(
            "task/overlap",
            Kind::Choice(&["skip", "queue-one"]),
            Some("skip"),
            "What a time does that comes while the task still runs: nothing, or one more run after it (ours).",
        ),
        leaf(
            "task/missed-runs",
            Kind::Choice(&["once", "skip"]),
            Some("once"),
            "What is done about times that passed while nothing could run: one run for all of them, or none (ours).",
        ),
        leaf(
            "task/random-delay",
            Kind::Duration,
            Some("PT0S"),
            "Each run begins up to this much later, by chance (ours).",
        ),
        leaf(
            "task/timeout",
            Kind::Duration,
            None,
            "How long a run may take before it is told to end; unset, as long as it wants (ours).",
        ),
        leaf(
            "task/ha-mode",
            Kind::Text,
            None,
            "Taken for files of NSO; without effect, as on NSO without HA.",
        ),
        leaf("task/ha-node-id", Kind::Text, None, "Likewise."),
    ],
};

fn check_cron(text: &str) -> Result<(), String> {
    Schedule::cron(text, Zone::Local).map(drop).map_err(|error: CronError| error.to_string())
}

fn check_time(text: &str) -> Result<(), String> {
    let expected = "a time such as 2026-11-20T02:00:00+01:00";
    let read = parse_time(text, Zone::Local).map(drop);
    read.ok_or_else(|| format!("\"{text}\" is not {expected}"))
}

fn check_zone(text: &str) -> Result<(), String> {
    text.parse::<Zone>().map(drop).map_err(|error| error.to_string())
}

fn check_xml(text: &str) -> Result<(), String> {
    Params::from_xml(text).map(drop)
}

/// What a time does that comes while the task still runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overlap {
    /// Nothing.
    Skip,
    /// One more run after it.
    QueueOne,
}

/// What is done about times that passed while nothing could run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissedRuns {
    /// One run for all of them.
    Once,
    /// Nothing.
    Skip,
}

/// A task that can run.
#[derive(Clone, Debug)]
pub struct Task {
    /// Its name.
    pub name: String,
    /// When it runs.
    pub schedule: Schedule,
    /// The same as text: another text is another schedule.
    pub spec: String,
    /// Whose clocks that means.
    pub zone: Zone,
    /// Whether it runs by itself.
    pub enabled: bool,
    /// Whether it stays after its one run.
    pub keep: bool,
    /// The action.
    pub action: String,
    /// NSO's node of the action.
    pub node: Option<String>,
    /// Its parameters.
    pub params: Params,
    /// What a time does that comes while it runs.
    pub overlap: Overlap,
    /// What is done about times that passed.
    pub missed_runs: MissedRuns,
    /// The longest delay by chance.
    pub random_delay: Duration,
    /// How long a run may take.
    pub timeout: Option<Duration>,
}

impl Task {
    /// Whether it has a single time.
    pub fn is_once(&self) -> bool {
        matches!(self.schedule, Schedule::Once { .. })
    }
}

/// The scheduler's configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// Whether no task runs by itself.
    pub suspended: bool,
    /// How many runs each history keeps.
    pub history_size: u64,
    /// The tasks, by name.
    pub tasks: Vec<Arc<Task>>,
}

/// What holds the configuration against the actions that there are.
#[derive(Debug)]
pub struct Rules {
    pub actions: Actions,
}

impl Component for Rules {
    type Config = Config;

    fn subtree(&self) -> &'static Subtree {
        &SUBTREE
    }

    fn read(&self, top: &Section<'_>) -> Config {
        let tasks = top.entries("task").into_iter();
        Config {
            suspended: top.flag("suspended"),
            history_size: top.parse("history-size").unwrap_or(HISTORY_SIZE),
            tasks: tasks.filter_map(|(name, task)| self.task(name, &task)).map(Arc::new).collect(),
        }
    }
}

impl Rules {
    /// A task; none when something is wrong with it.
    fn task(&self, name: String, section: &Section<'_>) -> Option<Task> {
        let zone = section.parse("time-zone").unwrap_or_default();
        let schedule = schedule(section, zone);
        let params = params(section);
        let action = section.text("action-name");
        match action.as_deref().map(|name| (name, self.actions.get(name))) {
            None => section.problem("action-name", "it is missing: what the task does"),
            Some((name, None)) => section.problem("action-name", self.actions.unknown(name)),
            Some((_, Some(action))) => {
                if let Some(Err(error)) = params.as_ref().map(|params| action.check(params)) {
                    let place = error.name.map(|name| format!("params/{name}"));
                    let in_xml = section.is_set("action-params");
                    let place = if in_xml { Some("action-params".to_owned()) } else { place };
                    section.problem(place.as_deref().unwrap_or("action-name"), error.reason);
                }
            }
        }
        if section.has_problems() {
            return None;
        }
        let (schedule, spec) = schedule?;
        Some(Task {
            name,
            schedule,
            spec,
            zone,
            enabled: section.flag("enabled"),
            keep: section.flag("keep"),
            action: action?,
            node: section.text("action-node"),
            params: params?,
            overlap: match section.text("overlap").as_deref() {
                Some("queue-one") => Overlap::QueueOne,
                _ => Overlap::Skip,
            },
            missed_runs: match section.text("missed-runs").as_deref() {
                Some("skip") => MissedRuns::Skip,
                _ => MissedRuns::Once,
            },
            random_delay: section.parse("random-delay").unwrap_or_default(),
            timeout: section.parse("timeout"),
        })
    }
}

/// The schedule of a task and its text; what is wrong is noted.
fn schedule(section: &Section<'_>, zone: Zone) -> Option<(Schedule, String)> {
    match (section.text("schedule"), section.text("time")) {
        (Some(text), None) => {
            let schedule = Schedule::cron(&text, zone).ok()?;
            Some((schedule, format!("{text} ({zone})")))
        }
        (None, Some(text)) => {
            let at_micros = parse_time(&text, zone)?;
            Some((Schedule::Once { at_micros }, super::zone::utc_text(at_micros)))
        }
        (Some(_), Some(_)) => {
            section.problem("time", "there is a schedule already: expected one of the two");
            None
        }
        (None, None) => {
            section.problem("schedule", "it is missing: expected a schedule or a time");
            None
        }
    }
}

fn params(section: &Section<'_>) -> Option<Params> {
    let leaves = section.leaves("params");
    let Some(xml) = section.text("action-params") else { return Some(leaves.into()) };
    if !leaves.is_empty() {
        section.problem("action-params", "there are params already: expected one of the two");
        return None;
    }
    Params::from_xml(&xml).ok()
}
