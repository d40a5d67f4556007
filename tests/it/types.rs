//! Data of every YANG type, on the real file system: committed, opened again, compacted, saved, loaded elsewhere.

use pumice::cdb::{
    Author, BytesSource, Decimal64, Format, KeyLeaf, LeafListInfo, ListInfo, LoadOptions, Object,
    OrderedBy, RunOptions, SaveOptions,
};
use pumice::journal::WritePolicy;
use pumice::{Cdb, Datastore, Path, Value, WriteTransaction};

fn decimal(digits: i64, fraction_digits: u8) -> Value {
    Value::Decimal64(Decimal64::new(digits, fraction_digits).unwrap())
}

fn strings(make: impl Fn(String) -> Value, texts: &[&str]) -> Vec<Value> {
    texts.iter().map(|text| make((*text).to_owned())).collect()
}

/// Values of each type: the ends of its range, and what text formats could stumble over.
fn values() -> Vec<(&'static str, Vec<Value>)> {
    let plain = |values: &[Value]| values.to_vec();
    vec![
        ("int8", plain(&[i8::MIN.into(), (-1_i8).into(), i8::MAX.into()])),
        ("int16", plain(&[i16::MIN.into(), 0_i16.into(), i16::MAX.into()])),
        ("int32", plain(&[i32::MIN.into(), 0_i32.into(), i32::MAX.into()])),
        ("int64", plain(&[i64::MIN.into(), 0_i64.into(), i64::MAX.into()])),
        ("uint8", plain(&[0_u8.into(), u8::MAX.into()])),
        ("uint16", plain(&[0_u16.into(), u16::MAX.into()])),
        ("uint32", plain(&[0_u32.into(), u32::MAX.into()])),
        ("uint64", plain(&[0_u64.into(), (1_u64 << 53).into(), u64::MAX.into()])),
        ("decimal64", plain(&[decimal(i64::MIN, 2), decimal(-150, 2), decimal(i64::MAX, 2)])),
        ("fine-decimal64", plain(&[decimal(1, 18), decimal(i64::MAX, 18)])),
        (
            "string",
            strings(
                Value::String,
                &[
                    "",
                    " ends with a space ",
                    "two\nlines\tand tab",
                    "<a>&amp;]]>'\"",
                    "}{ \\",
                    "*",
                    "\u{e9}\u{4e2d}\u{1f980}",
                ],
            ),
        ),
        ("boolean", plain(&[false.into(), true.into()])),
        ("binary", vec![Value::Binary(vec![]), Value::Binary((0..=255).collect())]),
        ("enumeration", strings(Value::Enumeration, &["up", "admin down", "true"])),
        ("bits", strings(Value::Bits, &["", "a", "a b c"])),
        ("identityref", strings(Value::IdentityRef, &["ospf", "ietf-ospf:ospfv2"])),
        ("instance-identifier", strings(Value::InstanceIdentifier, &["/if:a/b[c='d']", "/"])),
    ]
}

/// Each value as a leaf, as the key of an entry, and as an entry of a leaf-list; and what has no value.
fn fill(tx: &mut WriteTransaction) -> Result<(), pumice::cdb::Error> {
    for (name, values) in values() {
        let top: Path = format!("/every/{name}").parse().unwrap();
        let value_type = values[0].value_type();
        let keys = vec![KeyLeaf { name: "id".into(), value_type }];
        let ordered_by = OrderedBy::System;
        tx.declare_list(top.child("entry"), &ListInfo { keys, ordered_by })?;
        tx.declare_leaf_list(top.child("list"), &LeafListInfo { value_type, ordered_by })?;
        for (index, value) in values.into_iter().enumerate() {
            let text = value.to_string();
            tx.set(top.child(&format!("leaf-{index}")), value.clone())?;
            tx.set(top.child("entry").with_keys([text.as_str()]).child("value"), value)?;
            tx.create(top.child("list").with_keys([text.as_str()]))?;
        }
    }
    tx.set("/every/empty", Value::Empty)?;
    tx.create("/every/present")?;
    let two = "name,port:uint16".parse::<ListInfo>().unwrap().ordered_by_user();
    tx.declare_list("/every/pair", &two)?;
    for (name, port) in [("b", 2_u16), ("a", 65_535), ("a", 9), ("", 10)] {
        let entry = "/every/pair".parse::<Path>().unwrap().with_keys([name, &port.to_string()]);
        tx.set(entry.child("inner").child("leaf"), port)?;
    }
    Ok(())
}

