//! Where documents are: shards, and the node that has them.

use serde_json::{Map, Value, json};

use super::call::Call;
use super::node::NODE;
use super::reply::{Answer, Reply};
use crate::documents::Database;

fn ranges(database: &Database) -> Vec<String> {
    database.shards().into_iter().map(|shard| shard.range).collect()
}

/// `GET _shards`: which node has which range.
pub fn all(call: &Call) -> Answer {
    let shards: Map<_, _> =
        ranges(&*call.database()?).into_iter().map(|range| (range, json!([NODE]))).collect();
    Ok(Reply::json(200, &json!({ "shards": shards })))
}

/// `GET _shards/{doc}`: the range of a document, whether it exists or not.
pub fn of_document(call: &Call) -> Answer {
    let shard = call.database()?.shard_of(call.name("doc"))?;
    Ok(Reply::json(200, &json!({ "range": shard.range, "nodes": [NODE] })))
}

/// `POST _sync_shards`: there are no copies to bring in step.
pub fn sync(call: &Call) -> Answer {
    call.database()?;
    Ok(Reply::ok(202))
}

/// `GET /_node/{node}/_dbs/{db}`: the placement document. The changelog has its entries as CouchDB writes them
/// (`mem3_reshard_dbdoc`), splits in the order of their ranges' sizes.
pub fn placement(call: &Call) -> Answer {
    let database = call.database()?;
    let (info, ranges) = (database.info(), ranges(&database));
    let suffix: Vec<u8> = format!(".{}", info.instance_start_time).into_bytes();
    let by_range: Map<_, _> = ranges.iter().map(|range| (range.clone(), json!([NODE]))).collect();
    let history = database.range_history();
    let made = history.made.iter().map(|range| json!(["add", range, NODE]));
    let split = history.split.iter().map(|range| json!(["split", range, 2, NODE]));
    let changelog: Vec<_> = made.chain(split).collect();
    let props = match info.partitioned {
        true => json!({ "partitioned": true, "hash": ["couch_partition", "hash", []] }),
        false => json!({}),
    };
    let rev = format!("{}-{}", history.split.len() + 1, info.uuid);
    let body = json!({
        "_id": info.name, "_rev": rev, "shard_suffix": suffix, "changelog": changelog,
        "by_node": { NODE: ranges }, "by_range": Value::Object(by_range), "props": props,
    });
    Ok(Reply::json(200, &body).etag(&rev))
}
