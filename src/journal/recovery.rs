//! What the end of a tail looks like, and what is done about it: a table, and nothing else.
//!
//! Every case has a label, which the log line and docs/format.md use. A *witness* is a later frame that says
//! that the place in question was durable when it was written; so a bad frame before a witness is damage,
//! and one without is the end of a group whose sync never ended, of which nothing was acknowledged.

use std::fmt;

use super::closing::Closing;
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
    /// Whether the last frame is a witness.
    pub witnessed: bool,
    /// What the last close said.
    pub closing: Closing,
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
    /// A frame that was durable when the file was closed is damaged or missing.
    DamagedBeforeClose,
    /// The closing record is damaged, and no witness at the end explains it.
    DamagedClosing,
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

/// What is said of a closing record that is not as it was written.
pub const CLOSING_DAMAGED: &str = "the closing record is damaged";

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
        planted!(ClosingRecordIgnored => if end.closing != Closing::Absent {
            return Self::of(&TailEnd { closing: Closing::Absent, ..*end });
        });
        // Only a close writes the record, behind a witness: without one it was whole before.
        if end.closing == Closing::Damaged && !(end.witnessed && zeros) {
            return Self::DamagedClosing;
        }
        let closed = end.closing.end_position().unwrap_or_default();
        if end.position < closed || end.file_len < closed {
            return Self::DamagedBeforeClose;
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
            Self::DamagedBeforeWitness
            | Self::DamagedInSeal
            | Self::DamagedBeforeClose
            | Self::DamagedClosing => Action::Refuse,
        }
    }

    /// What was expected, for the error.
    pub fn expectation(self) -> &'static str {
        match self {
            Self::DamagedInSeal => "a frame that was durable when the file was made is damaged",
            Self::DamagedBeforeWitness => "a frame that a later one proves durable is damaged",
            Self::DamagedBeforeClose => {
                "a frame that was durable when the file was closed is damaged"
            }
            Self::DamagedClosing => CLOSING_DAMAGED,
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
            Self::DamagedBeforeClose => "damaged-before-close",
            Self::DamagedClosing => "damaged-closing-record",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::Sequence;
    use super::super::closing::ClosingRecord;
    use super::*;

    #[test]
    fn each_refusal_says_what_proves_the_damage() {
        assert!(Case::DamagedInSeal.expectation().contains("when the file was made"));
        assert!(Case::DamagedBeforeWitness.expectation().contains("a later one proves durable"));
        assert!(Case::DamagedBeforeClose.expectation().contains("when the file was closed"));
        assert!(Case::DamagedClosing.expectation().contains("the closing record"));
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
                witnessed: false,
                closing: Closing::Absent,
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
        let end = TailEnd {
            position: 1000,
            file_len: 999,
            sealed_position: 1000,
            witnessed: true,
            closing: Closing::Absent,
            remains,
        };
        assert_eq!(Case::of(&end), Case::DamagedInSeal);
    }

    fn closed_at(end_position: u64) -> Closing {
        Closing::Whole(ClosingRecord { end_position, sequence: Sequence::new(1), last_crc: 0 })
    }

    #[test]
    fn a_tail_that_ends_before_its_close_is_damaged() {
        let remains = Remains { zeros: true, later_frame: false, witness: false };
        let end = TailEnd {
            position: 1000,
            file_len: 1000,
            sealed_position: 900,
            witnessed: true,
            closing: closed_at(1000),
            remains,
        };
        assert_eq!(Case::of(&end), Case::EndsWithFile);
        for closing in [closed_at(1001), closed_at(u64::MAX)] {
            assert_eq!(Case::of(&TailEnd { closing, ..end }), Case::DamagedBeforeClose);
        }
        assert_eq!(Case::of(&TailEnd { file_len: 999, ..end }), Case::DamagedBeforeClose);
    }

    #[test]
    fn a_damaged_closing_record_is_taken_only_where_a_close_can_have_torn_it() {
        let remains = Remains { zeros: true, later_frame: false, witness: false };
        let end = TailEnd {
            position: 1000,
            file_len: 1000,
            sealed_position: 900,
            witnessed: true,
            closing: Closing::Damaged,
            remains,
        };
        assert_eq!(Case::of(&end), Case::EndsWithFile);
        assert_eq!(Case::of(&TailEnd { witnessed: false, ..end }), Case::DamagedClosing);
        let remains = Remains { zeros: false, ..remains };
        assert_eq!(Case::of(&TailEnd { remains, file_len: 2000, ..end }), Case::DamagedClosing);
    }

    #[test]
    fn only_what_was_never_acknowledged_is_cut() {
        assert_eq!(Case::TornTail.action(), Action::Cut);
        assert_eq!(Case::TornGroup.action(), Action::Cut);
        assert_eq!(Case::DamagedBeforeWitness.action(), Action::Refuse);
        assert_eq!(Case::DamagedInSeal.action(), Action::Refuse);
        assert_eq!(Case::DamagedBeforeClose.action(), Action::Refuse);
        assert_eq!(Case::DamagedClosing.action(), Action::Refuse);
        assert_eq!(Case::ZerosAhead.action(), Action::Keep);
        assert_eq!(Case::EndsWithFile.action(), Action::Keep);
    }
}
