//! `pumice del`

use clap::Args;

use super::context::Context;
use super::global::{Author, Ds};
use super::set::submit;
use super::stop::Stop;
use crate::service::{Action, Change, Operation};

/// Remove a node with everything below it
#[derive(Debug, Args)]
pub struct Del {
    /// Its path; a list with all its entries, / with everything
    path: String,
    /// Show the change and write nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    ds: Ds,
    #[command(flatten)]
    author: Author,
}

impl Del {
    pub fn run(self, context: &mut Context) -> Result<(), Stop> {
        let action = Action::Delete { path: self.path };
        let change = Change {
            datastore: self.ds.datastore,
            operations: vec![Operation { line: None, action }],
            words: self.author.words(),
            dry_run: self.dry_run,
        };
        submit(context, change)
    }
}
