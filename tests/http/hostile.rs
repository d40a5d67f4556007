//! Bytes that no good client sends, and clients that are slow.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::Place;
use crate::client::{ADMIN, JSON, send};
use crate::server::Server;
use pumice::http::HttpOptions;
use pumice::vfs::{Vfs as _, os::OsVfs};

const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn too_much_is_refused_before_it_is_kept() {
    let options = HttpOptions { body_bytes_max: 100_000, ..HttpOptions::default() };
    let place = Place::with(true, options);
    place.done("PUT", "/db", "");
    let long = format!("GET /db/{} HTTP/1.1\r\nHost: x\r\n\r\n", "k".repeat(9_000));
    assert_eq!(send(place.address(), long.as_bytes()).unwrap().status, 414);
    let wide = format!("GET / HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "k".repeat(70_000));
    assert_eq!(send(place.address(), wide.as_bytes()).unwrap().status, 431);
    let many = format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "X: y\r\n".repeat(200));
    assert_eq!(send(place.address(), many.as_bytes()).unwrap().status, 431);
    let body = format!("{{\"docs\":[{}]}}", " ".repeat(100_000));
    assert_eq!(place.raw("POST", "/db/_bulk_docs", &[ADMIN, JSON], body.as_bytes()).status, 413);
    // In chunks that never say how long they are.
    let mut chunked = format!(
        "POST /db/_bulk_docs HTTP/1.1\r\nHost: x\r\n{}: {}\r\nContent-Type: application/json\r\n\
         Transfer-Encoding: chunked\r\n\r\n",
        ADMIN.0, ADMIN.1
    );
    for _ in 0..20 {
        chunked.push_str(&format!("2000\r\n{}\r\n", " ".repeat(0x2000)));
    }
    assert_eq!(send(place.address(), chunked.as_bytes()).unwrap().status, 413);
    // Small on the wire, large behind it.
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(&vec![b' '; 10 << 20]).unwrap();
    let bomb = encoder.finish().unwrap();
    let headers = [ADMIN, JSON, ("Content-Encoding", "gzip")];
    assert_eq!(place.raw("POST", "/db/_bulk_docs", &headers, &bomb).status, 413);
}

#[test]
fn requests_whose_end_two_servers_could_see_in_different_places_are_refused() {
    let place = Place::new();
    for head in [
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3, 4\r\n\r\nabcd",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +3\r\n\r\nabc",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\nabc",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0x3\r\n\r\nabc",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\nabc",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length : 3\r\n\r\nabc",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: identity\r\n\r\nabc",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nX: a\u{0}b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nX: a\rb\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\n folded: a\r\n\r\n",
        "GET / HTTP/9.9\r\nHost: x\r\n\r\n",
        "GET /\r\n\r\n",
        "GARBAGE\r\n\r\n",
    ] {
        let answer = send(place.address(), head.as_bytes()).unwrap_or_default();
        assert!(
            matches!(answer.status, 0 | 400 | 405 | 414 | 501 | 505),
            "{head:?}: {}",
            answer.status
        );
        assert_ne!(answer.status, 200, "{head:?}");
    }
}

#[test]
fn strange_json_is_refused_and_nothing_falls_over() {
    let place = Place::new();
    place.done("PUT", "/db", "");
    let deep = format!("{}{}", "{\"a\":".repeat(100_000), "}".repeat(100_000));
    let wide = format!("{{\"a\":[{}1]}}", "[".repeat(100_000));
    for body in [
        deep.as_str(),
        wide.as_str(),
        "{\"a\":NaN}",
        "{\"a\":1e999}",
        "\u{feff}{}",
        "{\"a\":\"\\ud800\"}",
        "{} {}",
        "{\"a\":01}",
    ] {
        let answer = place.ask("PUT", "/db/x", body);
        assert_eq!(answer.status, 400, "{}: {}", &body[..body.len().min(20)], answer.text());
        assert_eq!(
            place.ask("POST", "/db/_bulk_docs", &format!("{{\"docs\":[{body}]}}")).status,
            400
        );
    }
    for target in ["/db/_all_docs?keys=", "/db/_all_docs?startkey=", "/db/x?open_revs="] {
        let value: String = "[".repeat(7_000).replace('[', "%5B").chars().take(7_500).collect();
        assert_eq!(place.ask("GET", &format!("{target}{value}"), "").status, 400, "{target}");
    }
    assert_eq!(place.ask("GET", "/db/_changes?since=99999999999-AAAA", "").status, 400);
}

#[test]
fn names_lead_to_no_file_outside() {
    let place = Place::new();
    for name in [
        "..",
        "%2e%2e",
        "%2e%2e%2f..",
        "..%2f..%2fetc",
        "a%5cb",
        "a%00b",
        "A",
        "%c3%a9",
        "a%20",
        "_x",
        ".",
        "a.b",
    ] {
        let status = place.ask("PUT", &format!("/{name}"), "").status;
        assert!(matches!(status, 400 | 405), "{name}: {status}");
    }
    let long = "a".repeat(300);
    assert_eq!(place.ask("PUT", &format!("/{long}"), "").status, 400);
    assert_eq!(place.done("GET", "/_all_dbs", ""), serde_json::json!([]));
}

