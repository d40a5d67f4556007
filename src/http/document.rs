//! One document: read, written, copied, deleted.

use std::io::Write;
use std::sync::Arc;

use serde_json::Value;

use super::body::RequestBody;
use super::call::Call;
use super::edits;
use super::multipart_out::{self, Parts};
use super::multipart_put;
use super::problem::Problem;
use super::reply::{Answer, Reply};
use super::revisions::{common_depth, revision};
use super::secrets;
use super::spill::broken;
use crate::documents::{
    AttachmentMembers, Document, Edit, EditMode, Members, OpenOptions, OpenRev, OpenRevs, Revision,
    check_id,
};

impl Call {
    /// The id that the path names: of a document, or of a design document.
    pub fn document_id(&self) -> String {
        match self.name("ddoc") {
            "" => self.name("doc").to_owned(),
            name => format!("_design/{name}"),
        }
    }
}

/// `GET`: the winner or a revision, several revisions with `open_revs`.
pub async fn get(call: Call, _body: &mut RequestBody) -> Answer {
    if call.name("doc").starts_with("_local/") {
        return call.app.clone().work(move || super::local::get(&call)).await?;
    }
    if let Some(elsewhere) = super::design::redirect(&call) {
        return Ok(elsewhere);
    }
    let app = call.app.clone();
    let call = Arc::new(call);
    if call.parameter("open_revs").is_some() {
        return open_revs(call).await;
    }
    let found = app.work({
        let call = call.clone();
        move || find(&call)
    });
    let (document, members) = found.await??;
    let tag = tag_of(&document, &members)?;
    if let Some(known) = tag.as_ref().filter(|tag| is_known(&call, tag)) {
        return Ok(Reply::empty(304).etag(known));
    }
    let has_content = !matches!(members.attachments, AttachmentMembers::Stubs);
    let in_parts = has_content && call.accepts("multipart/related");
    let reply = if in_parts && !document.attachments().is_empty() {
        multipart_out::related(&call.app, *document, members).await?
    } else {
        app.written(move |out| line(out, &document, &members)).await?
    };
    Ok(match tag {
        Some(tag) => reply.etag(&tag),
        None => reply,
    })
}

/// `GET` of what is read in one go: one revision without contents of attachments. `None` for anything else.
pub fn get_at_once(call: &Call) -> Result<Option<Reply>, Problem> {
    if let Some(elsewhere) = super::design::redirect(call) {
        return Ok(Some(elsewhere));
    }
    let is_larger = |name: &&str| call.parameter(name).is_some();
    if call.name("doc").starts_with("_local/")
        || ["open_revs", "attachments", "atts_since"].iter().any(is_larger)
    {
        return Ok(None);
    }
    let (document, members) = find(call)?;
    let tag = tag_of(&document, &members)?;
    if let Some(known) = tag.as_ref().filter(|tag| is_known(call, tag)) {
        return Ok(Some(Reply::empty(304).etag(known)));
    }
    let mut text = Vec::with_capacity(document.body().len() + 128);
    line(&mut text, &document, &members)?;
    let reply = Reply::text(200, text);
    Ok(Some(match tag {
        Some(tag) => reply.etag(&tag),
        None => reply,
    }))
}

/// The `ETag`: the revision, where it stands for everything that is answered.
fn tag_of(document: &Document, members: &Members) -> Result<Option<String>, Problem> {
    let more = members.revs_info
        || members.local_seq
        || (members.conflicts && !document.conflicts()?.is_empty())
        || (members.deleted_conflicts && !document.deleted_conflicts()?.is_empty());
    Ok((!more).then(|| document.revision().to_string()))
}

fn is_known(call: &Call, tag: &str) -> bool {
    let known = call.header("if-none-match").unwrap_or_default();
    known.split(',').any(|known| known.trim().trim_start_matches("W/").trim_matches('"') == tag)
}

fn line(out: &mut dyn Write, document: &Document, members: &Members) -> Result<(), Problem> {
    document.write_json(out, members)?;
    out.write_all(b"\n").map_err(|error| broken(&error))
}

/// How attachments appear in JSON where the client has those up to a depth.
pub fn inline_beyond(common_depth: Option<u64>) -> AttachmentMembers {
    common_depth.map_or(AttachmentMembers::Inline, AttachmentMembers::InlineSince)
}

fn find(call: &Call) -> Result<(Box<Document>, Members), Problem> {
    let database = call.database()?;
    let rev = call.parameter("rev").map(str::parse).transpose().map_err(|_| Problem::bad_rev())?;
    let mut members = if rev.is_some() { members_of_revision(call) } else { members(call) };
    let known = known_revisions(call)?;
    let options = OpenOptions {
        rev,
        latest: call.flag("latest"),
        deleted: call.flag("deleted"),
        revs_info: members.revs_info,
    };
    let document = database.open(&call.document_id(), &options)?;
    call.app.stats.reads.one();
    if let Some(known) = known {
        members.attachments = inline_beyond(common_depth(&document, &known)?);
    }
    Ok((Box::new(document), members))
}

/// Which members a request asks for that names revisions: those that tell of the whole document are left out, as in CouchDB.
pub fn members_of_revision(call: &Call) -> Members {
    Members {
        revs_info: false,
        local_seq: false,
        conflicts: false,
        deleted_conflicts: false,
        ..members(call)
    }
}

/// Which members a request asks for.
fn members(call: &Call) -> Members {
    let meta = call.flag("meta");
    Members {
        revs: call.flag("revs"),
        revs_info: meta || call.flag("revs_info"),
        local_seq: call.flag("local_seq"),
        conflicts: meta || call.flag("conflicts"),
        deleted_conflicts: meta || call.flag("deleted_conflicts"),
        att_encoding_info: call.flag("att_encoding_info"),
        attachments: match call.flag("attachments") {
            true => AttachmentMembers::Inline,
            false => AttachmentMembers::Stubs,
        },
        mask: secrets::mask(call),
    }
}

