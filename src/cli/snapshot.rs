//! `pumice snapshot`

use clap::Subcommand;

use super::change;
use super::context::{Context, unexpected};
use super::global::Author;
use super::stop::Stop;
use super::table::{Align, Table};
use super::text::{count, escaped, moment, quoted};
use crate::service::{self, Reply, Request, SnapshotName, SnapshotRow};
use crate::units::grouped;

/// Keep states of the configuration under a name; they outlive compactions
#[derive(Debug, Subcommand)]
pub enum Snapshot {
    /// Keep a subtree of the configuration under a name
    Take {
        /// The name
        name: String,
        /// The subtree
        #[arg(default_value = "/")]
        path: String,
        #[command(flatten)]
        author: Author,
    },
    /// List the snapshots
    Ls,
    /// Show what changed since a snapshot was taken: nothing, exit 0; something, exit 1
    Diff {
        /// The name
        name: String,
    },
    /// Make the configuration what a snapshot says
    Restore {
        /// The name
        name: String,
        /// Show the change and write nothing
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        author: Author,
    },
    /// Forget a snapshot
    Rm {
        /// The name
        name: String,
    },
}

impl Snapshot {
    pub fn run(self, context: &mut Context) -> Result<(), Stop> {
        let (request, done) = match self {
            Self::Take { name, path, author } => {
                let words = author.words();
                let done = format!("kept {path} as {}", quoted(&name));
                (Request::SnapshotTake(service::SnapshotTake { name, path, words }), done)
            }
            Self::Ls => (Request::SnapshotList, String::new()),
            Self::Diff { name } => (Request::SnapshotDiff(SnapshotName { name }), String::new()),
            Self::Restore { name, dry_run, author } => {
                let words = author.words();
                let done = format!("restored {}", quoted(&name));
                let restore = service::SnapshotRestore { name, words, dry_run };
                (Request::SnapshotRestore(restore), done)
            }
            Self::Rm { name } => {
                let done = format!("removed {}", quoted(&name));
                (Request::SnapshotRemove(SnapshotName { name }), done)
            }
        };
        match context.request(&request)? {
            Reply::Snapshots(rows) => list(context, &rows),
            Reply::Diff(changes) => {
                change::print(&mut context.output, &changes)?;
                if changes.is_empty() { Ok(()) } else { Err(Stop::No) }
            }
            Reply::Committed(committed)
                if committed.diff.is_none() && !context.output.is_json() =>
            {
                let nodes = count(committed.nodes, "node");
                let tx = committed.tx;
                context.output.note(if committed.changed {
                    format!("{done}   {nodes}   {} tx {tx}", committed.file)
                } else {
                    format!("{done}   nothing changed")
                })
            }
            Reply::Committed(committed) => change::print_committed(&mut context.output, &committed),
            _ => Err(unexpected()),
        }
    }
}

fn list(context: &mut Context, rows: &[SnapshotRow]) -> Result<(), Stop> {
    use Align::{Left, Right};
    context.output.answers(rows, |output| {
        if rows.is_empty() {
            return output.note("no snapshots");
        }
        let mut table = Table::new(&[Left, Left, Right, Left, Left, Left, Left]);
        table.row(["name", "of", "nodes", "tx", "when", "by", "comment"]);
        for row in rows {
            table.row([
                quoted(&row.name),
                row.path.clone(),
                grouped(row.nodes),
                row.tx.to_string(),
                moment(row.when_micros),
                row.user.as_deref().map_or_else(|| "-".to_owned(), escaped),
                row.comment.as_deref().map(escaped).unwrap_or_default(),
            ]);
        }
        output.table(&table)
    })
}
