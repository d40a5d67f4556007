//! `_partition`: one partition of a partitioned database. Its `_all_docs` is in `all_docs.rs`.

use serde_json::json;

use super::call::Call;
use super::design;
use super::problem::Problem;
use super::reply::{Answer, Reply};
use crate::documents::{DocumentError, check_partition};

/// What runs over the documents of a partition and comes later.
const LATER: [&str; 2] = ["_find", "_explain"];

/// `GET _partition/{partition}`: counts and sizes.
pub fn info(call: &Call) -> Answer {
    let info = call.database()?.partition_info(call.name("partition"))?;
    let body = json!({
        "db_name": call.name("db"),
        "sizes": { "active": info.active_bytes, "external": info.external_bytes },
        "partition": info.partition,
        "doc_count": info.doc_count,
        "doc_del_count": info.doc_del_count,
    });
    Ok(Reply::json(200, &body))
}

/// `_partition` without a partition.
pub fn none(call: &Call) -> Answer {
    call.database()?;
    Err(Problem::bad_request("invalid_partition_req"))
}

/// Everything else below `_partition/{partition}`: views and queries come later, nothing else is there.
pub fn other(call: &Call) -> Answer {
    let database = call.database()?;
    if !database.is_partitioned() {
        return Err(DocumentError::NotPartitioned.into());
    }
    check_partition(call.name("partition"))?;
    let rest = call.name("rest");
    if LATER.contains(&rest) {
        return design::no_mango(call);
    }
    let view = rest.strip_prefix("_design/").and_then(|rest| rest.split_once("/_view/"));
    if let Some((name, view)) = view {
        return Err(design::missing_view(&design::open(&database, name)?, view));
    }
    Err(Problem::missing())
}
