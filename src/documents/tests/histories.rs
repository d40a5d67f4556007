//! Histories that come in parts and in any order: the same document in the end.

use super::*;

/// A revision with its ancestors, newest first, and a body that names it.
fn history(text: &str) -> String {
    let path: Vec<_> = text.split(' ').collect();
    let (start, _) = path[0].split_once('-').unwrap();
    let ids: Vec<_> = path.iter().map(|rev| format!("\"{}\"", &rev[2..])).collect();
    let (rev, ids) = (path[0], ids.join(","));
    format!(
        r#"{{"_id":"d","_rev":"{rev}","_revisions":{{"start":{start},"ids":[{ids}]}},"of":"{rev}"}}"#
    )
}

/// Leaves with what is known of their ancestors, and the revisions that can be read.
fn state(db: &Database) -> (Vec<String>, Vec<String>) {
    let found = db.open_revs("d", &OpenRevs::All, false).unwrap();
    let leaves = found.into_iter().map(|item| match item {
        OpenRev::Found(document) => {
            let path = document.revisions().unwrap();
            let hashes: Vec<_> = path.hashes.iter().map(ToString::to_string).collect();
            format!("{} {} {}", path.start, hashes.join(" "), document.body())
        }
        OpenRev::Missing(rev) => format!("{rev} missing"),
    });
    let all = (1..5).flat_map(|depth| ["a", "b", "c", "d"].map(|hash| format!("{depth}-{hash}")));
    (leaves.collect(), all.filter(|rev| get_rev(db, "d", rev).is_ok()).collect())
}

fn after(histories: &[&str]) -> (Vec<String>, Vec<String>) {
    let (_open, db) = database();
    histories.iter().for_each(|text| replicate(&db, &history(text)));
    state(&db)
}

#[test]
fn a_history_that_comes_late_joins_two_leaves() {
    let expected = (vec![r#"2 b a {"of":"2-b"}"#.to_owned()], vec!["1-a".into(), "2-b".into()]);
    for order in [
        ["1-a", "2-b", "2-b 1-a"],
        ["2-b", "1-a", "2-b 1-a"],
        ["2-b 1-a", "1-a", "2-b"],
        ["2-b", "2-b 1-a", "1-a"],
    ] {
        assert_eq!(after(&order), expected, "{order:?}");
    }
    let (_open, db) = database();
    ["1-a", "2-b"].iter().for_each(|text| replicate(&db, &history(text)));
    assert_eq!(changes(&db, &Since::Zero).len(), 1);
    assert_eq!(db.open("d", &OpenOptions::default()).unwrap().conflicts().unwrap().len(), 1);
    replicate(&db, &history("2-b 1-a"));
    assert_eq!(db.open("d", &OpenOptions::default()).unwrap().conflicts().unwrap().len(), 0);
    assert_eq!(db.info().update_seq.sum(), 3);
    replicate(&db, &history("2-b 1-a"));
    assert_eq!(db.info().update_seq.sum(), 3, "what is known is no change");
}

#[test]
fn a_hole_in_a_history_is_filled_from_both_ends() {
    let expected = after(&["4-d 3-c 2-b 1-a", "3-c", "2-b", "1-a"]);
    assert_eq!(expected.0.len(), 1);
    assert_eq!(expected.1, ["1-a", "2-b", "3-c", "4-d"]);
    assert_eq!(after(&["1-a", "4-d 3-c", "2-b", "3-c 2-b", "2-b 1-a"]), expected);
    assert_eq!(after(&["2-b 1-a", "1-a", "4-d 3-c", "3-c 2-b"]), expected);
}

#[test]
fn contradicting_histories_give_the_same_document_in_both_orders() {
    let parts = ["1-a", "1-c", "2-b 1-a", "2-b 1-c"];
    let expected = after(&parts);
    assert_eq!(expected.0, [r#"2 b c {"of":"2-b"}"#]);
    assert_eq!(after(&["2-b 1-c", "1-c", "2-b 1-a", "1-a"]), expected);
    assert_eq!(after(&["2-b 1-a", "2-b 1-c", "1-a", "1-c"]), expected);
}

#[test]
fn a_stemmed_ancestor_that_comes_late_is_no_conflict() {
    for order in [["1-a", "3-c 2-b 1-a"], ["3-c 2-b 1-a", "1-a"]] {
        let (_open, db) = database();
        db.set_revs_limit(2).unwrap();
        order.iter().for_each(|text| replicate(&db, &history(text)));
        assert_eq!(state(&db), (vec![r#"3 c b {"of":"3-c"}"#.to_owned()], vec!["3-c".into()]));
        let missing = db.revs_diff(&[("d".to_owned(), revs(&["1-a", "2-b", "3-c"]))]).unwrap();
        assert!(missing.is_empty(), "{missing:?}");
    }
}

#[test]
fn the_body_of_an_inner_revision_stays_until_a_compaction_and_counts_as_garbage() {
    let mut sizes = Vec::new();
    for order in [["1-a", "2-b 1-a"], ["2-b 1-a", "1-a"]] {
        let (_open, db) = database();
        order.iter().for_each(|text| replicate(&db, &history(text)));
        let before = db.info().sizes;
        assert_eq!(before.external, 12);
        assert!(get_rev(&db, "d", "1-a").unwrap().contains("1-a"));
        db.compact_now().unwrap();
        assert!(before.active.abs_diff(db.info().sizes.active) < 40);
        assert!(get_rev(&db, "d", "1-a").is_err());
        replicate(&db, &history("1-a"));
        assert!(get_rev(&db, "d", "1-a").unwrap().contains("1-a"));
        sizes.push((before.active, before.external));
    }
    assert_eq!(sizes[0], sizes[1]);
}

#[test]
fn an_attachment_of_an_inner_revision_goes_with_its_body() {
    let (_open, db) = database();
    replicate(&db, &history("2-b 1-a"));
    let old = r#"{"_id":"d","_rev":"1-a","_attachments":{"f":{"data":"aGVsbG8=","revpos":1}}}"#;
    replicate(&db, old);
    let rev = OpenOptions { rev: Some("1-a".parse().unwrap()), ..OpenOptions::default() };
    let document = db.open("d", &rev).unwrap();
    let mut content = document.attachment("f", Encoding::Identity).unwrap();
    assert_eq!(content.next_chunk().unwrap().unwrap(), b"hello");
    let stub = r#"{"_id":"d","_rev":"2-c","_revisions":{"start":2,"ids":["c","a"]},"_attachments":{"f":{"stub":true,"revpos":1}}}"#;
    replicate(&db, stub);
    let before = db.info().sizes;
    db.compact_now().unwrap();
    assert!(before.active.abs_diff(db.info().sizes.active) < 40);
    let kept = get_rev(&db, "d", "2-c").unwrap();
    assert!(kept.contains("\"length\":5"), "{kept}");
    db.purge(&[("d".to_owned(), revs(&["2-b", "2-c"]))]).unwrap();
    db.compact_now().unwrap();
    assert_eq!((db.info().sizes.external, db.info().doc_count), (0, 0));
}

#[test]
fn an_upload_without_revpos_has_revpos_0() {
    let (_open, db) = database();
    replicate(&db, r#"{"_id":"d","_rev":"3-c","_attachments":{"f":{"data":""}}}"#);
    assert!(get(&db, "d").unwrap().contains("\"revpos\":0"));
    let own = put(&db, r#"{"_id":"e","_attachments":{"f":{"data":"","revpos":7}}}"#);
    assert!(get_rev(&db, "e", &own).unwrap().contains("\"revpos\":1"));
}
