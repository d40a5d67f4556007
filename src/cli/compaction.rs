//! `pumice compaction`

use clap::Subcommand;

use super::compact::{Which, parse_which};
use super::context::{Context, unexpected};
use super::output::Output;
use super::stop::Stop;
use super::table::{Align, Table};
use super::text::{self, change, count, from_to, moment, size, took, wait};
use crate::service::{
    CompactionHistory, CompactionRow, CompactionState, Datastores, Reply, Request, ThresholdRow,
};
use crate::units::grouped;

/// What is known about compaction
#[derive(Debug, Subcommand)]
pub enum Compaction {
    /// How far each threshold is, what a compaction would win, when the last one was
    Info {
        /// Which: A, O, S (or config, oper, snapshot), or all
        #[arg(default_value = "all", value_parser = parse_which)]
        which: Which,
    },
    /// The last compactions, newest first
    History {
        /// At most so many
        #[arg(short = 'n', long, value_name = "N", default_value_t = 20)]
        number: usize,
    },
    /// What waits and what runs
    Status,
}

impl Compaction {
    pub fn run(self, context: &mut Context) -> Result<(), Stop> {
        match self {
            Self::Info { which } => {
                let states = states(context, which)?;
                context.output.answers(&states, |output| {
                    states.iter().try_for_each(|state| print_info(output, state))
                })
            }
            Self::Status => {
                let states = states(context, parse_which("all").unwrap_or(Which(Vec::new())))?;
                context.output.answers(&states, |output| {
                    let mut table = Table::new(&[Align::Left; 2]);
                    states
                        .iter()
                        .for_each(|state| table.row([state.file.clone(), standing(state)]));
                    output.table(&table)
                })
            }
            Self::History { number } => history(context, number),
        }
    }
}

fn states(context: &Context, which: Which) -> Result<Vec<CompactionState>, Stop> {
    match context.request(&Request::CompactionInfo(Datastores { datastores: which.0 }))? {
        Reply::CompactionInfo(states) => Ok(states),
        _ => Err(unexpected()),
    }
}

fn standing(state: &CompactionState) -> String {
    let cause = state.cause.as_deref().unwrap_or_default();
    match (state.standing.as_str(), state.left_ms, state.percent) {
        ("waiting", Some(left), _) => {
            let left = wait(left);
            format!("waits {left} for quiet ({cause})")
        }
        ("running", _, Some(percent)) => format!("runs, {percent} % ({cause})"),
        _ => "idle".to_owned(),
    }
}

fn print_info(output: &mut Output, state: &CompactionState) -> Result<(), Stop> {
    let last = state.last_time_micros.map_or_else(|| "never".to_owned(), moment);
    output.line(format_args!(
        "{}  {}  ({} after the last compaction: {last})",
        state.file,
        size(state.fsize_current),
        size(state.fsize_previous),
    ))?;
    let mut table = Table::new(&[Align::Left; 2]);
    let nodes =
        format!("{}  (was {})", grouped(state.nodes_current), grouped(state.nodes_previous));
    table.row(["  nodes".to_owned(), nodes]);
    table.row(["  transactions since".to_owned(), grouped(state.ntrans)]);
    let (sizes, gain) = text::estimate(state.fsize_current, state.estimated_bytes);
    table.row(["  compaction".to_owned(), format!("{sizes}  {gain}")]);
    for threshold in &state.thresholds {
        table.row([format!("  {}", threshold.name), distance(threshold)]);
    }
    table.row(["  due".to_owned(), due(state)]);
    table.row(["  now".to_owned(), standing(state)]);
    output.table(&table)
}

fn amount(threshold: &ThresholdRow, number: u64) -> String {
    match threshold.name.as_str() {
        "num-node-relative" => count(number, "node"),
        "num-transactions" => count(number, "transaction"),
        _ => size(number),
    }
}

fn distance(threshold: &ThresholdRow) -> String {
    let (actual, limit) = (amount(threshold, threshold.actual), amount(threshold, threshold.limit));
    match threshold.distance {
        0 => format!("exceeded: {actual}, limit {limit}"),
        left => format!("{actual} of {limit}; {} to go", amount(threshold, left)),
    }
}

fn due(state: &CompactionState) -> String {
    if state.due {
        return match state.journal_compaction.as_str() {
            "manual" => "yes, but journal-compaction is manual".to_owned(),
            _ => "yes".to_owned(),
        };
    }
    let exceeded = state.thresholds.iter().any(|threshold| threshold.distance == 0);
    match state.below_floor_bytes {
        Some(floor) if exceeded => {
            format!("no: the file is smaller than compaction-floor ({})", size(floor))
        }
        _ => "no: no threshold is exceeded".to_owned(),
    }
}

fn history(context: &mut Context, number: usize) -> Result<(), Stop> {
    let request = Request::CompactionHistory(CompactionHistory { limit: number });
    let Reply::CompactionHistory(rows) = context.request(&request)? else {
        return Err(unexpected());
    };
    context.output.answers(&rows, |output| {
        if rows.is_empty() {
            return output.note("no compactions yet");
        }
        output.table(&history_table(&rows))
    })
}

fn history_table(rows: &[CompactionRow]) -> Table {
    let mut table = Table::new(&[Align::Left; 7]);
    table.row(["when", "file", "cause", "size", "", "took", "writers waited"]);
    for row in rows {
        let (sizes, gain) = match &row.failure {
            Some(failure) => (format!("failed: {failure}"), String::new()),
            None => (
                from_to(row.size_start_bytes, row.size_end_bytes),
                change(row.size_start_bytes, row.size_end_bytes),
            ),
        };
        table.row([
            moment(row.start_micros),
            row.file.clone(),
            row.cause.clone(),
            sizes,
            gain,
            took(row.duration_micros),
            took(row.blocked_micros),
        ]);
    }
    table
}
