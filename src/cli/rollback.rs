//! `pumice rollback`

use clap::Args;

use super::change;
use super::context::{Context, unexpected};
use super::global::{Author, Ds};
use super::stop::Stop;
use crate::service::{self, Reply, Request};

/// Go back to the state after a transaction, as a new transaction
#[derive(Debug, Args)]
pub struct Rollback {
    /// The transaction
    tx: u64,
    /// Show the change and write nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    ds: Ds,
    #[command(flatten)]
    author: Author,
}

impl Rollback {
    pub fn run(self, context: &mut Context) -> Result<(), Stop> {
        let request = Request::Rollback(service::Rollback {
            datastore: self.ds.datastore,
            to: self.tx,
            words: self.author.words(),
            dry_run: self.dry_run,
        });
        match context.request(&request)? {
            Reply::Committed(committed) => change::print_committed(&mut context.output, &committed),
            _ => Err(unexpected()),
        }
    }
}
