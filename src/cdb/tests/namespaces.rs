//! A node is its namespace and its name; prefixes are spelling.

use std::sync::{Arc, Mutex};

use super::*;
use crate::cdb::*;

fn load(cdb: &Cdb, name: &str, text: &str) -> Loaded {
    let source = BytesSource::new(name, text.as_bytes());
    let options = LoadOptions::default();
    let loaded = cdb.load(Datastore::Config, &source, &options, &Author::default()).unwrap();
    check(cdb, Datastore::Config);
    loaded
}

fn loaded(name: &str, text: &str) -> Cdb {
    let cdb = cdb();
    load(&cdb, name, text);
    cdb
}

fn save(cdb: &Cdb, format: Format) -> String {
    let mut out = Vec::new();
    config(cdb).save("/", SaveOptions::new(format), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// All keys and values of a datastore, prefixes left out.
fn stored(cdb: &Cdb) -> Vec<(Vec<u8>, Vec<u8>)> {
    let snapshot = cdb.store(Datastore::Config).snapshot();
    let mut scan = snapshot.scan(&crate::journal::KeyRange::all());
    let mut all = Vec::new();
    while let Some((key, value)) = scan.next().unwrap() {
        if key[0] != crate::cdb::key::Space::Prefixes as u8 {
            all.push((key.to_vec(), value.to_vec()));
        }
    }
    all
}

// Symptom: of `<a xmlns="u1">` beside `<a xmlns="u2">` one was gone. Cause: the name alone was the identity. Fix: the namespace is
// in the address.
#[test]
fn one_name_in_two_namespaces_is_two_nodes() {
    let text = "<r><a xmlns=\"urn:x:u\"><b>1</b></a><a xmlns=\"urn:y:v\"><b>2</b></a></r>";
    let cdb = loaded("t.xml", text);
    let view = config(&cdb);
    assert_eq!(children(&view, "/r"), ["/r/u:a", "/r/v:a"]);
    for (path, value) in [("/r/u:a/b", "1"), ("/r/v:a/b", "2"), ("/r/\"urn:y:v\":a/b", "2")] {
        assert_eq!(super::text(&view, path).unwrap(), value);
    }
    let refused = view.get("/r/a/b").unwrap_err().to_string();
    assert_eq!(refused, "/r/a/b: several nodes are called a; say which: u:a, v:a");
    for child in view.children("/r").unwrap() {
        assert_eq!(view.kind(&child.path).unwrap(), view.kind(&*child.path.to_string()).unwrap());
    }
}

#[test]
fn a_name_without_prefix_finds_the_only_node_and_prints_so() {
    let text = "<devices xmlns=\"http://tail-f.com/ns/ncs\"><device><name>c</name><x>1</x></device>\
                <device><name>d</name></device></devices>";
    let cdb = loaded("t.xml", text);
    set(&cdb, &[("/devices/device{c}/x", "2"), ("/devices/device{e}/y", "3")]);
    let view = config(&cdb);
    assert_eq!(super::text(&view, "/ncs:devices/device{e}/y").unwrap(), "3");
    assert_eq!(super::text(&view, "/ncs:devices/ncs:device{c}/ncs:x").unwrap(), "2");
    assert_eq!(children(&view, "/"), ["/devices"]);
    assert_eq!(view.children("/devices").unwrap().len(), 1);
    // A plain sibling: now the name alone is that one.
    set(&cdb, &[("/no-namespace:devices/z", "4")]);
    let view = config(&cdb);
    assert_eq!(children(&view, "/"), ["/devices", "/ncs:devices"]);
    assert_eq!(super::text(&view, "/devices/z").unwrap(), "4");
}

#[test]
fn equal_trees_have_equal_keys_whatever_the_prefixes() {
    let one =
        loaded("t.xml", "<p:a xmlns:p=\"urn:a\" xmlns:q=\"urn:b\"><q:b>1</q:b><p:c>2</p:c></p:a>");
    let two = loaded("t.xml", "<a xmlns=\"urn:a\"><c>2</c><x:b xmlns:x=\"urn:b\">1</x:b></a>");
    assert_eq!(stored(&one), stored(&two));
    let again = load(&one, "t.xml", "<a xmlns=\"urn:a\"><c>2</c><b xmlns=\"urn:b\">1</b></a>");
    assert!(!again.commit.changed);
}

#[test]
fn one_prefix_for_two_namespaces_comes_out_as_two() {
    let text = "<r><p:a xmlns:p=\"urn:1:one\">1</p:a><p:b xmlns:p=\"urn:2:two\">2</p:b></r>";
    let cdb = loaded("t.xml", text);
    let json = save(&cdb, Format::Json);
    assert!(json.contains("\"p:a\": \"1\"") && json.contains("\"p-2:b\": \"2\""), "{json}");
    assert_eq!(stored(&loaded("t.json", &json)), stored_without_once(&cdb));
}

/// The same without what XML cannot know and JSON says.
fn stored_without_once(cdb: &Cdb) -> Vec<(Vec<u8>, Vec<u8>)> {
    let is_once = |key: &[u8]| key[0] == crate::cdb::key::Space::Schema as u8;
    stored(cdb).into_iter().filter(|(key, _)| !is_once(key)).collect()
}

#[test]
fn module_names_are_namespaces_and_come_back() {
    let text = r#"{"acme:top":{"b":1,"ietf-interfaces:c":{"d":"x"}}}"#;
    let cdb = loaded("t.json", text);
    let json: serde_json::Value = serde_json::from_str(&save(&cdb, Format::Json)).unwrap();
    assert_eq!(json, serde_json::from_str::<serde_json::Value>(text).unwrap());
    let xml = save(&cdb, Format::Xml);
    assert!(xml.contains("<top xmlns=\"urn:pumice:module:acme\">"), "{xml}");
    assert!(xml.contains("<c xmlns=\"urn:ietf:params:xml:ns:yang:ietf-interfaces\">"), "{xml}");
    let mut again = LoadOptions { format: Some(Format::Xml), ..LoadOptions::default() };
    again.mode = LoadMode::Replace;
    let source = BytesSource::new("t", xml.as_bytes());
    let loaded = cdb.load(Datastore::Config, &source, &again, &Author::default()).unwrap();
    assert!(!loaded.commit.changed);
}

#[test]
fn a_prefix_that_earlier_loads_told_is_that_namespace_in_json() {
    let cdb = loaded("t.xml", "<acl:rules xmlns:acl=\"urn:acl\"><n>1</n></acl:rules>");
    load(&cdb, "t.json", r#"{"acl:rules": {"m": "2"}}"#);
    assert_eq!(children(&config(&cdb), "/rules"), ["/rules/m", "/rules/n"]);
}

#[test]
fn prefixes_in_values_keep_their_declarations_everywhere() {
    let text = "<r xmlns:d=\"urn:d\"><one>d:v</one><t>d:a</t><t xmlns:d=\"urn:e\">d:b</t>\
                <l><k>d:k</k></l><l><k xmlns:x=\"urn:x\">x:k</k></l><n>http://plain</n></r>";
    let cdb = loaded("t.xml", text);
    let view = config(&cdb);
    for (path, declared) in [
        ("/r/one", "xmlns:d=urn:d"),
        ("/r/t{d:a}", "xmlns:d=urn:d"),
        ("/r/t{d:b}", "xmlns:d=urn:e"),
        ("/r/l{d:k}/k", "xmlns:d=urn:d"),
        ("/r/l{x:k}/k", "xmlns:x=urn:x"),
    ] {
        let found = view.attributes(path).unwrap();
        let found: Vec<String> =
            found.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(found, [declared], "{path}");
    }
    assert!(view.attributes("/r/n").unwrap().is_empty());
    for format in [Format::Xml, Format::Json] {
        let saved = save(&cdb, format);
        let options =
            LoadOptions { format: Some(format), mode: LoadMode::Replace, ..LoadOptions::default() };
        let source = BytesSource::new("saved", saved.as_bytes());
        let again = cdb.load(Datastore::Config, &source, &options, &Author::default()).unwrap();
        assert_eq!(again.commit.nodes_touched, 0, "{saved}");
    }
}

#[test]
fn a_hint_may_name_prefixes() {
    let text = "<devices xmlns=\"http://tail-f.com/ns/ncs\" xmlns:x=\"urn:x\">\
                <device><x:id>1</x:id></device></devices>";
    for hint in ["/devices/device=x:id", "/ncs:devices/ncs:device=id"] {
        let cdb = cdb();
        let options = LoadOptions { keys: vec![hint.parse().unwrap()], ..LoadOptions::default() };
        let source = BytesSource::new("t.xml", text.as_bytes());
        cdb.load(Datastore::Config, &source, &options, &Author::default()).unwrap();
        let view = config(&cdb);
        assert_eq!(children(&view, "/devices/device"), ["/devices/device{1}"]);
        assert_eq!(super::text(&view, "/devices/device{1}/id").unwrap(), "1");
        assert_eq!(super::text(&view, "/devices/device{1}/x:id").unwrap(), "1");
    }
}

#[test]
fn wrappers_of_answers_are_taken_off() {
    let base = "urn:ietf:params:xml:ns:netconf:base:1.0";
    let plain = loaded("t.xml", "<a xmlns=\"urn:a\"><b>1</b></a>");
    for text in [
        format!(
            "<rpc-reply xmlns=\"{base}\" message-id=\"1\"><data><a xmlns=\"urn:a\"><b>1</b></a></data></rpc-reply>"
        ),
        format!("<nc:data xmlns:nc=\"{base}\"><a xmlns=\"urn:a\"><b>1</b></a></nc:data>"),
        format!("<config xmlns=\"{base}\" xmlns:a=\"urn:a\"><a:a><a:b>1</a:b></a:a></config>"),
    ] {
        assert_eq!(stored(&loaded("t.xml", &text)), stored(&plain), "{text}");
    }
    let source = format!("<rpc-reply xmlns=\"{base}\"><ok/></rpc-reply>");
    let source = BytesSource::new("t.xml", source.as_bytes());
    let mut tx = cdb().begin_write(Datastore::Config).unwrap();
    let refused = tx.load(&source, &LoadOptions::default()).unwrap_err().to_string();
    assert!(refused.contains("<ok> in <rpc-reply> is no data"), "{refused}");
}

// Symptom: a note on a device changed, and diff and watch were silent. Cause: only nodes were compared. Fix: attributes are too.
#[test]
fn a_changed_attribute_is_a_change_of_its_node() {
    let cdb = loaded("t.xml", "<d><p a=\"1\" b=\"x\">9</p></d>");
    let notes = Arc::new(Mutex::new(Vec::new()));
    let seen = notes.clone();
    let point = SubscriptionPoint::new("/d/p").unwrap();
    let _handle = cdb.subscribe_callback(Datastore::Config, point, move |notification| {
        seen.lock().unwrap().extend(lines(&notification.diff));
    });
    load(&cdb, "t.xml", "<d><p a=\"2\" c=\"y\">9</p></d>");
    let expected = ["@ /d/p a: Some(\"1\") -> Some(\"2\")", "@ /d/p c: None -> Some(\"y\")"];
    assert_eq!(*notes.lock().unwrap(), expected);
    let (one, two) = (TransactionId::new(1), TransactionId::new(2));
    assert_eq!(lines(&cdb.diff_transactions(Datastore::Config, one, two).unwrap()), expected);
    cdb.take_snapshot("s", "/d", &Author::default()).unwrap();
    load(&cdb, "t.xml", "<d><p a=\"3\">9</p></d>");
    let changed = lines(&cdb.diff_snapshot("s").unwrap());
    assert_eq!(changed, ["@ /d/p a: Some(\"2\") -> Some(\"3\")"]);
    cdb.rollback(Datastore::Config, one, &Author::default()).unwrap();
    let attributes = config(&cdb).attributes("/d/p").unwrap();
    let found: Vec<&str> = attributes.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!((found, &*attributes[0].1), (vec!["a", "b"], "1"));
}

#[test]
fn a_point_without_prefix_is_told_of_every_namespace_and_one_with_prefix_of_its_own() {
    let cdb = loaded("t.xml", "<a:d xmlns:a=\"urn:a\"><x>0</x></a:d>");
    let notes = Arc::new(Mutex::new(Vec::new()));
    let mut handles = Vec::new();
    for point in ["/d", "/a:d", "/b:d", "/\"urn:b\":d"] {
        let seen = notes.clone();
        let subscription = SubscriptionPoint::new(point).unwrap();
        handles.push(cdb.subscribe_callback(Datastore::Config, subscription, move |_| {
            seen.lock().unwrap().push(point);
        }));
    }
    load(&cdb, "t.xml", "<b:d xmlns:b=\"urn:b\"><x>1</x></b:d>");
    assert_eq!(std::mem::take(&mut *notes.lock().unwrap()), ["/d", "/b:d", "/\"urn:b\":d"]);
    set(&cdb, &[("/a:d/x", "2")]);
    assert_eq!(*notes.lock().unwrap(), ["/d", "/a:d"]);
}

#[test]
fn snapshots_hold_namespaces_and_restore_them() {
    let cdb = loaded("t.xml", "<a:d xmlns:a=\"urn:a\"><x>1</x></a:d>");
    cdb.take_snapshot("s", "/d", &Author::default()).unwrap();
    assert_eq!(cdb.snapshots().unwrap()[0].path.to_string(), "/d");
    set(&cdb, &[("/d/x", "2")]);
    assert_eq!(lines(&cdb.diff_snapshot("s").unwrap()), ["~ /d/x: 1 -> 2"]);
    cdb.restore_snapshot("s", &Author::default()).unwrap();
    assert_eq!(super::text(&config(&cdb), "/a:d/x").unwrap(), "1");
}

#[test]
fn objects_name_namespaces_and_are_set_whole() {
    let cdb = loaded("t.xml", "<r><a:d xmlns:a=\"urn:a\"><x>1</x></a:d><d><x>2</x></d></r>");
    let object = config(&cdb).get_object("/r").unwrap().unwrap();
    cdb.write(Datastore::Config, |tx| tx.set_object("/copy", &object)).unwrap();
    assert_eq!(config(&cdb).get_object("/copy").unwrap(), Some(object));
    assert_eq!(super::text(&config(&cdb), "/copy/a:d/x").unwrap(), "1");
    assert_eq!(super::text(&config(&cdb), "/copy/d/x").unwrap(), "2");
}
