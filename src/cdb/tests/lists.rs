use super::*;
use crate::cdb::*;

fn declare(cdb: &Cdb, path: &str, info: &ListInfo) {
    cdb.write(Datastore::Config, |tx| tx.declare_list(path, info)).unwrap();
}

#[test]
fn declared_keys_are_typed_and_sorted_by_value() {
    let cdb = cdb();
    declare(&cdb, "/route", &"vrf,id:uint32".parse().unwrap());
    set(&cdb, &[("/route{b 10}/x", "1"), ("/route{b 9}/x", "2"), ("/route{a 100}/x", "3")]);
    let view = config(&cdb);
    assert_eq!(children(&view, "/route"), ["/route{a 100}", "/route{b 9}", "/route{b 10}"]);
    assert_eq!(view.get("/route{b 010}/id").unwrap(), Some(Value::Uint32(10)));
    let error = view.get("/route{b x}/x").unwrap_err().to_string();
    assert!(error.starts_with("/route{b x}/x: \"x\" is not a value of type uint32"), "{error}");
    let error = view.get("/route{b}/x").unwrap_err().to_string();
    assert_eq!(error, "/route{b}/x: 1 keys given, the list has 2 (vrf,id:uint32)");
}

#[test]
fn undeclared_lists_get_key_names() {
    let cdb = cdb();
    set(&cdb, &[("/one{k}/x", "1"), ("/two{k l}/x", "1")]);
    let view = config(&cdb);
    assert_eq!(view.list_info("/one").unwrap().unwrap().to_string(), "name");
    assert_eq!(view.list_info("/two{k l}").unwrap().unwrap().to_string(), "key-1,key-2");
    assert_eq!(text(&view, "/two{k l}/key-2").unwrap(), "l");
}

#[test]
fn a_list_with_entries_keeps_its_declaration() {
    let cdb = cdb();
    set(&cdb, &[("/a{1}/b{x}/c", "1")]);
    let typed: ListInfo = "id:uint8".parse().unwrap();
    let error = cdb.write(Datastore::Config, |tx| tx.declare_list("/a/b", &typed)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "/a/b has entries and is declared with a list with the keys name, ordered by user; it cannot become a list with the keys id:uint8"
    );
    cdb.write(Datastore::Config, |tx| {
        tx.delete("/a{1}/b")?;
        tx.declare_list("/a/b", &typed)?;
        tx.create("/a{1}/b{7}")
    })
    .unwrap();
    assert_eq!(config(&cdb).get("/a{1}/b{7}/id").unwrap(), Some(Value::Uint8(7)));
}

#[test]
fn entries_are_counted_and_walked_without_what_is_in_them() {
    let cdb = cdb();
    declare(&cdb, "/list", &ListInfo::with_keys(["name"]));
    cdb.write(Datastore::Config, |tx| {
        for entry in 0..100 {
            for leaf in 0..50 {
                tx.set(&*format!("/list{{{entry:03}}}/leaf-{leaf}"), Value::Int32(leaf))?;
            }
        }
        tx.create("/list{x}/inner{y}")
    })
    .unwrap();
    let view = config(&cdb);
    assert_eq!(view.num_instances("/list").unwrap(), 101);
    assert_eq!(view.num_instances("/list{x}/inner").unwrap(), 1);
    assert_eq!(view.num_instances("/none").unwrap(), 0);
    let mut seen = 0;
    let mut at = view.next_entry("/list").unwrap();
    while let Some(entry) = at {
        seen += 1;
        at = view.next_entry(&entry).unwrap();
    }
    assert_eq!(seen, 101);
    let next = view.next_entry("/list{050x}").unwrap().unwrap();
    assert_eq!(next.to_string(), "/list{051}");
    assert_eq!(text(&view, "/list[42]/name").unwrap(), "042");
    check(&cdb, Datastore::Config);
}

#[test]
fn every_key_is_told_apart() {
    let cdb = cdb();
    let keys = [
        "", " ", "a", "ab", "a b", "*", "{}", "\"", "\\", "\n", "\0", "\0\0", "a\0", "\u{e9}", "/",
    ];
    let path = |key: &str| Path::root().child("l").with_keys([key]);
    cdb.write(Datastore::Config, |tx| {
        keys.iter().try_for_each(|key| tx.set(path(key).child("v"), *key))
    })
    .unwrap();
    let view = config(&cdb);
    assert_eq!(view.num_instances("/l").unwrap(), keys.len() as u64);
    for key in keys {
        assert_eq!(view.get(path(key).child("v")).unwrap(), Some(key.into()));
        assert_eq!(view.get(path(key).child("name")).unwrap(), Some(key.into()));
    }
    for child in view.children("/l").unwrap() {
        assert_eq!(child.path.to_string().parse::<Path>().unwrap(), child.path);
    }
}

