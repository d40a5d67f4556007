//! Trees of revisions against a model that knows only edges, and records that read back.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::super::record::{decode_document, decode_head, encode_document};
use super::super::tree::{BodyRef, NewBody, SPARE_REVISIONS, Tree};
use super::*;

/// A revision as the model sees it: depth and one letter.
pub(super) type Name = (u64, u8);

/// Sets of revisions and of who comes after whom. Nothing is found faster than by looking at all of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Model {
    /// Those that have a body are deleted or not.
    revisions: BTreeMap<Name, bool>,
    bodies: BTreeSet<Name>,
    /// Child and parent.
    edges: BTreeSet<(Name, Name)>,
}

impl Model {
    pub fn is_deleted(&self, name: Name) -> bool {
        self.revisions[&name]
    }

    pub fn leaves(&self) -> BTreeSet<Name> {
        let parents: BTreeSet<_> = self.edges.iter().map(|(_, parent)| *parent).collect();
        self.revisions.keys().filter(|name| !parents.contains(name)).copied().collect()
    }

    pub fn winner(&self) -> Option<Name> {
        self.leaves().into_iter().max_by_key(|name| (!self.revisions[name], *name))
    }

    fn parents(&self, name: Name) -> impl DoubleEndedIterator<Item = Name> + '_ {
        self.edges.iter().filter(move |(child, _)| *child == name).map(|(_, parent)| *parent)
    }

    /// By the highest of several parents.
    pub fn path(&self, leaf: Name) -> Vec<Name> {
        std::iter::successors(Some(leaf), |name| self.parents(*name).next_back()).collect()
    }

    /// `path` newest first. Whether the body was taken, and whether anything was.
    pub fn merge(&mut self, path: &[Name], deleted: bool) -> (bool, bool) {
        let before = (self.revisions.len(), self.edges.len());
        self.edges.extend(path.windows(2).map(|pair| (pair[0], pair[1])));
        for name in path {
            self.revisions.entry(*name).or_insert(false);
        }
        let is_taken = self.bodies.insert(path[0]);
        if is_taken {
            self.revisions.insert(path[0], deleted);
        }
        (is_taken, is_taken || before != (self.revisions.len(), self.edges.len()))
    }

    /// Bodies of inner revisions go.
    pub fn compact(&mut self) {
        let leaves = self.leaves();
        self.bodies.retain(|name| leaves.contains(name));
    }

    fn keep(&mut self, kept: &BTreeSet<Name>) {
        self.revisions.retain(|name, _| kept.contains(name));
        self.bodies.retain(|name| kept.contains(name));
        self.edges.retain(|(child, parent)| kept.contains(child) && kept.contains(parent));
    }

    /// What is less than `limit` steps above one of `leaves`.
    fn reached(&self, leaves: BTreeSet<Name>, limit: usize) -> BTreeSet<Name> {
        let mut reached = leaves.clone();
        let mut edge = leaves;
        for _ in 1..limit {
            edge = edge.into_iter().flat_map(|name| self.parents(name)).collect();
            reached.extend(&edge);
        }
        reached
    }

    fn show(&mut self, limit: usize) {
        self.keep(&self.reached(self.leaves(), limit));
    }

    pub fn purge(&mut self, leaf: Name) {
        let mut leaves = self.leaves();
        if leaves.remove(&leaf) {
            self.keep(&self.reached(leaves, 10));
        }
    }
}

pub(super) fn revision((depth, letter): Name) -> Revision {
    let hash = if letter % 2 == 0 {
        RevisionHash::md5([letter; 16])
    } else {
        RevisionHash::parse(&char::from(letter).to_string())
    };
    Revision { depth, hash }
}

/// Letters whose bytes sort as the letters do, whether they stand for 16 bytes or for one.
pub(super) fn hash_name(revision: &Revision) -> Name {
    (revision.depth, revision.hash.as_bytes()[0])
}

#[derive(Clone, Debug)]
enum Step {
    Merge { depth: u64, letters: Vec<u8>, deleted: bool },
    Show(usize),
    Purge(Name),
}

fn step() -> impl Strategy<Value = Step> {
    let letter = 97..101_u8;
    let merge = (1..6_u64, prop::collection::vec(letter.clone(), 1..5), any::<bool>()).prop_map(
        |(depth, letters, deleted)| {
            let letters = letters.into_iter().take(usize::try_from(depth).unwrap()).collect();
            Step::Merge { depth, letters, deleted }
        },
    );
    prop_oneof![
        8 => merge,
        1 => (1..5_usize).prop_map(Step::Show),
        1 => (1..6_u64, letter).prop_map(Step::Purge),
    ]
}

