//! The changes of a database, merged over its shards.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use super::document::Document;
use super::error::DocumentError;
use super::key;
use super::options::{ChangesOptions, Since, Style};
use super::record::{Head, decode_change};
use super::revision::Revision;
use super::sequence::Sequence;
use super::shard::Shard;
use crate::journal::{KeyRange, Snapshot};

/// A document's last change.
#[derive(Clone, Debug)]
pub struct Change {
    /// Where a reader is that has seen this one.
    pub seq: Sequence,
    /// The document.
    pub id: String,
    /// The winner; with [`super::Style::AllDocs`] every leaf, the winner first.
    pub revisions: Vec<Revision>,
    /// Whether the winner is a tombstone.
    pub deleted: bool,
    /// The winner, if it was asked for; a tombstone too.
    pub document: Option<Document>,
}

/// Changes on a snapshot of the database: pull them with [`Changes::next`]. For later ones ask again with
/// [`Changes::last_seq`], after [`super::Watch`] woke. Order over shards is undefined (they take turns), within a shard
/// ascending.
#[derive(Debug)]
pub struct Changes {
    cursors: Vec<Cursor>,
    options: ChangesOptions,
    doc_ids: Option<HashSet<String>>,
    left: u64,
    turn: usize,
}

/// A row as it is read ahead.
#[derive(Debug)]
struct Row {
    sequence: u64,
    id: String,
    winner: Revision,
    deleted: bool,
    several_leaves: bool,
}

/// The changes of one shard.
#[derive(Debug)]
struct Cursor {
    shard: Arc<Shard>,
    snapshot: Snapshot,
    descending: bool,
    /// The last change that is left out at the beginning.
    since: u64,
    /// The last change of the snapshot.
    last: u64,
    /// The last row that was taken; descending, the next one is before it.
    position: u64,
    /// The last row that was read ahead.
    read: u64,
    rows: VecDeque<Row>,
    ended: bool,
    batch: usize,
}

/// Rows that are read ahead, at first and at most.
const BATCH_FIRST: usize = 16;
const BATCH_MAX: usize = 1024;

/// So many documents are looked up one by one; for more, all changes are read.
const LOOKED_UP_MAX: usize = 1000;

impl Cursor {
    fn new(shard: &Arc<Shard>, since: &Since, descending: bool) -> Result<Self, DocumentError> {
        let snapshot = shard.durable_snapshot()?;
        let last = shard.counters_of(&snapshot)?.update_seq;
        let since = match since {
            Since::Zero => 0,
            Since::Now => last,
            Since::At(sequence) => {
                sequence.in_shard(shard.options().range, shard.short_uuid(), shard.ancestors())
            }
        };
        // A place behind the end is of a state that was lost: begin anew.
        let since = if since > last { 0 } else { since };
        let position = if descending { last.saturating_add(1) } else { since };
        Ok(Self {
            shard: shard.clone(),
            snapshot,
            descending,
            since,
            last,
            position,
            read: position,
            rows: VecDeque::new(),
            ended: false,
            batch: BATCH_FIRST,
        })
    }

    /// The keys behind `position`.
    fn rest(&self, position: u64) -> KeyRange {
        let range = key::numbers_after(key::CHANGE, self.since);
        if self.descending {
            return KeyRange::new(
                range.start().to_vec()..key::number(key::CHANGE, position).to_vec(),
            );
        }
        key::numbers_after(key::CHANGE, position)
    }

    fn fill(&mut self) -> Result<(), DocumentError> {
        if self.ended || !self.rows.is_empty() {
            return Ok(());
        }
        let range = self.rest(self.read);
        let snapshot = self.snapshot.clone();
        let mut scan =
            if self.descending { snapshot.scan_reverse(&range) } else { snapshot.scan(&range) };
        for _ in 0..self.batch {
            let Some((key, record)) = scan.next()? else {
                self.ended = true;
                break;
            };
            let row = key::read_number(key).and_then(|sequence| read_row(sequence, record));
            let row = row.ok_or_else(|| self.shard.damaged("change"))?;
            self.read = row.sequence;
            self.rows.push_back(row);
        }
        self.batch = (self.batch * 4).min(BATCH_MAX);
        Ok(())
    }

    fn take(&mut self) -> Result<Option<Row>, DocumentError> {
        self.fill()?;
        let row = self.rows.pop_front();
        match &row {
            Some(row) => self.position = row.sequence,
            None if !self.descending => self.position = self.last,
            None => {}
        }
        Ok(row)
    }

