//! The revisions of a document: a forest, since what two sides have may share no known ancestor.
//!
//! A node is a depth and a hash; the same depth and hash are the same node. Leaves have bodies; inner nodes may have one
//! until a compaction takes it.
//!
//! A tree is a set of nodes and a set of edges, and a merge is the union of both: whatever the order in which histories
//! come, in whatever parts and however often, the tree is the same. Two histories may contradict each other about the
//! parent of a node. Both edges are kept then, and the parent with the highest hash is shown.
//!
//! A branch is shown down to the limit of revisions. It is kept [`SPARE_REVISIONS`] deeper, so that an ancestor that comes
//! late is recognized and does not become a conflict.

use std::cmp::Reverse;

use super::revision::{Revision, RevisionPath};

/// Where a body is, and what it counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct BodyRef {
    /// Its number in the shard.
    pub number: u64,
    /// Bytes of its key and value; known only of leaves.
    pub stored_bytes: u64,
    /// What it adds to the external size; known only of leaves.
    pub external_bytes: u64,
    /// Whether it names attachments.
    pub attached: bool,
}

/// Revisions of a branch that are kept below those that are shown.
pub(super) const SPARE_REVISIONS: u64 = 100;

/// A revision in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Node {
    /// The node before it; of several, the one with the highest hash.
    pub parent: Option<usize>,
    /// Edges that lead to it from below.
    pub children: u32,
    pub revision: Revision,
    pub deleted: bool,
    pub body: Option<BodyRef>,
}

/// What a revision brings beside its history.
#[derive(Clone, Copy, Debug)]
pub(super) struct NewBody {
    pub deleted: bool,
    pub body: BodyRef,
}

/// What came of a merge.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Merged {
    /// Whether the tree is another one now.
    pub is_changed: bool,
    /// Bodies that are not those of leaves any more, or never were.
    pub superseded: Vec<BodyRef>,
}

/// The forest. Nodes refer to each other by index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tree {
    pub nodes: Vec<Node>,
    /// Where histories contradict each other: nodes with a parent that they have beside [`Node::parent`]. In order.
    pub other_parents: Vec<(usize, usize)>,
}

impl Tree {
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    pub fn node(&self, index: usize) -> Option<&Node> {
        self.nodes.get(index)
    }

    /// The node of a revision.
    pub fn find(&self, revision: &Revision) -> Option<usize> {
        self.nodes.iter().position(|node| node.revision == *revision)
    }

    /// The node of a revision, if it is a leaf.
    pub fn find_leaf(&self, revision: &Revision) -> Option<usize> {
        self.find(revision).filter(|index| self.is_leaf(*index))
    }

    pub fn is_leaf(&self, index: usize) -> bool {
        self.nodes.get(index).is_some_and(|node| node.children == 0)
    }

