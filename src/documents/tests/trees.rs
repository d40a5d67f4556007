//! Trees of revisions against a model that knows only edges, and records that read back.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::super::record::{decode_document, decode_head, encode_document};
use super::super::tree::{BodyRef, Merged, NewLeaf, Tree};
use super::*;

/// A revision as the model sees it: depth and one letter.
pub(super) type Name = (u64, u8);

/// Sets of revisions and of who comes after whom. Nothing is found faster than by looking at all of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Model {
    revisions: BTreeMap<Name, bool>,
    parents: BTreeMap<Name, Name>,
}

impl Model {
    pub fn knows(&self, name: Name) -> bool {
        self.revisions.contains_key(&name)
    }

    pub fn is_deleted(&self, name: Name) -> bool {
        self.revisions[&name]
    }

    pub fn leaves(&self) -> BTreeSet<Name> {
        let parents: BTreeSet<_> = self.parents.values().copied().collect();
        self.revisions.keys().filter(|name| !parents.contains(name)).copied().collect()
    }

    pub fn winner(&self) -> Option<Name> {
        self.leaves().into_iter().max_by_key(|name| (!self.revisions[name], *name))
    }

    pub fn path(&self, leaf: Name) -> Vec<Name> {
        std::iter::successors(Some(leaf), |name| self.parents.get(name).copied()).collect()
    }

    /// `path` newest first. What comes before a revision whose parent is known is not believed.
    pub fn merge(&mut self, path: &[Name], deleted: bool) {
        if self.revisions.contains_key(&path[0]) {
            return;
        }
        let known = path.iter().position(|name| self.parents.contains_key(name));
        let path = &path[..known.map_or(path.len(), |last| last + 1)];
        for pair in path.windows(2) {
            self.parents.insert(pair[0], pair[1]);
        }
        for name in path {
            self.revisions.entry(*name).or_insert(false);
        }
        self.revisions.insert(path[0], deleted);
    }

    fn stem(&mut self, limit: usize) {
        let kept: BTreeSet<_> = self
            .leaves()
            .into_iter()
            .flat_map(|leaf| self.path(leaf).into_iter().take(limit))
            .collect();
        self.revisions.retain(|name, _| kept.contains(name));
        self.parents.retain(|child, parent| kept.contains(child) && kept.contains(parent));
    }

    pub fn purge(&mut self, leaf: Name) {
        if !self.leaves().contains(&leaf) {
            return;
        }
        let mut gone = Some(leaf);
        while let Some(name) = gone {
            self.revisions.remove(&name);
            gone = self
                .parents
                .remove(&name)
                .filter(|parent| !self.parents.values().any(|other| other == parent));
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
    Stem(usize),
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
        1 => (1..5_usize).prop_map(Step::Stem),
        1 => (1..6_u64, letter).prop_map(Step::Purge),
    ]
}

fn check(tree: &Tree, model: &Model) {
    let names: BTreeSet<_> = tree.nodes.iter().map(|node| hash_name(&node.revision)).collect();
    assert_eq!(names, model.revisions.keys().copied().collect::<BTreeSet<_>>());
    let name = |index: usize| hash_name(&tree.nodes[index].revision);
    for (index, node) in tree.nodes.iter().enumerate() {
        assert_eq!(node.parent.map(name), model.parents.get(&name(index)).copied());
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
                    let known = model.revisions.contains_key(&names[0]);
                    model.merge(&names, deleted);
                    let body = BodyRef { number: number as u64 + 1, stored_bytes: 9, external_bytes: 3, attached: deleted };
                    let merged = tree.merge(&path, NewLeaf { deleted, body });
                    prop_assert_eq!(merged == Merged::Present, known);
                    if let Merged::Added { superseded, .. } = merged {
                        prop_assert_eq!(superseded.len(), leaves.difference(&model.leaves()).count());
                    }
                }
                Step::Stem(limit) => {
                    model.stem(limit);
                    tree.stem(limit as u64);
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
    for (hash, depth) in [("aa", 1), ("bb", 2), ("cc", 2)] {
        let mut path = RevisionPath::from(revision((depth, hash.as_bytes()[0])));
        if depth == 2 {
            path.hashes.push(revision((1, b'a')).hash);
        }
        tree.merge(&path, NewLeaf { deleted: false, body: BodyRef::default() });
    }
    let mut record = Vec::new();
    encode_document(&mut record, 1, &tree);
    for len in 0..record.len() {
        let read = decode_document(&record[..len]);
        assert!(read.is_none_or(|(_, read)| read.nodes.len() < tree.nodes.len()), "cut at {len}");
    }
}
