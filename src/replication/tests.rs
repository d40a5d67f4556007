//! Replications between two sides that are made up: what is asked for is noted, what is answered is written down here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hyper::HeaderMap;
use serde_json::{Value, json};

use super::run::BATCH;
use super::*;

type Script = dyn Fn(&Request) -> Result<(u16, Value), TransportError> + Send + Sync;

/// Answers both sides.
struct Scripted(Box<Script>);

impl Transport for Scripted {
    fn send(&self, request: Request) -> Sending<'_> {
        let answer = (self.0)(&request);
        let is_parts = request.target.contains("open_revs=");
        Box::pin(async move {
            let (status, value) = answer?;
            if is_parts && status == 200 {
                return Ok(in_parts(&value));
            }
            let body = Flow::Full(value.to_string().into());
            drain(request.body).await;
            Ok(Response { status, headers: HeaderMap::new(), body })
        })
    }
}

async fn drain(mut body: Flow) {
    while body.piece().await.is_some() {}
}

/// Documents with an attachment each, or what is said instead of one, as CouchDB answers `open_revs`.
fn in_parts(documents: &Value) -> Response {
    let part = |document: &Value| {
        let json = format!("Content-Type: application/json\r\n\r\n{document}");
        match document.get("_attachments") {
            Some(_) => format!(
                "--o\r\nContent-Type: multipart/related; boundary=\"i\"\r\n\r\n--i\r\n{json}\r\n--i\r\n\r\nhello\r\n--i--\r\n"
            ),
            None => format!("--o\r\n{json}\r\n"),
        }
    };
    let one = vec![documents.clone()];
    let text: String = documents.as_array().unwrap_or(&one).iter().map(part).collect();
    let content_type = "multipart/mixed; boundary=\"o\"".parse().unwrap();
    let headers = [(hyper::header::CONTENT_TYPE, content_type)].into_iter().collect();
    Response { status: 200, headers, body: Flow::Full(format!("{text}--o--").into()) }
}

/// What was asked, and how long was waited in between.
#[derive(Clone, Default)]
struct Notes {
    asked: Arc<Mutex<Vec<String>>>,
    pauses: Arc<Mutex<Vec<Duration>>>,
}

/// A replication once from `/a` to `/b`.
fn replication(
    notes: &Notes,
    script: impl Fn(&Request) -> Result<(u16, Value), TransportError> + Send + Sync + 'static,
) -> Replication {
    let asked = notes.asked.clone();
    let noting = move |request: &Request| {
        asked.lock().unwrap().push(format!("{} {}", request.method, request.target));
        script(request)
    };
    let transport: Arc<dyn Transport> = Arc::new(Scripted(Box::new(noting)));
    let pauses = notes.pauses.clone();
    let pause: Pause = Arc::new(move |pause| {
        pauses.lock().unwrap().push(pause);
        Box::pin(async {})
    });
    let retries = Retries { count: 5, pause };
    let peer = |path: &str| {
        Peer::new(transport.clone(), path.to_owned(), path.to_owned(), retries.clone())
    };
    Replication {
        source: peer("/a"),
        target: peer("/b"),
        id: "id".to_owned(),
        session_id: "session".to_owned(),
        continuous: false,
        create_target: false,
        create_target_params: Value::Null,
        since: None,
        use_checkpoints: true,
        winning_revs_only: false,
        filter: json!({}),
        times: Times(Arc::new(|| "now".to_owned())),
        standing: Arc::new(Mutex::default()),
    }
}

/// A document with an attachment that is to go over.
fn one_document(request: &Request) -> (u16, Value) {
    let path = request.target.split('?').next().unwrap();
    let document = json!({ "_id": "x", "_rev": "2-b", "_attachments": { "a": {} } });
    match (request.method, path) {
        ("GET", "/a/_local/id" | "/b/_local/id") => (404, json!({})),
        (_, "/a/_changes") => (
            200,
            json!({ "results": [{ "id": "x", "changes": [{ "rev": "2-b" }] }], "last_seq": "1" }),
        ),
        (_, "/b/_revs_diff") => {
            (200, json!({ "x": { "missing": ["2-b"], "possible_ancestors": ["1-a"] } }))
        }
        (_, "/a/_bulk_get") => (200, json!({ "results": [{ "docs": [{ "ok": document }] }] })),
        ("GET", "/a/x") => (200, document),
        ("GET", _) => (200, json!({})),
        _ => (201, json!({})),
    }
}

