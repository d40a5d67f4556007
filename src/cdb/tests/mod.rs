//! The database on the in-memory file system.

mod compaction;
mod history;
mod init;
mod isolation;
mod kinds;
mod lists;
mod model;
mod namespaces;
mod real;
mod rollbacks;
mod serial;
mod snapshots;
mod stepwise;
mod transactions;
mod trees;

use super::{Cdb, Datastore, Diff, ReadView};

pub(crate) fn cdb() -> Cdb {
    Cdb::in_memory().unwrap()
}

pub(crate) fn config(cdb: &Cdb) -> ReadView {
    cdb.begin_read(Datastore::Config)
}

/// Sets leaves from text, in one transaction.
pub(crate) fn set(cdb: &Cdb, leaves: &[(&str, &str)]) {
    cdb.write(Datastore::Config, |tx| {
        leaves.iter().try_for_each(|(path, text)| tx.set_text(*path, text))
    })
    .unwrap();
}

pub(crate) fn text(view: &ReadView, path: &str) -> Option<String> {
    view.get(path).unwrap().map(|value| value.to_string())
}

pub(crate) fn children(view: &ReadView, path: &str) -> Vec<String> {
    view.children(path).unwrap().iter().map(|child| child.path.to_string()).collect()
}

/// A diff in lines: `+ path = value`, `- path`, `~ path: old -> new`, `> path after other`.
pub(crate) fn lines(diff: &Diff) -> Vec<String> {
    use super::ChangeKind;
    let value = |value: &Option<super::Value>| {
        value.as_ref().map(|value| format!(" = {value}")).unwrap_or_default()
    };
    diff.into_iter()
        .map(|change| match &change.kind {
            ChangeKind::Created { value: new } => format!("+ {}{}", change.path, value(new)),
            ChangeKind::Deleted { value: old } => format!("- {}{}", change.path, value(old)),
            ChangeKind::Modified { old, new } => format!("~ {}: {old} -> {new}", change.path),
            ChangeKind::Moved { after: Some(after) } => format!("> {} after {after}", change.path),
            ChangeKind::Attribute { name, old, new } => {
                format!("@ {} {name}: {old:?} -> {new:?}", change.path)
            }
            ChangeKind::Moved { after: None } => format!("> {} first", change.path),
        })
        .collect()
}

/// Checks what must hold between two looks: the count of nodes, and that every entry has its place in an order.
pub(crate) fn check(cdb: &Cdb, datastore: Datastore) {
    let view = cdb.begin_read(datastore);
    let mut counted = 0;
    let mut count = Vec::new();
    let options = super::SaveOptions::new(super::Format::Json);
    if view.node_count().unwrap() > 0 {
        counted = view.save("/", options, &mut count).unwrap();
    }
    assert_eq!(counted, view.node_count().unwrap());
    assert_eq!(counted, cdb.node_count(datastore));
}
