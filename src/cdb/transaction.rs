//! A write transaction, as callers see it.

use std::sync::Arc;

use super::commit::{Commit, CommitError};
use super::datastore::{OpenDatastore, Words};
use super::diff::{Diff, diff};
use super::edit::{Editor, Place};
use super::error::{Error, NodeKind};
use super::key::{NodeKey, is_entry};
use super::load::{self, LoadError, LoadOptions, Source};
use super::name::Datastore;
use super::object::{Container, Object};
use super::path::{IntoPath, Name, Path};
use super::record::{LeafListInfo, ListInfo, Schema};
use super::tree::{Child, Tree};
use super::value::{Value, ValueType};
use super::view::{ReadView, find, read_operations};
use crate::journal::Durability;

/// Changes to one datastore, seen by nobody else until they are committed together.
///
/// Transactions run side by side. At commit everything that this one read or wrote must be as it was when the
/// transaction began, else [`CommitError::Conflict`] names the node; [`super::Cdb::write`] then runs it again. Dropping
/// a transaction aborts it.
///
/// ```
/// use pumice::cdb::{Cdb, Datastore, Value};
///
/// let cdb = Cdb::in_memory()?;
/// let mut tx = cdb.begin_write(Datastore::Config)?;
/// tx.set("/device{ce0}/port", Value::Uint16(830))?;
/// tx.set_text("/device{ce0}/port", "2022")?;          // keeps the type
/// tx.set_comment("a new port");
/// assert_eq!(tx.diff()?.len(), 2);                     // the entry and the leaf
/// let commit = tx.commit()?;
/// assert_eq!(commit.transaction_id.get(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "a transaction that is dropped is aborted"]
pub struct WriteTransaction {
    datastore: Arc<OpenDatastore>,
    editor: Editor,
    words: Words,
    durability: Durability,
}

/// Where an entry of a user-ordered list goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MoveTo {
    /// To the front.
    First,
    /// To the end.
    Last,
    /// Ahead of another entry of the list.
    Before(Path),
    /// Behind another entry of the list.
    After(Path),
}

impl WriteTransaction {
    pub(crate) fn begin(datastore: Arc<OpenDatastore>) -> Result<Self, CommitError> {
        let editor = datastore.begin()?;
        Ok(Self { datastore, editor, words: Words::default(), durability: Durability::Sync })
    }

