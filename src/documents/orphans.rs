//! Files of shards that no database has: what a process left that ended while it made or removed one.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use super::catalog::Catalog;
use super::error::DatabaseError;
use super::place::{file_name, range_name};
use super::shard::is_abandoned;
use crate::clock::Clock;
use crate::journal::{Directory, LOCK_FILE, SIDE_SUFFIX, Store, StoreOptions};
use crate::vfs::Vfs;

/// Removes those that no database ever had, or that were let go. Others stay, with a warning: the catalog may be an
/// older one than the files.
pub(super) fn remove_abandoned(
    root: &Path,
    vfs: &Arc<dyn Vfs>,
    clock: &Arc<dyn Clock>,
    catalog: &dyn Catalog,
    options: &StoreOptions,
) -> Result<(), DatabaseError> {
    let mut known = BTreeSet::new();
    for record in catalog.list()? {
        known.extend(
            record.ranges().into_iter().map(|range| (range_name(range), file_name(&record))),
        );
    }
    for range in vfs.list(root)?.into_iter().filter(|name| is_range(name)) {
        let dir = root.join(&range);
        let is_known = |name: &String| known.contains(&(range.clone(), name.clone()));
        let mut names = vfs.list(&dir)?;
        names.retain(|name| name != LOCK_FILE && !name.ends_with(SIDE_SUFFIX) && !is_known(name));
        if names.is_empty() {
            continue;
        }
        let directory = Directory::open(vfs.clone(), clock.clone(), &dir)?;
        for name in names {
            remove_if_abandoned(&directory, &name, options)?;
        }
    }
    Ok(())
}

fn remove_if_abandoned(
    directory: &Arc<Directory>,
    name: &str,
    options: &StoreOptions,
) -> Result<(), DatabaseError> {
    let path = directory.path().join(name);
    let path_text = path.display().to_string();
    let store = match Store::open(directory, name, options.clone()) {
        Ok(store) => store,
        Err(error) => {
            tracing::warn!(path = path_text, %error, "a file that belongs to no database does not open; it stays");
            return Ok(());
        }
    };
    if !is_abandoned(&store.snapshot())? {
        tracing::warn!(
            path = path_text,
            "the catalog does not know the database of this shard; it stays"
        );
        return Ok(());
    }
    drop(store);
    directory.vfs().remove(&path)?;
    directory.vfs().sync_dir(directory.path())?;
    tracing::info!(path = path_text, "removed a shard that belongs to no database");
    Ok(())
}

/// `xxxxxxxx-xxxxxxxx`.
pub(super) fn is_range(name: &str) -> bool {
    let hex = |part: &str| part.len() == 8 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    name.split_once('-').is_some_and(|(first, last)| hex(first) && hex(last))
}
