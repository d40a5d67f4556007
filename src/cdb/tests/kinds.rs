//! What a source has once it cannot tell: one container or the first of a list, one leaf or the first of a leaf-list.

use super::*;
use crate::cdb::*;

fn try_load(cdb: &Cdb, text: &str, options: &LoadOptions) -> Result<Loaded, String> {
    let format = if text.starts_with('{') { Format::Json } else { Format::Xml };
    let options = LoadOptions { format: Some(format), ..options.clone() };
    let source = BytesSource::new("t", text.as_bytes());
    let loaded = cdb.load(Datastore::Config, &source, &options, &Author::default());
    check(cdb, Datastore::Config);
    loaded.map_err(|error| error.to_string())
}

fn load(cdb: &Cdb, text: &str) -> Result<Loaded, String> {
    try_load(cdb, text, &LoadOptions::default())
}

fn device(name: &str, port: &str) -> String {
    format!("<devices><device><name>{name}</name><port>{port}</port></device></devices>")
}

fn keyed(key: &str) -> LoadOptions {
    LoadOptions { keys: vec![key.parse().unwrap()], ..LoadOptions::default() }
}

fn said(kinds: &[(&str, SaidKind)]) -> LoadOptions {
    let hint =
        |(path, kind): &(&str, SaidKind)| KindHint { path: path.parse().unwrap(), kind: *kind };
    LoadOptions { kinds: kinds.iter().map(hint).collect(), ..LoadOptions::default() }
}

// Symptom: a device that was loaded alone was gone when another was loaded alone, with exit code 0. Cause: each was taken for
// a container, and the second for a change of the first. Fix: what would be lost is refused, with what to type.
#[test]
fn a_second_single_entry_is_refused_with_both_readings() {
    let cdb = cdb();
    load(&cdb, &device("a", "1")).unwrap();
    assert!(!load(&cdb, &device("a", "1")).unwrap().commit.changed);
    let refused = load(&cdb, &device("b", "2")).unwrap_err();
    for part in [
        "/devices/device/name is \"a\", and \"b\" on line 1",
        "--key /devices/device=name",
        "--container /devices/device --leaf /devices/device/name",
        "--leaf /devices/device/port",
        "--single",
    ] {
        assert!(refused.contains(part), "{part}: {refused}");
    }
    assert_eq!(text(&config(&cdb), "/devices/device/name").unwrap(), "a");
}

#[test]
fn a_key_that_is_named_keeps_both_and_is_asked_once() {
    let cdb = cdb();
    load(&cdb, &device("a", "1")).unwrap();
    try_load(&cdb, &device("b", "2"), &keyed("/devices/device=name")).unwrap();
    load(&cdb, &device("c", "3")).unwrap();
    load(&cdb, &device("a", "1")).unwrap();
    let view = config(&cdb);
    let all = ["/devices/device{a}", "/devices/device{b}", "/devices/device{c}"];
    assert_eq!(children(&view, "/devices/device"), all);
    assert_eq!(text(&view, "/devices/device{a}/port").unwrap(), "1");
    assert_eq!(view.node_count().unwrap(), 6);
}

#[test]
fn a_container_that_is_said_changes_and_is_asked_once() {
    let cdb = cdb();
    load(&cdb, &device("a", "1")).unwrap();
    let kinds = [
        ("/devices/device", SaidKind::Container),
        ("/devices/device/name", SaidKind::Leaf),
        ("/devices/device/port", SaidKind::Leaf),
    ];
    try_load(&cdb, &device("b", "2"), &said(&kinds)).unwrap();
    load(&cdb, &device("c", "3")).unwrap();
    assert_eq!(text(&config(&cdb), "/devices/device/name").unwrap(), "c");
}

#[test]
fn everything_single_may_be_said_at_once() {
    let cdb = cdb();
    let single = LoadOptions { single: true, ..LoadOptions::default() };
    load(&cdb, &device("a", "1")).unwrap();
    try_load(&cdb, &device("b", "2"), &single).unwrap();
    load(&cdb, &device("c", "3")).unwrap();
    assert_eq!(text(&config(&cdb), "/devices/device/port").unwrap(), "3");
}

