use std::collections::HashMap;

use super::*;
use crate::cdb::error::Error;
use crate::cdb::key::{NodeKey, path_text};
use crate::cdb::record::{ListInfo, Schema};
use crate::vfs::Scratch;
use crate::vfs::mem::MemVfs;

/// Writes the edits down.
#[derive(Default)]
struct Notes {
    known: Vec<(NodeKey, Schema)>,
    lines: Vec<String>,
    declared: Vec<String>,
}

impl Target for Notes {
    fn known(&mut self, schema: &NodeKey) -> Result<Option<Schema>, Error> {
        Ok(self.known.iter().find(|known| known.0 == *schema).map(|known| known.1.clone()))
    }

    fn standing(&mut self, _: &NodeKey) -> Result<Standing, Error> {
        Ok(Standing::Nothing)
    }

    fn namespaces(&mut self) -> Result<HashMap<String, String>, Error> {
        Ok(HashMap::new())
    }

    fn text(&mut self, key: &NodeKey) -> String {
        path_text(key)
    }

    fn is_lasting(&self) -> bool {
        false
    }

    fn scratch(&self) -> Scratch {
        Scratch::new(MemVfs::new().shared(), "/")
    }

    fn edit(&mut self, edit: Edit) -> Result<Outcome, Error> {
        let line = match edit {
            Edit::Declare { schema, declaration: Schema::List(info), .. } => {
                self.declared.push(format!("{}={info}", path_text(&schema)));
                return Ok(Outcome::Done);
            }
            Edit::Declare { schema, declaration: Schema::LeafList(_), .. } => {
                self.declared.push(format!("{} leaf-list", path_text(&schema)));
                return Ok(Outcome::Done);
            }
            Edit::Declare { .. } | Edit::Settle { .. } | Edit::Prefix { .. } => {
                return Ok(Outcome::Done);
            }
            Edit::Entry { key } | Edit::LeafListEntry { key } => path_text(&key),
            Edit::Presence { key } => format!("{} present", path_text(&key)),
            Edit::Attribute { key, name, value } => format!("{} @{name}={value}", path_text(&key)),
            Edit::Leaf { key, content, .. } => {
                let content = match content {
                    LeafContent::Text(text) => format!("{text:?}"),
                    LeafContent::Soft(value) => format!("soft {} {value}", value.value_type()),
                    LeafContent::Typed(value) => format!("{} {value}", value.value_type()),
                    LeafContent::Nothing { self_closed } => format!("nothing {self_closed}"),
                };
                format!("{} = {content}", path_text(&key))
            }
        };
        self.lines.push(line);
        Ok(Outcome::Done)
    }
}

fn load_with(name: &str, text: &str, options: &LoadOptions) -> Result<Notes, LoadError> {
    let mut notes = Notes::default();
    read(&BytesSource::new(name, text.as_bytes()), options, &mut notes)?;
    Ok(notes)
}

fn xml(text: &str) -> Result<Notes, LoadError> {
    load_with("t.xml", text, &LoadOptions::default())
}

fn json(text: &str) -> Result<Notes, LoadError> {
    load_with("t.json", text, &LoadOptions::default())
}

fn failure(result: Result<Notes, LoadError>) -> String {
    match result {
        Ok(notes) => format!("no error: {:?}", notes.lines),
        Err(error) => error.to_string(),
    }
}

fn merge(keys: &[&str]) -> LoadOptions {
    LoadOptions {
        keys: keys.iter().map(|key| key.parse().unwrap()).collect(),
        on_duplicate: OnDuplicate::Merge,
        ..LoadOptions::default()
    }
}

#[test]
fn repeating_elements_become_lists_and_leaf_lists() {
    let notes = xml("<devices><device><name>b</name><port>22</port></device>\
         <device><port>23</port><name>a</name><tag>x</tag><tag>y</tag></device></devices>")
    .unwrap();
    assert_eq!(notes.declared, ["/devices/device=name", "/devices/device/tag leaf-list"]);
    assert_eq!(
        notes.lines,
        [
            "/devices/device{b}",
            "/devices/device{b}/port = \"22\"",
            "/devices/device{a}",
            "/devices/device{a}/port = \"23\"",
            "/devices/device{a}/tag{x}",
            "/devices/device{a}/tag{y}",
        ]
    );
}

