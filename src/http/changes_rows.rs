//! One round of changes as text.

use std::io::Write as _;
use std::sync::Arc;

use serde_json::{Value, json};

use super::app::{App, Pieces};
use super::changes_query::ChangesQuery;
use super::problem::Problem;
use crate::documents::{Change, Changes, ChangesOptions, Database, Members, Sequence, Since};

/// Bytes of a piece.
const PIECE_BYTES: usize = 64 << 10;
/// Rows that are read for a piece, fitting or not: a piece must not take for ever.
const ROWS_OF_A_PIECE: usize = 1_000;

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// A whole answer.
    Listed,
    /// Items of a list that was begun; so many were sent.
    Items {
        /// How many.
        sent: u64,
    },
    /// A line each.
    Lines,
    /// An event each.
    Events,
}

/// The rows of a round.
pub struct Rows {
    app: Arc<App>,
    database: Arc<Database>,
    changes: Changes,
    query: ChangesQuery,
    style: Style,
    /// Where the round began.
    since: Since,
    written: u64,
    begun: bool,
    over: bool,
}

impl Rows {
    /// Opens a snapshot.
    pub fn open(
        app: Arc<App>,
        database: Arc<Database>,
        query: ChangesQuery,
        style: Style,
    ) -> Result<Self, Problem> {
        let changes = database.changes(&query.since, &query.options())?;
        let since = query.since.clone();
        Ok(Self {
            app,
            database,
            changes,
            query,
            style,
            since,
            written: 0,
            begun: false,
            over: false,
        })
    }

    /// Rows that were written.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Some rows; `None` when there are no more.
    pub fn piece(&mut self) -> Result<Option<Vec<u8>>, Problem> {
        let mut out = Vec::new();
        // A selector may pass over many rows: nothing is sent then, and the next call goes on.
        while out.is_empty() && !self.over {
            self.fill(&mut out)?;
        }
        Ok((!out.is_empty()).then_some(out))
    }

    fn fill(&mut self, out: &mut Vec<u8>) -> Result<(), Problem> {
        for _ in 0..ROWS_OF_A_PIECE {
            let limit_is_reached = self.written >= self.query.limit;
            let change = if limit_is_reached { None } else { self.changes.next()? };
            let Some(change) = change else {
                self.over = true;
                return Ok(());
            };
            self.put(out, &change)?;
            if out.len() >= PIECE_BYTES {
                return Ok(());
            }
        }
        Ok(())
    }

    fn put(&mut self, out: &mut Vec<u8>, change: &Change) -> Result<(), Problem> {
        if let Some(selector) = &self.query.selector {
            let Some(document) = &change.document else { return Ok(()) };
            let mut text = Vec::new();
            // What the reader is not shown, the reader's selector does not find either.
            let members = Members { mask: self.query.members.mask.clone(), ..Members::default() };
            document.write_json(&mut text, &members)?;
            let value: Value = serde_json::from_slice(&text).map_err(|_| Problem::bad_json())?;
            if !selector.fits(&value) {
                return Ok(());
            }
        }
        if self.query.unknown_style {
            return Err(Problem::fault("badarg"));
        }
        // What is left of the limit decides, as in CouchDB.
        let left = self.query.limit.saturating_sub(self.written);
        let has_seq = left.is_multiple_of(self.query.seq_interval.max(1));
        let seq = if has_seq { json!(change.seq.to_string()) } else { Value::Null };
        let row = self.row(change, &seq)?;
        // Writing to a vector does not fail.
        let _written = match self.style {
            Style::Listed => write!(out, "{}{row}", if self.written == 0 { "" } else { ",\n" }),
            Style::Items { sent } => {
                write!(out, "{}{row}", if sent + self.written == 0 { "" } else { ",\n" })
            }
            Style::Lines => writeln!(out, "{row}"),
            Style::Events => write!(out, "data: {row}\nid: {seq}\n\n"),
        };
        self.written += 1;
        Ok(())
    }

    fn row(&self, change: &Change, seq: &Value) -> Result<String, Problem> {
        let revs: Vec<_> = change
            .revisions
            .iter()
            .map(|rev| format!("{{\"rev\":{}}}", json!(rev.to_string())))
            .collect();
        let deleted = if change.deleted { ",\"deleted\":true" } else { "" };
        let doc = match &change.document {
            Some(document) if self.query.include_docs => {
                self.app.stats.reads.one();
                let mut text = Vec::new();
                document.write_json(&mut text, &self.query.members)?;
                format!(",\"doc\":{}", String::from_utf8_lossy(&text))
            }
            _ => String::new(),
        };
        let (id, revs) = (json!(change.id), revs.join(","));
        Ok(format!("{{\"seq\":{seq},\"id\":{id},\"changes\":[{revs}]{deleted}{doc}}}"))
    }

    /// Where the round ended, and how many rows are left.
    pub fn end(&mut self) -> Result<(Sequence, u64), Problem> {
        let last = self.changes.last_seq();
        let is_passed_over = self.query.doc_ids.is_some() || self.query.design_only;
        if !is_passed_over {
            return Ok((last, self.changes.pending()?));
        }
        // CouchDB counts what these filters pass over as if it were still to come.
        let none = ChangesOptions { limit: Some(0), ..ChangesOptions::default() };
        let all = self.database.changes(&self.since, &none)?.pending()?;
        Ok((last, all.saturating_sub(self.written)))
    }
}

impl Pieces for Rows {
    fn next(&mut self) -> Option<Result<Vec<u8>, Problem>> {
        let mut out = Vec::new();
        if !std::mem::replace(&mut self.begun, true) {
            out.extend_from_slice(b"{\"results\":[\n");
        } else if self.over {
            return None;
        }
        match self.piece() {
            Ok(Some(piece)) => out.extend_from_slice(&piece),
            Ok(None) => {}
            Err(problem) => return Some(Err(problem)),
        }
        if self.over {
            match self.end() {
                Ok((last, pending)) => {
                    let _written = write!(
                        out,
                        "\n],\n\"last_seq\":{},\"pending\":{pending}}}\n",
                        json!(last.to_string())
                    );
                }
                Err(problem) => return Some(Err(problem)),
            }
        }
        Some(Ok(out))
    }
}
