//! compact and compaction, without a daemon.

use serde_json::json;

use crate::program::Place;

#[test]
fn compacting_keeps_the_state_and_says_what_it_won() {
    let place = Place::with_database();
    for value in ["1", "2", "3"] {
        place.demo_ok(&["set", "/port", value]);
    }
    let rows = place.demo_json_lines(&["compact", "--policy", "background", "--throttle", "50MB"]);
    let files: Vec<_> = rows.iter().map(|row| row["file"].as_str().unwrap()).collect();
    assert_eq!(files, ["A.cdb", "O.cdb", "S.cdb"]);
    assert_eq!((&rows[0]["transactions"], &rows[0]["type"]), (&json!(3), &json!("manual")));
    assert_eq!(rows[1]["nothing_to_do"], true);
    assert_eq!(place.demo_ok(&["get", "/port"]), "3\n");
    place.demo_ok(&["set", "/port", "4"]);
    let out = place.demo_ok(&["compact", "A"]);
    assert!(out.starts_with("A.cdb  ") && out.contains(" tx -> 1  "), "{out}");
    assert_eq!(place.demo_ok(&["compact", "A"]), "A.cdb  nothing to do\n");
    // The history is data of O.cdb, and survives.
    let history = place.demo_json_lines(&["compaction", "history"]);
    assert_eq!(history.len(), 2);
    assert_eq!((&history[1]["file"], &history[1]["transactions"]), (&json!("A.cdb"), &json!(3)));
    assert!(place.demo_ok(&["compaction", "history", "-n", "1"]).lines().count() == 2);
}

#[test]
fn an_estimate_writes_nothing() {
    let place = Place::with_database();
    place.demo_ok(&["set", "/port", "1"]);
    let before = place.read("demo/A.cdb");
    let out = place.demo_ok(&["compact", "--estimate"]);
    assert!(out.ends_with("nothing written (--estimate)\n"), "{out}");
    assert_eq!(place.read("demo/A.cdb"), before);
}

#[test]
fn info_has_the_four_fields_of_nso_and_the_distance_to_each_threshold() {
    let place = Place::with_database();
    place.demo_ok(&["set", "/port", "1"]);
    let info = place.demo_json(&["compaction", "info", "A"]);
    assert_eq!(info["file"], "A.cdb");
    assert_eq!(info["ntrans"], 1);
    assert_eq!(info["last_time_micros"], json!(null));
    assert!(info["fsize_current"].as_u64() > info["fsize_previous"].as_u64());
    let names: Vec<_> =
        info["thresholds"].as_array().unwrap().iter().map(|row| &row["name"]).collect();
    assert_eq!(names, ["file-size-relative", "num-node-relative"]);
    let text = place.demo_ok(&["compaction", "info"]);
    assert!(text.contains("compaction-floor (1.0 MB)"), "{text}");
    assert_eq!(place.demo_ok(&["compaction", "status"]), "A.cdb  idle\nO.cdb  idle\nS.cdb  idle\n");
}

#[test]
fn a_datastore_that_is_none_is_refused() {
    let place = Place::with_database();
    place.demo(&["compact", "B"]).fails(2, "\"B\" is not a datastore");
    place.demo(&["compact", "--estimate", "--wait"]).fails(2, "cannot be used with");
}

#[test]
fn a_throttle_that_would_hardly_end_is_refused() {
    let place = Place::with_database();
    for rate in ["5", "0", "65535"] {
        let line = ["--dir", "demo", "compact", "--throttle", rate];
        place.run(&line).fails(2, "too slow a throttle");
    }
    place.demo_ok(&["compact", "--throttle", "65536"]);
}
