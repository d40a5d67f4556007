//! A persistent ordered map from keys to payloads: a B+ tree of packed pages.
//!
//! A clone shares all pages; a change copies those on its way that are shared, and changes the others in place. So a
//! transaction of many changes copies a page once, and what a snapshot holds is never touched.
//!
//! Pages do not grow together again when keys are removed, except that an empty one goes: the tree lives until the
//! next compaction, and what is deleted leaves a tombstone behind anyway.

use std::sync::Arc;

use super::packed::{Buffers, Packed};
use super::spare::Spare;
use crate::journal::image::separator;

/// A leaf is parted when it has more entries than this.
const LEAF_MAX_ENTRIES: usize = 64;
/// Or more bytes than this, and more than a few entries.
const LEAF_MAX_BYTES: usize = 6 << 10;
const LEAF_MIN_ENTRIES: usize = 8;
/// A branch is parted when it has more children than this. A copy of it touches the counters of all of them.
const BRANCH_MAX_CHILDREN: usize = 32;
/// So many keys for one leaf are merged with it, and not put into it one by one.
const MERGE_ITEMS: usize = 8;
/// How full pages are that are built from keys in order.
const BUILD_LEAF_ENTRIES: usize = 56;
const BUILD_LEAF_BYTES: usize = 5 << 10;
const BUILD_CHILDREN: usize = 28;

/// Keys with kinds and payloads.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    root: Option<Arc<Node>>,
    spare: Spare,
}

#[derive(Debug)]
pub enum Node {
    Leaf(Packed),
    Branch(Branch),
}

/// Children in order of their keys. `separators` has one key less: all keys of a child are at or after the separator
/// on its left and before that on its right.
#[derive(Debug)]
pub struct Branch {
    pub separators: Packed,
    pub children: Vec<Arc<Node>>,
}

/// A key, a kind and a payload.
pub type Item<'a> = (&'a [u8], u8, &'a [u8]);

/// What a page parted with: its keys begin at the separator.
struct Parted {
    separator: Vec<u8>,
    right: Arc<Node>,
}

impl Tree {
    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.root.is_none()
    }

    /// The first page.
    pub fn root(&self) -> Option<&Node> {
        self.root.as_deref()
    }

    /// Kind and payload of `key`.
    pub fn get(&self, key: &[u8]) -> Option<(u8, &[u8])> {
        let mut node = self.root()?;
        loop {
            match node {
                Node::Leaf(leaf) => return leaf.payload(leaf.search(key).ok()?),
                Node::Branch(branch) => node = branch.children.get(branch.index_of(key))?,
            }
        }
    }

    /// Sets kind and payload of `key`, and hands those that it had before to `before`.
    pub fn insert<T>(
        &mut self,
        item: Item<'_>,
        before: impl FnOnce(Option<(u8, &[u8])>) -> T,
    ) -> T {
        let root = self.root.get_or_insert_with(|| Arc::new(Node::Leaf(Packed::default())));
        let (answer, parted) = insert(root, item, before, &mut self.spare);
        if let Some(parted) = parted {
            let mut above = Branch::over(root.clone());
            above.take_in(0, parted);
            *root = Arc::new(Node::Branch(above));
        }
        answer
    }

    /// Sets kinds and payloads of keys that are in order, and hands those that each had before to `before`, in the same
    /// order.
    pub fn insert_sorted(
        &mut self,
        items: &[Item<'_>],
        before: &mut impl FnMut(Option<(u8, &[u8])>),
    ) {
        let root = self.root.get_or_insert_with(|| Arc::new(Node::Leaf(Packed::default())));
        let mut parted = insert_sorted(root, items, before, &mut self.spare);
        while !parted.is_empty() {
            let mut above = Branch::over(root.clone());
            for (index, parted) in parted.into_iter().enumerate() {
                above.take_in(index, parted);
            }
            parted = above.part();
            *root = Arc::new(Node::Branch(above));
        }
    }

    /// Removes `key`.
    pub fn remove(&mut self, key: &[u8]) {
        if self.get(key).is_some()
            && let Some(root) = &mut self.root
            && remove(root, key, &mut self.spare)
        {
            self.root = None;
        }
    }

    /// Lets go of the tree, and gives the memory of the pages that nobody else has.
    pub fn into_buffers(self) -> Vec<Buffers> {
        let mut buffers = Vec::new();
        self.root.into_iter().for_each(|root| take_apart(root, &mut buffers));
        buffers
    }

    /// Memory for the pages that will be copied.
    pub fn keep_spare(&mut self, buffers: Vec<Buffers>) {
        self.spare.keep(buffers);
    }

    /// A tree of keys that are in order already.
    pub fn of_sorted<'a>(items: &[Item<'a>]) -> Self {
        let mut level: Vec<(&'a [u8], Arc<Node>)> = Vec::new();
        let mut before: Option<&[u8]> = None;
        for leaf in leaves(items) {
            let (Some(first), Some(last)) = (leaf.first(), leaf.last()) else { continue };
            let start = before.map_or(&[][..], |before| separator(before, first.0));
            level.push((start, Arc::new(Node::Leaf(Packed::of_sorted(leaf.iter().copied())))));
            before = Some(last.0);
        }
        while level.len() > 1 {
            level = level.chunks(BUILD_CHILDREN).map(branch_of).collect();
        }
        Self { root: level.pop().map(|(_, root)| root), spare: Spare::default() }
    }
}

