//! Answers that differ, and why; and answers that were recorded of other data.

/// The key of a pair and the reason.
const KNOWN: &[(&str, &str)] = &[
    (
        "DELETE /sample_copy/_index/_design/8a59183d1382a0418159e7be13602f313cf19266/json/v-idx",
        MANGO,
    ),
    (
        "DELETE /sample_copy/_index/_design/8a59183d1382a0418159e7be13602f313cf19266/json/v-idx \u{2014} again",
        MANGO,
    ),
    ("DELETE /_node/_local/_config/couchdb/maintenance_mode", MODE),
    ("GET /_active_tasks #2", VIEWS),
    ("GET /_active_tasks \u{2014} indexer", VIEWS),
    (
        "GET /sample_copy \u{2014} db info after compaction",
        "_index makes design documents there; nothing does here",
    ),
    ("GET /sample_copy/_design/d/_info", VIEWS),
    ("GET /sample_copy/_design/d/_view/v", VIEWS),
    ("GET /sample_copy/_design/d/_view/v?group=true&limit=2", VIEWS),
    ("GET /sample_copy/_design/d/_view/v?reduce=false", VIEWS),
    (
        "GET /sample_copy/_design_docs #2",
        "the design document with a syntax error is there, since nothing compiles it",
    ),
    ("GET /sample_copy/_index", MANGO),
    ("POST /sample_copy/_explain", MANGO),
    ("POST /sample_copy/_find", MANGO),
    ("POST /sample_copy/_find #2", MANGO),
    ("POST /sample_copy/_find #3", MANGO),
    ("POST /sample_copy/_find #4", MANGO),
    ("POST /sample_copy/_find #5", MANGO),
    ("POST /sample_copy/_find #6", MANGO),
    ("POST /sample_copy/_find #7", MANGO),
    ("POST /sample_copy/_find #8", MANGO),
    ("POST /sample_copy/_find \u{2014} no index", MANGO),
    ("POST /sample_copy/_index", MANGO),
    ("POST /sample_copy/_index #2", MANGO),
    ("POST /sample_copy/_index #3", MANGO),
    ("POST /sample_copy/_index \u{2014} again", MANGO),
    ("POST /sample_part/_partition/p1/_find", MANGO),
    ("PUT /sample_copy/_design/bad \u{2014} syntax error", JAVASCRIPT),
    ("PUT /_node/_local/_config/couchdb/maintenance_mode #3", MODE),
    ("raw: HTTP/1.1 without Host", HOST),
];

const MANGO: &str = "501: queries by selector come later";
const HOST: &str = "400: RFC 9112 wants a Host in every request of HTTP/1.1";
const MODE: &str = "400: a value that a setting cannot have is refused";
const VIEWS: &str = "501: views come later";
const JAVASCRIPT: &str = "stored: nothing compiles JavaScript yet";

/// The key of a pair whose values are compared by their types only, and the reason.
const OTHER_DATA: &[(&str, &str)] = &[
    ("GET /_node/_local/_versions", "another program, of other parts"),
    ("GET /upd_r2 \u{2014} before", HUGE),
    ("GET /upd_r2 \u{2014} compact_running true", HUGE),
    ("GET /upd_r2 \u{2014} after", HUGE),
    ("GET /_active_tasks \u{2014} document_copy", MOMENT),
    ("GET /_active_tasks \u{2014} docid_sort", MOMENT),
    ("GET /_active_tasks \u{2014} docid_copy", MOMENT),
    ("GET /_active_tasks \u{2014} replication", MOMENT),
    ("GET /_node/_local/_smoosh/status", MOMENT),
    ("GET /_node/nosuch@127.0.0.1/_smoosh/status", MOMENT),
    (
        "GET /_node/_local/_smoosh/status \u{2014} ratio_dbs: 0 waiting, 0 starting, 1 active (t=0.00 s)",
        MOMENT,
    ),
    (
        "GET /_node/_local/_smoosh/status \u{2014} ratio_dbs: 3 waiting, 0 starting, 1 active (t=0.73 s)",
        MOMENT,
    ),
    (
        "GET /_node/_local/_smoosh/status \u{2014} ratio_dbs: 2 waiting, 0 starting, 1 active (t=1.51 s)",
        MOMENT,
    ),
    (
        "GET /_node/_local/_smoosh/status \u{2014} ratio_dbs: 1 waiting, 0 starting, 1 active (t=2.31 s)",
        MOMENT,
    ),
    (
        "GET /_node/_local/_smoosh/status \u{2014} ratio_dbs: 0 waiting, 0 starting, 0 active (t=16.30 s)",
        MOMENT,
    ),
    ("GET /_node/_local/_stats/couchdb/commits", "a counter since the start of that server"),
    ("GET /_node/_local/_stats/couchdb/open_databases", "a counter since the start of that server"),
    (
        "GET /t_m/_changes?feed=longpoll&since=now&heartbeat=200&timeout=5000 \u{2014} a document is written 0.6 s later",
        UNKNOWN,
    ),
    ("POST /_replicate", DESIGN),
    ("POST /_replicate \u{2014} again", DESIGN),
    (
        "GET /_node/_local/_dbs/sample_db \u{2014} placement document",
        "the revision is of the shards' names",
    ),
    ("GET /sample_db2/_local_docs?include_docs=true \u{2014} the checkpoint document", DESIGN),
    ("GET /t_m/_all_docs \u{2014} Accept-Encoding: gzip (not compressed)", UNKNOWN),
];

const HUGE: &str = "50,275 documents that were made by 570,276 updates";
const DESIGN: &str = "fewer design documents are copied, since nothing makes indexes";
const MOMENT: &str = "what ran, and how far it was, when it was asked";
const UNKNOWN: &str = "what was written to the document meanwhile is not recorded";

pub fn reason(key: &str) -> Option<&'static str> {
    KNOWN.iter().find(|(known, _)| *known == key).map(|(_, reason)| *reason)
}

pub fn keys() -> impl Iterator<Item = &'static str> {
    KNOWN.iter().map(|(key, _)| *key)
}

pub fn other_data() -> impl Iterator<Item = &'static str> {
    OTHER_DATA.iter().map(|(key, _)| *key)
}

pub fn is_of_other_data(key: &str) -> bool {
    other_data().any(|other| other == key)
}