#[tokio::test]
async fn a_replication_once_ends_though_its_source_is_written_to_without_a_pause() {
    let pages = Arc::new(AtomicU64::new(0));
    let counted = pages.clone();
    // The target has everything; each page of the source's changes is full.
    let busy = move |request: &Request| {
        if !request.target.contains("/_changes") {
            return Ok((if request.target.contains("/_local/") { 404 } else { 200 }, json!({})));
        }
        let page = counted.fetch_add(1, Ordering::SeqCst);
        let row = |n: u64| json!({ "id": format!("{page}-{n}"), "changes": [{ "rev": "1-a" }] });
        let rows: Vec<Value> = (0..BATCH).map(row).collect();
        Ok((200, json!({ "results": rows, "last_seq": format!("{page}-x"), "pending": 700 })))
    };
    let mut replication = replication(&Notes::default(), busy);
    replication.use_checkpoints = false;
    let answer = replication.run().await.unwrap();
    assert_eq!(answer["ok"], true);
    assert_eq!(pages.load(Ordering::SeqCst), 3, "1,200 changes were there at first");
    assert_eq!(replication.so_far().missing_checked, 3 * BATCH);
}

#[tokio::test]
async fn every_request_may_fail_a_few_times_and_everything_goes_over() {
    let (notes, seen) = (Notes::default(), Mutex::new(BTreeMap::new()));
    let flaky = move |request: &Request| {
        let mut seen = seen.lock().unwrap();
        let tries = seen.entry(format!("{} {}", request.method, request.target)).or_insert(0);
        *tries += 1;
        match *tries {
            1 => Err(TransportError::passing("refused")),
            2 => Ok((503, json!({}))),
            _ => Ok(one_document(request)),
        }
    };
    let replication = replication(&notes, flaky);
    let answer = replication.run().await.unwrap();
    assert_eq!(answer["history"][0]["docs_written"], 1);
    let asked: BTreeSet<_> = notes.asked.lock().unwrap().iter().cloned().collect();
    let pauses = notes.pauses.lock().unwrap();
    assert_eq!(pauses[..2], [250, 500].map(Duration::from_millis));
    assert_eq!(pauses.len(), 2 * asked.len(), "{asked:?}");
}

#[tokio::test]
async fn what_is_refused_ends_it_at_once_and_what_stays_broken_after_six_tries() {
    for (path, status, tries) in
        [("/b/_revs_diff", 403, 1), ("/b/_revs_diff", 500, 6), ("/b/x", 503, 6), ("/a", 401, 1)]
    {
        let notes = Notes::default();
        let failing = move |request: &Request| {
            let is_it = request.target.split('?').next() == Some(path);
            let refused = json!({ "error": "word", "reason": "because" });
            Ok(if is_it { (status, refused) } else { one_document(request) })
        };
        let failed = replication(&notes, failing).run().await.unwrap_err();
        assert_eq!(failed.error, "word");
        let reason = format!("{path} answered {status}: because");
        assert!(failed.reason.starts_with(&reason), "{}", failed.reason);
        assert_eq!(failed.reason.contains("(tried 6 times)"), tries == 6, "{}", failed.reason);
        let asked = notes.asked.lock().unwrap();
        let count =
            asked.iter().filter(|asked| asked.split(['?', ' ']).nth(1) == Some(path)).count();
        assert_eq!(count, tries, "{asked:?}");
    }
}

#[tokio::test]
async fn a_target_that_lacks_what_it_seemed_to_have_is_given_everything() {
    let notes = Notes::default();
    let lacking = |request: &Request| {
        let is_first = request.method == "PUT" && request.target.starts_with("/b/x");
        Ok(if is_first { (412, json!({})) } else { one_document(request) })
    };
    let replication = replication(&notes, lacking);
    replication.run().await.unwrap();
    let asked = notes.asked.lock().unwrap();
    let reads: Vec<_> = asked.iter().filter(|asked| asked.starts_with("GET /a/x?")).collect();
    assert_eq!(reads.len(), 2);
    assert!(reads[0].contains("atts_since") && !reads[1].contains("atts_since"), "{reads:?}");
    assert_eq!(replication.so_far().doc_write_failures, 1);
}

