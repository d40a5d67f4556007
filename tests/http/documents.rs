//! Documents beyond what the recorded samples ask.

use crate::Place;
use crate::client::{ADMIN, JSON};

#[test]
fn long_answers_come_whole_and_in_order() {
    let place = Place::new();
    place.done("PUT", "/db", "");
    for bulk in 0..5 {
        let docs: Vec<_> = (0..1_000)
            .map(|n| {
                format!("{{\"_id\":\"{:06}\",\"text\":\"{}\"}}", bulk * 1_000 + n, "x".repeat(300))
            })
            .collect();
        let written =
            place.done("POST", "/db/_bulk_docs", &format!("{{\"docs\":[{}]}}", docs.join(",")));
        assert_eq!(written.as_array().unwrap().len(), 1_000);
    }
    let rows = place.done("GET", "/db/_all_docs?include_docs=true", "");
    let ids: Vec<_> =
        rows["rows"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 5_000);
    assert!(ids.is_sorted());
    assert_eq!(rows["rows"][4_999]["doc"]["text"].as_str().unwrap().len(), 300);
    let changes = place.done("GET", "/db/_changes?include_docs=true", "");
    assert_eq!(changes["results"].as_array().unwrap().len(), 5_000);
    assert_eq!(changes["pending"], 0);
    let asked: Vec<_> = (0..5_000).map(|n| format!("{{\"id\":\"{n:06}\"}}")).collect();
    let bulk = place.done("POST", "/db/_bulk_get", &format!("{{\"docs\":[{}]}}", asked.join(",")));
    assert_eq!(bulk["results"].as_array().unwrap().len(), 5_000);
    assert_eq!(bulk["results"][4_999]["docs"][0]["ok"]["_id"], "004999");
}

#[test]
fn what_was_written_is_there_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let start = || crate::Server::start(directory.path(), true, Default::default());
    let server = start();
    let ask = |server: &crate::Server, method: &str, target: &str, body: &str| {
        crate::client::ask(server.address, method, target, body)
    };
    ask(&server, "PUT", "/a%2Fb?q=3", "");
    assert_eq!(ask(&server, "PUT", "/a%2Fb/x", "{\"v\":1.0}").status, 201);
    ask(&server, "PUT", "/a%2Fb/_local/here", "{\"v\":2}");
    let seq = ask(&server, "GET", "/a%2Fb", "").json()["update_seq"].as_str().unwrap().to_owned();
    server.stop();
    let server = start();
    assert_eq!(
        ask(&server, "GET", "/a%2Fb/x", "").text(),
        "{\"_id\":\"x\",\"_rev\":\"1-cd4e95fdc2ba3c1a3c0a0e2ab0b7a5d1\",\"v\":1.0}\n".replace(
            "1-cd4e95fdc2ba3c1a3c0a0e2ab0b7a5d1",
            ask(&server, "GET", "/a%2Fb/x", "").json()["_rev"].as_str().unwrap()
        )
    );
    assert_eq!(ask(&server, "GET", "/a%2Fb/_local/here", "").json()["v"], 2);
    ask(&server, "PUT", "/a%2Fb/y", "{}");
    let since = ask(&server, "GET", &format!("/a%2Fb/_changes?since={seq}"), "").json();
    assert_eq!(since["results"].as_array().unwrap().len(), 1);
    assert_eq!(since["results"][0]["id"], "y");
    server.stop();
}

#[test]
fn old_revisions_go_with_a_compaction_and_leaves_stay() {
    let place = Place::new();
    place.done("PUT", "/db", "");
    let first = place.done("PUT", "/db/x", "{\"v\":1}")["rev"].as_str().unwrap().to_owned();
    place.done("PUT", &format!("/db/x?rev={first}"), "{\"v\":2}");
    assert_eq!(place.done("GET", &format!("/db/x?rev={first}"), "")["v"], 1);
    assert_eq!(place.ask("POST", "/db/_compact", "").status, 202);
    while place.ask("GET", &format!("/db/x?rev={first}"), "").status != 404 {}
    assert_eq!(place.done("GET", "/db/x", "")["v"], 2);
}

#[test]
fn a_gzip_body_is_read_and_another_encoding_refused() {
    use std::io::Write as _;
    let place = Place::new();
    place.done("PUT", "/db", "");
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(br#"{"docs":[{"_id":"z"}]}"#).unwrap();
    let bytes = encoder.finish().unwrap();
    let gzip = [ADMIN, JSON, ("Content-Encoding", "gzip")];
    assert_eq!(place.raw("POST", "/db/_bulk_docs", &gzip, &bytes).status, 201);
    assert_eq!(place.ask("GET", "/db/z", "").status, 200);
    assert_eq!(place.raw("POST", "/db/_bulk_docs", &gzip, b"{}").status, 400);
    let brotli = [ADMIN, JSON, ("Content-Encoding", "br")];
    assert_eq!(place.raw("POST", "/db/_bulk_docs", &brotli, &bytes).status, 415);
}

#[test]
fn an_etag_that_is_known_saves_the_body() {
    let place = Place::new();
    place.done("PUT", "/db", "");
    let rev = place.done("PUT", "/db/x", "{}")["rev"].as_str().unwrap().to_owned();
    let known = format!("W/\"other\", \"{rev}\"");
    let answer = place.raw("GET", "/db/x", &[ADMIN, ("If-None-Match", known.as_str())], b"");
    assert_eq!((answer.status, answer.body.len()), (304, 0));
}