    fn tree(&self) -> Tree<'_> {
        self.editor.tree()
    }

    pub(crate) fn editor(&mut self) -> &mut Editor {
        &mut self.editor
    }

    /// What it writes to.
    pub fn datastore(&self) -> Datastore {
        self.datastore.id
    }

    read_operations!();

    /// Sets the leaf at `path`; what is missing around it, list entries included, is created. A leaf that is there keeps its
    /// type: a value of another type is taken if its text is one of the leaf's type. Only a string, the type of what came without
    /// one, gives way to the type that is given. [`WriteTransaction::set_typed`] gives any leaf another type.
    ///
    /// # Errors
    /// [`Error::BadValue`] when the value does not fit the leaf's type, [`Error::WrongKind`] when something else is there or
    /// around it, [`Error::KeyLeaf`] for another value of a key.
    pub fn set(&mut self, path: impl IntoPath, value: impl Into<Value>) -> Result<(), Error> {
        let path = path.into_path()?;
        let key = self.tree().resolve(&path)?;
        let value = self.of_known_type(&path, &key, value.into())?;
        self.set_at(&key, value)
    }

    /// The value in the type that the leaf has; as it is where there is no leaf, or a string.
    fn of_known_type(&self, path: &Path, key: &NodeKey, value: Value) -> Result<Value, Error> {
        let known = self.editor.leaf(key)?.map(|known| known.value_type());
        let is_kept =
            |known: &ValueType| *known != value.value_type() && *known != ValueType::String;
        let Some(known) = known.filter(is_kept) else {
            return Ok(value);
        };
        let problem = |problem| Error::BadValue { path: path.clone(), problem };
        Value::parse(known, &value.to_string()).map_err(problem)
    }

    /// Who sets a leaf at its path says that it is one.
    fn set_at(&mut self, key: &NodeKey, value: Value) -> Result<(), Error> {
        self.editor.set_leaf(key, value)?;
        self.editor.settle_path(key)
    }

    /// Sets the leaf at `path` from text: with the type that the leaf has, or as string when it is new.
    ///
    /// # Errors
    /// [`Error::BadValue`] when the text does not fit the type; those of [`WriteTransaction::set`].
    pub fn set_text(&mut self, path: impl IntoPath, text: &str) -> Result<(), Error> {
        let path = path.into_path()?;
        let key = self.tree().resolve(&path)?;
        let known = match self.tree().key_leaf_of(&key)? {
            Some((_, value)) => Some(value),
            None => self.editor.leaf(&key)?,
        };
        let value_type = known.map_or(ValueType::String, |value| value.value_type());
        let value = Value::parse(value_type, text)
            .map_err(|problem| Error::BadValue { path: path.clone(), problem })?;
        self.set_at(&key, value)
    }

    /// Sets the leaf at `path` from text of the given type.
    pub fn set_typed(
        &mut self,
        path: impl IntoPath,
        value_type: ValueType,
        text: &str,
    ) -> Result<(), Error> {
        let path = path.into_path()?;
        let value = Value::parse(value_type, text)
            .map_err(|problem| Error::BadValue { path: path.clone(), problem })?;
        let key = self.tree().resolve(&path)?;
        self.set_at(&key, value)
    }

    /// Creates a list entry, a leaf-list entry (where a leaf-list is declared) or a presence container.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`].
    pub fn create(&mut self, path: impl IntoPath) -> Result<(), Error> {
        let path = path.into_path()?;
        if self.ensure(&path)? { Ok(()) } else { Err(Error::AlreadyExists { path }) }
    }

    /// The same, but tells with `false` that it was there already.
    pub fn ensure(&mut self, path: impl IntoPath) -> Result<bool, Error> {
        let path = path.into_path()?;
        let key = self.tree().resolve(&path)?;
        match key.split_last() {
            None => Ok(false),
            Some((_, step)) if is_entry(step) => self.editor.ensure_entry(&key),
            Some(_) => self.editor.ensure_presence(&key),
        }
    }

    /// Removes the node at `path` with everything below it; a list with all its entries, `/` with everything.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::KeyLeaf`].
    pub fn delete(&mut self, path: impl IntoPath) -> Result<(), Error> {
        let path = path.into_path()?;
        if self.remove(&path)? { Ok(()) } else { Err(Error::NotFound { path }) }
    }

    /// The same, but tells with `false` that nothing was there.
    pub fn remove(&mut self, path: impl IntoPath) -> Result<bool, Error> {
        let path = path.into_path()?;
        match find(&self.tree(), &path)? {
            Some(key) => Ok(self.editor.delete(&key)? > 0),
            None => Ok(false),
        }
    }

    /// Makes the node at `path` and everything below it what `object` says: what `object` does not have is removed
    /// (NSO: `cdb_set_object`). An entry is given as a list of one, or as a container without its keys.
    pub fn set_object(&mut self, path: impl IntoPath, object: &Object) -> Result<(), Error> {
        let path = path.into_path()?;
        let key = self.tree().resolve(&path)?;
        if key.is_root() && !matches!(object, Object::Container(_)) {
            let problem = "the root is a container";
            return Err(Error::BadPath { path, problem });
        }
        self.editor.delete(&key)?;
        self.put_object(&key, object)
    }

    fn put_object(&mut self, key: &NodeKey, object: &Object) -> Result<(), Error> {
        let at_entry = key.split_last().is_some_and(|(_, step)| is_entry(step));
        match object {
            Object::Leaf(value) => self.editor.set_leaf(key, value.clone()),
            Object::LeafList(values) if at_entry => self.put_one(key, values.len()),
            Object::LeafList(values) => self.put_leaf_list(key, values),
            Object::Container(container) => self.put_container(key, container, at_entry),
            Object::List(entries) if at_entry => {
                self.put_one(key, entries.len())?;
                entries.iter().try_for_each(|entry| self.put_fields(key, &entry.fields))
            }
            Object::List(entries) => entries.iter().try_for_each(|entry| {
                let entry_key = key.entry(&entry.keys);
                self.editor.ensure_entry(&entry_key)?;
                self.put_fields(&entry_key, &entry.fields)
            }),
        }
    }

    fn put_one(&mut self, key: &NodeKey, count: usize) -> Result<(), Error> {
        if count != 1 {
            let problem = "one entry can be set here, not several or none";
            return Err(Error::BadPath { path: self.editor.path_of(key)?, problem });
        }
        self.editor.ensure_entry(key).map(|_| ())
    }

    fn put_leaf_list(&mut self, key: &NodeKey, values: &[Value]) -> Result<(), Error> {
        if self.tree().schema(key)?.is_none()
            && let Some(first) = values.first()
        {
            let info = LeafListInfo::undeclared(first.value_type());
            self.editor.declare(&key.schema(), &Schema::LeafList(info))?;
        }
        for value in values {
            self.editor.ensure_entry(&key.entry(std::slice::from_ref(value)))?;
        }
        Ok(())
    }

    fn put_container(
        &mut self,
        key: &NodeKey,
        container: &Container,
        at_entry: bool,
    ) -> Result<(), Error> {
        if at_entry {
            self.editor.ensure_entry(key)?;
        } else if container.presence {
            self.editor.ensure_presence(key)?;
        }
        self.put_fields(key, &container.fields)
    }

    fn put_fields(&mut self, key: &NodeKey, fields: &[(String, Object)]) -> Result<(), Error> {
        for (name, object) in fields {
            if !super::path::is_name(name) && Name::parse(name).is_none() {
                let problem = "a field has a name that no node can have";
                return Err(Error::BadPath { path: self.editor.path_of(key)?, problem });
            }
            let name = self.tree().name_below(key, name)?;
            self.put_object(&key.named(&name), object)?;
        }
        Ok(())
    }

    /// Declares the list at `path` (keys in the path are ignored: it is declared in every entry).
    ///
    /// # Errors
    /// [`Error::AlreadyDeclared`] when it has entries and is declared differently.
    pub fn declare_list(&mut self, path: impl IntoPath, info: &ListInfo) -> Result<(), Error> {
        let path = path.into_path()?;
        let problem = |problem| Error::BadDeclaration { path: path.clone(), problem };
        info.check().map_err(problem)?;
        let key = self.tree().resolve_schema(&path)?;
        let mut info = info.clone();
        for leaf in &mut info.keys {
            leaf.name = self.tree().name_below(&key, &leaf.name)?.to_string();
        }
        self.editor.declare(&key, &Schema::List(info))
    }

    /// Declares the leaf-list at `path`, in the same way.
    pub fn declare_leaf_list(
        &mut self,
        path: impl IntoPath,
        info: &LeafListInfo,
    ) -> Result<(), Error> {
        let key = self.tree().resolve_schema(&path.into_path()?)?;
        self.editor.declare(&key, &Schema::LeafList(info.clone()))
    }

    /// Moves an entry of a user-ordered list or leaf-list.
    pub fn move_entry(&mut self, path: impl IntoPath, to: MoveTo) -> Result<(), Error> {
        let path = path.into_path()?;
        let key = self.tree().resolve(&path)?;
        let other;
        let place = match to {
            MoveTo::First => Place::First,
            MoveTo::Last => Place::Last,
            MoveTo::Before(path) => {
                other = self.tree().resolve(&path)?;
                Place::Before(&other)
            }
            MoveTo::After(path) => {
                other = self.tree().resolve(&path)?;
                Place::After(&other)
            }
        };
        self.editor.move_entry(&path, &key, place)
    }

    /// Loads a source into this transaction.
    ///
    /// # Errors
    /// [`LoadError`]; the transaction may then hold a part of the source and is to be dropped.
    pub fn load(
        &mut self,
        source: &dyn Source,
        options: &LoadOptions,
    ) -> Result<load::Read, LoadError> {
        let mut target =
            super::apply_load::LoadTarget::new(&mut self.editor, self.datastore.scratch(), options);
        let mut read = load::read(source, options, &mut target)?;
        read.preserved = target.finish().map_err(|error| LoadError::nowhere(error.into()))?;
        Ok(read)
    }

    /// What this transaction has changed so far.
    pub fn diff(&self) -> Result<Diff, Error> {
        diff(self.editor.base(), self.editor.view(), self.editor.changed_ranges())
    }

    /// The state with what this transaction has changed so far. Reads through it are not checked at commit.
    pub fn view(&self) -> ReadView {
        ReadView::new(self.editor.view().clone())
    }

    /// What the transaction log says about this transaction.
    pub fn set_comment(&mut self, comment: impl Into<String>) {
        self.words.comment = Some(comment.into());
    }

    /// Who the transaction log says it was.
    pub fn set_user(&mut self, user: impl Into<String>) {
        self.words.user = Some(user.into());
    }

    pub(crate) fn set_words(&mut self, words: Words) {
        self.words = words;
    }

    /// When the commit is answered; `Sync` unless told.
    pub fn set_durability(&mut self, durability: Durability) {
        self.durability = durability;
    }

    /// Validates, commits, tells the subscribers and returns when they have acknowledged.
    ///
    /// # Errors
    /// See [`CommitError`]; nothing of the transaction is visible then.
    pub fn commit(self) -> Result<Commit, CommitError> {
        self.datastore.commit(self.editor, self.words, self.durability)
    }

    /// Gives it up; the same as dropping it.
    pub fn abort(self) {
        drop(self);
    }
}
