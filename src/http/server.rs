//! What the server says of itself and of its databases.

use serde_json::{Map, Value, json};

use super::call::Call;
use super::database::{self, info_json};
use super::databases::open;
use super::local::tag;
use super::node::NODE;
use super::problem::Problem;
use super::reply::{Answer, Reply};
use super::rows_query::RowsQuery;
use crate::dates::http_date;

/// The version of CouchDB whose answers these are: clients choose by it what they ask for.
const COUCHDB: &str = "3.5.0";
/// Databases that are asked about at a time.
const INFOS_MAX: usize = 100;

/// `GET /`.
pub fn welcome(call: &Call) -> Answer {
    let uuid = database::server_uuid(&call.app)?;
    let version = env!("CARGO_PKG_VERSION");
    let text = format!(
        "{{\"couchdb\":\"Welcome\",\"version\":\"{COUCHDB}\",\"git_sha\":\"pumice\",\"uuid\":\"{uuid}\",\
         \"features\":[\"access-ready\",\"partitioned\",\"pluggable-storage-engines\",\"reshard\",\"scheduler\"],\
         \"vendor\":{{\"name\":\"pumice\",\"version\":\"{version}\"}}}}\n"
    );
    Ok(Reply::text(200, text))
}

/// `GET /_up`: 200 while every datastore takes writes and nobody has said otherwise.
pub fn up(call: &Call) -> Answer {
    if let Some(mode) = call.app.service.setting("couchdb", "maintenance_mode")? {
        match mode.as_str() {
            "nolb" => return Ok(Reply::text(404, "{\"status\":\"nolb\"}\n")),
            "true" => return Ok(Reply::text(404, "{\"status\":\"maintenance_mode\"}\n")),
            _ => {}
        }
    }
    let datastores = call.app.service.status().datastores.into_iter();
    let reasons: Vec<_> = datastores
        .filter_map(|datastore| Some(format!("{}: {}", datastore.file, datastore.not_writable?)))
        .collect();
    if reasons.is_empty() {
        return Ok(Reply::text(200, "{\"status\":\"ok\",\"seeds\":{}}\n"));
    }
    let reason = match call.user.is_admin() {
        true => reasons.join("; "),
        false => "the server's log says why".to_owned(),
    };
    Ok(Reply::json(503, &json!({ "status": "not_writable", "reason": reason })))
}

/// `GET /_uuids`.
pub fn uuids(call: &Call) -> Answer {
    let count = match call.parameter("count") {
        None => 1,
        Some(text) => text
            .parse::<usize>()
            .map_err(|_| Problem::bad_request("count must be a positive integer"))?,
    };
    let max = call.app.service.number("uuids", "max_count")?;
    if u64::try_from(count).unwrap_or(u64::MAX) > max {
        return Err(Problem::bad_request("count parameter too large"));
    }
    let uuids = call.app.new_ids(count)?;
    let reply = Reply::json(200, &json!({ "uuids": uuids }));
    let tag = format!("{:032X}", call.app.clock.unique_id());
    Ok(reply
        .etag(&tag)
        .header("Cache-Control", "no-cache")
        .header("Pragma", "no-cache")
        .header("Expires", "Mon, 01 Jan 1990 00:00:00 GMT"))
}

/// `GET /favicon.ico`: there is none, for a year.
pub fn favicon(call: &Call) -> Answer {
    let expires = http_date(call.app.now_s() + 31_536_000);
    let reply = Reply::bytes(404, "text/plain", "Not found.");
    Ok(reply.header("Cache-Control", "public, max-age=31536000").header("Expires", &expires))
}

