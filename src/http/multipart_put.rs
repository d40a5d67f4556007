//! `PUT` of a document whose attachments follow it.

use std::collections::VecDeque;

use super::body::RequestBody;
use super::call::Call;
use super::edits::put_parsed;
use super::problem::Problem;
use super::reply::Answer;
use super::uploading::Uploading;
use crate::documents::{
    AttachmentSource, Encoding, ParsedDocument, UploadOptions, parse_document_within,
};
use crate::replication::PartsReader;

/// An attachment that follows: where it stands in the document, its name, and what is known of it.
struct Expected {
    index: usize,
    name: String,
    options: UploadOptions,
}

/// Writes the document `id`.
pub async fn put(call: Call, id: String, body: &mut RequestBody) -> Answer {
    let app = call.app.clone();
    let content_type = call.header("content-type").unwrap_or_default().to_owned();
    let mut reader = PartsReader::new(body, &content_type)?;
    reader.next_part().await?.ok_or_else(|| Problem::bad_request("there is no document"))?;
    let text = reader.whole(app.databases.limits().max_document_bytes).await?;
    let mut parsed = parse_document_within(&text, &call.parse_limits())?;
    let mut expected = expected(&parsed);
    while let Some(head) = reader.next_part().await? {
        let named = head.file_name();
        let at = named.and_then(|named| expected.iter().position(|next| next.name == named));
        let next = expected.remove(at.unwrap_or(0));
        let next =
            next.ok_or_else(|| Problem::bad_request("there are more parts than attachments"))?;
        let mut upload = Uploading::begin(&call, id.clone(), next.options).await?;
        while let Some(bytes) = reader.chunk().await? {
            upload.write(bytes).await?;
        }
        let stored = upload.finish().await?;
        if let Some(attachment) = parsed.attachments.get_mut(next.index) {
            attachment.source = AttachmentSource::Stored(stored);
        }
    }
    if !expected.is_empty() {
        return Err(Problem::bad_request("there are fewer parts than attachments"));
    }
    reader.finish().await?;
    app.work(move || put_parsed(&call, &*call.database()?, parsed, id)).await?
}

fn expected(parsed: &ParsedDocument) -> VecDeque<Expected> {
    let attachments = parsed.attachments.iter().enumerate();
    let expected = attachments.filter_map(|(index, attachment)| match attachment.source {
        AttachmentSource::Follows { length, encoding, encoded_length } => {
            let is_encoded = encoding != Encoding::Identity;
            let options = UploadOptions {
                content_type: attachment.content_type.clone().unwrap_or_default(),
                expected_length: if is_encoded { encoded_length } else { length },
                encoding,
                name: attachment.name.clone(),
            };
            Some(Expected { index, name: attachment.name.clone(), options })
        }
        _ => None,
    });
    expected.collect()
}
