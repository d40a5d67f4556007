//! What hostile requests cost in memory: bytes that are allocated at once at the most, counted by the allocator, as a multiple of
//! the request's bytes.
//!
//! In a binary and a test of its own, since an allocator counts for the whole process.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::panic,
    clippy::needless_pass_by_value,
    dead_code,
    reason = "a test; a failure here is a failed test"
)]

#[path = "http/client.rs"]
mod client;
#[path = "http/server.rs"]
mod server;

use client::{ADMIN, JSON, request, send};
use peak_alloc::PeakAlloc;
use pumice::http::HttpOptions;
use server::Server;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// Bytes of a hostile body.
const BODY_BYTES: usize = 4 << 20;
/// How much of the server's memory a request may take, for each byte of its body...
const MULTIPLE: usize = 10;
/// ...and beside that: members of one large object, revision ids, a tree that is just small enough.
const BESIDE_BYTES: usize = 64 << 20;
/// What may stay allocated when it was refused.
const LEFT_BYTES: usize = 1 << 20;
/// How often it is looked whether it was given back.
const LOOKS_MAX: usize = 200;
/// What may stay when it was stored: keys of the journal's tail, and a buffer that serves the next commit.
const STORED_BYTES: usize = 16 << 20;

fn filled(before: &str, item: &str, last: &str) -> String {
    let count = BODY_BYTES / item.len();
    format!("{before}{}{last}", item.repeat(count))
}

#[test]
fn a_request_takes_a_bounded_multiple_of_its_bytes_and_gives_it_back() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path(), true, HttpOptions::default());
    let ask = |method: &str, target: &str, body: &[u8]| {
        send(server.address, &request(method, target, &[ADMIN, JSON], body)).unwrap().status
    };
    assert_eq!(ask("PUT", "/db", b""), 201);
    assert_eq!(ask("PUT", "/db/_security", b"{}"), 200);
    let docs = |item: &str, last: &str| filled("{\"docs\":[", item, &format!("{last}]}}"));
    let one = |before: &str, item: &str, last: &str| {
        filled(&format!("{{\"docs\":[{before}"), item, &format!("{last}]}}"))
    };
    let bodies = [
        ("empty documents", "/db/_bulk_docs", docs("{},", "{}")),
        ("empty deletions", "/db/_bulk_docs", docs("{\"_deleted\":true},", "{}")),
        ("numbers", "/db/_bulk_docs", one("{\"a\":[", "0,", "0]}")),
        ("floats", "/db/_bulk_docs", one("{\"a\":[", "0.1,", "0]}")),
        ("empty objects", "/db/_bulk_docs", one("{\"a\":[", "{},", "0]}")),
        ("empty strings", "/db/_bulk_docs", one("{\"a\":[", "\"\",", "0]}")),
        ("the same member", "/db/_bulk_docs", one("{", "\"\":0,", "\"z\":0}")),
        ("the same member inside", "/db/_bulk_docs", one("{\"a\":{", "\"\":0,", "\"z\":0}}")),
        (
            "revision ids",
            "/db/_bulk_docs",
            one("{\"_revisions\":{\"start\":9999999,\"ids\":[", "\"\",", "\"\"]}}"),
        ),
        (
            "the same attachment",
            "/db/_bulk_docs",
            one("{\"_attachments\":{", "\"a\":{\"stub\":true},", "\"b\":{\"stub\":true}}}"),
        ),
        ("null attachments", "/db/_bulk_docs", one("{\"_attachments\":{", "\"a\":0,", "\"b\":0}}")),
        ("documents to get", "/db/_bulk_get", docs("{},", "{}")),
        ("ids to get", "/db/_bulk_get", docs("{\"id\":\"a\"},", "{}")),
        ("keys", "/db/_all_docs", filled("{\"keys\":[", "\"\",", "\"\"]}")),
        ("keys that are arrays", "/db/_all_docs", filled("{\"keys\":[", "[],", "[]]}")),
        ("queries", "/db/_all_docs/queries", filled("{\"queries\":[", "{},", "{}]}")),
        (
            "ids of a feed",
            "/db/_changes?filter=_doc_ids",
            filled("{\"doc_ids\":[", "\"\",", "\"\"]}"),
        ),
        (
            "conditions",
            "/db/_changes?filter=_selector",
            filled("{\"selector\":{\"$or\":[", "{},", "{}]}}"),
        ),
        ("revisions to compare", "/db/_revs_diff", filled("{\"a\":[", "\"1-a\",", "\"1-a\"]}")),
        ("revisions to purge", "/db/_purge", filled("{\"a\":[", "\"1-a\",", "\"1-a\"]}")),
        ("a session", "/_session", filled("{\"x\":[", "[],", "[]]}")),
        ("a replication", "/_replicate", filled("{\"doc_ids\":[", "[],", "[]]}")),
    ];
    let some = |before: &str, item: &str, count: usize, last: &str| {
        format!("{before}{}{last}", item.repeat(count))
    };
    let taken_on = [
        (
            "all documents that may be",
            "/db/_bulk_docs",
            some("{\"docs\":[", "{\"a\":[0,1]},", 9_999, "{}]}"),
        ),
        (
            "long documents",
            "/db/_bulk_docs",
            some("{\"docs\":[", &format!("{{\"a\":[{}0]}},", "0,".repeat(2_000)), 900, "{}]}"),
        ),
        ("all keys that may be", "/db/_all_docs", some("{\"keys\":[", "\"k\",", 99_999, "\"k\"]}")),
        (
            "all ids that may be",
            "/db/_bulk_get",
            some("{\"docs\":[", "{\"id\":\"a\"},", 9_999, "{\"id\":\"a\"}]}"),
        ),
    ];
    let mut wrong = Vec::new();
    for (what, target, body) in bodies.iter().chain(&taken_on) {
        let before = ALLOCATOR.current_usage();
        ALLOCATOR.reset_peak_usage();
        let status = ask("POST", target, body.as_bytes());
        // The client's own copy is not the server's.
        let taken = ALLOCATOR.peak_usage().saturating_sub(before + body.len());
        let left_max = if status == 201 { STORED_BYTES } else { LEFT_BYTES };
        let still = || ALLOCATOR.current_usage().saturating_sub(before);
        // The server lets go of a request a moment after its client has the answer.
        let looks = (0..LOOKS_MAX).take_while(|_| still() > left_max);
        looks.for_each(|_| assert_eq!(ask("GET", "/", b""), 200));
        let left = still();
        println!(
            "{what}: {status}, {} KiB for {} KiB, {} KiB left",
            taken >> 10,
            body.len() >> 10,
            left >> 10
        );
        if taken > MULTIPLE * body.len() + BESIDE_BYTES || left > left_max || status == 0 {
            wrong.push(format!("{what}: {status}, {taken} bytes taken, {left} left"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
