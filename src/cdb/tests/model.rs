//! Random transactions against a model: a sorted map from paths to values.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::cdb::*;
use crate::journal::CompactionControl;

#[derive(Clone, Debug)]
enum Step {
    Set(u8, u8, i32),
    Remove(u8, Option<u8>),
    Commit,
    Abort,
    Compact,
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..5_u8, 0..4_u8, any::<i32>()).prop_map(|(e, l, v)| Step::Set(e, l, v)),
        3 => (0..5_u8, proptest::option::of(0..4_u8)).prop_map(|(e, l)| Step::Remove(e, l)),
        2 => Just(Step::Commit),
        1 => Just(Step::Abort),
        1 => Just(Step::Compact),
    ]
}

type Model = BTreeMap<(i8, Option<u8>), i32>;

fn entry(entry: u8) -> String {
    format!("/box/list{{{}}}", i8::try_from(entry).unwrap() - 2)
}

fn leaf(e: u8, l: u8) -> String {
    format!("{}/leaf-{l}", entry(e))
}

/// Reads the whole tree back into the model's shape.
fn read(view: &ReadView) -> Model {
    let mut model = Model::new();
    let Some(Object::Container(root)) = view.get_object("/").unwrap() else {
        return model;
    };
    let Some(Object::Container(container)) = root.field("box") else {
        return model;
    };
    let Some(Object::List(entries)) = container.field("list") else {
        return model;
    };
    for Entry { keys, fields } in entries {
        let Value::Int8(key) = keys[0] else { panic!("{keys:?}") };
        model.insert((key, None), 0);
        for (name, object) in fields {
            let (Some(l), Object::Leaf(Value::Int32(v))) = (name.strip_prefix("leaf-"), object)
            else {
                panic!("{name} {object:?}")
            };
            model.insert((key, Some(l.parse().unwrap())), *v);
        }
    }
    model
}

/// The changes that lead from one model to another, as a diff says them.
fn expected(old: &Model, new: &Model) -> Vec<String> {
    let path = |(key, l): &(i8, Option<u8>)| match l {
        None => format!("/box/list{{{key}}}"),
        Some(l) => format!("/box/list{{{key}}}/leaf-{l}"),
    };
    let value =
        |key: &(i8, Option<u8>), v: &i32| key.1.map(|_| format!(" = {v}")).unwrap_or_default();
    let mut keys: Vec<_> = old.keys().chain(new.keys()).collect();
    keys.sort();
    keys.dedup();
    keys.into_iter()
        .filter_map(|key| match (old.get(key), new.get(key)) {
            (Some(a), Some(b)) if a != b => Some(format!("~ {}: {a} -> {b}", path(key))),
            (Some(a), None) => Some(format!("- {}{}", path(key), value(key, a))),
            (None, Some(b)) => Some(format!("+ {}{}", path(key), value(key, b))),
            _ => None,
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_run_of_transactions_gives_what_a_map_would(steps in prop::collection::vec(any_step(), 1..60)) {
        let cdb = cdb();
        let info: ListInfo = "id:int8".parse().unwrap();
        cdb.write(Datastore::Config, |tx| tx.declare_list("/box/list", &info)).unwrap();
        let mut committed = vec![Model::new()];
        let mut now = Model::new();
        let mut tx = cdb.begin_write(Datastore::Config).unwrap();
        for step in steps.into_iter().chain([Step::Commit]) {
            let before = committed.last().unwrap().clone();
            match step {
                Step::Set(e, l, v) => {
                    tx.set(&leaf(e, l), v).unwrap();
                    let key = i8::try_from(e).unwrap() - 2;
                    now.insert((key, None), 0);
                    now.insert((key, Some(l)), v);
                }
                Step::Remove(e, l) => {
                    let path = l.map_or_else(|| entry(e), |l| leaf(e, l));
                    let removed = tx.remove(&path).unwrap();
                    let key = i8::try_from(e).unwrap() - 2;
                    let len = now.len();
                    now.retain(|other, _| other.0 != key || (l.is_some() && other.1 != l));
                    prop_assert_eq!(removed, now.len() < len);
                }
                Step::Commit => {
                    prop_assert_eq!(lines(&tx.diff().unwrap()), expected(&before, &now));
                    if tx.commit().unwrap().changed {
                        committed.push(now.clone());
                    }
                    tx = cdb.begin_write(Datastore::Config).unwrap();
                }
                Step::Abort => {
                    now = before;
                    tx = cdb.begin_write(Datastore::Config).unwrap();
                }
                Step::Compact => {
                    cdb.store(Datastore::Config).compact(&Default::default(), &CompactionControl::new()).unwrap();
                }
            }
            prop_assert_eq!(&read(&tx.view()), &now);
        }
        check(&cdb, Datastore::Config);
        let last = cdb.transaction_id(Datastore::Config);
        for entry in cdb.log(Datastore::Config, 100).unwrap() {
            let id = entry.transaction_id;
            let diff = cdb.diff_transactions(Datastore::Config, id, last).unwrap();
            let Ok(view) = cdb.view_at(Datastore::Config, id) else { continue };
            prop_assert_eq!(lines(&diff), expected(&read(&view), &now));
        }
        drop(tx);
        if let Some(oldest) = cdb.log(Datastore::Config, 100).unwrap().last() {
            let target = read(&cdb.view_at(Datastore::Config, oldest.transaction_id).unwrap());
            cdb.rollback(Datastore::Config, oldest.transaction_id, &Author::default()).unwrap();
            prop_assert_eq!(read(&config(&cdb)), target);
            check(&cdb, Datastore::Config);
        }
    }
}
