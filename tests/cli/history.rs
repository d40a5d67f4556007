//! log, diff, rollback, snapshot.

use serde_json::json;

use crate::program::Place;

fn three_transactions() -> Place {
    let place = Place::with_database();
    place.demo_ok(&["set", "/port", "1", "-m", "first"]);
    place.demo_ok(&["set", "/port", "2", "--user", "bob"]);
    place.demo_ok(&["set", "/host", "lab"]);
    place
}

#[test]
fn the_log_says_who_when_and_why_newest_first() {
    let place = three_transactions();
    let log = place.demo_ok(&["log", "-n", "2"]);
    let lines: Vec<_> = log.lines().collect();
    let columns: Vec<_> = lines[0].split_whitespace().collect();
    assert_eq!(columns, ["tx", "when", "by", "nodes", "bytes", "comment"]);
    assert!(lines[1].starts_with("3   2"), "{log}");
    assert!(lines[2].contains("  bob  "), "{log}");
    assert_eq!(lines[3], "1 older: pumice log -n 3");
    let rows = place.demo_json_lines(&["log"]);
    assert_eq!(rows.len(), 3);
    assert_eq!(
        (&rows[2]["tx"], &rows[2]["user"], &rows[2]["comment"]),
        (&json!(1), &json!("alice"), &json!("first"))
    );
    assert!(rows[2]["when_micros"].as_u64().unwrap() > 1_700_000_000_000_000);
    assert_eq!(place.demo_ok(&["log", "--ds", "oper"]), "no transactions yet\n");
}

#[test]
fn a_diff_shows_what_changed_and_answers_1() {
    let place = three_transactions();
    let last = place.demo(&["diff"]);
    assert_eq!((last.code, last.out.as_str(), last.err.as_str()), (1, "+ host lab\n", ""));
    assert_eq!(place.demo(&["diff", "0"]).out, "+ host lab\n+ port 2\n");
    assert_eq!(place.demo(&["diff", "1", "2"]).out, "- port 1\n+ port 2\n");
    assert_eq!(place.demo_ok(&["diff", "3", "3"]), "");
    let json = place.demo(&["--json", "diff", "1", "2"]).out;
    assert_eq!(
        json,
        "{\"path\":\"/port\",\"operation\":\"modified\",\"old\":\"1\",\"new\":\"2\"}\n"
    );
    place.demo(&["diff", "1", "9"]).fails(3, "transaction 9 does not exist; the last is 3");
    place.demo(&["diff", "--ds", "oper"]).fails(3, "there is no transaction yet");
}

#[test]
fn rolling_back_is_a_new_transaction() {
    let place = three_transactions();
    let dry = place.demo_ok(&["rollback", "1", "--dry-run"]);
    assert_eq!(dry, "- host lab\n- port 2\n+ port 1\nnothing written (--dry-run)\n");
    assert_eq!(place.demo_ok(&["rollback", "1"]), "tx 4  2 nodes\n");
    assert_eq!(place.demo_ok(&["get", "/port"]), "1\n");
    assert_eq!(place.demo_json_lines(&["log"])[0]["comment"], "rollback to 1");
}

#[test]
fn the_log_and_rollback_reach_behind_a_compaction() {
    let place = three_transactions();
    let before = place.demo_ok(&["log"]);
    place.demo_ok(&["compact", "A"]);
    assert_eq!(place.demo_ok(&["log"]), before);
    assert_eq!(place.demo(&["diff", "1", "2"]).out, "- port 1\n+ port 2\n");
    assert_eq!(place.demo_ok(&["rollback", "1"]), "tx 4  2 nodes\n");
    assert_eq!(place.demo_ok(&["get", "/port"]), "1\n");
    place.demo_ok(&["compact", "A"]);
    assert!(place.demo_ok(&["log"]).contains("rollback to 1"));
}

#[test]
fn what_is_not_kept_is_said_to_be_gone() {
    let place = three_transactions();
    let conf = String::from_utf8(place.read("demo/ncs.conf")).unwrap();
    let none = conf.replace("<history-size>35</", "<history-size>0</");
    assert_ne!(none, conf);
    place.write("demo/ncs.conf", &none);
    place.demo_ok(&["compact"]);
    place.demo(&["rollback", "1"]).fails(3, "transaction 1 is no longer in the tail");
    assert_eq!(place.demo_ok(&["log"]), "transactions up to 3 were compacted into one\n");
}

#[test]
fn snapshots_outlive_compactions() {
    let place = three_transactions();
    assert!(place.demo_ok(&["snapshot", "ls"]).starts_with("no snapshots"));
    let taken = place.demo_ok(&["snapshot", "take", "good", "-m", "before the change"]);
    assert!(taken.starts_with("kept / as good   "), "{taken}");
    place.demo_ok(&["del", "/host"]);
    place.demo_ok(&["compact"]);
    assert_eq!(place.demo(&["snapshot", "diff", "good"]).out, "- host lab\n");
    let dry = place.demo_ok(&["snapshot", "restore", "good", "--dry-run"]);
    assert_eq!(dry, "+ host lab\nnothing written (--dry-run)\n");
    place.demo_ok(&["snapshot", "restore", "good"]);
    assert_eq!(place.demo_ok(&["get", "/host"]), "lab\n");
    assert_eq!(place.demo_ok(&["snapshot", "diff", "good"]), "");
    let row = place.demo_json(&["snapshot", "ls"]);
    assert_eq!((&row["name"], &row["path"], &row["tx"]), (&json!("good"), &json!("/"), &json!(3)));
    place.demo(&["snapshot", "take", "good"]).fails(4, "\"good\" exists already");
    place.demo(&["snapshot", "take", "part", "/nothing"]).fails(3, "/nothing does not exist");
    place.demo_ok(&["snapshot", "rm", "good"]);
    place.demo(&["snapshot", "rm", "good"]).fails(3, "there is no snapshot \"good\"");
    place.demo(&["snapshot", "restore", "good"]).fails(3, "there is no snapshot \"good\"");
}

/// Symptom: `log -n 0` said that there are no transactions yet. Cause: what is older was counted from the oldest row. Fix:
/// without rows, from the last transaction.
#[test]
fn a_log_of_no_rows_says_how_many_there_are() {
    let place = Place::with_database();
    assert_eq!(place.demo_ok(&["log", "-n", "0"]), "no transactions yet\n");
    place.demo_ok(&["set", "/a", "1"]);
    place.demo_ok(&["set", "/a", "2"]);
    assert_eq!(place.demo_ok(&["log", "-n", "0"]), "2 older: pumice log -n 2\n");
}
