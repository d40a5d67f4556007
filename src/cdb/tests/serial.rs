//! Two transactions that both commit did what they would have done one after the other.

use proptest::prelude::*;

use super::*;
use crate::cdb::*;

const PATHS: [&str; 16] = [
    "/",
    "/c",
    "/c/x",
    "/c/y",
    "/c/p",
    "/s",
    "/s{a}",
    "/s{b}",
    "/s{b}/x",
    "/s{c}/u{k}",
    "/u",
    "/u{a}",
    "/u{b}",
    "/u{c}/x",
    "/u[0]",
    "/t{1}",
];

#[derive(Clone, Debug)]
enum Step {
    Get(usize),
    Exists(usize),
    Children(usize),
    Count(usize),
    Next(usize),
    Object(usize),
    Attributes(usize),
    Nodes(usize),
    Set(usize, u8),
    Ensure(usize),
    Remove(usize),
    Move(usize, u8),
    Load(u8, bool),
}

fn any_step() -> impl Strategy<Value = Step> {
    let path = || 0..PATHS.len();
    prop_oneof![
        2 => path().prop_map(Step::Get),
        1 => path().prop_map(Step::Exists),
        1 => path().prop_map(Step::Children),
        1 => path().prop_map(Step::Count),
        2 => path().prop_map(Step::Next),
        2 => (5..11_usize).prop_map(Step::Children),
        2 => (5..11_usize).prop_map(Step::Count),
        1 => path().prop_map(Step::Object),
        1 => path().prop_map(Step::Attributes),
        1 => path().prop_map(Step::Nodes),
        4 => (path(), 0..3_u8).prop_map(|(path, value)| Step::Set(path, value)),
        4 => path().prop_map(Step::Ensure),
        2 => path().prop_map(Step::Remove),
        2 => (path(), 0..4_u8).prop_map(|(path, to)| Step::Move(path, to)),
        1 => (0..3_u8, any::<bool>()).prop_map(|(which, replace)| Step::Load(which, replace)),
    ]
}

const SOURCES: [&str; 3] = [
    "<config xmlns=\"http://tail-f.com/ns/config/1.0\"><c a=\"1\"><x>0</x></c></config>",
    "<config xmlns=\"http://tail-f.com/ns/config/1.0\"><c a=\"2\"><x>0</x></c><s><name>b</name><x>2</x></s></config>",
    "<config xmlns=\"http://tail-f.com/ns/config/1.0\"><u><name>c</name></u><u b=\"3\"><name>a</name></u></config>",
];

/// What a step answers. Its errors count as answers.
fn run(tx: &mut WriteTransaction, step: &Step) -> String {
    match *step {
        Step::Get(path) => format!("{:?}", tx.get(PATHS[path])),
        Step::Exists(path) => format!("{:?}", tx.kind(PATHS[path])),
        Step::Children(path) => format!("{:?}", tx.children(PATHS[path])),
        Step::Count(path) => format!("{:?}", tx.num_instances(PATHS[path])),
        Step::Next(path) => format!("{:?}", tx.next_entry(PATHS[path])),
        Step::Object(path) => format!("{:?}", tx.get_object(PATHS[path])),
        Step::Attributes(path) => format!("{:?}", tx.attributes(PATHS[path])),
        Step::Nodes(path) => format!("{:?}", tx.count_nodes(PATHS[path])),
        Step::Set(path, value) => {
            format!("{:?}", tx.set_text(PATHS[path], &value.to_string()))
        }
        Step::Ensure(path) => format!("{:?}", tx.ensure(PATHS[path])),
        Step::Remove(path) => format!("{:?}", tx.remove(PATHS[path])),
        Step::Move(path, to) => {
            let to = match to {
                0 => MoveTo::First,
                1 => MoveTo::Last,
                2 => MoveTo::Before("/u{b}".parse().unwrap()),
                _ => MoveTo::After("/u{a}".parse().unwrap()),
            };
            format!("{:?}", tx.move_entry(PATHS[path], to))
        }
        Step::Load(which, replace) => {
            let source = BytesSource::new("s.xml", SOURCES[usize::from(which)].as_bytes());
            let mode = if replace { LoadMode::Replace } else { LoadMode::Merge };
            let options = LoadOptions { mode, ..LoadOptions::default() };
            format!("{:?}", tx.load(&source, &options).map_err(|error| error.to_string()))
        }
    }
}

fn declared() -> Cdb {
    let cdb = cdb();
    cdb.write(Datastore::Config, |tx| {
        let user = ListInfo::with_keys(["name"]).ordered_by_user();
        tx.declare_list("/s", &ListInfo::with_keys(["name"]))?;
        tx.declare_list("/u", &user)?;
        tx.declare_list("/s/u", &user)?;
        let ordered_by = OrderedBy::User;
        let info = LeafListInfo { value_type: ValueType::Uint8, ordered_by };
        tx.declare_leaf_list("/t", &info)
    })
    .unwrap();
    cdb
}

