//! What is different between two states.

use std::cmp::Ordering;

use super::error::Error;
use super::key::{NodeKey, Space};
use super::path::{KeyText, Path, Selector};
use super::record::NodeRecord;
use super::tree::{corrupt, path_of};
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

/// Whether `path` is the node that `point` names, or below it.
pub(crate) fn is_below(path: &Path, point: &Path) -> bool {
    let (steps, wanted) = (path.steps(), point.steps());
    steps.len() >= wanted.len()
        && wanted.iter().zip(steps).all(|(wanted, step)| {
            wanted.name == step.name && selects(wanted.selector.as_ref(), step.selector.as_ref())
        })
}

fn selects(wanted: Option<&Selector>, selector: Option<&Selector>) -> bool {
    match (wanted, selector) {
        (None, _) => true,
        (Some(Selector::Keys(wanted)), Some(Selector::Keys(keys))) => {
            let fits =
                |(wanted, key): (&KeyText, &KeyText)| *wanted == KeyText::Any || wanted == key;
            wanted.len() == keys.len() && wanted.iter().zip(keys).all(fits)
        }
        (Some(_), _) => false,
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
    super::tree::between([prefix.as_slice(), range.start()].concat(), end.as_deref())
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
    let mut diff = Diff::default();
    let (old, new) = (Side { snapshot: old, base: &root }, Side { snapshot: new, base: &root });
    for range in merged(ranges) {
        if let Some(range) = part_in(&range, Space::Nodes) {
            diff_range(old, new, &range, &mut diff)?;
        }
    }
    Ok(diff)
}

/// The nodes that differ in a range of addresses; addresses and paths are from the bases on.
pub(crate) fn diff_sides(old: Side<'_>, new: Side<'_>, range: &KeyRange) -> Result<Diff, Error> {
    let mut diff = Diff::default();
    diff_range(old, new, range, &mut diff)?;
    Ok(diff)
}

fn diff_range(old: Side<'_>, new: Side<'_>, range: &KeyRange, out: &mut Diff) -> Result<(), Error> {
    compare(Space::Nodes, old, new, range, &mut |address, before, after| {
        let key = NodeKey::from_bytes(address);
        let decode =
            |bytes: &[u8]| NodeRecord::decode(bytes).map_err(|problem| corrupt(&key, problem));
        let before = before.map(decode).transpose()?;
        let after = after.map(decode).transpose()?;
        let path = path_of(&key)?;
        match (before, after) {
            (Some(NodeRecord::Leaf(old)), Some(NodeRecord::Leaf(new))) => {
                out.push(path, ChangeKind::Modified { old, new });
            }
            (Some(NodeRecord::Entry { .. }), Some(NodeRecord::Entry { rank }))
            | (Some(NodeRecord::LeafListEntry { .. }), Some(NodeRecord::LeafListEntry { rank })) => {
                let after = predecessor(new, &key, &rank)?;
                out.push(path, ChangeKind::Moved { after });
            }
            (before, after) => {
                if let Some(record) = before {
                    out.push(path.clone(), ChangeKind::Deleted { value: leaf_value(record) });
                }
                if let Some(record) = after {
                    out.push(path, ChangeKind::Created { value: leaf_value(record) });
                }
            }
        }
        Ok(())
    })
}

impl Diff {
    fn push(&mut self, path: Path, kind: ChangeKind) {
        self.changes.push(Change { path, kind });
    }
}

fn leaf_value(record: NodeRecord) -> Option<Value> {
    match record {
        NodeRecord::Leaf(value) => Some(value),
        _ => None,
    }
}

/// The entry ahead of the one with this rank.
fn predecessor(side: Side<'_>, entry: &NodeKey, rank: &[u8]) -> Result<Option<Path>, Error> {
    let Some((list, _)) = entry.split_last() else {
        return Ok(None);
    };
    let mut stored_list = side.base.clone();
    stored_list.push_bytes(list.as_bytes());
    let prefix = stored_list.order_prefix();
    let end = [prefix.as_slice(), rank].concat();
    let mut scan = side.snapshot.scan_reverse(&super::tree::between(prefix, Some(&end)));
    let Some((_, step)) = scan.next()? else {
        return Ok(None);
    };
    let mut before = list;
    before.push_bytes(step);
    path_of(&before).map(Some)
}

/// The part of a range of stored keys that is in a space, as addresses.
pub(crate) fn part_in(range: &KeyRange, space: Space) -> Option<KeyRange> {
    let space = KeyRange::prefix(&[space as u8]);
    if !range.overlaps(&space) {
        return None;
    }
    let start = if space.contains(range.start()) { range.start().get(1..)? } else { &[] };
    let end = range.end().filter(|end| space.contains(end)).and_then(|end| end.get(1..));
    Some(super::tree::between(start.to_vec(), end))
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
                *last = super::tree::between(last.start().to_vec(), end.as_deref());
            }
            _ => merged.push(range),
        }
    }
    merged
}
