//! The daemon: requests over its socket, signals, HTTP.

use std::os::unix::net::UnixStream;

use serde_json::Value;

use crate::program::{Daemon, Place, Running, names};

#[test]
fn without_any_configuration_it_makes_its_directory_and_says_what_to_type() {
    let place = Place::new();
    let mut daemon = Daemon::start(place.command(&["start", "--bind", "127.0.0.1:0"]));
    assert_eq!(daemon.running.line(), "next, in another terminal:");
    assert!(daemon.running.line().starts_with("  pumice set "));
    assert!(names(&place.path("pumice-data")).contains(&"pumice.sock".to_owned()));
    place.ok(&["set", "/device{ce0}/address", "10.0.0.1"]);
    assert_eq!(daemon.stop(), 0);
    assert_eq!(place.ok(&["get", "/device{ce0}/address"]), "10.0.0.1\n");
    assert!(!names(&place.path("pumice-data")).contains(&"pumice.sock".to_owned()));
}

#[test]
fn commands_give_the_same_through_the_daemon() {
    let place = Place::with_database();
    let mut daemon = place.daemon(&[]);
    assert_eq!(place.demo_ok(&["set", "/port", "830", "-t", "uint16"]), "tx 1  1 node\n");
    assert_eq!(place.demo_ok(&["get", "/port"]), "830\n");
    place.demo(&["set", "/port", "x"]).fails(5, "\"x\" is not a value of type uint16");
    place.demo(&["get", "/nothing"]).fails(3, "/nothing does not exist");
    place.write("more.json", "{\"list\":[{\"name\":\"a\"},{\"name\":\"b\"}]}");
    assert!(place.demo_ok(&["load", "more.json"]).contains("in tx 2"));
    let piped =
        place.run_with_input(&["--dir", "demo", "load", "-", "-F", "json"], "{\"x\":\"y\"}");
    assert_eq!(piped.code, 0, "{piped:?}");
    assert_eq!(place.demo_ok(&["ls", "/list"]), "list{a}\nlist{b}\n");
    assert!(place.demo_ok(&["save", "-F", "json"]).contains("\"x\": \"y\""));
    assert_eq!(place.demo_json_lines(&["log"]).len(), 3);
    assert_eq!(place.demo(&["diff", "0"]).code, 1);
    place.demo_ok(&["snapshot", "take", "now"]);
    assert_eq!(place.demo_ok(&["rollback", "1"]), "tx 4  3 nodes\n");
    let rows = place.demo_json_lines(&["compact", "--wait"]);
    assert_eq!(rows[0]["transactions"], 4);
    assert_eq!(place.demo_json_lines(&["compaction", "history"]).len(), 2);
    let checked = place.demo_json_lines(&["check"]);
    assert_eq!((&checked[0]["sound"], &checked[0]["tx"]), (&true.into(), &4.into()));
    let pid = format!("locked by pid {}", daemon.pid());
    place.run(&["check", "demo/A.cdb"]).fails(4, &pid);
    assert_eq!(daemon.stop(), 0);
    assert_eq!(place.demo_ok(&["get", "/port"]), "830\n");
    place.demo_ok(&["check"]);
}

#[test]
fn a_compaction_that_is_asked_for_waits_for_quiet() {
    let place = Place::with_database();
    let _daemon = place.daemon(&[]);
    place.demo_ok(&["set", "/port", "1"]);
    let out = place.demo_ok(&["compact", "A"]);
    assert_eq!(out, "A.cdb  asked for; begins after 5s without transactions (--wait: at once)\n");
    let status = place.demo_json_lines(&["compaction", "status"]);
    assert_eq!(
        (&status[0]["standing"], &status[0]["cause"]),
        (&"waiting".into(), &"request".into())
    );
}

#[test]
fn a_second_daemon_is_refused_by_the_first_ones_pid() {
    let place = Place::with_database();
    let first = place.daemon(&[]);
    let second = place.run(&["start", "--dir", "demo", "--bind", "127.0.0.1:0"]);
    second.fails(4, &format!("demo is locked by pid {}", first.pid()));
    place.demo_ok(&["set", "/still", "here"]);
}

