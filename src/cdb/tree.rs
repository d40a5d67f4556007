//! Reading the tree from a snapshot of the engine.
//!
//! Everything here reads through one [`Tree`], which notes what was looked at when a write transaction wants to know:
//! keys that were read, and for a search the range from where it began to what it found.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};

use super::error::{Error, NodeKind, corrupt};
use super::key::{
    Component, NodeKey, RawSteps, Space, between, decode_name, decode_step, is_entry,
};
use super::naming::Namer;
use super::path::{Name, Path};
use super::record::{KeyLeaf, NodeRecord, OrderedBy, Schema};
use super::value::Value;
use crate::journal::{self, KeyRange, Snapshot};

/// After how many records inside one entry a search for the next entry seeks instead of stepping.
const STEPS_BEFORE_SEEK: usize = 32;

type Result<T, E = Error> = std::result::Result<T, E>;

/// What a transaction has looked at.
#[derive(Debug, Default)]
pub(crate) struct Reads {
    pub keys: BTreeSet<Vec<u8>>,
    pub ranges: BTreeSet<KeyRange>,
    /// The prefix of a range that was noted whole: what is inside need not be noted again.
    whole: Option<Vec<u8>>,
    /// Declarations that were read already.
    schemas: HashMap<NodeKey, Option<Schema>>,
    /// Whether any namespace is known, once that was looked at.
    pub namespaces: Option<bool>,
}

impl Reads {
    fn covers(&self, key: &[u8]) -> bool {
        self.whole.as_deref().is_some_and(|prefix| key.starts_with(prefix))
    }

    /// Notes a whole subtree, so that a large new one costs one note and not one for each node.
    pub fn note_whole(&mut self, key: &NodeKey) {
        let prefix = key.in_space(Space::Nodes);
        if !self.covers(&prefix) {
            self.keys.remove(&prefix);
            self.ranges.insert(KeyRange::prefix(&prefix));
            self.whole = Some(prefix);
        }
    }

    /// Forgets a declaration that has changed.
    pub fn forget_schema(&mut self, schema_key: &NodeKey) {
        self.schemas.remove(schema_key);
    }
}

/// A snapshot, read as a tree.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tree<'a> {
    snapshot: &'a Snapshot,
    reads: Option<&'a RefCell<Reads>>,
}

/// A child of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Child {
    /// Where it is.
    pub path: Path,
    /// What it is.
    pub kind: NodeKind,
}

impl<'a> Tree<'a> {
    pub fn new(snapshot: &'a Snapshot) -> Self {
        Self { snapshot, reads: None }
    }

    /// Notes in `reads` what is looked at.
    pub fn noting(snapshot: &'a Snapshot, reads: &'a RefCell<Reads>) -> Self {
        Self { snapshot, reads: Some(reads) }
    }

