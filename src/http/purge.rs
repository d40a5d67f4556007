//! Purging: revisions that never were.

use serde_json::json;

use super::call::Call;
use super::problem::Problem;
use super::reply::{Answer, Reply};
use super::revisions::{asked, list};

/// `POST _purge`.
pub fn purge(call: &Call) -> Answer {
    let database = call.database()?;
    let asked = asked(call, "Invalid list of revisions")?;
    if asked.len() > limit(call, "max_document_id_number")? {
        return Err(Problem::bad_request("Exceeded maximum number of documents."));
    }
    let revisions: usize = asked.iter().map(|(_, revisions)| revisions.len()).sum();
    if revisions > limit(call, "max_revisions_number")? {
        return Err(Problem::bad_request("Exceeded maximum number of revisions."));
    }
    let purged = database.purge(&asked)?;
    call.app.stats.purge_requests.one();
    call.app.stats.purges.add(purged.len());
    let items: Vec<_> =
        purged.iter().map(|(id, revs)| format!("{}:{}", json!(id), list(revs))).collect();
    let body = format!("{{\"purge_seq\":null,\"purged\":{{{}}}}}\n", items.join(","));
    Ok(Reply::text(201, body))
}

/// A setting of the section `purge`.
fn limit(call: &Call, key: &str) -> Result<usize, Problem> {
    Ok(usize::try_from(call.app.service.number("purge", key)?).unwrap_or(usize::MAX))
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