#[test]
fn user_ordered_entries_stay_where_they_are_put() {
    let cdb = cdb();
    declare(&cdb, "/rule", &ListInfo::with_keys(["name"]).ordered_by_user());
    let order = |cdb: &Cdb| {
        let view = config(cdb);
        check(cdb, Datastore::Config);
        children(&view, "/rule").join(" ").replace("/rule", "")
    };
    for name in ["c", "a", "b", "d"] {
        set(&cdb, &[(&format!("/rule{{{name}}}/x"), name)]);
    }
    assert_eq!(order(&cdb), "{c} {a} {b} {d}");
    let moved = |path: &str, to: MoveTo| {
        let mut tx = cdb.begin_write(Datastore::Config).unwrap();
        tx.move_entry(path, to).unwrap();
        let diff = lines(&tx.diff().unwrap());
        let commit = tx.commit().unwrap();
        assert_eq!(commit.node_delta, 0);
        diff
    };
    let at = |text: &str| text.parse::<Path>().unwrap();
    assert_eq!(moved("/rule{b}", MoveTo::First), ["> /rule{b} first"]);
    assert_eq!(order(&cdb), "{b} {c} {a} {d}");
    assert_eq!(moved("/rule{b}", MoveTo::After(at("/rule{a}"))), ["> /rule{b} after /rule{a}"]);
    assert_eq!(order(&cdb), "{c} {a} {b} {d}");
    assert_eq!(moved("/rule{c}", MoveTo::Last), ["> /rule{c} after /rule{d}"]);
    assert_eq!(moved("/rule{d}", MoveTo::Before(at("/rule{b}"))), ["> /rule{d} after /rule{a}"]);
    assert_eq!(order(&cdb), "{a} {d} {b} {c}");
    assert!(moved("/rule{d}", MoveTo::Before(at("/rule{d}"))).is_empty());
    assert_eq!(text(&config(&cdb), "/rule[1]/name").unwrap(), "d");
    let view = config(&cdb);
    assert_eq!(view.next_entry("/rule{d}").unwrap().unwrap().to_string(), "/rule{b}");
    assert_eq!(view.next_entry("/rule{c}").unwrap(), None);
    assert_eq!(view.num_instances("/rule").unwrap(), 4);
    cdb.write(Datastore::Config, |tx| tx.delete("/rule{d}")).unwrap();
    assert_eq!(order(&cdb), "{a} {b} {c}");
    cdb.write(Datastore::Config, |tx| tx.delete("/rule")).unwrap();
    set(&cdb, &[("/rule{z}/x", "1")]);
    assert_eq!(order(&cdb), "{z}");
}

#[test]
fn only_entries_of_user_ordered_lists_move() {
    let cdb = cdb();
    declare(&cdb, "/sorted", &ListInfo::with_keys(["name"]));
    set(&cdb, &[("/sorted{a}/x", "1"), ("/sorted{b}/x", "1")]);
    let error =
        cdb.write(Datastore::Config, |tx| tx.move_entry("/sorted{a}", MoveTo::Last)).unwrap_err();
    assert!(error.to_string().contains("sorted by key"), "{error}");
    let error =
        cdb.write(Datastore::Config, |tx| tx.move_entry("/sorted{c}", MoveTo::Last)).unwrap_err();
    assert!(matches!(error, CommitError::Tree(Error::NotFound { .. })));
}

// Symptom: the rules of an access list came back sorted by name, and could not be moved. Cause: a list that nobody declared
// was a sorted one. Fix: it keeps the order in which its entries were made.
#[test]
fn a_list_that_nobody_declared_keeps_its_order_and_moves() {
    let cdb = cdb();
    for name in ["z", "a", "m"] {
        set(&cdb, &[(&format!("/acl/rule{{{name}}}/action"), "permit")]);
    }
    let order = || children(&config(&cdb), "/acl/rule").join(" ").replace("/acl/rule", "");
    assert_eq!(order(), "{z} {a} {m}");
    cdb.write(Datastore::Config, |tx| tx.move_entry("/acl/rule{m}", MoveTo::First)).unwrap();
    assert_eq!(order(), "{m} {z} {a}");
    let view = config(&cdb);
    let mut at = view.next_entry("/acl/rule").unwrap();
    let mut walked = Vec::new();
    while let Some(entry) = at {
        at = view.next_entry(&entry).unwrap();
        walked.push(entry.to_string());
    }
    assert_eq!(walked, children(&view, "/acl/rule"));
    check(&cdb, Datastore::Config);
}

#[test]
fn leaf_lists_hold_typed_values() {
    let cdb = cdb();
    let info = LeafListInfo { value_type: ValueType::Uint16, ordered_by: OrderedBy::System };
    cdb.write(Datastore::Config, |tx| {
        tx.declare_leaf_list("/d/vlan", &info)?;
        ["100", "20", "3"].iter().try_for_each(|id| tx.create(&*format!("/d/vlan{{{id}}}")))
    })
    .unwrap();
    let view = config(&cdb);
    assert_eq!(view.kind("/d/vlan").unwrap(), Some(NodeKind::LeafList));
    assert_eq!(view.leaf_list_info("/d/vlan").unwrap(), Some(info));
    assert_eq!(children(&view, "/d/vlan"), ["/d/vlan{3}", "/d/vlan{20}", "/d/vlan{100}"]);
    let values = Object::LeafList([3_u16, 20, 100].map(Value::from).to_vec());
    assert_eq!(view.get_object("/d/vlan").unwrap(), Some(values));
    assert_eq!(view.get("/d/vlan{20}").unwrap(), Some(Value::Uint16(20)));
    assert!(cdb.write(Datastore::Config, |tx| tx.create("/d/vlan{x}")).is_err());
    let inside = cdb.write(Datastore::Config, |tx| tx.set_text("/d/vlan{3}/x", "1")).unwrap_err();
    assert_eq!(inside.to_string(), "/d/vlan{3} is a leaf-list entry, not a list entry");
    assert_eq!(cdb.node_count(Datastore::Config), 3);
    check(&cdb, Datastore::Config);
}
