//! One batch of changes: what of it the target has not, read from the source and written.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::flow::Flow;
use super::outcome::{Failed, escape};
use super::wanted::Replication;

/// Documents that are read in one request.
const READ_AT_A_TIME: usize = 100;

/// An answer of `_changes`.
#[derive(Deserialize)]
pub struct Changes {
    /// The rows.
    pub results: Vec<Row>,
    /// Where they end.
    pub last_seq: Value,
    /// How many come behind them, where the source says.
    #[serde(default)]
    pub pending: Option<u64>,
}

/// A row of it.
#[derive(Deserialize)]
pub struct Row {
    id: String,
    changes: Vec<Rev>,
}

#[derive(Deserialize)]
struct Rev {
    rev: String,
}

#[derive(Deserialize)]
struct Missing {
    missing: Vec<String>,
}

#[derive(Deserialize)]
struct Bulk {
    results: Vec<BulkItem>,
}

#[derive(Deserialize)]
struct BulkItem {
    docs: Vec<BulkDoc>,
}

#[derive(Deserialize)]
struct BulkDoc {
    ok: Option<Box<RawValue>>,
}

/// What must be known of a document to write it.
#[derive(Deserialize)]
struct Peek {
    #[serde(rename = "_id")]
    id: String,
    #[serde(rename = "_rev")]
    rev: String,
    #[serde(rename = "_attachments")]
    attachments: Option<BTreeMap<String, Value>>,
}

pub(super) fn number(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

impl Replication {
    /// Copies what the target has not.
    pub(super) async fn copy(&self, changes: &Changes) -> Result<(), Failed> {
        let asked: BTreeMap<&str, Vec<&str>> = changes
            .results
            .iter()
            .map(|row| {
                (row.id.as_str(), row.changes.iter().map(|change| change.rev.as_str()).collect())
            })
            .collect();
        if asked.is_empty() {
            return Ok(());
        }
        let revisions = asked.values().map(Vec::len).sum::<usize>();
        let missing: BTreeMap<String, Missing> =
            self.target.want("POST", "/_revs_diff", Some(json!(asked).to_string())).await?;
        let wanted: Vec<(String, String)> = missing
            .into_iter()
            .flat_map(|(id, missing)| missing.missing.into_iter().map(move |rev| (id.clone(), rev)))
            .collect();
        self.note(|progress| {
            progress.missing_checked += number(revisions);
            progress.missing_found += number(wanted.len());
        });
        for wanted in wanted.chunks(READ_AT_A_TIME) {
            self.transfer(wanted).await?;
        }
        Ok(())
    }

    async fn transfer(&self, wanted: &[(String, String)]) -> Result<(), Failed> {
        let asked: Vec<_> =
            wanted.iter().map(|(id, rev)| json!({ "id": id, "rev": rev })).collect();
        let body = json!({ "docs": asked }).to_string();
        let bulk: Bulk =
            self.source.want("POST", "/_bulk_get?revs=true&latest=true", Some(body)).await?;
        let docs = bulk.results.into_iter().flat_map(|item| item.docs).filter_map(|doc| doc.ok);
        let (mut plain, mut with_attachments) = (Vec::new(), Vec::new());
        for doc in docs {
            let peek: Peek = serde_json::from_str(doc.get()).map_err(|error| {
                Failed::new("bad_answer", format!("{}: {error}", self.source.label))
            })?;
            match peek.attachments {
                Some(ref attachments) if !attachments.is_empty() => with_attachments.push(peek),
                _ => plain.push(doc),
            }
        }
        let read = number(plain.len() + with_attachments.len());
        self.note(|progress| {
            progress.docs_read += read;
            progress.bulk_get_docs += read;
            progress.bulk_get_attempts += number(wanted.len());
        });
        self.write(&plain).await?;
        for peek in with_attachments {
            self.pass(&peek).await?;
        }
        Ok(())
    }

    async fn write(&self, docs: &[Box<RawValue>]) -> Result<(), Failed> {
        if docs.is_empty() {
            return Ok(());
        }
        let texts: Vec<_> = docs.iter().map(|doc| doc.get()).collect();
        let body = format!("{{\"new_edits\":false,\"docs\":[{}]}}", texts.join(","));
        let refused: Vec<Value> = self.target.want("POST", "/_bulk_docs", Some(body)).await?;
        let refused: Vec<_> = refused.iter().filter(|row| row.get("error").is_some()).collect();
        for row in &refused {
            tracing::warn!(target = %self.target.label, %row, "a document was refused");
        }
        self.note(|progress| {
            progress.doc_write_failures += number(refused.len());
            progress.docs_written += number(docs.len() - refused.len());
        });
        Ok(())
    }

    /// A document with attachments: the source's answer in parts is the target's request in parts, as it flows.
    async fn pass(&self, peek: &Peek) -> Result<(), Failed> {
        let path = document_path(&peek.id);
        let read = format!("{path}?rev={}&revs=true&attachments=true", escape(&peek.rev));
        let accept = vec![("Accept", "multipart/related".to_owned())];
        let found = self.source.ask("GET", &read, accept, Flow::Full(Default::default())).await?;
        let given = found.headers.get("content-type").and_then(|value| value.to_str().ok());
        let content_type = given.unwrap_or("application/json").to_owned();
        if found.status != 200 {
            return Err(Failed::new(
                "unreachable",
                format!("{}{path} answered {}", self.source.label, found.status),
            ));
        }
        let write = format!("{path}?new_edits=false");
        let headers =
            vec![("Content-Type", content_type), ("Accept", "application/json".to_owned())];
        let written = self.target.ask("PUT", &write, headers, found.body).await?;
        match written.status {
            200..300 => self.note(|progress| progress.docs_written += 1),
            status @ (401 | 403 | 413) => {
                tracing::warn!(target = %self.target.label, id = %peek.id, status, "a document was refused");
                self.note(|progress| progress.doc_write_failures += 1);
            }
            status => {
                let text = written.body.whole(1 << 20).await.unwrap_or_default();
                return Err(self.target.refused(&path, status, &text));
            }
        }
        Ok(())
    }
}

fn document_path(id: &str) -> String {
    match id.strip_prefix("_design/") {
        Some(name) => format!("/_design/{}", escape(name)),
        None => format!("/{}", escape(id)),
    }
}
