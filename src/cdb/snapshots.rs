//! Named snapshots of configuration subtrees, kept in `S.cdb`.
//!
//! A snapshot is ordinary data of the snapshot datastore: an entry of the list `/snapshot`, with leaves that say what it
//! is of, and the copied nodes under `data`, each at its full path: what was `/devices/device{ce0}/port` is
//! `/snapshot{NAME}/data/devices/device{ce0}/port`. So it can be read, counted and saved like everything else.

use thiserror::Error;

use super::commit::{CommitError, TransactionId};
use super::diff::{Diff, Side, diff_sides};
use super::edit::Editor;
use super::error::Error;
use super::key::{DATA_SPACES, NodeKey, Space};
use super::naming::prefixes;
use super::path::Path;
use super::record::{ListInfo, NodeRecord, Schema};
use super::tree::Tree;
use super::value::Value;
use super::view::ReadView;
use crate::journal::KeyRange;

/// A named snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotInfo {
    /// Its name.
    pub name: String,
    /// What it is of.
    pub path: Path,
    /// The config transaction that it shows the state after.
    pub transaction_id: TransactionId,
    /// When it was taken: microseconds since the Unix epoch.
    pub taken_micros: u64,
    /// How many nodes it holds.
    pub node_count: u64,
    /// Who took it.
    pub user: Option<String>,
    /// What they said about it.
    pub comment: Option<String>,
}

/// A snapshot could not be taken, read or restored.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// There is one with this name.
    #[error("a snapshot \"{name}\" exists already")]
    Exists {
        /// The name.
        name: String,
    },
    /// There is none with this name.
    #[error("there is no snapshot \"{name}\"")]
    NotFound {
        /// The name.
        name: String,
    },
    /// Reading or writing the tree failed.
    #[error(transparent)]
    Tree(#[from] Error),
    /// The commit failed.
    #[error(transparent)]
    Commit(#[from] CommitError),
}

fn list() -> NodeKey {
    NodeKey::root().child("snapshot")
}

fn entry(name: &str) -> NodeKey {
    list().entry(&[Value::from(name)])
}

fn data(name: &str) -> NodeKey {
    entry(name).child("data")
}

fn data_schema() -> NodeKey {
    list().child("data")
}

/// What a snapshot is made of.
pub(crate) struct Taking<'a> {
    pub name: &'a str,
    pub path: &'a Path,
    pub config: &'a ReadView,
    pub taken_micros: u64,
    pub user: Option<String>,
    pub comment: Option<String>,
}

pub(crate) fn take(editor: &mut Editor, taking: &Taking<'_>) -> Result<(), SnapshotError> {
    let tree = taking.config.tree();
    let key = tree.resolve(taking.path)?;
    if tree.first(&key)?.is_none() && !key.is_root() {
        return Err(Error::NotFound { path: taking.path.clone() }.into());
    }
    editor.declare(&list(), &Schema::List(ListInfo::with_keys(["name"])))?;
    let entry = entry(taking.name);
    if !editor.ensure_entry(&entry)? {
        return Err(SnapshotError::Exists { name: taking.name.to_owned() });
    }
    for (namespace, prefix) in prefixes(taking.config.snapshot())? {
        editor.name_namespace(&namespace, Some(&prefix))?;
    }
    // Namespaces in full: the prefixes of the two datastores may differ.
    let path = key.path().map_err(|problem| super::error::corrupt(&key, problem))?.to_string();
    editor.set_leaf(&entry.child("path"), path.into())?;
    let id = taking.config.transaction_id().get();
    editor.set_leaf(&entry.child("transaction-id"), id.into())?;
    editor.set_leaf(&entry.child("taken-micros"), taking.taken_micros.into())?;
    for (name, text) in [("user", &taking.user), ("comment", &taking.comment)] {
        if let Some(text) = text {
            editor.set_leaf(&entry.child(name), text.as_str().into())?;
        }
    }
    Ok(copy_in(editor, taking, &key)?)
}

