//! What a compaction keeps and drops, by itself and when asked, and when it is cut off.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

/// Three revisions of 50 documents, some deleted, one in conflict.
fn fill(db: &Database) {
    for n in 0..50 {
        let first = put(db, &format!(r#"{{"_id":"d{n}","v":1,"s":"{}"}}"#, "x".repeat(200)));
        let second = put(db, &format!(r#"{{"_id":"d{n}","_rev":"{first}","v":2}}"#));
        let dead = n % 10 == 0;
        put(db, &format!(r#"{{"_id":"d{n}","_rev":"{second}","v":3,"_deleted":{dead}}}"#));
    }
    replicate(db, r#"{"_id":"d7","_rev":"1-ff","v":"conflict"}"#);
    db.local_put("_local/l", None, &Body::parse(br#"{"k":1}"#).unwrap()).unwrap();
    db.set_security(r#"{"admins":{}}"#).unwrap();
    put(db, r#"{"_id":"gone"}"#);
    db.purge(&[("gone".to_owned(), revs(&["1-967a00dff5e02add41819138abb3284d"]))]).unwrap();
}

/// Everything that a compaction must not change.
fn picture(db: &Database) -> Vec<String> {
    let mut lines = changes(db, &Since::Zero);
    let info = db.info();
    lines.push(format!(
        "{} {} {} {}",
        info.update_seq, info.purge_seq, info.doc_count, info.doc_del_count
    ));
    lines.push(format!("{} {}", info.sizes.external, db.security().unwrap()));
    lines.push(db.local_get("_local/l").unwrap().to_json());
    let members = Members {
        revs: true,
        conflicts: true,
        deleted_conflicts: true,
        local_seq: true,
        ..Members::default()
    };
    let options = OpenOptions { deleted: true, ..OpenOptions::default() };
    for n in 0..50 {
        lines.push(get_with(db, &format!("d{n}"), &options, &members).unwrap());
    }
    lines
}

#[test]
fn a_compaction_keeps_leaves_and_drops_what_they_replaced() {
    let (_open, db) = database_of(2);
    fill(&db);
    let first = db.open("d1", &OpenOptions { revs_info: true, ..OpenOptions::default() }).unwrap();
    let statuses = |document: &Document| -> Vec<_> {
        document.revs_info().iter().map(|info| info.availability.word()).collect()
    };
    assert_eq!(statuses(&first), ["available"; 3]);
    let oldest = first.revs_info()[2].rev.to_string();
    assert!(get_rev(&db, "d1", &oldest).is_ok());
    let (before, info) = (picture(&db), db.info());
    db.compact_now().unwrap();
    assert_eq!(picture(&db), before);
    let after = db.info();
    assert!(after.sizes.file < info.sizes.file);
    assert!(after.sizes.file <= after.sizes.active + 2 * 2048, "{:?}", after.sizes);
    assert!(matches!(get_rev(&db, "d1", &oldest), Err(DocumentError::NotFound { deleted: false })));
    let again = db.open("d1", &OpenOptions { revs_info: true, ..OpenOptions::default() }).unwrap();
    assert_eq!(statuses(&again), ["available", "missing", "missing"]);
    assert!(get_rev(&db, "d7", "1-ff").unwrap().contains("conflict"));
    assert_eq!(db.purge_infos().unwrap().len(), 1);
    assert!(db.shards().iter().all(|shard| shard.compacted_seq == shard.update_seq));
}

#[test]
fn active_is_what_a_compaction_leaves() {
    let (_open, db) = database();
    fill(&db);
    let before = db.shards()[0].sizes.active;
    db.compact_now().unwrap();
    let after = db.shards()[0].sizes.active;
    // The compaction notes where it was, a few bytes.
    assert!(before.abs_diff(after) < 40, "{before} before, {after} after");
}

#[test]
fn a_compaction_brings_every_tree_down_to_a_lowered_limit() {
    let (_open, db) = database();
    let ids: Vec<_> = (1..=300).map(|n| format!("\"{n}\"")).collect();
    let path = format!(r#"{{"start":300,"ids":[{}]}}"#, ids.join(","));
    replicate(&db, &format!(r#"{{"_id":"deep","_rev":"300-1","_revisions":{path}}}"#));
    let hashes =
        || db.open("deep", &OpenOptions::default()).unwrap().revisions().unwrap().hashes.len();
    assert_eq!(hashes(), 300);
    db.set_revs_limit(1).unwrap();
    assert_eq!(hashes(), 1, "what is shown goes by the limit at once");
    db.compact_now().unwrap();
    db.set_revs_limit(1000).unwrap();
    assert_eq!(hashes(), 101, "the spare revisions stay");
    assert_eq!(db.open("deep", &OpenOptions::default()).unwrap().local_seq(), 1);
}

#[test]
fn only_so_many_purges_are_remembered() {
    let (_open, db) = database();
    db.set_purged_infos_limit(3).unwrap();
    for n in 0..7 {
        let rev = put(&db, &format!(r#"{{"_id":"p{n}"}}"#));
        db.purge(&[(format!("p{n}"), revs(&[&rev]))]).unwrap();
    }
    let ids =
        || -> Vec<String> { db.purge_infos().unwrap().into_iter().map(|info| info.id).collect() };
    assert_eq!(ids(), ["p4", "p5", "p6"]);
    db.compact_now().unwrap();
    db.set_purged_infos_limit(1000).unwrap();
    assert_eq!(ids(), ["p4", "p5", "p6"]);
}

#[test]
fn a_compaction_ends_while_others_write_and_loses_nothing() {
    let (_open, db) = database();
    fill(&db);
    let stop = AtomicBool::new(false);
    let written = std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut rev = put(&db, r#"{"_id":"w","n":0}"#);
            let mut n = 0;
            while !stop.load(Ordering::Relaxed) {
                n += 1;
                rev = put(&db, &format!(r#"{{"_id":"w","_rev":"{rev}","n":{n}}}"#));
            }
            n
        });
        for _ in 0..3 {
            db.compact_now().unwrap();
        }
        stop.store(true, Ordering::Relaxed);
        writer.join().unwrap()
    });
    assert!(get(&db, "w").unwrap().ends_with(&format!(r#","n":{written}}}"#)));
    let before = picture(&db);
    db.compact_now().unwrap();
    assert_eq!(picture(&db), before);
}

#[test]
fn a_shard_that_is_mostly_garbage_compacts_by_itself() {
    let mut world = World::new();
    world.options.compaction =
        AutomaticCompaction { enabled: true, min_ratio: 2.0, min_file_bytes: 100_000 };
    let databases = world.open();
    let db = databases.create("db", &CreateOptions::with_shards(1)).unwrap();
    let large = "x".repeat(2000);
    let mut rev = put(&db, r#"{"_id":"a"}"#);
    let mut watch = 0;
    while db.shards()[0].compacted_seq == 0 {
        rev = put(&db, &format!(r#"{{"_id":"a","_rev":"{rev}","s":"{large}"}}"#));
        watch += 1;
        assert!(watch < 100_000, "{:?}", db.info());
    }
    while !databases.active_tasks().is_empty() {
        std::thread::yield_now();
    }
    drop((db, databases));
    let databases = world.open();
    assert_eq!(
        databases
            .get("db")
            .unwrap()
            .open("a", &OpenOptions::default())
            .unwrap()
            .revision()
            .to_string(),
        rev
    );
}

#[test]
fn asked_for_it_runs_in_the_background_and_is_listed() {
    let (databases, db) = database();
    fill(&db);
    db.compact();
    while db.shards()[0].compacted_seq == 0 || !databases.active_tasks().is_empty() {
        for task in databases.active_tasks() {
            assert_eq!((task.kind, task.database.as_str()), ("database_compaction", "db"));
            assert_eq!(task.shard, "shards/00000000-ffffffff/db.1700000000");
        }
        std::thread::yield_now();
    }
}
