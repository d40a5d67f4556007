//! Attachments: raw, in parts, in ranges, large.

use crate::Place;
use crate::client::{ADMIN, Answer};

fn content(length: usize) -> Vec<u8> {
    (0..length).map(|n| u8::try_from(n * 31 % 251).unwrap()).collect()
}

impl Place {
    fn get(&self, target: &str, headers: &[(&str, &str)]) -> Answer {
        self.raw("GET", target, &[&[ADMIN], headers].concat(), b"")
    }

    fn attach(&self, target: &str, content_type: &str, bytes: &[u8]) -> String {
        let answer = self.raw("PUT", target, &[ADMIN, ("Content-Type", content_type)], bytes);
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.json()["rev"].as_str().unwrap().to_owned()
    }
}

#[test]
fn ranges_of_what_is_stored_as_it_came() {
    let place = Place::new();
    place.done("PUT", "/db", "");
    let bytes = content(200_000);
    place.attach("/db/x/a.bin", "application/octet-stream", &bytes);
    let whole = place.get("/db/x/a.bin", &[]);
    assert_eq!(whole.header("accept-ranges"), Some("bytes"));
    assert_eq!(whole.body, bytes);
    for (range, expected) in [
        ("bytes=0-0", 0..1),
        ("bytes=100-65600", 100..65_601),
        ("bytes=199990-", 199_990..200_000),
        ("bytes=-7", 199_993..200_000),
    ] {
        let part = place.get("/db/x/a.bin", &[("Range", range)]);
        assert_eq!(part.status, 206, "{range}");
        let of = format!("bytes {}-{}/200000", expected.start, expected.end - 1);
        assert_eq!(part.header("content-range"), Some(of.as_str()));
        assert_eq!(part.body, bytes[expected]);
    }
    let behind = place.get("/db/x/a.bin", &[("Range", "bytes=200000-")]);
    assert_eq!((behind.status, behind.header("content-range")), (416, Some("bytes */200000")));
}

#[test]
fn text_is_stored_compressed_and_given_as_the_client_takes_it() {
    let place = Place::new();
    place.done("PUT", "/db", "");
    let text = "stone ".repeat(10_000);
    place.attach("/db/x/a.txt", "text/plain", text.as_bytes());
    assert_eq!(place.get("/db/x/a.txt", &[]).text(), text);
    let gzip = place.get("/db/x/a.txt", &[("Accept-Encoding", "gzip")]);
    assert_eq!(gzip.header("content-encoding"), Some("gzip"));
    assert!(gzip.body.len() < 1_000);
    let mut read = String::new();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&gzip.body[..]), &mut read)
        .unwrap();
    assert_eq!(read, text);
}

#[test]
fn parts_that_go_out_come_in_again() {
    let place = Place::new();
    place.done("PUT", "/db", "");
    place.done("PUT", "/copy", "");
    let bytes = content(100_000);
    let rev = place.attach("/db/x/a%2Fb.bin", "application/octet-stream", &bytes);
    place.attach(
        &format!("/db/x/t.txt?rev={rev}"),
        "text/plain",
        "stone ".repeat(1_000).as_bytes(),
    );
    let parts = place.get("/db/x?attachments=true&revs=true", &[("Accept", "multipart/related")]);
    let content_type = parts.header("content-type").unwrap().to_owned();
    assert!(content_type.starts_with("multipart/related; boundary="), "{content_type}");
    let headers = [ADMIN, ("Content-Type", content_type.as_str())];
    let put = place.raw("PUT", "/copy/x?new_edits=false", &headers, &parts.body);
    assert_eq!(put.status, 201, "{}", put.text());
    assert_eq!(place.get("/copy/x", &[]).json(), place.get("/db/x", &[]).json());
    assert_eq!(place.get("/copy/x/a%2Fb.bin", &[]).body, bytes);
    assert_eq!(place.get("/copy/x/t.txt", &[]).text(), "stone ".repeat(1_000));
    // Cut short, nothing of it is there.
    place.done("PUT", "/cut", "");
    let short = &parts.body[..parts.body.len() - 1_000];
    assert_eq!(place.raw("PUT", "/cut/x?new_edits=false", &headers, short).status, 400);
    assert_eq!(place.get("/cut/x", &[]).status, 404);
}

#[test]
fn a_copy_brings_its_attachments() {
    let place = Place::new();
    place.done("PUT", "/db?q=4", "");
    place.attach("/db/x/a.bin", "image/png", &content(70_000));
    for name in ["y", "z", "w"] {
        let answer = place.raw("COPY", "/db/x", &[ADMIN, ("Destination", name)], b"");
        assert_eq!(answer.status, 201, "{}", answer.text());
        assert_eq!(place.get(&format!("/db/{name}/a.bin"), &[]).body, content(70_000));
    }
}

#[test]
fn a_large_attachment_flows_in_and_out() {
    let place = Place::new();
    place.done("PUT", "/db", "");
    let bytes = content(24 << 20);
    place.attach("/db/x/a.bin", "application/octet-stream", &bytes);
    assert!(place.get("/db/x/a.bin", &[]).body == bytes);
}

#[test]
fn a_digest_that_differs_and_a_name_that_is_kept_are_refused() {
    let place = Place::new();
    place.done("PUT", "/db", "");
    let headers = [ADMIN, ("Content-MD5", "AAAAAAAAAAAAAAAAAAAAAA==")];
    assert_eq!(place.raw("PUT", "/db/x/a", &headers, b"hello").status, 400);
    assert_eq!(place.raw("PUT", "/db/x/_a", &[ADMIN], b"hello").status, 400);
    assert_eq!(place.get("/db/x", &[]).status, 404);
}

#[test]
fn an_attachment_within_a_document_may_be_larger_than_a_document() {
    use base64::Engine as _;
    let place = Place::new();
    place.done("PUT", "/db", "");
    let bytes = content(9 << 20);
    let data = base64::engine::general_purpose::STANDARD.encode(&bytes);
    let body = format!(
        "{{\"_attachments\":{{\"a\":{{\"content_type\":\"image/png\",\"data\":\"{data}\"}}}}}}"
    );
    assert!(body.len() > 12_000_000);
    place.done("PUT", "/db/x", &body);
    assert!(place.get("/db/x/a", &[]).body == bytes);
    // In JSON again: longer than what goes as a whole.
    let inline = place.get("/db/x?attachments=true", &[("Accept", "application/json")]);
    assert!(inline.json()["_attachments"]["a"]["data"] == data);
    let body = format!("{{\"text\":\"{}\"}}", "x".repeat(9 << 20));
    assert_eq!(place.ask("PUT", "/db/y", &body).status, 413);
}
