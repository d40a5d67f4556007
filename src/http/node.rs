//! What the node says of itself.

use serde_json::json;

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
