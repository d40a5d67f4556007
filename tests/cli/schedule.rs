//! schedule, backup, and what is configured in the database.

use std::time::{Duration, SystemTime};

use pumice::scheduler::utc_text;
use serde_json::Value;

use crate::program::{Place, Running};

#[test]
fn a_task_is_added_listed_run_and_removed_without_a_daemon() {
    let place = Place::with_database();
    let zone = ["--time-zone", "Europe/Berlin"];
    let add = ["schedule", "add", "nightly", "0 2 * * *", "compact", "if-transactions-over=5"];
    let out = place.demo_ok(&[&add[..], &zone].concat());
    assert!(out.starts_with("tx 1  5 nodes\nnightly runs next at "), "{out}");
    assert!(
        out.ends_with("no daemon runs: tasks run by themselves while one does (pumice start)\n")
    );
    let list = place.demo_json(&["schedule", "ls"]);
    let task = &list["tasks"][0];
    assert_eq!((&task["name"], &task["action"]), (&"nightly".into(), &"compact".into()));
    assert_eq!(task["schedule"], "0 2 * * * (Europe/Berlin)");
    assert_eq!(task["params"]["if-transactions-over"], "5");
    assert!(task["next"].as_str().unwrap().contains("T02:00:00+0"), "{task}");
    let next = place.demo_json_lines(&["schedule", "next", "nightly", "-n", "3"]);
    assert_eq!(next.len(), 3);
    assert!(next.iter().all(|row| row["local"].as_str().unwrap().contains("T02:00:00+0")));
    let ran = place.demo_json(&["schedule", "run", "nightly"]);
    assert_eq!((&ran["succeeded"], &ran["trigger"]), (&true.into(), &"request".into()));
    let history = place.demo_json_lines(&["schedule", "history", "nightly"]);
    assert_eq!((history.len(), &history[0]), (1, &ran));
    assert_eq!(place.demo_json(&["schedule", "purge", "--succeeded", "false"])["runs"], 0);
    assert_eq!(place.demo_json(&["schedule", "purge", "nightly", "--older-than", "0s"])["runs"], 1);
    place.demo_ok(&["schedule", "rm", "nightly"]);
    assert_eq!(place.demo_ok(&["schedule", "ls"]), "no tasks (pumice schedule add --help)\n");
    place.demo(&["schedule", "rm", "nightly"]).fails(3, "there is no task nightly");
    assert_eq!(place.demo(&["exists", "--ds", "oper", "/scheduler"]).code, 1);
}

#[test]
fn a_mistake_is_pointed_at_its_field_with_exit_5() {
    let place = Place::with_database();
    let ran = place.demo(&["schedule", "add", "t", "0 25 * * *", "compact"]);
    ran.fails(5, "/scheduler/task{t}/schedule: hour 25 is over 23 (second field)");
    let ran = place.demo(&["--json", "schedule", "add", "t", "0 2 * * *", "compress"]);
    let object: Value = serde_json::from_str(&ran.err).unwrap();
    assert_eq!((ran.code, &object["path"]), (5, &"/scheduler/task{t}/action-name".into()));
    for (arguments, code, words) in [
        (&["t", "2020-01-01T00:00:00Z", "check"][..], 5, "2020-01-01T00:00:00Z has passed"),
        (&["t", "0 2 * * *", "compact", "datastore"], 2, "expected NAME=VALUE"),
        (&["t", "0 2 * * *", "compact", "datastore=x"], 5, "params/datastore: \"x\" is not config"),
        (&["t", "0 2 * * *", "compact-database"], 5, "the parameter database is missing"),
        (&["t", "@hourly", "check", "--time-zone", "Berlin"], 5, "did you mean Europe/Berlin?"),
    ] {
        place.demo(&[&["schedule", "add"], arguments].concat()).fails(code, words);
    }
    // Whatever way it comes.
    place.demo(&["set", "/scheduler/task{t}/schedule", "* * * *"]).fails(5, "4 fields where five");
    let script =
        "set /scheduler/task{t}/schedule \"0 2 * * 8\"\nset /scheduler/task{t}/action-name check\n";
    let ran = place.run_with_input(&["--dir", "demo", "tx"], script);
    ran.fails(5, "day of week 8 is over 7 (fifth field)");
    place.write(
        "task.xml",
        "<scheduler><task><name>t</name><schedule>0 2 * * *</schedule></task></scheduler>",
    );
    place.demo(&["load", "task.xml"]).fails(5, "/scheduler/task{t}/action-name: it is missing");
    assert_eq!(place.demo(&["exists", "/scheduler"]).code, 1);
}

