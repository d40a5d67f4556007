//! What a shard was split from: its numbers go on behind those of its ancestors.

use super::core::Shard;
use crate::documents::error::DocumentError;
use crate::documents::sequence::Place;
use crate::documents::varint::{Cursor, put};
use crate::journal::Snapshot;

pub(super) const META_ANCESTORS: &[u8] = b"\x01ancestors";

/// Ends of shards, the last ancestor first.
pub(super) fn encode(ancestors: &[Place]) -> Vec<u8> {
    let mut out = Vec::new();
    for end in ancestors {
        for word in [end.range.0, end.range.1, end.shard] {
            out.extend_from_slice(&word.to_be_bytes());
        }
        put(&mut out, end.sequence);
    }
    out
}

fn decode(record: &[u8]) -> Option<Vec<Place>> {
    let mut cursor = Cursor::new(record);
    let mut ancestors = Vec::new();
    while !cursor.rest.is_empty() {
        let mut word = || Some(u32::from_be_bytes(cursor.take(4)?.try_into().ok()?));
        let (first, last, shard) = (word()?, word()?, word()?);
        ancestors.push(Place { range: (first, last), shard, sequence: cursor.number()? });
    }
    Some(ancestors)
}

impl Shard {
    /// The ends of the shards that it was split from, the last one first.
    pub fn ancestors(&self) -> &[Place] {
        self.ancestors.get().map_or(&[], Vec::as_slice)
    }

    /// Whether it goes on where the shard of that place ended.
    pub fn descends_from(&self, other: &Place) -> bool {
        let is_other = |end: &Place| end.range == other.range && end.shard == other.shard;
        self.ancestors().iter().any(is_other)
    }

    pub(super) fn load_ancestors(&self, snapshot: &Snapshot) -> Result<(), DocumentError> {
        if let Some(record) = snapshot.get(META_ANCESTORS)? {
            let ancestors = decode(&record).ok_or_else(|| self.damaged("ancestors"))?;
            self.set_ancestors(ancestors);
        }
        Ok(())
    }

    pub(super) fn set_ancestors(&self, ancestors: Vec<Place>) {
        // They are known from the beginning or set once.
        self.ancestors.get_or_init(|| ancestors);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ancestors_are_the_bytes_of_the_format_page() {
        let place = |range, shard, sequence| Place { range, shard, sequence };
        let ancestors = [place((0, 0x7fff_ffff), 0x0102_0304, 200), place((0, u32::MAX), 5, 1)];
        let bytes = encode(&ancestors);
        let expected = [
            &[0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 1, 2, 3, 4, 0xc8, 1][..],
            &[0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 5, 1][..],
        ];
        assert_eq!(bytes, expected.concat());
        assert_eq!(decode(&bytes).unwrap(), ancestors);
        assert!(decode(&bytes[..5]).is_none());
    }
}
