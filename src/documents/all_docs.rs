//! The documents of a database in the order of their ids, merged over its shards.

use std::collections::VecDeque;
use std::sync::Arc;

use super::document::Document;
use super::error::DocumentError;
use super::key;
use super::options::AllDocsRange;
use super::revision::Revision;
use super::shard::{Found, Shard};
use crate::journal::{KeyRange, Snapshot};

/// A document that is not deleted, or (looked up by key) is.
#[derive(Clone, Debug)]
pub struct AllDocsRow {
    /// Its id.
    pub id: String,
    /// Its winner.
    pub rev: Revision,
    /// Whether the winner is a tombstone; only in answers to keys.
    pub deleted: bool,
    /// The winner, if it was asked for and is not a tombstone.
    pub document: Option<Document>,
}

/// Rows on one snapshot of all shards: pull them with [`AllDocs::next`].
#[derive(Debug)]
pub struct AllDocs {
    cursors: Vec<Cursor>,
    descending: bool,
    include_docs: bool,
    skip: u64,
    left: u64,
    total_rows: u64,
    offset: u64,
}

/// The documents of one shard.
#[derive(Debug)]
struct Cursor {
    shard: Arc<Shard>,
    snapshot: Snapshot,
    /// What was not read yet.
    rest: KeyRange,
    descending: bool,
    rows: VecDeque<(String, Found)>,
    ended: bool,
    batch: usize,
}

/// Rows that are read ahead, at first and at most.
const BATCH_FIRST: usize = 16;
const BATCH_MAX: usize = 512;

/// The keys of a space that a range means.
pub(super) fn keys_of(range: &AllDocsRange, space: u8) -> KeyRange {
    let AllDocsRange { start, end, exclusive_end, descending, .. } = range;
    let (low, high) = if *descending { (end, start) } else { (start, end) };
    let key = |id: &String| key::bytes(space, id.as_bytes());
    let behind = |id: &String| {
        let mut key = key(id);
        key.push(0);
        key
    };
    let first = match low {
        Some(id) if *descending && *exclusive_end => behind(id),
        Some(id) => key(id),
        None => vec![space],
    };
    let last = match high {
        Some(id) if !*descending && *exclusive_end => key(id),
        Some(id) => behind(id),
        None => vec![space + 1],
    };
    KeyRange::new(first..last)
}

impl Cursor {
    fn fill(&mut self) -> Result<(), DocumentError> {
        if self.ended || !self.rows.is_empty() {
            return Ok(());
        }
        let snapshot = self.snapshot.clone();
        let mut scan = if self.descending {
            snapshot.scan_reverse(&self.rest)
        } else {
            snapshot.scan(&self.rest)
        };
        let mut last = Vec::new();
        for _ in 0..self.batch {
            let Some((key, record)) = scan.next()? else {
                self.ended = true;
                break;
            };
            let head = self.shard.head(record)?;
            let id = key.get(1..).and_then(|id| std::str::from_utf8(id).ok());
            let id = id.ok_or_else(|| self.shard.damaged("document"))?.to_owned();
            last.clear();
            last.extend_from_slice(key);
            self.rows.push_back((id, Found { record: record.into(), head }));
        }
        if !last.is_empty() {
            self.rest = if self.descending {
                KeyRange::new(self.rest.start().to_vec()..last)
            } else {
                last.push(0);
                KeyRange::new(last..self.rest.end().unwrap_or_default().to_vec())
            };
        }
        self.batch = (self.batch * 4).min(BATCH_MAX);
        Ok(())
    }
}

impl AllDocs {
    pub(super) fn new(shards: &[Arc<Shard>], range: &AllDocsRange) -> Result<Self, DocumentError> {
        let keys = keys_of(range, key::LIVE);
        let (mut total_rows, mut before) = (0, 0);
        let mut cursors = Vec::with_capacity(shards.len());
        for shard in shards {
            let snapshot = shard.snapshot();
            total_rows += snapshot.count(&key::space(key::LIVE))?.entries;
            before += snapshot.count(&before_first(range, &keys))?.entries;
            cursors.push(Cursor {
                shard: shard.clone(),
                snapshot,
                rest: keys.clone(),
                descending: range.descending,
                rows: VecDeque::new(),
                ended: keys.is_empty(),
                batch: BATCH_FIRST,
            });
        }
        Ok(Self {
            cursors,
            descending: range.descending,
            include_docs: range.include_docs,
            skip: range.skip,
            left: range.limit.unwrap_or(u64::MAX),
            total_rows,
            offset: before.saturating_add(range.skip).min(total_rows),
        })
    }

    /// The next row.
    #[expect(clippy::should_implement_trait, reason = "it can fail")]
    pub fn next(&mut self) -> Result<Option<AllDocsRow>, DocumentError> {
        while self.skip > 0 && self.left > 0 {
            self.skip -= 1;
            if self.take()?.is_none() {
                self.left = 0;
            }
        }
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        let Some((cursor, id, found)) = self.take()? else {
            return Ok(None);
        };
        let Some(Cursor { shard, snapshot, .. }) = self.cursors.get(cursor) else {
            return Ok(None);
        };
        row(shard, snapshot, id, found, self.include_docs).map(Some)
    }

    /// The next one of all shards, and the shard that it is of.
    fn take(&mut self) -> Result<Option<(usize, String, Found)>, DocumentError> {
        let mut best: Option<(usize, &str)> = None;
        for cursor in &mut self.cursors {
            cursor.fill()?;
        }
        for (index, cursor) in self.cursors.iter().enumerate() {
            let Some((id, _)) = cursor.rows.front() else {
                continue;
            };
            let earlier = |other: &str| if self.descending { &**id > other } else { &**id < other };
            if best.is_none_or(|(_, other)| earlier(other)) {
                best = Some((index, id));
            }
        }
        let Some((index, _)) = best else {
            return Ok(None);
        };
        let taken = self.cursors.get_mut(index).and_then(|cursor| cursor.rows.pop_front());
        Ok(taken.map(|(id, found)| (index, id, found)))
    }

    /// How many documents the database has (`total_rows`).
    pub fn total_rows(&self) -> u64 {
        self.total_rows
    }

    /// How many come before the first row, in the order of the walk, those that are skipped among them (`offset`).
    pub fn offset(&self) -> u64 {
        self.offset
    }
}

/// The keys that a walk would have met before its first one.
fn before_first(range: &AllDocsRange, keys: &KeyRange) -> KeyRange {
    if range.descending {
        let end = keys.end().map_or_else(|| vec![key::LIVE + 1], <[u8]>::to_vec);
        return KeyRange::new(end..vec![key::LIVE + 1]);
    }
    KeyRange::new(vec![key::LIVE]..keys.start().to_vec())
}

fn row(
    shard: &Arc<Shard>,
    snapshot: &Snapshot,
    id: String,
    found: Found,
    include_docs: bool,
) -> Result<AllDocsRow, DocumentError> {
    let (rev, deleted) = (found.head.winner.clone(), found.head.deleted);
    let document = if include_docs && !deleted {
        Document::winner(shard, snapshot, id.clone(), found)?
    } else {
        None
    };
    Ok(AllDocsRow { id, rev, deleted, document })
}

/// One document by its id, deleted or not.
pub(super) fn look_up(
    shard: &Arc<Shard>,
    snapshot: &Snapshot,
    id: &str,
    include_docs: bool,
) -> Result<Option<AllDocsRow>, DocumentError> {
    match shard.find(snapshot, id)? {
        Some(found) => row(shard, snapshot, id.to_owned(), found, include_docs).map(Some),
        None => Ok(None),
    }
}
