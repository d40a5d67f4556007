//! `pumice get`

use clap::Args;

use super::context::{Context, unexpected};
use super::global::Ds;
use super::stop::Stop;
use crate::service::{Reply, Request};

/// Print the value of a leaf
#[derive(Debug, Args)]
pub struct Get {
    /// Its path, such as '/device{ce0}/address'
    path: String,
    #[command(flatten)]
    ds: Ds,
}

impl Get {
    pub fn run(self, context: &mut Context) -> Result<(), Stop> {
        match context.request(&Request::Get(self.ds.node(&self.path)))? {
            Reply::Value(leaf) => context.output.answer(&leaf, |output| output.line(&leaf.value)),
            _ => Err(unexpected()),
        }
    }
}
