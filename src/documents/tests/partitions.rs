//! Partitioned databases: where documents go, and what is told of one partition.

use super::*;

const PARTITIONED: CreateOptions = CreateOptions { q: Some(8), partitioned: true };

fn partitioned() -> (Databases, Arc<Database>) {
    let databases = World::new().open();
    let database = databases.create("db", &PARTITIONED).unwrap();
    (databases, database)
}

fn ids(mut rows: AllDocs) -> Vec<String> {
    let mut ids = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        ids.push(row.id);
    }
    ids
}

fn refused(database: &Database, id: &str) -> String {
    let parsed = parse_document(b"{}").unwrap();
    database.update_one(parsed.into_edit(id.to_owned())).unwrap_err().to_string()
}

#[test]
fn documents_of_a_partition_are_in_one_shard_and_others_where_their_whole_id_says() {
    let (_databases, db) = partitioned();
    let shard = |id: &str| db.shard_of(id).unwrap().range;
    for number in 0..50 {
        assert_eq!(shard(&format!("joan:{number}")), shard("joan:a:b"));
        put(&db, &format!(r#"{{"_id":"joan:{number}"}}"#));
    }
    // The hash of `joan` is e0b852df, of `_design/foo` ca58923f (section 4.1 of the reference).
    assert_eq!(shard("joan:x"), "e0000000-ffffffff");
    assert_eq!(shard("_design/foo"), "c0000000-dfffffff");
    let filled: Vec<_> = db.shards().into_iter().filter(|shard| shard.doc_count > 0).collect();
    assert_eq!(filled.len(), 1);
    assert_eq!((filled[0].range.as_str(), filled[0].doc_count), ("e0000000-ffffffff", 50));
    assert!(get(&db, "joan:49").is_ok());
}

#[test]
fn an_id_without_a_partition_is_refused_in_writing_and_in_reading() {
    let (_databases, db) = partitioned();
    let no_partition = "Doc id must be of form partition:id";
    for (id, reason) in [
        ("nopart", no_partition),
        (":x", "Partition must not be empty"),
        ("a:", "Document id must not be empty"),
        ("a:_x", "Only reserved document ids may start with underscore."),
        ("_x:a", "Only reserved document ids may start with underscore."),
    ] {
        assert_eq!(refused(&db, id), reason, "{id}");
    }
    assert_eq!(get(&db, "nopart").unwrap_err().to_string(), no_partition);
    assert_eq!(db.info().doc_count, 0);
    let put_local = |id: &str| db.local_put(id, None, &Body::parse(b"{}").unwrap());
    put_local("_local/checkpoint").unwrap();
    put(&db, r#"{"_id":"_design/d"}"#);
    assert!(db.local_get("_local/checkpoint").is_ok() && get(&db, "_design/d").is_ok());
}

#[test]
fn the_rows_of_a_partition_are_its_own_in_both_directions_and_within_a_range() {
    let (_databases, db) = partitioned();
    for id in ["a:1", "a:2", "a:3", "a:4", "ab:1", "b:1"] {
        put(&db, &format!(r#"{{"_id":"{id}"}}"#));
    }
    let all = AllDocsRange::default();
    assert_eq!(ids(db.partition_docs("a", &all).unwrap()), ["a:1", "a:2", "a:3", "a:4"]);
    let down = AllDocsRange { descending: true, ..all.clone() };
    assert_eq!(ids(db.partition_docs("a", &down).unwrap()), ["a:4", "a:3", "a:2", "a:1"]);
    let text = |text: &str| Some(text.to_owned());
    let part = AllDocsRange { start: text("a:2"), end: text("a:3"), ..all.clone() };
    assert_eq!(ids(db.partition_docs("a", &part).unwrap()), ["a:2", "a:3"]);
    let wide = AllDocsRange { start: text(""), end: text("z"), ..all.clone() };
    assert_eq!(ids(db.partition_docs("ab", &wide).unwrap()), ["ab:1"]);
    let wide_down = AllDocsRange { start: text("z"), end: text(""), ..down };
    assert_eq!(ids(db.partition_docs("a", &wide_down).unwrap()), ["a:4", "a:3", "a:2", "a:1"]);
    let outside = AllDocsRange { start: text("b:1"), end: text("b:9"), ..all.clone() };
    assert!(ids(db.partition_docs("a", &outside).unwrap()).is_empty());
    assert!(ids(db.partition_docs("nosuch", &all).unwrap()).is_empty());
    assert_eq!(ids(db.all_docs(&all).unwrap()).len(), 6);
    let reason = |name| db.partition_docs(name, &all).unwrap_err().to_string();
    assert_eq!(reason("_a"), "Partition must not start with an underscore");
    assert_eq!(reason("a:b"), "Partition must not contain a colon");
}

#[test]
fn a_partition_counts_its_documents_tombstones_and_bytes_before_and_after_a_compaction() {
    let (_databases, db) = partitioned();
    let first = put(&db, r#"{"_id":"p1:a","v":1}"#);
    let told = db.partition_info("p1").unwrap();
    assert_eq!((told.doc_count, told.doc_del_count, told.external_bytes), (1, 0, 7));
    let gone = put(&db, r#"{"_id":"p1:b","v":2}"#);
    put(&db, &format!(r#"{{"_id":"p1:b","_rev":"{gone}","_deleted":true}}"#));
    put(&db, &format!(r#"{{"_id":"p1:a","_rev":"{first}","v":11}}"#));
    put(&db, r#"{"_id":"p1:c","_attachments":{"x":{"data":"aGVsbG8="}}}"#);
    put(&db, r#"{"_id":"p2:a","v":1}"#);
    let told = db.partition_info("p1").unwrap();
    assert_eq!((told.doc_count, told.doc_del_count), (2, 1));
    // {"v":11}, {} of the tombstone, {} and `hello`.
    assert_eq!(told.external_bytes, 8 + 2 + 2 + 5);
    db.compact_now().unwrap();
    assert_eq!(db.partition_info("p1").unwrap(), told);
    let all: u64 =
        ["p1", "p2"].map(|name| db.partition_info(name).unwrap().active_bytes).iter().sum();
    assert!(all <= db.info().sizes.active, "{all} of {}", db.info().sizes.active);
    let none = db.partition_info("p").unwrap();
    assert_eq!((none.doc_count, none.doc_del_count, none.active_bytes), (0, 0, 0));
}

#[test]
fn a_database_stays_partitioned_after_a_restart_and_only_if_it_was_made_so() {
    let world = World::new();
    let databases = world.open();
    put(&databases.create("db", &PARTITIONED).unwrap(), r#"{"_id":"a:1"}"#);
    let plain = databases.create("plain", &CreateOptions::default()).unwrap();
    put(&plain, r#"{"_id":"nopart"}"#);
    let not_partitioned = plain.partition_info("a").unwrap_err();
    assert_eq!(not_partitioned.to_string(), "database is not partitioned");
    for name in ["_users", "_replicator", "team/_users"] {
        let made = databases.create(name, &PARTITIONED).unwrap_err();
        assert!(matches!(made, DatabaseError::SystemPartitioned), "{name}: {made}");
    }
    drop((plain, databases));
    let databases = world.open();
    let db = databases.get("db").unwrap();
    assert!(db.info().partitioned && !databases.get("plain").unwrap().info().partitioned);
    assert!(get(&db, "a:1").is_ok());
    assert_eq!(refused(&db, "nopart"), "Doc id must be of form partition:id");
}
