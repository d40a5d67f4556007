//! Where databases and their shards are: names, ranges, files.

use super::catalog::DatabaseRecord;
use super::error::DatabaseError;
use crate::journal::{FILE_NAME_MAX_BYTES, SIDE_SUFFIX};

/// Where databases are, below the directory.
pub(super) const ROOT: &str = "shards";

/// The ending of a shard's file.
const SHARD_ENDING: &str = ".pumice";
/// Digits of the second in which a database was made.
const SECONDS_WIDTH: usize = 10;
/// The longest name of a database, in bytes, a slash counted as the three bytes that it has in the name of a file: what
/// the names of its files, also of one that a compaction makes, leave of the longest name.
const NAME_MAX_BYTES: usize =
    FILE_NAME_MAX_BYTES - ".".len() - SECONDS_WIDTH - SHARD_ENDING.len() - SIDE_SUFFIX.len();

/// Databases whose names begin with an underscore.
const SYSTEM_NAMES: [&str; 6] =
    ["_users", "_replicator", "_global_changes", "_nodes", "_dbs", "_metadata"];

/// Whether a database can be called so.
///
/// # Errors
/// [`DatabaseError::IllegalName`], [`DatabaseError::NameTooLong`].
pub fn check_name(name: &str) -> Result<(), DatabaseError> {
    if escaped(name).len() > NAME_MAX_BYTES {
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

/// Databases of other databases' users and replications: CouchDB takes them for its own by the last part of the name.
const SYSTEM_SUFFIXES: [&str; 2] = ["_users", "_replicator"];

/// Whether a database of this name is one that the server itself keeps things in.
pub(super) fn is_system(name: &str) -> bool {
    let suffix = name.rsplit('/').next().unwrap_or(name);
    SYSTEM_NAMES.contains(&name) || SYSTEM_SUFFIXES.contains(&suffix)
}

/// The directory of a range.
pub(super) fn range_name((first, last): (u32, u32)) -> String {
    format!("{first:08x}-{last:08x}")
}

/// CouchDB's name of a shard.
pub(super) fn shard_name(record: &DatabaseRecord, (first, last): (u32, u32)) -> String {
    let (name, seconds) = (&record.name, record.created_s);
    format!("{ROOT}/{first:08x}-{last:08x}/{name}.{seconds:0SECONDS_WIDTH$}")
}

/// The file of a shard in its range's directory. A slash in a name does not make a directory.
pub(super) fn file_name(record: &DatabaseRecord) -> String {
    let (name, seconds) = (escaped(&record.name), record.created_s);
    format!("{name}.{seconds:0SECONDS_WIDTH$}{SHARD_ENDING}")
}

/// A slash is no part of a file's name.
fn escaped(name: &str) -> String {
    name.replace('/', "%2F")
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn the_longest_name_has_files_that_can_be_made() {
        for part in ["a", "a/"] {
            let name = part.repeat(NAME_MAX_BYTES / escaped(part).len());
            let longer = format!("{name}{}", "b".repeat(part.len() * 3));
            assert!(check_name(&name).is_ok(), "{name}");
            assert!(matches!(check_name(&longer), Err(DatabaseError::NameTooLong)), "{longer}");
            let record = DatabaseRecord {
                name,
                q: 1,
                partitioned: false,
                created_s: 9_999_999_999,
                uuid: String::new(),
                split_ranges: Vec::new(),
            };
            let side = format!("{}{SIDE_SUFFIX}", file_name(&record));
            assert!(side.len() <= FILE_NAME_MAX_BYTES, "{}", side.len());
        }
    }
}