fn copy_in(editor: &mut Editor, taking: &Taking<'_>, key: &NodeKey) -> Result<(), Error> {
    let root = NodeKey::root();
    let from = Side { snapshot: taking.config.snapshot(), base: &root };
    let (base, whole) = (data(taking.name), KeyRange::prefix(key.as_bytes()));
    for around in key.prefixes().filter(|around| around != key) {
        editor.copy(Space::Nodes, from, &base, &KeyRange::key(around.as_bytes()))?;
        copy_order(editor, from, &base, &around)?;
    }
    copy_order(editor, from, &base, key)?;
    for space in DATA_SPACES {
        editor.copy(space, from, &base, &whole)?;
    }
    let schema = key.schema();
    for around in schema.prefixes().filter(|around| *around != schema) {
        editor.copy(Space::Schema, from, &data_schema(), &KeyRange::key(around.as_bytes()))?;
    }
    editor.copy(Space::Schema, from, &data_schema(), &KeyRange::prefix(schema.as_bytes()))
}

/// Copies the one line of a user-ordered list's order that is about this entry.
fn copy_order(
    editor: &mut Editor,
    from: Side<'_>,
    base: &NodeKey,
    entry: &NodeKey,
) -> Result<(), Error> {
    let record = Tree::new(from.snapshot).record(entry)?;
    let Some(NodeRecord::Entry { rank } | NodeRecord::LeafListEntry { rank }) = record else {
        return Ok(());
    };
    let Some((list, _)) = entry.split_last().filter(|_| !rank.is_empty()) else {
        return Ok(());
    };
    let address = [list.order_prefix().get(1..).unwrap_or_default(), &rank].concat();
    editor.copy(Space::Order, from, base, &KeyRange::key(&address))
}

/// Every snapshot, by name.
pub(crate) fn all(view: &ReadView) -> Result<Vec<SnapshotInfo>, SnapshotError> {
    let mut found = Vec::new();
    for child in view.children("/snapshot")? {
        found.push(info(view, &child.path)?);
    }
    Ok(found)
}

fn info(view: &ReadView, entry: &Path) -> Result<SnapshotInfo, SnapshotError> {
    let text = |leaf: &str| Ok::<_, Error>(view.get(entry.child(leaf))?.map(|v| v.to_string()));
    let number = |leaf: &str| {
        Ok::<_, Error>(match view.get(entry.child(leaf))? {
            Some(Value::Uint64(number)) => number,
            _ => 0,
        })
    };
    let name = text("name")?.unwrap_or_default();
    Ok(SnapshotInfo {
        path: subject(view, &name)?,
        name,
        transaction_id: TransactionId::new(number("transaction-id")?),
        taken_micros: number("taken-micros")?,
        node_count: view.count_nodes(entry.child("data"))?,
        user: text("user")?,
        comment: text("comment")?,
    })
}

/// What a snapshot is of, as the snapshot datastore writes it.
fn subject(view: &ReadView, name: &str) -> Result<Path, SnapshotError> {
    let mut inside = data(name);
    let above = view.tree().path_of(&inside)?.steps().len();
    inside.push_bytes(address(view, name)?.as_bytes());
    let path = view.tree().path_of(&inside)?;
    Ok(Path::from_steps(true, path.steps().get(above..).unwrap_or_default().to_vec()))
}

/// What a snapshot is of, as an address.
fn address(view: &ReadView, name: &str) -> Result<NodeKey, SnapshotError> {
    let missing = || SnapshotError::NotFound { name: name.to_owned() };
    let path = match view.tree().record(&entry(name).child("path"))? {
        Some(NodeRecord::Leaf(path)) => path.to_string(),
        _ => return Err(missing()),
    };
    let path: Path = path.parse().map_err(Error::from)?;
    // Resolved inside the snapshot, which has the lists' types as they were.
    let inside = Path::root().child("snapshot").with_keys([name]).child("data");
    let relative = Path::from_steps(false, path.steps().to_vec());
    let key = view.tree().resolve(&inside.join(&relative))?;
    let base = data(name).len();
    Ok(NodeKey::from_bytes(key.as_bytes().get(base..).unwrap_or_default()))
}

