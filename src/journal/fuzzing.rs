//! What the targets in `fuzz/` reach of the engine besides its API. Compiled under `cfg(fuzzing)` only.

pub use super::frame::{FrameHeader, FrameKind, Place};
