//! What happens to whole databases: the feed behind `_db_updates`.
//!
//! One row for each database and kind, the last one, in a journal of its own. That a database was made or removed is written at
//! once; that documents of it changed is noted in memory and written when somebody reads. After a process that was killed,
//! every database counts as changed: readers may see a row twice, and miss none.

use std::sync::{Arc, Mutex, PoisonError};

use super::error::DatabaseError;
use crate::compaction::{AutomaticCompaction, Compactable, TargetError};
use crate::journal::{
    CompactionControl, CompactionRequest, Directory, Durability, KeyRange, Store, StoreOptions,
    WriteBatch, WritePolicy,
};

/// What happened to a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// It was made.
    Created,
    /// Documents of it changed.
    Updated,
    /// It was removed.
    Deleted,
}

impl EventKind {
    /// CouchDB's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Deleted => "deleted",
        }
    }

    fn letter(self) -> u8 {
        match self {
            Self::Created => b'c',
            Self::Updated => b'u',
            Self::Deleted => b'd',
        }
    }

    fn of_letter(letter: u8) -> Option<Self> {
        [Self::Created, Self::Updated, Self::Deleted]
            .into_iter()
            .find(|kind| kind.letter() == letter)
    }
}

/// The last thing of its kind that happened to a database: one row for each database and kind, as CouchDB's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseEvent {
    /// Its number: durable, ascending, to go on from.
    pub sequence: u64,
    /// What happened.
    pub kind: EventKind,
    /// The database.
    pub name: String,
}

/// The journal of events.
#[derive(Debug)]
pub(super) struct Events {
    store: Store,
    last: Mutex<u64>,
}

/// Events: `E` and the number, to the kind's letter and the name.
const EVENT: u8 = b'E';
/// The number of the last event of a kind and database: `N`, the letter and the name.
const NUMBER: u8 = b'N';
/// More rows than can have been lost with a process.
const LOST_MAX: u64 = 1 << 20;
/// The journal of events is due above this size, also where shards are due later: it holds two rows a database.
const DUE_MIN_FILE_BYTES: u64 = 256 << 10;
/// There while the journal was closed cleanly.
const CLEAN: &[u8] = b"clean";

fn event_key(sequence: u64) -> Vec<u8> {
    let mut key = vec![EVENT];
    key.extend_from_slice(&sequence.to_be_bytes());
    key
}

fn number_of(bytes: &[u8]) -> Option<u64> {
    bytes.try_into().ok().map(u64::from_be_bytes)
}

impl Events {
    /// Opens it; answers whether it was closed cleanly.
    pub fn open(
        directory: &Arc<Directory>,
        options: StoreOptions,
    ) -> Result<(Self, bool), DatabaseError> {
        let store = Store::open(directory, "events.pumice", options)?;
        let snapshot = store.snapshot();
        let mut scan = snapshot.scan_reverse(&KeyRange::prefix(&[EVENT]));
        let last = scan.next()?.and_then(|(key, _)| number_of(key.get(1..)?)).unwrap_or_default();
        let clean = snapshot.contains(CLEAN)?;
        // Rows that were told and not yet durable may be lost; their numbers are not given out again.
        let last = if clean || last == 0 { last } else { last.saturating_add(LOST_MAX) };
        if clean {
            let mut batch = WriteBatch::new();
            batch.delete(CLEAN)?;
            store.write(batch, Durability::Sync)?;
        }
        Ok((Self { store, last: Mutex::new(last) }, clean || last == 0))
    }

    /// Adds rows.
    pub fn add(
        &self,
        events: &[(EventKind, &str)],
        durability: Durability,
    ) -> Result<(), DatabaseError> {
        if events.is_empty() {
            return Ok(());
        }
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let snapshot = self.store.snapshot();
        let (mut batch, mut sequence) = (WriteBatch::new(), *last);
        for (kind, name) in events {
            sequence += 1;
            let mut row = vec![kind.letter()];
            row.extend_from_slice(name.as_bytes());
            let mut number_key = vec![NUMBER];
            number_key.extend_from_slice(&row);
            if let Some(before) = snapshot.get(&number_key)?.and_then(|value| number_of(&value)) {
                batch.delete(&event_key(before))?;
            }
            batch.put(&event_key(sequence), &row)?;
            batch.put(&number_key, &sequence.to_be_bytes())?;
        }
        self.store.write(batch, durability)?;
        *last = sequence;
        Ok(())
    }

    /// The journal: jobs are kept beside the events.
    pub fn store(&self) -> &Store {
        &self.store
    }

    pub fn last(&self) -> u64 {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Rows behind `since`, oldest first.
    pub fn list(&self, since: u64, limit: usize) -> Result<Vec<DatabaseEvent>, DatabaseError> {
        let snapshot = self.store.snapshot();
        let range = KeyRange::new(event_key(since.saturating_add(1))..vec![EVENT + 1]);
        let mut scan = snapshot.scan(&range);
        let mut events = Vec::new();
        while events.len() < limit
            && let Some((key, row)) = scan.next()?
        {
            events.extend(read(key, row));
        }
        Ok(events)
    }

    /// Ends it; nothing is missing in it.
    pub fn close(&self) -> Result<(), DatabaseError> {
        let mut batch = WriteBatch::new();
        batch.put(CLEAN, &[])?;
        self.store.write(batch, Durability::Sync)?;
        Ok(self.store.close()?)
    }
}

impl Compactable for Events {
    fn name(&self) -> &'static str {
        "shards/events"
    }

    fn database(&self) -> &str {
        self.name()
    }

    fn is_due(&self, policy: &AutomaticCompaction) -> bool {
        let stats = self.store.stats();
        let min_file_bytes = policy.min_file_bytes.min(DUE_MIN_FILE_BYTES);
        AutomaticCompaction { min_file_bytes, ..*policy }.is_due(stats.file_bytes, stats.live_bytes)
    }

    fn compact(&self, control: &CompactionControl) -> Result<(), TargetError> {
        let policy = WritePolicy::Background;
        let request = CompactionRequest { policy, ..CompactionRequest::default() };
        self.store.compact(&request, control)?;
        Ok(())
    }
}

fn read(key: &[u8], row: &[u8]) -> Option<DatabaseEvent> {
    let sequence = number_of(key.get(1..)?)?;
    let (letter, name) = row.split_first()?;
    let name = std::str::from_utf8(name).ok()?.to_owned();
    Some(DatabaseEvent { sequence, kind: EventKind::of_letter(*letter)?, name })
}
