//! Names of the files in a data directory: built here, and nowhere else.

use std::path::{Path, PathBuf};

/// The lock file of a directory.
pub const LOCK_FILE: &str = "pumice.lock";

/// What compaction appends to a journal's name while it makes the new one.
const SIDE_SUFFIX: &str = ".compact";

/// The side file of a journal: the new journal while it is made.
pub fn side_file(journal: &Path) -> PathBuf {
    let mut name = journal.as_os_str().to_owned();
    name.push(SIDE_SUFFIX);
    PathBuf::from(name)
}

/// Whether a store may be called so: a plain name in its directory, and none of those with another use.
pub fn is_store_name(name: &str) -> bool {
    let plain = !name.is_empty() && name != "." && name != ".." && !name.contains(['/', '\0']);
    plain && name != LOCK_FILE && !name.ends_with(SIDE_SUFFIX)
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
    }

    #[test]
    fn a_side_file_stands_beside_its_journal() {
        assert_eq!(side_file(Path::new("/d/A.cdb")), Path::new("/d/A.cdb.compact"));
    }
}