#[test]
fn keys_may_come_last_at_every_level() {
    let notes = load_with(
        "t.xml",
        "<a><b><c><d>1</d><id>7</id></c><v>2</v><name>n</name></b></a>",
        &merge(&["/a/b=name", "/a/b/c=id:uint8"]),
    )
    .unwrap();
    assert_eq!(
        notes.lines,
        ["/a/b{n}", "/a/b{n}/c{7}", "/a/b{n}/c{7}/d = \"1\"", "/a/b{n}/v = \"2\""]
    );
}

#[test]
fn an_element_that_repeats_anywhere_is_a_list_everywhere() {
    let notes = xml("<r><g><n>1</n><m><k>a</k></m></g>\
         <g><n>2</n><m><k>a</k></m><m><k>b</k></m></g></r>")
    .unwrap();
    assert!(notes.lines.contains(&"/r/g{1}/m{a}".to_owned()), "{:?}", notes.lines);
}

#[test]
fn what_the_store_knows_counts() {
    let mut notes = Notes::default();
    let schema = NodeKey::root().child("d").child("e");
    notes.known.push((schema, Schema::List(ListInfo::with_keys(["x"]))));
    let source = BytesSource::new("t.xml", b"<d><e><y>1</y><x></x></e></d>");
    read(&source, &LoadOptions::default(), &mut notes).unwrap();
    assert_eq!(notes.lines, ["/d/e{\"\"}", "/d/e{\"\"}/y = \"1\""]);
}

#[test]
fn unclear_keys_name_the_element_the_line_and_the_way_out() {
    let text = failure(xml("<r>\n<g><n>1</n></g>\n<g><n>1</n></g>\n</r>"));
    assert_eq!(
        text,
        "t.xml:3:1: cannot tell the keys of the list <g>: its first leaf <n> is \"1\" both on line 2 and on line 3. \
         Name them: --key /r/g=KEY,... To fold entries with the same key in order: --on-duplicate merge. \
         If it is one container in pieces: --container /r/g"
    );
    let text = failure(xml("<r><g><n>1</n></g><g><m>1</m></g></r>"));
    assert!(text.contains("has no <n>"), "{text}");
}

#[test]
fn an_entry_that_is_there_twice_names_both_lines() {
    let mut options = merge(&["/r/g=n"]);
    options.on_duplicate = OnDuplicate::Refuse;
    let text = "<r>\n<g><n>1</n></g>\n<g><n>2</n></g>\n<g><n>1</n><v>x</v></g>\n</r>";
    let message = failure(load_with("t.xml", text, &options));
    assert!(
        message.contains("/r/g{1} is there twice: first on line 2, again on line 4"),
        "{message}"
    );
    let notes = load_with("t.xml", text, &merge(&["/r/g=n"])).unwrap();
    assert_eq!(notes.lines.last().unwrap(), "/r/g{1}/v = \"x\"");
    let message = failure(xml("<r>\n<t>a</t>\n<t>a</t></r>"));
    assert!(
        message.contains("/r/t{a} is there twice: first on line 2, again on line 3"),
        "{message}"
    );
}

#[test]
fn a_missing_key_is_named() {
    let message = failure(load_with("t.xml", "<r>\n <g><v>1</v></g></r>", &merge(&["/r/g=n"])));
    assert_eq!(message, "t.xml:2:2: this entry of /r/g has no key leaf <n>");
}

#[test]
fn the_config_wrapper_is_peeled_off_with_its_default_namespace() {
    let notes = xml("<config xmlns=\"http://tail-f.com/ns/config/1.0\" xmlns:x=\"urn:x\">\
         <a xmlns=\"urn:a\"><b>1</b></a><c><d>2</d></c></config>")
    .unwrap();
    assert_eq!(notes.lines, ["/\"urn:a\":a/b = \"1\"", "/c/d = \"2\""]);
    assert_eq!(xml("<config><d>2</d></config>").unwrap().lines, ["/config/d = \"2\""]);
}

