//! load and save.

use serde_json::json;

use crate::program::Place;

const DEVICES: &str = "<config:config xmlns:config=\"http://tail-f.com/ns/config/1.0\">\n  <devices>\n    <device>\n      <name>ce0</name>\n      \
                       <address>10.0.0.1</address>\n    </device>\n    <device>\n      <name>ce1</name>\n      \
                       <address>10.0.0.2</address>\n    </device>\n  </devices>\n</config:config>\n";

fn loaded() -> Place {
    let place = Place::with_database();
    place.write("devices.xml", DEVICES);
    let out = place.demo_ok(&["load", "devices.xml"]);
    assert!(out.starts_with("loaded devices.xml (4 nodes) in tx 1   A.cdb "), "{out}");
    place
}

#[test]
fn what_was_loaded_is_saved_as_it_was() {
    let place = loaded();
    let saved = place.demo_ok(&["save"]);
    assert_eq!(saved, DEVICES);
    assert_eq!(
        place.demo_ok(&["load", "devices.xml"]).split("   ").next().unwrap(),
        "loaded devices.xml (4 nodes): nothing changed (tx 1)"
    );
    let json = place.demo_ok(&["save", "-F", "json", "/devices/device{ce1}"]);
    let expected = json!({ "devices": { "device": [{ "name": "ce1", "address": "10.0.0.2" }] } });
    assert_eq!(serde_json::from_str::<serde_json::Value>(&json).unwrap(), expected);
    place.ok(&["init", "copy"]);
    let ran = place.run_with_input(&["--dir", "copy", "load", "-", "-F", "xml"], &saved);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(place.ok(&["--dir", "copy", "save"]), DEVICES);
}

#[test]
fn loading_says_what_it_did_as_an_object() {
    let place = loaded();
    place.write(
        "more.json",
        "{\"devices\":{\"device\":[{\"name\":\"ce2\",\"address\":\"10.0.0.3\"}]}}",
    );
    let done = place.demo_json(&["load", "more.json", "-m", "one more"]);
    assert_eq!(
        (&done["tx"], &done["changed"], &done["nodes"]),
        (&json!(2), &json!(true), &json!(2))
    );
    assert_eq!(done["file"], "A.cdb");
    assert_eq!(place.demo_json_lines(&["log"])[0]["comment"], "one more");
    assert_eq!(place.demo_json_lines(&["log"])[1]["comment"], "load devices.xml");
}

#[test]
fn replacing_removes_what_the_file_does_not_name() {
    let place = loaded();
    let only = DEVICES.replace("ce1", "ce9");
    place.write("only.xml", &only);
    let dry = place.demo_ok(&["load", "only.xml", "--replace", "--dry-run"]);
    assert!(dry.contains("-   device ce1 {"), "{dry}");
    assert!(dry.contains("+   device ce9 {"), "{dry}");
    assert_eq!(place.demo_ok(&["save"]), DEVICES);
    place.demo_ok(&["load", "only.xml", "--replace"]);
    assert_eq!(place.demo_ok(&["save"]), only);
    place.demo_ok(&["load", "devices.xml", "--merge"]);
    assert_eq!(place.demo_json(&["exists", "/devices/device{ce9}"])["exists"], true);
}

#[test]
fn a_faulty_file_is_refused_with_its_line() {
    let place = Place::with_database();
    place.write("twice.xml", &DEVICES.replace("ce1", "ce0"));
    place.demo(&["load", "twice.xml"]).fails(2, "Name them: --key /devices/device=KEY");
    let named = ["load", "twice.xml", "--key", "/devices/device=name"];
    place.demo(&named).fails(5, "there twice: first on line 3, again on line 7");
    place.demo_ok(&[&named[..], &["--on-duplicate", "merge"]].concat());
    assert_eq!(place.demo_ok(&["get", "/devices/device{ce0}/address"]), "10.0.0.2\n");
    place.write("broken.xml", "<a>\n<b></a>");
    place.demo(&["load", "broken.xml"]).fails(5, "error: broken.xml:2");
    place.write("list", DEVICES);
    place.demo(&["load", "list"]).fails(2, "cannot tell the format");
    place.demo(&["load", "missing.xml"]).fails(3, "missing.xml does not exist");
    place.demo(&["load", "-"]).fails(2, "standard input has no name");
    place.demo(&["load", "list", "-F", "xml", "--key", "nonsense"]).fails(2, "nonsense");
}