#[test]
fn suspending_and_disabling_are_seen_and_undone() {
    let place = Place::with_database();
    place.demo_ok(&["schedule", "add", "t", "@daily", "check"]);
    place.demo_ok(&["schedule", "disable", "t"]);
    let list =
        |place: &Place| place.demo_ok(&["schedule", "ls"]).lines().nth(1).unwrap().to_owned();
    assert!(list(&place).contains("  disabled  "), "{}", list(&place));
    place.demo_ok(&["schedule", "enable", "t"]);
    place.demo_ok(&["schedule", "suspend", "-m", "works on the power"]);
    assert!(list(&place).contains("  suspended  "), "{}", list(&place));
    assert_eq!(place.demo_ok(&["get", "/scheduler/suspended"]), "true\n");
    place.demo_ok(&["schedule", "resume"]);
    assert!(place.demo_json(&["schedule", "ls"])["tasks"][0]["next"].is_string());
}

#[test]
fn values_in_the_database_are_shown_with_their_origin() {
    let place = Place::with_database();
    place.demo_ok(&["schedule", "add", "t", "@daily", "check", "datastore=config"]);
    let rows = place.demo_json_lines(&["config", "show", "--origin"]);
    let origin = |setting: &str| {
        let row = rows.iter().find(|row| row["setting"] == setting).unwrap();
        (row["values"][0].as_str().unwrap(), row["origin"].as_str().unwrap())
    };
    assert_eq!(origin("/scheduler/suspended"), ("false", "default"));
    assert_eq!(origin("/scheduler/task{t}/schedule"), ("@daily", "A.cdb"));
    assert_eq!(origin("/scheduler/task{t}/params/datastore"), ("config", "A.cdb"));
    assert_eq!(origin("/scheduler/task{t}/missed-runs"), ("once", "default"));
}

#[test]
fn a_backup_of_a_directory_and_of_a_daemon_is_a_database() {
    let place = Place::with_database();
    place.demo_ok(&["set", "/a", "1"]);
    let rows = place.demo_json_lines(&["backup", "one"]);
    assert_eq!((rows.len(), &rows[0]["tx"]), (3, &1.into()));
    let mut daemon = place.daemon(&[]);
    place.demo_ok(&["set", "/a", "2"]);
    place.demo_ok(&["backup", "deep/two"]);
    place.demo(&["backup", "deep/two"]).fails(4, "there is a database in");
    assert_eq!(daemon.stop(), 0);
    assert_eq!(place.ok(&["--dir", "one", "get", "/a"]), "1\n");
    assert_eq!(place.ok(&["--dir", "deep/two", "get", "/a"]), "2\n");
    assert!(place.ok(&["--dir", "deep/two", "check"]).contains("A.cdb  sound"));
}

/// A time that is soon, in UTC.
#[allow(clippy::disallowed_methods, reason = "the daemon goes by the system's clock")]
fn soon() -> String {
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap() + Duration::from_secs(2);
    utc_text(u64::try_from(now.as_micros()).unwrap())
}

