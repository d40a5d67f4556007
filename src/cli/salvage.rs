//! `pumice salvage`

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::context::Context;
use super::stop::Stop;
use super::text::{count, size};
use crate::journal::Store;
use crate::journal::check::{SalvageError, salvage};
use crate::node;
use crate::service::{Class, Failure};
use crate::units::grouped;
use crate::vfs::OpenMode;

/// Write what is good of a damaged journal file into a new one; the damaged one is left as it is
#[derive(Debug, Args)]
pub struct Salvage {
    /// The damaged file
    file: PathBuf,
    /// The new file; in a directory that no daemon has
    new_file: PathBuf,
}

impl Salvage {
    pub fn run(self, context: &mut Context) -> Result<(), Stop> {
        context.start_log();
        let damaged = context.vfs.open(&self.file, OpenMode::Read)?;
        if context.vfs.exists(&self.new_file)? {
            return Err(exists(&self.new_file));
        }
        node::survive_file_size_limit()?;
        let options = node::store_options(&context.configuration()?.conf);
        let target = Store::open_file(&self.new_file, options).map_err(Failure::from)?;
        let report = salvage(&damaged, &target).map_err(|error| match error {
            SalvageError::Source(error) => Stop::from(Failure::from(error)),
            SalvageError::Target(error) => Stop::from(Failure::from(error)),
            SalvageError::NotEmpty => exists(&self.new_file),
        })?;
        target.close().map_err(Failure::from)?;
        let object = json!({
            "file": self.file, "new_file": self.new_file, "entries": report.entries,
            "transactions": report.transactions, "damaged_places": report.damaged_places,
            "damaged_bytes": report.damaged_bytes, "missing_transactions": report.missing_transactions,
        });
        context.output.answer(&object, |output| {
            output.line(format_args!(
                "{}: {} keys and {} saved from {}",
                self.new_file.display(),
                grouped(report.entries),
                count(report.transactions, "transaction"),
                self.file.display(),
            ))?;
            output.line(format_args!(
                "lost: {} ({} or more), {} missing",
                count(report.damaged_places, "damaged place"),
                size(report.damaged_bytes),
                count(report.missing_transactions, "transaction"),
            ))
        })
    }
}

fn exists(path: &Path) -> Stop {
    let reason = format!("{} exists already", path.display());
    Failure::new(Class::Conflict, "exists", reason).into()
}