#[test]
fn an_address_that_cannot_be_had_is_exit_2() {
    let place = Place::with_database();
    let daemon = place.daemon(&[]);
    let taken = place.run(&["start", "--dir", "other", "--bind", &daemon.address]);
    taken.fails(2, &format!("cannot listen on {}: another program does", daemon.address));
    let open = place.run(&["start", "--dir", "other", "--bind", "0.0.0.0:0"]);
    open.fails(2, "will not listen on 0.0.0.0:0");
}

#[test]
fn watching_shows_transactions_as_they_come() {
    let place = Place::with_database();
    let mut daemon = place.daemon(&[]);
    let mut watch = Running::start(place.command(&["--dir", "demo", "watch", "/device{*}/port"]));
    assert_eq!(watch.line(), "watching /device{*}/port (config)");
    let mut json =
        Running::start(place.command(&["--dir", "demo", "--json", "watch", "--ds", "oper"]));
    let mut quiet = Running::start(place.command(&["--dir", "demo", "watch", "--ds", "oper"]));
    assert_eq!(quiet.line(), "watching / (operational)");
    place.demo_ok(&["set", "/host", "lab"]);
    place.demo_ok(&["set", "/device{ce0}/port", "1", "-m", "a device"]);
    assert_eq!(watch.line(), "tx 2  alice  a device");
    assert_eq!(watch.line(), "  device ce0 {");
    assert_eq!(watch.line(), "+   port 1");
    drop(watch);
    // The other watcher may not be there yet when the first is written; it is when it answers.
    let mut number = 0;
    let line = loop {
        number += 1;
        place.demo_ok(&["set", "/up", &number.to_string(), "--ds", "oper"]);
        assert!(quiet.line().starts_with("tx "));
        assert!(quiet.line().contains("up"));
        if number > 1 {
            quiet.line();
        }
        if number == 3 {
            break json.line();
        }
    };
    let object: Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&object["user"], &object["changes"][0]["path"]), (&"alice".into(), &"/up".into()));
    assert_eq!(daemon.stop(), 0);
    assert_eq!((quiet.line().as_str(), quiet.end()), ("the daemon has ended", 0));
}

#[test]
fn watching_needs_a_daemon() {
    let place = Place::with_database();
    place.demo(&["watch"]).fails(6, "no daemon runs on demo");
}

#[test]
fn a_daemon_that_was_killed_leaves_nothing_in_the_way() {
    let place = Place::with_database();
    let mut daemon = place.daemon(&[]);
    for number in 0..20 {
        place.demo_ok(&["set", &format!("/item{{{number}}}/value"), "1"]);
    }
    daemon.running.child.kill().unwrap();
    daemon.running.end();
    assert!(names(&place.path("demo")).contains(&"pumice.sock".to_owned()));
    // First by the files, then by a daemon that finds the dead one's socket.
    assert_eq!(place.demo_json_lines(&["ls", "/item"]).len(), 20);
    let mut again = place.daemon(&[]);
    assert_eq!(place.demo_json_lines(&["ls", "/item"]).len(), 20);
    place.demo_ok(&["set", "/item{20}/value", "1"]);
    assert_eq!(again.stop(), 0);
    place.demo_ok(&["check"]);
}

#[test]
fn what_was_answered_while_it_ended_is_there_afterwards() {
    let place = Place::with_database();
    let mut daemon = place.daemon(&[]);
    let answered: Vec<String> = std::thread::scope(|scope| {
        let write = |writer: u32| {
            let place = &place;
            move || {
                let paths = (0..15).map(|number| format!("/w{{{writer}-{number}}}/x"));
                paths.filter(|path| place.demo(&["set", path, "1"]).code == 0).collect::<Vec<_>>()
            }
        };
        let writers: Vec<_> = (0..4).map(|writer| scope.spawn(write(writer))).collect();
        place.demo_ok(&["set", "/before", "1"]);
        assert_eq!(daemon.stop(), 0);
        writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect()
    });
    assert!(answered.len() > 10, "{}", answered.len());
    for path in answered {
        assert_eq!(place.demo_ok(&["get", &path]), "1\n");
    }
    place.demo_ok(&["check"]);
}

