//! Init files: what an empty database starts with (NSO: `*.xml` in `cdb/init-path` and in the database's directory).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::load::{FileSource, KeyHint, LoadOptions};
use super::options::OpenError;
use super::transaction::WriteTransaction;
use crate::vfs::{self, Vfs};

/// The init files, directory by directory, by name within each.
pub(crate) fn find(vfs: &Arc<dyn Vfs>, dirs: &[PathBuf]) -> vfs::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for dir in dirs {
        if !vfs.exists(dir)? {
            continue;
        }
        let names = vfs.list(dir)?;
        found
            .extend(names.into_iter().filter(|name| is_init_file(name)).map(|name| dir.join(name)));
    }
    Ok(found)
}

fn is_init_file(name: &str) -> bool {
    let ending = Path::new(name).extension().and_then(|ending| ending.to_str());
    ending.is_some_and(|ending| {
        ending.eq_ignore_ascii_case("xml") || ending.eq_ignore_ascii_case("json")
    })
}

/// Loads all of them into one transaction.
pub(crate) fn load(
    tx: &mut WriteTransaction,
    vfs: &Arc<dyn Vfs>,
    files: &[PathBuf],
    keys: &[KeyHint],
) -> Result<(), OpenError> {
    let options = LoadOptions { known_keys: keys.to_vec(), ..LoadOptions::default() };
    for file in files {
        let source = FileSource::new(vfs.clone(), file);
        let nodes = tx.load(&source, &options).map_err(OpenError::InitFile)?.nodes;
        tracing::info!(file = %file.display(), nodes, "init file loaded");
    }
    tx.set_comment("init files");
    Ok(())
}
