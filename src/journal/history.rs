//! The transactions that the tail still holds.

use std::sync::Arc;

use super::reader::{Cursor, FrameReader};
use super::record::{Operation, Record, WriteBatch};
use super::replay::Replay;
use super::snapshot::Snapshot;
use super::state::State;
use super::{Damage, HistoryError, KeyRange, Sequence};

/// A transaction of the tail.
#[derive(Clone, Debug)]
pub struct TailRecord {
    /// Its number.
    pub sequence: Sequence,
    /// Where it is in the file.
    pub position: u64,
    /// Bytes that it takes in the tail.
    pub size_bytes: u64,
    /// Its annotation and operations.
    pub record: Record,
}

/// Walks the transactions of the tail, oldest first, as of the moment it was made.
#[derive(Debug)]
pub struct TailReader {
    frames: FrameReader,
    state: Arc<State>,
    ended: bool,
}

/// A walk over the tail of a snapshot.
pub(super) fn tail(snapshot: &Snapshot) -> TailReader {
    let state = snapshot.state().clone();
    TailReader { frames: frames(&state), state, ended: false }
}

fn frames(state: &State) -> FrameReader {
    let header = &state.base.header;
    let cursor = Cursor::at_tail_start(header);
    FrameReader::new(state.base.file.clone(), header.file_id, cursor, state.end_position)
}

impl TailReader {
    fn step(&mut self) -> Result<Option<TailRecord>, HistoryError> {
        let Some(frame) = self.frames.next()? else {
            let cursor = self.frames.cursor();
            let whole = cursor.sequence == self.state.sequence;
            return if whole { Ok(None) } else { Err(damage(&self.state, cursor).into()) };
        };
        let (sequence, position) = (frame.header.sequence, frame.position);
        let size_bytes = frame.header.frame_len();
        match Record::decode(frame.payload.to_vec()) {
            Ok(record) => Ok(Some(TailRecord { sequence, position, size_bytes, record })),
            Err(_) => Err(damage(&self.state, self.frames.cursor()).into()),
        }
    }
}

impl Iterator for TailReader {
    type Item = Result<TailRecord, HistoryError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let step = self.step().transpose();
        self.ended = !matches!(step, Some(Ok(_)));
        step
    }
}

/// The state after `wanted`, rebuilt from image and tail.
pub(super) fn snapshot_at(now: &Snapshot, wanted: Sequence) -> Result<Snapshot, HistoryError> {
    let newest = now.state();
    let base = newest.base.header.base_sequence;
    if wanted > newest.sequence {
        return Err(HistoryError::Future { wanted, last: newest.sequence });
    }
    if wanted < base {
        return Err(HistoryError::Compacted { wanted, base });
    }
    if wanted == newest.sequence {
        return Ok(now.clone());
    }
    let mut replay = Replay::onto(State::of_base(newest.base.clone()));
    let mut frames = frames(newest);
    while frames.cursor().sequence < wanted {
        let replayed = match frames.next()? {
            Some(frame) => replay.frame(&frame).is_ok(),
            None => false,
        };
        if !replayed {
            return Err(damage(newest, frames.cursor()).into());
        }
    }
    Ok(Snapshot::new(Arc::new(replay.finish())))
}

fn damage(state: &State, cursor: Cursor) -> Damage {
    Damage {
        path: state.base.file.path().to_path_buf(),
        position: cursor.position,
        what: "a committed frame cannot be read back",
        intact: cursor.sequence,
    }
}

/// A transaction of the tail, and what undoes it.
#[derive(Clone, Debug)]
pub struct Reversal {
    /// Its number.
    pub sequence: Sequence,
    /// Bytes that it takes in the tail.
    pub size_bytes: u64,
    /// What the room above attached to it.
    pub annotation: Vec<u8>,
    /// Its annotation, and operations that make the state after it the one before; `None` where that is larger than was asked for.
    pub record: Option<Record>,
}

/// What undoes the last `count` transactions of the tail, oldest first; as many of the newest as `bytes_max` allows.
pub(super) fn reversals(
    now: &Snapshot,
    count: usize,
    bytes_max: usize,
) -> Result<Vec<Reversal>, HistoryError> {
    let newest = now.state();
    let base = newest.base.header.base_sequence.get();
    let first = newest.sequence.get().saturating_sub(count as u64).max(base);
    let mut before = snapshot_at(now, Sequence::new(first))?;
    let mut found = Vec::new();
    for record in tail(now) {
        let TailRecord { sequence, size_bytes, record, .. } = record?;
        if sequence.get() <= first {
            continue;
        }
        let annotation = record.annotation().to_vec();
        let reversed = reverse(&before, &record, bytes_max)?;
        found.push(Reversal { sequence, size_bytes, annotation, record: reversed });
        forget_oldest(&mut found, bytes_max);
        before = applied(&before, &record, sequence);
    }
    Ok(found)
}

/// Of reversals that are larger together than `bytes_max`, the oldest are dropped.
fn forget_oldest(found: &mut [Reversal], bytes_max: usize) {
    let size = |reversal: &Reversal| reversal.record.as_ref().map_or(0, |r| r.payload().len());
    let mut total: usize = found.iter().map(size).sum();
    for reversal in found.iter_mut() {
        if total <= bytes_max {
            break;
        }
        total -= size(reversal);
        reversal.record = None;
    }
}

/// The state after a transaction. Its counters are those of the state before: nobody asks for them here.
fn applied(before: &Snapshot, record: &Record, sequence: Sequence) -> Snapshot {
    let mut after = before.with(record);
    after.state_mut().sequence = sequence;
    after
}

/// Operations that bring back what a record changes.
fn reverse(
    before: &Snapshot,
    record: &Record,
    bytes_max: usize,
) -> Result<Option<Record>, HistoryError> {
    let mut batch = WriteBatch::new();
    batch.set_annotation(record.annotation().to_vec());
    for operation in record.operations().flatten() {
        let kept = match &operation {
            Operation::Put { key, .. } | Operation::Delete { key } => {
                restore(before, key, &mut batch)?
            }
            Operation::DeleteRange { .. } => {
                restore_range(before, &operation.range(), &mut batch, bytes_max)?
            }
        };
        if !kept || batch.operation_bytes() > bytes_max {
            return Ok(None);
        }
    }
    Ok(batch.into_record().ok())
}

/// Brings back one key; `false` where it does not fit a transaction.
fn restore(before: &Snapshot, key: &[u8], batch: &mut WriteBatch) -> Result<bool, HistoryError> {
    let restored = match before.get(key)? {
        Some(value) => batch.put(key, &value),
        None => batch.delete(key),
    };
    Ok(restored.is_ok())
}

fn restore_range(
    before: &Snapshot,
    range: &KeyRange,
    batch: &mut WriteBatch,
    bytes_max: usize,
) -> Result<bool, HistoryError> {
    let mut scan = before.scan(range);
    while let Some((key, value)) = scan.next()? {
        if batch.put(key, value).is_err() || batch.operation_bytes() > bytes_max {
            return Ok(false);
        }
    }
    Ok(true)
}
