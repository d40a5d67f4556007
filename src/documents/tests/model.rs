//! A database against a model: sets of edges, the order of last changes, and sums.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::trees::{Model, Name, hash_name, revision};
use super::*;

#[derive(Clone, Debug)]
enum Step {
    Merge { id: u8, depth: u64, letters: Vec<u8>, deleted: bool, size: usize },
    Purge { id: u8, name: Name },
    Compact,
    Reopen,
    Crash,
}

fn step() -> impl Strategy<Value = Step> {
    let letter = 97..100_u8;
    let merge = (
        0..3_u8,
        1..5_u64,
        prop::collection::vec(letter.clone(), 1..4),
        any::<bool>(),
        0..200_usize,
    );
    prop_oneof![
        12 => merge.prop_map(|(id, depth, letters, deleted, size)| {
            let letters = letters.into_iter().take(usize::try_from(depth).unwrap()).collect();
            Step::Merge { id, depth, letters, deleted, size }
        }),
        2 => (0..3_u8, 1..5_u64, letter).prop_map(|(id, depth, letter)| Step::Purge { id, name: (depth, letter) }),
        1 => Just(Step::Compact),
        1 => Just(Step::Reopen),
        1 => Just(Step::Crash),
    ]
}

/// What is expected of a database.
#[derive(Default)]
struct Expected {
    docs: BTreeMap<u8, Model>,
    /// The texts of bodies.
    texts: BTreeMap<(u8, Name), String>,
    /// Documents in the order of their last changes.
    order: Vec<u8>,
    changes: u64,
    purges: u64,
}

impl Expected {
    fn changed(&mut self, id: u8) {
        self.changes += 1;
        self.order.retain(|other| *other != id);
        if self.docs.get(&id).is_some_and(|doc| doc.winner().is_some()) {
            self.order.push(id);
        }
    }

    fn merge(&mut self, id: u8, path: &[Name], deleted: bool, text: &str) {
        let doc = self.docs.entry(id).or_default();
        let (is_taken, is_changed) = doc.merge(path, deleted);
        if is_taken {
            self.texts.insert((id, path[0]), text.to_owned());
        }
        if is_changed {
            self.changed(id);
        }
    }

    fn purge(&mut self, id: u8, name: Name) {
        self.purges += 1;
        let doc = self.docs.entry(id).or_default();
        if doc.leaves().contains(&name) {
            doc.purge(name);
            self.texts.remove(&(id, name));
            self.changed(id);
        }
    }

    fn check(&self, db: &Database) {
        let ids = |rows: Vec<String>| -> Vec<String> {
            rows.into_iter().map(|row| row.split('@').next().unwrap().to_owned()).collect()
        };
        let order: Vec<_> = self.order.iter().map(|id| format!("d{id}")).collect();
        assert_eq!(ids(changes(db, &Since::Zero)), order);
        let info = db.info();
        assert_eq!((info.update_seq.sum(), info.purge_seq.sum()), (self.changes, self.purges));
        let (mut live, mut dead, mut external) = (0, 0, 0);
        for (id, doc) in &self.docs {
            let name = format!("d{id}");
            let options = OpenOptions { deleted: true, ..OpenOptions::default() };
            let Some(winner) = doc.winner() else {
                assert!(db.open(&name, &options).is_err());
                continue;
            };
            let found = db.open(&name, &options).unwrap();
            assert_eq!(
                (hash_name(found.revision()), found.deleted()),
                (winner, doc.is_deleted(winner))
            );
            *(if found.deleted() { &mut dead } else { &mut live }) += 1;
            for leaf in doc.leaves() {
                let options = OpenOptions { rev: Some(revision(leaf)), ..OpenOptions::default() };
                let found = db.open(&name, &options).unwrap();
                let text = &self.texts[&(*id, leaf)];
                assert_eq!(found.body(), text);
                external += text.len() as u64;
                let path: Vec<_> = found
                    .revisions()
                    .unwrap()
                    .hashes
                    .iter()
                    .map(|hash| hash.as_bytes()[0])
                    .collect();
                assert_eq!(
                    path,
                    doc.path(leaf).into_iter().map(|(_, letter)| letter).collect::<Vec<_>>()
                );
            }
            let conflicts =
                found.conflicts().unwrap().len() + found.deleted_conflicts().unwrap().len();
            assert_eq!(conflicts + 1, doc.leaves().len());
        }
        assert_eq!(
            (info.doc_count, info.doc_del_count, info.sizes.external),
            (live, dead, external)
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_database_is_what_its_edits_say(steps in prop::collection::vec(step(), 1..40)) {
        let mut world = World::new();
        let mut databases = world.open();
        let mut db = databases.create("db", &CreateOptions::with_shards(1)).unwrap();
        let mut expected = Expected::default();
        for step in steps {
            match step {
                Step::Merge { id, depth, letters, deleted, size } => {
                    let path: Vec<_> = letters.iter().zip((1..=depth).rev()).map(|(letter, depth)| (depth, *letter)).collect();
                    let text = format!(r#"{{"s":"{}"}}"#, "x".repeat(size));
                    let revisions = RevisionPath { start: depth, hashes: path.iter().map(|name| revision(*name).hash).collect() };
                    let body = Body::parse(text.as_bytes()).unwrap();
                    let edit = Edit { id: format!("d{id}"), revisions, deleted, body, attachments: Vec::new() };
                    db.update(vec![edit], EditMode::Replicated).pop().unwrap().unwrap();
                    expected.merge(id, &path, deleted, &text);
                }
                Step::Purge { id, name } => {
                    db.purge(&[(format!("d{id}"), vec![revision(name)])]).unwrap();
                    expected.purge(id, name);
                }
                Step::Compact => {
                    let before = db.shards()[0].sizes.active;
                    db.compact_now().unwrap();
                    expected.docs.values_mut().for_each(Model::compact);
                    let sizes = db.shards()[0].sizes;
                    prop_assert!(before.abs_diff(sizes.active) < 40, "{before}, then {sizes:?}");
                    prop_assert!(sizes.file <= sizes.active + 2560);
                }
                Step::Reopen => {
                    drop((db, databases));
                    databases = world.open();
                    db = databases.get("db").unwrap();
                }
                Step::Crash => {
                    world = world.crash();
                    drop((db, databases));
                    databases = world.open();
                    db = databases.get("db").unwrap();
                }
            }
            expected.check(&db);
        }
    }
}
