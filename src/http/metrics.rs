//! The node's values under CouchDB's names: as a tree (`_stats`) and as text (`_prometheus`).

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::app::App;
use super::call::Call;
use super::node::check;
use super::reply::{Answer, Reply};
use crate::replication::JobState;

/// What a value is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Counter,
    Gauge,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
        }
    }
}

/// A value: its place in the tree, what it is, and how much.
type Metric = (&'static [&'static str], Kind, &'static str, u64);

fn metrics(app: &App) -> Vec<Metric> {
    let mut all = of_documents(app);
    all.extend(of_requests(app));
    all.extend(of_jobs(app));
    all
}

fn counter(path: &'static [&'static str], about: &'static str, value: u64) -> Metric {
    (path, Kind::Counter, about, value)
}

fn gauge(path: &'static [&'static str], about: &'static str, value: usize) -> Metric {
    (path, Kind::Gauge, about, u64::try_from(value).unwrap_or(u64::MAX))
}

fn of_documents(app: &App) -> Vec<Metric> {
    let stats = &app.stats;
    let (writes, local) = (stats.writes.get(), stats.local_writes.get());
    let purges = stats.purges.get();
    let commits = app.service.status().datastores.iter().map(|datastore| datastore.tx).sum();
    let open = app.databases.open_databases();
    vec![
        counter(&["couchdb", "open_databases"], "number of open databases", open),
        counter(&["couchdb", "commits"], "number of commits performed", commits),
        counter(&["couchdb", "database_reads"], "documents that were read", stats.reads.get()),
        counter(&["couchdb", "database_writes"], "changes of databases", writes + local + purges),
        counter(&["couchdb", "document_writes"], "revisions that were written", writes),
        counter(&["couchdb", "document_inserts"], "documents that were made", stats.inserts.get()),
        counter(&["couchdb", "local_document_writes"], "local documents written", local),
        counter(&["couchdb", "document_purges", "total"], "documents that were purged", purges),
    ]
}

fn of_requests(app: &App) -> Vec<Metric> {
    let stats = &app.stats;
    let (bulk, purges) = (stats.bulk_requests.get(), stats.purge_requests.get());
    let feeds = stats.feeds.get();
    vec![
        counter(&["couchdb", "httpd", "requests"], "number of HTTP requests", stats.requests.get()),
        counter(&["couchdb", "httpd", "bulk_requests"], "requests of _bulk_docs", bulk),
        counter(&["couchdb", "httpd", "purge_requests"], "requests of _purge", purges),
        counter(&["couchdb", "httpd", "clients_requesting_changes"], "feeds that go on", feeds),
    ]
}

fn of_jobs(app: &App) -> Vec<Metric> {
    let jobs = app.jobs.all();
    let running = jobs.iter().filter(|job| matches!(job.state, JobState::Running)).count();
    let crashed = jobs.iter().filter(|job| matches!(job.state, JobState::Crashing(_))).count();
    let compactions = app.databases.active_tasks().len();
    vec![
        gauge(&["couch_replicator", "jobs", "total"], "replications that are known", jobs.len()),
        gauge(&["couch_replicator", "jobs", "running"], "replications that run", running),
        gauge(&["couch_replicator", "jobs", "crashed"], "replications that try again", crashed),
        gauge(&["pumice", "compactions", "running"], "compactions that run or wait", compactions),
    ]
}

/// The tree of values.
fn tree(app: &App) -> Value {
    let mut tree = Map::new();
    for (path, kind, about, value) in metrics(app) {
        put(&mut tree, path, leaf(kind, about, value));
    }
    for (method, count) in app.stats.methods() {
        let about = format!("number of HTTP {method} requests");
        let value = leaf(Kind::Counter, &about, count.get());
        put(&mut tree, &["couchdb", "httpd_request_methods", method], value);
    }
    for (status, count) in app.stats.statuses() {
        let about = format!("number of HTTP {status} responses");
        let value = leaf(Kind::Counter, &about, count.get());
        put(&mut tree, &["couchdb", "httpd_status_codes", &status.to_string()], value);
    }
    let times = json!({ "value": app.stats.times.to_json(), "type": "histogram", "desc": TIMES });
    put(&mut tree, &["couchdb", "request_time"], times);
    Value::Object(tree)
}

