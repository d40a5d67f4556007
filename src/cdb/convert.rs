//! What stood alone becomes the first entry of a list or leaf-list.

use super::edit::{Editor, limit};
use super::error::{Error, NodeKind, corrupt};
use super::instances::all_instances;
use super::key::{DATA_SPACES, NodeKey, Space};
use super::record::{ListInfo, NodeRecord, Schema};
use super::value::{Value, ValueType};
use crate::journal::KeyRange;

type Result<T, E = Error> = std::result::Result<T, E>;

/// A stored record below what moves: its space, its address from there on, its value.
type Moved = (Space, Vec<u8>, Vec<u8>);

/// What becomes an entry.
struct Single {
    at: NodeKey,
    keys: Vec<Value>,
    records: Vec<Moved>,
}

impl Editor {
    /// Declares a list or leaf-list where containers or leaves stand, each of which becomes an entry; `false` when nothing stands there,
    /// or a list already.
    ///
    /// # Errors
    /// [`Error::NoEntryKey`] when a container lacks a key leaf; [`Error::BadValue`] when its value is none of the key's type.
    pub fn become_list(&mut self, schema_key: &NodeKey, schema: &Schema) -> Result<bool> {
        if self.tree().schema(schema_key)?.is_some() {
            return Ok(false);
        }
        let instances = all_instances(&self.tree(), schema_key)?;
        let singles: Result<Vec<Single>> =
            instances.into_iter().map(|at| self.single(at, schema)).collect();
        let singles = singles?;
        for single in &singles {
            self.delete(&single.at)?;
        }
        self.declare(schema_key, schema)?;
        for single in &singles {
            self.put_entry(single)?;
        }
        Ok(!singles.is_empty())
    }

    fn single(&self, at: NodeKey, schema: &Schema) -> Result<Single> {
        let (keys, leaves) = match schema {
            Schema::List(info) => self.entry_keys(&at, info)?,
            Schema::LeafList(info) => (vec![self.entry_value(&at, info.value_type)?], Vec::new()),
            Schema::Once => (Vec::new(), Vec::new()),
        };
        let mut records = Vec::new();
        for space in DATA_SPACES {
            let prefix = at.in_space(space);
            let mut scan = self.view().scan(&KeyRange::prefix(&prefix));
            while let Some((stored, value)) = scan.next()? {
                let rest = stored.get(prefix.len()..).unwrap_or_default();
                let is_key = leaves.iter().any(|leaf| leaf.as_bytes() == rest);
                // The node itself is the entry, and a key leaf is in its address.
                if space != Space::Nodes || !(rest.is_empty() || is_key) {
                    records.push((space, rest.to_vec(), value.to_vec()));
                }
            }
        }
        Ok(Single { at, keys, records })
    }

    /// The keys that a container has as an entry, and the addresses of their leaves in it.
    fn entry_keys(&self, at: &NodeKey, info: &ListInfo) -> Result<(Vec<Value>, Vec<NodeKey>)> {
        let (mut keys, mut leaves) = (Vec::new(), Vec::new());
        for key in &info.keys {
            let leaf = NodeKey::root().named(&key.parsed());
            let mut stored = at.clone();
            stored.push_bytes(leaf.as_bytes());
            let Some(NodeRecord::Leaf(value)) = self.tree().record(&stored)? else {
                let (path, key) = (self.path_of(at)?, key.name.clone());
                return Err(Error::NoEntryKey { path, key });
            };
            keys.push(self.as_key(&stored, key.value_type, &value)?);
            leaves.push(leaf);
        }
        Ok((keys, leaves))
    }

    fn entry_value(&self, at: &NodeKey, value_type: ValueType) -> Result<Value> {
        if let Some(NodeRecord::Leaf(value)) = self.tree().record(at)? {
            return self.as_key(at, value_type, &value);
        }
        let found = self.tree().kind(at)?.unwrap_or(NodeKind::Container);
        let path = self.path_of(at)?;
        Err(Error::WrongKind { path, found, expected: NodeKind::LeafList })
    }

    fn as_key(&self, leaf: &NodeKey, value_type: ValueType, value: &Value) -> Result<Value> {
        match Value::parse(value_type, &value.to_string()) {
            Ok(value) => Ok(value),
            Err(problem) => Err(Error::BadValue { path: self.path_of(leaf)?, problem }),
        }
    }

    fn put_entry(&mut self, single: &Single) -> Result<()> {
        let entry = single.at.entry(&single.keys);
        self.ensure_entry(&entry)?;
        for (space, rest, value) in &single.records {
            let mut key = entry.clone();
            key.push_bytes(rest);
            if *space == Space::Nodes {
                let record = NodeRecord::decode(value).map_err(|problem| corrupt(&key, problem))?;
                self.put_node(&key, &record, true)?;
            } else {
                self.journal.put(&key.in_space(*space), value).map_err(limit(&entry))?;
            }
        }
        Ok(())
    }
}
