//! What is different between two states.

use std::cmp::Ordering;

use super::error::{Error, corrupt};
use super::key::{NodeKey, Space, address_of, decode_name};
use super::naming::Namer;
use super::path::{Path, is_below};
use super::record::NodeRecord;
use super::value::Value;
use crate::journal::{KeyRange, Scan, Snapshot};

/// One node that is different.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The node.
    pub path: Path,
    /// What happened to it.
    pub kind: ChangeKind,
}

/// What happened to a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// It is new; leaves have a value.
    Created {
        /// The value of a leaf.
        value: Option<Value>,
    },
    /// It is gone; every node of a removed subtree is named.
    Deleted {
        /// The value that a leaf had.
        value: Option<Value>,
    },
    /// The leaf has another value.
    Modified {
        /// Before.
        old: Value,
        /// Now.
        new: Value,
    },
    /// An attribute of the node is another.
    Attribute {
        /// The attribute, as XML writes it: `name`, `prefix:name`, `xmlns:prefix`.
        name: String,
        /// What it was; `None`: it was not there.
        old: Option<String>,
        /// What it is; `None`: it is gone.
        new: Option<String>,
    },
    /// The entry has another place in its user-ordered list.
    Moved {
        /// The entry ahead of it now; `None`: it is the first.
        after: Option<Path>,
    },
}

/// Changes in document order: sorted by address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diff {
    changes: Vec<Change>,
}

impl Diff {
    /// The changes.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// The changes, one by one.
    pub fn iter(&self) -> std::slice::Iter<'_, Change> {
        self.changes.iter()
    }

    /// Whether nothing is different.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// How many nodes are different.
    pub fn len(&self) -> usize {
        self.changes.len()
    }

    /// The changes at and below a point. In the point's path, keys may be `*` or left out.
    #[must_use]
    pub fn below(&self, point: &Path) -> Self {
        let inside = |change: &&Change| is_below(&change.path, point);
        Self { changes: self.changes.iter().filter(inside).cloned().collect() }
    }
}

impl<'a> IntoIterator for &'a Diff {
    type Item = &'a Change;
    type IntoIter = std::slice::Iter<'a, Change>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// A state to compare, seen from an address in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Side<'a> {
    pub snapshot: &'a Snapshot,
    /// Addresses are compared from here on.
    pub base: &'a NodeKey,
}

/// Takes an address and its records before and after.
type Visit<'v> = dyn FnMut(&[u8], Option<&[u8]>, Option<&[u8]>) -> Result<(), Error> + 'v;

/// Calls `visit` with each address (from the bases on) whose record differs in a range of one space.
///
/// The range is of addresses from the bases on, without the space byte.
pub(crate) fn compare(
    space: Space,
    old: Side<'_>,
    new: Side<'_>,
    range: &KeyRange,
    visit: &mut Visit<'_>,
) -> Result<(), Error> {
    let (old_range, new_range) = (rebased(space, old.base, range), rebased(space, new.base, range));
    let mut olds = Peeked::new(old.snapshot.scan(&old_range), old.base.len() + 1)?;
    let mut news = Peeked::new(new.snapshot.scan(&new_range), new.base.len() + 1)?;
    loop {
        let order = match (olds.entry.as_ref(), news.entry.as_ref()) {
            (None, None) => return Ok(()),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some((old, _)), Some((new, _))) => old.cmp(new),
        };
        match (order, olds.entry.as_ref(), news.entry.as_ref()) {
            (Ordering::Less, Some((key, value)), _) => visit(key, Some(value), None)?,
            (Ordering::Greater, _, Some((key, value))) => visit(key, None, Some(value))?,
            (Ordering::Equal, Some((key, old)), Some((_, new))) if old != new => {
                visit(key, Some(old), Some(new))?;
            }
            _ => {}
        }
        if order != Ordering::Greater {
            olds.advance()?;
        }
        if order != Ordering::Less {
            news.advance()?;
        }
    }
}

fn rebased(space: Space, base: &NodeKey, range: &KeyRange) -> KeyRange {
    let prefix = base.in_space(space);
    let whole = KeyRange::prefix(&prefix);
    let end = match range.end() {
        Some(end) => Some([prefix.as_slice(), end].concat()),
        None => whole.end().map(<[u8]>::to_vec),
    };
    super::key::between([prefix.as_slice(), range.start()].concat(), end.as_deref())
}

struct Peeked<'a> {
    scan: Scan<'a>,
    strip: usize,
    entry: Option<(Vec<u8>, Vec<u8>)>,
}

impl<'a> Peeked<'a> {
    fn new(scan: Scan<'a>, strip: usize) -> Result<Self, Error> {
        let mut peeked = Self { scan, strip, entry: None };
        peeked.advance()?;
        Ok(peeked)
    }

    fn advance(&mut self) -> Result<(), Error> {
        let next = self.scan.next()?;
        let Some((key, value)) = next else {
            self.entry = None;
            return Ok(());
        };
        let key = key.get(self.strip..).unwrap_or_default();
        let (kept_key, kept_value) = self.entry.get_or_insert_default();
        kept_key.clear();
        kept_key.extend_from_slice(key);
        kept_value.clear();
        kept_value.extend_from_slice(value);
        Ok(())
    }
}

/// The nodes that differ in some ranges of stored keys.
pub(crate) fn diff(old: &Snapshot, new: &Snapshot, ranges: Vec<KeyRange>) -> Result<Diff, Error> {
    let root = NodeKey::root();
    let (old, new) = (Side { snapshot: old, base: &root }, Side { snapshot: new, base: &root });
    let mut found = Found::between(old, new);
    for range in merged(ranges) {
        if let Some(range) = part_in(&range, Space::Nodes) {
            found.nodes(&range)?;
        }
        if let Some(range) = part_in(&range, Space::Attributes) {
            found.attributes(&range)?;
        }
    }
    Ok(found.sorted())
}

