use super::*;
use crate::cdb::*;
use crate::journal::CompactionControl;

fn nobody() -> Author {
    Author::default()
}

#[test]
fn a_snapshot_outlives_compaction_and_restores_its_subtree() {
    let cdb = cdb();
    cdb.write(Datastore::Config, |tx| {
        tx.declare_list("/d/device", &"id:uint8".parse().unwrap())?;
        let rules = ListInfo::with_keys(["name"]).ordered_by_user();
        tx.declare_list("/d/device/rule", &rules)?;
        tx.set_text("/d/device{2}/rule{z}/x", "1")?;
        tx.set_text("/d/device{2}/rule{a}/x", "2")?;
        tx.set_text("/d/device{10}/v", "3")?;
        tx.set_text("/other", "4")
    })
    .unwrap();
    let author = Author { user: Some("eve".into()), comment: Some("before".into()) };
    cdb.take_snapshot("s1", "/d", &author).unwrap();
    let then = config(&cdb).get_object("/d").unwrap();
    cdb.write(Datastore::Config, |tx| {
        tx.set_text("/d/device{10}/v", "9")?;
        tx.delete("/d/device{2}/rule{z}")?;
        tx.set_text("/d/device{3}/v", "new")?;
        tx.set_text("/other", "5")
    })
    .unwrap();
    let control = CompactionControl::new();
    cdb.store(Datastore::Config).compact(&Default::default(), &control).unwrap();
    cdb.store(Datastore::Snapshot).compact(&Default::default(), &control).unwrap();
    let all = cdb.snapshots().unwrap();
    assert_eq!(all.len(), 1);
    assert_eq!((all[0].name.as_str(), all[0].path.to_string().as_str()), ("s1", "/d"));
    assert_eq!((all[0].transaction_id.get(), all[0].node_count), (1, 7));
    assert_eq!(all[0].user.as_deref(), Some("eve"));
    assert_eq!(
        lines(&cdb.diff_snapshot("s1").unwrap()),
        [
            "- /d/device{2}/rule{z}",
            "- /d/device{2}/rule{z}/x = 1",
            "+ /d/device{3}",
            "+ /d/device{3}/v = new",
            "~ /d/device{10}/v: 3 -> 9",
        ]
    );
    cdb.restore_snapshot("s1", &nobody()).unwrap();
    assert_eq!(config(&cdb).get_object("/d").unwrap(), then);
    assert_eq!(
        children(&config(&cdb), "/d/device{2}/rule"),
        ["/d/device{2}/rule{z}", "/d/device{2}/rule{a}"]
    );
    assert_eq!(text(&config(&cdb), "/other").unwrap(), "5");
    assert!(cdb.diff_snapshot("s1").unwrap().is_empty());
    check(&cdb, Datastore::Config);
    check(&cdb, Datastore::Snapshot);
    let view = cdb.begin_read(Datastore::Snapshot);
    assert_eq!(text(&view, "/snapshot{s1}/data/d/device{10}/v").unwrap(), "3");
}

#[test]
fn one_entry_of_a_user_ordered_list_keeps_its_present_place() {
    let cdb = cdb();
    let info = ListInfo::with_keys(["name"]).ordered_by_user();
    cdb.write(Datastore::Config, |tx| {
        tx.declare_list("/r", &info)?;
        ["a", "b", "c"].iter().try_for_each(|name| tx.set_text(&*format!("/r{{{name}}}/v"), "1"))
    })
    .unwrap();
    cdb.take_snapshot("one", "/r{a}", &nobody()).unwrap();
    cdb.write(Datastore::Config, |tx| {
        tx.move_entry("/r{a}", MoveTo::Last)?;
        tx.set_text("/r{a}/v", "2")
    })
    .unwrap();
    cdb.restore_snapshot("one", &nobody()).unwrap();
    assert_eq!(children(&config(&cdb), "/r"), ["/r{b}", "/r{c}", "/r{a}"]);
    assert_eq!(text(&config(&cdb), "/r{a}/v").unwrap(), "1");
    cdb.write(Datastore::Config, |tx| tx.delete("/r")).unwrap();
    cdb.restore_snapshot("one", &nobody()).unwrap();
    assert_eq!(children(&config(&cdb), "/r"), ["/r{a}"]);
    check(&cdb, Datastore::Config);
    check(&cdb, Datastore::Snapshot);
}

#[test]
fn names_are_taken_once_and_missing_ones_are_named() {
    let cdb = cdb();
    set(&cdb, &[("/a", "1")]);
    cdb.take_snapshot("s", "/", &nobody()).unwrap();
    let again = cdb.take_snapshot("s", "/", &nobody()).unwrap_err();
    assert_eq!(again.to_string(), "a snapshot \"s\" exists already");
    assert!(matches!(
        cdb.take_snapshot("t", "/none", &nobody()),
        Err(SnapshotError::Tree(Error::NotFound { .. }))
    ));
    assert_eq!(
        cdb.restore_snapshot("t", &nobody()).unwrap_err().to_string(),
        "there is no snapshot \"t\""
    );
    assert!(matches!(cdb.diff_snapshot("t"), Err(SnapshotError::NotFound { .. })));
    cdb.delete_snapshot("s", &nobody()).unwrap();
    assert!(matches!(cdb.delete_snapshot("s", &nobody()), Err(SnapshotError::NotFound { .. })));
    assert!(cdb.snapshots().unwrap().is_empty());
}

#[test]
fn a_snapshot_is_restored_where_lists_and_containers_have_changed_places() {
    let cdb = cdb();
    set(&cdb, &[("/t/a{x}/v", "1"), ("/t/b/v", "2"), ("/t/c{y}/d/v", "3")]);
    cdb.take_snapshot("s", "/t", &nobody()).unwrap();
    let then = config(&cdb).get_object("/t").unwrap();
    cdb.write(Datastore::Config, |tx| {
        tx.delete("/t")?;
        tx.declare_list("/t/a", &"id:uint8".parse().unwrap())?;
        tx.set_text("/t/a{7}/v", "1")?;
        tx.set_text("/t/b{z}/v", "2")?;
        tx.set_text("/t/c/v", "3")
    })
    .unwrap();
    cdb.restore_snapshot("s", &nobody()).unwrap();
    assert_eq!(config(&cdb).get_object("/t").unwrap(), then);
    set(&cdb, &[("/t/b/w", "4"), ("/t/a{w}/v", "5"), ("/t/c{z}/d/v", "6")]);
    check(&cdb, Datastore::Config);
    cdb.write(Datastore::Config, |tx| {
        tx.delete("/t")?;
        tx.set_text("/t", "a leaf")
    })
    .unwrap();
    cdb.take_snapshot("leaf", "/t", &nobody()).unwrap();
    cdb.restore_snapshot("s", &nobody()).unwrap();
    assert_eq!(config(&cdb).get_object("/t").unwrap(), then);
    cdb.restore_snapshot("leaf", &nobody()).unwrap();
    assert_eq!(text(&config(&cdb), "/t").unwrap(), "a leaf");
    check(&cdb, Datastore::Config);
}