#[test]
fn a_second_signal_ends_it_at_once_and_the_next_start_recovers() {
    let place = Place::with_database();
    let mut daemon = place.daemon(&[]);
    place.demo_ok(&["set", "/kept", "1"]);
    // A client that has asked for nothing holds nothing up, so the first signal may be enough.
    daemon.running.signal("-INT");
    daemon.running.log_until("ending");
    let again =
        std::process::Command::new("kill").args(["-INT", &daemon.pid().to_string()]).status();
    assert!(again.is_ok());
    assert!([0, 130].contains(&daemon.running.end()));
    assert_eq!(place.demo_ok(&["get", "/kept"]), "1\n");
}

#[test]
fn sighup_reads_the_configuration_again() {
    let place = Place::new();
    let conf = |settings: &str| format!("<ncs-config>\n{settings}\n</ncs-config>\n");
    place.write("my.conf", &conf(""));
    let start = ["start", "--dir", "demo", "--bind", "127.0.0.1:0", "--conf", "my.conf"];
    let mut daemon = Daemon::start(place.command(&start));
    place.write("my.conf", &conf("<compaction><num-transactions>3</num-transactions></compaction>\n<cdb><image-read>cached</image-read></cdb>"));
    daemon.running.signal("-HUP");
    let log = daemon.running.log_until("was read again");
    assert!(
        log.contains("takes effect now") && log.contains("compaction/num-transactions"),
        "{log}"
    );
    assert!(
        log.contains("takes effect at the next start") && log.contains("cdb/image-read"),
        "{log}"
    );
    let info = place.demo_json(&["compaction", "info", "A"]);
    assert_eq!(
        (&info["thresholds"][2]["name"], &info["thresholds"][2]["limit"]),
        (&"num-transactions".into(), &3.into())
    );
    place.write("my.conf", &conf("<compactoin/>"));
    daemon.running.signal("-HUP");
    let log = daemon.running.log_until("the old one stays in force");
    assert!(log.contains("<compactoin>"), "{log}");
    assert_eq!(place.demo_json(&["compaction", "info", "A"])["thresholds"][2]["limit"], 3);
    assert_eq!(daemon.stop(), 0);
}

