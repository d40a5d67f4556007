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
        if let Some(Parted { separator, right }) = parted {
            let mut separators = Packed::default();
            separators.insert(0, &separator, 0, &[]);
            let children = vec![root.clone(), right];
            *root = Arc::new(Node::Branch(Branch { separators, children }));
        }
        answer
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
    fn copy(&self, spare: &mut Spare) -> Self {
        let separators = self.separators.copy(spare.take());
        Self { separators, children: self.children.clone() }
    }

    /// The child that has `key`, if one has.
    pub fn index_of(&self, key: &[u8]) -> usize {
        self.separators.search(key).map_or_else(|index| index, |index| index + 1)
    }

    fn adopt(&mut self, index: usize, parted: Parted) -> Option<Parted> {
        self.separators.insert(index, &parted.separator, 0, &[]);
        self.children.insert((index + 1).min(self.children.len()), parted.right);
        if self.children.len() <= BRANCH_MAX_CHILDREN {
            return None;
        }
        let at = middle(self.children.len(), index + 1);
        let children = self.children.split_off(at);
        let separators = self.separators.split_off(at);
        // The one between the halves belongs to neither.
        let separator = self.separators.key(at - 1);
        self.separators.remove(at - 1);
        let right = Arc::new(Node::Branch(Self { separators, children }));
        Some(Parted { separator, right })
    }

    fn forget(&mut self, index: usize) {
        self.children.remove(index);
        self.separators.remove(index.saturating_sub(1));
    }
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