#[test]
fn a_second_single_entry_is_refused_until_somebody_says_what_it_is() {
    let place = Place::with_database();
    let device = |name: &str| {
        format!("<devices><device><name>{name}</name><port>1</port></device></devices>")
    };
    for name in ["a", "b", "c"] {
        place.write(&format!("{name}.xml"), &device(name));
    }
    place.demo_ok(&["load", "a.xml"]);
    place.demo(&["load", "b.xml"]).fails(2, "--key /devices/device=name");
    place.demo_ok(&["load", "b.xml", "--key", "/devices/device=name"]);
    place.demo_ok(&["load", "c.xml"]);
    let listed = place.demo_ok(&["ls", "/devices/device"]);
    assert_eq!(listed, "device{a}\ndevice{b}\ndevice{c}\n");
    let other = ["load", "a.xml", "--container", "/nowhere"];
    place.demo(&other).fails(2, "--container /nowhere: the source has nothing there");
}

#[test]
fn what_was_folded_is_said() {
    let place = Place::with_database();
    place.write("t.xml", "<r><e><k>a</k></e><e><k>b</k></e><e><k>a</k></e></r>");
    let said = place.demo_ok(&["load", "t.xml", "--on-duplicate", "merge"]);
    assert!(said.ends_with("\nfolded 1 node that came again: /r/e{a}\n"), "{said}");
}

#[test]
fn a_byte_order_mark_is_no_part_of_a_file() {
    let place = Place::with_database();
    place.write("t.xml", "\u{feff}<?xml version=\"1.0\"?>\n<a><x>1</x></a>");
    place.write("t.json", "\u{feff}{\"b\": {\"x\": 2}}");
    place.write("t.tx", "\u{feff}set /c/x 3\n");
    place.demo_ok(&["load", "t.xml"]);
    place.demo_ok(&["load", "t.json"]);
    place.demo_ok(&["tx", "t.tx"]);
    for (path, value) in [("/a/x", "1\n"), ("/b/x", "2\n"), ("/c/x", "3\n")] {
        assert_eq!(place.demo_ok(&["get", path]), value);
    }
}

#[test]
fn order_is_kept_unless_sorting_is_asked_for() {
    let place = Place::with_database();
    place.write("t.xml", "<r><e><k>z</k></e><e><k>a</k></e><t>2</t><t>1</t></r>");
    place.demo_ok(&["load", "t.xml"]);
    assert_eq!(place.demo_ok(&["ls", "/r/e"]), "e{z}\ne{a}\n");
    place.write("move.tx", "move /r/e{a} first\n");
    place.demo_ok(&["tx", "move.tx"]);
    assert_eq!(place.demo_ok(&["ls", "/r/e"]), "e{a}\ne{z}\n");
    place.write("s.xml", "<s><e><k>z</k></e><e><k>a</k></e><t>2</t><t>1</t></s>");
    place.demo_ok(&["load", "s.xml", "--sort"]);
    assert_eq!(place.demo_ok(&["ls", "/s/e"]), "e{a}\ne{z}\n");
}

#[test]
fn a_changed_attribute_shows_in_a_diff() {
    let place = Place::with_database();
    for (name, note) in [("1.xml", "old"), ("2.xml", "new")] {
        place.write(name, &format!("<d><p note=\"{note}\">9</p></d>"));
        place.demo_ok(&["load", name]);
    }
    let ran = place.demo(&["diff", "1", "2"]);
    assert_eq!((ran.code, &*ran.out), (1, "  d {\n-   p @note old\n+   p @note new\n  }\n"));
}