/// A branch over nodes with the keys that they begin at.
fn branch_of<'a>(part: &[(&'a [u8], Arc<Node>)]) -> (&'a [u8], Arc<Node>) {
    let start = part.first().map(|(start, _)| *start).unwrap_or_default();
    let separators = part.iter().skip(1).map(|(start, _)| (*start, 0, &[][..]));
    let children = part.iter().map(|(_, node)| node.clone()).collect();
    (start, Arc::new(Node::Branch(Branch { separators: Packed::of_sorted(separators), children })))
}

/// Cuts items into pieces for leaves.
fn leaves<'i, 'a>(mut items: &'i [Item<'a>]) -> impl Iterator<Item = &'i [Item<'a>]> {
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = items.iter().take(BUILD_LEAF_ENTRIES).take_while(|(key, _, payload)| {
            bytes += key.len() + payload.len();
            bytes <= BUILD_LEAF_BYTES
        });
        let count = fits.count().max(1);
        let (leaf, rest) = items.split_at_checked(count)?;
        items = rest;
        Some(leaf)
    })
}

impl Branch {
    fn over(child: Arc<Node>) -> Self {
        Self { separators: Packed::default(), children: vec![child] }
    }

    fn copy(&self, spare: &mut Spare) -> Self {
        let separators = self.separators.copy(spare.take());
        Self { separators, children: self.children.clone() }
    }

    /// The child that has `key`, if one has.
    pub fn index_of(&self, key: &[u8]) -> usize {
        self.separators.search(key).map_or_else(|index| index, |index| index + 1)
    }

    fn adopt(&mut self, index: usize, parted: Parted) -> Option<Parted> {
        self.take_in(index, parted);
        let len = self.children.len();
        (len > BRANCH_MAX_CHILDREN).then(|| self.split_off(middle(len, index + 1)))
    }

    /// A child more, behind the one at `index`.
    fn take_in(&mut self, index: usize, parted: Parted) {
        self.separators.insert(index, &parted.separator, 0, &[]);
        self.children.insert((index + 1).min(self.children.len()), parted.right);
    }

    /// Parts with the children from `at` on.
    fn split_off(&mut self, at: usize) -> Parted {
        let children = self.children.split_off(at);
        let separators = self.separators.split_off(at);
        // The one between the halves belongs to neither.
        let separator = self.separators.key(at - 1);
        self.separators.remove(at - 1);
        Parted { separator, right: Arc::new(Node::Branch(Self { separators, children })) }
    }

    /// Parts with as many pieces as it takes to be no larger than it may.
    fn part(&mut self) -> Vec<Parted> {
        let mut parted = Vec::new();
        if self.children.len() > BRANCH_MAX_CHILDREN {
            while let Some(at) = last_piece(self.children.len()) {
                parted.push(self.split_off(at));
            }
            parted.reverse();
        }
        parted
    }

    fn forget(&mut self, index: usize) {
        self.children.remove(index);
        self.separators.remove(index.saturating_sub(1));
    }
}

/// Where the last of the pieces of `len` children begins; `None` for a single piece.
fn last_piece(len: usize) -> Option<usize> {
    let before = len.saturating_sub(1) / BUILD_CHILDREN * BUILD_CHILDREN;
    (before > 0).then_some(before)
}

/// Where to part a page of `len`, into which something was just inserted at `index`: keys that come in order fill
/// their pages.
fn middle(len: usize, index: usize) -> usize {
    if index + 1 >= len { len - len / 8 } else { len / 2 }
}

/// A page to change: itself when nobody else has it, or else a copy in its place.
fn own<'a>(node: &'a mut Arc<Node>, spare: &mut Spare) -> Option<&'a mut Node> {
    if Arc::get_mut(node).is_none() {
        *node = Arc::new(match &**node {
            Node::Leaf(leaf) => Node::Leaf(leaf.copy(spare.take())),
            Node::Branch(branch) => Node::Branch(branch.copy(spare)),
        });
    }
    // Nobody else can have it now.
    Arc::get_mut(node)
}

