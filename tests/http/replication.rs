//! Replication between two servers, and between databases of one.

use serde_json::{Value, json};

use crate::client::ADMIN;
use crate::{Place, Server};

pub fn until(what: &str, mut check: impl FnMut() -> bool) {
    // Each look is a request; there is no other waiting.
    for _ in 0..20_000 {
        if check() {
            return;
        }
    }
    panic!("it did not happen: {what}");
}

impl Place {
    fn url(&self, name: &str) -> String {
        format!("http://admin:pass@{}/{name}", self.address())
    }

    fn fill(&self, name: &str, count: usize) {
        let docs: Vec<_> =
            (0..count).map(|n| format!("{{\"_id\":\"{n:05}\",\"v\":{n}.0}}")).collect();
        self.done(
            "POST",
            &format!("/{name}/_bulk_docs"),
            &format!("{{\"docs\":[{}]}}", docs.join(",")),
        );
    }

    fn rows(&self, name: &str) -> Value {
        self.done("GET", &format!("/{name}/_all_docs?include_docs=true&conflicts=true"), "")["rows"]
            .clone()
    }
}

#[test]
fn a_push_and_a_pull_bring_everything_and_the_next_nothing() {
    let (here, there) = (Place::new(), Place::new());
    here.done("PUT", "/db?q=2", "");
    here.fill("db", 1_300);
    let rev = here.done("GET", "/db/00007", "")["_rev"].as_str().unwrap().to_owned();
    here.done("DELETE", &format!("/db/00007?rev={rev}"), "");
    here.done(
        "PUT",
        "/db/00008?new_edits=false",
        r#"{"_rev":"1-ffffffffffffffffffffffffffffffff"}"#,
    );
    here.done("PUT", "/db/_design/d", r#"{"views":{}}"#);
    let content = vec![9; 2 << 20];
    assert_eq!(here.raw("PUT", "/db/att/a%20b.bin", &[ADMIN], &content).status, 201);
    let push =
        json!({"source": "db", "target": there.url("db"), "create_target": true}).to_string();
    let pushed = here.done("POST", "/_replicate", &push);
    assert_eq!(
        (&pushed["ok"], &pushed["history"][0]["doc_write_failures"]),
        (&json!(true), &json!(0))
    );
    assert_eq!(pushed["history"][0]["docs_written"], 1_303);
    assert_eq!(there.rows("db"), here.rows("db"));
    assert!(there.raw("GET", "/db/att/a%20b.bin", &[ADMIN], b"").body == content);
    let info = there.done("GET", "/db", "");
    assert_eq!((&info["doc_count"], &info["doc_del_count"]), (&json!(1_301), &json!(1)));
    assert_eq!(here.done("POST", "/_replicate", &push)["no_changes"], true);

    there.done("PUT", "/db/new", "{}");
    let pull = json!({"source": there.url("db"), "target": "db"}).to_string();
    let pulled = here.done("POST", "/_replicate", &pull);
    assert_eq!(pulled["history"][0]["docs_written"], 1);
    assert_eq!(there.rows("db"), here.rows("db"));
}

#[test]
fn a_filter_lets_only_some_through() {
    let place = Place::new();
    place.done("PUT", "/db", "");
    place.fill("db", 50);
    for (filter, count) in [
        (json!({"doc_ids": ["00001", "00002", "none"]}), 2),
        (json!({"selector": {"v": {"$gte": 40}}}), 10),
    ] {
        let mut wanted =
            json!({"source": "db", "target": format!("of{count}"), "create_target": true});
        wanted.as_object_mut().unwrap().extend(filter.as_object().unwrap().clone());
        place.done("POST", "/_replicate", &wanted.to_string());
        assert_eq!(place.done("GET", &format!("/of{count}"), "")["doc_count"], count);
    }
}

#[test]
fn a_continuous_replication_follows_and_can_be_cancelled() {
    let place = Place::new();
    place.done("PUT", "/db", "");
    place.done("PUT", "/copy", "");
    let wanted = json!({"source": "db", "target": place.url("copy"), "continuous": true});
    let id = place.done("POST", "/_replicate", &wanted.to_string())["_local_id"].clone();
    place.fill("db", 20);
    until("the first documents come", || place.done("GET", "/copy", "")["doc_count"] == 20);
    place.done("PUT", "/db/late", "{}");
    until("a later one comes", || place.ask("GET", "/copy/late", "").status == 200);
    assert_eq!(place.done("GET", "/_scheduler/jobs", "")["jobs"][0]["id"], id);
    let cancel = json!({"replication_id": id, "cancel": true}).to_string();
    place.done("POST", "/_replicate", &cancel);
    assert_eq!(place.done("GET", "/_scheduler/jobs", "")["total_rows"], 0);
    assert_eq!(place.ask("POST", "/_replicate", &cancel).status, 404);
}

#[test]
fn a_document_of_replicator_is_done_and_told() {
    let place = Place::new();
    place.done("PUT", "/db", "");
    place.fill("db", 10);
    let wanted = json!({"source": "db", "target": "copy", "create_target": true}).to_string();
    place.done("PUT", "/_replicator/once", &wanted);
    let state = |id: &str| {
        place.done("GET", &format!("/_replicator/{id}"), "")["_replication_state"].clone()
    };
    until("it is told", || state("once") == "completed");
    assert_eq!(place.done("GET", "/copy", "")["doc_count"], 10);
    let docs = place.done("GET", "/_scheduler/docs", "");
    assert_eq!(
        (&docs["docs"][0]["doc_id"], &docs["docs"][0]["state"]),
        (&json!("once"), &json!("completed"))
    );
    let wrong = json!({"source": "nowhere", "target": "copy"}).to_string();
    place.done("PUT", "/_replicator/wrong", &wrong);
    until("its failure is told", || state("wrong") == "failed");
    documents_are_asked_by_state_and_page_by_page(&place);
}

fn documents_are_asked_by_state_and_page_by_page(place: &Place) {
    let asked = |query: &str| place.done("GET", &format!("/_scheduler/docs?{query}"), "");
    let names = |answer: &Value| -> Vec<String> {
        let rows = answer["docs"].as_array().unwrap();
        rows.iter().map(|row| row["doc_id"].as_str().unwrap().to_owned()).collect()
    };
    let all = asked("");
    assert_eq!((&all["total_rows"], names(&all).len()), (&json!(2), 2));
    assert_eq!(names(&asked("states=completed")), ["once"]);
    assert_eq!(names(&asked("states=failed,crashing")), ["wrong"]);
    let page = asked("limit=1&skip=1");
    assert_eq!((&page["total_rows"], &page["offset"]), (&json!(2), &json!(1)));
    assert_eq!(names(&page), names(&all)[1..]);
    let behind = asked("skip=9");
    assert_eq!((&behind["offset"], names(&behind).len()), (&json!(2), 0));
    for (query, reason) in [
        ("limit=x", "limit must be an integer"),
        ("skip=-1", "skip not in range of [0,infinity]"),
        ("states=completed,lost", "Unknown state lost"),
    ] {
        let refused = place.ask("GET", &format!("/_scheduler/docs?{query}"), "");
        assert_eq!(refused.status, 400, "{query}");
        assert_eq!(refused.json()["reason"], reason);
    }
}

#[test]
fn a_continuous_document_goes_on_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let start = || Server::start(directory.path(), true, Default::default());
    let ask = |server: &Server, method: &str, target: &str, body: &str| {
        crate::client::ask(server.address, method, target, body)
    };
    let server = start();
    ask(&server, "PUT", "/db", "");
    ask(&server, "PUT", "/db/one", "{}");
    let wanted =
        json!({"source": "db", "target": "copy", "create_target": true, "continuous": true});
    ask(&server, "PUT", "/_replicator/live", &wanted.to_string());
    until("it runs", || ask(&server, "GET", "/copy/one", "").status == 200);
    server.stop();
    let server = start();
    ask(&server, "PUT", "/db/two", "{}");
    until("it goes on", || ask(&server, "GET", "/copy/two", "").status == 200);
    server.stop();
}

