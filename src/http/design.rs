//! Design documents: stored and replicated. What would run them comes later and says so.

use serde_json::Value;

use super::call::Call;
use super::fields::Fields;
use super::problem::Problem;
use super::reply::{Answer, Reply};
use crate::documents::{Database, Edit, OpenOptions};

/// Why a view is not answered.
pub const NO_VIEWS: &str = "Views come later: design documents are stored and replicated, not run.";

fn body(call: &Call) -> Result<Value, Problem> {
    let id = format!("_design/{}", call.name("ddoc"));
    let document = call.database()?.open(&id, &OpenOptions::default())?;
    serde_json::from_str(document.body()).map_err(|_| Problem::bad_json())
}

/// A view: missing is told as CouchDB tells it; one that is there cannot be read yet.
pub fn view(call: &Call) -> Answer {
    let body = body(call)?;
    if body.get("views").and_then(|views| views.get(call.name("view"))).is_none() {
        return Err(Problem::not_found("missing_named_view"));
    }
    Err(Problem::not_implemented(NO_VIEWS))
}

/// `GET _info`: there is no index.
pub fn info(call: &Call) -> Answer {
    body(call)?;
    Err(Problem::not_implemented("Views come later: there is no index to tell about."))
}

/// `_show`, `_list`, `_update`, `_rewrite`.
pub fn no_javascript(call: &Call) -> Answer {
    body(call)?;
    Err(Problem::not_implemented("JavaScript functions come later."))
}

/// `_search` and `_nouveau`.
pub fn no_search(_call: &Call) -> Answer {
    Err(Problem::not_implemented("Full text search is not part of this server."))
}

/// `_find`, `_explain`, `_index`.
pub fn no_mango(call: &Call) -> Answer {
    call.database()?;
    Err(Problem::not_implemented(
        "Queries by selector (Mango) come later; _changes takes filter=_selector.",
    ))
}

/// `POST _compact/{ddoc}`: an index that is not there needs no compaction.
pub fn compact(call: &Call) -> Answer {
    body(call)?;
    Ok(Reply::ok(202))
}

/// `POST _view_cleanup` and the like: there are no indexes that nobody needs.
pub fn cleanup(call: &Call) -> Answer {
    call.database()?;
    Ok(Reply::ok(202))
}

/// What is checked of a design document before it is stored.
pub fn check(id: &str, body: &str) -> Result<(), Problem> {
    if !id.starts_with("_design/") {
        return Ok(());
    }
    let Ok(members) = Fields::parse(body) else { return Ok(()) };
    for name in ["views", "filters", "lists", "shows", "updates", "options"] {
        if members.get(name).is_some_and(|member| !member.starts_with('{')) {
            let reason = format!("`{name}` field must have object type");
            return Err(Problem::new(400, "invalid_design_doc", reason));
        }
    }
    Ok(())
}

/// What an answer warns of that stores rules which nobody holds documents against.
const RULES_NOT_RUN: &str = "299 pumice \"validate_doc_update is stored and replicated, but not run: it refuses no document\"";

/// A design document with `validate_doc_update` is stored with a warning in the answer and in the log, or refused, as
/// `couchdb/validate_doc_update` says (`warn` or `refuse`). To refuse by default would take a database's views away with its rules when
/// it is replicated here.
pub fn check_rules(call: &Call, database: &Database, edit: &Edit) -> Result<(), Problem> {
    if !edit.id.starts_with("_design/") {
        return Ok(());
    }
    let Ok(members) = Fields::parse(edit.body.as_str()) else { return Ok(()) };
    if members.get("validate_doc_update").is_none_or(|rules| rules == "null") {
        return Ok(());
    }
    if call.app.service.setting("couchdb", "validate_doc_update")?.as_deref() == Some("refuse") {
        let reason = "validate_doc_update is not run by this server, and couchdb/validate_doc_update is \"refuse\".";
        return Err(Problem::forbidden(reason));
    }
    tracing::warn!(
        database = database.name(),
        document = edit.id,
        "validate_doc_update is stored, but not run: it refuses no document"
    );
    // The first warning is as good as the next.
    let _set = call.notes.warning.set(RULES_NOT_RUN);
    Ok(())
}
