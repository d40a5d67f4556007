//! The revisions of a document: a forest, since what two sides have may share no known ancestor.
//!
//! A node is a depth and a hash; the same depth and hash are the same node. Leaves have bodies; inner nodes may have one
//! until a compaction takes it.

use super::revision::{Revision, RevisionHash, RevisionPath};

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

/// A revision in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Node {
    pub parent: Option<usize>,
    pub children: u32,
    pub revision: Revision,
    pub deleted: bool,
    pub body: Option<BodyRef>,
}

/// What a new leaf brings.
#[derive(Clone, Copy, Debug)]
pub(super) struct NewLeaf {
    pub deleted: bool,
    pub body: BodyRef,
}

/// What came of a merge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Merged {
    /// The revision was there before; nothing changed.
    Present,
    /// It is a leaf now; these bodies are no longer those of leaves.
    Added {
        /// The node.
        leaf: usize,
        /// What was a leaf before.
        superseded: Vec<BodyRef>,
    },
}

/// The forest. Nodes refer to each other by index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tree {
    pub nodes: Vec<Node>,
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
        let below = |leaf: &usize| self.ancestors(*leaf).any(|index| index == ancestor);
        self.listed_leaves().into_iter().filter(below).collect()
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

    /// Adds a revision with its ancestors.
    pub fn merge(&mut self, path: &RevisionPath, new: NewLeaf) -> Merged {
        let mut places = self.places(path);
        if path.is_none() || places.first().copied().flatten().is_some() {
            return Merged::Present;
        }
        // From the first node on whose ancestors are known, the tree is believed.
        let rooted = |index: usize| self.node(index).is_some_and(|node| node.parent.is_some());
        let known = places.iter().position(|place| place.is_some_and(rooted));
        places.truncate(known.map_or(places.len(), |last| last + 1));
        let mut superseded = Vec::new();
        let mut parent = None;
        let mut depth = path.start.saturating_sub(places.len() as u64);
        for (place, hash) in places.iter_mut().zip(&path.hashes).rev() {
            depth += 1;
            match *place {
                Some(index) => self.adopt(index, parent, &mut superseded),
                None => *place = Some(self.push(depth, hash, parent, &mut superseded)),
            }
            parent = *place;
        }
        let leaf = parent.unwrap_or_default();
        if let Some(node) = self.nodes.get_mut(leaf) {
            node.deleted = new.deleted;
            node.body = Some(new.body);
        }
        Merged::Added { leaf, superseded }
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

    /// A root whose parent became known.
    fn adopt(&mut self, index: usize, parent: Option<usize>, superseded: &mut Vec<BodyRef>) {
        if parent.is_none() || self.nodes.get(index).is_none_or(|node| node.parent.is_some()) {
            return;
        }
        self.add_child(parent, superseded);
        if let Some(node) = self.nodes.get_mut(index) {
            node.parent = parent;
        }
    }

    fn push(
        &mut self,
        depth: u64,
        hash: &RevisionHash,
        parent: Option<usize>,
        superseded: &mut Vec<BodyRef>,
    ) -> usize {
        self.add_child(parent, superseded);
        let revision = Revision { depth, hash: hash.clone() };
        self.nodes.push(Node { parent, children: 0, revision, deleted: false, body: None });
        self.nodes.len() - 1
    }

    fn add_child(&mut self, parent: Option<usize>, superseded: &mut Vec<BodyRef>) {
        let Some(node) = parent.and_then(|index| self.nodes.get_mut(index)) else {
            return;
        };
        if node.children == 0 {
            superseded.extend(node.body);
        }
        node.children += 1;
    }

    /// Keeps `limit` revisions of each branch.
    pub fn stem(&mut self, limit: u64) {
        let limit = usize::try_from(limit.max(1)).unwrap_or(usize::MAX);
        if self.nodes.len() <= limit {
            return;
        }
        let mut keeps = vec![false; self.nodes.len()];
        for leaf in self.leaf_indexes() {
            for index in self.ancestors(leaf).take(limit) {
                if let Some(keep) = keeps.get_mut(index) {
                    *keep = true;
                }
            }
        }
        self.retain(&keeps);
    }

    /// Removes a leaf and the ancestors that only it had. Answers its body.
    pub fn remove_leaf(&mut self, leaf: usize) -> Option<BodyRef> {
        let body = self.nodes.get(leaf)?.body;
        let mut keeps = vec![true; self.nodes.len()];
        let mut gone = Some(leaf);
        while let Some(index) = gone {
            if let Some(keep) = keeps.get_mut(index) {
                *keep = false;
            }
            gone = self.nodes.get(index).and_then(|node| node.parent);
            let siblings = gone.and_then(|parent| self.nodes.get(parent));
            if siblings.is_none_or(|parent| parent.children > 1) {
                break;
            }
        }
        self.retain(&keeps);
        body
    }

    /// Nodes whose parent goes become roots.
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
        let nodes = std::mem::take(&mut self.nodes);
        let kept = nodes.into_iter().zip(keeps).filter(|(_, keep)| **keep);
        self.nodes = kept
            .map(|(node, _)| {
                let parent = node.parent.and_then(|parent| places.get(parent).copied().flatten());
                Node { parent, children: 0, ..node }
            })
            .collect();
        let parents: Vec<_> = self.nodes.iter().filter_map(|node| node.parent).collect();
        for parent in parents {
            if let Some(node) = self.nodes.get_mut(parent) {
                node.children += 1;
            }
        }
    }

    /// Leaves that may be ancestors of a missing revision: those that are not as deep, in the listed order.
    pub fn possible_ancestors(&self, missing: &[Revision]) -> Vec<Revision> {
        let deepest = missing.iter().map(|revision| revision.depth).max().unwrap_or_default();
        let leaves = self.listed_leaves().into_iter().filter_map(|index| self.nodes.get(index));
        leaves.map(|node| &node.revision).filter(|rev| rev.depth < deepest).cloned().collect()
    }
}