#[test]
fn text_is_kept_as_it_was_meant() {
    let notes = xml(
        "<a>\n <b> x &lt;&#10;<![CDATA[<&]]></b>\n <c>\n </c><d> </d><e/><f></f><g>&#32;</g></a>",
    )
    .unwrap();
    assert_eq!(
        notes.lines,
        [
            "/a/b = \" x <\\n<&\"",
            "/a/c = nothing false",
            "/a/d = \" \"",
            "/a/e = nothing true",
            "/a/f = nothing false",
            "/a/g = \" \"",
        ]
    );
}

#[test]
fn types_that_the_source_names_count() {
    let notes = xml("<a xmlns:pumice=\"urn:pumice:types\"><p pumice:type=\"uint16\"> 830 </p>\
         <l pumice:keys=\"id:int8\" pumice:ordered-by=\"user\"><id>-1</id></l>\
         <t pumice:leaf-list=\"uint8\">7</t><c pumice:presence=\"\"/></a>")
    .unwrap();
    assert_eq!(notes.declared, ["/a/l=id:int8", "/a/t leaf-list"]);
    assert_eq!(notes.lines, ["/a/p = uint16 830", "/a/l{-1}", "/a/t{7}", "/a/c present"]);
    let message = failure(xml("<a xmlns:t=\"urn:pumice:types\">\n<p t:type=\"uint16\">x</p></a>"));
    assert!(
        message.starts_with("t.xml:2:1: /a/p: \"x\" is not a value of type uint16"),
        "{message}"
    );
}

// Symptom: a tree that was loaded from XML came back from its own save as another. Found by fuzzing. Cause: the XML
// reader takes anything before the = for the name of an attribute, quotes and > too, and it was written back as it was.
// Fix: a name that no attribute can have is refused.
#[test]
fn what_is_dangerous_or_broken_is_refused_with_its_place() {
    for (text, expected) in [
        ("<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>", "1:1: a document type (DTD) is refused"),
        ("<a>\n&x;</a>", "2:1: an entity other than"),
        ("<a>\n  <b>x<c/></b></a>", "2:7: <b> has both text and child elements"),
        ("<a><b/>x</a>", "1:8: <a> has both"),
        ("<a><b></a>", "not well-formed"),
        ("<a>", "the input ends inside <a>"),
        ("", "no element"),
        ("<a/><b/>", "a second top element"),
        ("<a><1b/></a>", "\"1b\" cannot be the name"),
        ("<a nc:operation=\"delete\"/>", "the attribute operation is refused"),
        (
            "<config xmlns=\"http://tail-f.com/ns/config/1.0\" operation=\"x\"><a/></config>",
            "the attribute operation is refused",
        ),
        ("<a x:y=\"1\"/>", "the prefix x is not declared"),
        ("<x:a/>", "the prefix x is not declared"),
        ("<a xmlns:x=\"\"/>", "xmlns:x=\"\" cannot be declared"),
        (
            "<a xmlns:x=\"u\" xmlns:y=\"u\" x:b=\"1\" y:b=\"2\"/>",
            "the attribute y:b is there twice",
        ),
        ("<a>\u{1}</a>", "1:4: not well-formed: the character U+0001"),
        ("<a>&#1;</a>", "1:4: not well-formed: the character U+0001"),
        ("<a b=\"&#2;\"/>", "the character U+0002"),
        ("<a>\u{ffff}</a>", "the character U+FFFF"),
        ("<!-- \u{3} --><a/>", "the character U+0003"),
        ("<?p \u{3}?><a/>", "the character U+0003"),
        ("<a><![CDATA[\u{4}]]></a>", "the character U+0004"),
        ("<a>x]]>y</a>", "]]> in a text"),
        ("<a b=\"<\"/>", "< in the value of an attribute"),
        ("<a b=\"1\"c=\"2\"/>", "no white space before an attribute"),
        ("<a b=1/>", "not well-formed"),
        (
            "<?xml version=\"1.0\"?><?xml version=\"1.0\"?><a/>",
            "1:22: not well-formed: an XML declaration",
        ),
        ("<a/><?xml version=\"1.0\"?>", "an XML declaration that is not at the start"),
        ("\n<?xml version=\"1.0\"?><a/>", "an XML declaration that is not at the start"),
        (
            "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a/>",
            "the encoding \"ISO-8859-1\" is not read",
        ),
        ("<a/>\u{feff}", "text outside the top element"),
        ("<a x`y=\"z\"/>", "\"x`y\" cannot be the name of an attribute"),
    ] {
        let message = failure(xml(text));
        assert!(message.contains(expected), "{text}: {message}");
    }
    let deep = |n: usize| format!("{}{}", "<a>".repeat(n), "</a>".repeat(n));
    assert!(xml(&deep(128)).is_ok());
    assert!(failure(xml(&deep(129))).contains("nested deeper than 128 levels"));
    let options = LoadOptions { max_size_bytes: 20, ..LoadOptions::default() };
    let message = failure(load_with("t.xml", "<a><b>0123456789</b></a>", &options));
    assert!(message.contains("larger than 20 bytes"), "{message}");
    assert!(failure(load_with("t.txt", "", &options)).contains("cannot tell the format"));
}

