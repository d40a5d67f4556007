//! How addresses are written for people: paths with prefixes where they need them.

use std::cell::RefCell;
use std::collections::HashMap;

use super::error::{Error, corrupt};
use super::key::{Component, NodeKey, Space, between, path_text};
use super::load::{TYPE_NAMESPACE, TYPE_PREFIX, XML_NAMESPACE, XMLNS_NAMESPACE};
use super::path::{KeyText, Name, Path, Selector, Step};
use super::value::DecodeError;
use crate::journal::{KeyRange, Snapshot};

type Result<T, E = Error> = std::result::Result<T, E>;

/// Names nodes as one state knows them. What it looked up once it remembers.
#[derive(Debug)]
pub(crate) struct Namer<'a> {
    snapshot: &'a Snapshot,
    /// Prefixes by namespace.
    prefixes: RefCell<Option<HashMap<String, String>>>,
    /// Whether another child has the same local name, by address.
    homonyms: RefCell<HashMap<NodeKey, bool>>,
}

impl<'a> Namer<'a> {
    pub fn new(snapshot: &'a Snapshot) -> Self {
        Self { snapshot, prefixes: RefCell::default(), homonyms: RefCell::default() }
    }

    /// The path of an address; in this state it leads back to it.
    pub fn path(&self, key: &NodeKey) -> Result<Path> {
        let broken = |problem| corrupt(key, problem);
        let mut steps: Vec<Step> = Vec::new();
        let mut at = NodeKey::root();
        for component in key.components().map_err(broken)? {
            match component {
                Component::Name(name) => {
                    steps.push(self.step(&at, &name)?);
                    at.push_name(&name);
                }
                Component::Entry(keys) => {
                    at.push_entry(&keys);
                    let keys = keys.iter().map(|key| KeyText::Text(key.to_string())).collect();
                    let what = DecodeError { what: "node address" };
                    steps.last_mut().ok_or_else(|| broken(what))?.selector =
                        Some(Selector::Keys(keys));
                }
            }
        }
        Ok(Path::from_steps(true, steps))
    }

    /// What a person reads where an address stands.
    pub fn text(&self, key: &NodeKey) -> String {
        self.path(key).map_or_else(|_| path_text(key), |path| path.to_string())
    }

    fn step(&self, at: &NodeKey, name: &Name) -> Result<Step> {
        let Some(namespace) = name.namespace() else {
            return Ok(Step::new(name.local()));
        };
        let prefix = self.prefix(namespace)?;
        Ok(Step::spelled(name, prefix.as_deref(), self.is_homonym(at, name)?))
    }

    /// `prefix:name`, or the name in full where nobody has told a prefix; without a namespace, the name.
    pub fn spelling(&self, name: &Name) -> Result<String> {
        let prefix = name.namespace().map(|namespace| self.prefix(namespace)).transpose()?;
        Ok(match prefix.flatten() {
            Some(prefix) => format!("{prefix}:{}", name.local()),
            None => name.to_string(),
        })
    }

    /// What an attribute is called.
    pub fn attribute(&self, name: &Name) -> Result<String> {
        match name.namespace() {
            Some(XMLNS_NAMESPACE) => Ok(format!("xmlns:{}", name.local())),
            Some(XML_NAMESPACE) => Ok(format!("xml:{}", name.local())),
            Some(TYPE_NAMESPACE) => Ok(format!("{TYPE_PREFIX}{}", name.local())),
            _ => self.spelling(name),
        }
    }

    /// What a namespace is called.
    pub fn prefix(&self, namespace: &str) -> Result<Option<String>> {
        let mut known = self.prefixes.borrow_mut();
        let prefixes = match known.take() {
            Some(prefixes) => prefixes,
            None => prefixes(self.snapshot)?,
        };
        Ok(known.insert(prefixes).get(namespace).cloned())
    }

    /// Whether another child than this one has its local name.
    fn is_homonym(&self, at: &NodeKey, name: &Name) -> Result<bool> {
        let key = at.named(name);
        if let Some(known) = self.homonyms.borrow().get(&key) {
            return Ok(*known);
        }
        let (start, end) = at.homonyms(Space::Nodes, name.local());
        let own = KeyRange::prefix(&key.in_space(Space::Nodes));
        let before = between(start, Some(own.start()));
        let behind = between(own.end().unwrap_or_default().to_vec(), Some(&end));
        let mut found = false;
        for range in [before, behind] {
            found = found || self.snapshot.scan(&range).next()?.is_some();
        }
        self.homonyms.borrow_mut().insert(key, found);
        Ok(found)
    }
}

/// The prefixes that a state knows, by namespace.
pub(crate) fn prefixes(snapshot: &Snapshot) -> Result<HashMap<String, String>> {
    let mut prefixes = HashMap::new();
    let mut scan = snapshot.scan(&KeyRange::prefix(&[Space::Prefixes as u8]));
    while let Some((stored, namespace)) = scan.next()? {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        prefixes.insert(text(namespace), text(stored.get(1..).unwrap_or_default()));
    }
    Ok(prefixes)
}
