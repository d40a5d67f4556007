//! A document with attachments: the source's answer in parts is the target's request in parts, as it flows.

use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::batch::Peek;
use super::flow::{Cut, Flow};
use super::outcome::{Failed, escape};
use super::parts::{BadParts, PartsReader, find, parameter};
use super::transport::Response;
use super::wanted::Replication;

/// Revisions that a request names as known: they stand in its target, which is not long.
const KNOWN_MAX: usize = 32;
/// What is read of an answer that is no success.
const REASON_BYTES_MAX: usize = 1 << 20;
/// The longest JSON text of a document that is taken.
const DOCUMENT_BYTES_MAX: u64 = 128 << 20;
/// Pieces that wait to be taken by the target.
const PIECES_WAITING_MAX: usize = 4;

/// What became of a revision that was asked for.
#[derive(Default)]
struct Passed {
    /// Documents that were written: with `latest` several leaves may come for one revision.
    written: u64,
    /// Documents that the target refused, or that are not what was asked for.
    failed: u64,
    /// The source has it no more: it was purged.
    is_gone: bool,
    /// The target has not what the source took it to have.
    is_lacking: bool,
}

type Reader<'a> = PartsReader<'a, Flow>;

impl Replication {
    /// Passes a document on, without the attachments that revisions have which the target knows.
    pub(super) async fn pass(&self, peek: &Peek, known: &[String]) -> Result<(), Failed> {
        let mut passed = self.pass_with(peek, known).await?;
        if passed.is_lacking && !known.is_empty() {
            passed = self.pass_with(peek, &[]).await?;
        }
        let is_nothing = passed.written + passed.failed == 0;
        if is_nothing && passed.is_gone {
            tracing::info!(source = %self.source.label, id = %peek.id, rev = %peek.rev, "the source has a revision no more");
        } else if is_nothing {
            passed.failed = 1;
            tracing::warn!(source = %self.source.label, id = %peek.id, rev = %peek.rev, "a revision did not come");
        }
        self.note(|progress| {
            progress.docs_written += passed.written;
            progress.doc_write_failures += passed.failed;
        });
        Ok(())
    }

    async fn pass_with(&self, peek: &Peek, known: &[String]) -> Result<Passed, Failed> {
        self.target.retries.run(|| self.pass_once(peek, known)).await
    }

    async fn pass_once(&self, peek: &Peek, known: &[String]) -> Result<Passed, Failed> {
        let path = document_path(&peek.id);
        let accept = vec![("Accept", "multipart/mixed".to_owned())];
        let found = self.source.ask("GET", &read_path(peek, known), accept, empty()).await?;
        let mut passed = Passed::default();
        match found.status {
            200 => {}
            404 => return Ok(Passed { is_gone: true, ..passed }),
            status => return Err(self.source.refused(&path, status, &reason(found).await)),
        }
        let given = found.headers.get("content-type").and_then(|value| value.to_str().ok());
        let content_type = given.unwrap_or_default().to_owned();
        let mut body = found.body;
        let mut reader =
            PartsReader::new(&mut body, &content_type).map_err(|bad| self.unreadable(&bad))?;
        while let Some(head) = reader.next_part().await.map_err(|bad| self.unreadable(&bad))? {
            let content_type = head.header("content-type").unwrap_or_default();
            if content_type.starts_with("multipart/related") {
                self.pass_parts(peek, content_type, &mut reader, &mut passed).await?;
            } else {
                self.pass_json(peek, &mut reader, &mut passed).await?;
            }
        }
        reader.finish().await.map_err(|bad| self.unreadable(&bad))?;
        Ok(passed)
    }

    /// What parts that cannot be read end it with.
    fn unreadable(&self, bad: &BadParts<Cut>) -> Failed {
        let reason = format!("{}: {bad}", self.source.label);
        match bad {
            BadParts::Body(_) => Failed::passing("unreachable", reason),
            BadParts::Malformed(_) | BadParts::TooLarge(_) => Failed::new("bad_answer", reason),
        }
    }

    /// Whether a text is the document that was asked for, or descends from it.
    fn is_asked_for(&self, asked: &Peek, text: &[u8]) -> bool {
        let found: Option<Peek> = serde_json::from_slice(text).ok();
        let is_it = found.is_some_and(|found| found.id == asked.id && found.holds(&asked.rev));
        if !is_it {
            tracing::warn!(source = %self.source.label, id = %asked.id, rev = %asked.rev, "another revision came than was asked for");
        }
        is_it
    }

    /// A part that is a document whose attachments the target has, or the news that there is none.
    async fn pass_json(
        &self,
        asked: &Peek,
        reader: &mut Reader<'_>,
        passed: &mut Passed,
    ) -> Result<(), Failed> {
        let text = reader.whole(DOCUMENT_BYTES_MAX).await.map_err(|bad| self.unreadable(&bad))?;
        let value: Value = serde_json::from_slice(&text).unwrap_or_default();
        if value.get("missing").is_some() {
            passed.is_gone = true;
        } else if self.is_asked_for(asked, &text) {
            self.put_document(asked, "application/json", Flow::Full(text.into()), passed).await?;
        } else {
            passed.failed += 1;
        }
        Ok(())
    }

    /// A part that is a document with attachments in parts of its own.
    async fn pass_parts(
        &self,
        asked: &Peek,
        content_type: &str,
        reader: &mut Reader<'_>,
        passed: &mut Passed,
    ) -> Result<(), Failed> {
        let malformed =
            || self.unreadable(&BadParts::Malformed("a document in parts has no boundary"));
        let boundary = parameter(content_type, "boundary").ok_or_else(malformed)?;
        let (front, document) = self.front(reader, &boundary).await?;
        let is_it = front.get(document).is_some_and(|text| self.is_asked_for(asked, text));
        if !is_it {
            passed.failed += 1;
            return Ok(());
        }
        let (pieces, receiver) = mpsc::channel(PIECES_WAITING_MAX);
        let feeding = self.feed(front, reader, pieces);
        let putting = self.put_document(asked, content_type, Flow::Pieces(receiver), passed);
        let (fed, put) = tokio::join!(feeding, putting);
        fed.and(put)
    }

