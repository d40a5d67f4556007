//! Lists, lookups, local documents, purging, differences.

use super::*;

fn fill(db: &Database) {
    let docs = ["a", "b", "c", "d", "e"];
    let edits =
        docs.iter().enumerate().map(|(n, id)| edit(&format!(r#"{{"_id":"{id}","v":{n}}}"#)));
    assert!(db.update(edits.collect(), EditMode::Interactive).iter().all(Result::is_ok));
}

fn ids(db: &Database, range: &AllDocsRange) -> (u64, u64, String) {
    let mut rows = db.all_docs(range).unwrap();
    let mut ids = String::new();
    while let Some(row) = rows.next().unwrap() {
        assert_eq!(row.document.is_some(), range.include_docs);
        ids.push_str(&row.id);
    }
    (rows.total_rows(), rows.offset(), ids)
}

#[test]
fn all_docs_gives_ranges_in_order_with_couchdbs_offsets() {
    let (_open, db) = database_of(3);
    fill(&db);
    let text = |id: &str| Some(id.to_owned());
    let all = AllDocsRange::default();
    assert_eq!(ids(&db, &all), (5, 0, "abcde".to_owned()));
    let down = AllDocsRange { descending: true, skip: 1, limit: Some(2), ..all.clone() };
    assert_eq!(ids(&db, &down), (5, 1, "dc".to_owned()));
    let part = AllDocsRange {
        start: text("b"),
        end: text("d"),
        exclusive_end: true,
        include_docs: true,
        ..all.clone()
    };
    assert_eq!(ids(&db, &part), (5, 1, "bc".to_owned()));
    let part = AllDocsRange { exclusive_end: false, ..part };
    assert_eq!(ids(&db, &part), (5, 1, "bcd".to_owned()));
    let down = AllDocsRange { start: text("d"), end: text("b"), descending: true, ..all.clone() };
    assert_eq!(ids(&db, &down), (5, 1, "dcb".to_owned()));
    let down = AllDocsRange { exclusive_end: true, ..down };
    assert_eq!(ids(&db, &down), (5, 1, "dc".to_owned()));
    let none = AllDocsRange { start: text("nosuch"), end: text("nosuch"), ..all.clone() };
    assert_eq!(ids(&db, &none), (5, 5, String::new()));
    let far = AllDocsRange { skip: 9, ..all.clone() };
    assert_eq!(ids(&db, &far).2, "");
    assert_eq!(ids(&db, &AllDocsRange { limit: Some(0), ..all }), (5, 0, String::new()));
}

#[test]
fn a_long_list_is_whole_in_both_directions() {
    let (_open, db) = database_of(2);
    let names: Vec<_> = (0..3000).map(|n| format!("k{n:05}")).collect();
    let edits = names.iter().map(|id| edit(&format!(r#"{{"_id":"{id}"}}"#))).collect();
    db.update(edits, EditMode::Interactive);
    assert_eq!(ids(&db, &AllDocsRange::default()).2, names.concat());
    let down: Vec<_> = names.iter().rev().cloned().collect();
    let range = AllDocsRange { descending: true, ..AllDocsRange::default() };
    assert_eq!(ids(&db, &range).2, down.concat());
}

#[test]
fn keys_are_looked_up_in_their_order_with_deleted_and_missing_ones() {
    let (_open, db) = database_of(3);
    fill(&db);
    put(&db, r#"{"_id":"a","_deleted":true,"_rev":"1-083d7391ec71ec717a762c87db469932"}"#);
    let keys = ["a", "zz", "b"].map(ToOwned::to_owned);
    let rows = db.all_docs_keys(&keys, true).unwrap();
    let first = rows[0].as_ref().unwrap();
    assert_eq!(first.rev.to_string(), "2-e3dcf974918e1c65da8d32f3deb27650");
    assert!(first.deleted && first.document.is_none());
    assert!(rows[1].is_none());
    assert!(!rows[2].as_ref().unwrap().deleted && rows[2].as_ref().unwrap().document.is_some());
    assert_eq!(ids(&db, &AllDocsRange::default()).2, "bcde");
}

#[test]
fn a_list_stays_on_its_snapshot() {
    let (_open, db) = database_of(2);
    fill(&db);
    let mut rows = db.all_docs(&AllDocsRange::default()).unwrap();
    assert_eq!(rows.next().unwrap().unwrap().id, "a");
    put(&db, r#"{"_id":"f"}"#);
    put(&db, r#"{"_id":"b","_deleted":true,"_rev":"1-7a7e4b29f3af401e69b6f86e4c26b727"}"#);
    let mut rest = String::new();
    while let Some(row) = rows.next().unwrap() {
        rest.push_str(&row.id);
    }
    assert_eq!(rest, "bcde");
}

#[test]
fn local_documents_count_their_revisions_as_couchdb_does() {
    let (_open, db) = database_of(2);
    let body = Body::parse(br#"{"seq":1}"#).unwrap();
    let put = |rev| db.local_put("_local/cp1", rev, &body).unwrap().rev_text();
    assert_eq!(
        (put(None), put(None), put(Some(1)), put(Some(1))),
        ("0-1".into(), "0-1".into(), "0-2".into(), "0-2".into())
    );
    let read = db.local_get("_local/cp1").unwrap();
    assert_eq!(read.to_json(), r#"{"_id":"_local/cp1","_rev":"0-2","seq":1}"#);
    db.local_put("_local/b", None, &Body::empty()).unwrap();
    let list = |range: &AllDocsRange| -> Vec<String> {
        db.local_list(range).unwrap().into_iter().map(|local| local.id).collect()
    };
    assert_eq!(list(&AllDocsRange::default()), ["_local/b", "_local/cp1"]);
    let from = AllDocsRange { start: Some("_local/c".to_owned()), ..AllDocsRange::default() };
    assert_eq!(list(&from), ["_local/cp1"]);
    assert_eq!((db.info().update_seq.sum(), db.info().doc_count), (0, 0));
    db.local_remove("_local/cp1").unwrap();
    assert!(matches!(db.local_get("_local/cp1"), Err(DocumentError::NotFound { deleted: false })));
    assert!(matches!(
        db.local_remove("_local/cp1"),
        Err(DocumentError::NotFound { deleted: false })
    ));
    let refused = db.update_one(edit(r#"{"_id":"_local/x"}"#));
    assert!(matches!(refused, Err(DocumentError::IllegalId { .. })));
}

#[test]
fn differences_name_what_is_missing_and_what_it_may_descend_from() {
    let (_open, db) = database_of(2);
    put(&db, r#"{"_id":"b1","v":1}"#);
    replicate(&db, r#"{"_id":"b1","_rev":"1-dddddddddddddddddddddddddddddddd","v":"d"}"#);
    let asked = [
        (
            "b1".to_owned(),
            revs(&["1-dddddddddddddddddddddddddddddddd", "9-eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee"]),
        ),
        ("nosuch".to_owned(), revs(&["1-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"])),
        ("b1".to_owned(), revs(&["1-dddddddddddddddddddddddddddddddd"])),
    ];
    let diffs = db.revs_diff(&asked).unwrap();
    assert_eq!(diffs.len(), 2);
    assert_eq!(texts(&diffs[0].missing), ["9-eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee"]);
    let ancestors = ["1-dddddddddddddddddddddddddddddddd", "1-7a7e4b29f3af401e69b6f86e4c26b727"];
    assert_eq!(texts(&diffs[0].possible_ancestors), ancestors);
    assert!(diffs[1].possible_ancestors.is_empty());
}

#[test]
fn a_purged_document_never_was() {
    let (_open, db) = database_of(2);
    let rev = put(&db, r#"{"_id":"b2","v":2}"#);
    let asked = [("b2".to_owned(), revs(&[&rev, "1-zz"])), ("nosuch".to_owned(), revs(&["1-aa"]))];
    let purged = db.purge(&asked).unwrap();
    assert_eq!(purged[0].1, revs(&[&rev]));
    assert_eq!(purged[1], ("nosuch".to_owned(), Vec::new()));
    assert!(matches!(get(&db, "b2"), Err(DocumentError::NotFound { deleted: false })));
    assert_eq!((db.info().doc_count, db.info().doc_del_count), (0, 0));
    assert_eq!(changes(&db, &Since::Zero), [""; 0]);
    assert_eq!((db.info().update_seq.sum(), db.info().purge_seq.sum()), (2, 2));
    // What was not found is remembered, too.
    let infos = db.purge_infos().unwrap();
    let mut ids: Vec<_> = infos.iter().map(|info| info.id.as_str()).collect();
    ids.sort_unstable();
    assert_eq!(ids, ["b2", "nosuch"]);
    assert_eq!(put(&db, r#"{"_id":"b2","v":2}"#), rev);
}

#[test]
fn a_purged_leaf_leaves_the_other_branches() {
    let (_open, db) = database();
    let [a, b, c] = ["a", "b", "c"].map(|letter| letter.repeat(32));
    replicate(&db, &format!(r#"{{"_id":"x","_rev":"1-{a}","v":"a"}}"#));
    for (hash, v) in [(&b, "b"), (&c, "c")] {
        let path = format!(r#"{{"start":2,"ids":["{hash}","{a}"]}}"#);
        replicate(&db, &format!(r#"{{"_id":"x","_revisions":{path},"v":"{v}"}}"#));
    }
    db.purge(&[("x".to_owned(), revs(&[&format!("2-{c}")]))]).unwrap();
    let document = db.open("x", &OpenOptions::default()).unwrap();
    assert_eq!(document.revision().to_string(), format!("2-{b}"));
    assert!(document.conflicts().unwrap().is_empty());
    assert_eq!(document.revisions().unwrap().hashes.len(), 2);
    db.purge(&[("x".to_owned(), revs(&[&format!("2-{b}")]))]).unwrap();
    assert!(get(&db, "x").is_err());
    assert_eq!(db.info().sizes.external, 0);
}
