use proptest::prelude::*;

use crate::cdb::tests::{cdb, check, config, set};
use crate::cdb::value::tests::any_value;
use crate::cdb::*;

fn save(cdb: &Cdb, path: &str, options: SaveOptions) -> String {
    let mut out = Vec::new();
    config(cdb).save(path, options, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn load(cdb: &Cdb, name: &str, text: &str, options: &LoadOptions) -> Loaded {
    let source = BytesSource::new(name, text.as_bytes());
    cdb.load(Datastore::Config, &source, options, &Author::default()).unwrap()
}

fn sample() -> Cdb {
    let cdb = cdb();
    let source = "<devices xmlns=\"urn:d\"><global><mtu>1500</mtu><off/></global>\
         <device><name>ce0</name><tag>x</tag><tag>y</tag></device>\
         <device><name>a &lt; b</name><note>two\nlines</note><empty></empty></device></devices>";
    load(&cdb, "s.xml", source, &LoadOptions::default());
    cdb.write(Datastore::Config, |tx| {
        tx.set("/devices/global/mtu", Value::Uint16(1500))?;
        tx.create("/devices/global/ssh")
    })
    .unwrap();
    cdb
}

#[test]
fn xml_is_pretty_with_key_leaves_first_and_name_spaces() {
    assert_eq!(
        save(&sample(), "/", SaveOptions::new(Format::Xml)),
        r#"<config:config xmlns:config="http://tail-f.com/ns/config/1.0">
  <devices xmlns="urn:d">
    <device>
      <name>ce0</name>
      <tag>x</tag>
      <tag>y</tag>
    </device>
    <device>
      <name>a &lt; b</name>
      <empty></empty>
      <note>two
lines</note>
    </device>
    <global>
      <mtu>1500</mtu>
      <off/>
      <ssh/>
    </global>
  </devices>
</config:config>
"#
    );
}

#[test]
fn a_subtree_comes_with_what_is_around_it_and_its_types() {
    assert_eq!(
        save(&sample(), "/devices/device{ce0}/tag", SaveOptions::new(Format::Xml).with_types()),
        r#"<config:config xmlns:config="http://tail-f.com/ns/config/1.0" xmlns:pumice="urn:pumice:types">
  <devices xmlns="urn:d">
    <device pumice:keys="name" pumice:ordered-by="user">
      <name>ce0</name>
      <tag pumice:leaf-list="string" pumice:ordered-by="user">x</tag>
      <tag>y</tag>
    </device>
  </devices>
</config:config>
"#
    );
}

#[test]
fn json_has_the_shape_of_rfc_7951() {
    assert_eq!(
        save(&sample(), "/", SaveOptions::new(Format::Json).with_types()),
        r#"{
  "@d:devices": {"xmlns:d": "urn:d"},
  "d:devices": {
    "@device": [{"pumice:keys": "name", "pumice:ordered-by": "user"}],
    "device": [
      {
        "name": "ce0",
        "@tag": [{"pumice:leaf-list": "string", "pumice:ordered-by": "user"}],
        "tag": [
          "x",
          "y"
        ]
      },
      {
        "name": "a < b",
        "empty": "",
        "note": "two\nlines"
      }
    ],
    "global": {
      "@mtu": {"pumice:type": "uint16"},
      "mtu": 1500,
      "off": [null],
      "@ssh": {"pumice:presence": ""},
      "ssh": {}
    }
  }
}
"#
    );
}

#[test]
fn saving_nothing_is_an_error_unless_it_is_the_root() {
    let cdb = cdb();
    let save =
        |path: &str, format| config(&cdb).save(path, SaveOptions::new(format), &mut Vec::new());
    assert_eq!(save("/", Format::Json).unwrap(), 0);
    assert!(matches!(save("/none", Format::Xml), Err(SaveError::Tree(Error::NotFound { .. }))));
}

#[test]
fn what_xml_cannot_hold_is_refused_by_name() {
    let cdb = cdb();
    set(&cdb, &[("/a/b", "x\u{1}y")]);
    let error = config(&cdb).save("/", SaveOptions::new(Format::Xml), &mut Vec::new()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "/a/b holds the character U+0001, which XML cannot hold; save as JSON"
    );
}

#[test]
fn merging_keeps_and_replacing_removes_what_the_source_does_not_name() {
    let cdb = sample();
    let before = cdb.node_count(Datastore::Config);
    let source = "<devices xmlns='urn:d'><global><mtu>9000</mtu></global><device><name>ce1</name></device></devices>";
    load(&cdb, "m.xml", source, &LoadOptions::default());
    assert_eq!(config(&cdb).get("/devices/global/mtu").unwrap(), Some(Value::Uint16(9000)));
    assert_eq!(cdb.node_count(Datastore::Config), before + 1);
    let replace = LoadOptions { mode: LoadMode::Replace, ..LoadOptions::default() };
    load(&cdb, "r.xml", source, &replace);
    let root = config(&cdb).get_object("/").unwrap();
    assert_eq!(cdb.node_count(Datastore::Config), 2, "{root:?}");
    assert!(config(&cdb).attributes("/devices").unwrap().is_empty());
    check(&cdb, Datastore::Config);
    let again = load(&cdb, "r.xml", source, &replace);
    assert!(!again.commit.changed);
}

#[test]
fn replacing_takes_over_the_order_of_the_source() {
    let cdb = cdb();
    let text = |names: &str| {
        let entry = |name| {
            format!(
                "<r xmlns:pumice=\"urn:pumice:types\" pumice:keys=\"n\" pumice:ordered-by=\"user\"><n>{name}</n></r>"
            )
        };
        format!("<a>{}</a>", names.chars().map(entry).collect::<String>())
    };
    let replace = LoadOptions { mode: LoadMode::Replace, ..LoadOptions::default() };
    for names in ["abcd", "dbca", "ax", "bxay", "y"] {
        load(&cdb, "r.xml", &text(names), &replace);
        let children = config(&cdb).children("/a/r").unwrap();
        let order: String = children
            .iter()
            .map(|child| config(&cdb).get(child.path.child("n")).unwrap().unwrap().to_string())
            .collect();
        assert_eq!(order, names);
        check(&cdb, Datastore::Config);
    }
}

#[test]
fn replacing_may_turn_a_container_into_a_list() {
    let cdb = cdb();
    load(&cdb, "1.xml", "<a><b><c>1</c></b></a>", &LoadOptions::default());
    let replace = LoadOptions { mode: LoadMode::Replace, ..LoadOptions::default() };
    load(&cdb, "2.xml", "<a><b><c>1</c></b><b><c>2</c></b></a>", &replace);
    assert_eq!(config(&cdb).num_instances("/a/b").unwrap(), 2);
    check(&cdb, Datastore::Config);
}

#[test]
fn a_dry_run_shows_the_diff_and_changes_nothing() {
    let cdb = sample();
    let before = cdb.transaction_id(Datastore::Config);
    let mut tx = cdb.begin_write(Datastore::Config).unwrap();
    let source = BytesSource::new("d.json", br#"{"d:devices": {"global": {"mtu": 1400}}}"#);
    tx.load(&source, &LoadOptions::default()).unwrap();
    assert_eq!(tx.diff().unwrap().len(), 1);
    drop(tx);
    assert_eq!(cdb.transaction_id(Datastore::Config), before);
}

#[test]
fn a_misfit_is_refused_with_its_line() {
    let cdb = sample();
    let source = BytesSource::new(
        "m.xml",
        b"<devices xmlns='urn:d'><global>\n<mtu>big</mtu></global></devices>",
    );
    let error = cdb
        .load(Datastore::Config, &source, &LoadOptions::default(), &Author::default())
        .unwrap_err();
    assert!(
        error.to_string().starts_with("m.xml:2:1: /devices/global/mtu: \"big\" is not a value"),
        "{error}"
    );
}

/// Leaves, entries with typed keys, leaf-lists, presence: whatever XML and JSON can both hold.
fn any_tree() -> impl Strategy<Value = Vec<(u8, Value)>> {
    let representable = |value: &Value| {
        value.to_string().chars().all(|c| c >= ' ' || matches!(c, '\n' | '\t' | '\r'))
            && !value.to_string().contains(['\u{fffe}', '\u{ffff}'])
    };
    prop::collection::vec((0..6_u8, any_value().prop_filter("xml", representable)), 0..12)
}

fn build(tree: &[(u8, Value)]) -> Cdb {
    let cdb = cdb();
    cdb.write(Datastore::Config, |tx| {
        for (index, (shape, value)) in tree.iter().enumerate() {
            let at = Path::root().child("top").child(&format!("n{index}"));
            match shape {
                0 => tx.set(&at, value.clone())?,
                1 => tx.create(&at)?,
                2 => tx.set(at.child("deep").child("leaf"), value.clone())?,
                3 => {
                    let key = KeyLeaf { name: "k".into(), value_type: value.value_type() };
                    let info = ListInfo { keys: vec![key], ordered_by: OrderedBy::System };
                    tx.declare_list(&at, &info)?;
                    tx.set(at.with_keys([value.to_string()]).child("v"), value.clone())?;
                }
                4 if *value != Value::Empty => {
                    let info = LeafListInfo {
                        value_type: value.value_type(),
                        ordered_by: OrderedBy::User,
                    };
                    tx.declare_leaf_list(&at, &info)?;
                    tx.create(at.with_keys([value.to_string()]))?;
                }
                _ => tx.set(at.with_keys(["", "b"]).child("v"), value.clone())?,
            }
        }
        Ok(())
    })
    .unwrap();
    cdb
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_saved_with_types_loads_value_for_value(tree in any_tree()) {
        let cdb = build(&tree);
        for format in [Format::Xml, Format::Json] {
            let text = save(&cdb, "/", SaveOptions::new(format).with_types());
            let fresh = self::cdb();
            let options = LoadOptions { format: Some(format), ..LoadOptions::default() };
            load(&fresh, "saved", &text, &options);
            prop_assert_eq!(
                config(&fresh).get_object("/").unwrap(), config(&cdb).get_object("/").unwrap(), "{}", text
            );
            prop_assert_eq!(save(&fresh, "/", SaveOptions::new(format).with_types()), text);
        }
    }

    #[test]
    fn what_is_saved_without_types_changes_nothing_where_it_came_from(tree in any_tree()) {
        let cdb = build(&tree);
        let before = cdb.transaction_id(Datastore::Config);
        for format in [Format::Xml, Format::Json] {
            let text = save(&cdb, "/", SaveOptions::new(format));
            let options = LoadOptions { format: Some(format), mode: LoadMode::Replace, ..LoadOptions::default() };
            load(&cdb, "saved", &text, &options);
            prop_assert_eq!(cdb.transaction_id(Datastore::Config), before, "{}", text);
        }
    }
}

/// Symptom: saved as JSON, the attributes of every entry but a list's first were gone. Cause: they were asked for only where
/// the array begins. Fix: see the writer.
#[test]
fn json_keeps_the_attributes_of_every_entry() {
    use crate::cdb::{Author, BytesSource, Cdb, Datastore, Format, LoadOptions, SaveOptions};
    let load = |name: &str, text: &[u8]| {
        let cdb = Cdb::in_memory().unwrap();
        let source = BytesSource::new(name, text);
        cdb.load(Datastore::Config, &source, &LoadOptions::default(), &Author::default()).unwrap();
        cdb.begin_read(Datastore::Config)
    };
    let text =
        "<c><l><name>a</name></l><l x=\"1\"><name>b</name></l><l x=\"2\"><name>d</name></l></c>";
    let view = load("a.xml", text.as_bytes());
    let mut saved = Vec::new();
    view.save("/", SaveOptions::new(Format::Json), &mut saved).unwrap();
    let again = load("a.json", &saved);
    for entry in ["/c/l{a}", "/c/l{b}", "/c/l{d}"] {
        assert_eq!(again.attributes(entry).unwrap(), view.attributes(entry).unwrap());
    }
}
