//! What one request or one client may take of the server, and what is left for others.

use crate::Place;
use crate::client::{ADMIN, JSON, begin, request, send};
use pumice::http::HttpOptions;

fn open_to_everybody(place: &Place, database: &str) {
    place.done("PUT", &format!("/{database}"), "");
    place.done("PUT", &format!("/{database}/_security"), "{}");
}

#[test]
fn rows_of_a_call_are_bounded() {
    let place = Place::new();
    open_to_everybody(&place, "db");
    let docs = |count: usize| format!("{{\"docs\":[{}{{}}]}}", "{},".repeat(count - 1));
    let ask = |target: &str, body: &str| place.as_nobody("POST", target, body);
    let many = ask("/db/_bulk_docs", &docs(10_001));
    assert_eq!(
        (many.status, many.json()["error"].as_str().unwrap()),
        (413, "max_bulk_docs_count_exceeded")
    );
    let many = ask("/db/_bulk_get", &docs(10_001));
    assert_eq!(
        (many.status, many.json()["error"].as_str().unwrap()),
        (413, "max_bulk_get_count_exceeded")
    );
    place.set("couchdb/max_bulk_docs_count", "2");
    assert_eq!(ask("/db/_bulk_docs", &docs(3)).status, 413);
    assert_eq!(ask("/db/_bulk_docs", &docs(2)).status, 201);
    let keys = |name: &str| format!("{{\"{name}\":[{}\"k\"]}}", "\"k\",".repeat(100_000));
    assert_eq!(ask("/db/_all_docs", &keys("keys")).status, 413);
    assert_eq!(ask("/db/_changes?filter=_doc_ids", &keys("doc_ids")).status, 413);
    let queries = format!("{{\"queries\":[{}]}}", keys("keys"));
    assert_eq!(ask("/db/_all_docs/queries", &queries).status, 413);
    let ids: Vec<_> = (0..100_001).map(|n| format!("\"{n}\":[]")).collect();
    for target in ["/db/_revs_diff", "/db/_missing_revs"] {
        assert_eq!(ask(target, &format!("{{{}}}", ids.join(","))).status, 413, "{target}");
    }
    assert_eq!(place.done("GET", "/db", "")["doc_count"], 2);
}

#[test]
fn a_body_of_many_small_values_is_refused_before_it_is_a_tree() {
    let place = Place::new();
    open_to_everybody(&place, "db");
    let small = format!("{{\"x\":[{}{{}}]}}", "{},".repeat(1_000_000));
    for target in ["/db/_all_docs", "/db/_bulk_get", "/db/_revs_diff", "/db/_changes", "/_session"]
    {
        assert_eq!(place.as_nobody("POST", target, &small).status, 413, "{target}");
    }
}

#[test]
fn feeds_of_everybody_leave_connections_for_admins() {
    let place = Place::with(true, HttpOptions { connections_max: 8, ..HttpOptions::default() });
    open_to_everybody(&place, "db");
    let feed = |headers: &[(&str, &str)]| {
        let target = "/db/_changes?feed=continuous&heartbeat=60000&since=now";
        begin(place.address(), &request("GET", target, headers, b"")).unwrap()
    };
    let held: Vec<_> = (0..6).map(|_| feed(&[])).collect();
    assert_eq!(feed(&[]).finish().unwrap().status, 503);
    let target = "/db/_changes?feed=longpoll&since=now";
    assert_eq!(place.as_nobody("GET", target, "").status, 503);
    assert_eq!(place.ask("GET", "/_all_dbs", "").status, 200);
    drop(feed(&[ADMIN]));
    drop(held);
}

#[test]
fn what_feeds_keep_is_bounded_too() {
    let place = Place::new();
    open_to_everybody(&place, "db");
    let ids = format!("{{\"doc_ids\":[\"{}\"]}}", "k".repeat(12 << 20));
    let target = "/db/_changes?feed=continuous&filter=_doc_ids&heartbeat=60000&since=now";
    let bytes = request("POST", target, &[JSON], ids.as_bytes());
    let held: Vec<_> = (0..2).map(|_| begin(place.address(), &bytes).unwrap()).collect();
    assert_eq!(send(place.address(), &bytes).unwrap().status, 503);
    assert_eq!(place.as_nobody("GET", "/db/_changes", "").status, 200);
    drop(held);
}

#[test]
fn a_request_of_http_1_1_names_its_host() {
    let place = Place::new();
    assert_eq!(send(place.address(), b"GET / HTTP/1.1\r\n\r\n").unwrap().status, 400);
    assert_eq!(send(place.address(), b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").unwrap().status, 200);
    assert_eq!(send(place.address(), b"GET / HTTP/1.0\r\n\r\n").unwrap().status, 200);
}

#[test]
fn large_bodies_at_the_same_time_find_room_or_are_refused() {
    let options = HttpOptions { bodies_bytes_max: 1 << 20, ..HttpOptions::default() };
    let place = Place::with(true, options);
    open_to_everybody(&place, "db");
    let body = format!("{{\"docs\":[{}]}}", " ".repeat(2 << 20));
    let full = place.raw("POST", "/db/_bulk_docs", &[JSON], body.as_bytes());
    assert_eq!((full.status, full.header("retry-after")), (503, Some("1")));
    // The room is free again.
    let body = format!("{{\"docs\":[{}]}}", " ".repeat(900_000));
    for _ in 0..3 {
        assert_eq!(place.raw("POST", "/db/_bulk_docs", &[JSON], body.as_bytes()).status, 201);
    }
}

#[test]
fn rules_that_are_not_run_are_warned_of_or_refused_as_it_is_set() {
    let place = Place::new();
    place.done("PUT", "/db", "");
    let rules = |more: &str| {
        format!("{{\"_id\":\"_design/rules\",\"validate_doc_update\":\"function(){{}}\"{more}}}")
    };
    let warning = |answer: &crate::client::Answer| answer.header("warning").map(str::to_owned);
    let put = place.ask("PUT", "/db/_design/rules", &rules(""));
    assert_eq!(put.status, 201);
    assert!(
        warning(&put)
            .unwrap()
            .contains("validate_doc_update is stored and replicated, but not run")
    );
    let rev = put.json()["rev"].as_str().unwrap().to_owned();
    let replicated = rules(",\"_rev\":\"1-abc\"");
    let bulk = format!("{{\"new_edits\":false,\"docs\":[{replicated}]}}");
    assert!(warning(&place.ask("POST", "/db/_bulk_docs", &bulk)).is_some());
    let copied = [ADMIN, ("Destination", "_design/copied")];
    assert!(warning(&place.raw("COPY", "/db/_design/rules", &copied, b"")).is_some());
    assert_eq!(warning(&place.ask("PUT", "/db/_design/others", "{\"views\":{}}")), None);
    place.set("couchdb/validate_doc_update", "refuse");
    let changed = rules(&format!(",\"_rev\":\"{rev}\""));
    assert_eq!(place.ask("PUT", "/db/_design/rules", &changed).status, 403);
    assert!(place.ask("POST", "/db/_bulk_docs", &bulk).text().contains("forbidden"));
    let copied = [ADMIN, ("Destination", "_design/again")];
    assert_eq!(place.raw("COPY", "/db/_design/rules", &copied, b"").status, 403);
    place.done("PUT", "/db/_design/plain", "{\"validate_doc_update\":null}");
}
