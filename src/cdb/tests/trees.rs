use super::*;
use crate::cdb::*;

#[test]
fn a_leaf_reads_back_and_what_is_around_it_is_there() {
    let cdb = cdb();
    set(&cdb, &[("/devices/device{ce0}/address", "10.0.0.1"), ("/devices/global/mtu", "1500")]);
    let view = config(&cdb);
    assert_eq!(text(&view, "/devices/device{ce0}/address").unwrap(), "10.0.0.1");
    assert_eq!(text(&view, "/devices/device{ce0}/name").unwrap(), "ce0");
    assert_eq!(text(&view, "/devices/device[0]/address").unwrap(), "10.0.0.1");
    assert_eq!(text(&view, "/devices/device[1]/address"), None);
    assert_eq!(text(&view, "/devices/device{ce1}/address"), None);
    for (path, kind) in [
        ("/", NodeKind::Container),
        ("/devices", NodeKind::Container),
        ("/devices/device", NodeKind::List),
        ("/devices/device{ce0}", NodeKind::ListEntry),
        ("/devices/device{ce0}/name", NodeKind::Leaf),
        ("/devices/device{ce0}/address", NodeKind::Leaf),
        ("/devices/global", NodeKind::Container),
    ] {
        assert_eq!(view.kind(path).unwrap(), Some(kind), "{path}");
    }
    assert!(!view.exists("/nothing").unwrap());
    assert!(!view.exists("/devices/device{ce1}/name").unwrap());
    assert_eq!(children(&view, "/devices"), ["/devices/device", "/devices/global"]);
    assert_eq!(
        children(&view, "/devices/device{ce0}"),
        ["/devices/device{ce0}/name", "/devices/device{ce0}/address"]
    );
    assert_eq!(cdb.node_count(Datastore::Config), 3);
    check(&cdb, Datastore::Config);
}

#[test]
fn a_container_goes_with_its_last_child() {
    let cdb = cdb();
    set(&cdb, &[("/a/b/c", "1"), ("/a/d", "2")]);
    cdb.write(Datastore::Config, |tx| tx.delete("/a/b/c")).unwrap();
    let view = config(&cdb);
    assert!(!view.exists("/a/b").unwrap());
    assert!(view.exists("/a").unwrap());
    cdb.write(Datastore::Config, |tx| tx.delete("/a")).unwrap();
    assert!(!config(&cdb).exists("/a").unwrap());
    assert_eq!(cdb.node_count(Datastore::Config), 0);
    check(&cdb, Datastore::Config);
}

#[test]
fn a_presence_container_stays_when_it_is_empty() {
    let cdb = cdb();
    cdb.write(Datastore::Config, |tx| {
        tx.create("/a/ssh")?;
        tx.set_text("/a/ssh/port", "22")?;
        tx.delete("/a/ssh/port")
    })
    .unwrap();
    assert_eq!(config(&cdb).kind("/a/ssh").unwrap(), Some(NodeKind::PresenceContainer));
    check(&cdb, Datastore::Config);
}

#[test]
fn nothing_can_stand_where_something_else_is() {
    let cdb = cdb();
    set(&cdb, &[("/a/leaf", "1"), ("/a/list{x}/y", "1"), ("/a/box/z", "1")]);
    let mut tx = cdb.begin_write(Datastore::Config).unwrap();
    let message = |result: Result<(), Error>| result.unwrap_err().to_string();
    assert_eq!(message(tx.set_text("/a/leaf/deeper", "1")), "/a/leaf is a leaf, not a container");
    assert_eq!(message(tx.set_text("/a/box", "1")), "/a/box is a container, not a leaf");
    assert_eq!(message(tx.set_text("/a/list", "1")), "/a/list is a list, not a leaf");
    assert_eq!(message(tx.set_text("/a/list{x}", "1")), "/a/list{x} is a list entry, not a leaf");
    assert_eq!(message(tx.set_text("/a/list/y", "1")), "/a/list is a list, not a container");
    assert_eq!(message(tx.create("/a/leaf")), "/a/leaf is a leaf, not a presence container");
    assert!(message(tx.create("/a/box{k}")).contains("has entries and is declared with no list"));
    assert_eq!(message(tx.create("/a/list{x}")), "/a/list{x} exists already");
    assert_eq!(message(tx.delete("/a/none")), "/a/none does not exist");
    assert_eq!(
        message(tx.delete("/a/list{x}/name")),
        "/a/list{x}/name is a key of its entry and cannot be changed; create another entry instead"
    );
    assert!(matches!(tx.set_text("/a/list{x}/name", "other"), Err(Error::KeyLeaf { .. })));
    assert!(matches!(tx.set_text("/a/list{x}/name/deeper", "1"), Err(Error::KeyLeaf { .. })));
    tx.set_text("/a/list{new}/name", "new").unwrap();
    assert!(tx.exists("/a/list{new}").unwrap());
    assert!(matches!(tx.get("/a/box"), Err(Error::WrongKind { .. })));
    assert!(matches!(tx.get("a/box"), Err(Error::BadPath { .. })));
    assert!(matches!(tx.get("/a/list{*}"), Err(Error::BadPath { .. })));
    assert!(matches!(tx.get("/a/list{x y}"), Err(Error::KeyCount { .. })));
    assert!(matches!(tx.get("/a/list{"), Err(Error::Path(_))));
}

