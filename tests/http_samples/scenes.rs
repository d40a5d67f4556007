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
    ("POST /_replicate \u{2014} continuous", &[("PUT", "/t_src", ""), ("PUT", "/t_dst", "")]),
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
        &[("PUT", "/t_m/b?rev=1-b8f97323e7f26909d5e0c8d2764a765f", "{\"v\":3}")],
    ),
    (
        "GET /t_m/_changes?feed=longpoll&since=now&timeout=3000 \u{2014} the database is deleted 0.6 s later",
        &[("DELETE", "/t_m", "")],
    ),
];

fn steps(table: Steps, pair: &Pair) -> &'static [Step] {
    table.iter().find(|(key, _)| *key == pair.key).map_or(&[], |(_, steps)| steps)
}

pub fn before(address: SocketAddr, pair: &Pair) {
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
        as_admin(address, method, target, body);
    }
    answering.finish().unwrap_or_default()
}
