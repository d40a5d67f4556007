//! What the end of a tail looks like, and what is done about it: a table, and nothing else.
//!
//! Every case has a label, which the log line and docs/format.md use. A *witness* is a later frame that says
//! that the place in question was durable when it was written; so a bad frame before a witness is damage,
//! and one without is the end of a group whose sync never ended, of which nothing was acknowledged.

use std::fmt;

use super::reader::Remains;
use crate::planted::planted;

/// What was found where the chain of frames ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TailEnd {
    /// Where the next frame would begin.
    pub position: u64,
    /// The length of the file.
    pub file_len: u64,
    /// Frames before this position were durable when the file got its name.
    pub sealed_position: u64,
    /// What lies behind.
    pub remains: Remains,
}

/// The case at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// The last frame ends where the file does.
    EndsWithFile,
    /// Nothing but zeros that were written ahead follows.
    ZerosAhead,
    /// Something unfinished follows, and no frame after it.
    TornTail,
    /// Something unfinished follows, and frames of the same unsynced group after it.
    TornGroup,
    /// A frame that was durable is damaged: a later one witnesses it.
    DamagedBeforeWitness,
    /// A frame that was durable when the file got its name is damaged or missing.
    DamagedInSeal,
}

/// What is done about a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Go on writing at the position.
    Keep,
    /// Cut the file at the position, durably, before the next write.
    Cut,
    /// Refuse to open.
    Refuse,
}

impl Case {
    /// Which case it is.
    pub fn of(end: &TailEnd) -> Self {
        let Remains { zeros, later_frame, witness } = end.remains;
        planted!(SealIgnored => if end.sealed_position > 0 {
            return Self::of(&TailEnd { sealed_position: 0, ..*end });
        });
        if end.position < end.sealed_position || end.file_len < end.sealed_position {
            return Self::DamagedInSeal;
        }
        match (witness, later_frame) {
            (true, _) => Self::DamagedBeforeWitness,
            (false, true) => Self::TornGroup,
            (false, false) if end.position >= end.file_len => Self::EndsWithFile,
            (false, false) if zeros => Self::ZerosAhead,
            (false, false) => Self::TornTail,
        }
    }

    /// What is done about it.
    pub fn action(self) -> Action {
        match self {
            Self::EndsWithFile | Self::ZerosAhead => Action::Keep,
            Self::TornTail | Self::TornGroup => Action::Cut,
            Self::DamagedBeforeWitness | Self::DamagedInSeal => Action::Refuse,
        }
    }

    /// What was expected, for the error.
    pub fn expectation(self) -> &'static str {
        match self {
            Self::DamagedInSeal => "a frame that was durable when the file was made is damaged",
            Self::DamagedBeforeWitness => "a frame that a later one proves durable is damaged",
            _ => "a frame is unfinished",
        }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EndsWithFile => "ends-with-file",
            Self::ZerosAhead => "zeros-ahead",
            Self::TornTail => "torn-tail",
            Self::TornGroup => "torn-group",
            Self::DamagedBeforeWitness => "damaged-before-witness",
            Self::DamagedInSeal => "damaged-in-seal",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_says_what_proves_the_damage() {
        assert!(Case::DamagedInSeal.expectation().contains("when the file was made"));
        assert!(Case::DamagedBeforeWitness.expectation().contains("a later one proves durable"));
        assert!(Case::TornTail.expectation().contains("unfinished"));
    }

    /// Every combination of what can be seen, with the case that it must be.
    #[test]
    fn every_combination_has_exactly_the_case_of_the_table() {
        for bits in 0..32_u8 {
            let bit = |index: u8| bits & (1 << index) != 0;
            let remains = Remains { zeros: bit(0), later_frame: bit(1), witness: bit(2) };
            let Remains { zeros, later_frame, witness } = remains;
            let at_end = bit(3);
            let contradictory = later_frame && zeros || !later_frame && witness || at_end && !zeros;
            if contradictory {
                continue;
            }
            let end = TailEnd {
                position: 1000,
                file_len: if bit(3) { 1000 } else { 2000 },
                sealed_position: if bit(4) { 1001 } else { 1000 },
                remains,
            };
            let expected = match (bit(4), bit(2), bit(1), bit(3), bit(0)) {
                (true, ..) => Case::DamagedInSeal,
                (false, true, ..) => Case::DamagedBeforeWitness,
                (false, false, true, ..) => Case::TornGroup,
                (false, false, false, true, _) => Case::EndsWithFile,
                (false, false, false, false, true) => Case::ZerosAhead,
                (false, false, false, false, false) => Case::TornTail,
            };
            assert_eq!(Case::of(&end), expected, "{end:?}");
        }
    }

    #[test]
    fn a_file_cut_inside_its_seal_is_damaged() {
        let remains = Remains { zeros: true, later_frame: false, witness: false };
        let end = TailEnd { position: 1000, file_len: 999, sealed_position: 1000, remains };
        assert_eq!(Case::of(&end), Case::DamagedInSeal);
    }

    #[test]
    fn only_what_was_never_acknowledged_is_cut() {
        assert_eq!(Case::TornTail.action(), Action::Cut);
        assert_eq!(Case::TornGroup.action(), Action::Cut);
        assert_eq!(Case::DamagedBeforeWitness.action(), Action::Refuse);
        assert_eq!(Case::DamagedInSeal.action(), Action::Refuse);
        assert_eq!(Case::ZerosAhead.action(), Action::Keep);
        assert_eq!(Case::EndsWithFile.action(), Action::Keep);
    }
}
