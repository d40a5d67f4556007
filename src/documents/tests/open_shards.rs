//! Which databases stay open, what is compacted by itself, and that every journal has a governor.

use super::*;
use crate::vfs::Vfs;

/// Looks that are taken at something that will be so, before it is taken for a mistake.
const LOOKS_MAX: u64 = 5_000_000;

fn until(what: &str, done: impl Fn() -> bool) {
    for _ in 0..LOOKS_MAX {
        if done() {
            return;
        }
        std::thread::yield_now();
    }
    panic!("{what} did not come about");
}

fn bounded(max_open_shards: usize) -> World {
    let mut world = World::new();
    world.options.max_open_shards = max_open_shards;
    world
}

#[test]
fn idle_databases_close_over_the_bound_and_open_again_with_everything() {
    let databases = bounded(4).open();
    for n in 0..20 {
        let db = databases.create(&format!("db{n}"), &CreateOptions::with_shards(2)).unwrap();
        put(&db, &format!(r#"{{"_id":"d","n":{n}}}"#));
        assert!(databases.open_shards() <= 4, "{}", databases.open_shards());
    }
    for n in 0..20 {
        let db = databases.get(&format!("db{n}")).unwrap();
        assert!(get(&db, "d").unwrap().contains(&format!(r#""n":{n}"#)));
        assert!(databases.open_shards() <= 4);
    }
}

#[test]
fn the_database_that_was_used_last_is_not_the_one_that_closes() {
    let databases = bounded(2).open();
    for name in ["a", "b"] {
        databases.create(name, &CreateOptions::with_shards(1)).unwrap();
    }
    let first = Arc::downgrade(&databases.get("a").unwrap());
    let second = Arc::downgrade(&databases.get("b").unwrap());
    databases.get("a").unwrap();
    databases.create("c", &CreateOptions::with_shards(1)).unwrap();
    assert!(first.upgrade().is_some() && second.upgrade().is_none());
}

#[test]
fn databases_in_use_stay_open_however_many_they_are() {
    let databases = bounded(2).open();
    let held: Vec<_> = (0..5)
        .map(|n| databases.create(&format!("db{n}"), &CreateOptions::with_shards(1)).unwrap())
        .collect();
    assert_eq!(databases.open_shards(), 5);
    for db in &held {
        put(db, r#"{"_id":"d"}"#);
    }
    drop(held);
    databases.create("last", &CreateOptions::with_shards(1)).unwrap();
    assert!(databases.open_shards() <= 2);
    assert!(get(&databases.get("db3").unwrap(), "d").is_ok());
}

#[test]
fn a_watched_database_stays_open_and_wakes_its_watcher() {
    let databases = bounded(1).open();
    databases.create("watched", &CreateOptions::with_shards(1)).unwrap();
    let mut watch = databases.get("watched").unwrap().watch();
    databases.create("other", &CreateOptions::with_shards(1)).unwrap();
    put(&databases.get("watched").unwrap(), r#"{"_id":"d"}"#);
    assert!(watch.wait(Some(std::time::Duration::from_secs(60))));
}

#[test]
fn the_update_of_a_database_that_was_closed_is_among_the_events() {
    let databases = bounded(1).open();
    databases.create("a", &CreateOptions::with_shards(1)).unwrap();
    let since = databases.last_event().unwrap();
    put(&databases.get("a").unwrap(), r#"{"_id":"d"}"#);
    databases.create("b", &CreateOptions::with_shards(1)).unwrap();
    let events = databases.events(since, 10).unwrap();
    let updated = |event: &DatabaseEvent| event.kind == EventKind::Updated && event.name == "a";
    assert!(events.iter().any(updated), "{events:?}");
}

#[test]
fn the_journal_of_events_is_compacted_by_itself() {
    let mut world = World::new();
    world.options.compaction = AutomaticCompaction::default();
    let databases = world.open();
    let db = databases.create("db", &CreateOptions::with_shards(1)).unwrap();
    let file = Path::new("/data/shards/events.pumice");
    let len = || world.vfs.bytes(file).unwrap().len();
    let mut rev = put(&db, r#"{"_id":"d"}"#);
    for n in 0..6000 {
        rev = put(&db, &format!(r#"{{"_id":"d","_rev":"{rev}","n":{n}}}"#));
        databases.last_event().unwrap();
    }
    // 112 bytes an update, and zeros ahead: more than this without a compaction.
    until("a small journal of events", || len() < 300 << 10);
    let events = databases.events(0, 10).unwrap();
    assert_eq!(events.len(), 2, "{events:?}");
}

#[test]
fn every_journal_of_a_directory_has_a_governor() {
    let world = World::new();
    let databases = world.open();
    for (name, q) in [("a", 1), ("b/c", 3)] {
        databases.create(name, &CreateOptions::with_shards(q)).unwrap();
    }
    let governed = databases.governed().unwrap();
    let root = Path::new("/data/shards");
    let mut journals = Vec::new();
    for name in world.vfs.list(root).unwrap() {
        match world.vfs.list(&root.join(&name)) {
            Ok(names) if !names.is_empty() => {
                journals.extend(names.iter().map(|file| format!("shards/{name}/{file}")));
            }
            _ => journals.push(format!("shards/{name}")),
        }
    }
    journals.retain(|name| name.ends_with(".pumice"));
    assert_eq!(journals.len(), 5, "{journals:?}");
    for journal in journals {
        assert!(governed.contains(&journal), "{journal} has no governor: {governed:?}");
    }
}

#[test]
fn a_shard_that_was_due_when_the_process_ended_is_compacted_after_the_next_start() {
    let mut world = World::new();
    let databases = world.open();
    let db = databases.create("db", &CreateOptions::with_shards(1)).unwrap();
    let text = "x".repeat(10_000);
    let mut rev = put(&db, r#"{"_id":"d"}"#);
    for n in 0..300 {
        rev = put(&db, &format!(r#"{{"_id":"d","_rev":"{rev}","n":{n},"text":"{text}"}}"#));
    }
    drop((db, databases));
    world.options.compaction = AutomaticCompaction::default();
    let _databases = world.open();
    let due = || {
        let range = Path::new("/data/shards/00000000-ffffffff");
        let name = world.vfs.list(range).unwrap().into_iter().find(|name| name.starts_with("db."));
        name.and_then(|name| world.vfs.bytes(&range.join(name))).map_or(0, |bytes| bytes.len())
    };
    until("a small shard", || due() < 1 << 20);
}

#[test]
fn a_requested_compaction_is_told_as_running_from_the_request_on() {
    let (_databases, db) = database();
    put(&db, r#"{"_id":"d"}"#);
    db.compact();
    let compacted = || db.shards()[0].compacted_seq == db.shards()[0].update_seq;
    let told = db.info().compact_running;
    assert!(told || compacted());
    until("the end of the compaction", || !db.info().compact_running);
    assert!(compacted());
}
