//! What a reader sees: a frozen state of a datastore.

use super::error::{Error, NodeKind};
use super::key::{NodeKey, Space};
use super::object::Object;
use super::path::{IntoPath, Path};
use super::record::{LeafListInfo, ListInfo, Schema};
use super::tree::{Child, Tree};
use super::value::Value;
use crate::journal::{KeyRange, Sequence, Snapshot};

/// A frozen state of a datastore. Cheap to make and to clone, never blocks nor is blocked, and stays readable while
/// others write and compact. Paths are [`Path`]s or text.
///
/// ```
/// use pumice::cdb::{Cdb, Datastore};
///
/// let cdb = Cdb::in_memory()?;
/// cdb.write(Datastore::Config, |tx| tx.set_text("/device{ce0}/address", "10.0.0.1"))?;
/// let view = cdb.begin_read(Datastore::Config);
/// assert_eq!(view.get("/device{ce0}/address")?.unwrap().to_string(), "10.0.0.1");
/// assert_eq!(view.get("/device[0]/name")?.unwrap().to_string(), "ce0");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct ReadView {
    snapshot: Snapshot,
}

/// The reading half of [`ReadView`] and of write transactions.
macro_rules! read_operations {
    () => {
        /// The value of the leaf at `path`, key leaves included; `None` when there is nothing.
        ///
        /// # Errors
        /// [`Error::WrongKind`] when something other than a leaf is there; errors about the path.
        pub fn get(&self, path: impl IntoPath) -> Result<Option<Value>, Error> {
            let (tree, path) = (self.tree(), path.into_path()?);
            let Some(key) = find(&tree, &path)? else {
                return Ok(None);
            };
            tree.value(&path, &key)
        }

        /// Whether something is at `path`. A container is there while something is below it.
        pub fn exists(&self, path: impl IntoPath) -> Result<bool, Error> {
            Ok(self.kind(path)?.is_some())
        }

        /// What is at `path`.
        pub fn kind(&self, path: impl IntoPath) -> Result<Option<NodeKind>, Error> {
            let (tree, path) = (self.tree(), path.into_path()?);
            find(&tree, &path)?.map_or(Ok(None), |key| tree.kind(&key))
        }

        /// How many entries the list or leaf-list at `path` has; 0 when there is nothing.
        pub fn num_instances(&self, path: impl IntoPath) -> Result<u64, Error> {
            let (tree, path) = (self.tree(), path.into_path()?);
            find(&tree, &path)?.map_or(Ok(0), |key| tree.count_entries(&key))
        }

        /// The entry after the one that `path` names, or the first when `path` names the list. In a sorted list the
        /// entry at `path` need not exist (NSO: `cdb_next_index`).
        pub fn next_entry(&self, path: impl IntoPath) -> Result<Option<Path>, Error> {
            let (tree, path) = (self.tree(), path.into_path()?);
            let Some(key) = find(&tree, &path)? else {
                return Ok(None);
            };
            let (list, after) = match key.split_last() {
                Some((list, step)) if super::key::is_entry(step) => (list, Some(&key)),
                _ => (key.clone(), None),
            };
            let Some(step) = tree.next_entry(&list, after)? else {
                return Ok(None);
            };
            let mut entry = list;
            entry.push_bytes(&step);
            tree.path_of(&entry).map(Some)
        }

        /// The children of the node at `path`: key leaves first, then sorted; a list's entries in its order.
        pub fn children(&self, path: impl IntoPath) -> Result<Vec<Child>, Error> {
            let (tree, path) = (self.tree(), path.into_path()?);
            find(&tree, &path)?.map_or(Ok(Vec::new()), |key| tree.children(&key))
        }

        /// The node at `path` with everything below it; an entry comes as a list of one, the root as a container.
        pub fn get_object(&self, path: impl IntoPath) -> Result<Option<Object>, Error> {
            let (tree, path) = (self.tree(), path.into_path()?);
            let Some(key) = find(&tree, &path)? else {
                return Ok(None);
            };
            match super::object::read_object(&tree, &key)? {
                Some(object) => Ok(Some(object)),
                None => Ok(tree.key_leaf(&key)?.map(Object::Leaf)),
            }
        }

        /// What is known of the list at `path`, declared or inferred.
        pub fn list_info(&self, path: impl IntoPath) -> Result<Option<ListInfo>, Error> {
            let (tree, path) = (self.tree(), path.into_path()?);
            let Some(key) = find(&tree, &path)? else {
                return Ok(None);
            };
            Ok(tree.schema(&key)?.and_then(|schema| match schema {
                Schema::List(info) => Some(info),
                Schema::LeafList(_) | Schema::Once => None,
            }))
        }

        /// What is known of the leaf-list at `path`.
        pub fn leaf_list_info(&self, path: impl IntoPath) -> Result<Option<LeafListInfo>, Error> {
            let (tree, path) = (self.tree(), path.into_path()?);
            let Some(key) = find(&tree, &path)? else {
                return Ok(None);
            };
            Ok(tree.schema(&key)?.and_then(|schema| match schema {
                Schema::LeafList(info) => Some(info),
                Schema::List(_) | Schema::Once => None,
            }))
        }

        /// The attributes of the node at `path`, as XML writes them: `name`, `prefix:name`, and `xmlns:prefix` for a prefix that
        /// the node's value uses.
        pub fn attributes(&self, path: impl IntoPath) -> Result<Vec<(String, String)>, Error> {
            let (tree, path) = (self.tree(), path.into_path()?);
            let Some(key) = find(&tree, &path)? else {
                return Ok(Vec::new());
            };
            let namer = super::naming::Namer::new(tree.snapshot());
            let attributes = tree.attributes(&key)?.into_iter();
            attributes.map(|(name, value)| Ok((namer.attribute(&name)?, value))).collect()
        }

        /// How many nodes (leaves, leaf-list entries, list entries, presence containers) are at and below `path`.
        pub fn count_nodes(&self, path: impl IntoPath) -> Result<u64, Error> {
            let (tree, path) = (self.tree(), path.into_path()?);
            find(&tree, &path)?.map_or(Ok(0), |key| tree.count_nodes(&key))
        }
    };
}
pub(crate) use read_operations;

/// The address of a path for reading: an entry by a position that is not there is nothing.
pub(crate) fn find(tree: &Tree<'_>, path: &Path) -> Result<Option<NodeKey>, Error> {
    match tree.resolve(path) {
        Ok(key) => Ok(Some(key)),
        Err(Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

impl ReadView {
    pub(crate) fn new(snapshot: Snapshot) -> Self {
        Self { snapshot }
    }

    pub(crate) fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    pub(crate) fn tree(&self) -> Tree<'_> {
        Tree::new(&self.snapshot)
    }

    /// The transaction that this is the state after (NSO: `cdb_get_txid`).
    pub fn transaction_id(&self) -> Sequence {
        self.snapshot.sequence()
    }

    /// How many nodes there are.
    pub fn node_count(&self) -> Result<u64, Error> {
        let nodes = KeyRange::prefix(&[Space::Nodes as u8]);
        Ok(self.snapshot.count(&nodes)?.entries)
    }

    read_operations!();
}
