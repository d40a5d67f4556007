//! One attachment of a document.

use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::app::Pieces;
use super::body::RequestBody;
use super::call::Call;
use super::edits;
use super::keeping::{keeping, standing_on};
use super::problem::Problem;
use super::reply::{Answer, Reply};
use super::uploading::Uploading;
use crate::documents::{
    AttachmentEdit, AttachmentReader, AttachmentSource, Body, Database, DocumentError, Edit,
    EditMode, Encoding, OpenOptions, RevisionPath, StoredAttachment, UploadOptions, check_id,
};

/// Reads an attachment piece by piece.
struct Content(AttachmentReader);

impl Pieces for Content {
    fn next(&mut self) -> Option<Result<Vec<u8>, Problem>> {
        match self.0.next_chunk() {
            Ok(bytes) => Some(Ok(bytes?.to_vec())),
            Err(error) => Some(Err(error.into())),
        }
    }
}

/// What is sent of an attachment.
struct Found {
    content_type: String,
    tag: String,
    is_encoded: bool,
    length: u64,
    reader: AttachmentReader,
}

fn find(call: &Call) -> Result<Found, Problem> {
    let rev = call.parameter("rev").map(str::parse).transpose().map_err(|_| Problem::bad_rev())?;
    let options = OpenOptions { rev, ..OpenOptions::default() };
    // What is no document has no attachment: an id of two segments that was not escaped ends here.
    let document = call.database()?.open(&call.document_id(), &options)?;
    let name = call.name("attachment");
    let info = document.attachments().iter().find(|info| info.name == name);
    let info = info.ok_or(DocumentError::NoAttachment)?;
    let takes_gzip = call.header("accept-encoding").is_some_and(takes_gzip);
    let accept = if takes_gzip { Encoding::Gzip } else { Encoding::Identity };
    let is_encoded = info.encoding == Encoding::Gzip;
    let reader = document.attachment(name, accept)?;
    Ok(Found {
        content_type: info.content_type.clone(),
        tag: STANDARD.encode(info.md5),
        is_encoded,
        length: if is_encoded && takes_gzip { info.stored_length } else { info.length },
        reader,
    })
}

/// `GET`: its content, or a range of it where it is stored as it came.
pub async fn get(call: Call, _body: &mut RequestBody) -> Answer {
    if let Some(elsewhere) = super::design::redirect(&call) {
        return Ok(elsewhere);
    }
    let app = call.app.clone();
    let (found, call) = app.work(move || (find(&call), call)).await?;
    let Found { content_type, tag, is_encoded, length: total, reader } = found?;
    let known = call.header("if-none-match").unwrap_or_default();
    if known.trim().trim_matches('"') == tag {
        return Ok(Reply::empty(304).etag(&tag));
    }
    let range = if is_encoded {
        None
    } else {
        call.header("range").and_then(|range| parse_range(range, total))
    };
    let (status, reader, length) = match range {
        None => (200, reader, total),
        Some(Err(())) => {
            let problem = Problem::new(
                416,
                "requested_range_not_satisfiable",
                "Requested range not satisfiable",
            );
            return Err(problem.header("Content-Range", format!("bytes */{total}")));
        }
        Some(Ok(ref range)) => (206, reader.range(range.clone()), range.end - range.start),
    };
    let takes_gzip = call.header("accept-encoding").is_some_and(takes_gzip);
    let mut reply = if call.method == "HEAD" {
        Reply::empty(status)
    } else {
        app.stream(Content(reader)).await?
    };
    reply.status = status;
    if let (206, Some(Ok(range))) = (status, range) {
        let of = format!("bytes {}-{}/{total}", range.start, range.end.saturating_sub(1));
        reply = reply.header("Content-Range", &of);
    }
    if is_encoded && takes_gzip {
        reply = reply.header("Content-Encoding", "gzip");
    }
    Ok(reply
        .etag(&tag)
        .header("Content-Type", &content_type)
        .header("Content-Length", &length.to_string())
        .header("Accept-Ranges", if is_encoded { "none" } else { "bytes" })
        .header("Content-Security-Policy", "sandbox"))
}

/// Whether an `Accept-Encoding` takes gzip: it is named, or all are, with a weight above 0.
fn takes_gzip(header: &str) -> bool {
    let weight = |name: &str| {
        let named = header.split(',').map(|part| part.split_once(';').unwrap_or((part, "")));
        let mut named = named.filter(|(coding, _)| coding.trim().eq_ignore_ascii_case(name));
        let (_, weight) = named.next()?;
        let weight = weight.trim().strip_prefix("q=").map_or(Ok(1.0), |q| q.trim().parse::<f64>());
        Some(weight.is_ok_and(|weight| weight > 0.0))
    };
    weight("gzip").or_else(|| weight("*")).unwrap_or(false)
}

/// One range of bytes; `None` for what is to be ignored, `Err` for one behind the end.
fn parse_range(text: &str, length: u64) -> Option<Result<Range<u64>, ()>> {
    let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
    let (first, last) = (first.trim(), last.trim());
    let range = match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) if first <= last => first..last.saturating_add(1).min(length),
        (Ok(first), Err(_)) if last.is_empty() => first..length,
        (Err(_), Ok(last)) if first.is_empty() && last > 0 => length.saturating_sub(last)..length,
        _ => return None,
    };
    Some(if range.start < range.end { Ok(range) } else { Err(()) })
}