/// CouchDB answers the winner to `rev=R&latest=true`, whatever R is.
#[tokio::test]
async fn another_revision_than_was_asked_for_is_counted_and_not_written() {
    let notes = Notes::default();
    let winner = json!({ "_id": "x", "_rev": "2-c", "_attachments": { "a": {} } });
    let confused = move |request: &Request| {
        let is_read = request.method == "GET" && request.target.starts_with("/a/x");
        Ok(if is_read { (200, winner.clone()) } else { one_document(request) })
    };
    let replication = replication(&notes, confused);
    let answer = replication.run().await.unwrap();
    let done = replication.so_far();
    assert_eq!((done.docs_written, done.doc_write_failures), (0, 1));
    assert_eq!(answer["history"][0]["doc_write_failures"], 1);
    let asked = notes.asked.lock().unwrap();
    assert!(!asked.iter().any(|asked| asked.starts_with("PUT /b/x")), "{asked:?}");
    assert!(asked.iter().any(|asked| asked.contains("open_revs=%5B%222-b%22%5D&latest=true")));
}

#[tokio::test]
async fn leaves_that_descend_from_what_was_asked_for_are_all_written() {
    let notes = Notes::default();
    let leaf = |rev: &str| {
        let path = json!({ "start": 3, "ids": [rev[2..], "b"] });
        json!({ "_id": "x", "_rev": rev, "_revisions": path, "_attachments": { "a": {} } })
    };
    let leaves = json!([leaf("3-d"), leaf("3-e")]);
    let moved = move |request: &Request| {
        let is_read = request.method == "GET" && request.target.starts_with("/a/x");
        Ok(if is_read { (200, leaves.clone()) } else { one_document(request) })
    };
    let replication = replication(&notes, moved);
    replication.run().await.unwrap();
    let done = replication.so_far();
    assert_eq!((done.docs_written, done.doc_write_failures), (2, 0));
}

#[tokio::test]
async fn a_revision_that_does_not_come_is_counted_unless_the_source_has_it_no_more() {
    let error = |error: &str| json!({ "error": { "id": "x", "rev": "2-b", "error": error } });
    for (docs, failures) in [
        (json!([]), 1),
        (json!([error("not_found")]), 0),
        (json!([error("internal_server_error")]), 1),
        (json!([{ "ok": { "_id": "x", "_rev": "2-c" } }]), 1),
        (json!([{ "ok": { "_id": "y", "_rev": "2-b" } }]), 1),
    ] {
        let answer = json!({ "results": [{ "id": "x", "docs": docs }] });
        let lossy = move |request: &Request| {
            let is_read = request.target.starts_with("/a/_bulk_get");
            Ok(if is_read { (200, answer.clone()) } else { one_document(request) })
        };
        let replication = replication(&Notes::default(), lossy);
        replication.run().await.unwrap();
        let done = replication.so_far();
        assert_eq!((done.docs_written, done.doc_write_failures), (0, failures), "{docs}");
    }
}

#[tokio::test]
async fn a_purged_document_in_parts_is_no_failure() {
    let purged = |request: &Request| {
        let is_read = request.method == "GET" && request.target.starts_with("/a/x");
        Ok(if is_read { (200, json!({ "missing": "2-b" })) } else { one_document(request) })
    };
    let replication = replication(&Notes::default(), purged);
    replication.run().await.unwrap();
    assert_eq!(replication.so_far().doc_write_failures, 0);
}

#[tokio::test]
async fn counts_go_on_over_sessions() {
    let before = json!({
        "session_id": "old", "source_last_seq": "0-z", "replication_id_version": 4,
        "history": [{ "session_id": "old", "recorded_seq": "0-z", "docs_read": 4, "docs_written": 3 }],
    });
    let known = move |request: &Request| {
        let is_checkpoint = request.method == "GET" && request.target.contains("/_local/");
        Ok(if is_checkpoint { (200, before.clone()) } else { one_document(request) })
    };
    let mut replication = replication(&Notes::default(), known);
    replication.filter = json!({ "doc_ids": ["x"] });
    for _ in 0..2 {
        let answer = replication.run().await.unwrap();
        assert_eq!(answer["history"][0]["docs_written"], 4);
        assert_eq!((&answer["docs_written"], &answer["docs_read"]), (&json!(4), &json!(5)));
        assert_eq!((&answer["start_time"], &answer["end_time"]), (&json!("now"), &json!("now")));
    }
    let info = replication.standing().info();
    assert_eq!((&info["docs_written"], &info["missing_revisions_found"]), (&json!(4), &json!(1)));
    for member in ["source_seq", "through_seq", "checkpointed_source_seq"] {
        assert_eq!(info[member], "1", "{member}");
    }
}
