//! `pumice diff`

use clap::Args;

use super::change;
use super::context::{Context, unexpected};
use super::global::Ds;
use super::stop::Stop;
use crate::service::{self, Reply, Request};

/// Show what is different between the states after two transactions: nothing, exit 0; something, exit 1
#[derive(Debug, Args)]
pub struct Diff {
    /// The state after this transaction [default: the last but one]
    from: Option<u64>,
    /// The state after this transaction [default: the last]
    to: Option<u64>,
    #[command(flatten)]
    ds: Ds,
}

impl Diff {
    pub fn run(self, context: &mut Context) -> Result<(), Stop> {
        let diff = service::Diff { datastore: self.ds.datastore, from: self.from, to: self.to };
        match context.request(&Request::Diff(diff))? {
            Reply::Diff(changes) => {
                change::print(&mut context.output, &changes)?;
                if changes.is_empty() { Ok(()) } else { Err(Stop::No) }
            }
            _ => Err(unexpected()),
        }
    }
}
