//! The feed of changes: order, places, what wakes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::*;

fn fill(db: &Database) -> Vec<String> {
    ["a", "b", "c", "d"].map(|id| put(db, &format!(r#"{{"_id":"{id}"}}"#))).to_vec()
}

fn page(db: &Database, since: &Since, options: &ChangesOptions) -> (String, Sequence, u64) {
    let mut changes = db.changes(since, options).unwrap();
    let mut ids = String::new();
    while let Some(change) = changes.next().unwrap() {
        ids.push_str(&change.id);
    }
    (ids, changes.last_seq(), changes.pending().unwrap())
}

#[test]
fn a_document_is_listed_once_at_its_last_change() {
    let (_open, db) = database();
    let revs = fill(&db);
    put(&db, &format!(r#"{{"_id":"a","_rev":"{}","_deleted":true}}"#, revs[0]));
    assert_eq!(changes(&db, &Since::Zero), ["b@1", "c@1", "d@1", "a@2+"]);
    let (ids, seq, pending) =
        page(&db, &Since::Zero, &ChangesOptions { limit: Some(2), ..ChangesOptions::default() });
    assert_eq!((ids.as_str(), pending, seq.sum()), ("bc", 2, 3));
    let rest = page(&db, &Since::At(seq), &ChangesOptions::default());
    assert_eq!((rest.0.as_str(), rest.1.sum(), rest.2), ("da", 5, 0));
    let down = page(
        &db,
        &Since::Zero,
        &ChangesOptions { descending: true, limit: Some(2), ..ChangesOptions::default() },
    );
    assert_eq!((down.0.as_str(), down.1.sum(), down.2), ("ad", 4, 2));
    let none =
        page(&db, &Since::Zero, &ChangesOptions { limit: Some(0), ..ChangesOptions::default() });
    assert_eq!((none.0.as_str(), none.1.sum(), none.2), ("", 0, 4));
    let now = page(&db, &Since::Now, &ChangesOptions::default());
    assert_eq!((now.0.as_str(), now.1.sum(), now.2), ("", 5, 0));
}

#[test]
fn filters_choose_and_the_end_is_the_end_all_the_same() {
    let (_open, db) = database_of(2);
    fill(&db);
    put(&db, r#"{"_id":"_design/x"}"#);
    let listed = ChangesOptions {
        doc_ids: Some(vec!["b".to_owned(), "zz".to_owned()]),
        ..ChangesOptions::default()
    };
    let (ids, seq, pending) = page(&db, &Since::Zero, &listed);
    assert_eq!((ids.as_str(), seq.sum(), pending), ("b", 5, 0));
    let design = ChangesOptions { design_only: true, ..ChangesOptions::default() };
    assert_eq!(page(&db, &Since::Zero, &design).0, "_design/x");
}

#[test]
fn all_leaves_are_named_the_winner_first_and_documents_come_along() {
    let (_open, db) = database();
    for (rev, v) in [("1-aa", 1), ("1-cc", 2), ("1-bb", 3)] {
        replicate(&db, &format!(r#"{{"_id":"x","_rev":"{rev}","v":{v}}}"#));
    }
    let options =
        ChangesOptions { style: Style::AllDocs, include_docs: true, ..ChangesOptions::default() };
    let mut changes = db.changes(&Since::Zero, &options).unwrap();
    let change = changes.next().unwrap().unwrap();
    assert_eq!(texts(&change.revisions), ["1-cc", "1-bb", "1-aa"]);
    assert_eq!(change.document.unwrap().body(), r#"{"v":2}"#);
    assert!(changes.next().unwrap().is_none());
}

#[test]
fn a_place_survives_restart_and_compaction() {
    let world = World::new();
    let databases = world.open();
    let db = databases.create("db", &CreateOptions::with_shards(3)).unwrap();
    let revs = fill(&db);
    let place: Sequence = db.info().update_seq.to_string().parse().unwrap();
    put(&db, &format!(r#"{{"_id":"b","_rev":"{}","v":2}}"#, revs[1]));
    put(&db, r#"{"_id":"e"}"#);
    let mut expected = changes(&db, &Since::At(place.clone()));
    expected.sort();
    assert_eq!(expected, ["b@2", "e@1"]);
    db.compact_now().unwrap();
    let update_seq = db.info().update_seq;
    drop((db, databases));
    let databases = world.open();
    let db = databases.get("db").unwrap();
    assert_eq!(db.info().update_seq, update_seq);
    let mut after = changes(&db, &Since::At(place));
    after.sort();
    assert_eq!(after, expected);
}

#[test]
fn a_place_of_another_database_of_that_name_begins_anew() {
    let databases = World::new().open();
    let options = CreateOptions::with_shards(1);
    let db = databases.create("db", &options).unwrap();
    fill(&db);
    let place = db.info().update_seq;
    databases.remove("db").unwrap();
    let db = databases.create("db", &options).unwrap();
    put(&db, r#"{"_id":"new"}"#);
    assert_eq!(changes(&db, &Since::At(place)), ["new@1"]);
}

#[test]
fn a_long_feed_is_whole_and_interleaves_its_shards() {
    let (_open, db) = database_of(2);
    let edits: Vec<_> = (0..5000).map(|n| edit(&format!(r#"{{"_id":"{n}"}}"#))).collect();
    db.update(edits, EditMode::Interactive);
    let mut ids: Vec<u32> = changes(&db, &Since::Zero)
        .iter()
        .map(|row| row.split('@').next().unwrap().parse().unwrap())
        .collect();
    ids.sort_unstable();
    assert!(ids.into_iter().eq(0..5000));
    // In pages, each from the place where the one before ended.
    let (mut since, mut count) = (Since::Zero, 0);
    loop {
        let options = ChangesOptions { limit: Some(700), ..ChangesOptions::default() };
        let (ids, seq, pending) = page(&db, &since, &options);
        assert_eq!(seq.sum() + pending, 5000);
        if ids.is_empty() {
            break;
        }
        count = seq.sum();
        since = Since::At(seq.to_string().parse().unwrap());
    }
    assert_eq!(count, 5000);
}

#[test]
fn watchers_wake_for_each_update_and_miss_none() {
    let (_open, db) = database();
    let mut watch = db.watch();
    let told = Arc::new(AtomicU64::new(0));
    let hook: Arc<Hook> = {
        let told = told.clone();
        Arc::new(move |_| {
            told.fetch_add(1, Ordering::Relaxed);
        })
    };
    let handle = watch.on_update(hook);
    assert!(!watch.wait(Some(Duration::ZERO)));
    put(&db, r#"{"_id":"a"}"#);
    assert!(watch.wait(None));
    assert!(!watch.wait(Some(Duration::ZERO)));
    std::thread::scope(|scope| {
        scope.spawn(|| put(&db, r#"{"_id":"b"}"#));
        assert!(watch.wait(None));
    });
    assert_eq!(told.load(Ordering::Relaxed), 2);
    drop(handle);
    put(&db, r#"{"_id":"c"}"#);
    assert_eq!(told.load(Ordering::Relaxed), 2);
    // A refused edit changes nothing.
    watch.wait(Some(Duration::ZERO));
    assert!(try_put(&db, r#"{"_id":"c"}"#).is_err());
    assert!(!watch.wait(Some(Duration::ZERO)));
}

#[test]
fn what_a_feed_told_of_survives_the_power_even_if_the_writer_did_not_ask() {
    let world = World::new();
    let databases = world.open();
    let db = databases.create("db", &CreateOptions::with_shards(1)).unwrap();
    let buffered = UpdateOptions {
        mode: EditMode::Interactive,
        durability: crate::journal::Durability::Buffered,
    };
    db.update(vec![edit(r#"{"_id":"a"}"#)], buffered);
    assert_eq!(changes(&db, &Since::Zero), ["a@1"]);
    db.update(vec![edit(r#"{"_id":"b"}"#)], buffered);
    assert_eq!(db.info().update_seq.sum(), 2);
    db.update(vec![edit(r#"{"_id":"c"}"#)], buffered);
    let after = world.crash();
    let databases = after.open();
    let db = databases.get("db").unwrap();
    assert_eq!(changes(&db, &Since::Zero), ["a@1", "b@1"]);
}
