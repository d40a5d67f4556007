//! Where a reader of changes is: one place in every shard, as one opaque text.

use std::fmt;
use std::str::FromStr;

use super::error::DocumentError;

/// A place in the changes of a database, opaque to clients: `sum-base64url`. The number is for people; two texts of
/// the same place may differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sequence {
    pub(super) places: Vec<Place>,
}

/// A place in the changes of one shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The first and the last hash of the range.
    pub range: (u32, u32),
    /// The beginning of the shard's uuid: the place means nothing in another shard.
    pub shard: u32,
    /// The last change that was seen.
    pub sequence: u64,
}

impl Sequence {
    /// The number in front: the sum over all shards.
    pub fn sum(&self) -> u64 {
        self.places.iter().map(|place| place.sequence).sum()
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-", self.sum())
    }
}

impl FromStr for Sequence {
    type Err = DocumentError;

    fn from_str(_text: &str) -> Result<Self, DocumentError> {
        Err(DocumentError::BadSequence)
    }
}
