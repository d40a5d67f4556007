//! `_all_docs`, `_design_docs` and their `queries`: documents by id.

use std::io::Write as _;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::app::{App, Pieces};
use super::body::RequestBody;
use super::call::Call;
use super::problem::Problem;
use super::reply::{Answer, Reply};
use super::rows_query::RowsQuery;
use super::secrets;
use crate::documents::{
    AllDocs, AllDocsRange, AllDocsRow, AttachmentMembers, Database, DocumentError, Members,
};

/// Bytes of a piece of an answer.
const PIECE_BYTES: usize = 64 << 10;
/// Keys that are looked up at a time.
const KEYS_AT_A_TIME: usize = 256;

/// Which documents are rows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    All,
    Design,
}

/// `GET` and `POST _all_docs`.
pub async fn rows(call: Call, body: &mut RequestBody) -> Answer {
    answer(call, body, Kind::All).await
}

/// `GET` and `POST _design_docs`.
pub async fn design_rows(call: Call, body: &mut RequestBody) -> Answer {
    answer(call, body, Kind::Design).await
}

/// `POST _all_docs/queries`.
pub async fn queries(call: Call, body: &mut RequestBody) -> Answer {
    several(call, body, Kind::All).await
}

/// `POST _design_docs/queries`.
pub async fn design_queries(call: Call, body: &mut RequestBody) -> Answer {
    several(call, body, Kind::Design).await
}

async fn answer(mut call: Call, body: &mut RequestBody, kind: Kind) -> Answer {
    call.body = body.read(&call.headers, call.app.options.body_bytes_max).await?;
    let query = query(&call)?;
    let app = call.app.clone();
    let (made, _call) = app.work(move || (Rows::open(&call, query, kind), call)).await?;
    let rows = made?;
    let reply: Reply =
        app.stream(Answers { before: "", queue: vec![rows], after: "\n", begun: false }).await?;
    Ok(reply)
}

/// What a request asks for: of a `POST` the body stands for a query.
pub fn query(call: &Call) -> Result<RowsQuery, Problem> {
    let members = match call.method.as_str() {
        "POST" => call.object()?,
        _ => Map::new(),
    };
    let query = RowsQuery::of_call(call, &members)?.within_limits(call)?;
    call.check_rows(query.keys.as_ref().map_or(0, Vec::len))?;
    Ok(query)
}

/// The `queries` of a body.
pub fn queries_of(call: &Call) -> Result<Vec<RowsQuery>, Problem> {
    let asked = call.object()?;
    let queries = asked
        .get("queries")
        .ok_or_else(|| Problem::bad_request("POST body must include `queries` parameter."))?;
    let queries = queries
        .as_array()
        .ok_or_else(|| Problem::bad_request("`queries` member must be an array."))?;
    let queries = queries.iter().map(|query| {
        let members = query.as_object();
        let members = members.ok_or_else(|| Problem::bad_request("a query must be an object"))?;
        RowsQuery::of_queries(call, members)?.within_limits(call)
    });
    let queries: Vec<_> = queries.collect::<Result<_, Problem>>()?;
    call.check_rows(queries.iter().map(|query| query.keys.as_ref().map_or(1, Vec::len)).sum())?;
    Ok(queries)
}

async fn several(mut call: Call, body: &mut RequestBody, kind: Kind) -> Answer {
    call.body = body.read(&call.headers, call.app.options.body_bytes_max).await?;
    let queries = queries_of(&call)?;
    let app = call.app.clone();
    let made = app.work(move || {
        let rows = queries.into_iter().rev().map(|query| Rows::open(&call, query, kind));
        rows.collect::<Result<Vec<_>, _>>()
    });
    let queue = made.await??;
    let after = if queue.is_empty() { "]}\n" } else { "\r\n]}\n" };
    app.stream(Answers { before: "{\"results\":[\r\n", queue, after, begun: false }).await
}

/// Answers one after the other; the last of the queue is the first.
struct Answers {
    before: &'static str,
    queue: Vec<Rows>,
    after: &'static str,
    begun: bool,
}

impl Pieces for Answers {
    fn next(&mut self) -> Option<Result<Vec<u8>, Problem>> {
        let mut piece = Vec::new();
        if !std::mem::replace(&mut self.begun, true) {
            piece.extend_from_slice(self.before.as_bytes());
            if self.queue.is_empty() {
                piece.extend_from_slice(self.after.as_bytes());
            }
        }
        while piece.len() < PIECE_BYTES {
            let Some(rows) = self.queue.last_mut() else { break };
            match rows.write(&mut piece) {
                Ok(false) => {}
                Ok(true) => {
                    self.queue.pop();
                    let end = if self.queue.is_empty() { self.after } else { ",\r\n" };
                    piece.extend_from_slice(end.as_bytes());
                }
                Err(problem) => return Some(Err(problem)),
            }
        }
        (!piece.is_empty()).then_some(Ok(piece))
    }
}

/// The rows of one query, on their way.
struct Rows {
    app: Arc<App>,
    database: Arc<Database>,
    source: Source,
    query: RowsQuery,
    kind: Kind,
    members: Members,
    head: Option<String>,
    written: u64,
}

enum Source {
    Range(Box<AllDocs>),
    Keys(std::vec::IntoIter<Value>),
}

