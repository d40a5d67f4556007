//! `pumice ls`

use clap::Args;

use super::context::{Context, unexpected};
use super::global::Ds;
use super::stop::Stop;
use super::table::{Align, Table};
use super::text::{count, quoted};
use crate::cdb::Path;
use crate::service::{ChildRow, Reply, Request};
use crate::units::grouped;

/// List what is in a node
#[derive(Debug, Args)]
pub struct Ls {
    /// Its path
    #[arg(default_value = "/")]
    path: String,
    #[command(flatten)]
    ds: Ds,
}

impl Ls {
    pub fn run(self, context: &mut Context) -> Result<(), Stop> {
        match context.request(&Request::List(self.ds.node(&self.path)))? {
            Reply::Children(rows) => context.output.answers(&rows, |output| {
                let mut table = Table::new(&[Align::Left, Align::Left]);
                rows.iter().for_each(|row| table.row(cells(row)));
                output.table(&table)
            }),
            _ => Err(unexpected()),
        }
    }
}

fn cells(row: &ChildRow) -> [String; 2] {
    let path = row.path.parse::<Path>().ok();
    let last = path.as_ref().and_then(|path| path.steps().last());
    let name = last.map_or_else(|| row.path.clone(), ToString::to_string);
    match (row.kind.as_str(), &row.value, row.entries) {
        (_, Some(value), _) => [name, quoted(value)],
        ("list", _, Some(entries)) => {
            let word = if entries == 1 { "entry" } else { "entries" };
            [format!("{name}{{}}"), format!("{} {word}", grouped(entries))]
        }
        (_, _, Some(entries)) => [format!("{name}{{}}"), count(entries, "value")],
        ("list-entry" | "leaf-list-entry", ..) => [name, String::new()],
        _ => [format!("{name}/"), String::new()],
    }
}
