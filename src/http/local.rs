//! Local documents: never replicated, one revision each. Replicators keep their checkpoints in them.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use serde_json::{Map, Value, json};

use super::call::Call;
use super::edits::standing_number;
use super::problem::Problem;
use super::reply::{Answer, Reply};
use super::rows_query::RowsQuery;
use crate::documents::{
    Database, DocumentError, LocalDocument, ParsedDocument, Revision, check_id,
};

/// The id that the path names.
pub fn id(call: &Call) -> String {
    match call.name("local") {
        "" => call.name("doc").to_owned(),
        name => format!("_local/{name}"),
    }
}

/// An `ETag` for what has no revision that tells contents apart.
pub fn tag(text: &str) -> String {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    format!("{:016X}", hasher.finish())
}

/// `GET`.
pub fn get(call: &Call) -> Answer {
    let text = call.database()?.local_get(&id(call))?.to_json();
    let tag = tag(&text);
    Ok(Reply::text(200, text + "\n").etag(&tag))
}

/// `PUT`: whatever revision is given, the next one is written.
pub fn put(call: &Call) -> Answer {
    let (database, id) = (call.database()?, id(call));
    let parsed = call.parse_document()?;
    let base = super::edits::base(call, parsed.revisions.newest().as_ref())?;
    put_parsed(call, &database, &id, &parsed, base.as_ref())
}

/// Writes a local document that was read, and answers as `PUT` does.
pub fn put_parsed(
    call: &Call,
    database: &Database,
    id: &str,
    parsed: &ParsedDocument,
    base: Option<&Revision>,
) -> Answer {
    let written = write(call, database, id, parsed, base)?;
    let status = if parsed.deleted { 200 } else { 201 };
    let location = call.location(&[call.name("db"), id]);
    Ok(answer(status, id, written.rev, &written.body).header("Location", &location))
}

/// Writes a local document that stands on `base`, or removes it: then its revision is `0-0`, whether it was there or not. It
/// keeps no attachments, as in CouchDB.
pub fn write(
    call: &Call,
    database: &Database,
    id: &str,
    parsed: &ParsedDocument,
    base: Option<&Revision>,
) -> Result<LocalDocument, Problem> {
    permit(call, database)?;
    check_id(id)?;
    if parsed.deleted {
        return match database.local_remove(id) {
            Ok(()) | Err(DocumentError::NotFound { .. }) => {
                Ok(LocalDocument { id: id.to_owned(), rev: 0, body: String::new() })
            }
            Err(error) => Err(error.into()),
        };
    }
    let number = base.map(standing_number).transpose()?;
    Ok(database.local_put(id, number, &parsed.body)?)
}

/// In the server's own databases only server admins write local documents: a user may copy a document of his own there.
fn permit(call: &Call, database: &Database) -> Result<(), Problem> {
    let name = database.name();
    let is_own = name == super::edits::REPLICATOR || super::users::is_users(&call.app, name)?;
    if is_own && !call.user.is_admin() {
        return Err(Problem::unauthorized("You are not a server admin."));
    }
    Ok(())
}

fn answer(status: u16, id: &str, rev: u64, body: &str) -> Reply {
    let text = format!("{{\"ok\":true,\"id\":{},\"rev\":\"0-{rev}\"}}\n", json!(id));
    Reply::text(status, text).etag(&tag(&format!("{id} {rev} {body}")))
}

/// `DELETE`.
pub fn delete(call: &Call) -> Answer {
    let (database, id) = (call.database()?, id(call));
    permit(call, &database)?;
    database.local_remove(&id)?;
    Ok(answer(200, &id, 0, ""))
}

/// `_local_docs`.
pub fn rows(call: &Call) -> Answer {
    let mut query = RowsQuery::of_call(call)?;
    if !call.body.is_empty() {
        query = query.with_body(&call.json::<Map<String, Value>>()?)?;
    }
    let query = query.within_limits(call)?;
    call.check_rows(query.keys.as_ref().map_or(0, Vec::len))?;
    let database = call.database()?;
    let documents = match &query.keys {
        Some(keys) => keys
            .iter()
            .filter_map(Value::as_str)
            .filter_map(|id| database.local_get(id).ok())
            .collect(),
        None => database.local_list(&query.range())?,
    };
    let rows = documents.iter().map(|document| {
        let (id, rev) = (json!(document.id), document.rev_text());
        let doc = if query.include_docs {
            format!(",\"doc\":{}", document.to_json())
        } else {
            String::new()
        };
        format!("{{\"id\":{id},\"key\":{id},\"value\":{{\"rev\":\"{rev}\"}}{doc}}}")
    });
    let rows: Vec<_> = rows.collect();
    let first = if rows.is_empty() { "" } else { "\r\n" };
    let text = format!(
        "{{\"total_rows\":null,\"offset\":null,\"rows\":[{first}{}\r\n]}}\n",
        rows.join(",\r\n")
    );
    Ok(Reply::text(200, text))
}
