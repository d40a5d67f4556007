//! `pumice compact`

use clap::{Args, ValueEnum};

use super::context::{Context, unexpected};
use super::stop::Stop;
use super::table::{Align, Table};
use super::text::{self, change, from_to, took, wait};
use crate::cdb::Datastore;
use crate::service::{self, CompactionRow, CompactionState, Datastores, Policy, Reply, Request};
use crate::units::{ByteSize, grouped};

/// Compact datastores
///
/// Without a daemon they are compacted at once. A daemon is asked to, and compacts the config datastore when it was quiet for
/// delayed-compaction-timeout; with --wait (or --policy, --throttle) at once, and this waits for it.
#[derive(Debug, Args)]
pub struct Compact {
    /// Which: A, O, S (or config, oper, snapshot), or all
    #[arg(default_value = "all", value_parser = parse_which)]
    which: Which,
    /// Leave alone what has had no more transactions than this since its last compaction
    #[arg(long, value_name = "N")]
    if_transactions_over: Option<u64>,
    /// Compact at once and wait for the end
    #[arg(long)]
    wait: bool,
    /// Only say what it would win
    #[arg(long, conflicts_with_all = ["wait", "policy", "throttle", "if_transactions_over"])]
    estimate: bool,
    /// When write transactions wait [default: write-policy of the configuration]
    #[arg(long, value_enum, value_name = "POLICY")]
    policy: Option<PolicyName>,
    /// The most that is written per second, such as 50MB [default: throttle of the configuration]
    #[arg(long, value_name = "SIZE")]
    throttle: Option<ByteSize>,
}

/// Some datastores.
#[derive(Clone, Debug)]
pub struct Which(pub Vec<Datastore>);

/// One datastore, or all.
pub fn parse_which(text: &str) -> Result<Which, String> {
    if text == "all" {
        return Ok(Which(Datastore::ALL.to_vec()));
    }
    let one = text.parse::<Datastore>().map_err(|error| format!("{error}, or all"))?;
    Ok(Which(vec![one]))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum PolicyName {
    /// From begin to end
    Blocking,
    /// Only while the last gap is copied
    Background,
}

impl Compact {
    pub fn run(self, context: &mut Context) -> Result<(), Stop> {
        if self.estimate {
            return estimate(context, self.which.0);
        }
        let mut compact = service::Compact {
            datastores: self.which.0,
            if_transactions_over: self.if_transactions_over,
            wait: self.wait || self.policy.is_some() || self.throttle.is_some(),
            policy: self.policy.map(|policy| match policy {
                PolicyName::Blocking => Policy::Blocking,
                PolicyName::Background => Policy::Background,
            }),
            throttle_bytes_per_second: self.throttle.map(ByteSize::bytes),
        };
        let mut session = context.session(&Request::Compact(compact.clone()))?;
        compact.wait |= !session.is_daemon();
        let over = self.if_transactions_over.unwrap_or(0);
        match context.request_in(&mut session, &Request::Compact(compact))? {
            Reply::Compacted(rows) => {
                context.output.answers(&rows, |output| output.table(&compacted(&rows)))
            }
            Reply::Requested(states) => context.output.answers(&states, |output| {
                states.iter().try_for_each(|state| output.line(requested(state, over)))
            }),
            _ => Err(unexpected()),
        }
    }
}

/// `A.cdb  118.5 KB -> 96.1 KB  (19 % less)  3 tx -> 1  6 ms`
pub fn compacted(rows: &[CompactionRow]) -> Table {
    let mut table = Table::new(&[Align::Left; 5]);
    for row in rows {
        if row.nothing_to_do {
            let left_alone = match row.transactions {
                0 => "nothing to do".to_owned(),
                number => format!("left alone: {} tx", grouped(number)),
            };
            table.row([row.file.clone(), left_alone]);
            continue;
        }
        table.row([
            row.file.clone(),
            from_to(row.size_start_bytes, row.size_end_bytes),
            change(row.size_start_bytes, row.size_end_bytes),
            format!("{} tx -> 1", grouped(row.transactions)),
            took(row.duration_micros),
        ]);
    }
    table
}

fn requested(state: &CompactionState, over: u64) -> String {
    let file = &state.file;
    match (state.standing.as_str(), state.left_ms) {
        ("waiting", Some(left @ 1..)) => {
            let left = wait(left);
            format!("{file}  asked for; begins after {left} without transactions (--wait: at once)")
        }
        _ if state.ntrans == 0 => format!("{file}  nothing to do"),
        _ if state.ntrans <= over => format!("{file}  left alone: {} tx", grouped(state.ntrans)),
        _ => format!("{file}  asked for (see: pumice compaction history)"),
    }
}

fn estimate(context: &mut Context, datastores: Vec<Datastore>) -> Result<(), Stop> {
    let request = Request::CompactionInfo(Datastores { datastores });
    let Reply::CompactionInfo(states) = context.request(&request)? else {
        return Err(unexpected());
    };
    context.output.answers(&states, |output| {
        let mut table = Table::new(&[Align::Left; 3]);
        for state in &states {
            if state.ntrans == 0 {
                table.row([state.file.clone(), "nothing to do".to_owned()]);
                continue;
            }
            let (sizes, gain) = text::estimate(state.fsize_current, state.estimated_bytes);
            table.row([state.file.clone(), sizes, gain]);
        }
        output.table(&table)?;
        output.note("nothing written (--estimate)")
    })
}
