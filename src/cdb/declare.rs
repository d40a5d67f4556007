//! Declarations of lists, in a transaction: what a position is, in every entry around it.

use super::edit::{Editor, limit};
use super::error::{Error, corrupt};
use super::instances::any_instance;
use super::key::{NodeKey, is_entry};
use super::record::{ListInfo, Schema};
use super::value::{Value, ValueType};
use crate::journal::KeyRange;

type Result<T, E = Error> = std::result::Result<T, E>;

impl Editor {
    /// Declares a list or leaf-list at a schema address.
    pub fn declare(&mut self, schema_key: &NodeKey, schema: &Schema) -> Result<()> {
        if *schema == Schema::Once {
            return self.note_once(schema_key);
        }
        let known = self.tree().schema(schema_key)?;
        if known.as_ref() == Some(schema) {
            return Ok(());
        }
        let path = self.path_of(schema_key)?;
        schema.check().map_err(|problem| Error::BadDeclaration { path: path.clone(), problem })?;
        if self.has_instances(schema_key)? {
            let declared = known.as_ref().map_or("no list".into(), Schema::describe);
            return Err(Error::AlreadyDeclared { path, declared, wanted: schema.describe() });
        }
        self.put_schema(schema_key, schema)
    }

    fn put_schema(&mut self, schema_key: &NodeKey, schema: &Schema) -> Result<()> {
        self.reads.get_mut().forget_schema(schema_key);
        let bytes = schema.encode().map_err(|problem| corrupt(schema_key, problem))?;
        self.journal.put(&schema_key.schema_key(), &bytes).map_err(limit(schema_key))
    }

    /// Forgets declarations at and below a schema address in whose place only containers or leaves stand.
    pub fn forget_contradicted_lists(&mut self, schema_key: &NodeKey) -> Result<()> {
        let mut declared = Vec::new();
        let view = self.journal.view();
        let mut scan = view.scan(&KeyRange::prefix(&schema_key.schema_key()));
        while let Some((stored, bytes)) = scan.next()? {
            // That something was there once contradicts nothing.
            if matches!(Schema::decode(bytes), Ok(Schema::Once)) {
                continue;
            }
            declared.push(NodeKey::from_bytes(stored.get(1..).unwrap_or_default()));
        }
        drop(scan);
        for address in declared {
            if self.is_contradicted(&address)? {
                self.reads.get_mut().forget_schema(&address);
                self.journal.delete(&address.schema_key()).map_err(limit(&address))?;
            }
        }
        Ok(())
    }

    /// Whether a node is stored at or below some address that has this schema address.
    pub fn has_instances(&self, schema_key: &NodeKey) -> Result<bool> {
        any_instance(&self.tree(), schema_key, &|_, _| true)
    }

    /// Whether what stands at a declared address is no list anywhere.
    fn is_contradicted(&self, schema_key: &NodeKey) -> Result<bool> {
        let is_list =
            |at: &NodeKey, found: &NodeKey| at.next_step(found.as_bytes()).is_some_and(is_entry);
        let tree = self.tree();
        Ok(!any_instance(&tree, schema_key, &is_list)?
            && any_instance(&tree, schema_key, &|_, _| true)?)
    }

    /// Notes that a source has something here once and cannot say whether it is one of many. What is there already was made
    /// by somebody who could.
    fn note_once(&mut self, schema_key: &NodeKey) -> Result<()> {
        if self.tree().declaration(schema_key)?.is_some() || self.has_instances(schema_key)? {
            return Ok(());
        }
        self.put_schema(schema_key, &Schema::Once)
    }

    /// Notes that a container or leaf is what it is, and not the first entry of a list or leaf-list.
    pub fn settle(&mut self, schema_key: &NodeKey) -> Result<()> {
        if self.tree().declaration(schema_key)? != Some(Schema::Once) {
            return Ok(());
        }
        self.reads.get_mut().forget_schema(schema_key);
        self.journal.delete(&schema_key.schema_key()).map_err(limit(schema_key))
    }

    /// The same for a leaf that was set at its path, and for the containers on the way.
    pub fn settle_path(&mut self, key: &NodeKey) -> Result<()> {
        let schema_key = key.schema();
        if self.tree().declaration(&schema_key)? != Some(Schema::Once) {
            return Ok(());
        }
        schema_key.prefixes().try_for_each(|around| self.settle(&around))
    }

    /// The declaration of the list around an entry; a list that nobody declared becomes one.
    pub(super) fn list_schema(&mut self, list: &NodeKey, keys: &[Value]) -> Result<Schema> {
        if let Some(schema) = self.tree().schema(list)? {
            return Ok(schema);
        }
        let mut info = ListInfo::undeclared(keys.len());
        let types = keys.iter().map(Value::value_type);
        for (key, value_type) in info.keys.iter_mut().zip(types) {
            key.value_type = value_type;
        }
        let schema = Schema::List(info);
        self.declare(&list.schema(), &schema)?;
        Ok(schema)
    }

    /// Refuses keys that are not those of the list.
    pub(super) fn check_types(&self, key: &NodeKey, schema: &Schema, keys: &[Value]) -> Result<()> {
        let types: Vec<ValueType> = schema.key_types();
        if types.len() != keys.len() {
            let path = self.path_of(key)?;
            return Err(super::resolve::key_count(&path, keys.len(), Some(schema)));
        }
        for (value, expected) in keys.iter().zip(types) {
            let found = value.value_type();
            if found != expected {
                return Err(Error::WrongType { path: self.path_of(key)?, found, expected });
            }
        }
        Ok(())
    }
}
