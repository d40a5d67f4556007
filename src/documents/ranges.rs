//! Ranges of hashes: of shards that are made, and of their halves.

/// The largest number of shards.
pub(super) const Q_MAX: u32 = 256;

/// The ranges of `q` shards: all hashes, split evenly; the last one takes the rest.
pub(super) fn even_ranges(q: u32) -> Vec<(u32, u32)> {
    let size = (1_u64 << 32) / u64::from(q.max(1));
    let bound = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    let first = |index: u32| bound(size * u64::from(index));
    let last =
        |index: u32| if index + 1 == q { u32::MAX } else { bound(size * u64::from(index + 1) - 1) };
    (0..q).map(|index| (first(index), last(index))).collect()
}

/// The ranges of the halves of a range of two hashes or more.
pub(super) fn halves((first, last): (u32, u32)) -> [(u32, u32); 2] {
    let middle = first + (last.saturating_sub(first)) / 2;
    [(first, middle), (middle.saturating_add(1), last)]
}

/// The ranges that were split on the way from `q` even ones to `ranges`, each before its halves.
pub(super) fn split_on_the_way(q: u32, ranges: &[(u32, u32)]) -> Vec<(u32, u32)> {
    let has_parts = |(first, last): (u32, u32)| {
        ranges.iter().any(|part| *part != (first, last) && first <= part.0 && part.1 <= last)
    };
    let mut split = Vec::new();
    let mut level = even_ranges(q);
    while !level.is_empty() {
        level.retain(|range| has_parts(*range));
        split.extend_from_slice(&level);
        level = level.into_iter().flat_map(halves).collect();
    }
    split
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(q: u32) -> Vec<String> {
        even_ranges(q).iter().map(|(first, last)| format!("{first:08x}-{last:08x}")).collect()
    }

    /// Section 4.1 of the reference.
    #[test]
    fn ranges_and_hashes_are_those_of_couchdb() {
        assert_eq!(texts(1), ["00000000-ffffffff"]);
        assert_eq!(texts(2), ["00000000-7fffffff", "80000000-ffffffff"]);
        assert_eq!(texts(3), ["00000000-55555554", "55555555-aaaaaaa9", "aaaaaaaa-ffffffff"]);
        assert_eq!(texts(18)[0], "00000000-0e38e38d");
        let vectors = [
            ("joan", 0xe0b8_52df),
            ("robert", 0x7918_75e7),
            ("doc1", 0xc985_0b0b),
            ("_design/foo", 0xca58_923f),
            ("", 0),
        ];
        for (id, hash) in vectors {
            assert_eq!(crc32fast::hash(id.as_bytes()), hash, "{id}");
        }
    }

    #[test]
    fn every_hash_is_in_one_range() {
        for q in [1, 2, 3, 7, 18, 256] {
            let ranges = even_ranges(q);
            assert_eq!(ranges.len(), q as usize);
            assert_eq!((ranges[0].0, ranges[q as usize - 1].1), (0, u32::MAX));
            assert!(ranges.windows(2).all(|pair| pair[0].1 + 1 == pair[1].0));
        }
    }

    #[test]
    fn what_was_split_is_told_by_what_is_left() {
        let [low, high] = halves((0, u32::MAX));
        let [lowest, lower] = halves(low);
        assert_eq!(split_on_the_way(1, &[(0, u32::MAX)]), []);
        assert_eq!(split_on_the_way(1, &[low, high]), [(0, u32::MAX)]);
        assert_eq!(split_on_the_way(2, &[low, high]), []);
        assert_eq!(split_on_the_way(1, &[lowest, lower, high]), [(0, u32::MAX), low]);
        assert_eq!(split_on_the_way(2, &[lowest, lower, high]), [low]);
        // Ranges that do not come of these: as deep as they lead, and no deeper.
        assert_eq!(split_on_the_way(1, &[(3, 5)]).len(), 30);
    }

    #[test]
    fn halves_are_those_of_couchdb() {
        assert_eq!(halves((0, 0x7fff_ffff)), [(0, 0x3fff_ffff), (0x4000_0000, 0x7fff_ffff)]);
        assert_eq!(halves((0, u32::MAX)), [(0, 0x7fff_ffff), (0x8000_0000, u32::MAX)]);
        assert_eq!(halves((6, 7)), [(6, 6), (7, 7)]);
        assert_eq!(halves((6, 8)), [(6, 7), (8, 8)]);
    }
}
