//! One batch of changes: what of it the target has not, read from the source and written.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::outcome::Failed;
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
    /// Revisions that the target has and that the missing ones may stand on.
    #[serde(default)]
    possible_ancestors: Vec<String>,
}

/// What the target has of documents: revisions that those it wants may stand on.
type Known = BTreeMap<String, Vec<String>>;

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
    error: Option<Value>,
}

/// What must be known of a document to pass it on.
#[derive(Deserialize)]
pub(super) struct Peek {
    /// Its id.
    #[serde(rename = "_id")]
    pub id: String,
    /// Its revision.
    #[serde(rename = "_rev")]
    pub rev: String,
    /// It with its ancestors.
    #[serde(rename = "_revisions")]
    revisions: Option<Revisions>,
    /// Its attachments.
    #[serde(rename = "_attachments")]
    attachments: Option<BTreeMap<String, Value>>,
}

#[derive(Deserialize)]
struct Revisions {
    start: u64,
    ids: Vec<String>,
}

impl Peek {
    /// Whether it is a revision, or descends from it.
    pub fn holds(&self, rev: &str) -> bool {
        let path = self.revisions.iter();
        let mut known = path.flat_map(|path| (0..=path.start).rev().zip(&path.ids));
        self.rev == rev || known.any(|(depth, id)| rev == format!("{depth}-{id}"))
    }

    fn is_attached(&self) -> bool {
        self.attachments.as_ref().is_some_and(|attachments| !attachments.is_empty())
    }
}

/// What came of a batch.
struct Came<'a> {
    plain: Vec<Box<RawValue>>,
    with_attachments: Vec<Peek>,
    /// Revisions that did not come, and that the source should have.
    absent: BTreeSet<&'a (String, String)>,
}

/// Whether an error says that the source has a revision no more: it was purged.
fn is_gone(error: Option<&Value>, (id, rev): &(String, String)) -> bool {
    let member = |name: &str| error?.get(name)?.as_str();
    let is = |name: &str, value: &str| member(name) == Some(value);
    is("error", "not_found") && is("id", id) && is("rev", rev)
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
        let (mut wanted, mut known) = (Vec::new(), Known::new());
        for (id, Missing { missing, possible_ancestors }) in missing {
            wanted.extend(missing.into_iter().map(|rev| (id.clone(), rev)));
            known.insert(id, possible_ancestors);
        }
        self.note(|progress| {
            progress.missing_checked += number(revisions);
            progress.missing_found += number(wanted.len());
        });
        for wanted in wanted.chunks(READ_AT_A_TIME) {
            self.transfer(wanted, &known).await?;
        }
        Ok(())
    }

    async fn transfer(&self, wanted: &[(String, String)], known: &Known) -> Result<(), Failed> {
        let asked: Vec<_> =
            wanted.iter().map(|(id, rev)| json!({ "id": id, "rev": rev })).collect();
        let body = json!({ "docs": asked }).to_string();
        let bulk: Bulk =
            self.source.want("POST", "/_bulk_get?revs=true&latest=true", Some(body)).await?;
        let Came { plain, with_attachments, absent } = self.sort(wanted, bulk)?;
        for (id, rev) in &absent {
            tracing::warn!(source = %self.source.label, id, rev, "a revision was asked for and did not come");
        }
        let lost = number(absent.len());
        let read = number(plain.len() + with_attachments.len());
        self.note(|progress| {
            progress.docs_read += read;
            progress.doc_write_failures += lost;
            progress.bulk_get_docs += read;
            progress.bulk_get_attempts += number(wanted.len());
        });
        self.write(&plain).await?;
        for peek in with_attachments {
            let known = known.get(&peek.id).map_or(&[][..], Vec::as_slice);
            self.pass(&peek, known).await?;
        }
        Ok(())
    }

    /// Holds what came against what was asked for: a revision, or one that descends from it.
    fn sort<'a>(&self, wanted: &'a [(String, String)], bulk: Bulk) -> Result<Came<'a>, Failed> {
        let absent = wanted.iter().collect();
        let mut came = Came { plain: Vec::new(), with_attachments: Vec::new(), absent };
        let mut known = BTreeSet::new();
        for doc in bulk.results.into_iter().flat_map(|item| item.docs) {
            let Some(text) = doc.ok else {
                let is_gone = |asked: &(String, String)| is_gone(doc.error.as_ref(), asked);
                came.absent.retain(|asked| !is_gone(asked));
                continue;
            };
            let peek: Peek = serde_json::from_str(text.get()).map_err(|error| {
                Failed::new("bad_answer", format!("{}: {error}", self.source.label))
            })?;
            let is_it = |(id, rev): &(String, String)| *id == peek.id && peek.holds(rev);
            came.absent.retain(|asked| !is_it(asked));
            // For two revisions the same leaf may come.
            if !wanted.iter().any(is_it) || !known.insert((peek.id.clone(), peek.rev.clone())) {
                continue;
            }
            if peek.is_attached() {
                came.with_attachments.push(peek);
            } else {
                came.plain.push(text);
            }
        }
        Ok(came)
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
}