#[test]
fn a_source_that_is_not_there_is_said_without_its_password() {
    let place = Place::new();
    place.done("PUT", "/db", "");
    let url = place.url("nowhere");
    let answer =
        place.ask("POST", "/_replicate", &json!({"source": url, "target": "db"}).to_string());
    assert_eq!((answer.status, &answer.json()["error"]), (500, &json!("db_not_found")));
    assert!(!answer.text().contains("pass@"), "{}", answer.text());
}

#[test]
fn a_replication_whose_client_left_is_listed_until_it_is_done() {
    use std::io::{Read as _, Write as _};
    let place = Place::new();
    let source = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/db", source.local_addr().unwrap());
    let wanted = json!({"source": url, "target": "copy", "create_target": true}).to_string();
    let headers = [ADMIN, ("Content-Type", "application/json")];
    let mut client = std::net::TcpStream::connect(place.address()).unwrap();
    let asking = crate::request("POST", "/_replicate", &headers, wanted.as_bytes());
    client.write_all(&asking).unwrap();
    // The source is asked, and answers only later.
    let (mut asked, _) = source.accept().unwrap();
    let listed = || place.done("GET", "/_scheduler/jobs", "")["total_rows"].clone();
    assert_eq!(listed(), 1);
    drop(client);
    for _ in 0..50 {
        assert_eq!(listed(), 1);
    }
    assert!(asked.read(&mut [0; 1_024]).unwrap() > 0);
    asked.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\n{}").unwrap();
    until("it is listed no more", || listed() == 0);
}