#[test]
fn keys_of_lists_can_be_named() {
    let place = Place::with_database();
    let text = "<m><mod><rev>1</rev><name>a</name></mod><mod><rev>1</rev><name>b</name></mod></m>";
    place.write("m.xml", text);
    place.demo(&["load", "m.xml"]).fails(2, "--key /m/mod=KEY");
    place.demo_ok(&["load", "m.xml", "--key", "/m/mod=name,rev"]);
    assert_eq!(place.demo_ok(&["ls", "/m/mod"]), "mod{a 1}\nmod{b 1}\n");
}

#[test]
fn types_can_be_saved_for_a_database_that_does_not_know_them() {
    let place = Place::with_database();
    place.demo_ok(&["set", "/port", "830", "-t", "uint16"]);
    place.write("typed.xml", &place.demo_ok(&["save", "--types"]));
    place.ok(&["init", "copy"]);
    place.ok(&["--dir", "copy", "load", "typed.xml"]);
    let value = place.ok(&["--dir", "copy", "--json", "get", "/port"]);
    assert_eq!(value, "{\"path\":\"/port\",\"type\":\"uint16\",\"value\":\"830\"}\n");
}

#[test]
fn a_file_loads_in_steps_where_memory_is_short() {
    let place = Place::with_database();
    let entry = |n| format!("<device><name>d{n}</name><port>{n}</port></device>");
    let text: String = (0..50).map(entry).collect();
    place.write("many.xml", &format!("<devices>{text}</devices>"));
    place.demo_ok(&["load", "many.xml", "--step", "10"]);
    assert_eq!(place.demo_ok(&["get", "/devices/device{d49}/port"]), "49\n");
    assert!(place.demo_json_lines(&["log", "-n", "100"]).len() >= 10);
    place.demo(&["load", "many.xml", "--step", "10", "--replace"]).fails(2, "cannot be used with");
}

#[test]
fn what_pumice_keeps_for_itself_goes_only_when_it_is_named() {
    let place = Place::with_database();
    let add = ["--dir", "demo", "user", "add", "--admin", "anna", "--password-stdin"];
    assert_eq!(place.run_with_input(&add, "a long password\n").code, 0);
    place.demo_ok(&["schedule", "add", "nightly", "@daily", "compact"]);
    place.demo_ok(&["set", "/mine", "1"]);
    place.write("other.xml", "<other><leaf>2</leaf></other>");
    let said = place.demo_ok(&["load", "--replace", "other.xml"]);
    assert!(said.contains("kept /admins, /scheduler, which the file does not name"), "{said}");
    assert!(place.demo_ok(&["user", "ls"]).contains("anna"));
    assert!(place.demo_ok(&["schedule", "ls"]).contains("nightly"));
    assert_eq!(place.demo(&["exists", "/mine"]).code, 1);
    place.demo(&["del", "/"]).fails(5, "/admins, /scheduler");
    assert!(place.demo_ok(&["user", "ls"]).contains("anna"));
    place.demo_ok(&["del", "/scheduler"]);
    assert_eq!(place.demo(&["exists", "/scheduler"]).code, 1);
}

#[test]
fn the_records_of_document_databases_are_written_by_no_command() {
    let place = Place::with_database();
    place.demo_ok(&["set", "--ds", "oper", "/mine", "1"]);
    let path = "/databases/database{db}/q";
    place.demo(&["set", "--ds", "oper", path, "2"]).fails(5, "which the server alone writes");
    place.demo(&["del", "--ds", "oper", "/databases"]).fails(5, "which the server alone writes");
    place.write(
        "records.xml",
        "<databases><database><name>db</name><q>2</q></database></databases>",
    );
    let load = ["load", "--ds", "oper", "--key", "/databases/database=name", "records.xml"];
    place.demo(&load).fails(5, "which the server alone writes");
    assert_eq!(place.demo(&["exists", "--ds", "oper", "/databases"]).code, 1);
}
