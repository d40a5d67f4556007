//! Edits one by one and in bulk, as CouchDB answers them.

use super::*;

#[test]
fn a_document_lives_and_dies_as_it_does_in_couchdb() {
    let (_open, db) = database();
    assert_eq!(
        put(&db, r#"{"_id":"doc1","name":"one","n":1}"#),
        "1-5a7a54fc03cbd62cfb5d751c57ecd4df"
    );
    assert!(matches!(try_put(&db, r#"{"_id":"doc1","n":2}"#), Err(DocumentError::Conflict)));
    let stale = r#"{"_id":"doc1","_rev":"1-00000000000000000000000000000000","n":2}"#;
    assert!(matches!(try_put(&db, stale), Err(DocumentError::Conflict)));
    let second = r#"{"_id":"doc1","_rev":"1-5a7a54fc03cbd62cfb5d751c57ecd4df","n":2,"name":"one"}"#;
    assert_eq!(put(&db, second), "2-a71f6dd21dc7d8b7bbd9466adba5ed73");
    let third = r#"{"_id":"doc1","_rev":"2-a71f6dd21dc7d8b7bbd9466adba5ed73","n":3,"name":"one"}"#;
    assert_eq!(put(&db, third), "3-a1ca38b7435e89d2f480b26a8fac4303");
    let expected =
        r#"{"_id":"doc1","_rev":"3-a1ca38b7435e89d2f480b26a8fac4303","n":3,"name":"one"}"#;
    assert_eq!(get(&db, "doc1").unwrap(), expected);
    let dead = r#"{"_id":"doc1","_rev":"3-a1ca38b7435e89d2f480b26a8fac4303","_deleted":true}"#;
    assert_eq!(put(&db, dead), "4-ceb249420fd3e44e7df26f5dd3f121c9");
    assert!(matches!(get(&db, "doc1"), Err(DocumentError::NotFound { deleted: true })));
    let tombstone = r#"{"_id":"doc1","_rev":"4-ceb249420fd3e44e7df26f5dd3f121c9","_deleted":true}"#;
    assert_eq!(get_rev(&db, "doc1", "4-ceb249420fd3e44e7df26f5dd3f121c9").unwrap(), tombstone);
    assert!(matches!(
        try_put(&db, r#"{"_id":"doc1","_deleted":true}"#),
        Err(DocumentError::Conflict)
    ));
    assert_eq!((db.info().doc_count, db.info().doc_del_count), (0, 1));
    assert_eq!(put(&db, r#"{"_id":"doc1","n":10}"#), "5-5b56ea15f076d6fc558b54075779afc0");
    assert!(matches!(try_put(&db, r#"{"_id":"doc1","n":10}"#), Err(DocumentError::Conflict)));
    assert_eq!((db.info().doc_count, db.info().doc_del_count), (1, 0));
    assert_eq!(db.info().update_seq.sum(), 5);
}

#[test]
fn a_document_born_dead_keeps_its_body() {
    let (_open, db) = database();
    let rev = put(&db, r#"{"_id":"doc_del","_deleted":true,"why":"kept body"}"#);
    assert_eq!(rev, "1-0f67cfabb47f1c4eb868dba5f071ad23");
    let text = format!(r#"{{"_id":"doc_del","_rev":"{rev}","why":"kept body","_deleted":true}}"#);
    assert_eq!(get_rev(&db, "doc_del", &rev).unwrap(), text);
    assert!(matches!(get(&db, "doc_del"), Err(DocumentError::NotFound { deleted: true })));
}

/// The section "Conflicts" of the recorded answers.
#[test]
fn conflicts_are_resolved_as_in_couchdb() {
    let (_open, db) = database();
    let [a, b, c] = ["a", "b", "c"].map(|letter| letter.repeat(32));
    replicate(&db, &format!(r#"{{"_id":"conf","_rev":"1-{a}","v":"a"}}"#));
    replicate(&db, &format!(r#"{{"_id":"conf","_rev":"1-{b}","v":"b"}}"#));
    let path = format!(r#"{{"start":2,"ids":["{c}","{a}"]}}"#);
    replicate(&db, &format!(r#"{{"_id":"conf","_revisions":{path},"_rev":"2-{c}","v":"c"}}"#));
    let members =
        Members { conflicts: true, deleted_conflicts: true, revs_info: true, ..Members::default() };
    let options = OpenOptions { revs_info: true, ..OpenOptions::default() };
    let expected = format!(
        r#"{{"_id":"conf","_rev":"2-{c}","v":"c","_revs_info":[{{"rev":"2-{c}","status":"available"}},{{"rev":"1-{a}","status":"available"}}],"_conflicts":["1-{b}"]}}"#
    );
    assert_eq!(get_with(&db, "conf", &options, &members).unwrap(), expected);
    let all = db.open_revs("conf", &OpenRevs::All, false).unwrap();
    let listed: Vec<_> = all
        .iter()
        .map(|found| match found {
            OpenRev::Found(document) => document.revision().to_string(),
            OpenRev::Missing(rev) => panic!("{rev} is missing"),
        })
        .collect();
    assert_eq!(listed, [format!("1-{b}"), format!("2-{c}")]);
    let latest = OpenOptions {
        rev: Some(format!("1-{a}").parse().unwrap()),
        latest: true,
        ..OpenOptions::default()
    };
    assert_eq!(db.open("conf", &latest).unwrap().revision().to_string(), format!("2-{c}"));
    let deleted = put(&db, &format!(r#"{{"_id":"conf","_rev":"2-{c}","_deleted":true}}"#));
    assert_eq!(deleted, "3-dda1116dde5aac003953893fa5544b5c");
    let expected =
        format!(r#"{{"_id":"conf","_rev":"1-{b}","v":"b","_deleted_conflicts":["{deleted}"]}}"#);
    let members = Members { revs_info: false, ..members };
    assert_eq!(get_with(&db, "conf", &OpenOptions::default(), &members).unwrap(), expected);
    assert_eq!(db.info().update_seq.sum(), 4);
}

#[test]
fn bulk_edits_answer_each_in_its_place() {
    let (_open, db) = database_of(4);
    let edits = [
        r#"{"_id":"b1","v":1}"#,
        r#"{"_id":"b9","v":1}"#,
        r#"{"_id":"b9","v":2}"#,
        r#"{"_id":"_bad"}"#,
        r#"{"_id":"b2","_rev":"1-abc","v":1}"#,
        r#"{"_id":"b3","_deleted":true,"_rev":"1-7a7e4b29f3af401e69b6f86e4c26b727"}"#,
    ];
    let outcomes = db.update(edits.map(edit).to_vec(), EditMode::Interactive);
    assert_eq!(outcomes[0].as_ref().unwrap().rev.to_string(), "1-7a7e4b29f3af401e69b6f86e4c26b727");
    assert_eq!(outcomes[1].as_ref().unwrap().id, "b9");
    assert!(matches!(outcomes[2], Err(DocumentError::Conflict)));
    assert!(matches!(outcomes[3], Err(DocumentError::IllegalId { .. })));
    assert!(matches!(outcomes[4], Err(DocumentError::Conflict)));
    assert!(matches!(outcomes[5], Err(DocumentError::Conflict)));
    assert_eq!(db.info().doc_count, 2);
    assert!(get(&db, "b9").unwrap().ends_with(r#""v":1}"#));
}

#[test]
fn many_edits_at_once_are_all_there_in_every_shard() {
    let (_open, db) = database_of(9);
    let edits: Vec<_> = (0..500).map(|n| edit(&format!(r#"{{"_id":"d{n}","n":{n}}}"#))).collect();
    let outcomes = db.update(edits, EditMode::Interactive);
    for (n, outcome) in outcomes.iter().enumerate() {
        assert_eq!(outcome.as_ref().unwrap().id, format!("d{n}"));
        assert!(get(&db, &format!("d{n}")).unwrap().ends_with(&format!(r#","n":{n}}}"#)));
    }
    assert_eq!(db.info().doc_count, 500);
    assert!(db.shards().iter().all(|shard| shard.doc_count > 30));
}

#[test]
fn a_replicated_revision_that_is_there_changes_nothing() {
    let (_open, db) = database();
    let rev = put(&db, r#"{"_id":"x","v":1}"#);
    let before = db.info();
    replicate(&db, &format!(r#"{{"_id":"x","_rev":"{rev}","v":"other"}}"#));
    assert_eq!(db.info().update_seq, before.update_seq);
    assert!(get(&db, "x").unwrap().ends_with(r#""v":1}"#));
    let without = db.update(vec![edit(r#"{"_id":"x"}"#)], EditMode::Replicated).pop().unwrap();
    let reason = "When `new_edits: false`, the document needs `_rev` or `_revisions` specified";
    assert_eq!(without.unwrap_err().to_string(), reason);
}

#[test]
fn a_lower_limit_of_revisions_cuts_the_oldest() {
    let (_open, db) = database();
    db.set_revs_limit(3).unwrap();
    let mut rev = put(&db, r#"{"_id":"x"}"#);
    for n in 0..9 {
        rev = put(&db, &format!(r#"{{"_id":"x","_rev":"{rev}","n":{n}}}"#));
    }
    let path = db.open("x", &OpenOptions::default()).unwrap().revisions().unwrap();
    assert_eq!((path.start, path.hashes.len()), (10, 3));
}

#[test]
fn threads_that_edit_one_counter_lose_nothing() {
    let (_open, db) = database();
    put(&db, r#"{"_id":"count","n":0}"#);
    let add = |db: &Database| loop {
        let document = db.open("count", &OpenOptions::default()).unwrap();
        let n: u32 = document.body()[5..document.body().len() - 1].parse().unwrap();
        let rev = document.revision();
        match try_put(db, &format!(r#"{{"_id":"count","_rev":"{rev}","n":{}}}"#, n + 1)) {
            Ok(_) => return,
            Err(DocumentError::Conflict) => {}
            Err(other) => panic!("{other}"),
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..25).for_each(|_| add(&db)));
        }
    });
    assert!(get(&db, "count").unwrap().ends_with(r#","n":100}"#));
    assert_eq!(db.info().update_seq.sum(), 101);
}

#[test]
fn a_document_over_the_limit_is_refused() {
    let mut world = World::new();
    world.options.limits.max_document_bytes = 40;
    let databases = world.open();
    let db = databases.create("db", &CreateOptions::default()).unwrap();
    put(&db, &format!(r#"{{"_id":"fits","s":"{}"}}"#, "x".repeat(30)));
    let large = try_put(&db, &format!(r#"{{"_id":"large","s":"{}"}}"#, "x".repeat(40)));
    assert!(matches!(large, Err(DocumentError::TooLarge { .. })));
}

#[test]
fn what_would_not_fit_a_record_is_refused_alone() {
    let (_open, db) = database();
    let long = "h".repeat(257);
    let edits = vec![
        edit(&format!(r#"{{"_id":"a","_rev":"1-{long}"}}"#)),
        edit(r#"{"_id":"b","_rev":"1-h"}"#),
        edit(&format!(
            r#"{{"_id":"c","_rev":"1-h","_attachments":{{"{}":{{"data":""}}}}}}"#,
            "n".repeat(9 << 20)
        )),
        edit(&format!(r#"{{"_id":"{}","_rev":"1-h"}}"#, "i".repeat(65_001))),
    ];
    let outcomes = db.update(edits, EditMode::Replicated);
    assert!(matches!(outcomes[0], Err(DocumentError::BadRevision(_))));
    assert!(outcomes[1].is_ok());
    assert!(matches!(outcomes[2], Err(DocumentError::TooLarge { .. })));
    assert!(matches!(outcomes[3], Err(DocumentError::IllegalId { .. })));
    let longest = "i".repeat(65_000);
    put(&db, &format!(r#"{{"_id":"{longest}"}}"#));
    assert!(get(&db, &longest).is_ok());
}