#[test]
fn a_continuous_replication_tells_where_it_is() {
    let place = Place::new();
    place.done("PUT", "/db", "");
    place.fill("db", 20);
    let wanted =
        json!({"source": "db", "target": "copy", "create_target": true, "continuous": true});
    place.done("POST", "/_replicate", &wanted.to_string());
    let job = || place.done("GET", "/_scheduler/jobs", "")["jobs"][0]["info"].clone();
    until("it has checkpointed", || !job()["checkpointed_source_seq"].is_null());
    let task = place.done("GET", "/_active_tasks", "")[0].clone();
    for info in [job(), task.clone()] {
        for number in
            ["changes_pending", "revisions_checked", "missing_revisions_found", "docs_written"]
        {
            assert!(info[number].is_u64(), "{number} {info}");
        }
        for seq in ["source_seq", "through_seq", "checkpointed_source_seq"] {
            assert!(info[seq].as_str().unwrap().starts_with("20-"), "{seq} {info}");
        }
    }
    assert!(task["checkpoint_interval"].is_u64() && task["type"] == "replication");
}

#[test]
fn counts_go_on_over_sessions_and_stand_at_the_top_with_ids() {
    let place = Place::new();
    place.done("PUT", "/db", "");
    let wanted = json!({"source": "db", "target": "copy", "create_target": true}).to_string();
    for count in 1..4 {
        place.done("PUT", &format!("/db/{count}"), "{}");
        let answer = place.done("POST", "/_replicate", &wanted);
        assert_eq!(answer["history"][0]["docs_written"], count);
        assert!(answer["docs_written"].is_null());
    }
    let by_ids =
        json!({"source": "db", "target": "ids", "create_target": true, "doc_ids": ["1", "2"]});
    let answer = place.done("POST", "/_replicate", &by_ids.to_string());
    for member in ["start_time", "end_time"] {
        assert_eq!(answer[member], answer["history"][0][member], "{member}");
    }
    let counts =
        ["docs_read", "docs_written", "doc_write_failures"].map(|name| answer[name].clone());
    assert_eq!(counts, [json!(2), json!(2), json!(0)]);
}

#[test]
fn a_replication_once_can_be_cancelled_too() {
    let place = Place::new();
    let source = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/db", source.local_addr().unwrap());
    let wanted = json!({"source": url, "target": "copy", "create_target": true});
    let address = place.address();
    let body = wanted.to_string();
    let waiting =
        std::thread::spawn(move || crate::client::ask(address, "POST", "/_replicate", &body));
    let _asked = source.accept().unwrap();
    let mut cancel = wanted;
    cancel["cancel"] = json!(true);
    place.done("POST", "/_replicate", &cancel.to_string());
    assert_eq!(waiting.join().unwrap().status, 500);
    assert_eq!(place.done("GET", "/_scheduler/jobs", "")["total_rows"], 0);
}

#[test]
fn a_replication_takes_one_kind_of_filter() {
    let place = Place::new();
    place.done("PUT", "/db", "");
    for (one, other) in [("doc_ids", "selector"), ("doc_ids", "filter"), ("selector", "filter")] {
        let value = |name| match name {
            "doc_ids" => json!(["a"]),
            "selector" => json!({}),
            _ => json!("d/f"),
        };
        let body = json!({"source": "db", "target": "db2", one: value(one), other: value(other)});
        let refused = place.ask("POST", "/_replicate", &body.to_string());
        assert_eq!(refused.status, 400, "{one} {other}");
        assert!(refused.text().contains("mutually exclusive"), "{}", refused.text());
    }
}
