//! check, dump, salvage: the files themselves.

use pumice::vfs::os::OsVfs;
use pumice::vfs::{OpenMode, Vfs};
use serde_json::Value;

use crate::program::{Place, names};

fn damaged() -> (Place, usize) {
    let place = Place::with_database();
    for number in 0..50 {
        place_value(&place, number);
    }
    place.demo_ok(&["compact"]);
    place.demo_ok(&["set", "/after", "1"]);
    let mut bytes = place.read("demo/A.cdb");
    let at = bytes.windows(7).position(|window| window == b"value 3").unwrap();
    bytes[at] ^= 0xff;
    pumice::vfs::write_file(&pumice::vfs::os::OsVfs, &place.path("demo/A.cdb"), &bytes).unwrap();
    (place, at)
}

fn place_value(place: &Place, number: u32) {
    let path = format!("/item{{{number}}}/text");
    place.demo_ok(&["set", &path, &format!("value {number}")]);
}

#[test]
fn sound_files_are_told_so() {
    let place = Place::with_database();
    place.demo_ok(&["set", "/a", "1"]);
    let out = place.demo_ok(&["check"]);
    assert_eq!(
        out,
        "A.cdb  sound  1 keys  tx 1\nO.cdb  sound  0 keys  tx 0\nS.cdb  sound  0 keys  tx 0\n"
    );
    let rows = place.demo_json_lines(&["check"]);
    assert!(rows.iter().all(|row| row["sound"] == true));
    place.run(&["check", "demo/nothing"]).fails(3, "demo/nothing");
    place.run(&["check", "demo/ncs.conf"]).fails(8, "is not a pumice journal");
}

/// A table without the blanks that make its columns.
fn cells(table: &str) -> String {
    let lines = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn damage_is_named_by_its_first_byte_and_nothing_is_changed() {
    let (place, at) = damaged();
    let before = place.read("demo/A.cdb");
    let ran = place.demo(&["check"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(cells(&ran.out).contains("A.cdb 1 damaged place"), "{}", ran.out);
    let ran = place.run(&["--json", "check", "demo/A.cdb"]);
    let found: Value = serde_json::from_str(&ran.out).unwrap();
    let position = found["problems"][0]["position"].as_u64().unwrap();
    assert!(position <= at as u64, "{found}");
    assert_eq!(place.read("demo/A.cdb"), before);
    place.demo(&["get", "/item{3}/text"]).fails(8, "is damaged at byte");
}

#[test]
fn a_daemon_names_what_is_damaged_under_its_feet() {
    let place = Place::with_database();
    place.demo_ok(&["set", "/name", "intact"]);
    let mut daemon = place.daemon(&[]);
    place.demo_ok(&["set", "/name", "harmed"]);
    assert!(cells(&place.demo_ok(&["check"])).starts_with("A.cdb sound 1 keys tx 2"));
    let path = place.path("demo/A.cdb");
    let bytes = place.read("demo/A.cdb");
    let at = bytes.windows(6).position(|window| window == b"harmed").unwrap();
    let file = OsVfs.open(&path, OpenMode::ReadWrite).unwrap();
    file.write_all_at(b"HARMED", at as u64).unwrap();
    let ran = place.demo(&["check"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(cells(&ran.out).starts_with("A.cdb 1 damaged place"), "{}", ran.out);
    assert!(cells(&ran.out).contains("\nO.cdb sound"), "{}", ran.out);
    let found: Value =
        serde_json::from_str(place.demo(&["--json", "check"]).out.lines().next().unwrap()).unwrap();
    let position = found["problems"][0]["position"].as_u64().unwrap();
    assert!(position <= at as u64 && at as u64 - position < 256, "{found}");
    assert_eq!(daemon.stop(), 0);
}

#[test]
fn what_is_good_is_salvaged_and_opens() {
    let (place, _) = damaged();
    let before = place.read("demo/A.cdb");
    let out = place.ok(&["salvage", "demo/A.cdb", "saved/A.cdb"]);
    assert!(out.contains("lost: 1 damaged place"), "{out}");
    assert_eq!(place.read("demo/A.cdb"), before);
    place.ok(&["check", "saved/A.cdb"]);
    // The other datastores are made when the directory is opened for writing.
    assert_eq!(place.ok(&["--dir", "saved", "set", "/b", "1"]).split(' ').next(), Some("tx"));
    assert_eq!(place.ok(&["--dir", "saved", "get", "/after"]), "1\n");
    place.run(&["salvage", "demo/A.cdb", "saved/A.cdb"]).fails(4, "exists already");
    place.run(&["salvage", "demo/nothing", "x/A.cdb"]).fails(3, "demo/nothing");
    assert_eq!(names(&place.path(".")), ["demo", "saved"]);
}

#[test]
fn a_dump_shows_every_record_also_of_a_damaged_file() {
    let (place, _) = damaged();
    let out = place.ok(&["dump", "demo/A.cdb"]);
    assert!(out.starts_with("0  header  made 20"), "{out}");
    assert!(out.contains("  damaged  "), "{out}");
    assert!(out.contains("  tx 51  "), "{out}");
    assert!(out.contains("/after"), "{out}");
    let lines = place.ok(&["--json", "dump", "demo/A.cdb"]);
    let records: Vec<Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(records[0]["record"], "header");
    assert!(
        records.iter().any(|record| record["record"] == "transaction" && record["sequence"] == 51)
    );
    let from = records.last().unwrap()["position"].to_string();
    let tail = place.ok(&["dump", "demo/A.cdb", "--offset", &from]);
    assert!(!tail.contains("header"), "{tail}");
    place.run(&["dump", "demo/ncs.conf"]).fails(8, "is not a pumice journal");
}
