//! What replicators of other kinds write and read: histories, local documents, parts.

use serde_json::{Value, json};

use crate::Place;
use crate::client::{ADMIN, Answer};

fn leaves(place: &Place) -> Value {
    place.done("GET", "/db/d?open_revs=all&revs=true", "")
}

#[test]
fn histories_in_any_order_give_one_branch() {
    for order in [[0, 1, 2], [2, 0, 1], [1, 2, 0]] {
        let place = Place::new();
        place.done("PUT", "/db", "");
        let writes = [
            r#"{"_rev":"1-a","v":1}"#,
            r#"{"_rev":"2-b","v":2}"#,
            r#"{"_revisions":{"start":2,"ids":["b","a"]},"v":2}"#,
        ];
        for index in order {
            place.done("PUT", "/db/d?new_edits=false", writes[index]);
        }
        let one = json!([{"ok": {"_id": "d", "_rev": "2-b", "v": 2, "_revisions": {"start": 2, "ids": ["b", "a"]}}}]);
        assert_eq!(leaves(&place), one, "{order:?}");
        assert_eq!(place.done("GET", "/db/d?rev=1-a", "")["v"], 1, "{order:?}");
    }
}

#[test]
fn a_revision_may_stand_in_the_query_of_a_replicated_write() {
    let place = Place::new();
    place.done("PUT", "/db", "");
    let written = place.done("PUT", "/db/x?new_edits=false&rev=1-7e31d16a", "{}");
    assert_eq!(written["rev"], "1-7e31d16a");
    let parts = "--b\r\nContent-Type: application/json\r\n\r\n{}\r\n--b--";
    let headers = [ADMIN, ("Content-Type", "multipart/related; boundary=b")];
    let put = place.raw("PUT", "/db/y?new_edits=false&rev=2-ab", &headers, parts.as_bytes());
    assert_eq!(put.json()["rev"], "2-ab");
    assert_eq!(place.ask("PUT", "/db/z?new_edits=false", "{}").status, 400);
    assert_eq!(place.ask("PUT", "/db/z?new_edits=false", r#"{"_rev":"0-1"}"#).status, 400);
}

#[test]
fn an_ordinary_write_stands_on_its_history() {
    let place = Place::new();
    place.done("PUT", "/db", "");
    let unknown = r#"{"_revisions":{"start":4,"ids":["d"]}}"#;
    assert_eq!(place.ask("PUT", "/db/d", unknown).status, 409);
    assert_eq!(place.ask("POST", "/db", &unknown.replacen('{', r#"{"_id":"d","#, 1)).status, 409);
    let bulk = format!("{{\"docs\":[{}]}}", unknown.replacen('{', r#"{"_id":"d","#, 1));
    assert_eq!(place.done("POST", "/db/_bulk_docs", &bulk)[0]["error"], "conflict");
    place.done("PUT", "/db/d?new_edits=false", r#"{"_rev":"1-a"}"#);
    let dead = r#"{"_deleted":true,"_revisions":{"start":2,"ids":["b","a"]}}"#;
    place.done("PUT", "/db/d?new_edits=false", dead);
    for ancestor in [r#"{"_rev":"1-a"}"#, r#"{"_revisions":{"start":1,"ids":["a"]}}"#] {
        assert_eq!(place.ask("PUT", "/db/d", ancestor).status, 409, "{ancestor}");
    }
    let leaf = r#"{"_revisions":{"start":2,"ids":["b","a"]}}"#;
    assert!(place.done("PUT", "/db/d", leaf)["rev"].as_str().unwrap().starts_with("3-"));
}

#[test]
fn members_of_a_replicator_are_members_in_every_database() {
    let place = Place::new();
    place.done("PUT", "/db", "");
    let body = r#"{"_replication_state":"completed","_replication_other":1}"#;
    place.done("PUT", "/db/d", body);
    let found = place.done("GET", "/db/d", "");
    assert_eq!(
        (&found["_replication_state"], &found["_replication_other"]),
        (&json!("completed"), &json!(1))
    );
    assert_eq!(place.ask("PUT", "/db/e", r#"{"_replicated":1}"#).status, 400);
    place.done("POST", "/_replicate", r#"{"source":"db","target":"copy","create_target":true}"#);
    assert_eq!(place.done("GET", "/copy/d", ""), found);
}

#[test]
fn a_local_document_takes_what_a_checkpoint_has() {
    let place = Place::new();
    place.done("PUT", "/db", "");
    let first = place.done("PUT", "/db/_local/c", r#"{"_attachments":{"a":{"data":""}},"n":1}"#);
    assert_eq!(first["rev"], "0-1");
    let second = r#"{"_id":"_local/c","_revisions":{"start":0,"ids":["1"]},"n":2}"#;
    assert_eq!(place.done("PUT", "/db/_local/c", second)["rev"], "0-2");
    assert_eq!(place.done("GET", "/db/_local/c", "")["n"], 2);
    let third = r#"{"_id":"_local/c","_rev":"0-2","_revisions":{"start":0,"ids":["2"]},"n":3}"#;
    let bulk = place.done("POST", "/db/_bulk_docs", &format!("{{\"docs\":[{third}]}}"));
    assert_eq!(bulk[0]["rev"], "0-3");
    assert_eq!(place.done("POST", "/db", r#"{"_id":"_local/p","n":4}"#)["rev"], "0-1");
    place.done("PUT", "/db/d", r#"{"n":5}"#);
    let copied = place.raw("COPY", "/db/d", &[ADMIN, ("Destination", "_local/q")], b"");
    assert_eq!(copied.status, 201);
    assert_eq!(place.done("GET", "/db/_local/p", "")["n"], 4);
    assert_eq!(place.done("GET", "/db/_local/q", "")["n"], 5);
    assert_eq!(place.ask("PUT", "/db/_local/none", r#"{"_deleted":true}"#).status, 200);
    assert_eq!(place.ask("PUT", "/db/_local/c", r#"{"_deleted":true}"#).status, 200);
    assert_eq!(place.ask("GET", "/db/_local/c", "").status, 404);
}

fn in_parts(place: &Place, method: &str, target: &str, accept: &str, body: &str) -> Answer {
    let headers = [ADMIN, ("Accept", accept), ("Content-Type", "application/json")];
    place.raw(method, target, &headers, body.as_bytes())
}

#[test]
fn an_inner_boundary_has_nothing_of_the_outer_one() {
    let place = Place::new();
    place.done("PUT", "/db", "");
    place.done(
        "PUT",
        "/db/d?new_edits=false",
        r#"{"_rev":"1-a","_attachments":{"t":{"data":"aGk="}}}"#,
    );
    let bulk = r#"{"docs":[{"id":"d"},{"id":"none","rev":"1-x"}]}"#;
    for answer in [
        in_parts(&place, "GET", "/db/d?open_revs=all", "multipart/mixed", ""),
        in_parts(&place, "POST", "/db/_bulk_get", "multipart/mixed", bulk),
    ] {
        let name = |text: &str| {
            text.split("boundary=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
        };
        let outer = name(answer.header("content-type").unwrap());
        let text = answer.text();
        let inner = name(&text);
        assert!(!inner.starts_with(outer.trim_start_matches('-')), "{outer} {inner}");
        assert!(text.contains("Content-Type: multipart/related"), "{text}");
        assert!(text.contains(r#""revpos":0"#) && text.contains("\r\n\r\nhi\r\n"), "{text}");
        if outer.starts_with("--") {
            let refused = r#"{"id":"none","rev":"1-x","error":"not_found","reason":"missing"}"#;
            assert!(text.contains(refused), "{text}");
        }
    }
}

#[test]
fn a_document_in_parts_says_its_length_and_the_newest_attachment_first() {
    let place = Place::new();
    place.done("PUT", "/db", "");
    let mut rev = place.done("PUT", "/db/d", "{}")["rev"].as_str().unwrap().to_owned();
    for name in ["a.txt", "b.bin"] {
        let kind = if name == "a.txt" { "text/plain" } else { "image/png" };
        let target = format!("/db/d/{name}?rev={rev}");
        let put = place.raw("PUT", &target, &[ADMIN, ("Content-Type", kind)], b"hello");
        rev = put.json()["rev"].as_str().unwrap().to_owned();
    }
    for accept in ["multipart/related", "*/*", "multipart/*"] {
        let found = in_parts(&place, "GET", "/db/d?attachments=true", accept, "");
        let length = found.header("content-length").unwrap();
        assert_eq!(length, found.body.len().to_string(), "{accept}");
        let text = found.text();
        assert!(text.find("\"b.bin\"").unwrap() < text.find("\"a.txt\"").unwrap(), "{text}");
    }
    let target = "/db/d?attachments=true&att_encoding_info=true";
    let found = in_parts(&place, "GET", target, "application/json", "").json();
    let text = &found["_attachments"]["a.txt"];
    assert_eq!((&text["data"], &text["encoding"]), (&json!("aGVsbG8="), &json!("gzip")));
    assert_eq!(text["encoded_length"], 25);
}

/// CouchDB's own test (COUCHDB-1923).
#[test]
fn an_attached_text_has_couchdbs_revision() {
    let place = Place::new();
    place.done("PUT", "/db", "");
    let headers = [ADMIN, ("Content-Type", "text/plain")];
    let put = place.raw("PUT", "/db/gz/foo.txt", &headers, b"This is a base64 encoded text");
    assert!(put.json()["rev"].as_str().unwrap().starts_with("1-5b8d8a61"), "{}", put.text());
}

#[test]
fn a_user_writes_no_local_document_into_the_servers_databases() {
    let place = Place::new();
    place.done("PUT", "/_users", "");
    let joe = r#"{"name":"joe","password":"pw","roles":[],"type":"user"}"#;
    place.done("PUT", "/_users/org.couchdb.user:joe", joe);
    let joe = ("Authorization", "Basic am9lOnB3");
    for to in ["_local/x", "org.couchdb.user:other"] {
        let headers = [joe, ("Destination", to)];
        let copied = place.raw("COPY", "/_users/org.couchdb.user:joe", &headers, b"");
        assert!(matches!(copied.status, 401 | 403 | 404), "{to} {}", copied.status);
    }
    assert_eq!(place.ask("GET", "/_users/_local/x", "").status, 404);
}

#[test]
fn a_local_document_is_copied_to_both_kinds() {
    let place = Place::new();
    place.done("PUT", "/db", "");
    place.done("PUT", "/db/_local/c", r#"{"n":1}"#);
    for to in ["_local/d", "d"] {
        assert_eq!(
            place.raw("COPY", "/db/_local/c", &[ADMIN, ("Destination", to)], b"").status,
            201
        );
        assert_eq!(place.done("GET", &format!("/db/{to}"), "")["n"], 1);
    }
}

#[test]
fn members_of_the_whole_document_are_left_out_of_a_named_revision() {
    let place = Place::new();
    place.done("PUT", "/db", "");
    place.done("PUT", "/db/d?new_edits=false", r#"{"_rev":"1-a"}"#);
    let asks = "conflicts=true&deleted_conflicts=true";
    let etag = |target: &str| {
        let answer = place.ask("GET", target, "");
        answer.header("etag").map(str::to_owned)
    };
    assert_eq!(etag(&format!("/db/d?{asks}")).as_deref(), Some("\"1-a\""));
    place.done("PUT", "/db/d?new_edits=false", r#"{"_rev":"1-b"}"#);
    assert_eq!(etag(&format!("/db/d?{asks}")), None);
    let asks = format!("{asks}&revs_info=true&local_seq=true&meta=true");
    let plain = json!({ "_id": "d", "_rev": "1-b" });
    assert_eq!(place.done("GET", &format!("/db/d?rev=1-b&{asks}"), ""), plain);
    let listed = place.done("GET", &format!("/db/d?open_revs=[%221-b%22]&{asks}"), "");
    assert_eq!(listed, json!([{ "ok": plain }]));
    let bulk = place.done(
        "POST",
        &format!("/db/_bulk_get?{asks}"),
        r#"{"docs":[{"id":"d","rev":"1-b"}]}"#,
    );
    assert_eq!(bulk["results"][0]["docs"][0]["ok"], plain);
    assert_eq!(place.done("GET", &format!("/db/d?{asks}"), "")["_conflicts"], json!(["1-a"]));
}

#[test]
fn an_encoding_that_is_not_kept_is_refused() {
    let place = Place::new();
    place.done("PUT", "/db", "");
    for encoding in ["deflate", "br", "gzip, br"] {
        let headers = [ADMIN, ("Content-Encoding", encoding)];
        assert_eq!(place.raw("PUT", "/db/d/a", &headers, b"hello").status, 415, "{encoding}");
    }
}

#[test]
fn changes_of_one_bulk_are_in_the_order_of_ids() {
    let place = Place::new();
    place.done("PUT", "/db?q=1", "");
    let bulk = r#"{"docs":[{"_id":"c"},{"_id":"a"},{"_id":"b"}]}"#;
    let written = place.done("POST", "/db/_bulk_docs", bulk);
    assert_eq!([&written[0]["id"], &written[1]["id"]], ["c", "a"]);
    let changes = place.done("GET", "/db/_changes", "");
    let ids: Vec<_> = changes["results"].as_array().unwrap().iter().map(|row| &row["id"]).collect();
    assert_eq!(ids, ["a", "b", "c"]);
}
