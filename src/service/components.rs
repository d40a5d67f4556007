//! The components that are configured in the database, as far as every request is concerned.

use super::failure::Failure;
use super::open::Service;
use super::protocol::{Reply, SettingRow};
use crate::cdb::{Datastore, KeyHint};
use crate::component::{self, Setting, Subtree};
use crate::scheduler;

/// The subtrees of all of them.
const SUBTREES: &[&Subtree] = &[&scheduler::SUBTREE];

/// The keys of their lists: for files that are loaded.
pub fn key_hints() -> Vec<KeyHint> {
    SUBTREES.iter().flat_map(|subtree| component::key_hints(subtree)).collect()
}

/// Every value with its origin.
pub fn settings(service: &Service) -> Result<Reply, Failure> {
    let view = service.cdb.begin_read(Datastore::Config);
    let mut rows = Vec::new();
    for subtree in SUBTREES {
        rows.extend(component::settings(subtree, &view)?.iter().map(row));
    }
    Ok(Reply::Settings(rows))
}

fn row(setting: &Setting) -> SettingRow {
    let origin = if setting.is_default { "default" } else { Datastore::Config.file_name() };
    SettingRow {
        path: setting.path.to_string(),
        value: setting.value.clone(),
        origin: origin.to_owned(),
    }
}
