//! Which revisions a replicator need not send: `_revs_diff` and `_missing_revs`; and what names revisions in bodies.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::call::Call;
use super::problem::Problem;
use super::reply::{Answer, Reply};
use crate::documents::{Document, Revision, RevsDiff};

/// Documents that are looked at between two looks at whether the client still waits.
const AT_A_TIME: usize = 256;

/// Documents and revisions of them: `{id: [rev, ...]}`.
pub type Asked = Vec<(String, Vec<Revision>)>;

/// The body as `{id: [rev, ...]}`; `not_a_list` is the reason when a member is something else.
pub fn asked(call: &Call, not_a_list: &'static str) -> Result<Asked, Problem> {
    let members = call.object()?;
    call.check_rows(members.len())?;
    members.into_iter().map(|(id, revs)| Ok((id, revisions(&revs, not_a_list)?))).collect()
}

fn revisions(value: &Value, not_a_list: &'static str) -> Result<Vec<Revision>, Problem> {
    let list = value.as_array().ok_or_else(|| Problem::bad_request(not_a_list))?;
    list.iter().map(revision).collect()
}

/// A revision in JSON.
pub fn revision(value: &Value) -> Result<Revision, Problem> {
    value.as_str().and_then(|text| text.parse().ok()).ok_or_else(Problem::bad_rev)
}

/// `["1-a","2-b"]`.
pub fn list(revisions: &[Revision]) -> String {
    let mut text = String::from("[");
    for (index, revision) in revisions.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        // Writing to a string does not fail.
        let _written = write!(text, "{comma}{}", json!(revision.to_string()));
    }
    text + "]"
}

fn diff(call: &Call) -> Result<Vec<RevsDiff>, Problem> {
    let asked = asked(call, "Invalid list of revisions")?;
    let database = call.database()?;
    let mut diffs = Vec::new();
    for some in asked.chunks(AT_A_TIME) {
        call.check_client()?;
        diffs.extend(database.revs_diff(some)?);
    }
    Ok(diffs)
}

/// `POST _revs_diff`.
pub fn revs_diff(call: &Call) -> Answer {
    let items = diff(call)?.into_iter().map(|diff| {
        let missing = list(&diff.missing);
        let ancestors = match diff.possible_ancestors.as_slice() {
            [] => String::new(),
            ancestors => format!(",\"possible_ancestors\":{}", list(ancestors)),
        };
        format!("{}:{{\"missing\":{missing}{ancestors}}}", json!(diff.id))
    });
    let items: Vec<_> = items.collect();
    Ok(Reply::text(200, format!("{{{}}}\n", items.join(","))))
}

/// `POST _missing_revs`.
pub fn missing_revs(call: &Call) -> Answer {
    let missing: Map<_, _> = diff(call)?
        .into_iter()
        .map(|diff| {
            let revs: Vec<_> = diff.missing.iter().map(ToString::to_string).collect();
            (diff.id, json!(revs))
        })
        .collect();
    Ok(Reply::json(200, &json!({ "missing_revs": missing })))
}

/// How deep the newest revision is that both have; `None` when there is no such revision.
pub fn common_depth(document: &Document, known: &[Revision]) -> Result<Option<u64>, Problem> {
    let path = document.revisions()?;
    let depths = path.hashes.iter().zip(0..).filter_map(|(hash, below)| {
        let depth = path.start.checked_sub(below)?;
        known.iter().any(|known| known.depth == depth && known.hash == *hash).then_some(depth)
    });
    Ok(depths.max())
}
