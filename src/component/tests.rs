use std::sync::{Arc, Mutex};

use super::*;
use crate::Datastore;
use crate::cdb::{BytesSource, Cdb, LoadOptions};
use crate::vfs::mem::MemVfs;

struct Lamps;

static LAMPS: Subtree = Subtree {
    root: "/lamps",
    lists: &[List { path: "lamp", key: "name" }],
    leaves: &[
        Leaf { path: "on", kind: Kind::Boolean, default: Some("true"), about: "All of them." },
        Leaf {
            path: "lamp/colour",
            kind: Kind::Choice(&["red", "green"]),
            default: Some("red"),
            about: "",
        },
        Leaf {
            path: "lamp/watts",
            kind: Kind::Number { min: 1, max: 60 },
            default: None,
            about: "",
        },
        Leaf { path: "lamp/tags/*", kind: Kind::Text, default: None, about: "" },
    ],
};

impl Component for Lamps {
    type Config = Vec<(String, String, u64)>;

    fn subtree(&self) -> &'static Subtree {
        &LAMPS
    }

    fn read(&self, top: &Section<'_>) -> Self::Config {
        let lamp = |(name, lamp): (String, Section<'_>)| {
            if !lamp.is_set("watts") {
                lamp.problem("watts", "it is missing");
            }
            let colour = lamp.text("colour").unwrap_or_default();
            let config = (name, colour, lamp.parse("watts").unwrap_or_default());
            (!lamp.has_problems()).then_some(config)
        };
        top.entries("lamp").into_iter().filter_map(lamp).collect()
    }
}

fn guarded() -> Cdb {
    let options = Cdb::options().vfs(MemVfs::new().shared());
    guard(options, &Arc::new(Lamps)).open("/memory").unwrap()
}

fn set(cdb: &Cdb, path: &str, text: &str) -> Result<(), String> {
    let set = cdb.write(Datastore::Config, |tx| tx.set_text(path, text));
    set.map(drop).map_err(|error| error.to_string())
}

fn load(cdb: &Cdb, xml: &str) -> Result<(), String> {
    let options = LoadOptions { known_keys: key_hints(&LAMPS), ..LoadOptions::default() };
    let source = BytesSource::new("lamps.xml", xml.as_bytes());
    let loaded = cdb.load(Datastore::Config, &source, &options, &Default::default());
    loaded.map(drop).map_err(|error| error.to_string())
}

#[test]
fn a_mistake_is_refused_with_path_and_what_was_expected() {
    let cdb = guarded();
    set(&cdb, "/elsewhere", "free").unwrap();
    for (path, text, message) in [
        ("/lamps/on", "maybe", "refused: /lamps/on: \"maybe\" is not true or false"),
        (
            "/lamps/lamp{a}/watts",
            "61",
            "refused: /lamps/lamp{a}/watts: \"61\" is not a number from 1 to 60",
        ),
        (
            "/lamps/lamp{a}/colour",
            "blue",
            "refused: /lamps/lamp{a}/colour: \"blue\" is not red or green",
        ),
        ("/lamps/lamp{a}/colour", "red", "refused: /lamps/lamp{a}/watts: it is missing"),
        (
            "/lamps/lamp{a}/color",
            "red",
            "refused: /lamps/lamp{a}/color: there is no such node in /lamps; did you mean colour?",
        ),
        ("/lamps/on/off", "x", "refused: /lamps/on: it is not a leaf"),
        ("/lamps/lamp", "x", "refused: /lamps/lamp: it is not a list with the key name"),
    ] {
        assert_eq!(set(&cdb, path, text), Err(message.to_owned()), "{path}");
    }
    set(&cdb, "/lamps/lamp{a}/watts", "60").unwrap();
    set(&cdb, "/lamps/lamp{a}/tags/anything", "at all").unwrap();
}

#[test]
fn an_old_mistake_costs_its_entry_and_is_no_reason_to_refuse_others() {
    let cdb = Cdb::in_memory().unwrap();
    set(&cdb, "/lamps/lamp{old}/watts", "1000").unwrap();
    set(&cdb, "/lamps/lamp{good}/watts", "5").unwrap();
    guard_open(&cdb, &Arc::new(Lamps));
    set(&cdb, "/lamps/lamp{new}/watts", "6").unwrap();
    let read = read(&Lamps, &cdb.begin_read(Datastore::Config)).unwrap();
    let names: Vec<_> = read.config.iter().map(|(name, ..)| name.as_str()).collect();
    assert_eq!((names, read.problems.len()), (vec!["good", "new"], 1));
    set(&cdb, "/lamps/lamp{old}/colour", "green").unwrap_err();
    set(&cdb, "/lamps/lamp{old}/watts", "10").unwrap();
}