fn check(tree: &Tree, model: &Model) {
    let names: BTreeSet<_> = tree.nodes.iter().map(|node| hash_name(&node.revision)).collect();
    assert_eq!(names, model.revisions.keys().copied().collect::<BTreeSet<_>>());
    let name = |index: usize| hash_name(&tree.nodes[index].revision);
    for (index, node) in tree.nodes.iter().enumerate() {
        assert_eq!(node.parent.map(name), model.parents(name(index)).next_back());
        let others = tree.other_parents.iter().filter(|(child, _)| *child == index);
        let mut parents: BTreeSet<_> = others.map(|(_, parent)| name(*parent)).collect();
        parents.extend(node.parent.map(name));
        assert_eq!(parents, model.parents(name(index)).collect());
        let children = model.edges.iter().filter(|(_, parent)| *parent == name(index)).count();
        assert_eq!(node.children as usize, children);
    }
    assert_eq!(
        tree.ranked_leaves().iter().map(|leaf| name(*leaf)).collect::<BTreeSet<_>>(),
        model.leaves()
    );
    assert_eq!(tree.winner().map(name), model.winner());
    assert_eq!(tree.ranked_leaves().first().map(|leaf| name(*leaf)), model.winner());
    for leaf in tree.listed_leaves() {
        let path = tree.path(leaf);
        let hashes: Vec<_> = path.hashes.iter().map(|hash| hash.as_bytes()[0]).collect();
        let expected: Vec<_> =
            model.path(name(leaf)).into_iter().map(|(_, letter)| letter).collect();
        assert_eq!((path.start, hashes), (name(leaf).0, expected));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_tree_is_what_the_edges_say(steps in prop::collection::vec(step(), 1..20)) {
        let (mut tree, mut model) = (Tree::default(), Model::default());
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Step::Merge { depth, letters, deleted } => {
                    let names: Vec<_> = letters.iter().zip((1..=depth).rev()).map(|(letter, depth)| (depth, *letter)).collect();
                    let path = RevisionPath { start: depth, hashes: names.iter().map(|name| revision(*name).hash).collect() };
                    let leaves = model.leaves();
                    let (is_taken, is_changed) = model.merge(&names, deleted);
                    let body = BodyRef { number: number as u64 + 1, stored_bytes: 9, external_bytes: 3, attached: deleted };
                    let merged = tree.merge(&path, is_taken.then_some(NewBody { deleted, body }));
                    prop_assert_eq!(merged.is_changed, is_changed);
                    let is_inner = is_taken && !model.leaves().contains(&names[0]);
                    let superseded = leaves.difference(&model.leaves()).count() + usize::from(is_inner);
                    prop_assert_eq!(merged.superseded.len(), superseded);
                }
                Step::Show(limit) => {
                    model.show(limit);
                    tree.show(limit as u64);
                }
                Step::Purge(name) => {
                    model.purge(name);
                    if let Some(leaf) = tree.find_leaf(&revision(name)) {
                        tree.remove_leaf(leaf);
                    }
                }
            }
            check(&tree, &model);
            if tree.is_empty() {
                continue;
            }
            let mut record = Vec::new();
            encode_document(&mut record, 77, &tree);
            let (sequence, read) = decode_document(&record).unwrap();
            prop_assert_eq!(sequence, 77);
            check(&read, &model);
            let head = decode_head(&record).unwrap();
            prop_assert_eq!(hash_name(&head.winner), model.winner().unwrap());
            prop_assert_eq!(head.several_leaves, model.leaves().len() > 1);
            let winner = tree.node(tree.winner().unwrap()).unwrap();
            prop_assert_eq!((Some(head.body), head.deleted), (winner.body, winner.deleted));
            let mut again = Vec::new();
            encode_document(&mut again, 77, &read);
            prop_assert_eq!(again, record);
        }
    }
}

#[test]
fn damaged_records_are_refused_not_believed() {
    let mut tree = Tree::default();
    for (hash, depth, parent) in
        [("aa", 1, None), ("bb", 2, Some(b'a')), ("cc", 2, Some(b'a')), ("bb", 2, Some(b'd'))]
    {
        let mut path = RevisionPath::from(revision((depth, hash.as_bytes()[0])));
        path.hashes.extend(parent.map(|parent| revision((1, parent)).hash));
        tree.merge(&path, Some(NewBody { deleted: false, body: BodyRef::default() }));
    }
    let mut record = Vec::new();
    encode_document(&mut record, 1, &tree);
    for len in 0..record.len() {
        let read = decode_document(&record[..len]);
        let is_less = |read: Tree| {
            read.nodes.len() < tree.nodes.len()
                || read.other_parents.len() < tree.other_parents.len()
        };
        assert!(read.is_none_or(|(_, read)| is_less(read)), "cut at {len}");
    }
}

/// A revision with its ancestors, newest first.
type History = Vec<Name>;

fn merge(tree: &mut Tree, history: &[Name]) {
    let (depth, letter) = history[0];
    let hashes = history.iter().map(|name| revision(*name).hash).collect();
    let path = RevisionPath { start: depth, hashes };
    let known = tree.find(&revision(history[0])).and_then(|index| tree.node(index));
    let body = BodyRef { number: depth * 256 + u64::from(letter), ..BodyRef::default() };
    let is_there = known.is_some_and(|node| node.body.is_some());
    let new = NewBody { deleted: letter == b'c', body };
    tree.merge(&path, (!is_there).then_some(new));
}