    /// Reads ahead just these documents.
    fn look_up(&mut self, ids: &HashSet<String>) -> Result<(), DocumentError> {
        let mut rows = Vec::new();
        for id in ids {
            let Some(found) = self.shard.find(&self.snapshot, id)? else {
                continue;
            };
            let Head { sequence, several_leaves, winner, deleted, .. } = found.head;
            if sequence > self.since {
                rows.push(Row { sequence, id: id.clone(), winner, deleted, several_leaves });
            }
        }
        rows.sort_by_key(|row| row.sequence);
        if self.descending {
            rows.reverse();
        }
        self.rows = rows.into();
        self.ended = true;
        Ok(())
    }

    fn place(&self) -> u64 {
        if self.descending { self.position.min(self.last) } else { self.position }
    }
}

fn read_row(sequence: u64, record: &[u8]) -> Option<Row> {
    let change = decode_change(record)?;
    Some(Row {
        sequence,
        id: std::str::from_utf8(change.id).ok()?.to_owned(),
        winner: change.winner,
        deleted: change.deleted,
        several_leaves: change.several_leaves,
    })
}

impl Changes {
    pub(super) fn new(
        shards: &[Arc<Shard>],
        since: &Since,
        options: &ChangesOptions,
    ) -> Result<Self, DocumentError> {
        let cursors = shards.iter().map(|shard| Cursor::new(shard, since, options.descending));
        let mut cursors = cursors.collect::<Result<Vec<_>, _>>()?;
        let doc_ids: Option<HashSet<String>> =
            options.doc_ids.as_ref().map(|ids| ids.iter().cloned().collect());
        if let Some(ids) = doc_ids.as_ref().filter(|ids| ids.len() <= LOOKED_UP_MAX) {
            cursors.iter_mut().try_for_each(|cursor| cursor.look_up(ids))?;
        }
        Ok(Self {
            cursors,
            doc_ids,
            left: options.limit.unwrap_or(u64::MAX),
            options: options.clone(),
            turn: 0,
        })
    }

    /// The next change; `None` when the snapshot has no more or the limit is reached.
    #[expect(
        clippy::should_implement_trait,
        reason = "it can fail, and is asked for more in between"
    )]
    pub fn next(&mut self) -> Result<Option<Change>, DocumentError> {
        if self.left == 0 {
            return Ok(None);
        }
        let mut ended = 0;
        while ended < self.cursors.len() {
            let turn = self.turn % self.cursors.len();
            self.turn = turn + 1;
            let Some(row) = self.cursors.get_mut(turn).map(Cursor::take).transpose()?.flatten()
            else {
                ended += 1;
                continue;
            };
            ended = 0;
            if !self.wants(&row.id) {
                continue;
            }
            self.left -= 1;
            return self.change(turn, row).map(Some);
        }
        Ok(None)
    }

    fn wants(&self, id: &str) -> bool {
        let listed = self.doc_ids.as_ref().is_none_or(|ids| ids.contains(id));
        listed && (!self.options.design_only || id.starts_with("_design/"))
    }

    fn change(&self, turn: usize, row: Row) -> Result<Change, DocumentError> {
        let Row { id, winner, deleted, several_leaves, .. } = row;
        let (mut revisions, mut document) = (vec![winner], None);
        let all = self.options.style == Style::AllDocs && several_leaves;
        if let Some(cursor) = self.cursors.get(turn)
            && (all || self.options.include_docs)
        {
            let found = cursor.shard.find(&cursor.snapshot, &id)?;
            let found = found.ok_or_else(|| cursor.shard.damaged("change"))?;
            if all {
                let tree = cursor.shard.tree(&found.record)?;
                let leaves = tree.ranked_leaves();
                let nodes = leaves.into_iter().filter_map(|index| tree.node(index));
                revisions = nodes.map(|node| node.revision.clone()).collect();
            }
            if self.options.include_docs {
                document = Document::winner(&cursor.shard, &cursor.snapshot, id.clone(), found)?;
            }
        }
        Ok(Change { seq: self.last_seq(), id, revisions, deleted, document })
    }

    /// Where a reader is that has seen everything answered so far; at the end, with filtered rows passed over.
    pub fn last_seq(&self) -> Sequence {
        let places = self.cursors.iter().map(|cursor| cursor.shard.place(cursor.place()));
        Sequence::new(places.collect())
    }

    /// How many rows of the snapshot come behind [`Changes::last_seq`], filters not regarded.
    pub fn pending(&self) -> Result<u64, DocumentError> {
        let mut pending = 0;
        for cursor in &self.cursors {
            pending += cursor.snapshot.count(&cursor.rest(cursor.position))?.entries;
        }
        Ok(pending)
    }
}
