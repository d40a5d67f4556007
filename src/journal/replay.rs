//! From frames to a state.

use super::overlay::Gathered;
use super::reader::Frame;
use super::record::{Operation, Operations, RecordError};
use super::state::State;

/// What is gathered is sorted and becomes the tree in one go, what comes after is merged into it: the more at once, the
/// faster, and the more memory meanwhile.
const GATHERED_OPERATIONS: usize = 1 << 21;

/// A state that frames of the tail are applied to.
#[derive(Debug)]
pub struct Replay {
    state: State,
    gathered: Gathered,
}

impl Replay {
    /// Begins on top of `state`.
    pub fn onto(state: State) -> Self {
        Self { state, gathered: Gathered::up_to(GATHERED_OPERATIONS) }
    }

    /// Takes over the next frame, whose counters were exact when it was written.
    pub fn frame(&mut self, frame: &Frame<'_>) -> Result<(), RecordError> {
        let state = &mut self.state;
        for operation in Operations::of(frame.payload)? {
            let operation = operation?;
            let is_range = matches!(operation, Operation::DeleteRange { .. });
            if is_range || self.gathered.is_full() {
                self.gathered.release(|items| state.overlay.insert_sorted(items, |_| ()));
            }
            if is_range {
                state.overlay.apply(operation, None);
            } else {
                self.gathered.push(operation, frame.payload_position());
            }
        }
        state.sequence = frame.header.sequence;
        state.previous_crc = frame.crc;
        state.counters = frame.header.counters;
        state.end_position = frame.position + frame.header.frame_len();
        Ok(())
    }

    /// The state after the last frame.
    pub fn finish(mut self) -> State {
        self.gathered.release(|items| self.state.overlay.insert_sorted(items, |_| ()));
        self.state
    }
}