fn take_apart(node: Arc<Node>, buffers: &mut Vec<Buffers>) {
    match Arc::into_inner(node) {
        None => {}
        Some(Node::Leaf(leaf)) => buffers.push(leaf.into_buffers()),
        Some(Node::Branch(Branch { separators, children })) => {
            children.into_iter().for_each(|child| take_apart(child, buffers));
            buffers.push(separators.into_buffers());
        }
    }
}

fn insert<T>(
    node: &mut Arc<Node>,
    item: Item<'_>,
    before: impl FnOnce(Option<(u8, &[u8])>) -> T,
    spare: &mut Spare,
) -> (T, Option<Parted>) {
    match own(node, spare) {
        None => (before(None), None),
        Some(Node::Leaf(leaf)) => insert_into_leaf(leaf, item, before),
        Some(Node::Branch(branch)) => {
            let index = branch.index_of(item.0);
            // There is one child more than separators, so the index is one of a child.
            let Some(child) = branch.children.get_mut(index) else { return (before(None), None) };
            let (answer, parted) = insert(child, item, before, spare);
            (answer, parted.and_then(|parted| branch.adopt(index, parted)))
        }
    }
}

fn insert_into_leaf<T>(
    leaf: &mut Packed,
    (key, kind, payload): Item<'_>,
    before: impl FnOnce(Option<(u8, &[u8])>) -> T,
) -> (T, Option<Parted>) {
    let index = match leaf.search(key) {
        Ok(index) => {
            let answer = before(leaf.payload(index));
            leaf.replace(index, kind, payload);
            return (answer, None);
        }
        Err(index) => index,
    };
    leaf.insert(index, key, kind, payload);
    let large = leaf.live_bytes() > LEAF_MAX_BYTES && leaf.len() >= LEAF_MIN_ENTRIES;
    if leaf.len() <= LEAF_MAX_ENTRIES && !large {
        return (before(None), None);
    }
    let at = middle(leaf.len(), index);
    let right = leaf.split_off(at);
    let separator = separator(&leaf.key(at - 1), &right.key(0)).to_vec();
    (before(None), Some(Parted { separator, right: Arc::new(Node::Leaf(right)) }))
}