#[test]
fn an_unused_declaration_gives_way_to_a_container() {
    let cdb = cdb();
    set(&cdb, &[("/a{x}/b", "1")]);
    cdb.write(Datastore::Config, |tx| tx.delete("/a")).unwrap();
    set(&cdb, &[("/a/b", "1")]);
    assert_eq!(config(&cdb).kind("/a").unwrap(), Some(NodeKind::Container));
    check(&cdb, Datastore::Config);
}

#[test]
fn a_leaf_keeps_its_type_when_it_is_set_by_text() {
    let cdb = cdb();
    cdb.write(Datastore::Config, |tx| tx.set("/port", Value::Uint16(830))).unwrap();
    set(&cdb, &[("/port", "2022")]);
    assert_eq!(config(&cdb).get("/port").unwrap(), Some(Value::Uint16(2022)));
    let error = cdb.write(Datastore::Config, |tx| tx.set_text("/port", "70000")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "/port: \"70000\" is not a value of type uint16: expected a number from 0 to 65535"
    );
    let retyped = |tx: &mut WriteTransaction| tx.set_typed("/port", ValueType::String, "any");
    cdb.write(Datastore::Config, retyped).unwrap();
    assert_eq!(config(&cdb).get("/port").unwrap(), Some(Value::from("any")));
}

#[test]
fn objects_are_read_and_set_whole() {
    let cdb = cdb();
    set(&cdb, &[("/d/device{a}/x", "1"), ("/d/device{a}/in/y", "2"), ("/d/device{b}/x", "3")]);
    let view = config(&cdb);
    let whole = view.get_object("/d").unwrap().unwrap();
    let one = view.get_object("/d/device{a}").unwrap().unwrap();
    let Object::List(entries) = &one else { panic!("{one:?}") };
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].keys, [Value::from("a")]);
    assert_eq!(view.get_object("/d/device{a}/x").unwrap(), Some(Object::Leaf("1".into())));
    assert_eq!(view.get_object("/d/device{a}/name").unwrap(), Some(Object::Leaf("a".into())));
    assert_eq!(view.get_object("/none").unwrap(), None);
    cdb.write(Datastore::Config, |tx| tx.set_object("/copy", &whole)).unwrap();
    assert_eq!(config(&cdb).get_object("/copy").unwrap(), Some(whole.clone()));
    let other = Object::Container(Container::new().with("z", "9"));
    cdb.write(Datastore::Config, |tx| tx.set_object("/d/device{a}", &other)).unwrap();
    let view = config(&cdb);
    assert!(!view.exists("/d/device{a}/x").unwrap());
    assert_eq!(text(&view, "/d/device{a}/z").unwrap(), "9");
    assert_eq!(text(&view, "/d/device{b}/x").unwrap(), "3");
    let root = view.get_object("/").unwrap().unwrap();
    cdb.write(Datastore::Config, |tx| tx.set_object("/", &root)).unwrap();
    assert_eq!(config(&cdb).get_object("/").unwrap(), Some(root));
    check(&cdb, Datastore::Config);
}

#[test]
fn a_view_stays_as_it_was_through_writes_and_compaction() {
    let cdb = cdb();
    set(&cdb, &[("/a", "1")]);
    let view = config(&cdb);
    set(&cdb, &[("/a", "2"), ("/b", "3")]);
    let store = cdb.store(Datastore::Config);
    store.compact(&Default::default(), &crate::journal::CompactionControl::new()).unwrap();
    set(&cdb, &[("/a", "4")]);
    assert_eq!(text(&view, "/a").unwrap(), "1");
    assert_eq!(text(&view, "/b"), None);
    assert_eq!(text(&config(&cdb), "/a").unwrap(), "4");
    assert_eq!(cdb.node_count_at_compaction(Datastore::Config).unwrap(), 2);
    check(&cdb, Datastore::Config);
}
