//! config, and which configuration holds.

use serde_json::Value;

use crate::program::Place;

const BROKEN: &str = "<ncs-config>\n  <compaction>\n    <file-size-relative>150%</file-size-relative>\n    \
                      <num-transactios>5</num-transactios>\n  </compaction>\n</ncs-config>\n";

#[test]
fn every_problem_is_told_at_once_with_exit_2() {
    let place = Place::new();
    place.write("ncs.conf", BROKEN);
    for arguments in [&["config", "check"][..], &["config", "show"], &["get", "/a"], &["start"]] {
        let ran = place.run(arguments);
        ran.fails(2, "ncs.conf:3:");
        assert!(ran.err.contains("did you mean <num-transactions>?"), "{}", ran.err);
        assert!(ran.err.trim_end().ends_with("2 errors; the configuration was not used"));
    }
    assert_eq!(crate::program::names(&place.path(".")), ["ncs.conf"]);
    let ran = place.run(&["--json", "config", "check"]);
    let object: Value = serde_json::from_str(&ran.err).unwrap();
    assert_eq!((&object["error"], &object["code"]), (&"configuration".into(), &2.into()));
    assert_eq!(object["problems"].as_array().unwrap().len(), 2);
}

#[test]
fn a_file_that_is_named_must_be_there() {
    let place = Place::new();
    place.run(&["--conf", "missing.conf", "config", "show"]).fails(2, "missing.conf");
}

#[test]
fn settings_are_shown_with_where_they_came_from() {
    let place = Place::new();
    place.write(
        "ncs.conf",
        "<ncs-config>\n<compaction>\n<num-transactions>7</num-transactions></compaction></ncs-config>",
    );
    let out = place.ok(&["config", "show", "--origin", "--dir", "elsewhere"]);
    let line = |setting: &str| {
        let line = out.lines().find(|line| line.starts_with(setting)).unwrap();
        line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(
        line("compaction/num-transactions"),
        ["compaction/num-transactions", "7", "ncs.conf:3"]
    );
    assert_eq!(line("cdb/db-dir"), ["cdb/db-dir", "elsewhere", "--dir"]);
    assert_eq!(
        line("compaction/file-size-relative"),
        ["compaction/file-size-relative", "50", "default"]
    );
    assert_eq!(line("cdb/init-path/dir"), ["cdb/init-path/dir", "(unset)", "default"]);
    let checked = place.ok(&["config", "check"]);
    assert_eq!(checked, "ncs.conf: no errors\n");
}

#[test]
fn the_configuration_of_the_directory_holds_when_it_is_named() {
    let place = Place::with_database();
    let conf = String::from_utf8(place.read("demo/ncs.conf")).unwrap();
    let changed = conf.replace("<file-size-relative>50<", "<file-size-relative>77<");
    assert_ne!(changed, conf);
    place.write("demo/ncs.conf", &changed);
    let row = |rows: Vec<Value>| {
        rows.into_iter().find(|row| row["setting"] == "compaction/file-size-relative").unwrap()
    };
    assert_eq!(row(place.demo_json_lines(&["config", "show"]))["values"][0], "77");
}
