//! Purging: revisions that never were.

use serde_json::json;

use super::call::Call;
use super::reply::{Answer, Reply};
use super::revisions::{asked, list};

/// `POST _purge`.
pub fn purge(call: &Call) -> Answer {
    let database = call.database()?;
    let asked = asked(call, "Invalid list of revisions")?;
    let purged = database.purge(&asked)?;
    let items: Vec<_> =
        purged.iter().map(|(id, revs)| format!("{}:{}", json!(id), list(revs))).collect();
    let body = format!("{{\"purge_seq\":null,\"purged\":{{{}}}}}\n", items.join(","));
    Ok(Reply::text(201, body))
}

/// `GET _purged_infos`.
pub fn infos(call: &Call) -> Answer {
    let infos = call.database()?.purge_infos()?;
    let items: Vec<_> = infos
        .iter()
        .map(|info| format!("{{\"id\":{},\"revs\":{}}}", json!(info.id), list(&info.revisions)))
        .collect();
    Ok(Reply::text(200, format!("{{\"purged_infos\":[{}]}}\n", items.join(","))))
}