fn first(cdb: &Cdb, steps: &[Step]) {
    let mut tx = cdb.begin_write(Datastore::Config).unwrap();
    steps.iter().for_each(|step| drop(run(&mut tx, step)));
    tx.commit().unwrap();
}

/// Everything that can be seen.
fn whole(cdb: &Cdb) -> String {
    check(cdb, Datastore::Config);
    let mut out = Vec::new();
    let options = SaveOptions::new(Format::Xml).with_types();
    config(cdb).save("/", options, &mut out).unwrap();
    let mut text = String::from_utf8(out).unwrap();
    for list in ["/s", "/u", "/t", "/s{c}/u"] {
        text.push_str(&children(&config(cdb), list).join(" "));
        text.push('\n');
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]
    #[test]
    fn two_that_commit_did_what_they_would_have_done_one_after_the_other(
        before in proptest::collection::vec(any_step(), 0..12),
        a in proptest::collection::vec(any_step(), 1..5),
        b in proptest::collection::vec(any_step(), 1..5),
    ) {
        let cdb = declared();
        first(&cdb, &before);
        let mut one = cdb.begin_write(Datastore::Config).unwrap();
        let mut other = cdb.begin_write(Datastore::Config).unwrap();
        a.iter().for_each(|step| drop(run(&mut one, step)));
        // Something of its own, so that it is not spared the checks.
        other.set_text("/own", "1").unwrap();
        let told: Vec<_> = b.iter().map(|step| run(&mut other, step)).collect();
        one.commit().unwrap();
        let Ok(commit) = other.commit() else { return Ok(()) };
        let now = whole(&cdb);
        let serial = declared();
        first(&serial, &before);
        // One that changes nothing saw the state that it began on, so it comes first.
        if commit.changed {
            first(&serial, &a);
        }
        let mut tx = serial.begin_write(Datastore::Config).unwrap();
        tx.set_text("/own", "1").unwrap();
        let again: Vec<_> = b.iter().map(|step| run(&mut tx, step)).collect();
        tx.commit().unwrap();
        if !commit.changed {
            first(&serial, &a);
        }
        prop_assert_eq!(told, again);
        prop_assert_eq!(now, whole(&serial));
    }

    #[test]
    fn every_state_that_the_tail_holds_and_every_snapshot_comes_back(
        transactions in proptest::collection::vec(proptest::collection::vec(any_step(), 1..6), 2..7),
        back in proptest::collection::vec(any::<prop::sample::Index>(), 1..5),
        taken in any::<prop::sample::Index>(),
        point in 0..PATHS.len(),
        compacts in any::<bool>(),
    ) {
        let cdb = declared();
        let nobody = Author::default();
        let mut states = vec![(cdb.transaction_id(Datastore::Config), whole(&cdb))];
        let mut snapshot = None;
        let taken = taken.index(transactions.len());
        for (index, steps) in transactions.iter().enumerate() {
            if index == taken && compacts {
                cdb.compactions().run(Datastore::Config, RunOptions::default()).unwrap();
                states.drain(..states.len() - 1);
            }
            if index == taken && cdb.take_snapshot("s", PATHS[point], &nobody).is_ok() {
                let info = cdb.snapshots().unwrap().remove(0);
                snapshot = Some((info.path.clone(), config(&cdb).get_object(&info.path).unwrap()));
            }
            first(&cdb, steps);
            let id = cdb.transaction_id(Datastore::Config);
            if states.last().unwrap().0 != id {
                states.push((id, whole(&cdb)));
            }
        }
        for index in back {
            let (id, state) = &states[index.index(states.len())];
            let now = cdb.transaction_id(Datastore::Config);
            let forward = cdb.diff_transactions(Datastore::Config, now, *id).unwrap();
            let commit = cdb.rollback(Datastore::Config, *id, &nobody).unwrap();
            prop_assert_eq!(&whole(&cdb), state);
            let after = commit.transaction_id;
            let again = cdb.diff_transactions(Datastore::Config, now, after).unwrap();
            prop_assert_eq!(lines(&forward), lines(&again));
            if commit.changed {
                states.push((after, state.clone()));
            }
        }
        if let Some((path, object)) = snapshot
            && cdb.restore_snapshot("s", &nobody).is_ok()
        {
            prop_assert_eq!(config(&cdb).get_object(&path).unwrap(), object);
            let left = cdb.diff_snapshot("s").unwrap();
            prop_assert!(left.iter().all(|one| matches!(one.kind, ChangeKind::Moved { .. })), "{:?}", left);
            whole(&cdb);
        }
    }
}