#[test]
fn a_real_daemon_runs_a_task_at_its_time_and_takes_it_away() {
    let place = Place::with_database();
    for number in 0..7 {
        place.demo_ok(&["set", "/counter", &number.to_string()]);
    }
    let mut daemon = place.daemon(&[]);
    let mut watch =
        Running::start(place.command(&["--dir", "demo", "watch", "--ds", "oper", "/scheduler"]));
    assert!(watch.line().starts_with("watching"));
    let at = soon();
    place.demo_ok(&[
        "schedule",
        "add",
        "once",
        &at,
        "compact",
        "datastore=config",
        "if-transactions-over=5",
    ]);
    for words in ["once begins", "once has run"] {
        while !watch.line().contains(words) {}
    }
    let history = place.demo_json_lines(&["schedule", "history", "once"]);
    assert_eq!(
        (&history[0]["when"], &history[0]["trigger"]),
        (&at.as_str().into(), &"schedule".into())
    );
    assert!(history[0]["info"].as_str().unwrap().starts_with("A.cdb "), "{}", history[0]);
    let compactions = place.demo_json_lines(&["compaction", "history"]);
    assert_eq!(
        (&compactions[0]["file"], &compactions[0]["cause"]),
        (&"A.cdb".into(), &"schedule".into())
    );
    place.demo(&["get", "/scheduler/task{once}/time"]).fails(3, "does not exist");
    assert_eq!(daemon.stop(), 0);
}

#[test]
fn only_what_has_grown_is_compacted_from_a_crontab() {
    let place = Place::with_database();
    for number in 0..6 {
        place.demo_ok(&["set", "/counter", &number.to_string()]);
    }
    let rows = place.demo_json_lines(&["compact", "--wait", "--if-transactions-over", "5"]);
    let left = |row: &Value| row["nothing_to_do"] == true;
    assert_eq!(rows.iter().map(left).collect::<Vec<_>>(), [false, true, true]);
    place.demo_ok(&["set", "/counter", "0"]);
    let out = place.demo_ok(&["compact", "A", "--if-transactions-over", "5"]);
    assert_eq!(out, "A.cdb  left alone: 1 tx\n");
    let mut daemon = place.daemon(&[]);
    assert_eq!(
        place.demo_ok(&["compact", "A", "--if-transactions-over", "5"]),
        "A.cdb  left alone: 1 tx\n"
    );
    assert_eq!(daemon.stop(), 0);
}

#[test]
fn a_document_database_and_one_shard_of_it_are_compacted_by_tasks() {
    let place = Place::with_database();
    place.demo_ok(&["schedule", "add", "all", "@daily", "compact-database", "database=stones"]);
    place.demo_ok(&[
        "schedule",
        "add",
        "one",
        "@daily",
        "compact-database",
        "database=stones",
        "shard=0",
    ]);
    place.demo_ok(&[
        "schedule",
        "add",
        "none",
        "@daily",
        "compact-database",
        "database=stones",
        "shard=99",
    ]);
    let run = |task: &str| {
        let ran = place.demo(&["--json", "schedule", "run", task]);
        let row: Value = serde_json::from_str(&ran.out).unwrap();
        (ran.code, row["info"].as_str().unwrap().to_owned())
    };
    assert_eq!(run("all"), (1, "document databases are open while a daemon runs".to_owned()));
    let mut daemon = place.daemon(&[]);
    assert_eq!(run("all").0, 1);
    assert!(daemon.request("PUT", "/stones?q=3", "").starts_with("HTTP/1.1 201"));
    assert_eq!(run("all"), (0, "stones: 3 shards compacted".to_owned()));
    assert_eq!(run("one"), (0, "stones: shard 0 compacted".to_owned()));
    assert_eq!(run("none"), (1, "stones has 3 shards, counted from 0".to_owned()));
    assert_eq!(daemon.stop(), 0);
}

#[test]
fn without_a_zone_the_clocks_are_the_servers() {
    let place = Place::with_database();
    place.demo_ok(&["schedule", "add", "t", "0 2 1 1,7 *", "check"]);
    let mut next = place.command(&["--dir", "demo", "schedule", "next", "t", "-n", "2"]);
    // New York, without need of a zone database.
    let next = crate::program::ran(&next.env("TZ", "EST5EDT,M3.2.0,M11.1.0").output().unwrap());
    let mut offsets: Vec<_> = next.out.lines().map(|line| &line[line.len() - 15..]).collect();
    offsets.sort_unstable();
    assert_eq!(offsets, ["T02:00:00-04:00", "T02:00:00-05:00"]);
}