fn whole(cdb: &Cdb) -> Object {
    cdb.begin_read(Datastore::Config).get_object("/").unwrap().unwrap()
}

#[test]
fn every_type_comes_back_after_restart_and_compaction_under_both_policies() {
    let dir = tempfile::tempdir().unwrap();
    let open = || Cdb::open(dir.path()).unwrap();
    let cdb = open();
    let ((), commit) = cdb.write(Datastore::Config, fill).unwrap();
    let view = cdb.begin_read(Datastore::Config);
    for (name, values) in values() {
        for (index, value) in values.iter().enumerate() {
            let leaf = view.get(format!("/every/{name}/leaf-{index}").as_str()).unwrap();
            assert_eq!(leaf.as_ref(), Some(value), "{name}");
        }
        let entries = format!("/every/{name}/entry");
        let count = view.num_instances(entries.as_str()).unwrap();
        assert_eq!(count, values.len() as u64, "{name}");
        let list = view.get_object(format!("/every/{name}/list").as_str()).unwrap();
        let Some(Object::LeafList(mut listed)) = list else { panic!("{name}: {list:?}") };
        let mut wanted = values;
        for values in [&mut listed, &mut wanted] {
            values.sort_by_key(ToString::to_string);
        }
        assert_eq!(listed, wanted, "{name}");
    }
    let expected = whole(&cdb);
    drop((view, cdb));

    assert_eq!(whole(&open()), expected);
    for (generation, policy) in [WritePolicy::Blocking, WritePolicy::Background].iter().enumerate()
    {
        let cdb = open();
        let options = RunOptions { write_policy: Some(*policy), ..RunOptions::default() };
        let entry = cdb.compactions().run(Datastore::Config, options).unwrap();
        assert_eq!(entry.failure, None);
        assert_eq!(whole(&cdb), expected, "{policy:?}");
        drop(cdb);
        let cdb = open();
        assert_eq!(whole(&cdb), expected, "{policy:?}, opened again");
        let stats = cdb.stats(Datastore::Config);
        assert_eq!((stats.generation, stats.tail_bytes), (generation as u64 + 1, 0));
        assert_eq!(i64::try_from(cdb.node_count(Datastore::Config)), Ok(commit.node_delta));
    }
}

#[test]
fn every_type_goes_through_xml_and_json_into_another_store() {
    let (from, into) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let cdb = Cdb::open(from.path()).unwrap();
    cdb.write(Datastore::Config, fill).unwrap();
    cdb.compactions().run(Datastore::Config, RunOptions::default()).unwrap();
    for (name, format) in [("tree.xml", Format::Xml), ("tree.json", Format::Json)] {
        let mut saved = Vec::new();
        let view = cdb.begin_read(Datastore::Config);
        view.save("/", SaveOptions::new(format).with_types(), &mut saved).unwrap();
        let other = Cdb::open(into.path().join(name)).unwrap();
        let source = BytesSource::new(name, &saved);
        let (options, author) = (LoadOptions::default(), Author::default());
        if let Err(error) = other.load(Datastore::Config, &source, &options, &author) {
            panic!("{error}\n{}", String::from_utf8_lossy(&saved));
        }
        assert_eq!(whole(&other), whole(&cdb), "{name}");
        // And the other store saves the same bytes.
        let mut again = Vec::new();
        let view = other.begin_read(Datastore::Config);
        view.save("/", SaveOptions::new(format).with_types(), &mut again).unwrap();
        assert_eq!(String::from_utf8(again).unwrap(), String::from_utf8(saved).unwrap());
    }
}
