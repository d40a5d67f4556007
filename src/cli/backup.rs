//! `pumice backup`

use clap::Args;

use super::context::{Context, unexpected};
use super::schedule_add::absolute;
use super::stop::Stop;
use super::table::{Align, Table};
use super::text::size;
use crate::service::{self, Reply, Request};
use crate::units::grouped;

/// Copy the database into a directory: compacted, synced, beside those that read and write
///
/// The directory is a database then: pumice --dir DIR opens it. A daemon writes it itself, so it must be allowed to.
#[derive(Debug, Args)]
pub struct Backup {
    /// The directory, which is made; it must not have a database yet
    directory: String,
}

impl Backup {
    pub fn run(self, context: &mut Context) -> Result<(), Stop> {
        let directory = absolute(&self.directory)?;
        let request = Request::Backup(service::Backup { directory });
        let Reply::BackedUp(rows) = context.request(&request)? else {
            return Err(unexpected());
        };
        context.output.answers(&rows, |output| {
            let mut table = Table::new(&[Align::Left; 4]);
            for row in &rows {
                let path = std::path::Path::new(&row.path);
                let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                let keys = format!("{} keys", grouped(row.entries));
                table.row([file, size(row.size_bytes), keys, format!("tx {}", row.tx)]);
            }
            output.table(&table)
        })
    }
}