#[test]
fn json_arrays_objects_and_scalars_find_their_place() {
    let notes = json(
        r#"{"a": {"port": 830, "on": true, "big": 18446744073709551615, "s": "x", "e": [null],
            "l": [{"id": 1, "v": -5}, {"v": 6, "id": 2}], "t": ["p", "q"], "c": {}, "none": []}}"#,
    )
    .unwrap();
    assert_eq!(notes.declared, ["/a/l=id:int32", "/a/t leaf-list"]);
    assert_eq!(
        notes.lines,
        [
            "/a/port = soft int32 830",
            "/a/on = soft boolean true",
            "/a/big = soft uint64 18446744073709551615",
            "/a/big @\"urn:pumice:types\":number=",
            "/a/s = \"x\"",
            "/a/e = soft empty ",
            "/a/l{1}",
            "/a/l{1}/v = soft int32 -5",
            "/a/l{2}",
            "/a/l{2}/v = soft int32 6",
            "/a/t{p}",
            "/a/t{q}",
            "/a/c present",
        ]
    );
}

#[test]
fn json_annotations_name_types() {
    let notes = json(
        r#"{"@a": {"xmlns": "urn:a"}, "a": {"@p": {"pumice:type": "uint16"}, "p": 830,
            "@t": [{"pumice:leaf-list": "uint8"}], "t": [7, 8]}}"#,
    )
    .unwrap();
    let a = "/\"urn:a\":a";
    let expected = ["p = uint16 830", "t{7}", "t{8}"].map(|line| format!("{a}/{line}"));
    assert_eq!(notes.lines, expected);
}

#[test]
fn broken_json_is_refused_with_its_place() {
    for (text, expected) in [
        ("{\"a\": 1,\n \"a\": 2}", "2:5: the member \"a\" is there twice"),
        ("{\"a\": null}", "null cannot stand here"),
        ("{\"a\": [1, null]}", "null among other elements cannot"),
        ("{\"a\": [[1]]}", "an array in an array cannot"),
        ("[1]", "an array cannot stand here: expected an object"),
        ("{\"a b\": 1}", "\"a b\" cannot be the name"),
        ("{\"a\": 1,}", "not well-formed"),
        ("{\"a\": 1} x", "not well-formed"),
        ("{\"a\": 1, \"@a\": {}}", "an annotation before its member"),
    ] {
        let message = failure(json(text));
        assert!(message.contains(expected), "{text}: {message}");
    }
    let deep = format!("{}1{}", "{\"a\":".repeat(200), "}".repeat(200));
    assert!(failure(json(&deep)).contains("nested deeper"));
}