/// The revisions whose attachments the client has: `atts_since`.
fn known_revisions(call: &Call) -> Result<Option<Vec<Revision>>, Problem> {
    call.parameter("atts_since").map(revisions).transpose()
}

fn revisions(text: &str) -> Result<Vec<Revision>, Problem> {
    let list: Vec<Value> = serde_json::from_str(text).map_err(|_| Problem::bad_json())?;
    list.iter().map(revision).collect()
}

async fn open_revs(call: Arc<Call>) -> Answer {
    let asked = call.parameter("open_revs").unwrap_or_default();
    let asked = match asked {
        "all" => OpenRevs::All,
        list => OpenRevs::These(revisions(list)?),
    };
    let known = known_revisions(&call)?;
    let app = call.app.clone();
    let found = app.work({
        let call = call.clone();
        move || {
            Ok::<_, Problem>(call.database()?.open_revs(
                &call.document_id(),
                &asked,
                call.flag("latest"),
            )?)
        }
    });
    let found = found.await??;
    app.stats.reads.add(found.len());
    let members = members_of_revision(&call);
    if call.accepts("multipart/mixed") {
        let mut parts = Parts::mixed(&call.app);
        for item in found {
            parts.push_revision(item, &members, known.as_deref().unwrap_or_default())?;
        }
        return parts.reply(&call.app).await;
    }
    app.written(move |out| {
        write_revs(out, &found, &members, known.as_deref())?;
        out.write_all(b"\n").map_err(|error| broken(&error))
    })
    .await
}

/// `[{"ok":...},{"missing":...}]`.
pub fn write_revs(
    out: &mut dyn Write,
    found: &[OpenRev],
    members: &Members,
    known: Option<&[Revision]>,
) -> Result<(), Problem> {
    let put = |out: &mut dyn Write, text: &str| {
        out.write_all(text.as_bytes()).map_err(|error| broken(&error))
    };
    put(out, "[")?;
    for (index, item) in found.iter().enumerate() {
        put(out, if index == 0 { "" } else { "," })?;
        match item {
            OpenRev::Missing(rev) => {
                put(out, &format!("{{\"missing\":{}}}", serde_json::json!(rev.to_string())))?;
            }
            OpenRev::Found(document) => {
                let mut members = members.clone();
                if let Some(known) = known {
                    members.attachments = inline_beyond(common_depth(document, known)?);
                }
                put(out, "{\"ok\":")?;
                document.write_json(out, &members)?;
                put(out, "}")?;
            }
        }
    }
    put(out, "]")
}

/// `PUT`: JSON, or multipart with attachments that follow.
pub async fn put(mut call: Call, body: &mut RequestBody) -> Answer {
    let id = call.document_id();
    if id.starts_with("_local/") {
        call.body =
            body.read(&call.headers, call.app.databases.limits().max_document_bytes).await?;
        return call.app.clone().work(move || super::local::put(&call)).await?;
    }
    check_id(&id)?;
    let app = call.app.clone();
    if call.content_type() == Some("multipart/related") {
        return multipart_put::put(call, id, body).await;
    }
    call.body = body.read(&call.headers, app.options.body_bytes_max).await?;
    app.work(move || {
        let parsed = call.parse_document()?;
        let database = call.database()?;
        edits::put_parsed(&call, &database, parsed, id)
    })
    .await?
}

/// `POST /{db}`: the id is in the document, or is made.
pub fn post(call: &Call) -> Answer {
    let mut parsed = call.parse_document()?;
    let database = call.database()?;
    let id = parsed.id.take().map_or_else(|| call.app.new_id(), Ok)?;
    if id.starts_with("_local/") {
        let base = parsed.revisions.newest();
        return super::local::put_parsed(call, &database, &id, &parsed, base.as_ref());
    }
    let edit = edits::prepare(call, &database, parsed, id)?;
    let written = edits::write(call, &database, edit, EditMode::Interactive)?;
    if edits::is_batch(call) {
        return Ok(edits::accepted(&written));
    }
    let location = call.location(&[call.name("db"), &written.id]);
    Ok(edits::written(201, &written).header("Location", &location))
}

/// `POST` to a document: only forms of old pages did that. They are not read here; what CouchDB refuses first is refused first.
pub fn form(call: &Call) -> Answer {
    if call.header("referer").is_none() {
        return Err(Problem::bad_request("Referer header required."));
    }
    if call.content_type() != Some("multipart/form-data") {
        let reason = "Content-Type must be multipart/form-data";
        return Err(Problem::new(415, "bad_content_type", reason));
    }
    Err(Problem::not_implemented("Documents are not written by forms: use PUT."))
}

/// `DELETE`: a tombstone on a leaf.
pub fn delete(call: &Call) -> Answer {
    let (database, id) = (call.database()?, call.document_id());
    edits::permit(call, &database, &id)?;
    let base = edits::base(call, None)?;
    // What is not there, or is deleted, is told before the revision is looked at.
    database.open(&id, &OpenOptions::default())?;
    if base.is_none() {
        return Err(Problem::conflict());
    }
    let edit = Edit {
        id,
        revisions: edits::path(base),
        deleted: true,
        body: crate::documents::Body::empty(),
        attachments: Vec::new(),
    };
    let written = edits::write(call, &database, edit, EditMode::Interactive)?;
    if edits::is_batch(call) {
        return Ok(edits::accepted(&written));
    }
    Ok(edits::with_etag(edits::written(200, &written), &written))
}
