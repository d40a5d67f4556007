//! `_bulk_get`: many revisions of many documents in one request.

use std::io::Write;
use std::sync::Arc;

use serde_json::{Value, json};

use super::body::RequestBody;
use super::call::Call;
use super::document::{inline_beyond, members_of_revision};
use super::multipart_out::Parts;
use super::problem::Problem;
use super::reply::Answer;
use super::revisions::{common_depth, revision};
use super::spill::broken;
use crate::documents::{
    AttachmentMembers, Database, DocumentError, Members, OpenRev, OpenRevs, Revision,
};

/// Bytes of documents in one answer of parts.
const HELD_BYTES_MAX: usize = 64 << 20;

/// What is asked for: a document, one of its revisions or all leaves, what the client has of it.
struct Item {
    id: String,
    rev: Option<Revision>,
    known: Option<Vec<Revision>>,
}

/// An item that cannot be answered.
struct Refusal {
    id: Value,
    rev: Value,
    problem: Problem,
}

impl Refusal {
    /// As an object.
    fn text(&self) -> String {
        let (error, reason) = (json!(self.problem.error), json!(self.problem.reason));
        let (id, rev) = (&self.id, &self.rev);
        format!("{{\"id\":{id},\"rev\":{rev},\"error\":{error},\"reason\":{reason}}}")
    }

    /// As an item of a list of documents.
    fn item(&self) -> String {
        format!("{{\"error\":{}}}", self.text())
    }
}

fn parse(item: &Value) -> Result<Item, Box<Refusal>> {
    let id = item.get("id").cloned().unwrap_or(Value::Null);
    let rev = item.get("rev").cloned().unwrap_or(Value::Null);
    let refuse = |problem| Box::new(Refusal { id: id.clone(), rev: rev.clone(), problem });
    let Some(text) = id.as_str() else {
        return Err(refuse(Problem::bad_request("document id missed")));
    };
    let parsed = match &rev {
        Value::Null => None,
        rev => Some(revision(rev).map_err(refuse)?),
    };
    let known = item.get("atts_since").and_then(Value::as_array);
    let known = known.map(|list| list.iter().map(revision).collect::<Result<_, _>>());
    let known = known.transpose().map_err(refuse)?;
    Ok(Item { id: text.to_owned(), rev: parsed, known })
}

fn find(database: &Database, item: &Item, latest: bool) -> Result<Vec<OpenRev>, Box<Refusal>> {
    let asked = match &item.rev {
        None => OpenRevs::All,
        Some(rev) => OpenRevs::These(vec![rev.clone()]),
    };
    let found = database.open_revs(&item.id, &asked, latest);
    // Of a document that never was there is nothing to tell a revision of.
    let found = found.and_then(|found| match found.is_empty() {
        true => Err(DocumentError::MISSING),
        false => Ok(found),
    });
    found.map_err(|error| {
        let rev =
            item.rev.as_ref().map_or_else(|| json!("undefined"), |rev| json!(rev.to_string()));
        Box::new(Refusal { id: json!(item.id), rev, problem: error.into() })
    })
}

/// `POST _bulk_get`.
pub async fn bulk_get(mut call: Call, body: &mut RequestBody) -> Answer {
    let app = call.app.clone();
    call.body = body.read(&call.headers, app.options.body_bytes_max).await?;
    let mut asked = call.object()?;
    let docs = match asked.get_mut("docs").map(Value::take) {
        Some(Value::Array(docs)) => Some(docs),
        _ => None,
    };
    let docs = docs.ok_or_else(|| Problem::bad_request("Missing JSON list of 'docs'."))?;
    let max =
        usize::try_from(app.service.number("couchdb", "max_bulk_get_count")?).unwrap_or(usize::MAX);
    if docs.len() > max {
        return Err(Problem::new(413, "max_bulk_get_count_exceeded", max.to_string()));
    }
    let media =
        ["multipart/related", "multipart/mixed"].into_iter().find(|media| call.wants(media));
    let call = Arc::new(call);
    match media {
        Some(media) => in_parts(call, docs, media).await,
        None => app.written(move |out| write(out, &call, &docs)).await,
    }
}

