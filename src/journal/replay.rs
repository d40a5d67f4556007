//! From frames to a state.

use super::overlay::Gathered;
use super::reader::Frame;
use super::record::{Operations, RecordError};
use super::state::State;

/// A state that frames of the tail are applied to.
#[derive(Debug)]
pub struct Replay {
    state: State,
    gathered: Gathered,
}

impl Replay {
    /// Begins on top of `state`.
    pub fn onto(state: State) -> Self {
        Self { state, gathered: Gathered::default() }
    }

    /// Takes over the next frame, whose counters were exact when it was written.
    pub fn frame(&mut self, frame: &Frame<'_>) -> Result<(), RecordError> {
        let state = &mut self.state;
        for operation in Operations::of(frame.payload)? {
            self.gathered.add(operation?, frame.payload_position(), &mut state.overlay);
        }
        state.sequence = frame.header.sequence;
        state.previous_crc = frame.crc;
        state.counters = frame.header.counters;
        state.end_position = frame.position + frame.header.frame_len();
        Ok(())
    }

    /// The state after the last frame.
    pub fn finish(mut self) -> State {
        self.gathered.empty_into(&mut self.state.overlay);
        self.state
    }
}
