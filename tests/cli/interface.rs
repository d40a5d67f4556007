//! Help, usage errors, JSON errors, pipes, completions, manual pages.

use serde_json::Value;

use crate::program::{Place, names, ran, script_of};

#[test]
fn help_and_version_are_no_errors() {
    let place = Place::new();
    for arguments in
        [&["--help"][..], &["set", "--help"], &["compaction", "info", "-h"], &["--version"]]
    {
        let ran = place.run(arguments);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{arguments:?}");
        assert!(!ran.out.is_empty());
    }
    assert!(place.ok(&["version"]).starts_with("pumice 0."));
    let version: Value = serde_json::from_str(&place.ok(&["--json", "version"])).unwrap();
    assert_eq!(version["version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn wrong_usage_is_exit_2_with_advice() {
    let place = Place::new();
    place.run(&["get", "/a", "--jsno"]).fails(2, "--json");
    place.run(&["gett", "/a"]).fails(2, "'get'");
    place.run(&["start", "--bind", "nonsense"]).fails(2, "nonsense");
    let none = place.run(&[] as &[&str]);
    assert_eq!(none.code, 2);
}

#[test]
fn with_json_an_error_is_one_object_on_one_line() {
    let place = Place::with_database();
    let ran = place.demo(&["--json", "get", "/nothing"]);
    assert_eq!((ran.code, ran.out.as_str()), (3, ""));
    let expected = "{\"error\":\"not_found\",\"reason\":\"/nothing does not exist\",\"code\":3,\"path\":\"/nothing\"}\n";
    assert_eq!(ran.err, expected);
    let usage = place.demo(&["--json", "get"]);
    let object: Value = serde_json::from_str(&usage.err).unwrap();
    assert_eq!((usage.code, &object["error"]), (2, &"usage".into()));
    assert!(object["reason"].as_str().unwrap().contains("<PATH>"), "{object}");
}

#[test]
fn colour_comes_only_when_it_is_wanted() {
    let place = Place::with_database();
    let arguments = ["set", "/a", "1", "--dry-run"];
    assert!(!place.demo_ok(&arguments).contains('\x1b'));
    let coloured = place.demo_ok(&[&arguments[..], &["--color", "always"]].concat());
    assert_eq!(coloured, "\x1b[32m+ a 1\x1b[0m\nnothing written (--dry-run)\n");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let place = Place::with_database();
    assert_eq!(place.run_with_input(&["--dir", "demo", "tx"], &script_of(5_000)).code, 0);
    let piped = "set -o pipefail; \"$PUMICE\" --dir demo save | head -n 1";
    let ran = ran(&place.shell(piped).output().unwrap());
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert!(ran.out.starts_with("<config"), "{}", ran.out);
}

#[test]
fn quiet_prints_only_what_was_asked_for() {
    let place = Place::new();
    assert_eq!(place.ok(&["-q", "init", "demo"]), "");
    assert_eq!(place.demo_ok(&["-q", "set", "/a", "1"]), "");
    assert_eq!(place.demo_ok(&["-q", "get", "/a"]), "1\n");
}

#[test]
fn completions_and_manual_pages_know_every_command() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish"] {
        assert!(place.ok(&["completions", shell]).contains("salvage"), "{shell}");
    }
    assert!(place.ok(&["man"]).contains("pumice"));
    place.ok(&["man", "pages"]);
    let pages = names(&place.path("pages"));
    for page in ["pumice.1", "pumice-set.1", "pumice-compaction-info.1", "pumice-config-show.1"] {
        assert!(pages.iter().any(|name| name == page), "{page} is not in {pages:?}");
    }
}
