//! get, set, del, ls, exists, tx.

use serde_json::json;

use crate::program::Place;

#[test]
fn init_makes_a_directory_that_says_how_to_go_on() {
    let place = Place::new();
    let out = place.ok(&["init", "demo"]);
    assert!(out.contains("created demo/ncs.conf"), "{out}");
    assert!(out.contains("pumice start --dir demo"), "{out}");
    assert_eq!(
        crate::program::names(&place.path("demo")),
        ["A.cdb", "O.cdb", "S.cdb", "ncs.conf", "pumice.lock"]
    );
    assert!(place.demo_ok(&["config", "check"]).contains("no errors"));
    place.run(&["init", "demo"]).fails(4, "demo has a database already");
}

#[test]
fn the_configuration_that_init_writes_names_its_directory_from_wherever_it_is_read() {
    let place = Place::with_database();
    place.demo_ok(&["set", "/a", "1"]);
    place.ok(&["init", "elsewhere"]);
    let conf = place.path("demo/ncs.conf").display().to_string();
    assert_eq!(place.ok(&["--conf", &conf, "get", "/a"]), "1\n");
}

#[test]
fn a_value_that_was_set_is_there_for_the_next_command() {
    let place = Place::with_database();
    assert_eq!(place.demo_ok(&["set", "/device{ce0}/address", "10.0.0.1"]), "tx 1  2 nodes\n");
    assert_eq!(place.demo_ok(&["get", "/device{ce0}/address"]), "10.0.0.1\n");
    assert_eq!(
        place.demo_ok(&["set", "/device{ce0}/address", "10.0.0.1"]),
        "nothing changed (tx 1)\n"
    );
    let value = place.demo_json(&["get", "/device{ce0}/address"]);
    let expected = json!({ "path": "/device{ce0}/address", "type": "string", "value": "10.0.0.1" });
    assert_eq!(value, expected);
}

#[test]
fn a_leaf_keeps_its_type_and_refuses_what_does_not_fit() {
    let place = Place::with_database();
    place.demo_ok(&["set", "/port", "830", "--type", "uint16"]);
    place.demo(&["set", "/port", "66000"]).fails(5, "\"66000\" is not a value of type uint16");
    place.demo(&["set", "/x", "1", "--type", "uint15"]).fails(5, "\"uint15\" is not a type");
    place.demo_ok(&["set", "/low", "-5", "--type", "int8"]);
    assert_eq!(place.demo_ok(&["get", "/low"]), "-5\n");
    assert_eq!(place.demo_ok(&["get", "/port"]), "830\n");
}

#[test]
fn a_path_alone_creates_an_entry() {
    let place = Place::with_database();
    place.demo_ok(&["set", "/device{ce0}"]);
    assert_eq!(place.demo_ok(&["get", "/device{ce0}/name"]), "ce0\n");
    place.demo(&["set", "/device{ce0}"]).fails(4, "/device{ce0} exists already");
}

#[test]
fn a_dry_run_shows_the_change_and_writes_nothing() {
    let place = Place::with_database();
    place.demo_ok(&["set", "/device{ce7}/port", "830"]);
    let before = place.read("demo/A.cdb");
    let out = place.demo_ok(&["set", "/device{ce7}/port", "2022", "--dry-run"]);
    let expected =
        "  device ce7 {\n-   port 830\n+   port 2022\n  }\nnothing written (--dry-run)\n";
    assert_eq!(out, expected);
    let diff = place.demo_json(&["set", "/device{ce7}/port", "2022", "--dry-run"]);
    assert_eq!(diff["changed"], false);
    assert_eq!(
        diff["diff"],
        json!([{ "path": "/device{ce7}/port", "operation": "modified", "old": "830", "new": "2022" }])
    );
    assert_eq!(place.read("demo/A.cdb"), before);
    assert_eq!(place.demo_ok(&["get", "/device{ce7}/port"]), "830\n");
}

#[test]
fn what_is_not_there_is_told_with_exit_3() {
    let place = Place::with_database();
    place.demo(&["get", "/nothing"]).fails(3, "/nothing does not exist");
    place.demo(&["del", "/nothing"]).fails(3, "/nothing does not exist");
    place.demo(&["ls", "/nothing"]).fails(3, "/nothing does not exist");
    place.demo(&["get", "not a path{"]).fails(2, "not a path");
    place.demo_ok(&["set", "/device{ce0}/port", "1"]);
    place.demo(&["get", "/device{ce0}"]).fails(5, "is a list entry, not a leaf");
}

