//! From what a client wrote to an edit that may be made, and from what was written to an answer.

use serde_json::json;

use super::call::Call;
use super::problem::Problem;
use super::reply::{Answer, Reply};
use super::{design, design_check, users};
use crate::documents::{
    Database, DocumentError, Edit, EditMode, ParsedDocument, Revision, RevisionPath, UpdateOptions,
    Written,
};
use crate::journal::Durability;

/// The database whose documents are replications.
pub const REPLICATOR: &str = "_replicator";

/// Checks what a client wants to write as the document `id`.
pub fn prepare(
    call: &Call,
    database: &Database,
    parsed: ParsedDocument,
    id: String,
) -> Result<Edit, Problem> {
    database.check_id(&id)?;
    let edit = parsed.into_edit(id);
    permit(call, database, &edit.id)?;
    if !edit.deleted {
        design_check::check(database, &edit.id, edit.body.as_str())?;
    }
    Ok(edit)
}

/// The guards that every edit passes right before it is written, whichever way it came, its base known.
pub fn guard(
    call: &Call,
    database: &Database,
    edit: &mut Edit,
    mode: EditMode,
) -> Result<(), Problem> {
    if !edit.deleted {
        design::check_rules(call, database, edit)?;
    }
    if users::is_users(&call.app, database.name())? {
        users::guard(call, database, edit, mode)?;
    }
    Ok(())
}

/// Design documents are for admins of the database; those of `_replicator` for server admins, whoever else may write
/// there: what they ask for is done on every database of this server.
pub fn permit(call: &Call, database: &Database, id: &str) -> Result<(), Problem> {
    if database.name() == REPLICATOR && !call.user.is_admin() {
        return Err(Problem::unauthorized("You are not a server admin."));
    }
    if id.starts_with("_design/") && !call.is_database_admin(database)? {
        return Err(Problem::unauthorized("You are not a db or server admin."));
    }
    Ok(())
}

/// The reason when a replicated document does not say which revision it is.
pub const NO_REVISION: &str =
    "When `new_edits: false`, the document needs `_rev` or `_revisions` specified";

/// How a request wants its edit taken.
pub fn mode(call: &Call) -> EditMode {
    match call.parameter("new_edits") {
        Some("false") => EditMode::Replicated,
        _ => EditMode::Interactive,
    }
}

/// Whether the client does not want to wait for the disk.
pub fn is_batch(call: &Call) -> bool {
    call.parameter("batch") == Some("ok")
}

/// Writes one edit.
pub fn write(
    call: &Call,
    database: &Database,
    mut edit: Edit,
    mode: EditMode,
) -> Result<Written, Problem> {
    guard(call, database, &mut edit, mode)?;
    let durability = if is_batch(call) { Durability::Buffered } else { Durability::Sync };
    let written = database.update(vec![edit], UpdateOptions { mode, durability });
    let written = written.into_iter().next().unwrap_or(Err(DocumentError::DatabaseGone));
    let written = written?;
    call.app.stats.note_write(written.rev.depth);
    Ok(written)
}

/// `{"ok":true,"id":...,"rev":...}`, with the `ETag` of the revision.
pub fn written(status: u16, written: &Written) -> Reply {
    let (id, rev) = (json!(written.id), &written.rev);
    let body = format!("{{\"ok\":true,\"id\":{id},\"rev\":{}}}\n", json!(rev.to_string()));
    Reply::text(status, body)
}

/// The answer to `batch=ok`: without a revision, since nobody has waited for it.
pub fn accepted(written: &Written) -> Reply {
    Reply::text(202, format!("{{\"ok\":true,\"id\":{}}}\n", json!(written.id)))
}

/// The revision that a request stands on: from the query or `If-Match`. They must not differ, nor from the document's own.
pub fn base(call: &Call, in_body: Option<&Revision>) -> Result<Option<Revision>, Problem> {
    let parse = |text: &str| text.parse::<Revision>().map_err(|_| Problem::bad_rev());
    let in_query = call.parameter("rev").map(parse).transpose()?;
    let etag = call.header("if-match").map(|tag| tag.trim().trim_matches('"'));
    let in_header = etag.filter(|tag| *tag != "*").map(parse).transpose()?;
    if let (Some(query), Some(body)) = (&in_query, in_body)
        && query != body
    {
        let reason = "Document rev from request body and query string have different values";
        return Err(Problem::bad_request(reason));
    }
    let given = in_query.or_else(|| in_body.cloned());
    if let (Some(given), Some(header)) = (&given, &in_header)
        && given != header
    {
        return Err(Problem::bad_request("Document rev and etag have different values"));
    }
    Ok(given.or(in_header))
}

/// The path of one revision, or of none.
pub fn path(revision: Option<Revision>) -> RevisionPath {
    revision.map_or_else(RevisionPath::none, RevisionPath::from)
}

/// The number of a local document's revision: `0-N`.
pub fn standing_number(revision: &Revision) -> Result<u64, Problem> {
    let number = revision.hash.to_string().parse().ok();
    number.filter(|_| revision.depth == 0).ok_or_else(Problem::bad_rev)
}

/// Writes a document that was read, and answers as `PUT` does.
pub fn put_parsed(call: &Call, database: &Database, parsed: ParsedDocument, id: String) -> Answer {
    let mode = mode(call);
    let base = base(call, parsed.revisions.newest().as_ref())?;
    let mut edit = prepare(call, database, parsed, id)?;
    if edit.revisions.is_none() {
        edit.revisions = path(base);
    }
    if mode == EditMode::Replicated && edit.revisions.is_none() {
        return Err(Problem::bad_request(NO_REVISION));
    }
    let status = if edit.deleted { 200 } else { 201 };
    let done = write(call, database, edit, mode)?;
    if is_batch(call) {
        return Ok(accepted(&done));
    }
    let location = call.location(&[call.name("db"), &done.id]);
    Ok(with_etag(written(status, &done), &done).header("Location", &location))
}

/// With the `ETag` of what was written.
pub fn with_etag(reply: Reply, written: &Written) -> Reply {
    reply.etag(&written.rev.to_string())
}
