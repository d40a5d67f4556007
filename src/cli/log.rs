//! `pumice log`

use clap::Args;

use super::context::{Context, unexpected};
use super::global::Ds;
use super::stop::Stop;
use super::table::{Align, Table};
use super::text::{escaped, moment, size};
use crate::service::{self, LogRow, LogRows, Reply, Request};
use crate::units::grouped;

/// List the last transactions, newest first
#[derive(Debug, Args)]
pub struct Log {
    /// At most so many
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20)]
    number: usize,
    #[command(flatten)]
    ds: Ds,
}

impl Log {
    pub fn run(self, context: &mut Context) -> Result<(), Stop> {
        let log = service::Log { datastore: self.ds.datastore, limit: self.number };
        let Reply::Log(log) = context.request(&Request::Log(log))? else {
            return Err(unexpected());
        };
        context.output.answers(&log.rows, |output| {
            if !log.rows.is_empty() {
                output.table(&table(&log.rows))?;
            }
            output.note_some(ending(&log))
        })
    }
}

fn table(rows: &[LogRow]) -> Table {
    use Align::{Left, Right};
    let mut table = Table::new(&[Left, Left, Left, Right, Right, Left]);
    table.row(["tx", "when", "by", "nodes", "bytes", "comment"]);
    for row in rows {
        table.row([
            row.tx.to_string(),
            moment(row.when_micros),
            row.user.as_deref().map_or_else(|| "-".to_owned(), escaped),
            grouped(row.nodes),
            size(row.bytes),
            row.comment.as_deref().map(escaped).unwrap_or_default(),
        ]);
    }
    table
}

/// What the list does not show.
fn ending(log: &LogRows) -> Option<String> {
    if log.older > 0 {
        return Some(format!(
            "{} older: pumice log -n {}",
            grouped(log.older),
            log.rows.len() as u64 + log.older
        ));
    }
    match (log.rows.is_empty(), log.compacted_through) {
        (true, 0) => Some("no transactions yet".to_owned()),
        (_, 0) => None,
        (_, through) => Some(format!("transactions up to {through} were compacted into one")),
    }
}
