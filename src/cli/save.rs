//! `pumice save`

use clap::Args;

use super::context::{Context, unexpected};
use super::global::Ds;
use super::load::Format;
use super::stop::Stop;
use crate::service::{self, Event, Reply, Request};

/// Print a subtree as XML or JSON, so that load can read it
#[derive(Debug, Args)]
pub struct Save {
    /// Its path
    #[arg(default_value = "/")]
    path: String,
    /// The format [default: xml, or json with --json]
    #[arg(short = 'F', long, value_enum, value_name = "FORMAT")]
    format: Option<Format>,
    /// Write types and list keys too, for a database that does not know them
    #[arg(long)]
    types: bool,
    #[command(flatten)]
    ds: Ds,
}

impl Save {
    pub fn run(self, context: &mut Context) -> Result<(), Stop> {
        let format = match (self.format, context.output.is_json()) {
            (Some(format), _) => format,
            (None, true) => Format::Json,
            (None, false) => Format::Xml,
        };
        let request = Request::Save(service::Save {
            node: self.ds.node(&self.path),
            format: format.into(),
            types: self.types,
        });
        let mut session = context.session(&request)?;
        let mut written = Ok(());
        let reply = session.request(&request, &mut |event| {
            if let Event::Text(text) = event {
                written = context.output.text(&text);
            }
            written.is_ok()
        });
        // When the output failed, that is what ended it.
        written?;
        match reply? {
            Reply::Done => Ok(()),
            _ => Err(unexpected()),
        }
    }
}
