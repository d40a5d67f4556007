//! `_bulk_docs`: many documents in one request, one transaction in each shard.

use serde_json::json;

use super::call::Call;
use super::edits::{self, NO_REVISION};
use super::local;
use super::problem::Problem;
use super::reply::{Answer, Reply};
use crate::documents::{
    Database, DocumentError, Edit, EditMode, ParseLimits, ParsedBulk, ParsedDocument, Written,
    parse_bulk,
};

/// What became of one document of the request.
enum Row {
    Written(Written),
    Local { id: String, rev: u64 },
    Refused { id: String, problem: Problem },
}

/// Writes them. The answer has a row for each; a replication only hears of those that were refused.
pub fn bulk_docs(call: &Call) -> Answer {
    call.app.stats.bulk_requests.one();
    let docs = usize::try_from(call.app.service.number("couchdb", "max_bulk_docs_count")?)
        .unwrap_or(usize::MAX);
    let limits = ParseLimits { docs, ..call.parse_limits() };
    let ParsedBulk { docs, new_edits, all_or_nothing, .. } = parse_bulk(&call.body, &limits)?;
    if all_or_nothing {
        return Ok(refuse_all(docs));
    }
    let is_replicated = new_edits == Some(false) || call.parameter("new_edits") == Some("false");
    let mode = if is_replicated { EditMode::Replicated } else { EditMode::Interactive };
    let database = call.database()?;
    let rows = rows(call, &database, docs, mode)?;
    let rows = rows
        .iter()
        .filter(|row| mode == EditMode::Interactive || matches!(row, Row::Refused { .. }));
    let mut text = String::from("[");
    for row in rows {
        if text.len() > 1 {
            text.push(',');
        }
        text.push_str(&print(row));
    }
    text.push_str("]\n");
    Ok(Reply::text(201, text))
}

fn refuse_all(docs: Vec<ParsedDocument>) -> Reply {
    let rows = docs.into_iter().map(|doc| {
        json!({
            "id": doc.id, "rev": doc.rev.map_or_else(|| "0-".to_owned(), |rev| rev.to_string()),
            "error": "not_implemented", "reason": "all_or_nothing is not supported",
        })
    });
    Reply::json(417, &rows.collect::<Vec<_>>())
}

fn rows(
    call: &Call,
    database: &Database,
    docs: Vec<ParsedDocument>,
    mode: EditMode,
) -> Result<Vec<Row>, Problem> {
    let mut rows: Vec<Option<Row>> = Vec::with_capacity(docs.len());
    let mut edits: Vec<Edit> = Vec::with_capacity(docs.len());
    let mut ids = Vec::with_capacity(docs.len());
    for mut parsed in docs {
        call.check_client()?;
        let id = parsed.id.take().map_or_else(|| call.app.new_id(), Ok)?;
        if id.starts_with("_local/") {
            rows.push(Some(write_local(call, database, id, &parsed)));
            continue;
        }
        if mode == EditMode::Replicated && parsed.revisions.is_none() {
            return Err(Problem::bad_request(NO_REVISION));
        }
        let edit = edits::prepare(call, database, parsed, id.clone()).and_then(|mut edit| {
            edits::guard(call, database, &mut edit, mode)?;
            Ok(edit)
        });
        match edit {
            Ok(edit) => {
                ids.push(id);
                edits.push(edit);
                rows.push(None);
            }
            // Whoever may not is told so for that document; what makes no sense fails the request.
            Err(problem) if matches!(problem.status, 401 | 403) => {
                rows.push(Some(Row::Refused { id, problem }));
            }
            Err(problem) => return Err(problem),
        }
    }
    let written = database.update(edits, mode);
    let mut written = ids.into_iter().zip(written);
    let filled = rows.into_iter().map(|row| match row {
        Some(row) => row,
        None => match written.next() {
            Some((_, Ok(written))) => {
                call.app.stats.note_write(written.rev.depth);
                Row::Written(written)
            }
            Some((id, Err(error))) => Row::Refused { id, problem: error.into() },
            None => Row::Refused { id: String::new(), problem: DocumentError::DatabaseGone.into() },
        },
    });
    Ok(filled.collect())
}

fn write_local(call: &Call, database: &Database, id: String, parsed: &ParsedDocument) -> Row {
    match local::write(call, database, &id, parsed, parsed.revisions.newest().as_ref()) {
        Ok(written) => Row::Local { id, rev: written.rev },
        Err(problem) => Row::Refused { id, problem },
    }
}

fn print(row: &Row) -> String {
    match row {
        Row::Written(Written { id, rev }) => {
            format!("{{\"ok\":true,\"id\":{},\"rev\":{}}}", json!(id), json!(rev.to_string()))
        }
        Row::Local { id, rev } => {
            format!("{{\"ok\":true,\"id\":{},\"rev\":\"0-{rev}\"}}", json!(id))
        }
        Row::Refused { id, problem } => {
            let (error, reason) = (json!(problem.error), json!(problem.reason));
            format!("{{\"id\":{},\"error\":{error},\"reason\":{reason}}}", json!(id))
        }
    }
}