/// The nodes that differ in a range of addresses; addresses and paths are from the bases on.
pub(crate) fn diff_sides(old: Side<'_>, new: Side<'_>, range: &KeyRange) -> Result<Diff, Error> {
    let mut found = Found::between(old, new);
    found.nodes(range)?;
    found.attributes(range)?;
    Ok(found.sorted())
}

/// Changes with their addresses. Paths are as the new state knows them.
struct Found<'a> {
    old: Side<'a>,
    new: Side<'a>,
    namer: Namer<'a>,
    changes: Vec<(NodeKey, Change)>,
}

impl<'a> Found<'a> {
    fn between(old: Side<'a>, new: Side<'a>) -> Self {
        Self { old, new, namer: Namer::new(new.snapshot), changes: Vec::new() }
    }

    fn sorted(mut self) -> Diff {
        // Stable: what is told of one node stays in order, its attributes last.
        self.changes.sort_by(|(a, _), (b, _)| a.cmp(b));
        Diff { changes: self.changes.into_iter().map(|(_, change)| change).collect() }
    }

    fn push(&mut self, key: &NodeKey, path: Path, kind: ChangeKind) {
        self.changes.push((key.clone(), Change { path, kind }));
    }

    fn nodes(&mut self, range: &KeyRange) -> Result<(), Error> {
        compare(Space::Nodes, self.old, self.new, range, &mut |address, before, after| {
            let key = NodeKey::from_bytes(address);
            let decode =
                |bytes: &[u8]| NodeRecord::decode(bytes).map_err(|problem| corrupt(&key, problem));
            self.node(&key, before.map(decode).transpose()?, after.map(decode).transpose()?)
        })
    }

    fn node(
        &mut self,
        key: &NodeKey,
        before: Option<NodeRecord>,
        after: Option<NodeRecord>,
    ) -> Result<(), Error> {
        let path = self.namer.path(key)?;
        match (before, after) {
            (Some(NodeRecord::Leaf(old)), Some(NodeRecord::Leaf(new))) => {
                self.push(key, path, ChangeKind::Modified { old, new });
            }
            (Some(NodeRecord::Entry { .. }), Some(NodeRecord::Entry { rank }))
            | (Some(NodeRecord::LeafListEntry { .. }), Some(NodeRecord::LeafListEntry { rank })) => {
                let after = self.predecessor(key, &rank)?;
                self.push(key, path, ChangeKind::Moved { after });
            }
            (before, after) => {
                if let Some(record) = before {
                    let value = leaf_value(record);
                    self.push(key, path.clone(), ChangeKind::Deleted { value });
                }
                if let Some(record) = after {
                    self.push(key, path, ChangeKind::Created { value: leaf_value(record) });
                }
            }
        }
        Ok(())
    }

    fn attributes(&mut self, range: &KeyRange) -> Result<(), Error> {
        compare(Space::Attributes, self.old, self.new, range, &mut |stored, before, after| {
            let key = address_of(stored);
            let name = stored.get(key.len() + 1..stored.len().saturating_sub(1));
            let name = decode_name(name.unwrap_or_default());
            let name = name.map_err(|problem| corrupt(&key, problem))?;
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let (old, new) = (before.map(text), after.map(text));
            let (path, name) = (self.namer.path(&key)?, self.namer.attribute(&name)?);
            self.push(&key, path, ChangeKind::Attribute { name, old, new });
            Ok(())
        })
    }

    /// The entry ahead of the one with this rank.
    fn predecessor(&self, entry: &NodeKey, rank: &[u8]) -> Result<Option<Path>, Error> {
        let Some((list, _)) = entry.split_last() else {
            return Ok(None);
        };
        let mut stored_list = self.new.base.clone();
        stored_list.push_bytes(list.as_bytes());
        let prefix = stored_list.order_prefix();
        let end = [prefix.as_slice(), rank].concat();
        let mut scan = self.new.snapshot.scan_reverse(&super::key::between(prefix, Some(&end)));
        let Some((_, step)) = scan.next()? else {
            return Ok(None);
        };
        let mut before = list;
        before.push_bytes(step);
        self.namer.path(&before).map(Some)
    }
}

fn leaf_value(record: NodeRecord) -> Option<Value> {
    match record {
        NodeRecord::Leaf(value) => Some(value),
        _ => None,
    }
}

/// The part of a range of stored keys that is in a space, as addresses.
pub(crate) fn part_in(range: &KeyRange, space: Space) -> Option<KeyRange> {
    let space = KeyRange::prefix(&[space as u8]);
    if !range.overlaps(&space) {
        return None;
    }
    let start = if space.contains(range.start()) { range.start().get(1..)? } else { &[] };
    let end = range.end().filter(|end| space.contains(end)).and_then(|end| end.get(1..));
    Some(super::key::between(start.to_vec(), end))
}

/// The same keys in sorted ranges that do not overlap.
pub(crate) fn merged(mut ranges: Vec<KeyRange>) -> Vec<KeyRange> {
    ranges.sort();
    let mut merged: Vec<KeyRange> = Vec::new();
    for range in ranges {
        match merged.last_mut() {
            Some(last) if last.end().is_none_or(|end| range.start() <= end) => {
                let end = match (last.end(), range.end()) {
                    (Some(a), Some(b)) => Some(a.max(b).to_vec()),
                    _ => None,
                };
                *last = super::key::between(last.start().to_vec(), end.as_deref());
            }
            _ => merged.push(range),
        }
    }
    merged
}