    fn leaf_indexes(&self) -> impl Iterator<Item = usize> + '_ {
        self.nodes.iter().enumerate().filter(|(_, node)| node.children == 0).map(|(index, _)| index)
    }

    /// The leaf that everybody agrees on: not deleted before deleted, then the deepest, then the highest hash.
    pub fn winner(&self) -> Option<usize> {
        self.leaf_indexes().max_by_key(|index| self.rank(*index))
    }

    fn rank(&self, index: usize) -> Option<(bool, &Revision)> {
        self.nodes.get(index).map(|node| (!node.deleted, &node.revision))
    }

    /// The leaves, the winner first.
    pub fn ranked_leaves(&self) -> Vec<usize> {
        let mut leaves: Vec<_> = self.leaf_indexes().collect();
        leaves.sort_by(|left, right| self.rank(*right).cmp(&self.rank(*left)));
        leaves
    }

    /// The leaves in the order in which CouchDB lists them: trees from the last to the first, in each tree from the
    /// lowest hash to the highest.
    pub fn listed_leaves(&self) -> Vec<usize> {
        let mut leaves: Vec<_> =
            self.leaf_indexes().map(|index| (self.path(index), index)).collect();
        leaves.sort_by(|(left, _), (right, _)| {
            let root = |path: &RevisionPath| {
                let depth = path.start.saturating_sub(path.hashes.len() as u64);
                (depth, path.hashes.last().cloned())
            };
            root(right)
                .cmp(&root(left))
                .then_with(|| left.hashes.iter().rev().cmp(right.hashes.iter().rev()))
        });
        leaves.into_iter().map(|(_, index)| index).collect()
    }

    /// The leaves that descend from a node, in the listed order; itself when it is one.
    pub fn leaves_below(&self, ancestor: usize) -> Vec<usize> {
        let mut below = vec![false; self.nodes.len()];
        let mut order: Vec<_> =
            self.nodes.iter().map(|node| node.revision.depth).enumerate().collect();
        order.sort_by_key(|(_, depth)| *depth);
        for (index, _) in order {
            let is_below = |index: usize| below.get(index) == Some(&true);
            let descends = index == ancestor || self.parents(index).any(is_below);
            if let Some(below) = below.get_mut(index) {
                *below = descends;
            }
        }
        let is_below = |leaf: &usize| below.get(*leaf) == Some(&true);
        self.listed_leaves().into_iter().filter(is_below).collect()
    }

    /// How far above the nearest of `leaves` each node is, by all edges; `None` from `limit` on.
    fn distances(&self, mut leaves: Vec<usize>, limit: usize) -> Vec<Option<usize>> {
        // An edge leads one revision up, so all ways from a leaf to a node are as long. The leaf that is not as deep is
        // the nearer one: taken first, nothing is looked at twice.
        leaves.sort_by_key(|leaf| self.nodes.get(*leaf).map(|node| Reverse(node.revision.depth)));
        let mut distances = vec![None; self.nodes.len()];
        let mut waiting: Vec<_> = leaves.into_iter().map(|leaf| (leaf, 0)).collect();
        while let Some((index, distance)) = waiting.pop() {
            let Some(known) = distances.get_mut(index).filter(|known| known.is_none()) else {
                continue;
            };
            if distance < limit {
                *known = Some(distance);
                waiting.extend(self.parents(index).map(|parent| (parent, distance + 1)));
            }
        }
        distances
    }

    /// The parents of a node, the shown one first.
    fn parents(&self, index: usize) -> impl Iterator<Item = usize> + '_ {
        let shown = self.nodes.get(index).and_then(|node| node.parent);
        let first = self.other_parents.partition_point(|(child, _)| *child < index);
        let others =
            self.other_parents.iter().skip(first).take_while(move |(child, _)| *child == index);
        shown.into_iter().chain(others.map(|(_, parent)| *parent))
    }

    /// Notes a parent that is not the shown one.
    pub fn add_other_parent(&mut self, child: usize, parent: usize) {
        if let Err(place) = self.other_parents.binary_search(&(child, parent)) {
            self.other_parents.insert(place, (child, parent));
        }
    }

    /// A node and its ancestors.
    pub fn ancestors(&self, index: usize) -> impl Iterator<Item = usize> + '_ {
        std::iter::successors(Some(index), |index| self.nodes.get(*index)?.parent)
    }

    /// A node with its ancestors, newest first.
    pub fn path(&self, index: usize) -> RevisionPath {
        let start = self.nodes.get(index).map_or(0, |node| node.revision.depth);
        let nodes = self.ancestors(index).filter_map(|index| self.nodes.get(index));
        RevisionPath { start, hashes: nodes.map(|node| node.revision.hash.clone()).collect() }
    }

    /// Adds a revision with its ancestors, and what it brings if that is not there yet.
    pub fn merge(&mut self, path: &RevisionPath, new: Option<NewBody>) -> Merged {
        let mut merged = Merged::default();
        let mut parent = None;
        let places = self.places(path);
        for (back, (place, hash)) in places.into_iter().zip(&path.hashes).enumerate().rev() {
            let depth = path.start.saturating_sub(back as u64);
            let index = place.unwrap_or_else(|| {
                merged.is_changed = true;
                self.push(Revision { depth, hash: hash.clone() })
            });
            if let Some(parent) = parent {
                self.link(index, parent, &mut merged);
            }
            parent = Some(index);
        }
        if let (Some(node), Some(new)) = (parent.and_then(|index| self.nodes.get_mut(index)), new) {
            node.deleted = new.deleted;
            node.body = Some(new.body);
            merged.is_changed = true;
            merged.superseded.extend(node.body.filter(|_| node.children > 0));
        }
        merged
    }

    /// The nodes of a path that are there, in its order.
    fn places(&self, path: &RevisionPath) -> Vec<Option<usize>> {
        let mut places = vec![None; path.hashes.len()];
        for (index, node) in self.nodes.iter().enumerate() {
            let back = path.start.checked_sub(node.revision.depth);
            let Some(back) = back.and_then(|back| usize::try_from(back).ok()) else {
                continue;
            };
            if path.hashes.get(back) == Some(&node.revision.hash)
                && let Some(place) = places.get_mut(back)
            {
                *place = Some(index);
            }
        }
        places
    }

    fn push(&mut self, revision: Revision) -> usize {
        self.nodes.push(Node { parent: None, children: 0, revision, deleted: false, body: None });
        self.nodes.len() - 1
    }

    /// Adds an edge.
    fn link(&mut self, child: usize, parent: usize, merged: &mut Merged) {
        if self.parents(child).any(|known| known == parent) {
            return;
        }
        merged.is_changed = true;
        if let Some(node) = self.nodes.get_mut(parent) {
            if node.children == 0 {
                merged.superseded.extend(node.body);
            }
            node.children += 1;
        }
        self.set_parent(child, parent);
    }

    /// Shows the parent with the higher hash and keeps the other.
    fn set_parent(&mut self, child: usize, parent: usize) {
        let hash = |index: usize| self.nodes.get(index).map(|node| &node.revision.hash);
        let shown = self.nodes.get(child).and_then(|node| node.parent);
        let (shown, other) = match shown {
            Some(shown) if hash(shown) > hash(parent) => (shown, Some(parent)),
            shown => (parent, shown),
        };
        if let Some(other) = other {
            self.add_other_parent(child, other);
        }
        if let Some(node) = self.nodes.get_mut(child) {
            node.parent = Some(shown);
        }
    }

    /// Keeps what is shown: `limit` revisions of each branch.
    pub fn show(&mut self, limit: u64) {
        let limit = usize::try_from(limit.max(1)).unwrap_or(usize::MAX);
        if self.nodes.len() <= limit {
            return;
        }
        let distances = self.distances(self.leaf_indexes().collect(), limit);
        if distances.iter().any(Option::is_none) {
            self.retain(&distances.iter().map(Option::is_some).collect::<Vec<_>>());
        }
    }

    /// Keeps what is stored: what is shown, and the spare revisions. Whether that is less than before.
    pub fn stem(&mut self, limit: u64) -> bool {
        let before = self.nodes.len();
        self.show(limit.max(1).saturating_add(SPARE_REVISIONS));
        self.nodes.len() < before
    }

    /// Removes a leaf and the ancestors that only it had. Answers its body.
    pub fn remove_leaf(&mut self, leaf: usize) -> Option<BodyRef> {
        let body = self.nodes.get(leaf)?.body;
        let others = self.leaf_indexes().filter(|other| *other != leaf).collect();
        let keeps = self.distances(others, usize::MAX);
        self.retain(&keeps.iter().map(Option::is_some).collect::<Vec<_>>());
        body
    }

    /// Nodes whose parents go become roots.
    fn retain(&mut self, keeps: &[bool]) {
        let mut next = 0;
        let places: Vec<_> = keeps
            .iter()
            .map(|keep| {
                let place = next;
                next += usize::from(*keep);
                keep.then_some(place)
            })
            .collect();
        let place = |index: usize| places.get(index).copied().flatten();
        let nodes = std::mem::take(&mut self.nodes);
        let shown =
            nodes.iter().enumerate().filter_map(|(child, node)| Some((child, node.parent?)));
        let edges: Vec<_> = shown
            .chain(std::mem::take(&mut self.other_parents))
            .filter_map(|(child, parent)| Some((place(child)?, place(parent)?)))
            .collect();
        let kept = nodes.into_iter().zip(keeps).filter(|(_, keep)| **keep);
        self.nodes = kept.map(|(node, _)| Node { parent: None, children: 0, ..node }).collect();
        for (child, parent) in edges {
            self.link(child, parent, &mut Merged::default());
        }
    }

    /// Leaves that may be ancestors of a missing revision: those that are not as deep, in the listed order.
    pub fn possible_ancestors(&self, missing: &[Revision]) -> Vec<Revision> {
        let deepest = missing.iter().map(|revision| revision.depth).max().unwrap_or_default();
        let leaves = self.listed_leaves().into_iter().filter_map(|index| self.nodes.get(index));
        leaves.map(|node| &node.revision).filter(|rev| rev.depth < deepest).cloned().collect()
    }
}
