//! What the node says of itself.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::app::App;
use super::call::Call;
use super::problem::Problem;
use super::reply::{Answer, Reply};

/// The name of this node.
pub const NODE: &str = "pumice@127.0.0.1";

/// Whether a node is this one; CouchDB's answer otherwise.
pub fn check(call: &Call) -> Result<(), Problem> {
    let name = call.name("node");
    if name == "_local" || name == NODE {
        return Ok(());
    }
    Err(Problem::not_found(format!("no such node: {name}")))
}

/// `GET /_node/{node}`.
pub fn name(call: &Call) -> Answer {
    check(call)?;
    Ok(Reply::text(200, format!("{{\"name\":\"{NODE}\"}}\n")))
}

/// Anything else below a node. CouchDB takes the next segment for a database.
pub fn other(call: &Call) -> Answer {
    check(call)?;
    let name = call.name("other").split('/').next().unwrap_or_default();
    Err(Problem::database_name(name))
}

/// The tree of counters.
fn counters(app: &App) -> Value {
    let counter =
        |value: u64, about: &str| json!({ "value": value, "type": "counter", "desc": about });
    let stats = &app.stats;
    let methods: serde_json::Map<_, _> = stats
        .methods()
        .into_iter()
        .map(|(method, count)| {
            (method.clone(), counter(count, &format!("number of HTTP {method} requests")))
        })
        .collect();
    let statuses: serde_json::Map<_, _> = stats
        .statuses()
        .into_iter()
        .map(|(status, count)| {
            (status.to_string(), counter(count, &format!("number of HTTP {status} responses")))
        })
        .collect();
    let databases = app.databases.names().map_or(0, |names| names.len());
    let databases = u64::try_from(databases).unwrap_or(u64::MAX);
    let commits = app.service.status().datastores.iter().map(|datastore| datastore.tx).sum();
    json!({ "couchdb": {
        "open_databases": counter(databases, "number of open databases"),
        "commits": counter(commits, "number of commits performed"),
        "httpd": { "requests": counter(stats.requests(), "number of HTTP requests") },
        "httpd_request_methods": methods,
        "httpd_status_codes": statuses,
    } })
}

/// `GET _stats` and what is below it.
pub fn stats(call: &Call) -> Answer {
    check(call)?;
    let counters = counters(&call.app);
    let path = call.name("path").split('/').filter(|part| !part.is_empty());
    let mut found = Some(&counters);
    for part in path {
        found = found.and_then(|at| at.get(part));
    }
    Ok(Reply::json(200, &found.unwrap_or(&Value::Null)))
}

/// `GET _system`.
pub fn system(call: &Call) -> Answer {
    check(call)?;
    let body = json!({
        "uptime": call.app.uptime().as_secs(), "memory": {}, "run_queue": 0, "message_queues": {},
        "process_count": 1, "internal_replication_jobs": 0,
    });
    Ok(Reply::json(200, &body))
}

/// What passwords can be hashed with.
const PASSWORD_HASHES: [&str; 2] = ["sha256", "sha"];

/// `GET _versions`: CouchDB's members, for whoever reads them. There is no Erlang, no ICU and no JavaScript here: their values say
/// so, and the hashes are those that this server takes.
pub fn versions(call: &Call) -> Answer {
    check(call)?;
    let body = json!({
        "javascript_engine": { "name": "none" },
        "erlang": { "version": "none", "supported_hashes": PASSWORD_HASHES },
        "collation_driver": {
            "name": "none", "library_version": "none",
            "collator_version": "none", "collation_algorithm_version": "none",
        },
    });
    Ok(Reply::json(200, &body))
}

/// `GET _prometheus`: the same counters in CouchDB's names, and this server's own.
pub fn prometheus(call: &Call) -> Answer {
    check(call)?;
    let app = &call.app;
    let mut text = String::new();
    metric(
        &mut text,
        "couchdb_uptime_seconds",
        "counter",
        "couchdb uptime",
        &[(String::new(), app.uptime().as_secs())],
    );
    metric(
        &mut text,
        "couchdb_httpd_requests_total",
        "counter",
        "number of HTTP requests",
        &[(String::new(), app.stats.requests())],
    );
    let methods: Vec<_> = app
        .stats
        .methods()
        .into_iter()
        .map(|(name, count)| (format!("{{method=\"{name}\"}}"), count))
        .collect();
    metric(
        &mut text,
        "couchdb_httpd_request_methods",
        "counter",
        "number of HTTP requests by method",
        &methods,
    );
    let codes: Vec<_> = app
        .stats
        .statuses()
        .into_iter()
        .map(|(code, count)| (format!("{{code=\"{code}\"}}"), count))
        .collect();
    metric(
        &mut text,
        "couchdb_httpd_status_codes",
        "counter",
        "number of HTTP responses by status",
        &codes,
    );
    let stores = app.service.status().datastores;
    for (name, about, value) in [
        (
            "pumice_journal_bytes",
            "bytes of the file",
            (|d| d.file_bytes) as fn(&crate::service::DatastoreStatus) -> u64,
        ),
        ("pumice_journal_live_bytes", "bytes that a compaction would keep", |d| d.live_bytes),
        ("pumice_journal_nodes", "nodes", |d| d.nodes),
    ] {
        let rows: Vec<_> =
            stores.iter().map(|d| (format!("{{store=\"{}\"}}", d.datastore), value(d))).collect();
        metric(&mut text, name, "gauge", about, &rows);
    }
    Ok(Reply::bytes(200, "text/plain; version=2.0", text))
}

fn metric(text: &mut String, name: &str, kind: &str, about: &str, rows: &[(String, u64)]) {
    // Writing to a string does not fail.
    let _written = writeln!(text, "# HELP {name} {about}\n# TYPE {name} {kind}");
    for (labels, value) in rows {
        let _written = writeln!(text, "{name}{labels} {value}");
    }
}

/// `GET _smoosh/status`: the channels that CouchDB has by default, with what waits in them.
pub fn smoosh(call: &Call) -> Answer {
    let running = u64::try_from(call.app.databases.active_tasks().len()).unwrap_or(u64::MAX);
    let names = [
        "upgrade_views",
        "upgrade_dbs",
        "slack_views",
        "slack_dbs",
        "ratio_views",
        "ratio_dbs",
        "index_cleanup",
    ];
    let channels: serde_json::Map<_, _> = names
        .iter()
        .map(|name| {
            let active = if *name == "ratio_dbs" { running } else { 0 };
            let waiting = json!({ "size": 0, "min": 0, "max": 0 });
            ((*name).to_owned(), json!({ "waiting": waiting, "starting": 0, "active": active }))
        })
        .collect();
    Ok(Reply::json(200, &json!({ "channels": channels })))
}
