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
///
/// # Errors
/// [`DatabaseError::IllegalName`], [`DatabaseError::NameTooLong`].
pub fn check_name(name: &str) -> Result<(), DatabaseError> {
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
    format!("shards/{first:08x}-{last:08x}/{}.{:010}", record.name, record.created_s)
}

/// The file of a shard in its range's directory. A slash in a name does not make a directory.
pub(super) fn file_name(record: &DatabaseRecord) -> String {
    format!("{}.{:010}.pumice", record.name.replace('/', "%2F"), record.created_s)
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
}
