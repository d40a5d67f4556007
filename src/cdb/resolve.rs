//! The addresses that paths mean.

use super::error::{Error, corrupt};
use super::key::{Component, NodeKey, RawSteps, Space, between, is_entry};
use super::naming::Namer;
use super::path::{KeyText, Name, Path, Selector, Step, is_name, module_namespace};
use super::record::{KeyLeaf, ListInfo, Schema};
use super::tree::Tree;
use super::value::{Value, ValueType};
use crate::journal::KeyRange;

type Result<T, E = Error> = std::result::Result<T, E>;

/// How many names an error offers.
const NAMES_MAX: usize = 8;

impl Tree<'_> {
    /// The address that a path means: names get their namespaces, key texts become values of the list's types, positions become
    /// keys.
    pub fn resolve(&self, path: &Path) -> Result<NodeKey> {
        if !path.is_absolute() {
            let problem = "a path from the root is expected, one that begins with /";
            return Err(Error::BadPath { path: path.clone(), problem });
        }
        check_names(path)?;
        let plain = !self.has_namespaces()?;
        let mut key = NodeKey::root();
        for step in path.steps() {
            let name = self.child_name(path, &key, step, plain)?;
            key.push_name(&name);
            match &step.selector {
                None => {}
                Some(Selector::Keys(texts)) => {
                    let keys = self.typed_keys(path, &key, texts)?;
                    key.push_entry(&keys);
                }
                Some(Selector::Position(position)) => match self.nth_entry(&key, *position)? {
                    Some(step) => key.push_bytes(&step),
                    None => return Err(Error::NotFound { path: path.clone() }),
                },
            }
        }
        Ok(key)
    }

    fn typed_keys(&self, path: &Path, list: &NodeKey, texts: &[KeyText]) -> Result<Vec<Value>> {
        let schema = self.schema(list)?;
        let types = match &schema {
            Some(schema) => schema.key_types(),
            None => vec![ValueType::String; texts.len()],
        };
        if types.len() != texts.len() {
            return Err(key_count(path, texts.len(), schema.as_ref()));
        }
        let typed = texts.iter().zip(types).map(|(text, value_type)| match text {
            KeyText::Any => {
                let problem = "* stands for every key, here one is needed (the key * is \"*\")";
                Err(Error::BadPath { path: path.clone(), problem })
            }
            KeyText::Text(text) => Value::parse(value_type, text)
                .map_err(|problem| Error::BadValue { path: path.clone(), problem }),
        });
        typed.collect()
    }

    /// The name of the child of `at` that a step means. `plain`: no node is in a namespace.
    fn child_name(&self, path: &Path, at: &NodeKey, step: &Step, plain: bool) -> Result<Name> {
        let around = at.namespace();
        if let Some(name) = step.known_name() {
            return Ok(Name::below(around, name.local(), name.namespace_in(around)));
        }
        if let Some(prefix) = step.prefix() {
            return Ok(Name::below(around, step.local(), &self.namespace_of(prefix)?));
        }
        if plain {
            return Ok(Name::plain(step.local()));
        }
        self.search(path, at, step.local())
    }

    /// The name that stands for a spelling below a node: the namespace of a prefix, else that of the node.
    pub fn name_below(&self, at: &NodeKey, spelled: &str) -> Result<Name> {
        let known = Name::parse(spelled);
        let around = at.namespace();
        match (known, spelled.split_once(':')) {
            (Some(name), _) => Ok(Name::below(around, name.local(), name.namespace_in(around))),
            (None, Some((prefix, local))) => {
                Ok(Name::below(around, local, &self.namespace_of(prefix)?))
            }
            (None, None) => Ok(Name::plain(spelled)),
        }
    }

    /// The namespace that a prefix stands for; one that nobody has told is a module name.
    pub fn namespace_of(&self, prefix: &str) -> Result<String> {
        let mut stored = vec![Space::Prefixes as u8];
        stored.extend_from_slice(prefix.as_bytes());
        let known = self.get(&stored)?;
        let known = known.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        Ok(known.unwrap_or_else(|| module_namespace(prefix)))
    }

    /// Whether any node is, or was, in a namespace.
    pub fn has_namespaces(&self) -> Result<bool> {
        if let Some(known) = self.known_namespaces() {
            return Ok(known);
        }
        let whole = KeyRange::prefix(&[Space::Prefixes as u8]);
        let first = self.snapshot().scan(&whole).next()?.map(|(stored, _)| stored.to_vec());
        let found = first.is_some();
        self.note_range(match first {
            Some(first) => KeyRange::new(whole.start().to_vec()..=first),
            None => whole,
        });
        self.remember_namespaces(found);
        Ok(found)
    }

    /// The child in the parent's namespace, or the only one of that name in another; where none is, the former.
    fn search(&self, path: &Path, at: &NodeKey, local: &str) -> Result<Name> {
        let (start, end) = at.homonyms(Space::Nodes, local);
        let plain = Name::plain(local);
        let Some(first) = self.homonym(at, start.clone(), &end)? else {
            return Ok(self.key_leaf_named(at, local)?.unwrap_or(plain));
        };
        if first == plain {
            return Ok(plain);
        }
        let mut names = vec![first];
        while let Some(last) = names.last().filter(|_| names.len() < NAMES_MAX) {
            let passed = KeyRange::prefix(&at.named(last).in_space(Space::Nodes));
            let Some(next) = self.homonym(at, passed.end().unwrap_or_default().to_vec(), &end)?
            else {
                break;
            };
            names.push(next);
        }
        match <[Name; 1]>::try_from(names) {
            Ok([only]) => Ok(only),
            Err(names) => {
                let namer = Namer::new(self.snapshot());
                let spelled: Result<Vec<String>> =
                    names.iter().map(|name| namer.spelling(name)).collect();
                let (path, name) = (path.clone(), local.to_owned());
                Err(Error::AmbiguousName { path, name, names: spelled?.join(", ") })
            }
        }
    }

    /// The name of the first child in a range of stored keys of children of one local name.
    fn homonym(&self, at: &NodeKey, start: Vec<u8>, end: &[u8]) -> Result<Option<Name>> {
        let mut scan = self.snapshot().scan(&between(start.clone(), Some(end)));
        let Some((stored, _)) = scan.next()? else {
            self.note_range(between(start, Some(end)));
            return Ok(None);
        };
        self.note_range(KeyRange::new(start..=stored.to_vec()));
        let step = stored.get(1 + at.len()..).and_then(|rest| RawSteps(rest).next());
        match super::key::decode_step(step.unwrap_or_default()) {
            Ok(Component::Name(name)) => Ok(Some(name)),
            Ok(Component::Entry(_)) => Ok(None),
            Err(problem) => Err(corrupt(at, problem)),
        }
    }

    /// The key leaf of an entry with this local name: it is not stored.
    fn key_leaf_named(&self, entry: &NodeKey, local: &str) -> Result<Option<Name>> {
        let Some((list, _)) = entry.split_last().filter(|(_, step)| is_entry(step)) else {
            return Ok(None);
        };
        let Some(Schema::List(info)) = self.schema(&list)? else {
            return Ok(None);
        };
        Ok(info.keys.iter().map(KeyLeaf::parsed).find(|name| name.local() == local))
    }

    /// The schema address that a path means; keys in it are ignored. Names get their namespaces from what is declared, else from
    /// what is stored.
    pub fn resolve_schema(&self, path: &Path) -> Result<NodeKey> {
        check_names(path)?;
        let plain = !self.has_namespaces()?;
        let mut key = NodeKey::root();
        for step in path.steps() {
            let mut name = self.child_name(path, &key, step, plain)?;
            let searched = step.known_name().is_none() && step.prefix().is_none();
            if searched && name.namespace().is_none() && !plain {
                let (start, end) = key.homonyms(Space::Schema, step.local());
                name = self.homonym(&key, start, &end)?.unwrap_or(name);
            }
            key.push_name(&name);
        }
        Ok(key)
    }
}

fn check_names(path: &Path) -> Result<()> {
    let is_fit = |step: &Step| step.known_name().is_some() || is_name(&step.name);
    if path.steps().iter().all(is_fit) {
        return Ok(());
    }
    let problem = "a step is not a name (letter or _, then letters, digits, - _ .)";
    Err(Error::BadPath { path: path.clone(), problem })
}

pub(crate) fn key_count(path: &Path, found: usize, schema: Option<&Schema>) -> Error {
    let (expected, keys) = match schema {
        Some(Schema::List(info)) => (info.keys.len(), info.to_string()),
        Some(Schema::LeafList(_)) => (1, "a leaf-list".to_owned()),
        Some(Schema::Once) | None => (found, ListInfo::undeclared(found).to_string()),
    };
    Error::KeyCount { path: path.clone(), found, expected, keys }
}