    /// The first bytes of a document in parts, up to the end of its JSON text, and where that stands.
    async fn front(
        &self,
        reader: &mut Reader<'_>,
        boundary: &str,
    ) -> Result<(Vec<u8>, std::ops::Range<usize>), Failed> {
        let delimiter = format!("\r\n--{boundary}").into_bytes();
        let (mut front, mut looked) = (Vec::new(), 0);
        while let Some(bytes) = reader.chunk().await.map_err(|bad| self.unreadable(&bad))? {
            front.extend_from_slice(&bytes);
            let start = find(&front, b"\r\n\r\n").map_or(front.len(), |head| head + 4);
            // What was looked at is not looked at again, but for a delimiter that may have begun.
            let from = start.max(looked);
            let rest = front.get(from..).unwrap_or_default();
            if let Some(end) = find(rest, &delimiter) {
                return Ok((front, start..from + end));
            }
            looked = front.len().saturating_sub(delimiter.len());
            if front.len() as u64 > DOCUMENT_BYTES_MAX {
                return Err(self.unreadable(&BadParts::TooLarge(DOCUMENT_BYTES_MAX)));
            }
        }
        Err(self.unreadable(&BadParts::Malformed("a document in parts does not end")))
    }

    /// Gives a part to who writes it, piece by piece; when that has ended, the rest is passed over.
    async fn feed(
        &self,
        front: Vec<u8>,
        reader: &mut Reader<'_>,
        pieces: mpsc::Sender<Result<hyper::body::Bytes, Cut>>,
    ) -> Result<(), Failed> {
        let mut is_wanted = pieces.send(Ok(front.into())).await.is_ok();
        loop {
            match reader.chunk().await {
                Ok(None) => return Ok(()),
                Ok(Some(bytes)) => is_wanted = is_wanted && pieces.send(Ok(bytes)).await.is_ok(),
                Err(bad) => {
                    // The half must not be taken for the whole.
                    let _unwanted = pieces.send(Err(Cut(bad.to_string()))).await;
                    return Err(self.unreadable(&bad));
                }
            }
        }
    }

    async fn put_document(
        &self,
        asked: &Peek,
        content_type: &str,
        body: Flow,
        passed: &mut Passed,
    ) -> Result<(), Failed> {
        let path = document_path(&asked.id);
        let headers = vec![
            ("Content-Type", content_type.to_owned()),
            ("Accept", "application/json".to_owned()),
        ];
        let write = format!("{path}?new_edits=false");
        let written = self.target.ask("PUT", &write, headers, body).await?;
        match written.status {
            200..300 => passed.written += 1,
            status @ (401 | 403 | 412 | 413) => {
                tracing::warn!(target = %self.target.label, id = %asked.id, status, "a document was refused");
                passed.failed += 1;
                passed.is_lacking |= status == 412;
            }
            status => return Err(self.target.refused(&path, status, &reason(written).await)),
        }
        Ok(())
    }
}

/// Where a document is read, with what of its attachments revisions lack that are known. Not by `rev` and `latest`: CouchDB
/// answers those with the winner, whatever the revision.
fn read_path(peek: &Peek, known: &[String]) -> String {
    let (path, rev) = (document_path(&peek.id), escape(&json!([peek.rev]).to_string()));
    let since = match newest(known) {
        known if known.is_empty() => String::new(),
        known => format!("&atts_since={}", escape(&json!(known).to_string())),
    };
    format!("{path}?revs=true&open_revs={rev}&latest=true{since}")
}

/// The deepest revisions: what is nearest to a new one has most in common with it.
fn newest(known: &[String]) -> Vec<&String> {
    let depth = |rev: &str| rev.split('-').next().and_then(|depth| depth.parse::<u64>().ok());
    let mut newest: Vec<_> = known.iter().collect();
    newest.sort_by_key(|rev| std::cmp::Reverse(depth(rev)));
    newest.truncate(KNOWN_MAX);
    newest
}

fn empty() -> Flow {
    Flow::Full(Default::default())
}

async fn reason(answer: Response) -> Vec<u8> {
    answer.body.whole(REASON_BYTES_MAX).await.map(Into::into).unwrap_or_default()
}

fn document_path(id: &str) -> String {
    match id.strip_prefix("_design/") {
        Some(name) => format!("/_design/{}", escape(name)),
        None => format!("/{}", escape(id)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_names_the_deepest_known_revisions_and_not_too_many() {
        let peek: Peek = serde_json::from_str(r#"{"_id":"a/b","_rev":"9-x"}"#).unwrap();
        let whole = "/a%2Fb?revs=true&open_revs=%5B%229-x%22%5D&latest=true";
        assert_eq!(read_path(&peek, &[]), whole);
        let known = ["1-a".to_owned(), "10-b".to_owned(), "2-c".to_owned()];
        let named = "&atts_since=%5B%2210-b%22%2C%222-c%22%2C%221-a%22%5D";
        assert_eq!(read_path(&peek, &known), format!("{whole}{named}"));
        let many: Vec<_> = (0..100).map(|depth| format!("{depth}-a")).collect();
        assert_eq!((newest(&many).len(), newest(&many)[0].as_str()), (KNOWN_MAX, "99-a"));
    }
}
