//! `pumice set`

use clap::Args;

use super::change;
use super::context::{Context, unexpected};
use super::global::{Author, Ds};
use super::stop::Stop;
use crate::service::{Action, Change, Operation, Reply, Request};

/// Set a leaf; what is missing around it is created. Without a value: create an entry or presence container
#[derive(Debug, Args)]
pub struct Set {
    /// Its path
    path: String,
    /// Its value
    #[arg(allow_hyphen_values = true)]
    value: Option<String>,
    /// Its type, such as uint16 [default: the one it has, else string]
    #[arg(short = 't', long = "type", value_name = "TYPE")]
    value_type: Option<String>,
    /// Show the change and write nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    ds: Ds,
    #[command(flatten)]
    author: Author,
}

impl Set {
    pub fn run(self, context: &mut Context) -> Result<(), Stop> {
        let action = match (self.value, self.value_type) {
            (None, None) => Action::Create { path: self.path },
            // The type `empty` has a value without text.
            (value, value_type) => {
                Action::Set { path: self.path, value: value.unwrap_or_default(), value_type }
            }
        };
        let change = Change {
            datastore: self.ds.datastore,
            operations: vec![Operation { line: None, action }],
            words: self.author.words(),
            dry_run: self.dry_run,
        };
        submit(context, change)
    }
}

/// Has operations done as one transaction and says what it did.
pub fn submit(context: &mut Context, change: Change) -> Result<(), Stop> {
    match context.request(&Request::Change(change))? {
        Reply::Committed(committed) => change::print_committed(&mut context.output, &committed),
        _ => Err(unexpected()),
    }
}
