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
        Box::pin(async move {
            let (status, text) = answer?;
            let body = Flow::Full(text.to_string().into());
            Ok(Response { status, headers: HeaderMap::new(), body })
        })
    }
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
        progress: Arc::new(Mutex::default()),
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