/// Runs where `PUMICE_REAL_DATA` names a folder with `yang-library/*.xml`; a folder without them fails.
#[test]
fn real_trees_load_when_duplicates_are_folded_and_name_both_lines_when_not() {
    let Some(dir) = std::env::var_os("PUMICE_REAL_DATA") else {
        return;
    };
    let dir = std::path::PathBuf::from(dir).join("yang-library");
    let vfs: std::sync::Arc<dyn crate::vfs::Vfs> = std::sync::Arc::new(crate::vfs::os::OsVfs);
    let names: Vec<String> =
        vfs.list(&dir).unwrap().into_iter().filter(|name| name.contains(".xml")).collect();
    assert!(!names.is_empty(), "no trees in {}", dir.display());
    let options = merge(&[
        "/yang-library/module-set/module=name",
        "/yang-library/module-set/module/submodule=name",
    ]);
    let strict = LoadOptions { on_duplicate: OnDuplicate::Refuse, ..options.clone() };
    let mut refused = 0;
    for name in names {
        let source = FileSource::new(vfs.clone(), dir.join(name));
        let mut notes = Notes::default();
        read(&source, &options, &mut notes).unwrap();
        assert!(notes.lines.len() > 1_000);
        let top = "/\"urn:ietf:params:xml:ns:yang:ietf-yang-library\":yang-library/";
        assert!(notes.lines.iter().all(|line| line.starts_with(top)));
        let Err(error) = read(&source, &strict, &mut Notes::default()) else {
            continue;
        };
        refused += 1;
        assert!(
            matches!(*error.problem, Problem::Duplicate { first, again, .. } if first < again),
            "{error}"
        );
    }
    assert!(refused > 0);
}

/// Symptom: 18446744073709551616 was stored as 18446744073709552000. Cause: JSON numbers that fit no integer come as
/// floating point. Fix: those too large to be exact are refused; in quotes they are text.
#[test]
fn a_json_number_that_cannot_be_kept_exactly_is_refused() {
    use crate::cdb::{Author, BytesSource, Cdb, Datastore, LoadOptions};
    let load = |text: &str| {
        let cdb = Cdb::in_memory().unwrap();
        let source = BytesSource::new("a.json", text.as_bytes());
        let options = LoadOptions::default();
        cdb.load(Datastore::Config, &source, &options, &Author::default())
            .map(|_| cdb.begin_read(Datastore::Config).get("/a").unwrap().unwrap().to_string())
            .map_err(|error| error.to_string())
    };
    for large in ["18446744073709551616", "-9223372036854775809", "1e300"] {
        let refused = load(&format!("{{\"a\": {large}}}")).unwrap_err();
        assert!(refused.contains("too large"), "{refused}");
    }
    assert_eq!(load("{\"a\": 18446744073709551615}").unwrap(), "18446744073709551615");
    assert_eq!(load("{\"a\": 1.25}").unwrap(), "1.25");
    assert_eq!(load("{\"a\": \"18446744073709551616\"}").unwrap(), "18446744073709551616");
}

/// More entries than fingerprints are kept in memory, one on each line from line 2; the one on line 70,002 is the second of line 2's.
fn many_with_one_again() -> String {
    let entry = |n: u32| format!("<e><k>{}</k></e>\n", if n == 70_000 { 0 } else { n });
    format!("<l>\n{}</l>", (0..70_010).map(entry).collect::<String>())
}

#[test]
fn an_entry_that_comes_again_after_many_others_is_refused_with_both_lines() {
    let text = many_with_one_again();
    let inferred = failure(xml(&text));
    let why = "its first leaf <k> is the same both on line 2 and on line 70002";
    assert!(inferred.starts_with("t.xml:70002:1: ") && inferred.contains(why), "{inferred}");
    let keys = vec!["/l/e=k".parse().unwrap()];
    let declared = LoadOptions { keys, ..LoadOptions::default() };
    let declared = failure(load_with("t.xml", &text, &declared));
    let why =
        "t.xml:70002:1: an entry below /l is there twice: first on line 2, again on line 70002";
    assert!(declared.starts_with(why), "{declared}");
    let merged = load_with("t.xml", &text, &merge(&["/l/e=k"])).unwrap();
    assert_eq!(merged.lines.len(), 70_010);
}