#[test]
fn one_value_and_another_are_a_leaf_or_a_leaf_list() {
    let dns = |value: &str| format!("<sys><dns>{value}</dns></sys>");
    let cdb = cdb();
    load(&cdb, &dns("1.1.1.1")).unwrap();
    let refused = load(&cdb, &dns("8.8.8.8")).unwrap_err();
    assert!(refused.contains("--leaf-list /sys/dns") && refused.contains("--leaf /sys/dns"));
    assert!(load(&cdb, "<sys><dns></dns></sys>").is_err(), "nothing is another value, too");
    try_load(&cdb, &dns("8.8.8.8"), &said(&[("/sys/dns", SaidKind::LeafList)])).unwrap();
    load(&cdb, &dns("9.9.9.9")).unwrap();
    let all = ["/sys/dns{1.1.1.1}", "/sys/dns{8.8.8.8}", "/sys/dns{9.9.9.9}"];
    assert_eq!(children(&config(&cdb), "/sys/dns"), all);
}

#[test]
fn what_stood_alone_becomes_the_first_of_two() {
    let cdb = cdb();
    load(&cdb, "<r><e><k>a</k><in><x>1</x></in></e><t>p</t></r>").unwrap();
    load(&cdb, "<r><e><k>b</k></e><e><k>c</k></e><t>q</t><t>r</t></r>").unwrap();
    let view = config(&cdb);
    assert_eq!(children(&view, "/r/e"), ["/r/e{a}", "/r/e{b}", "/r/e{c}"]);
    assert_eq!(children(&view, "/r/t"), ["/r/t{p}", "/r/t{q}", "/r/t{r}"]);
    assert_eq!(text(&view, "/r/e{a}/in/x").unwrap(), "1");
    let (now, first) = (cdb.transaction_id(Datastore::Config), TransactionId::new(1));
    cdb.rollback(Datastore::Config, first, &Author::default()).unwrap();
    assert_eq!(text(&config(&cdb), "/r/e/k").unwrap(), "a");
    check(&cdb, Datastore::Config);
    assert!(cdb.transaction_id(Datastore::Config) > now);
}

#[test]
fn a_container_without_the_key_cannot_become_an_entry() {
    let cdb = cdb();
    load(&cdb, "<r><e><x>1</x></e></r>").unwrap();
    let refused = load(&cdb, "<r><e><k>b</k></e><e><k>c</k></e></r>").unwrap_err();
    assert!(refused.contains("/r/e has no leaf k"), "{refused}");
}

#[test]
fn what_somebody_could_say_is_not_asked() {
    let cdb = cdb();
    set(&cdb, &[("/a/mtu", "1500")]);
    load(&cdb, "<a><mtu>9000</mtu></a>").unwrap();
    load(&cdb, "{\"b\": {\"mtu\": 1500}}").unwrap();
    load(&cdb, "{\"b\": {\"mtu\": 9000}}").unwrap();
    load(&cdb, "<b><mtu>1400</mtu></b>").unwrap();
    load(&cdb, "<c><mtu>1500</mtu></c>").unwrap();
    assert!(load(&cdb, "<c><mtu>9000</mtu></c>").is_err());
    set(&cdb, &[("/c/mtu", "1600")]);
    load(&cdb, "<c><mtu>9000</mtu></c>").unwrap();
    assert_eq!(text(&config(&cdb), "/c/mtu").unwrap(), "9000");
    let marked = "<d xmlns:p=\"urn:pumice:types\" p:single=\"\"><x p:single=\"\">1</x></d>";
    load(&cdb, marked).unwrap();
    load(&cdb, "<d><x>2</x></d>").unwrap();
    assert_eq!(text(&config(&cdb), "/d/x").unwrap(), "2");
}

