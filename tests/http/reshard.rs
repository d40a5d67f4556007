//! `/_reshard`: shards are split while clients go on.

use serde_json::Value;

use super::Place;
use super::client::{begin, request, send};

/// Asks for a split and for the job until it is over.
fn split(place: &Place, body: &str) -> Vec<Value> {
    let started = place.ask("POST", "/_reshard/jobs", body);
    assert_eq!(started.status, 201, "{}", started.text());
    let ids: Vec<_> = started.json().as_array().unwrap().clone();
    let ended = |started: &Value| {
        let target = format!("/_reshard/jobs/{}", started["id"].as_str().unwrap());
        loop {
            let job = place.ask("GET", &target, "").json();
            if job["job_state"] == "completed" || job["job_state"] == "failed" {
                return job;
            }
        }
    };
    ids.iter().map(ended).collect()
}

#[test]
fn a_split_is_seen_in_the_shards_and_in_the_job() {
    let place = Place::new();
    place.ask("PUT", "/db?q=1", "");
    place.ask("PUT", "/db/joan", "{\"v\":1}");
    let jobs = split(&place, r#"{"type":"split","db":"db"}"#);
    assert_eq!(jobs.len(), 1);
    assert_eq!(jobs[0]["job_state"], "completed", "{}", jobs[0]);
    let second = split(&place, r#"{"type":"split","db":"db","range":"80000000-ffffffff"}"#);
    assert_eq!(second[0]["job_state"], "completed", "{}", second[0]);
    let shards = place.ask("GET", "/db/_shards", "").text();
    let node = "[\"pumice@127.0.0.1\"]";
    let expected = format!(
        "{{\"shards\":{{\"00000000-7fffffff\":{node},\"80000000-bfffffff\":{node},\"c0000000-ffffffff\":{node}}}}}\n"
    );
    assert_eq!(shards, expected);
    assert_eq!(place.ask("GET", "/db/_shards/joan", "").json()["range"], "c0000000-ffffffff");
    assert_eq!(place.ask("GET", "/db", "").json()["cluster"]["q"], 3);
    let placed = place.ask("GET", "/_node/_local/_dbs/db", "").json();
    assert_eq!(placed["by_range"].as_object().unwrap().len(), 3);
    let node = "pumice@127.0.0.1";
    let changelog = serde_json::json!([
        ["add", "00000000-ffffffff", node],
        ["split", "00000000-ffffffff", 2, node],
        ["split", "80000000-ffffffff", 2, node],
    ]);
    assert_eq!(placed["changelog"], changelog);
    assert!(placed["_rev"].as_str().unwrap().starts_with("3-"));
    assert_eq!(place.ask("GET", "/db/joan", "").json()["v"], 1);
    let summary = place.ask("GET", "/_reshard", "").json();
    assert_eq!((&summary["completed"], &summary["total"]), (&2.into(), &2.into()));
    let target = format!("/_reshard/jobs/{}", jobs[0]["id"].as_str().unwrap());
    let state = place.ask("GET", &format!("{target}/state"), "").text();
    assert_eq!(state, "{\"state\":\"completed\",\"reason\":null}\n");
    assert_eq!(place.ask("DELETE", &target, "").text(), "{\"ok\":true}\n");
    assert_eq!(place.ask("GET", &target, "").status, 404);
    assert_eq!(place.ask("DELETE", &target, "").status, 404);
}

#[test]
fn a_continuous_feed_goes_on_over_a_split() {
    let place = Place::new();
    place.ask("PUT", "/db?q=1", "");
    let target = "/db/_changes?feed=continuous&heartbeat=60000";
    let admin = ("Authorization", "Basic YWRtaW46cGFzcw==");
    let mut feed = begin(place.address(), &request("GET", target, &[admin], b"")).unwrap();
    let mut ids = Vec::new();
    for round in 0..3 {
        place.ask("PUT", &format!("/db/a{round}"), "{}");
        place.ask("PUT", &format!("/db/b{round}"), "{}");
        for _ in 0..2 {
            let row: Value = serde_json::from_str(&feed.line()).unwrap();
            ids.push(row["id"].as_str().unwrap().to_owned());
        }
        for job in split(&place, r#"{"type":"split","db":"db"}"#) {
            assert_eq!(job["job_state"], "completed", "{job}");
        }
    }
    ids.sort();
    assert_eq!(ids, ["a0", "a1", "a2", "b0", "b1", "b2"]);
}

#[test]
fn jobs_wait_while_splitting_is_stopped() {
    let place = Place::new();
    place.ask("PUT", "/db?q=1", "");
    let stop = r#"{"state":"stopped","state_reason":"night"}"#;
    assert_eq!(place.ask("PUT", "/_reshard/state", stop).text(), "{\"ok\":true}\n");
    let state = place.ask("GET", "/_reshard/state", "").text();
    assert_eq!(state, "{\"state\":\"stopped\",\"reason\":\"night\"}\n");
    let body = r#"{"type":"split","db":"db"}"#;
    let started = place.ask("POST", "/_reshard/jobs", body).json();
    let target = format!("/_reshard/jobs/{}", started[0]["id"].as_str().unwrap());
    assert_eq!(place.ask("GET", &target, "").json()["job_state"], "new");
    let again = place.ask("POST", "/_reshard/jobs", body).json();
    assert!(again[0]["error"].as_str().unwrap().contains("already"), "{again}");
    let target = format!("{target}/state");
    place.ask("PUT", &target, r#"{"state":"stopped"}"#);
    assert_eq!(place.ask("GET", &target, "").json()["state"], "stopped");
    place.ask("PUT", "/_reshard/state", r#"{"state":"running"}"#);
    while place.ask("GET", &target, "").json()["state"] != "completed" {}
    assert_eq!(place.ask("GET", "/db", "").json()["cluster"]["q"], 2);
}

#[test]
fn what_makes_no_sense_is_refused_and_only_admins_ask() {
    let place = Place::new();
    place.ask("PUT", "/db?q=1", "");
    for (body, status) in [
        (r#"{"db":"db"}"#, 400),
        (r#"{"type":"merge","db":"db"}"#, 400),
        (r#"{"type":"split"}"#, 400),
        (r#"{"type":"split","db":7}"#, 400),
        (r#"{"type":"split","db":"db","shard":"shards/00000000-ffffffff/db.1"}"#, 400),
        (r#"{"type":"split","db":"db","node":"other@127.0.0.1"}"#, 400),
        (r#"{"type":"split","db":"db","range":"x"}"#, 400),
        (r#"{"type":"split","shard":"db"}"#, 400),
        (r#"{"type":"split","db":"nosuch"}"#, 400),
        (r#"{"type":"split","db":"db","range":"00000000-7fffffff"}"#, 404),
        (r#"{"type":"split","shard":"shards/00000000-ffffffff/db.1"}"#, 404),
    ] {
        assert_eq!(place.ask("POST", "/_reshard/jobs", body).status, status, "{body}");
    }
    assert_eq!(place.ask("PUT", "/_reshard/state", r#"{"state":"new"}"#).status, 400);
    assert_eq!(place.ask("PUT", "/_reshard/jobs/x/state", r#"{"state":"running"}"#).status, 404);
    for (method, target) in [
        ("GET", "/_reshard"),
        ("PUT", "/_reshard/state"),
        ("GET", "/_reshard/jobs"),
        ("POST", "/_reshard/jobs"),
        ("GET", "/_reshard/jobs/x"),
        ("DELETE", "/_reshard/jobs/x"),
        ("PUT", "/_reshard/jobs/x/state"),
    ] {
        let json = ("Content-Type", "application/json");
        let answer = send(place.address(), &request(method, target, &[json], b"{}")).unwrap();
        assert_eq!(answer.status, 401, "{method} {target}");
    }
    let shard = place.ask("GET", "/_reshard/jobs", "").json();
    assert_eq!(shard["total_rows"], 0);
}