#[test]
fn http_says_who_it_is_and_how_it_is() {
    let place = Place::with_database();
    let mut daemon = place.daemon(&[]);
    place.demo_ok(&["set", "/a", "1"]);
    let body = |answer: &str| -> Value {
        serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap()
    };
    assert_eq!(body(&daemon.get("/"))["vendor"]["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(body(&daemon.get("/_up"))["status"], "ok");
    let status = body(&daemon.get("/_status.json"));
    assert_eq!(status["pid"], daemon.pid());
    assert_eq!(
        (&status["datastores"][0]["file"], &status["datastores"][0]["tx"]),
        (&"A.cdb".into(), &1.into())
    );
    assert_eq!(status["datastores"][0]["compaction"]["ntrans"], 1);
    let missing = daemon.get("/nothing");
    assert!(missing.starts_with("HTTP/1.1 404"), "{missing}");
    assert_eq!(body(&missing)["error"], "not_found");
    assert_eq!(daemon.stop(), 0);
}

#[test]
fn only_its_own_user_can_reach_the_socket() {
    let place = Place::with_database();
    let _daemon = place.daemon(&[]);
    let mode = place.shell("stat -c %a demo/pumice.sock").output().unwrap().stdout;
    assert_eq!(String::from_utf8_lossy(&mode), "600\n");
}

#[test]
fn what_is_no_request_is_answered_and_the_connection_goes_on() {
    use std::io::{BufRead, BufReader, Write};
    let place = Place::with_database();
    let _daemon = place.daemon(&[]);
    let mut stream = UnixStream::connect(place.path("demo/pumice.sock")).unwrap();
    stream
        .write_all(b"hello\n{\"do\":\"exists\",\"datastore\":\"config\",\"path\":\"/a\"}\n")
        .unwrap();
    let mut lines = BufReader::new(stream).lines();
    assert!(lines.next().unwrap().unwrap().contains("not a request"));
    let reply = "{\"reply\":{\"reply\":\"exists\",\"data\":{\"path\":\"/a\",\"exists\":false}}}";
    assert_eq!(lines.next().unwrap().unwrap(), reply);
}

#[test]
fn writers_at_the_same_time_are_all_served() {
    let place = Place::with_database();
    let mut daemon = place.daemon(&[]);
    std::thread::scope(|scope| {
        for writer in 0..8 {
            let place = &place;
            scope.spawn(move || {
                for number in 0..5 {
                    place.demo_ok(&["set", &format!("/w{{{writer}-{number}}}/x"), "1"]);
                }
            });
        }
    });
    assert_eq!(place.demo_json_lines(&["ls", "/w"]).len(), 40);
    assert_eq!(place.demo_json_lines(&["log", "-n", "100"]).len(), 40);
    assert_eq!(daemon.stop(), 0);
    place.demo_ok(&["check"]);
}

/// A client of the socket that reads only when told.
fn client(place: &Place, request: &str) -> UnixStream {
    use std::io::Write;
    let mut stream = UnixStream::connect(place.path("demo/pumice.sock")).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    stream
}

/// Symptom: SIGTERM did not end a daemon while a client did not read what it had asked for. Cause: whoever waits to write
/// did not hear of the end. Fix: it does, and the client has two seconds.
#[test]
fn a_client_that_does_not_read_does_not_keep_the_daemon_from_ending() {
    use std::io::Read;
    let place = Place::with_database();
    let mut daemon = place.daemon(&[]);
    place.write("big.json", &format!("{{\"big\":\"{}\"}}", "x".repeat(8 << 20)));
    place.demo_ok(&["load", "big.json"]);
    let request = "{\"do\":\"get\",\"datastore\":\"config\",\"path\":\"/big\"}\n";
    let mut deaf = client(&place, request);
    // Its answer has begun: more than fits between the two.
    deaf.read_exact(&mut [0]).unwrap();
    assert_eq!(daemon.stop(), 0);
}

/// Symptom: with 256 watchers no other request was answered. Cause: each keeps one of 256 threads. Fix: half of them may.
#[test]
fn watchers_leave_threads_for_other_requests() {
    use std::io::{BufRead, BufReader};
    let place = Place::with_database();
    let mut daemon = place.daemon(&[]);
    let request = "{\"do\":\"watch\",\"datastore\":\"operational\",\"path\":\"/\"}\n";
    let mut watchers: Vec<_> = (0..300).map(|_| BufReader::new(client(&place, request))).collect();
    let first = watchers.iter_mut().map(|watcher| {
        let mut line = String::new();
        watcher.read_line(&mut line).unwrap();
        line
    });
    let (watching, refused): (Vec<_>, Vec<_>) =
        first.partition(|line| line.contains("watching\"}"));
    assert_eq!((watching.len(), refused.len()), (128, 172));
    assert!(refused.iter().all(|line| line.contains("128 are watching already")), "{}", refused[0]);
    place.demo_ok(&["set", "/a", "1"]);
    drop(watchers);
    assert_eq!(daemon.stop(), 0);
}

/// Symptom: the connection was closed without a word. Fix: it says why.
#[test]
fn what_is_no_text_is_answered() {
    use std::io::{BufRead, BufReader, Write};
    let place = Place::with_database();
    let _daemon = place.daemon(&[]);
    let mut stream = client(&place, "");
    stream.write_all(b"\xff\xfe\n").unwrap();
    let mut lines = BufReader::new(stream).lines();
    assert!(lines.next().unwrap().unwrap().contains("not a request"));
    assert!(lines.next().is_none());
}