/// The same for several keys in order, each page once.
fn insert_sorted(
    node: &mut Arc<Node>,
    items: &[Item<'_>],
    before: &mut impl FnMut(Option<(u8, &[u8])>),
    spare: &mut Spare,
) -> Vec<Parted> {
    if let Node::Leaf(leaf) = &**node
        && items.len() >= MERGE_ITEMS
    {
        let (first, parted) = merge(leaf, items, before);
        *node = first;
        return parted;
    }
    match own(node, spare) {
        None => Vec::new(),
        Some(Node::Leaf(leaf)) => insert_few(leaf, items, before, spare),
        Some(Node::Branch(branch)) => {
            insert_below(branch, items, before, spare);
            branch.part()
        }
    }
}

/// Hands each child its share. The branch may be too large afterwards.
fn insert_below(
    branch: &mut Branch,
    mut items: &[Item<'_>],
    before: &mut impl FnMut(Option<(u8, &[u8])>),
    spare: &mut Spare,
) {
    let mut next = items.first().map(|item| branch.index_of(item.0));
    while let Some(index) = next.take() {
        let mut count = 1;
        for item in items.iter().skip(1) {
            let other = branch.index_of(item.0);
            if other != index {
                next = Some(other);
                break;
            }
            count += 1;
        }
        let (share, rest) = items.split_at(count.min(items.len()));
        items = rest;
        let Some(child) = branch.children.get_mut(index) else { return };
        for (behind, parted) in insert_sorted(child, share, before, spare).into_iter().enumerate() {
            branch.take_in(index + behind, parted);
            next = next.map(|next| next + 1);
        }
    }
}

/// One after the other; what comes behind a place where the leaf parts goes to the right of it.
fn insert_few(
    leaf: &mut Packed,
    items: &[Item<'_>],
    before: &mut impl FnMut(Option<(u8, &[u8])>),
    spare: &mut Spare,
) -> Vec<Parted> {
    for (index, item) in items.iter().enumerate() {
        let ((), parted) = insert_into_leaf(leaf, *item, &mut *before);
        if let Some(Parted { separator, mut right }) = parted {
            let rest = items.get(index + 1..).unwrap_or_default();
            let (left, behind) =
                rest.split_at(rest.partition_point(|item| item.0 < separator.as_slice()));
            let mut all = insert_few(leaf, left, before, spare);
            let further = insert_sorted(&mut right, behind, before, spare);
            all.push(Parted { separator, right });
            all.extend(further);
            return all;
        }
    }
    Vec::new()
}

/// Many keys and a leaf, written anew as one leaf or several.
fn merge(
    leaf: &Packed,
    items: &[Item<'_>],
    before: &mut impl FnMut(Option<(u8, &[u8])>),
) -> (Arc<Node>, Vec<Parted>) {
    let keys: Vec<Vec<u8>> = (0..leaf.len()).map(|index| leaf.key(index)).collect();
    let mut merged: Vec<Item<'_>> = Vec::with_capacity(keys.len() + items.len());
    let mut there = 0;
    for item in items {
        while let Some(key) = keys.get(there).filter(|key| key.as_slice() < item.0) {
            merged.extend(leaf.payload(there).map(|(kind, payload)| (&key[..], kind, payload)));
            there += 1;
        }
        let known = keys.get(there).is_some_and(|key| key.as_slice() == item.0);
        before(leaf.payload(there).filter(|_| known));
        there += usize::from(known);
        merged.push(*item);
    }
    for (index, key) in keys.iter().enumerate().skip(there) {
        merged.extend(leaf.payload(index).map(|(kind, payload)| (&key[..], kind, payload)));
    }
    built(&merged)
}

fn built(items: &[Item<'_>]) -> (Arc<Node>, Vec<Parted>) {
    let mut pieces = leaves(items);
    let mut last = pieces.next().unwrap_or_default();
    let page = |piece: &[Item<'_>]| Arc::new(Node::Leaf(Packed::of_sorted(piece.iter().copied())));
    let first = page(last);
    let parted = pieces.map(|piece| {
        let ends = (last.last(), piece.first());
        let separator = match ends {
            (Some(before), Some(after)) => separator(before.0, after.0).to_vec(),
            _ => Vec::new(),
        };
        last = piece;
        Parted { separator, right: page(piece) }
    });
    let parted = parted.collect();
    (first, parted)
}

/// Removes a key that is there. Answers whether nothing is left of the node.
fn remove(node: &mut Arc<Node>, key: &[u8], spare: &mut Spare) -> bool {
    match own(node, spare) {
        None => false,
        Some(Node::Leaf(leaf)) => {
            if let Ok(index) = leaf.search(key) {
                leaf.remove(index);
            }
            leaf.len() == 0
        }
        Some(Node::Branch(branch)) => {
            let index = branch.index_of(key);
            if branch.children.get_mut(index).is_some_and(|child| remove(child, key, spare)) {
                branch.forget(index);
            }
            branch.children.is_empty()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No page is larger than it may be, and each has keys of its part only. Answers how many keys are below.
    fn check(node: &Node, from: &[u8], to: Option<&[u8]>) -> usize {
        let is_inside = |key: &[u8]| key >= from && to.is_none_or(|to| key < to);
        match node {
            Node::Leaf(leaf) => {
                assert!(leaf.len() <= LEAF_MAX_ENTRIES, "{} entries", leaf.len());
                assert!(leaf.live_bytes() <= LEAF_MAX_BYTES || leaf.len() < LEAF_MIN_ENTRIES);
                assert!((0..leaf.len()).all(|index| is_inside(&leaf.key(index))));
                leaf.len()
            }
            Node::Branch(Branch { separators, children }) => {
                assert!(children.len() <= BRANCH_MAX_CHILDREN, "{} children", children.len());
                assert_eq!(separators.len() + 1, children.len());
                let keys: Vec<_> =
                    (0..separators.len()).map(|index| separators.key(index)).collect();
                assert!(keys.iter().all(|key| is_inside(key)));
                let starts = std::iter::once(from).chain(keys.iter().map(Vec::as_slice));
                let ends = keys.iter().map(|key| Some(key.as_slice())).chain([to]);
                let bounds = starts.zip(ends);
                children.iter().zip(bounds).map(|(child, (from, to))| check(child, from, to)).sum()
            }
        }
    }

    #[test]
    fn pages_stay_small_however_many_keys_come_at_once() {
        let keys: Vec<_> = (0..40_000_u32).map(u32::to_be_bytes).collect();
        let items: Vec<Item<'_>> = keys.iter().map(|key| (&key[..], 0, &b"payload"[..])).collect();
        let every = |step: usize, first: usize| -> Vec<_> {
            items.iter().skip(first).step_by(step).copied().collect()
        };
        for (few, many) in [
            (every(40_000, 0), every(1, 0)),
            (every(2, 0), every(2, 1)),
            (every(100, 7), every(1, 0)),
        ] {
            let mut tree = Tree::of_sorted(&few);
            assert_eq!(check(tree.root().unwrap(), b"", None), few.len());
            let mut known = 0;
            tree.insert_sorted(&many, &mut |before| known += usize::from(before.is_some()));
            let count = check(tree.root().unwrap(), b"", None);
            assert_eq!(count + known, few.len() + many.len());
            assert_eq!(count, keys.len());
        }
        let mut tree = Tree::default();
        for number in 0..items.len() {
            let item = items[number * 7919 % items.len()];
            assert!(tree.insert(item, |before| before.is_none()), "{number}");
        }
        assert_eq!(check(tree.root().unwrap(), b"", None), keys.len());
    }
}
