//! Where databases and their shards are: names, ranges, files.

use super::catalog::DatabaseRecord;
use super::error::DatabaseError;

/// Where databases are, below the directory.
pub(super) const ROOT: &str = "shards";

/// The longest name of a database, in bytes.
const NAME_MAX_BYTES: usize = 238;

/// Databases whose names begin with an underscore.
const SYSTEM_NAMES: [&str; 6] =
    ["_users", "_replicator", "_global_changes", "_nodes", "_dbs", "_metadata"];

/// Whether a database can be called so.
pub(super) fn check_name(name: &str) -> Result<(), DatabaseError> {
    if name.len() > NAME_MAX_BYTES {
        return Err(DatabaseError::NameTooLong);
    }
    let may_follow =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_$()+-/".contains(&byte);
    let legal = name.bytes().next().is_some_and(|first| first.is_ascii_lowercase())
        && name.bytes().all(may_follow);
    if legal || SYSTEM_NAMES.contains(&name) {
        return Ok(());
    }
    Err(DatabaseError::IllegalName { name: name.to_owned() })
}

/// The ranges of `q` shards: all hashes, split evenly; the last one takes the rest.
pub(super) fn even_ranges(q: u32) -> Vec<(u32, u32)> {
    let size = (1_u64 << 32) / u64::from(q.max(1));
    let bound = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    let first = |index: u32| bound(size * u64::from(index));
    let last =
        |index: u32| if index + 1 == q { u32::MAX } else { bound(size * u64::from(index + 1) - 1) };
    (0..q).map(|index| (first(index), last(index))).collect()
}

/// The directory of a range.
pub(super) fn range_name((first, last): (u32, u32)) -> String {
    format!("{first:08x}-{last:08x}")
}

/// CouchDB's name of a shard.
pub(super) fn shard_name(record: &DatabaseRecord, (first, last): (u32, u32)) -> String {
    format!("shards/{first:08x}-{last:08x}/{}.{:010}", record.name, record.created_s)
}

/// The file of a shard in its range's directory. A slash in a name does not make a directory.
pub(super) fn file_name(record: &DatabaseRecord) -> String {
    format!("{}.{:010}.pumice", record.name.replace('/', "%2F"), record.created_s)
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
    fn names_are_those_that_couchdb_takes() {
        for name in ["a", "sample/slash", "a_$()+-/0", "_users"] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        for name in ["", "Bad", "1a", "_bad", "a b", "a%", "a.b"] {
            assert!(matches!(check_name(name), Err(DatabaseError::IllegalName { .. })), "{name}");
        }
        assert!(matches!(check_name(&"a".repeat(239)), Err(DatabaseError::NameTooLong)));
    }
}