/// `GET /_utils/`: our status page, where CouchDB has Fauxton.
pub fn status_page(call: &Call) -> Answer {
    if !call.target.slash_at_end
        && call.target.segments.first().is_some_and(|first| first == "_utils")
    {
        let reply = Reply::empty(301);
        return Ok(reply.header("Location", &format!("{}/", call.location(&["_utils"]))));
    }
    let page = Reply::bytes(200, "text/html; charset=utf-8", include_str!("status.html"));
    Ok(page.header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'"))
}

/// `GET /_status.json`: the counters of the configuration database.
pub fn status(call: &Call) -> Answer {
    Ok(Reply::json(200, &call.app.service.status()))
}

/// `GET /_membership`: this node.
pub fn membership(_call: &Call) -> Answer {
    Ok(Reply::text(200, format!("{{\"all_nodes\":[\"{NODE}\"],\"cluster_nodes\":[\"{NODE}\"]}}\n")))
}

/// `GET /_cluster_setup`: there is nothing to set up.
pub fn cluster_setup(_call: &Call) -> Answer {
    Ok(Reply::text(200, "{\"state\":\"single_node_enabled\"}\n"))
}

/// `POST /_cluster_setup`: a single node is what this is; a cluster it is not.
pub fn cluster_set_up(call: &Call) -> Answer {
    let body: Value = call.json()?;
    match body.get("action").and_then(Value::as_str) {
        Some("enable_single_node" | "finish_cluster") => Ok(Reply::ok(201)),
        _ => Err(Problem::not_implemented("This server is a single node; clusters come later.")),
    }
}

fn names(call: &Call) -> Result<Vec<String>, Problem> {
    let query = RowsQuery::of_call(call, &Map::new())?;
    let mut names = call.app.databases.names()?;
    names.retain(|name| query.holds(name));
    if query.descending {
        names.reverse();
    }
    let limit = query.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
    let skip = usize::try_from(query.skip).unwrap_or(usize::MAX);
    Ok(names.into_iter().skip(skip).take(limit).collect())
}

/// `GET /_all_dbs`.
pub fn all_dbs(call: &Call) -> Answer {
    let names = names(call)?;
    Ok(Reply::json(200, &names).etag(&tag(&names.join(","))))
}

/// `GET /_dbs_info`.
pub fn dbs_info(call: &Call) -> Answer {
    let query = RowsQuery::of_call(call, &Map::new())?;
    let names = match query.keys {
        Some(keys) => named(keys)?,
        None => names(call)?,
    };
    let tag = tag(&names.join(","));
    Ok(infos(call, names)?.etag(&tag))
}

/// `POST /_dbs_info`.
pub fn dbs_info_of(call: &Call) -> Answer {
    match call.object()?.remove("keys") {
        Some(Value::Array(keys)) => infos(call, named(keys)?),
        Some(_) => Err(Problem::bad_request("`keys` must be an array.")),
        None => Err(Problem::bad_request("`keys` member must exist.")),
    }
}

/// The names of databases that a request lists.
fn named(keys: Vec<Value>) -> Result<Vec<String>, Problem> {
    if keys.len() > INFOS_MAX {
        return Err(Problem::bad_request(format!("Too many keys. Max {INFOS_MAX}.")));
    }
    let names = keys.into_iter().map(|key| match key {
        Value::String(name) => Ok(name),
        _ => Err(Problem::bad_request("`keys` must be an array of strings.")),
    });
    names.collect()
}

fn infos(call: &Call, names: Vec<String>) -> Answer {
    let mut items = Vec::with_capacity(names.len());
    for name in names {
        let key = json!(name);
        let info = match open(&call.app, &name) {
            Ok(database) => info_json(&database.info()),
            Err(problem) if problem.status == 404 => {
                items.push(format!("{{\"key\":{key},\"error\":\"not_found\"}}"));
                continue;
            }
            Err(problem) => return Err(problem),
        };
        items.push(format!("{{\"key\":{key},\"info\":{info}}}"));
    }
    Ok(Reply::text(200, format!("[{}]\n", items.join(","))))
}

/// `GET /_active_tasks`.
pub fn active_tasks(call: &Call) -> Answer {
    let tasks = call.app.databases.active_tasks().into_iter().map(|task| {
        json!({
            "node": NODE, "pid": "<0.0.0>", "process_status": "running", "type": task.kind,
            "database": task.shard, "phase": task.phase, "progress": task.progress,
            "changes_done": task.changes_done, "total_changes": task.total_changes,
            "started_on": task.started_on_s, "updated_on": task.updated_on_s,
        })
    });
    let tasks: Vec<_> = tasks.chain(super::replicate::tasks(&call.app)).collect();
    Ok(Reply::json(200, &tasks))
}
