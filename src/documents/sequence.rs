//! Where a reader of changes is: one place in every shard, as one opaque text.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::error::DocumentError;
use super::varint::{Cursor, put};

/// A place in the changes of a database, opaque to clients: `sum-base64url`. The number is for people; two texts of
/// the same place may differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sequence {
    places: Vec<Place>,
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

/// The layout of the bytes; another one is not understood.
const VERSION: u8 = 1;

impl Sequence {
    pub(super) fn new(places: Vec<Place>) -> Self {
        Self { places }
    }

    /// The number in front: the sum over all shards.
    pub fn sum(&self) -> u64 {
        self.places.iter().map(|place| place.sequence).fold(0, u64::saturating_add)
    }

    /// Where it is in a shard; 0 when it says nothing of that shard. `ancestors` are the ends of shards that this one was
    /// split from and numbers on behind: a place in one of them, up to its end, is the same place here.
    pub(super) fn in_shard(&self, range: (u32, u32), shard: u32, ancestors: &[Place]) -> u64 {
        let is_of = |place: &Place, (range, shard)| place.range == range && place.shard == shard;
        let mine = |place: &&Place| {
            is_of(place, (range, shard))
                || ancestors.iter().any(|end| {
                    is_of(place, (end.range, end.shard)) && place.sequence <= end.sequence
                })
        };
        self.places.iter().filter(mine).map(|place| place.sequence).max().unwrap_or_default()
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = vec![VERSION];
        for place in &self.places {
            bytes.extend_from_slice(&place.range.0.to_be_bytes());
            bytes.extend_from_slice(&place.range.1.to_be_bytes());
            bytes.extend_from_slice(&place.shard.to_be_bytes());
            put(&mut bytes, place.sequence);
        }
        write!(f, "{}-{}", self.sum(), URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl FromStr for Sequence {
    type Err = DocumentError;

    /// Takes quotes around it, and goes without the number in front.
    fn from_str(text: &str) -> Result<Self, DocumentError> {
        let quoted = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
        let text = quoted.unwrap_or(text);
        let opaque = match text.split_once('-') {
            Some((sum, opaque)) if sum.bytes().all(|byte| byte.is_ascii_digit()) => opaque,
            _ => text,
        };
        let bytes = URL_SAFE_NO_PAD.decode(opaque).map_err(|_| DocumentError::BadSequence)?;
        decode(&bytes).ok_or(DocumentError::BadSequence)
    }
}

fn decode(bytes: &[u8]) -> Option<Sequence> {
    let mut cursor = Cursor::new(bytes);
    if cursor.byte()? != VERSION {
        return None;
    }
    let mut places = Vec::new();
    while !cursor.rest.is_empty() {
        let mut word = || Some(u32::from_be_bytes(cursor.take(4)?.try_into().ok()?));
        let (first, last, shard) = (word()?, word()?, word()?);
        places.push(Place { range: (first, last), shard, sequence: cursor.number()? });
    }
    Some(Sequence { places })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sequence_reads_back_also_in_quotes_and_without_its_number() {
        let place = |first, sequence| Place { range: (first, first + 9), shard: 77, sequence };
        let sequence = Sequence::new(vec![place(0, 3), place(10, 1 << 40)]);
        let text = sequence.to_string();
        assert!(text.starts_with("1099511627779-"), "{text}");
        let opaque = text.split_once('-').unwrap().1.to_owned();
        for form in [text.clone(), format!("\"{text}\""), opaque, text.replace("109951", "1")] {
            assert_eq!(form.parse::<Sequence>().unwrap(), sequence, "{form}");
        }
        for bad in ["garbage", "3", "", "1-", "5-AQ_", "7-g1AAAA"] {
            assert!(matches!(bad.parse::<Sequence>(), Err(DocumentError::BadSequence)), "{bad}");
        }
        assert_eq!(sequence.in_shard((10, 19), 77, &[]), 1 << 40);
        assert_eq!(sequence.in_shard((10, 19), 78, &[]), 0);
    }

    #[test]
    fn a_place_in_an_ancestor_counts_up_to_where_that_one_ended() {
        let place = |last, shard, sequence| Place { range: (0, last), shard, sequence };
        let ancestors = [place(9, 7, 20), place(19, 6, 10)];
        let at = |places: &[Place]| Sequence::new(places.to_vec()).in_shard((0, 4), 8, &ancestors);
        assert_eq!(at(&[place(9, 7, 20)]), 20);
        assert_eq!(at(&[place(9, 7, 21)]), 0);
        assert_eq!(at(&[place(19, 6, 10)]), 10);
        assert_eq!(at(&[place(19, 7, 10)]), 0);
        assert_eq!(at(&[place(9, 7, 20), place(4, 8, 25)]), 25);
    }
}
