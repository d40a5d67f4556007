//! A document with attachments: the source's answer in parts is the target's request in parts, as it flows.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::flow::Flow;
use super::outcome::{Failed, escape};
use super::transport::Response;
use super::wanted::Replication;

/// Revisions that a request names as known: they stand in its target, which is not long.
const KNOWN_MAX: usize = 32;
/// What is read of an answer that is no success.
const REASON_BYTES_MAX: usize = 1 << 20;

/// What must be known of a document to pass it on.
#[derive(Deserialize)]
pub(super) struct Peek {
    /// Its id.
    #[serde(rename = "_id")]
    pub id: String,
    /// Its revision.
    #[serde(rename = "_rev")]
    pub rev: String,
    /// Its attachments.
    #[serde(rename = "_attachments")]
    pub attachments: Option<BTreeMap<String, Value>>,
}

/// What became of a document.
enum Passed {
    Written,
    Refused,
    /// The source has it no more: a newer revision comes with a change of its own, or it was purged.
    Gone,
    /// The target has not what the source took it to have.
    Lacking,
}

impl Replication {
    /// Passes a document on, without the attachments that revisions have which the target knows.
    pub(super) async fn pass(&self, peek: &Peek, known: &[String]) -> Result<(), Failed> {
        let mut passed = self.pass_with(peek, known).await?;
        if matches!(passed, Passed::Lacking) {
            passed = self.pass_with(peek, &[]).await?;
        }
        match passed {
            Passed::Written => self.note(|progress| progress.docs_written += 1),
            Passed::Refused | Passed::Lacking => {
                self.note(|progress| progress.doc_write_failures += 1);
            }
            Passed::Gone => {}
        }
        Ok(())
    }

    async fn pass_with(&self, peek: &Peek, known: &[String]) -> Result<Passed, Failed> {
        self.target.retries.run(|| self.pass_once(peek, known)).await
    }

    async fn pass_once(&self, peek: &Peek, known: &[String]) -> Result<Passed, Failed> {
        let path = document_path(&peek.id);
        let found = self.source.ask("GET", &read_path(peek, known), parts(), empty()).await?;
        match found.status {
            200 => {}
            404 => return Ok(Passed::Gone),
            status => return Err(self.source.refused(&path, status, &reason(found).await)),
        }
        let given = found.headers.get("content-type").and_then(|value| value.to_str().ok());
        let content_type = given.unwrap_or("application/json").to_owned();
        let headers =
            vec![("Content-Type", content_type), ("Accept", "application/json".to_owned())];
        let write = format!("{path}?new_edits=false");
        let written = self.target.ask("PUT", &write, headers, found.body).await?;
        match written.status {
            200..300 => Ok(Passed::Written),
            412 if !known.is_empty() => Ok(Passed::Lacking),
            status @ (401 | 403 | 412 | 413) => {
                tracing::warn!(target = %self.target.label, id = %peek.id, status, "a document was refused");
                Ok(Passed::Refused)
            }
            status => Err(self.target.refused(&path, status, &reason(written).await)),
        }
    }
}

/// Where a document is read, with what of its attachments revisions lack that are known.
fn read_path(peek: &Peek, known: &[String]) -> String {
    let (path, rev) = (document_path(&peek.id), escape(&peek.rev));
    let since = match newest(known) {
        known if known.is_empty() => String::new(),
        known => format!("&atts_since={}", escape(&json!(known).to_string())),
    };
    format!("{path}?rev={rev}&revs=true&latest=true&attachments=true{since}")
}

/// The deepest revisions: what is nearest to a new one has most in common with it.
fn newest(known: &[String]) -> Vec<&String> {
    let depth = |rev: &str| rev.split('-').next().and_then(|depth| depth.parse::<u64>().ok());
    let mut newest: Vec<_> = known.iter().collect();
    newest.sort_by_key(|rev| std::cmp::Reverse(depth(rev)));
    newest.truncate(KNOWN_MAX);
    newest
}

fn parts() -> Vec<(&'static str, String)> {
    vec![("Accept", "multipart/related".to_owned())]
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
        let peek = Peek { id: "a/b".to_owned(), rev: "9-x".to_owned(), attachments: None };
        let whole = "/a%2Fb?rev=9-x&revs=true&latest=true&attachments=true";
        assert_eq!(read_path(&peek, &[]), whole);
        let known = ["1-a".to_owned(), "10-b".to_owned(), "2-c".to_owned()];
        let named = "&atts_since=%5B%2210-b%22%2C%222-c%22%2C%221-a%22%5D";
        assert_eq!(read_path(&peek, &known), format!("{whole}{named}"));
        let many: Vec<_> = (0..100).map(|depth| format!("{depth}-a")).collect();
        assert_eq!((newest(&many).len(), newest(&many)[0].as_str()), (KNOWN_MAX, "99-a"));
    }
}