/// What the times of requests are.
const TIMES: &str = "time until the answer to a request begins";

fn leaf(kind: Kind, about: &str, value: u64) -> Value {
    json!({ "value": value, "type": kind.word(), "desc": about })
}

fn put(tree: &mut Map<String, Value>, path: &[&str], value: Value) {
    let Some((first, rest)) = path.split_first() else { return };
    if rest.is_empty() {
        tree.insert((*first).to_owned(), value);
    } else if let Value::Object(below) =
        tree.entry(*first).or_insert_with(|| Value::Object(Map::new()))
    {
        put(below, rest, value);
    }
}

/// `GET _stats` and what is below it.
pub fn stats(call: &Call) -> Answer {
    check(call)?;
    let tree = tree(&call.app);
    let path = call.name("path").split('/').filter(|part| !part.is_empty());
    let mut found = Some(&tree);
    for part in path {
        found = found.and_then(|at| at.get(part));
    }
    Ok(Reply::json(200, &found.unwrap_or(&Value::Null)))
}

/// `GET _prometheus`: the same values, and the sizes of this server's files.
pub fn prometheus(call: &Call) -> Answer {
    check(call)?;
    let app = &call.app;
    let mut text = String::new();
    let uptime = [(String::new(), app.uptime().as_secs())];
    write(&mut text, "couchdb_uptime_seconds", "counter", "couchdb uptime", &uptime);
    for (path, kind, about, value) in metrics(app) {
        let path = path.strip_prefix(&["couchdb"]).unwrap_or(path);
        let path = path.join("_");
        let name = match (path.strip_prefix("pumice_"), kind) {
            (Some(own), _) => format!("pumice_{own}"),
            (None, Kind::Counter) => format!("couchdb_{path}_total"),
            (None, Kind::Gauge) => format!("couchdb_{path}"),
        };
        write(&mut text, &name, kind.word(), about, &[(String::new(), value)]);
    }
    let methods: Vec<_> = app
        .stats
        .methods()
        .map(|(name, count)| (format!("{{method=\"{name}\"}}"), count.get()))
        .collect();
    let about = "number of HTTP requests by method";
    write(&mut text, "couchdb_httpd_request_methods", "counter", about, &methods);
    let codes: Vec<_> = app
        .stats
        .statuses()
        .map(|(code, count)| (format!("{{code=\"{code}\"}}"), count.get()))
        .collect();
    let about = "number of HTTP responses by status";
    write(&mut text, "couchdb_httpd_status_codes", "counter", about, &codes);
    times(&mut text, app);
    files(&mut text, app);
    Ok(Reply::bytes(200, "text/plain; version=2.0", text))
}

fn times(text: &mut String, app: &App) {
    let name = "couchdb_request_time_seconds";
    let times = &app.stats.times;
    // Writing to a string does not fail.
    let _written = writeln!(text, "# HELP {name} {TIMES}\n# TYPE {name} summary");
    for (quantile, thousandths) in
        [("0.5", 500), ("0.75", 750), ("0.9", 900), ("0.95", 950), ("0.99", 990), ("0.999", 999)]
    {
        let within = times.within_s(thousandths);
        let _written = writeln!(text, "{name}{{quantile=\"{quantile}\"}} {within}");
    }
    let _written = writeln!(text, "{name}_sum {}\n{name}_count {}", times.sum_s(), times.count());
}

fn files(text: &mut String, app: &App) {
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
        write(text, name, "gauge", about, &rows);
    }
}

fn write(text: &mut String, name: &str, kind: &str, about: &str, rows: &[(String, u64)]) {
    // Writing to a string does not fail.
    let _written = writeln!(text, "# HELP {name} {about}\n# TYPE {name} {kind}");
    for (labels, value) in rows {
        let _written = writeln!(text, "{name}{labels} {value}");
    }
}
