//! A walk over the keys of a range, up or down.

use super::packed::Packed;
use super::tree::{Branch, Node, Tree};
use crate::journal::KeyRange;

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Forward,
    Reverse,
}

/// Stands on an entry until the range is over.
#[derive(Debug)]
pub struct Walk<'a> {
    direction: Direction,
    /// The way down, with the child that was taken.
    path: Vec<(&'a Branch, usize)>,
    /// The leaf, and the entry in it.
    at: Option<(&'a Packed, usize)>,
    /// The key of the entry; its first bytes are the leaf's prefix.
    key: Vec<u8>,
    /// How many leaves it has come to.
    leaves: usize,
    /// The key that the range ends with, in the direction of the walk.
    limit: Option<Vec<u8>>,
}

impl<'a> Walk<'a> {
    /// Stands on the first entry of `range`, or on the last one for a walk down.
    pub fn new(tree: &'a Tree, range: &KeyRange, direction: Direction) -> Self {
        let limit = match direction {
            Direction::Forward => range.end().map(<[u8]>::to_vec),
            Direction::Reverse => Some(range.start().to_vec()),
        };
        let mut walk =
            Self { direction, path: Vec::new(), at: None, key: Vec::new(), leaves: 0, limit };
        let Some(root) = tree.root().filter(|_| !range.is_empty()) else { return walk };
        match (direction, range.end()) {
            (Direction::Forward, _) => walk.seek(root, range.start()),
            (Direction::Reverse, Some(end)) => walk.seek_before(root, end),
            (Direction::Reverse, None) => walk.descend(root),
        }
        walk.arrive();
        walk
    }

    /// The key that it stands on; meaningless after the last.
    pub fn key(&self) -> &[u8] {
        &self.key
    }

    /// Kind and payload of the entry that it stands on, if it stands on one.
    pub fn payload(&self) -> Option<(u8, &'a [u8])> {
        self.at.and_then(|(leaf, index)| leaf.payload(index))
    }

    /// How many leaves it has come to.
    pub fn leaves(&self) -> usize {
        self.leaves
    }

    /// Kinds and payloads of all entries of the leaf that it stands in.
    pub fn leaf(&self) -> impl Iterator<Item = (u8, &'a [u8])> {
        let leaf = self.at.map(|(leaf, _)| leaf);
        leaf.into_iter().flat_map(|leaf| (0..leaf.len()).filter_map(|index| leaf.payload(index)))
    }

    /// Goes on to the next entry.
    pub fn step(&mut self) {
        let Some((leaf, index)) = self.at else { return };
        let next = match self.direction {
            Direction::Forward => Some(index + 1).filter(|next| *next < leaf.len()),
            Direction::Reverse => index.checked_sub(1),
        };
        if let Some(next) = next {
            self.at = Some((leaf, next));
            self.key.truncate(leaf.prefix().len());
            self.key.extend_from_slice(leaf.rest(next));
            self.stop_at_limit();
        } else {
            self.next_leaf();
            self.arrive();
        }
    }

    fn seek(&mut self, mut node: &'a Node, start: &[u8]) {
        loop {
            match node {
                Node::Leaf(leaf) => {
                    let index = leaf.search(start).unwrap_or_else(|index| index);
                    self.at = Some((leaf, index));
                    if index >= leaf.len() {
                        self.next_leaf();
                    }
                    return;
                }
                Node::Branch(branch) => match self.enter(branch, branch.index_of(start)) {
                    Some(child) => node = child,
                    None => return,
                },
            }
        }
    }

    /// Down to the last entry before `end`.
    fn seek_before(&mut self, mut node: &'a Node, end: &[u8]) {
        loop {
            match node {
                Node::Leaf(leaf) => {
                    let after = leaf.search(end).unwrap_or_else(|index| index);
                    match after.checked_sub(1) {
                        Some(index) => self.at = Some((leaf, index)),
                        None => self.next_leaf(),
                    }
                    return;
                }
                Node::Branch(branch) => match self.enter(branch, branch.index_of(end)) {
                    Some(child) => node = child,
                    None => return,
                },
            }
        }
    }

    /// Down to the first entry below `node` in the direction.
    fn descend(&mut self, mut node: &'a Node) {
        loop {
            match node {
                Node::Leaf(leaf) => {
                    let index = match self.direction {
                        Direction::Forward => 0,
                        Direction::Reverse => leaf.len().saturating_sub(1),
                    };
                    self.at = Some((leaf, index));
                    return;
                }
                Node::Branch(branch) => {
                    let index = match self.direction {
                        Direction::Forward => 0,
                        Direction::Reverse => branch.children.len().saturating_sub(1),
                    };
                    match self.enter(branch, index) {
                        Some(child) => node = child,
                        None => return,
                    }
                }
            }
        }
    }

    fn enter(&mut self, branch: &'a Branch, index: usize) -> Option<&'a Node> {
        let child = branch.children.get(index)?;
        self.path.push((branch, index));
        Some(child)
    }

    fn next_leaf(&mut self) {
        self.at = None;
        while let Some((branch, index)) = self.path.pop() {
            let next = match self.direction {
                Direction::Forward => index.checked_add(1),
                Direction::Reverse => index.checked_sub(1),
            };
            if let Some(child) = next.and_then(|next| self.enter(branch, next)) {
                self.descend(child);
                return;
            }
        }
    }

    /// Takes the key of the entry that it came to in another leaf.
    fn arrive(&mut self) {
        if let Some((leaf, index)) = self.at {
            self.leaves += 1;
            self.key.clear();
            self.key.extend_from_slice(leaf.prefix());
            self.key.extend_from_slice(leaf.rest(index));
            self.stop_at_limit();
        }
    }

    fn stop_at_limit(&mut self) {
        let beyond = match (self.direction, &self.limit) {
            (_, None) => false,
            (Direction::Forward, Some(end)) => self.key >= *end,
            (Direction::Reverse, Some(start)) => self.key < *start,
        };
        if beyond {
            self.at = None;
        }
    }
}
