//! Local documents: never replicated, one revision each. Replicators keep their checkpoints in them.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use serde_json::{Map, Value, json};

use super::call::Call;
use super::edits::standing_number;
use super::problem::Problem;
use super::reply::{Answer, Reply};
use super::rows_query::RowsQuery;
use crate::documents::{Body, Database, LocalDocument, ParsedDocument, Revision, parse_document};

fn id(call: &Call) -> String {
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
    let base = super::edits::base(call, parsed.rev.as_ref())?;
    if parsed.deleted {
        database.local_remove(&id)?;
        return Ok(answer(200, &id, 0, ""));
    }
    let written = write(&database, &id, &parsed, base.as_ref())?;
    let location = call.location(&[call.name("db"), &id]);
    Ok(answer(201, &id, written.rev, &written.body).header("Location", &location))
}

/// Writes a local document that stands on `base`.
pub fn write(
    database: &Database,
    id: &str,
    parsed: &ParsedDocument,
    base: Option<&Revision>,
) -> Result<LocalDocument, Problem> {
    if !parsed.attachments.is_empty() {
        return Err(Problem::bad_request("Local documents cannot have attachments"));
    }
    let number = base.map(standing_number).transpose()?;
    Ok(database.local_put(id, number, &parsed.body)?)
}

fn answer(status: u16, id: &str, rev: u64, body: &str) -> Reply {
    let text = format!("{{\"ok\":true,\"id\":{},\"rev\":\"0-{rev}\"}}\n", json!(id));
    Reply::text(status, text).etag(&tag(&format!("{id} {rev} {body}")))
}

/// `DELETE`.
pub fn delete(call: &Call) -> Answer {
    let id = id(call);
    call.database()?.local_remove(&id)?;
    Ok(answer(200, &id, 0, ""))
}

/// `COPY`: to another local document or to a document.
pub fn copy(call: &Call) -> Answer {
    let destination =
        call.header("destination").filter(|destination| destination.starts_with("_local/"));
    let destination = destination
        .ok_or_else(|| Problem::bad_request("Destination header is mandatory for COPY."))?;
    let database = call.database()?;
    let source = database.local_get(&id(call))?;
    let body: Body = parse_document(source.body.as_bytes())?.body;
    let written = database.local_put(destination, None, &body)?;
    Ok(answer(201, destination, written.rev, &written.body))
}

/// `_local_docs`.
pub fn rows(call: &Call) -> Answer {
    let mut query = RowsQuery::of_call(call)?;
    if !call.body.is_empty() {
        query = query.with_body(&call.json::<Map<String, Value>>()?)?;
    }
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