#[test]
fn deleting_takes_everything_below() {
    let place = Place::with_database();
    place.demo_ok(&["set", "/device{ce0}/port", "1"]);
    place.demo_ok(&["set", "/device{ce1}/port", "2"]);
    let dry = place.demo_ok(&["del", "/device{ce0}", "--dry-run"]);
    assert_eq!(dry, "- device ce0 {\n-   port 1\n- }\nnothing written (--dry-run)\n");
    assert_eq!(place.demo_ok(&["del", "/device{ce0}"]), "tx 3  2 nodes\n");
    assert_eq!(place.demo_ok(&["ls", "/device"]), "device{ce1}\n");
}

#[test]
fn ls_shows_one_child_a_line() {
    let place = Place::with_database();
    for (path, value) in [("/host", "lab 1"), ("/system/zone", "UTC"), ("/device{ce0}/port", "1")] {
        place.demo_ok(&["set", path, value]);
    }
    assert_eq!(place.demo_ok(&["ls"]), "device{}  1 entry\nhost      \"lab 1\"\nsystem/\n");
    let rows = place.demo_json_lines(&["ls"]);
    assert_eq!(rows[0], json!({ "path": "/device", "kind": "list", "entries": 1 }));
    assert_eq!(rows[1], json!({ "path": "/host", "kind": "leaf", "value": "lab 1" }));
    assert_eq!(rows[2], json!({ "path": "/system", "kind": "container" }));
}

#[test]
fn exists_answers_with_its_exit_code() {
    let place = Place::with_database();
    place.demo_ok(&["set", "/a", "1"]);
    assert_eq!(place.demo_ok(&["exists", "/a"]), "yes\n");
    assert_eq!(place.demo_ok(&["-q", "exists", "/a"]), "");
    let no = place.demo(&["exists", "/b"]);
    assert_eq!((no.code, no.out.as_str(), no.err.as_str()), (1, "no\n", ""));
    let no = place.demo(&["--json", "exists", "/b"]);
    assert_eq!((no.code, no.out.as_str()), (1, "{\"path\":\"/b\",\"exists\":false}\n"));
}

#[test]
fn a_script_is_one_transaction() {
    let place = Place::with_database();
    let script = "# a lab\nset /device{ce0}/address 10.0.0.1\nset --type uint16 /device{ce0}/port 830\n\
                  set /banner hello world\ncreate /device{\"a b\"}\n";
    let ran = place.run_with_input(&["--dir", "demo", "tx", "-m", "lab"], script);
    assert_eq!((ran.code, ran.out.as_str()), (0, "tx 1  5 nodes\n"), "{ran:?}");
    assert_eq!(place.demo_ok(&["get", "/banner"]), "hello world\n");
    assert_eq!(place.demo_ok(&["get", "/device{\"a b\"}/name"]), "a b\n");
    place.write("more", "set /banner bye\ndel /nothing\n");
    place.demo(&["tx", "more"]).fails(3, "line 2: /nothing does not exist");
    assert_eq!(place.demo_ok(&["get", "/banner"]), "hello world\n");
    place.write("wrong", "set /banner bye\n\nput /x\n");
    place.demo(&["tx", "wrong"]).fails(2, "line 3: \"put\" is no operation");
    place.demo(&["tx", "missing"]).fails(3, "missing");
}

#[test]
fn datastores_are_apart() {
    let place = Place::with_database();
    place.demo_ok(&["set", "/up", "true", "--ds", "oper"]);
    assert_eq!(place.demo_ok(&["get", "/up", "--ds", "oper"]), "true\n");
    assert_eq!(place.demo_ok(&["get", "/up", "--ds", "O"]), "true\n");
    place.demo(&["get", "/up"]).fails(3, "/up does not exist");
    let wrong = place.demo(&["get", "/up", "--ds", "running"]);
    wrong.fails(2, "\"running\" is not a datastore");
}

#[test]
fn a_typing_error_makes_no_database() {
    let place = Place::with_database();
    place.run(&["--dir", "dmeo", "set", "/a", "1"]).fails(3, "there is no database in dmeo");
    place.run(&["--dir", "dmeo", "get", "/a"]).fails(3, "pumice init");
    assert_eq!(crate::program::names(&place.path(".")), ["demo"]);
}
