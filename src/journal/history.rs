//! The transactions that the tail still holds.

use std::sync::Arc;

use super::reader::{Cursor, FrameReader};
use super::record::Record;
use super::replay::Replay;
use super::snapshot::Snapshot;
use super::state::State;
use super::{Damage, HistoryError, Sequence};

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
