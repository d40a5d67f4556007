//! `pumice exists`

use clap::Args;

use super::context::{Context, unexpected};
use super::global::Ds;
use super::stop::Stop;
use crate::service::{Reply, Request};

/// Say whether a node is there: yes, exit 0; no, exit 1
#[derive(Debug, Args)]
pub struct Exists {
    /// Its path
    path: String,
    #[command(flatten)]
    ds: Ds,
}

impl Exists {
    pub fn run(self, context: &mut Context) -> Result<(), Stop> {
        let reply = context.request(&Request::Exists(self.ds.node(&self.path)))?;
        let Reply::Exists(existence) = reply else { return Err(unexpected()) };
        let word = if existence.exists { "yes" } else { "no" };
        context.output.answer(&existence, |output| output.note(word))?;
        if existence.exists { Ok(()) } else { Err(Stop::No) }
    }
}