impl Rows {
    fn open(call: &Call, query: RowsQuery, kind: Kind) -> Result<Self, Problem> {
        let database = call.database()?;
        check_partition(&database, call, &query)?;
        let mut range = query.range();
        if kind == Kind::Design {
            clamp(&mut range);
        }
        let seq = match query.update_seq {
            true => format!(",\"update_seq\":{}", json!(database.info().update_seq.to_string())),
            false => String::new(),
        };
        let (source, total, offset) = match &query.keys {
            Some(keys) => {
                let keys = page(keys, &query);
                (Source::Keys(keys.into_iter()), database.info().doc_count, "null".to_owned())
            }
            None => {
                let rows = match &query.partition {
                    Some(partition) => database.partition_docs(partition, &range)?,
                    None => database.all_docs(&range)?,
                };
                let total = match kind {
                    Kind::All => rows.total_rows(),
                    Kind::Design => count_design(&database)?,
                };
                let offset = rows.offset().to_string();
                (Source::Range(Box::new(rows)), total, offset)
            }
        };
        let head = Some(format!("{{\"total_rows\":{total},\"offset\":{offset}{seq},\"rows\":["));
        let attachments = match query.attachments {
            true => AttachmentMembers::Inline,
            false => AttachmentMembers::Stubs,
        };
        let members = Members {
            conflicts: query.conflicts,
            attachments,
            att_encoding_info: query.att_encoding_info,
            mask: secrets::mask(call),
            ..Members::default()
        };
        Ok(Self { app: call.app.clone(), database, source, query, kind, members, head, written: 0 })
    }

    /// Writes some more; answers whether that was the end.
    fn write(&mut self, out: &mut Vec<u8>) -> Result<bool, Problem> {
        if let Some(head) = self.head.take() {
            out.extend_from_slice(head.as_bytes());
        }
        let is_over = match &mut self.source {
            Source::Range(rows) => match rows.next()? {
                Some(row) => {
                    self.put(out, &row)?;
                    false
                }
                None => true,
            },
            Source::Keys(keys) => {
                let keys: Vec<_> = keys.by_ref().take(KEYS_AT_A_TIME).collect();
                self.look_up(out, &keys)?;
                keys.is_empty()
            }
        };
        if is_over {
            out.extend_from_slice(b"\r\n]}");
        }
        Ok(is_over)
    }

    fn look_up(&mut self, out: &mut Vec<u8>, keys: &[Value]) -> Result<(), Problem> {
        let ids: Vec<_> = keys.iter().filter_map(|key| key.as_str().map(str::to_owned)).collect();
        let mut found = self.database.all_docs_keys(&ids, self.query.include_docs)?.into_iter();
        for key in keys {
            let row = if key.is_string() { found.next().flatten() } else { None };
            match row {
                Some(row) if self.kind == Kind::All || row.id.starts_with(DESIGN_FIRST) => {
                    self.put(out, &row)?;
                }
                // Of design documents CouchDB tells only those that are there.
                _ if self.kind == Kind::Design => {}
                _ => {
                    self.separate(out);
                    // Writing to a vector does not fail.
                    let _written = write!(out, "{{\"key\":{key},\"error\":\"not_found\"}}");
                }
            }
        }
        Ok(())
    }

    fn separate(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(if self.written == 0 { b"\r\n" } else { b",\r\n" });
        self.written += 1;
    }

    fn put(&mut self, out: &mut Vec<u8>, row: &AllDocsRow) -> Result<(), Problem> {
        self.separate(out);
        let (id, rev) = (json!(row.id), json!(row.rev.to_string()));
        let deleted = if row.deleted { ",\"deleted\":true" } else { "" };
        let _written =
            write!(out, "{{\"id\":{id},\"key\":{id},\"value\":{{\"rev\":{rev}{deleted}}}");
        if self.query.include_docs {
            out.extend_from_slice(b",\"doc\":");
            match &row.document {
                Some(document) => {
                    self.app.stats.reads.one();
                    document.write_json(out, &self.members)?;
                }
                None => out.extend_from_slice(b"null"),
            }
        }
        out.push(b'}');
        Ok(())
    }
}

/// A partition of a database that has none: told in the words of what was asked.
fn check_partition(database: &Database, call: &Call, query: &RowsQuery) -> Result<(), Problem> {
    if query.partition.is_none() || database.is_partitioned() {
        return Ok(());
    }
    match call.name("partition") {
        "" => Err(Problem::query_parse("`partition` parameter is not supported on this db")),
        _ => Err(DocumentError::NotPartitioned.into()),
    }
}

/// The keys that `skip`, `limit` and `descending` leave.
pub fn page(keys: &[Value], query: &RowsQuery) -> Vec<Value> {
    let skip = usize::try_from(query.skip).unwrap_or(usize::MAX);
    let limit = query.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
    match query.descending {
        true => keys.iter().rev().skip(skip).take(limit).cloned().collect(),
        false => keys.iter().skip(skip).take(limit).cloned().collect(),
    }
}

/// Ids of design documents are from here on...
const DESIGN_FIRST: &str = "_design/";
/// ...to before here.
const DESIGN_END: &str = "_design0";

/// Keeps a range within design documents.
fn clamp(range: &mut AllDocsRange) {
    let (low, high) = match range.descending {
        true => (&mut range.end, &mut range.start),
        false => (&mut range.start, &mut range.end),
    };
    if low.as_deref().is_none_or(|low| low < DESIGN_FIRST) {
        *low = Some(DESIGN_FIRST.to_owned());
    }
    if high.as_deref().is_none_or(|high| high > DESIGN_END) {
        *high = Some(DESIGN_END.to_owned());
    }
}

fn count_design(database: &Database) -> Result<u64, Problem> {
    let mut range = AllDocsRange::default();
    clamp(&mut range);
    let mut rows = database.all_docs(&range)?;
    let mut count = 0;
    while rows.next()?.is_some() {
        count += 1;
    }
    Ok(count)
}
