//! Design documents: stored and replicated. What would run them comes later and says so.

use serde_json::Value;

use super::call::Call;
use super::fields::Fields;
use super::problem::Problem;
use super::reply::{Answer, Reply};
use crate::documents::{Database, Edit, OpenOptions};

/// Why a view is not answered.
const NO_VIEWS: &str = "Views come later: design documents are stored and replicated, not run.";

/// The body of a design document, by its name.
pub fn open(database: &Database, name: &str) -> Result<Value, Problem> {
    let document = database.open(&format!("_design/{name}"), &OpenOptions::default())?;
    serde_json::from_str(document.body()).map_err(|_| Problem::bad_json())
}

/// Whether a design document has a function; CouchDB's answer otherwise.
pub fn check_function(design: &Value, kind: &str, name: &str) -> Result<(), Problem> {
    let missing = |key| Err(Problem::not_found(format!("missing json key: {key}")));
    match design.get(kind) {
        None => missing(kind),
        Some(functions) if functions.get(name).is_none() => missing(name),
        Some(_) => Ok(()),
    }
}

/// Why a function is not run.
const NO_JAVASCRIPT: &str = "JavaScript functions come later.";

fn body(call: &Call) -> Result<Value, Problem> {
    open(&*call.database()?, call.name("ddoc"))
}

/// A view: missing is told as CouchDB tells it; one that is there cannot be read yet.
pub fn view(call: &Call) -> Answer {
    Err(missing_view(&body(call)?, call.name("view")))
}

/// Why a view of a design document is not read.
pub fn missing_view(design: &Value, view: &str) -> Problem {
    match design.get("views").and_then(|views| views.get(view)) {
        None => Problem::not_found("missing_named_view"),
        Some(_) => Problem::not_implemented(NO_VIEWS),
    }
}

/// `GET _info`: there is no index.
pub fn info(call: &Call) -> Answer {
    body(call)?;
    Err(Problem::not_implemented("Views come later: there is no index to tell about."))
}

/// `_show`, `_list`, `_update`: a function that is not there is told as CouchDB tells it; one that is there is not run yet.
pub fn no_javascript(call: &Call) -> Answer {
    let kind = match call.target.segments.get(3).map(String::as_str) {
        Some("_show") => "shows",
        Some("_list") => "lists",
        _ => "updates",
    };
    let name = call.name("rest").split('/').next().unwrap_or_default();
    check_function(&body(call)?, kind, name)?;
    Err(Problem::not_implemented(NO_JAVASCRIPT))
}

/// `_show`, `_list`, `_update` without the name of a function.
pub fn no_function(call: &Call) -> Answer {
    body(call)?;
    Err(invalid_path(match call.target.segments.get(3).map(String::as_str) {
        Some("_show") => "show_error",
        Some("_list") => "list_error",
        _ => "update_error",
    }))
}

/// `_rewrite`.
pub fn no_rewrites(call: &Call) -> Answer {
    match body(call)?.get("rewrites") {
        None => Err(invalid_path("rewrite_error")),
        Some(_) => Err(Problem::not_implemented("Rewrites come later.")),
    }
}

fn invalid_path(word: &'static str) -> Problem {
    Problem::new(404, word, "Invalid path.")
}

/// A design document whose slash was escaped: a reader is sent to the address that it has, as in CouchDB.
pub fn redirect(call: &Call) -> Option<Reply> {
    let (database, rest) = call.target.segments.split_first()?;
    let (first, others) = rest.split_first()?;
    let name = first.strip_prefix("_design/").filter(|name| !name.is_empty())?;
    let mut path = vec![database.as_str(), "_design", name];
    path.extend(others.iter().map(String::as_str));
    let mut location = call.location(&path);
    if !call.target.query_text.is_empty() {
        location = format!("{location}?{}", call.target.query_text);
    }
    Some(Reply::empty(301).header("Location", &location))
}

/// `POST _temp_view`: CouchDB has none any more.
pub fn no_temporary_views(_call: &Call) -> Answer {
    Err(Problem::new(410, "gone", "Temporary views are not supported in CouchDB"))
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
