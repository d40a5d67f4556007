//! Which configuration holds: the file, if there is one, and the options of the command line over it.

use std::path::{Path, PathBuf};

use super::global::{Global, LogShape};
use super::stop::Stop;
use crate::conf::{Conf, Loaded, Problems, environment};
use crate::service::Failure;
use crate::vfs::Vfs;

/// The name of a configuration file.
pub const FILE: &str = "ncs.conf";

/// Settings that options of the command line give: path, text, option.
pub type Overrides = Vec<(&'static str, String, &'static str)>;

/// The file that holds: `--conf`; else that of the directory that is named; else one here; else that of the default
/// directory.
pub fn file(vfs: &dyn Vfs, global: &Global) -> Option<PathBuf> {
    if let Some(conf) = &global.conf {
        return Some(conf.clone());
    }
    let default_dir = Conf::default().cdb.db_dir.join(FILE);
    let candidates = match &global.dir {
        Some(dir) => vec![dir.join(FILE), PathBuf::from(FILE)],
        None => vec![PathBuf::from(FILE), default_dir],
    };
    candidates.into_iter().find(|path| vfs.exists(path).unwrap_or(false))
}

/// Reads it, or takes the defaults when there is none.
pub fn read(vfs: &dyn Vfs, file: Option<&Path>) -> Result<Loaded, Problems> {
    match file {
        Some(file) => Conf::load(vfs, file, &environment),
        None => Ok(Loaded::default()),
    }
}

/// What the options of every command set.
pub fn overrides(global: &Global) -> Overrides {
    let mut overrides = Overrides::new();
    if let Some(dir) = &global.dir {
        overrides.push(("cdb/db-dir", dir.display().to_string(), "--dir"));
    }
    if let Some(format) = global.log_format {
        let format = match format {
            LogShape::Text => "text",
            LogShape::Json => "json",
        };
        overrides.push(("logs/log-format", format.to_owned(), "--log-format"));
    }
    match (global.quiet, global.verbose) {
        (true, _) => overrides.push(("logs/log-level", "error".to_owned(), "--quiet")),
        (false, 1) => overrides.push(("logs/log-level", "debug".to_owned(), "--verbose")),
        (false, 2..) => overrides.push(("logs/log-level", "trace".to_owned(), "--verbose")),
        (false, 0) => {}
    }
    overrides
}

/// Sets them.
pub fn set(loaded: &mut Loaded, overrides: &Overrides) -> Result<(), Stop> {
    for (path, text, option) in overrides {
        let set = loaded.set(path, text, option);
        set.map_err(|error| Failure::usage(format!("{option}: {error}")))?;
    }
    Ok(())
}
