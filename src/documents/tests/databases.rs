//! Whole databases: made, found again, removed, and what is told of that.

use super::*;

fn told(databases: &Databases, since: u64) -> Vec<String> {
    let events = databases.events(since, usize::MAX).unwrap();
    events.into_iter().map(|event| format!("{} {}", event.kind.word(), event.name)).collect()
}

#[test]
fn a_setting_takes_a_sequence_in_each_shard_and_is_no_row_of_the_changes() {
    let world = World::new();
    let databases = world.open();
    let db = databases.create("a", &CreateOptions::with_shards(3)).unwrap();
    assert_eq!(db.info().update_seq.sum(), 0);
    db.set_security("{}").unwrap();
    db.set_revs_limit(7).unwrap();
    db.set_purged_infos_limit(7).unwrap();
    assert_eq!(db.info().update_seq.sum(), 9);
    let mut changes = db.changes(&Since::Zero, &ChangesOptions::default()).unwrap();
    assert!(changes.next().unwrap().is_none());
    assert_eq!(changes.last_seq(), db.info().update_seq);
    drop((changes, db, databases));
    let databases = world.open();
    assert_eq!(databases.get("a").unwrap().info().update_seq.sum(), 9);
}

#[test]
fn databases_are_made_found_again_and_removed() {
    let world = World::new();
    let databases = world.open();
    let options = CreateOptions::default();
    let db = databases.create("b/slash", &options).unwrap();
    databases.create("a", &CreateOptions::with_shards(5)).unwrap();
    assert!(matches!(databases.create("a", &options), Err(DatabaseError::Exists)));
    assert!(matches!(databases.create("A", &options), Err(DatabaseError::IllegalName { .. })));
    assert!(matches!(
        databases.create("c", &CreateOptions::with_shards(0)),
        Err(DatabaseError::BadShardCount)
    ));
    assert!(matches!(databases.get("nosuch"), Err(DatabaseError::NotFound)));
    assert!(matches!(databases.remove("nosuch"), Err(DatabaseError::NotFound)));
    put(&db, r#"{"_id":"x","v":1}"#);
    db.set_revs_limit(7).unwrap();
    assert_eq!(
        db.security().unwrap(),
        r#"{"members":{"roles":["_admin"]},"admins":{"roles":["_admin"]}}"#
    );
    db.set_security(r#"{ "admins": {"names": ["al"]} }"#).unwrap();
    let info = db.info();
    assert_eq!(
        (info.q, info.instance_start_time, info.name.as_str()),
        (2, 1_700_000_000, "b/slash")
    );
    drop((db, databases));

    let databases = world.open();
    assert_eq!(databases.names().unwrap(), ["a", "b/slash"]);
    let db = databases.get("b/slash").unwrap();
    assert!(Arc::ptr_eq(&db, &databases.get("b/slash").unwrap()));
    assert_eq!(db.info(), DatabaseInfo { sizes: db.info().sizes, ..info });
    assert!(get(&db, "x").is_ok());
    assert_eq!(
        (db.revs_limit(), db.security().unwrap().as_str()),
        (7, r#"{"admins":{"names":["al"]}}"#)
    );
    assert_eq!(databases.get("a").unwrap().shards().len(), 5);
    let place = db.shard_of("x").unwrap();
    assert!(place.name.starts_with(&format!("shards/{}/b/slash.", place.range)));

    databases.remove("b/slash").unwrap();
    assert!(matches!(try_put(&db, r#"{"_id":"y"}"#), Err(DocumentError::DatabaseGone)));
    assert!(matches!(databases.get("b/slash"), Err(DatabaseError::NotFound)));
    let db = databases.create("b/slash", &options).unwrap();
    assert!(get(&db, "x").is_err());
}

#[test]
fn what_happens_to_databases_is_told_once_each_and_can_be_resumed() {
    let world = World::new();
    let databases = world.open();
    let options = CreateOptions::default();
    let mut watch = databases.watch_events();
    let db = databases.create("a", &options).unwrap();
    databases.create("b", &options).unwrap();
    assert!(watch.wait(None));
    assert_eq!(told(&databases, 0), ["created a", "created b"]);
    let here = databases.last_event().unwrap();
    put(&db, r#"{"_id":"x"}"#);
    put(&db, r#"{"_id":"y"}"#);
    assert!(watch.wait(None));
    assert_eq!(told(&databases, here), ["updated a"]);
    assert_eq!(told(&databases, databases.last_event().unwrap()), [""; 0]);
    put(&db, r#"{"_id":"z"}"#);
    databases.remove("b").unwrap();
    assert_eq!(told(&databases, here), ["deleted b", "updated a"]);
    assert_eq!(told(&databases, 0), ["created a", "created b", "deleted b", "updated a"]);
    let end = databases.last_event().unwrap();
    drop((db, databases));
    let databases = world.open();
    assert_eq!(told(&databases, end), [""; 0]);
    assert_eq!(databases.last_event().unwrap(), end);
}

#[test]
fn after_a_crash_every_database_counts_as_changed() {
    let world = World::new();
    let databases = world.open();
    let db = databases.create("a", &CreateOptions::default()).unwrap();
    let here = databases.last_event().unwrap();
    put(&db, r#"{"_id":"x"}"#);
    let after = world.crash();
    let databases = after.open();
    assert_eq!(told(&databases, here), ["updated a"]);
    assert!(get(&databases.get("a").unwrap(), "x").is_ok());
}

#[test]
fn closed_databases_refuse_writes_and_the_files_are_closed_cleanly() {
    let world = World::new();
    let databases = world.open();
    let db = databases.create("a", &CreateOptions::default()).unwrap();
    put(&db, r#"{"_id":"x"}"#);
    databases.close().unwrap();
    assert!(matches!(try_put(&db, r#"{"_id":"y"}"#), Err(DocumentError::Storage(_))));
    assert!(get(&db, "x").is_ok());
    drop((db, databases));
    assert!(get(&world.open().get("a").unwrap(), "x").is_ok());
}

/// A catalog that ends the process when it should be written to.
#[derive(Debug)]
struct Ending(Arc<MemoryCatalog>);

impl Catalog for Ending {
    fn list(&self) -> Result<Vec<DatabaseRecord>, DatabaseError> {
        self.0.list()
    }

    fn get(&self, name: &str) -> Result<Option<DatabaseRecord>, DatabaseError> {
        self.0.get(name)
    }

    fn put(&self, _record: &DatabaseRecord) -> Result<(), DatabaseError> {
        Err(DatabaseError::Catalog("ended".to_owned()))
    }

    fn remove(&self, name: &str) -> Result<(), DatabaseError> {
        self.0.remove(name)?;
        Err(DatabaseError::Catalog("ended".to_owned()))
    }
}

#[test]
fn files_of_databases_that_were_half_made_or_half_removed_go_and_others_stay() {
    let world = World::new();
    let count = |world: &World| {
        let ranges = ["00000000-7fffffff", "80000000-ffffffff"];
        let list = |range| {
            world.vfs.shared().list(&Path::new("/data/shards").join(range)).unwrap_or_default()
        };
        ranges.into_iter().flat_map(list).filter(|name| name.ends_with(".pumice")).count()
    };
    let databases = world.open();
    for name in ["kept", "lost", "removed"] {
        put(&databases.create(name, &CreateOptions::default()).unwrap(), r#"{"_id":"x"}"#);
    }
    drop(databases);
    {
        let ending = Arc::new(Ending(world.catalog.clone()));
        let databases = Databases::open(
            Path::new("/data"),
            world.vfs.shared(),
            world.clock.clone(),
            ending,
            world.options.clone(),
        )
        .unwrap();
        assert!(databases.create("half", &CreateOptions::default()).is_err());
        assert!(databases.remove("removed").is_err());
    }
    assert_eq!(count(&world), 8);
    // As if an older catalog was put back.
    world.catalog.remove("lost").unwrap();
    let databases = world.open();
    assert_eq!(count(&world), 4);
    assert_eq!(databases.names().unwrap(), ["kept"]);
    assert!(get(&databases.get("kept").unwrap(), "x").is_ok());
}

#[test]
fn a_database_whose_shard_is_missing_is_not_taken_for_an_empty_one() {
    let world = World::new();
    let databases = world.open();
    databases.create("db", &CreateOptions::default()).unwrap();
    drop(databases);
    let missing = Path::new("/data/shards/80000000-ffffffff/db.1700000000.pumice");
    world.vfs.shared().remove(missing).unwrap();
    let databases = world.open();
    let refused = databases.get("db").unwrap_err().to_string();
    assert_eq!(refused, format!("the shard {} is missing", missing.display()));
    databases.remove("db").unwrap();
    assert!(databases.create("db", &CreateOptions::default()).is_ok());
}
