//! `pumice user`, and what it changes for HTTP.

use crate::program::{Place, Ran};

fn add(place: &Place, name: &str, password: &str) -> Ran {
    let line = ["--dir", "demo", "user", "add", "--admin", name, "--password-stdin"];
    place.run_with_input(&line, password)
}

#[test]
fn admins_are_added_listed_and_removed_and_their_passwords_are_kept_as_hashes() {
    let place = Place::with_database();
    place.demo_ok(&["user", "ls"]);
    for name in ["ann", "two words"] {
        assert_eq!(add(&place, name, "stone\n").code, 0, "{name}");
    }
    let names = place.demo_ok(&["user", "ls"]);
    assert!(names.contains("ann") && names.contains("two words"), "{names}");
    let line = place.demo_ok(&["get", "/admins/admin{ann}/password"]);
    assert!(line.contains("-pbkdf2:sha256-") && !line.contains("stone"), "{line}");
    place.demo_ok(&["user", "rm", "ann"]);
    assert!(!place.demo_ok(&["user", "ls"]).contains("ann"));
    place.run(&["--dir", "demo", "user", "rm", "ann"]).fails(3, "there is no admin");
}

#[test]
fn names_and_passwords_that_cannot_be_are_refused() {
    let place = Place::with_database();
    for (name, password) in
        [("a:b", "stone"), ("", "stone"), ("_ann", "stone"), ("ann", ""), ("ann", "\n")]
    {
        assert_eq!(add(&place, name, password).code, 2, "{name:?} {password:?}");
    }
}

#[test]
fn a_clear_password_gets_into_the_configuration_by_no_command() {
    let place = Place::with_database();
    let secret = "stone-in-clear";
    let path = "/admins/admin{bob}/password";
    let refused = |ran: Ran| {
        assert_eq!(ran.code, 5, "{}", ran.err);
        assert!(ran.err.contains("pumice user add") && !ran.err.contains(secret), "{}", ran.err);
    };
    refused(place.run(&["--dir", "demo", "set", path, secret]));
    let script = format!("set {path} {secret}\n");
    refused(place.run_with_input(&["--dir", "demo", "tx"], &script));
    let xml =
        format!("<admins><admin><name>bob</name><password>{secret}</password></admin></admins>");
    place.write("admins.xml", &xml);
    let loaded = place.run(&["--dir", "demo", "load", "admins.xml"]);
    assert!(loaded.code == 5 && !loaded.err.contains(secret), "{}", loaded.err);
    assert!(!place.demo_ok(&["user", "ls"]).contains("bob"));
}

#[test]
fn a_clear_password_that_a_program_wrote_is_hashed_when_the_daemon_starts() {
    let place = Place::with_database();
    let cdb = pumice::Cdb::open(place.path("demo")).unwrap();
    let path = "/admins/admin{bob}/password";
    cdb.write(pumice::Datastore::Config, |tx| tx.set_text(path, "stone")).unwrap();
    drop(cdb);
    let mut daemon = place.daemon(&[]);
    let line = place.demo_ok(&["get", path]);
    assert!(line.contains("-pbkdf2:sha256-"), "{line}");
    assert_eq!(daemon.stop(), 0);
}

#[test]
fn the_first_admin_closes_a_daemon_that_runs() {
    let place = Place::with_database();
    let mut daemon = place.daemon(&[]);
    assert!(daemon.get("/_all_dbs").starts_with("HTTP/1.1 200"));
    assert_eq!(add(&place, "ann", "stone").code, 0);
    assert!(daemon.get("/_all_dbs").starts_with("HTTP/1.1 401"));
    assert_eq!(daemon.stop(), 0);
}
