//! Full disks, directories that may not be written, locks.

use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::Arc;

use pumice::clock::SystemClock;
use pumice::journal::Directory;
use pumice::vfs::os::OsVfs;

use crate::program::{Daemon, Place, ran, script_of};

#[test]
fn a_directory_that_somebody_has_is_refused_by_name() {
    let place = Place::with_database();
    let clock = Arc::new(SystemClock::new());
    let held = Directory::open(OsVfs::shared(), clock, &place.path("demo")).unwrap();
    let holder = format!("demo is locked by pid {}", std::process::id());
    for arguments in [&["set", "/a", "1"][..], &["get", "/a"], &["check"]] {
        place.demo(arguments).fails(4, &holder);
    }
    place.run(&["start", "--dir", "demo", "--bind", "127.0.0.1:0"]).fails(4, &holder);
    drop(held);
    place.demo_ok(&["set", "/a", "1"]);
}

#[test]
fn commands_wait_for_each_other_a_little() {
    let place = Place::with_database();
    std::thread::scope(|scope| {
        for writer in 0..2 {
            let place = &place;
            scope.spawn(move || {
                for number in 0..3 {
                    place.demo_ok(&["set", &format!("/w{{{writer}-{number}}}/x"), "1"]);
                    place.demo_ok(&["get", &format!("/w{{{writer}-{number}}}/x")]);
                }
            });
        }
    });
    assert_eq!(place.demo_json_lines(&["log"]).len(), 6);
}

#[test]
fn a_full_disk_is_exit_7_and_loses_nothing() {
    let place = Place::with_database();
    place.demo_ok(&["set", "/kept", "1"]);
    place.write("big", &script_of(4_000));
    // 128 blocks of 1,024 bytes; the transaction needs more.
    let limited = "ulimit -f 128; \"$PUMICE\" --dir demo tx big";
    let full = ran(&place.shell(limited).output().unwrap());
    full.fails(7, "no room");
    assert!(full.err.contains("what was committed is safe"), "{}", full.err);
    place.demo_ok(&["check"]);
    assert_eq!(place.demo_ok(&["get", "/kept"]), "1\n");
    assert_eq!(place.demo(&["exists", "/item"]).code, 1);
    assert_eq!(place.demo_ok(&["tx", "big"]), "tx 2  8,000 nodes\n");
}

#[test]
fn a_daemon_on_a_full_disk_goes_on_reading_and_refuses_what_does_not_fit() {
    let place = Place::with_database();
    place.write("big", &script_of(4_000));
    let limited = "ulimit -f 128; exec \"$PUMICE\" start --dir demo --bind 127.0.0.1:0";
    let mut daemon = Daemon::start(place.shell(limited));
    place.demo_ok(&["set", "/kept", "1"]);
    place.demo(&["tx", "big"]).fails(7, "no room");
    assert_eq!(place.demo_ok(&["get", "/kept"]), "1\n");
    place.demo_ok(&["set", "/small", "1"]);
    assert_eq!(daemon.stop(), 0);
    assert_eq!(place.demo_ok(&["get", "/small"]), "1\n");
}

#[test]
fn a_directory_that_may_only_be_read_is_read() {
    let place = Place::with_database();
    place.demo_ok(&["set", "/a", "1"]);
    let before = place.read("demo/A.cdb");
    // Root may do everything, so the program is run as nobody, who owns the place.
    let is_root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
    let modes = "chmod 0400 demo/*; chmod 0500 demo";
    let prepared = if is_root { format!("chown -R 65534 . && {modes}") } else { modes.to_owned() };
    assert!(place.shell(&prepared).status().unwrap().success());
    let run = |arguments: &[&str]| {
        let mut command = place.command(&[&["--dir", "demo"], arguments].concat());
        if is_root {
            command.uid(65534);
        }
        ran(&command.output().unwrap())
    };
    let get = run(&["get", "/a"]);
    assert_eq!((get.code, get.out.as_str()), (0, "1\n"), "{get:?}");
    assert_eq!(run(&["check"]).code, 0);
    run(&["set", "/a", "2"]).fails(7, "Permission denied");
    assert_eq!(place.read("demo/A.cdb"), before);
    assert!(place.shell("chmod 0700 demo").status().unwrap().success());
}