fn encoded(tree: &Tree) -> Vec<u8> {
    let mut record = Vec::new();
    encode_document(&mut record, 1, tree);
    record
}

/// The record and what is shown of it after histories came in this order, stemmed and stored after each.
fn after(histories: &[History], limit: u64) -> (Vec<u8>, Vec<u8>) {
    let mut tree = Tree::default();
    for history in histories {
        merge(&mut tree, history);
        tree.stem(limit);
        tree = decode_document(&encoded(&tree)).unwrap().1;
    }
    let stored = encoded(&tree);
    tree.show(limit);
    (stored, encoded(&tree))
}

fn orders(histories: &[History]) -> Vec<Vec<History>> {
    if histories.is_empty() {
        return vec![Vec::new()];
    }
    let without = |index: usize| -> Vec<_> {
        let others = histories.iter().enumerate().filter(|(other, _)| *other != index);
        others.map(|(_, history)| history.clone()).collect()
    };
    let begun_with = |index: usize| {
        let first = histories[index].clone();
        orders(&without(index)).into_iter().map(move |rest| [vec![first.clone()], rest].concat())
    };
    (0..histories.len()).flat_map(begun_with).collect()
}

/// Histories of any revisions: they may begin anywhere, and contradict each other.
fn any_histories(count: usize) -> impl Strategy<Value = Vec<History>> {
    let letters = prop::collection::vec(97..100_u8, 1..5);
    let history = (1..6_u64, letters)
        .prop_map(|(depth, letters)| (1..=depth).rev().zip(letters).collect::<History>());
    prop::collection::vec(history, 1..count)
}

/// Parts of histories of one tree, in which a revision has one parent.
fn true_histories(count: usize) -> impl Strategy<Value = Vec<History>> {
    let parent_of = |(depth, letter): Name| (depth > 1).then(|| (depth - 1, 97 + letter % 2));
    let history = (1..7_u64, 97..101_u8, 1..7_usize).prop_map(move |(depth, letter, length)| {
        std::iter::successors(Some((depth, letter)), |name| parent_of(*name)).take(length).collect()
    });
    prop::collection::vec(history, 1..count)
}

/// Passes the leaves on as a replication does.
fn replicate(from: &Tree, to: &mut Tree) {
    for leaf in from.ranked_leaves() {
        let path = from.path(leaf);
        let letters = path.hashes.iter().map(|hash| hash.as_bytes()[0]);
        merge(to, &(1..=path.start).rev().zip(letters).collect::<History>());
    }
}

fn shown_leaves(tree: &Tree) -> Vec<(RevisionPath, bool)> {
    let leaves = tree.ranked_leaves().into_iter();
    leaves.map(|leaf| (tree.path(leaf), tree.node(leaf).unwrap().deleted)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn histories_give_one_tree_in_every_order(histories in any_histories(6), limit in 1..5_u64) {
        let expected = after(&histories, limit);
        for order in orders(&histories) {
            prop_assert_eq!(&after(&order, limit), &expected, "{:?}", order);
        }
    }

    #[test]
    fn histories_that_come_again_change_nothing(histories in any_histories(12), limit in 1..5_u64) {
        let twice = [histories.clone(), histories.clone()].concat();
        prop_assert_eq!(after(&twice, limit), after(&histories, limit));
    }

    #[test]
    fn two_copies_agree_after_a_pass_each_way(
        left in true_histories(8), right in true_histories(8), limit in 1..5_u64, is_cut in any::<bool>(),
    ) {
        let (mut one, mut other) = (Tree::default(), Tree::default());
        left.iter().for_each(|history| merge(&mut one, history));
        right.iter().for_each(|history| merge(&mut other, history));
        let shown = |tree: &Tree| {
            let mut shown = tree.clone();
            if is_cut {
                shown.show(limit);
            }
            shown
        };
        replicate(&shown(&one), &mut other);
        replicate(&shown(&other), &mut one);
        if !is_cut {
            prop_assert_eq!(shown_leaves(&one), shown_leaves(&other));
        }
        let before = one.clone();
        replicate(&shown(&other), &mut one);
        prop_assert_eq!(encoded(&one), encoded(&before));
    }
}

#[test]
fn a_late_ancestor_is_no_conflict_within_the_spare_revisions() {
    let chain = |last: u64| (1..=last).rev().map(|depth| (depth, b'a')).collect::<History>();
    for (depth, leaves) in [(SPARE_REVISIONS + 1, 1), (SPARE_REVISIONS + 2, 2)] {
        let mut tree = Tree::default();
        merge(&mut tree, &chain(depth));
        tree.stem(1);
        merge(&mut tree, &[(1, b'a')]);
        tree.stem(1);
        assert_eq!(tree.ranked_leaves().len(), leaves, "{depth}");
        tree.show(1);
        assert_eq!(tree.nodes.len(), leaves, "{depth}");
    }
}