/// `PUT`: the document is made when it is not there.
pub async fn put(call: Call, body: &mut RequestBody) -> Answer {
    let name = call.name("attachment").to_owned();
    if name.starts_with('_') {
        let reason = format!("Attachment name '{name}' starts with prohibited character '_'");
        return Err(Problem::bad_request(reason));
    }
    check_id(&call.document_id())?;
    let app = call.app.clone();
    let content_type = call.header("content-type").unwrap_or("application/octet-stream").to_owned();
    let encoding = encoding(call.header("content-encoding").unwrap_or("identity"))?;
    let options = UploadOptions {
        content_type: content_type.clone(),
        expected_length: body.announced(),
        encoding,
        name: name.clone(),
    };
    // A conflict is told before the content is taken.
    let (based, call) = app.work(move || (based(&call), call)).await?;
    let base = based?;
    let mut upload = Uploading::begin(&call, call.document_id(), options).await?;
    while let Some(bytes) = body.piece().await? {
        upload.write(bytes).await?;
    }
    let stored = upload.finish().await?;
    check_digest(&call, &stored)?;
    let attachment = AttachmentEdit {
        name,
        content_type: Some(content_type),
        revpos: None,
        digest: None,
        source: AttachmentSource::Stored(stored),
    };
    app.work(move || replace(&call, base, Some(attachment), 201)).await?
}

fn encoding(header: &str) -> Result<Encoding, Problem> {
    match header.trim().to_ascii_lowercase().as_str() {
        "gzip" => Ok(Encoding::Gzip),
        "identity" | "" => Ok(Encoding::Identity),
        _ => {
            let reason = "Only gzip and identity content-encodings are supported";
            Err(Problem::new(415, "bad_content_type", reason))
        }
    }
}

fn check_digest(call: &Call, stored: &StoredAttachment) -> Result<(), Problem> {
    let given = call.header("content-md5").map(|given| given.trim().to_owned());
    if given.is_some_and(|given| given != STANDARD.encode(stored.received_md5())) {
        return Err(DocumentError::DigestMismatch.into());
    }
    Ok(())
}

/// What a changed document keeps: its revision, its body, its other attachments.
struct Base {
    revisions: RevisionPath,
    body: Body,
    attachments: Vec<AttachmentEdit>,
}

fn based(call: &Call) -> Result<Base, Problem> {
    let (database, id) = (call.database()?, call.document_id());
    edits::permit(call, &database, &id)?;
    let given = edits::base(call, None)?;
    let options = OpenOptions { rev: given.clone(), ..OpenOptions::default() };
    match database.open(&id, &options) {
        Ok(_) if given.is_none() => Err(Problem::conflict()),
        Ok(document) => {
            let (body, attachments) = keeping(&document)?;
            Ok(Base { revisions: standing_on(&document), body, attachments })
        }
        Err(DocumentError::NotFound { .. }) if given.is_none() => {
            let (revisions, body) = (RevisionPath::none(), Body::empty());
            Ok(Base { revisions, body, attachments: Vec::new() })
        }
        Err(DocumentError::NotFound { .. }) => Err(Problem::conflict()),
        Err(error) => Err(error.into()),
    }
}

fn replace(call: &Call, base: Base, new: Option<AttachmentEdit>, status: u16) -> Answer {
    let Base { revisions, body, mut attachments } = base;
    attachments.retain(|attachment| attachment.name != call.name("attachment"));
    // In front of the others, as in CouchDB: the order counts in the revision id.
    attachments.splice(..0, new);
    let edit = Edit { id: call.document_id(), revisions, deleted: false, body, attachments };
    let database: &Database = &*call.database()?;
    let written = edits::write(call, database, edit, EditMode::Interactive)?;
    let reply = edits::written(status, &written);
    if status != 201 {
        return Ok(reply);
    }
    let mut segments = vec![call.name("db"), written.id.as_str()];
    segments.extend(call.name("attachment").split('/'));
    let path = call.location(&segments);
    Ok(reply.header("Location", &path))
}

/// `DELETE`.
pub fn delete(call: &Call) -> Answer {
    let database = call.database()?;
    let document = database.open(&call.document_id(), &OpenOptions::default())?;
    let name = call.name("attachment");
    if !document.attachments().iter().any(|info| info.name == name) {
        return Err(DocumentError::NoAttachment.into());
    }
    replace(call, based(call)?, None, 200)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_taken_where_it_is_named_with_a_weight() {
        for takes in ["gzip", "deflate, gzip", "gzip;q=0.5", "*", "identity, *;q=0.1", "GZIP; q=1"]
        {
            assert!(takes_gzip(takes), "{takes}");
        }
        for takes in ["", "gzip;q=0", "*, gzip; q=0.0", "deflate", "xgzip", "*;q=0", "gzip;q=x"] {
            assert!(!takes_gzip(takes), "{takes}");
        }
    }

    #[test]
    fn ranges_are_those_of_http() {
        assert_eq!(parse_range("bytes=0-0", 5), Some(Ok(0..1)));
        assert_eq!(parse_range("bytes=1-9", 5), Some(Ok(1..5)));
        assert_eq!(parse_range("bytes=3-", 5), Some(Ok(3..5)));
        assert_eq!(parse_range("bytes=-2", 5), Some(Ok(3..5)));
        assert_eq!(parse_range("bytes=-9", 5), Some(Ok(0..5)));
        assert_eq!(parse_range("bytes=5-", 5), Some(Err(())));
        for ignored in ["bytes=2-1", "lines=1-2", "bytes=", "bytes=-", "bytes=a-b", "bytes=-0"] {
            assert_eq!(parse_range(ignored, 5), None, "{ignored}");
        }
    }
}