fn write(out: &mut dyn Write, call: &Call, docs: &[Value]) -> Result<(), Problem> {
    let (database, members) = (call.database()?, members_of_revision(call));
    put(out, "{\"results\":[")?;
    for (index, doc) in docs.iter().enumerate() {
        call.check_client()?;
        let comma = if index == 0 { "" } else { "," };
        let id = doc.get("id").cloned().unwrap_or(Value::Null);
        put(out, &format!("{comma}{{\"id\":{id},\"docs\":["))?;
        match parse(doc).and_then(|item| Ok((find(&database, &item, call.flag("latest"))?, item))) {
            Err(refusal) => put(out, &refusal.item())?,
            Ok((found, item)) => {
                call.app.stats.reads.add(found.len());
                for (index, found) in found.iter().enumerate() {
                    put(out, if index == 0 { "" } else { "," })?;
                    write_found(out, found, &item, &members)?;
                }
            }
        }
        put(out, "]}")?;
    }
    put(out, "]}\n")
}

fn put(out: &mut dyn Write, text: &str) -> Result<(), Problem> {
    out.write_all(text.as_bytes()).map_err(|error| broken(&error))
}

fn write_found(
    out: &mut dyn Write,
    found: &OpenRev,
    item: &Item,
    members: &Members,
) -> Result<(), Problem> {
    match found {
        OpenRev::Missing(rev) => {
            let (id, rev) = (json!(item.id), json!(rev.to_string()));
            let problem = Problem::missing();
            put(out, &Refusal { id, rev, problem }.item())?;
        }
        OpenRev::Found(document) => {
            let mut members = members.clone();
            // What the client has is left out of the contents; whether it wants any, `attachments` says.
            if let (Some(known), AttachmentMembers::Inline) = (&item.known, members.attachments) {
                members.attachments = inline_beyond(common_depth(document, known)?);
            }
            put(out, "{\"ok\":")?;
            document.write_json(out, &members)?;
            put(out, "}")?;
        }
    }
    Ok(())
}

async fn in_parts(call: Arc<Call>, docs: Vec<Value>, media: &'static str) -> Answer {
    let app = call.app.clone();
    let gathered = app.work({
        let app = app.clone();
        move || gather(&call, &docs, Parts::bulk(&app, media))
    });
    gathered.await??.reply(&app).await
}

fn gather(call: &Call, docs: &[Value], mut parts: Parts) -> Result<Parts, Problem> {
    let (database, members) = (call.database()?, members_of_revision(call));
    let mut held_bytes = 0;
    for doc in docs {
        call.check_client()?;
        let found =
            parse(doc).and_then(|item| Ok((find(&database, &item, call.flag("latest"))?, item)));
        let (found, item) = match found {
            Ok(found) => found,
            Err(refusal) => {
                let id = refusal.id.as_str().unwrap_or_default();
                parts.push(
                    &format!(
                        "X-Doc-Id: {}\r\nContent-Type: application/json; error=\"true\"",
                        plain(id)
                    ),
                    &refusal.text(),
                );
                continue;
            }
        };
        for found in found {
            let document = match found {
                OpenRev::Found(document) => document,
                OpenRev::Missing(rev) => {
                    let (id, rev) = (json!(item.id), json!(rev.to_string()));
                    let refusal = Refusal { id, rev, problem: Problem::missing() };
                    parts.push("Content-Type: application/json; error=\"true\"", &refusal.text());
                    continue;
                }
            };
            // Parts are held until they are sent; JSON is sent as it is made.
            held_bytes += document.body().len();
            if held_bytes > HELD_BYTES_MAX {
                let reason =
                    "the parts are too large together; ask for fewer documents, or for JSON";
                return Err(Problem::new(413, "too_large", reason));
            }
            let headers = format!(
                "X-Doc-Id: {}\r\nX-Rev-Id: {}\r\n",
                plain(document.id()),
                document.revision()
            );
            let known = item.known.as_deref().unwrap_or_default();
            parts.push_document(&headers, *document, &members, known)?;
        }
    }
    Ok(parts)
}

/// An id in a header: without line breaks.
fn plain(id: &str) -> String {
    id.replace(['\r', '\n'], " ")
}