#[test]
fn a_json_array_after_one_object_keeps_both() {
    let cdb = cdb();
    load(&cdb, &device("a", "1")).unwrap();
    load(&cdb, "{\"devices\": {\"device\": [{\"name\": \"b\"}]}}").unwrap();
    let all = ["/devices/device{a}", "/devices/device{b}"];
    assert_eq!(children(&config(&cdb), "/devices/device"), all);
}

#[test]
fn replacing_has_nothing_to_lose() {
    let cdb = cdb();
    load(&cdb, &device("a", "1")).unwrap();
    let replace = LoadOptions { mode: LoadMode::Replace, ..LoadOptions::default() };
    try_load(&cdb, &device("b", "2"), &replace).unwrap();
    assert_eq!(text(&config(&cdb), "/devices/device/name").unwrap(), "b");
}

#[test]
fn a_container_in_pieces_is_one() {
    let cdb = cdb();
    let text = "<r><d><x><n>1</n></x></d><d><y><n>2</n></y></d></r>";
    load(&cdb, text).unwrap();
    assert_eq!(children(&config(&cdb), "/r/d"), ["/r/d/x", "/r/d/y"]);
    let twice = "<r><d><x><n>1</n></x></d>\n<d><x><n>2</n></x></d></r>";
    let refused = load(&super::cdb(), twice).unwrap_err();
    assert!(
        refused.contains("/r/d/x/n is there twice: first on line 1, again on line 2"),
        "{refused}"
    );
    let fold = LoadOptions { on_duplicate: OnDuplicate::Merge, ..LoadOptions::default() };
    let loaded = try_load(&super::cdb(), twice, &fold).unwrap();
    assert_eq!((loaded.read.folded, &*loaded.read.first_folded[0]), (1, "/r/d/x/n"));
}

#[test]
fn entries_that_come_again_are_folded_by_the_inferred_key_and_said() {
    let text = "<r><e><k>a</k><x>1</x></e><e><k>b</k></e><e><k>a</k><y>2</y></e></r>";
    let refused = load(&cdb(), text).unwrap_err();
    for option in ["--key /r/e=", "--on-duplicate merge", "--container /r/e"] {
        assert!(refused.contains(option), "{option}: {refused}");
    }
    let cdb = cdb();
    let fold = LoadOptions { on_duplicate: OnDuplicate::Merge, ..LoadOptions::default() };
    let loaded = try_load(&cdb, text, &fold).unwrap();
    assert_eq!((loaded.read.folded, loaded.read.first_folded), (1, vec!["/r/e{a}".to_owned()]));
    assert_eq!(super::text(&config(&cdb), "/r/e{a}/y").unwrap(), "2");
    assert_eq!(super::text(&config(&cdb), "/r/e{a}/x").unwrap(), "1");
}

#[test]
fn a_hint_about_nothing_is_refused() {
    let cdb = cdb();
    let refused = try_load(&cdb, &device("a", "1"), &keyed("/devices/devcie=name")).unwrap_err();
    assert!(refused.contains("--key /devices/devcie: the source has nothing there"), "{refused}");
    let refused = try_load(&cdb, &device("a", "1"), &said(&[("/x", SaidKind::Leaf)])).unwrap_err();
    assert!(refused.contains("--leaf /x"), "{refused}");
}

#[test]
fn a_load_in_steps_ends_at_the_first_doubt_and_loses_nothing() {
    let cdb = cdb();
    load(&cdb, &device("a", "1")).unwrap();
    let text = device("b", "2");
    let source = BytesSource::new("t.xml", text.as_bytes());
    let step = std::num::NonZeroU64::new(1).unwrap();
    let (options, author) = (LoadOptions::default(), Author::default());
    let refused = cdb.load_in_steps(Datastore::Config, &source, &options, &author, step);
    assert!(refused.unwrap_err().to_string().contains("--key /devices/device=name"));
    assert_eq!(super::text(&config(&cdb), "/devices/device/name").unwrap(), "a");
    assert_eq!(super::text(&config(&cdb), "/devices/device/port").unwrap(), "1");
}