#[test]
fn a_file_with_one_entry_and_text_for_numbers_is_a_list_of_one() {
    let cdb = guarded();
    load(&cdb, "<lamps><lamp><name>a</name><watts>7</watts></lamp></lamps>").unwrap();
    let read = read(&Lamps, &cdb.begin_read(Datastore::Config)).unwrap();
    assert_eq!(read.config, [("a".to_owned(), "red".to_owned(), 7)]);
    let refused = load(&cdb, "<lamps><lamp><name>b</name><watts>x</watts></lamp></lamps>");
    assert!(refused.unwrap_err().contains("/lamps/lamp{b}/watts"));
}

#[test]
fn an_init_file_with_a_mistake_is_refused() {
    let vfs = MemVfs::new();
    let file = std::path::Path::new("/memory/lamps.xml");
    vfs.put(file, b"<lamps><lamp><name>a</name><watts>0</watts></lamp></lamps>".to_vec());
    let options = || guard(Cdb::options().vfs(vfs.shared()), &Arc::new(Lamps));
    let refused = options().open("/memory").unwrap_err().to_string();
    assert!(
        refused.contains("/lamps/lamp{a}/watts: \"0\" is not a number from 1 to 60"),
        "{refused}"
    );
    vfs.put(file, b"<lamps><lamp><name>a</name><watts>1</watts></lamp></lamps>".to_vec());
    let cdb = options().open("/memory").unwrap();
    assert_eq!(cdb.begin_read(Datastore::Config).num_instances("/lamps/lamp").unwrap(), 1);
}

#[test]
fn the_owner_is_told_now_and_of_every_change_below_its_root_only() {
    let cdb = guarded();
    set(&cdb, "/lamps/lamp{a}/watts", "1").unwrap();
    let told: Arc<Mutex<Vec<usize>>> = Arc::default();
    let noted = told.clone();
    let following = follow(&cdb, &Arc::new(Lamps), move |read| {
        noted.lock().unwrap().push(read.config.len());
    });
    set(&cdb, "/elsewhere", "x").unwrap();
    set(&cdb, "/lamps/lamp{b}/watts", "2").unwrap();
    cdb.write(Datastore::Config, |tx| tx.delete("/lamps")).unwrap();
    drop(following.unwrap());
    set(&cdb, "/lamps/lamp{b}/watts", "2").unwrap();
    assert_eq!(*told.lock().unwrap(), [1, 2, 0]);
}

#[test]
fn every_value_has_its_origin() {
    let cdb = guarded();
    set(&cdb, "/lamps/lamp{a}/watts", "1").unwrap();
    set(&cdb, "/lamps/lamp{a}/tags/room", "hall").unwrap();
    let rows = settings(&LAMPS, &cdb.begin_read(Datastore::Config)).unwrap();
    let rows: Vec<_> =
        rows.iter().map(|row| (row.path.to_string(), row.value.as_str(), row.is_default)).collect();
    let expected = [
        ("/lamps/lamp{a}/colour", "red", true),
        ("/lamps/lamp{a}/watts", "1", false),
        ("/lamps/lamp{a}/tags/room", "hall", false),
        ("/lamps/on", "true", true),
    ];
    assert_eq!(rows, expected.map(|(path, value, default)| (path.to_owned(), value, default)));
}

#[test]
fn a_subtree_in_a_second_namespace_is_refused() {
    let cdb = guarded();
    load(&cdb, "<lamps xmlns=\"urn:a\"><lamp><name>x</name><watts>1</watts></lamp></lamps>")
        .unwrap();
    set(&cdb, "/lamps/lamp{x}/watts", "2").unwrap();
    let second = "<lamps><lamp><name>y</name><watts>1</watts></lamp></lamps>";
    let refused = load(&cdb, second).unwrap_err();
    assert!(refused.contains("/lamps: /lamps and /a:lamps are two subtrees"), "{refused}");
    let wrong = "<lamps xmlns=\"urn:a\"><lamp><name>x</name><watts>99</watts></lamp></lamps>";
    assert!(load(&cdb, wrong).is_err(), "the table holds in whatever namespace it is");
}