/// All files below a directory, by their paths in it.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for name in OsVfs.list(directory).unwrap() {
        let path = directory.join(name);
        match OsVfs.list(&path) {
            Ok(_) => found.extend(files(&path)),
            Err(_) => found.push(path),
        }
    }
    found.sort();
    found
}

#[test]
fn names_of_documents_attachments_and_settings_are_no_names_of_files() {
    let around = tempfile::tempdir().unwrap();
    let server = Server::start(&around.path().join("data"), true, HttpOptions::default());
    let ask = |method: &str, target: &str, body: &str| {
        crate::client::ask(server.address, method, target, body).status
    };
    assert_eq!(ask("PUT", "/db", ""), 201);
    assert_eq!(ask("PUT", "/_users/org.couchdb.user:x", "{}"), 403);
    let before = files(around.path());
    for name in NAMES {
        for target in [
            format!("/db/{name}"),
            format!("/db/_local/{name}"),
            format!("/db/_design/{name}"),
            format!("/db/doc-{name}/{name}"),
            format!("/_node/_local/_config/{name}/{name}"),
            format!("/_node/{name}/_stats"),
            format!("/_users/org.couchdb.user:{name}"),
            format!("/db/_shards/{name}"),
        ] {
            let body = if target.contains("_config") { "\"x\"" } else { "{}" };
            let written = ask("PUT", &target, body);
            assert!((200..500).contains(&written), "{target}: {written}");
            let read = ask("GET", &target, "");
            assert!(read < 500 && (written >= 400 || read == 200), "{target}: {written}, {read}");
        }
    }
    assert_eq!(files(around.path()), before);
    assert!(before.iter().all(|path| path.starts_with(around.path().join("data"))));
}

/// Names that would lead elsewhere, were they names of files.
const NAMES: &[&str] = &[
    "..",
    "%2e%2e",
    "..%2f..%2f..%2fescaped",
    "%2e%2e%2fescaped",
    "%252e%252e%252fescaped",
    "..%5cescaped",
    "%2fetc%2fescaped",
    "a%00b",
    "CON",
    "aux.txt",
    "trailing.",
    "trailing%20",
    "%e2%80%aeright-to-left",
    "e%cc%81",
    "~",
    "-rf",
    "a:b",
    "A.cdb",
];

#[test]
fn who_says_nothing_dribbles_or_takes_nothing_is_let_go_and_others_are_served() {
    let patience = Duration::from_millis(300);
    let options =
        HttpOptions { head_timeout: patience, stall_timeout: patience, ..HttpOptions::default() };
    let place = Place::with(true, options);
    place.done("PUT", "/db", "");
    let half_a_body = format!(
        "PUT /db/x HTTP/1.1\r\nHost: x\r\n{}: {}\r\nContent-Length: 1000\r\n\r\n{{\"a\":",
        ADMIN.0, ADMIN.1
    );
    let beginnings = ["", "GET / HTTP/1.1\r\nHost: x\r\n", half_a_body.as_str()];
    let mut slow: Vec<_> = (0..60)
        .map(|n| {
            let mut stream = TcpStream::connect(place.address()).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            stream.write_all(beginnings[n % 3].as_bytes()).unwrap();
            stream
        })
        .collect();
    assert_eq!(place.ask("PUT", "/db/good", "{}").status, 201);
    for (number, stream) in slow.iter_mut().enumerate() {
        let mut rest = Vec::new();
        // A reset is an end too.
        let _ended = stream.read_to_end(&mut rest);
        let answer = String::from_utf8_lossy(&rest).into_owned();
        assert!(rest.is_empty() || answer.contains(" 408 "), "{number}: {answer}");
    }
}

#[test]
fn a_client_that_takes_nothing_is_let_go() {
    let options =
        HttpOptions { stall_timeout: Duration::from_millis(300), ..HttpOptions::default() };
    let place = Place::with(true, options);
    place.done("PUT", "/db", "");
    let bytes = vec![7; 30 << 20];
    let headers = [ADMIN, ("Content-Type", "application/octet-stream")];
    assert_eq!(place.raw("PUT", "/db/x/a", &headers, &bytes).status, 201);
    let mut stream = TcpStream::connect(place.address()).unwrap();
    stream.write_all(&crate::request("GET", "/db/x/a", &[ADMIN], b"")).unwrap();
    // The server ends although the client holds on: it was let go.
    place.server.stop();
    let mut taken = Vec::new();
    let _ended = stream.read_to_end(&mut taken);
    assert!(taken.len() < bytes.len());
}
