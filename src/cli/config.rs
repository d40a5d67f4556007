//! `pumice config`

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::json;

use super::context::Context;
use super::find_conf;
use super::stop::Stop;
use super::table::{Align, Table};
use super::text::{count, quoted};
use crate::service::{Class, Reply, Request, SettingRow};

/// Look at the configuration
#[derive(Debug, Subcommand)]
pub enum Config {
    /// Read a configuration file and say everything that is wrong with it
    Check {
        /// The file [default: the one that holds]
        file: Option<PathBuf>,
    },
    /// Print every setting with its value
    Show {
        /// Also print where the value came from
        #[arg(long)]
        origin: bool,
    },
}

impl Config {
    pub fn run(self, context: &mut Context) -> Result<(), Stop> {
        match self {
            Self::Check { file } => check(context, file),
            Self::Show { origin } => show(context, origin),
        }
    }
}

fn check(context: &mut Context, file: Option<PathBuf>) -> Result<(), Stop> {
    let file = file.or_else(|| find_conf::file(&*context.vfs, &context.global));
    let loaded = find_conf::read(&*context.vfs, file.as_deref())?;
    let warnings: Vec<_> = loaded.warnings.iter().map(ToString::to_string).collect();
    context.output.answer(&json!({ "files": loaded.files, "warnings": warnings }), |output| {
        warnings.iter().try_for_each(|warning| output.line(format_args!("warning: {warning}")))?;
        let Some(file) = &file else {
            return output.note("no configuration file: the defaults hold");
        };
        let fragments = loaded.files.len().saturating_sub(1) as u64;
        let with = match fragments {
            0 => String::new(),
            number => format!(" with {}", count(number, "fragment")),
        };
        let warned = match warnings.len() as u64 {
            0 => String::new(),
            number => format!(", {}", count(number, "warning")),
        };
        output.note(format_args!("{}{with}: no errors{warned}", file.display()))
    })
}

fn show(context: &mut Context, origin: bool) -> Result<(), Stop> {
    let shown = context.configuration()?.show();
    let rows = shown.iter().map(|shown| {
        json!({ "setting": shown.setting.path, "values": shown.values, "origin": shown.origin.to_string() })
    });
    let mut rows: Vec<_> = rows.collect();
    let stored = stored(context);
    rows.extend(
        stored
            .iter()
            .map(|row| json!({ "setting": row.path, "values": [row.value], "origin": row.origin })),
    );
    context.output.answers(&rows, |output| {
        let mut table = Table::new(&[Align::Left; 3]);
        for shown in &shown {
            let value =
                if shown.values.is_empty() { "(unset)".to_owned() } else { shown.values.join(" ") };
            let origin = if origin { shown.origin.to_string() } else { String::new() };
            table.row([shown.setting.path.to_owned(), value, origin]);
        }
        for row in &stored {
            let origin = if origin { row.origin.clone() } else { String::new() };
            table.row([row.path.clone(), quoted(&row.value), origin]);
        }
        output.table(&table)
    })
}

/// What components are configured with in the database, where there is one that can be read.
fn stored(context: &Context) -> Vec<SettingRow> {
    match context.request(&Request::Settings) {
        Ok(Reply::Settings(rows)) => rows,
        Ok(_) => Vec::new(),
        Err(Stop::Failure(failure)) if failure.code == Class::NotFound.code() => Vec::new(),
        Err(stop) => {
            if let Stop::Failure(failure) = stop {
                tracing::warn!("what is configured in the database is not shown: {failure}");
            }
            Vec::new()
        }
    }
}
