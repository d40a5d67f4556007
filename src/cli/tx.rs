//! `pumice tx`

use std::path::PathBuf;

use clap::Args;

use super::context::Context;
use super::global::{Author, Ds};
use super::script;
use super::set::submit;
use super::stop::Stop;
use crate::service::{Change, Failure};

/// Commit many operations as one transaction: all of them or none
///
/// One operation a line: set [--type TYPE] PATH VALUE, create PATH, del PATH, move PATH first|last|before PATH|after PATH.
/// Empty lines and lines that begin with # are skipped.
#[derive(Debug, Args)]
pub struct Tx {
    /// The file [default: standard input]
    file: Option<PathBuf>,
    /// Show the change and write nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    ds: Ds,
    #[command(flatten)]
    author: Author,
}

impl Tx {
    pub fn run(self, context: &mut Context) -> Result<(), Stop> {
        let text = script::read(&*context.vfs, self.file.as_deref())?;
        let operations = script::parse(&text)?;
        if operations.is_empty() {
            return Err(Failure::usage("the script has no operations").into());
        }
        let (words, dry_run) = (self.author.words(), self.dry_run);
        submit(context, Change { datastore: self.ds.datastore, operations, words, dry_run })
    }
}
