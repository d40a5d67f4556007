//! Changing the tree in a transaction of the engine, so that it stays one.
//!
//! Rules that every change keeps:
//! - an entry's record is there before anything in the entry, and its list is declared;
//! - a position is a list exactly when its schema address is declared, so containers and lists never share one;
//! - nothing is below a leaf;
//! - an entry of a user-ordered list has a rank, and the list's order names it under that rank;
//! - every write notes what it replaces. So two transactions that write the same node conflict, which makes the counts of
//!   nodes and the old values in diffs exact.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

use super::diff::{Side, compare};
use super::error::{Error, NodeKind, corrupt};
use super::key::{Component, DATA_SPACES, NodeKey, Space, between, is_entry, path_text};
use super::load::has_own_prefix;
use super::naming::Namer;
use super::path::{Name, Path};
use super::prefix_table::Table;
use super::rank;
use super::record::{NodeRecord, OrderedBy, Schema};
use super::tree::{Reads, Tree};
use super::value::Value;
use crate::journal::{self, KeyRange, Snapshot};

/// Where an entry of a user-ordered list is put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place<'a> {
    First,
    Last,
    Before(&'a NodeKey),
    After(&'a NodeKey),
}

/// A transaction of the engine, written as a tree.
#[derive(Debug)]
pub(crate) struct Editor {
    pub(super) journal: journal::Transaction,
    pub(super) reads: RefCell<Reads>,
    /// Addresses under which this transaction may put nodes without looking again: entries when `true`, else children.
    pub(super) checked: HashMap<NodeKey, bool>,
    /// Namespaces that have a prefix, as far as was looked.
    pub(super) named: HashSet<Vec<u8>>,
    /// All prefixes, once one was given out.
    pub(super) prefixes: Option<Table>,
    pub(super) node_delta: i64,
    pub(super) nodes_touched: u64,
}

/// A rank; `None` is the end of the list on that side.
type Rank = Option<Vec<u8>>;

type Result<T, E = Error> = std::result::Result<T, E>;

pub(super) fn limit(key: &NodeKey) -> impl FnOnce(journal::LimitError) -> Error {
    move |problem| Error::Limit { path: path_text(key), problem }
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

impl Editor {
    pub fn new(journal: journal::Transaction) -> Self {
        Self {
            journal,
            reads: RefCell::default(),
            checked: HashMap::new(),
            named: HashSet::new(),
            prefixes: None,
            node_delta: 0,
            nodes_touched: 0,
        }
    }

    pub fn tree(&self) -> Tree<'_> {
        Tree::noting(self.journal.view(), &self.reads)
    }

    pub fn base(&self) -> &Snapshot {
        self.journal.base()
    }

    pub fn view(&self) -> &Snapshot {
        self.journal.view()
    }

    pub fn changed_ranges(&self) -> Vec<KeyRange> {
        self.journal.changed_ranges()
    }

    pub fn changed_within(&self, within: &[KeyRange]) -> Vec<KeyRange> {
        self.journal.changed_within(within)
    }

    pub fn is_empty(&self) -> bool {
        self.journal.is_empty()
    }

    pub fn node_delta(&self) -> i64 {
        self.node_delta
    }

    pub fn nodes_touched(&self) -> u64 {
        self.nodes_touched
    }

    /// The path of an address.
    pub fn path_of(&self, key: &NodeKey) -> Result<Path> {
        Namer::new(self.view()).path(key)
    }

    /// The engine's transaction, with everything noted that was looked at.
    pub fn into_journal(self) -> journal::Transaction {
        let Self { mut journal, reads, .. } = self;
        let Reads { keys, ranges, .. } = reads.into_inner();
        keys.into_iter().for_each(|key| journal.track_key(&key));
        ranges.into_iter().for_each(|range| journal.track(range));
        journal
    }

    pub(super) fn put_node(
        &mut self,
        key: &NodeKey,
        record: &NodeRecord,
        is_new: bool,
    ) -> Result<()> {
        self.name_namespaces(key)?;
        let stored = key.in_space(Space::Nodes);
        self.journal.put(&stored, &record.encode()).map_err(limit(key))?;
        self.node_delta += i64::from(is_new);
        self.nodes_touched += 1;
        Ok(())
    }

    // --- what is around a node -----------------------------------------------------------------------------------

    /// Makes sure that a node can stand at `key`: what is around it are containers and entries; missing entries are made.
    pub fn prepare(&mut self, key: &NodeKey) -> Result<()> {
        let Some((parent, last)) = key.split_last() else {
            return Ok(());
        };
        let last_is_entry = is_entry(last);
        if self.checked.get(&parent) == Some(&last_is_entry) {
            return Ok(());
        }
        let prefixes: Vec<NodeKey> = parent.prefixes().collect();
        for (index, prefix) in prefixes.iter().enumerate() {
            let next = prefixes.get(index + 1).and_then(|next| prefix.next_step(next.as_bytes()));
            let is_list = next.map_or(last_is_entry, is_entry);
            if self.checked.get(prefix) == Some(&is_list) {
                continue;
            }
            self.check_around(prefix, is_list)?;
            self.note_checked(prefix, is_list);
        }
        Ok(())
    }

    /// Forgetting costs another look, no more; a large load is not to be kept here.
    fn note_checked(&mut self, key: &NodeKey, is_list: bool) {
        const REMEMBERED: usize = 4096;
        if self.checked.len() >= REMEMBERED {
            self.checked.clear();
        }
        self.checked.insert(key.clone(), is_list);
    }

    fn check_around(&mut self, key: &NodeKey, is_list: bool) -> Result<()> {
        let record = self.tree().record(key)?;
        let is_entry_step = key.split_last().is_some_and(|(_, step)| is_entry(step));
        let wrong = |found, expected| -> Result<()> {
            Err(Error::WrongKind { path: self.path_of(key)?, found, expected })
        };
        match record {
            Some(NodeRecord::Leaf(_)) => wrong(NodeKind::Leaf, NodeKind::Container),
            Some(NodeRecord::LeafListEntry { .. }) => {
                wrong(NodeKind::LeafListEntry, NodeKind::ListEntry)
            }
            Some(NodeRecord::Presence) if is_list => {
                wrong(NodeKind::PresenceContainer, NodeKind::List)
            }
            Some(NodeRecord::Presence | NodeRecord::Entry { .. }) => Ok(()),
            None if is_entry_step => self.ensure_entry(key).map(|_| ()),
            None if is_list => Ok(()),
            None => self.check_container(key),
        }
    }

    /// A container may not stand where a list is declared; a declaration that nothing uses gives way.
    fn check_container(&mut self, key: &NodeKey) -> Result<()> {
        let Some(schema) = self.tree().schema(key)? else {
            return match self.tree().key_leaf_of(key)? {
                Some(_) => Err(Error::KeyLeaf { path: self.path_of(key)? }),
                None => Ok(()),
            };
        };
        let schema_key = key.schema();
        if self.has_instances(&schema_key)? {
            let found = match schema {
                Schema::LeafList(_) => NodeKind::LeafList,
                Schema::List(_) | Schema::Once => NodeKind::List,
            };
            let path = self.path_of(key)?;
            return Err(Error::WrongKind { path, found, expected: NodeKind::Container });
        }
        self.reads.get_mut().forget_schema(&schema_key);
        self.journal.delete(&schema_key.schema_key()).map_err(limit(key))
    }

    // --- entries -------------------------------------------------------------------------------------------------

    /// Makes a list entry or leaf-list entry; `false` when it is there already.
    pub fn ensure_entry(&mut self, key: &NodeKey) -> Result<bool> {
        if self.tree().record(key)?.is_some() {
            return Ok(false);
        }
        let Some((list, _)) = key.split_last() else {
            return Ok(false);
        };
        self.prepare(key)?;
        // Without its entry nothing can be below it, and nothing may come to be there meanwhile.
        self.reads.get_mut().note_whole(key);
        let last = key.last_component().map_err(|problem| corrupt(key, problem))?;
        let Some(Component::Entry(keys)) = last else {
            return Ok(false);
        };
        let schema = self.list_schema(&list, &keys)?;
        self.check_types(key, &schema, &keys)?;
        let rank = match schema.ordered_by() {
            OrderedBy::System => Vec::new(),
            OrderedBy::User => self.place(&list, key, Place::Last)?,
        };
        let record = match schema {
            Schema::LeafList(_) => NodeRecord::LeafListEntry { rank },
            Schema::List(_) | Schema::Once => NodeRecord::Entry { rank },
        };
        self.put_node(key, &record, true)?;
        self.note_checked(key, false);
        Ok(true)
    }

    /// Enters `entry` into the order of its list and returns its rank.
    pub(super) fn place(
        &mut self,
        list: &NodeKey,
        entry: &NodeKey,
        place: Place<'_>,
    ) -> Result<Vec<u8>> {
        let (before, after) = self.neighbours(list, entry, place)?;
        let rank = rank::between(before.as_deref(), after.as_deref());
        let key = [list.order_prefix().as_slice(), &rank].concat();
        let step = entry.as_bytes().get(list.len()..).unwrap_or_default();
        self.journal.put(&key, step).map_err(limit(entry))?;
        Ok(rank)
    }

    /// The ranks between which a place is, `entry` itself left out.
    fn neighbours(
        &self,
        list: &NodeKey,
        entry: &NodeKey,
        place: Place<'_>,
    ) -> Result<(Rank, Rank)> {
        let own = entry.as_bytes().get(list.len()..).unwrap_or_default();
        let prefix = list.order_prefix();
        let whole = KeyRange::prefix(&prefix);
        if place != Place::Last {
            self.tree().note_range(whole.clone());
        }
        let up_to = |end: Vec<u8>| between(prefix.clone(), Some(&end));
        let beyond = |mut start: Vec<u8>| {
            start.push(0);
            between(start, whole.end())
        };
        let rank_key = |other: &NodeKey| -> Result<Vec<u8>> {
            let rank = self.rank_of(other)?.ok_or_else(|| match self.path_of(other) {
                Ok(path) => Error::NotFound { path },
                Err(error) => error,
            })?;
            Ok([prefix.as_slice(), &rank].concat())
        };
        let first = |range: &KeyRange| self.edge(range, own, prefix.len(), false);
        let last = |range: &KeyRange| self.edge(range, own, prefix.len(), true);
        let suffix = |key: &[u8]| Some(key.get(prefix.len()..).unwrap_or_default().to_vec());
        match place {
            Place::First => Ok((None, first(&whole)?)),
            Place::Last => Ok((self.last_rank(&whole, own, prefix.len())?, None)),
            Place::Before(other) => {
                let key = rank_key(other)?;
                Ok((last(&up_to(key.clone()))?, suffix(&key)))
            }
            Place::After(other) => {
                let key = rank_key(other)?;
                Ok((suffix(&key), first(&beyond(key))?))
            }
        }
    }

    /// The last rank of an order, noting no more than that nothing comes behind it.
    fn last_rank(&self, whole: &KeyRange, own: &[u8], prefix_len: usize) -> Result<Rank> {
        let last = self.edge(whole, own, prefix_len, true)?;
        let mut start = whole.start().to_vec();
        start.extend_from_slice(last.as_deref().unwrap_or_default());
        self.tree().note_range(between(start, whole.end()));
        Ok(last)
    }

    /// The rank at one end of a range of an order, passing over the step `own`.
    fn edge(
        &self,
        range: &KeyRange,
        own: &[u8],
        prefix_len: usize,
        from_end: bool,
    ) -> Result<Option<Vec<u8>>> {
        let view = self.journal.view();
        let mut scan = if from_end { view.scan_reverse(range) } else { view.scan(range) };
        while let Some((key, step)) = scan.next()? {
            if step != own {
                return Ok(Some(key.get(prefix_len..).unwrap_or_default().to_vec()));
            }
        }
        Ok(None)
    }

    /// Gives an entry a rank that its list's order has for it.
    pub fn set_rank(&mut self, entry: &NodeKey, rank: Vec<u8>) -> Result<()> {
        let record = match self.tree().record(entry)? {
            Some(NodeRecord::Entry { rank: now }) if now != rank => NodeRecord::Entry { rank },
            Some(NodeRecord::LeafListEntry { rank: now }) if now != rank => {
                NodeRecord::LeafListEntry { rank }
            }
            _ => return Ok(()),
        };
        self.put_node(entry, &record, false)
    }

    pub fn rank_of(&self, entry: &NodeKey) -> Result<Option<Vec<u8>>> {
        Ok(match self.tree().record(entry)? {
            Some(NodeRecord::Entry { rank } | NodeRecord::LeafListEntry { rank }) => Some(rank),
            _ => None,
        })
    }

    /// Moves an entry of a user-ordered list.
    pub fn move_entry(&mut self, path: &Path, entry: &NodeKey, place: Place<'_>) -> Result<()> {
        let Some((list, _)) = entry.split_last() else {
            return Err(Error::NotFound { path: path.clone() });
        };
        let record = self.tree().record(entry)?;
        let old_rank = self.rank_of(entry)?.ok_or(Error::NotFound { path: path.clone() })?;
        if old_rank.is_empty() {
            let problem =
                "its list is sorted by key; only entries of user-ordered lists can be moved";
            return Err(Error::BadPath { path: path.clone(), problem });
        }
        if let Place::Before(other) | Place::After(other) = place
            && other.split_last().is_none_or(|(other_list, _)| other_list != list)
        {
            let problem = "can only be moved next to an entry of the same list";
            return Err(Error::BadPath { path: path.clone(), problem });
        }
        if matches!(place, Place::Before(other) | Place::After(other) if other == entry) {
            return Ok(());
        }
        let old_key = [list.order_prefix().as_slice(), &old_rank].concat();
        let rank = self.place(&list, entry, place)?;
        if rank != old_rank {
            self.journal.delete(&old_key).map_err(limit(entry))?;
        }
        let record = match record {
            Some(NodeRecord::LeafListEntry { .. }) => NodeRecord::LeafListEntry { rank },
            _ => NodeRecord::Entry { rank },
        };
        self.put_node(entry, &record, false)
    }

    // --- leaves and containers -----------------------------------------------------------------------------------

    /// The leaf that is at an address, if one is.
    ///
    /// # Errors
    /// [`Error::WrongKind`] when something else is there.
    pub fn leaf(&self, key: &NodeKey) -> Result<Option<Value>> {
        match self.tree().first(key)? {
            None => Ok(None),
            Some((found, NodeRecord::Leaf(value))) if found == *key => Ok(Some(value)),
            Some(_) => {
                let found = self.tree().kind(key)?.unwrap_or(NodeKind::Container);
                Err(Error::WrongKind { path: self.path_of(key)?, found, expected: NodeKind::Leaf })
            }
        }
    }

    /// Sets a leaf. A key leaf may be set to what it is.
    pub fn set_leaf(&mut self, key: &NodeKey, value: Value) -> Result<()> {
        if key.split_last().is_none_or(|(_, step)| is_entry(step)) {
            let problem = "not a leaf; entries are created, not set";
            return Err(Error::BadPath { path: self.path_of(key)?, problem });
        }
        if let Some((entry, key_value)) = self.tree().key_leaf_of(key)? {
            if value.to_string() != key_value.to_string() {
                return Err(Error::KeyLeaf { path: self.path_of(key)? });
            }
            return self.ensure_entry(&entry).map(|_| ());
        }
        let old = self.leaf(key)?;
        if old.as_ref() == Some(&value) {
            return Ok(());
        }
        self.prepare(key)?;
        self.put_node(key, &NodeRecord::Leaf(value), old.is_none())
    }

    /// Makes a presence container; `false` when it is there already.
    pub fn ensure_presence(&mut self, key: &NodeKey) -> Result<bool> {
        match self.tree().record(key)? {
            Some(NodeRecord::Presence) => return Ok(false),
            Some(NodeRecord::Leaf(_)) => {
                let (found, expected) = (NodeKind::Leaf, NodeKind::PresenceContainer);
                return Err(Error::WrongKind { path: self.path_of(key)?, found, expected });
            }
            Some(_) | None => {}
        }
        self.prepare(key)?;
        self.check_container(key)?;
        self.put_node(key, &NodeRecord::Presence, true)?;
        Ok(true)
    }

    /// Gives a node an attribute.
    pub fn set_attribute(&mut self, key: &NodeKey, name: &Name, value: &str) -> Result<()> {
        if let Some(namespace) = name.namespace().filter(|namespace| !has_own_prefix(namespace)) {
            self.name_namespace(namespace, None)?;
        }
        let stored = key.attribute(name);
        let old = self.tree().get(&stored)?;
        if old.as_deref() == Some(value.as_bytes()) {
            return Ok(());
        }
        self.journal.put(&stored, value.as_bytes()).map_err(limit(key))
    }

    /// Removes an attribute by its stored key.
    pub fn remove_attribute(&mut self, stored: &[u8]) -> Result<()> {
        self.journal.delete(stored).map_err(limit(&NodeKey::root()))
    }

    /// Makes a presence container a plain one: what is inside stays.
    pub fn delete_presence(&mut self, key: &NodeKey) -> Result<()> {
        self.tree().record(key)?;
        self.journal.delete(&key.in_space(Space::Nodes)).map_err(limit(key))?;
        self.node_delta -= 1;
        self.nodes_touched += 1;
        Ok(())
    }

    /// Notes everything at and below an address: nobody may change anything of it meanwhile.
    pub fn depend_on(&self, key: &NodeKey) {
        for space in DATA_SPACES {
            self.tree().note_range(KeyRange::prefix(&key.in_space(space)));
        }
    }

    /// Removes what is at and below an address; tells how many nodes that were.
    pub fn delete(&mut self, key: &NodeKey) -> Result<u64> {
        if let Some((entry, _)) = self.tree().key_leaf_of(key)?
            && self.tree().record(&entry)?.is_some()
        {
            return Err(Error::KeyLeaf { path: self.path_of(key)? });
        }
        let count = self.tree().count_nodes(key)?;
        if count == 0 {
            return Ok(0);
        }
        if let Some((list, step)) = key.split_last()
            && is_entry(step)
            && let Some(rank) = self.rank_of(key)?.filter(|rank| !rank.is_empty())
        {
            let order = [list.order_prefix().as_slice(), &rank].concat();
            self.journal.delete(&order).map_err(limit(key))?;
        }
        self.depend_on(key);
        for space in DATA_SPACES {
            let range = KeyRange::prefix(&key.in_space(space));
            if self.journal.view().scan(&range).next()?.is_some() {
                self.journal.delete_range(&range).map_err(limit(key))?;
            }
        }
        self.checked.clear();
        self.node_delta -= signed(count);
        self.nodes_touched += count;
        Ok(count)
    }

    /// Makes a range below `base` of this store like the same range below another base of another state.
    pub fn copy(
        &mut self,
        space: Space,
        from: Side<'_>,
        base: &NodeKey,
        range: &KeyRange,
    ) -> Result<()> {
        let mut changes = Vec::new();
        let now = Side { snapshot: self.journal.view(), base };
        compare(space, now, from, range, &mut |address, old, new| {
            changes.push((address.to_vec(), old.is_some(), new.map(<[u8]>::to_vec)));
            Ok(())
        })?;
        for (address, was_there, new) in changes {
            let mut key = base.clone();
            key.push_bytes(&address);
            let stored = key.in_space(space);
            self.reads.borrow_mut().keys.insert(stored.clone());
            match &new {
                Some(value) => self.journal.put(&stored, value),
                None => self.journal.delete(&stored),
            }
            .map_err(limit(&key))?;
            if space == Space::Schema {
                self.reads.get_mut().forget_schema(&key);
            }
            if space == Space::Nodes {
                self.node_delta += i64::from(new.is_some()) - i64::from(was_there);
                self.nodes_touched += 1;
            }
        }
        self.checked.clear();
        Ok(())
    }
}