/// What is different between a snapshot (old) and the running configuration (new).
pub(crate) fn diff_to_running(
    snapshots: &ReadView,
    running: &ReadView,
    name: &str,
) -> Result<Diff, SnapshotError> {
    let key = address(snapshots, name)?;
    let (base, root) = (data(name), NodeKey::root());
    let old = Side { snapshot: snapshots.snapshot(), base: &base };
    let new = Side { snapshot: running.snapshot(), base: &root };
    Ok(diff_sides(old, new, &KeyRange::prefix(key.as_bytes()))?)
}

/// Makes the subtree what it was when the snapshot was taken.
pub(crate) fn restore(
    editor: &mut Editor,
    snapshots: &ReadView,
    name: &str,
) -> Result<(), SnapshotError> {
    let key = address(snapshots, name)?;
    let (base, root) = (data(name), NodeKey::root());
    let from = Side { snapshot: snapshots.snapshot(), base: &base };
    let whole = KeyRange::prefix(key.as_bytes());
    let declarations = declarations(snapshots, &key)?;
    editor.depend_on(&key);
    if let Err(Error::AlreadyDeclared { .. }) = declare_again(editor, &declarations) {
        // A list in the subtree is another one now; nothing of the subtree stays anyway.
        editor.delete(&key)?;
        declare_again(editor, &declarations)?;
    }
    editor.prepare(&key)?;
    restore_entries_around(editor, snapshots, name, &key)?;
    // An entry keeps the place that it has now: ranks of different times do not mix.
    let rank = editor.rank_of(&key)?;
    for space in DATA_SPACES {
        editor.copy(space, from, &root, &whole)?;
    }
    if let Some(rank) = rank {
        editor.set_rank(&key, rank)?;
    }
    Ok(editor.forget_contradicted_lists(&key.schema())?)
}

/// The lists in and around the subtree, as they were.
fn declarations(
    snapshots: &ReadView,
    key: &NodeKey,
) -> Result<Vec<(NodeKey, Schema)>, SnapshotError> {
    let tree = snapshots.tree();
    let base = data_schema();
    let schema = key.schema();
    let mut declarations = Vec::new();
    for around in schema.prefixes() {
        let mut stored = base.clone();
        stored.push_bytes(around.as_bytes());
        declarations.extend(tree.schema(&stored)?.map(|known| (around, known)));
    }
    let mut inside = base.clone();
    inside.push_bytes(schema.as_bytes());
    let mut scan = snapshots.snapshot().scan(&KeyRange::prefix(&inside.in_space(Space::Schema)));
    while let Some((stored, bytes)) = scan.next().map_err(Error::from)? {
        let address = NodeKey::from_bytes(stored.get(1 + base.len()..).unwrap_or_default());
        let known =
            Schema::decode(bytes).map_err(|problem| super::error::corrupt(&address, problem))?;
        declarations.push((address, known));
    }
    Ok(declarations)
}

/// Declares lists as they were, where the configuration has forgotten them.
fn declare_again(editor: &mut Editor, declarations: &[(NodeKey, Schema)]) -> Result<(), Error> {
    declarations.iter().try_for_each(|(address, known)| editor.declare(address, known))
}

/// Entries around the subtree that are gone are made again, at the end of a user-ordered list.
fn restore_entries_around(
    editor: &mut Editor,
    snapshots: &ReadView,
    name: &str,
    key: &NodeKey,
) -> Result<(), SnapshotError> {
    for around in key.prefixes() {
        let mut stored = data(name);
        stored.push_bytes(around.as_bytes());
        let record = snapshots.tree().record(&stored)?;
        let is_entry =
            matches!(record, Some(NodeRecord::Entry { .. } | NodeRecord::LeafListEntry { .. }));
        if is_entry {
            editor.ensure_entry(&around)?;
        }
    }
    Ok(())
}

pub(crate) fn delete(editor: &mut Editor, name: &str) -> Result<(), SnapshotError> {
    if editor.delete(&entry(name))? == 0 {
        return Err(SnapshotError::NotFound { name: name.to_owned() });
    }
    Ok(())
}
