//! `pumice watch`

use clap::Args;

use super::change;
use super::context::Context;
use super::global::Ds;
use super::stop::Stop;
use super::text::escaped;
use crate::service::{Event, Request, Transaction};

/// Print transactions below a path as they are committed, until interrupted
#[derive(Debug, Args)]
pub struct Watch {
    /// The path; keys may be * or left out
    #[arg(default_value = "/")]
    path: String,
    #[command(flatten)]
    ds: Ds,
}

impl Watch {
    pub fn run(self, context: &mut Context) -> Result<(), Stop> {
        let request = Request::Watch(self.ds.node(&self.path));
        let mut session = context.session(&request)?;
        let mut printed = Ok(());
        let reply = session.request(&request, &mut |event| {
            printed = match event {
                Event::Watching => context
                    .output
                    .note(format_args!("watching {} ({})", self.path, self.ds.datastore)),
                Event::Changed(transaction) => print(context, &transaction),
                Event::Text(_) | Event::Progress(_) => Ok(()),
            };
            printed = std::mem::replace(&mut printed, Ok(())).and_then(|()| context.output.flush());
            printed.is_ok()
        });
        printed?;
        reply?;
        context.output.note("the daemon has ended")
    }
}

fn print(context: &mut Context, transaction: &Transaction) -> Result<(), Stop> {
    let output = &mut context.output;
    if output.is_json() {
        return output.object(transaction);
    }
    let user = transaction.user.as_deref().map_or_else(|| "-".to_owned(), escaped);
    let comment = transaction.comment.as_deref().map(escaped).unwrap_or_default();
    output.line(format!("tx {}  {user}  {comment}", transaction.tx).trim_end())?;
    change::print(output, &transaction.changes)
}
