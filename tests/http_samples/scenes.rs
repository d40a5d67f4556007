//! What the recording had done before a pair, and does while one is on its way.

use std::net::SocketAddr;

use crate::client::{Answer, ask as as_admin, begin, send};
use crate::pairs::Pair;

/// A method, a target, a body.
type Step = (&'static str, &'static str, &'static str);
/// Steps for pairs with keys.
type Steps = &'static [(&'static str, &'static [Step])];

/// Requests of the admin before the pair with a key.
const BEFORE: Steps = &[
    (
        "GET / \u{2014} welcome",
        &[
            ("PUT", "/_node/_local/_config/cluster/q", "\"1\""),
            ("PUT", "/_node/_local/_config/chttpd_auth/secret", "\"anchorsecret\""),
            ("PUT", "/upd_r1", ""),
            ("PUT", "/upd_r2", ""),
            ("PUT", "/upd_r2/one", "{}"),
        ],
    ),
    (
        "GET /sample_copy/_all_docs",
        &[
            ("PUT", "/sample_copy?q=1", ""),
            ("PUT", "/sample_copy/a", "{\"v\":0}"),
            ("PUT", "/sample_copy/b", "{\"v\":1}"),
            ("PUT", "/sample_copy/c", "{\"v\":2}"),
            ("PUT", "/sample_copy/d", "{\"v\":3}"),
            ("PUT", "/sample_copy/e", "{\"v\":4}"),
        ],
    ),
    (
        "POST /sample_copy/_all_docs \u{2014} one deleted key",
        &[("DELETE", "/sample_copy/a?rev=1-083d7391ec71ec717a762c87db469932", "")],
    ),
    (
        "POST /_replicate \u{2014} continuous",
        &[("PUT", "/t_src", ""), ("PUT", "/t_src/_design/d", "{}"), ("PUT", "/t_dst", "")],
    ),
    ("raw: chunked request body", &[("PUT", "/t_http", "")]),
    (
        "PUT /_node/_local/_config/couchdb/maintenance_mode",
        &[("PUT", "/t_m", ""), ("PUT", "/t_m/a", "{\"v\":1}")],
    ),
    ("DELETE /t_m2?rev=1-abc \u{2014} a rev on database deletion", &[("PUT", "/t_m2", "")]),
];

/// What is done while a long poll with a key is open.
const DURING: Steps = &[
    (
        "GET /t_m/_changes?feed=longpoll&since=now&timeout=5000 \u{2014} a document is written 0.6 s later",
        &[("PUT", "/t_m/b", "{\"v\":2}")],
    ),
    (
        "GET /t_m/_changes?feed=longpoll&since=now&heartbeat=200&timeout=5000 \u{2014} a document is written 0.6 s later",
        &[("PUT", "/t_m/b", "{\"v\":6}")],
    ),
    (
        "GET /t_m/_changes?feed=longpoll&since=now&timeout=3000 \u{2014} the database is deleted 0.6 s later",
        &[("DELETE", "/t_m", "")],
    ),
];

fn steps(table: Steps, pair: &Pair) -> &'static [Step] {
    table.iter().find(|(key, _)| *key == pair.key).map_or(&[], |(_, steps)| steps)
}

/// Infos that were asked for when a compaction was over.
const AFTER_COMPACTION: &[(&str, &str)] = &[
    ("GET /sample_copy \u{2014} db info after compaction", "/sample_copy"),
    ("GET /upd_r2 \u{2014} after", "/upd_r2"),
];

/// What was written between two long polls; what it was is not recorded, only that there were three.
const BETWEEN: &str = "GET /t_m/_changes?feed=longpoll&since=now&heartbeat=200&timeout=5000 \u{2014} a document is written 0.6 s later";

/// Was asked for when the shards were split.
const AFTER_SPLIT: &str = "GET /_reshard/jobs #2";

pub fn before(address: SocketAddr, pair: &Pair) {
    let compacted = AFTER_COMPACTION.iter().find(|(key, _)| *key == pair.key);
    if let Some((_, target)) = compacted {
        while as_admin(address, "GET", target, "").json()["compact_running"] == true {}
    }
    if pair.key == AFTER_SPLIT {
        let jobs = || as_admin(address, "GET", "/_reshard/jobs", "").json();
        let is_over = |job: &serde_json::Value| job["job_state"] == "completed";
        while !jobs()["jobs"].as_array().is_some_and(|jobs| jobs.iter().all(is_over)) {}
    }
    if pair.key == BETWEEN {
        for value in 3..6 {
            let rev =
                as_admin(address, "GET", "/t_m/b", "").json()["_rev"].as_str().unwrap().to_owned();
            as_admin(address, "PUT", &format!("/t_m/b?rev={rev}"), &format!("{{\"v\":{value}}}"));
        }
    }
    for (method, target, body) in steps(BEFORE, pair) {
        as_admin(address, method, target, body);
    }
}

pub fn ask(address: SocketAddr, pair: &Pair, request: &[u8]) -> Answer {
    let during = steps(DURING, pair);
    if during.is_empty() {
        return send(address, request).unwrap_or_default();
    }
    // The head of a long poll comes before its first row: it listens.
    let Ok(answering) = begin(address, request) else { return Answer::default() };
    for (method, target, body) in during {
        let now = as_admin(address, "GET", target, "")
            .header("etag")
            .map(|tag| tag.trim_matches('"').to_owned());
        let target = now.map_or_else(|| (*target).to_owned(), |rev| format!("{target}?rev={rev}"));
        as_admin(address, method, &target, body);
    }
    answering.finish().unwrap_or_default()
}
