//! Names of the files in a data directory: built here, and nowhere else.

use std::path::{Path, PathBuf};

/// The lock file of a directory.
pub const LOCK_FILE: &str = "pumice.lock";

/// What compaction appends to a journal's name while it makes the new one.
pub const SIDE_SUFFIX: &str = ".compact";

/// The longest name of a file, in bytes, on the file systems of Linux.
pub const FILE_NAME_MAX_BYTES: usize = 255;

/// The side file of a journal: the new journal while it is made.
pub fn side_file(journal: &Path) -> PathBuf {
    let mut name = journal.as_os_str().to_owned();
    name.push(SIDE_SUFFIX);
    PathBuf::from(name)
}

/// Whether a store may be called so: a plain name in its directory, none of those with another use, and short enough for
/// the name of its side file.
pub fn is_store_name(name: &str) -> bool {
    let plain = !name.is_empty() && name != "." && name != ".." && !name.contains(['/', '\0']);
    let fits = name.len() + SIDE_SUFFIX.len() <= FILE_NAME_MAX_BYTES;
    plain && fits && name != LOCK_FILE && !name.ends_with(SIDE_SUFFIX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_elsewhere_or_have_another_use_are_no_stores() {
        for name in ["", ".", "..", "a/b", "/a", "a\0", "pumice.lock", "A.cdb.compact"] {
            assert!(!is_store_name(name), "{name:?}");
        }
        assert!(["A.cdb", "x", ".hidden", "a b"].into_iter().all(is_store_name));
        assert!(is_store_name(&"x".repeat(247)) && !is_store_name(&"x".repeat(248)));
    }

    #[test]
    fn a_side_file_stands_beside_its_journal() {
        assert_eq!(side_file(Path::new("/d/A.cdb")), Path::new("/d/A.cdb.compact"));
    }
}