    pub fn snapshot(&self) -> &'a Snapshot {
        self.snapshot
    }

    pub fn note_range(&self, range: KeyRange) {
        if let Some(reads) = self.reads {
            let mut reads = reads.borrow_mut();
            // A range that begins in a subtree ends in it: searches never leave the address they are about.
            if !reads.covers(range.start()) {
                reads.ranges.insert(range);
            }
        }
    }

    pub(super) fn note_key(&self, key: &[u8]) {
        if let Some(reads) = self.reads {
            let mut reads = reads.borrow_mut();
            if !reads.covers(key) && !reads.keys.contains(key) {
                reads.keys.insert(key.to_vec());
            }
        }
    }

    /// What is stored at a key.
    pub fn get(&self, key: &[u8]) -> Result<Option<journal::Value>> {
        self.note_key(key);
        Ok(self.snapshot.get(key)?)
    }

    pub(super) fn known_namespaces(&self) -> Option<bool> {
        self.reads.and_then(|reads| reads.borrow().namespaces)
    }

    pub(super) fn remember_namespaces(&self, found: bool) {
        if let Some(reads) = self.reads {
            reads.borrow_mut().namespaces = Some(found);
        }
    }

    /// The path of an address that came out of the store.
    pub fn path_of(&self, key: &NodeKey) -> Result<Path> {
        Namer::new(self.snapshot).path(key)
    }

    /// The stored node at an address.
    pub fn record(&self, key: &NodeKey) -> Result<Option<NodeRecord>> {
        let bytes = self.get(&key.in_space(Space::Nodes))?;
        let record = bytes.map(|bytes| NodeRecord::decode(&bytes));
        record.transpose().map_err(|problem| corrupt(key, problem))
    }

    /// What is known of the list at an address.
    pub fn schema(&self, list: &NodeKey) -> Result<Option<Schema>> {
        Ok(self.declaration(list)?.filter(|schema| *schema != Schema::Once))
    }

    /// What is stored about the kind of the node at an address.
    pub fn declaration(&self, list: &NodeKey) -> Result<Option<Schema>> {
        let Some(reads) = self.reads else {
            return self.read_schema(list);
        };
        let address = list.schema();
        if let Some(known) = reads.borrow().schemas.get(&address) {
            return Ok(known.clone());
        }
        let schema = self.read_schema(list)?;
        reads.borrow_mut().schemas.insert(address, schema.clone());
        Ok(schema)
    }

    fn read_schema(&self, list: &NodeKey) -> Result<Option<Schema>> {
        let bytes = self.get(&list.schema_key())?;
        let schema = bytes.map(|bytes| Schema::decode(&bytes));
        schema.transpose().map_err(|problem| corrupt(list, problem))
    }

    /// The attributes of a node.
    pub fn attributes(&self, key: &NodeKey) -> Result<Vec<(Name, String)>> {
        let prefix = key.attribute_prefix();
        let range = KeyRange::prefix(&prefix);
        self.note_range(range.clone());
        let mut scan = self.snapshot.scan(&range);
        let mut attributes = Vec::new();
        while let Some((stored, value)) = scan.next()? {
            let name = stored.get(prefix.len()..stored.len().saturating_sub(1)).unwrap_or_default();
            let name = decode_name(name).map_err(|problem| corrupt(key, problem))?;
            attributes.push((name, String::from_utf8_lossy(value).into_owned()));
        }
        Ok(attributes)
    }

    /// Whether any node at or below an address has an attribute.
    pub fn has_attributes_below(&self, key: &NodeKey) -> Result<bool> {
        let range = KeyRange::prefix(&key.in_space(Space::Attributes));
        self.note_range(range.clone());
        Ok(self.snapshot.scan(&range).next()?.is_some())
    }

    /// The first stored node at or below an address, from `start` on.
    pub(super) fn first_from(
        &self,
        key: &NodeKey,
        start: Vec<u8>,
    ) -> Result<Option<(NodeKey, NodeRecord)>> {
        let whole = KeyRange::prefix(&key.in_space(Space::Nodes));
        let mut scan = self.snapshot.scan(&between(start.clone(), whole.end()));
        let Some((stored, value)) = scan.next()? else {
            self.note_range(between(start, whole.end()));
            return Ok(None);
        };
        self.note_range(KeyRange::new(start..=stored.to_vec()));
        let found = NodeKey::from_bytes(stored.get(1..).unwrap_or_default());
        let record = NodeRecord::decode(value).map_err(|problem| corrupt(&found, problem))?;
        Ok(Some((found, record)))
    }

    /// The first stored node at or below an address.
    pub fn first(&self, key: &NodeKey) -> Result<Option<(NodeKey, NodeRecord)>> {
        self.first_from(key, key.in_space(Space::Nodes))
    }

    /// What is at an address.
    pub fn kind(&self, key: &NodeKey) -> Result<Option<NodeKind>> {
        if key.is_root() {
            return Ok(Some(NodeKind::Container));
        }
        match self.first(key)? {
            Some((found, record)) => Ok(Some(kind_by_first(key, &found, &record))),
            None => Ok(self.key_leaf(key)?.map(|_| NodeKind::Leaf)),
        }
    }

    /// The value of the key leaf that an address means, when its entry is there.
    pub fn key_leaf(&self, key: &NodeKey) -> Result<Option<Value>> {
        let Some((entry, value)) = self.key_leaf_of(key)? else {
            return Ok(None);
        };
        Ok(self.record(&entry)?.map(|_| value))
    }

    /// The entry and the value, when an address means a key leaf.
    pub fn key_leaf_of(&self, key: &NodeKey) -> Result<Option<(NodeKey, Value)>> {
        let Some((entry, name)) = key.split_last() else {
            return Ok(None);
        };
        let Some((list, step)) = entry.split_last().filter(|(_, step)| is_entry(step)) else {
            return Ok(None);
        };
        let Some(Schema::List(info)) = self.schema(&list)? else {
            return Ok(None);
        };
        let (Ok(Component::Name(name)), Ok(Component::Entry(keys))) =
            (decode_step(name), decode_step(step))
        else {
            return Ok(None);
        };
        let text = name.to_string();
        let index = info.keys.iter().position(|key| key.name == text);
        let value = index.and_then(|index| keys.into_iter().nth(index));
        Ok(value.map(|value| (entry, value)))
    }

    /// The value of a leaf or leaf-list entry.
    pub fn value(&self, path: &Path, key: &NodeKey) -> Result<Option<Value>> {
        match self.record(key)? {
            Some(NodeRecord::Leaf(value)) => return Ok(Some(value)),
            Some(NodeRecord::LeafListEntry { .. }) => return last_value(key),
            Some(_) | None => {}
        }
        if let Some(value) = self.key_leaf(key)? {
            return Ok(Some(value));
        }
        match self.kind(key)? {
            None => Ok(None),
            Some(found) => {
                Err(Error::WrongKind { path: path.clone(), found, expected: NodeKind::Leaf })
            }
        }
    }

    fn is_user_ordered(&self, list: &NodeKey) -> Result<bool> {
        Ok(self.schema(list)?.is_some_and(|schema| schema.ordered_by() == OrderedBy::User))
    }

    /// Calls `visit` with each entry's encoded step, in the list's order, until it says `false`.
    pub fn entries(
        &self,
        list: &NodeKey,
        visit: &mut dyn FnMut(&[u8]) -> Result<bool>,
    ) -> Result<()> {
        if self.is_user_ordered(list)? {
            let range = KeyRange::prefix(&list.order_prefix());
            self.note_range(range.clone());
            let mut scan = self.snapshot.scan(&range);
            while let Some((_, step)) = scan.next()? {
                if !visit(step)? {
                    break;
                }
            }
            return Ok(());
        }
        let range = KeyRange::prefix(&list.entries_prefix());
        self.note_range(range.clone());
        self.sorted_entries(list, range.start().to_vec(), visit)
    }

    /// The same for sorted lists, from a stored key on, without noting.
    fn sorted_entries(
        &self,
        list: &NodeKey,
        mut start: Vec<u8>,
        visit: &mut dyn FnMut(&[u8]) -> Result<bool>,
    ) -> Result<()> {
        let whole = KeyRange::prefix(&list.entries_prefix());
        let step_start = list.len() + 1;
        loop {
            let mut scan = self.snapshot.scan(&between(start, whole.end()));
            let mut entry: Vec<u8> = Vec::new();
            let mut steps = 0;
            let passed = loop {
                let Some((stored, _)) = scan.next()? else {
                    return Ok(());
                };
                if !entry.is_empty() && stored.starts_with(&entry) {
                    steps += 1;
                    if steps > STEPS_BEFORE_SEEK {
                        break KeyRange::prefix(&entry);
                    }
                    continue;
                }
                steps = 0;
                let step = RawSteps(stored.get(step_start..).unwrap_or_default()).next();
                let step = step.unwrap_or_default();
                if !visit(step)? {
                    return Ok(());
                }
                entry.clear();
                entry.extend_from_slice(stored.get(..step_start + step.len()).unwrap_or_default());
            };
            match passed.end() {
                Some(end) => start = end.to_vec(),
                None => return Ok(()),
            }
        }
    }

    /// How many entries a list or leaf-list has.
    pub fn count_entries(&self, list: &NodeKey) -> Result<u64> {
        if self.is_user_ordered(list)? {
            let range = KeyRange::prefix(&list.order_prefix());
            self.note_range(range.clone());
            return Ok(self.snapshot.count(&range)?.entries);
        }
        let mut count = 0;
        self.entries(list, &mut |_| {
            count += 1;
            Ok(true)
        })?;
        Ok(count)
    }

    pub(super) fn nth_entry(&self, list: &NodeKey, position: u64) -> Result<Option<Vec<u8>>> {
        let mut left = position;
        let mut found = None;
        self.entries(list, &mut |step| {
            if left == 0 {
                found = Some(step.to_vec());
                return Ok(false);
            }
            left -= 1;
            Ok(true)
        })?;
        Ok(found)
    }

    /// The step of the entry after `after`, or of the first; in a sorted list `after` need not be there.
    pub fn next_entry(&self, list: &NodeKey, after: Option<&NodeKey>) -> Result<Option<Vec<u8>>> {
        let mut found = None;
        let Some(after) = after else {
            return self.nth_entry(list, 0);
        };
        if self.is_user_ordered(list)? {
            return self.next_in_order(list, after);
        }
        let passed = KeyRange::prefix(&after.in_space(Space::Nodes));
        let start = passed.end().unwrap_or_default().to_vec();
        self.sorted_entries(list, start.clone(), &mut |step| {
            found = Some(step.to_vec());
            Ok(false)
        })?;
        let end = match &found {
            Some(step) => {
                let mut key = list.in_space(Space::Nodes);
                key.extend_from_slice(step);
                key.push(0);
                Some(key)
            }
            None => KeyRange::prefix(&list.entries_prefix()).end().map(<[u8]>::to_vec),
        };
        self.note_range(between(start, end.as_deref()));
        Ok(found)
    }

    /// The same for a user-ordered list, where `after` has a place only while it is there.
    fn next_in_order(&self, list: &NodeKey, after: &NodeKey) -> Result<Option<Vec<u8>>> {
        let Some(NodeRecord::Entry { rank } | NodeRecord::LeafListEntry { rank }) =
            self.record(after)?
        else {
            return Ok(None);
        };
        let mut start = list.order_prefix();
        let whole = KeyRange::prefix(&start);
        start.extend_from_slice(&rank);
        start.push(0);
        let mut scan = self.snapshot.scan(&between(start.clone(), whole.end()));
        let Some((stored, step)) = scan.next()? else {
            self.note_range(between(start, whole.end()));
            return Ok(None);
        };
        self.note_range(KeyRange::new(start..=stored.to_vec()));
        Ok(Some(step.to_vec()))
    }

    /// The children of a node: key leaves first, then in key order; the entries of a list in its order.
    pub fn children(&self, key: &NodeKey) -> Result<Vec<Child>> {
        let mut children = self.key_leaves(key)?;
        match self.kind(key)? {
            None | Some(NodeKind::Leaf | NodeKind::LeafListEntry) => {}
            Some(NodeKind::List) => self.push_entries(key, NodeKind::ListEntry, &mut children)?,
            Some(NodeKind::LeafList) => {
                self.push_entries(key, NodeKind::LeafListEntry, &mut children)?;
            }
            Some(_) => self.push_named(key, &mut children)?,
        }
        Ok(children)
    }

    fn push_entries(&self, list: &NodeKey, kind: NodeKind, out: &mut Vec<Child>) -> Result<()> {
        let namer = Namer::new(self.snapshot);
        self.entries(list, &mut |step| {
            let mut key = list.clone();
            key.push_bytes(step);
            out.push(Child { path: namer.path(&key)?, kind });
            Ok(true)
        })
    }

    fn push_named(&self, key: &NodeKey, out: &mut Vec<Child>) -> Result<()> {
        let namer = Namer::new(self.snapshot);
        let mut start = key.in_space(Space::Nodes);
        start.push(0);
        while let Some((found, record)) = self.first_from(key, start)? {
            let Some(step) = key.next_step(found.as_bytes()) else {
                break;
            };
            let mut child = key.clone();
            child.push_bytes(step);
            let kind = kind_by_first(&child, &found, &record);
            out.push(Child { path: namer.path(&child)?, kind });
            let passed = KeyRange::prefix(&child.in_space(Space::Nodes));
            start = passed.end().unwrap_or_default().to_vec();
        }
        Ok(())
    }

    fn key_leaves(&self, entry: &NodeKey) -> Result<Vec<Child>> {
        let Some((list, _)) = entry.split_last().filter(|(_, step)| is_entry(step)) else {
            return Ok(Vec::new());
        };
        match (self.schema(&list)?, self.record(entry)?) {
            (Some(Schema::List(info)), Some(NodeRecord::Entry { .. })) => {
                let namer = Namer::new(self.snapshot);
                let leaf = |key: &KeyLeaf| {
                    let path = namer.path(&entry.named(&key.parsed()))?;
                    Ok(Child { path, kind: NodeKind::Leaf })
                };
                info.keys.iter().map(leaf).collect()
            }
            _ => Ok(Vec::new()),
        }
    }

    /// How many nodes are at and below an address.
    pub fn count_nodes(&self, key: &NodeKey) -> Result<u64> {
        let range = KeyRange::prefix(&key.in_space(Space::Nodes));
        self.note_range(range.clone());
        Ok(self.snapshot.count(&range)?.entries)
    }
}

/// What is at `key`, when `found` is the first stored node at or below it.
fn kind_by_first(key: &NodeKey, found: &NodeKey, record: &NodeRecord) -> NodeKind {
    if found == key {
        return match record {
            NodeRecord::Leaf(_) => NodeKind::Leaf,
            NodeRecord::Presence => NodeKind::PresenceContainer,
            NodeRecord::Entry { .. } => NodeKind::ListEntry,
            NodeRecord::LeafListEntry { .. } => NodeKind::LeafListEntry,
        };
    }
    // The entry's own record comes before everything in it, so below a list the first is an entry.
    match (key.next_step(found.as_bytes()).is_some_and(is_entry), record) {
        (true, NodeRecord::LeafListEntry { .. }) => NodeKind::LeafList,
        (true, _) => NodeKind::List,
        (false, _) => NodeKind::Container,
    }
}

fn last_value(key: &NodeKey) -> Result<Option<Value>> {
    match key.last_component().map_err(|problem| corrupt(key, problem))? {
        Some(Component::Entry(keys)) => Ok(keys.into_iter().next()),
        _ => Ok(None),
    }
}
