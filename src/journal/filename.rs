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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_side_file_stands_beside_its_journal() {
        assert_eq!(side_file(Path::new("/d/A.cdb")), Path::new("/d/A.cdb.compact"));
    }
}
