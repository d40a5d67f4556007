//! An open file of the system, which gives its space back a little at a time.
//!
//! When a file without a name is closed for the last time, the file system frees all of its space at once. For the
//! hundreds of megabytes that a compaction leaves behind this takes a fifth of a second on ext4 with `discard`, and syncs of
//! other files wait for tens of milliseconds meanwhile. So such a file is first cut down from its end, slice by
//! slice, on a thread of its own. A process that ends before that leaves the rest to the system, as ever.
//!
//! Invariant: nobody sees it. The file has no name, is open here only ([`is_open_elsewhere`]), and all mappings of it
//! are gone, because each holds the [`Opened`].

#![expect(clippy::disallowed_types, reason = "this room is where std::fs lives")]

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::thread;

use super::lease::is_open_elsewhere;
use crate::planted::planted;

/// A smaller file is closed as it is.
const LARGE_BYTES: u64 = 32 << 20;
/// How much is freed at once.
const SLICE_BYTES: u64 = 8 << 20;

/// An open file, shared by its handle and its mappings.
#[derive(Debug)]
pub(super) struct Opened {
    pub file: File,
}

impl Drop for Opened {
    fn drop(&mut self) {
        if !is_large_and_nameless(&self.file).unwrap_or(false) {
            return;
        }
        let Ok(file) = self.file.try_clone() else { return };
        let cut = move || {
            if let Err(error) = cut_down(&file) {
                tracing::debug!(%error, "a replaced file is freed at once");
            }
        };
        if let Err(error) = thread::Builder::new().name("pumice-retire".to_owned()).spawn(cut) {
            tracing::debug!(%error, "a replaced file is freed at once");
        }
    }
}

fn is_large_and_nameless(file: &File) -> io::Result<bool> {
    let metadata = file.metadata()?;
    planted!(CutWhileNamed => return Ok(metadata.len() >= LARGE_BYTES));
    Ok(metadata.is_file() && metadata.nlink() == 0 && metadata.len() >= LARGE_BYTES)
}

/// Cuts a nameless file down to nothing, unless somebody else has it open.
fn cut_down(file: &File) -> io::Result<()> {
    if !is_large_and_nameless(file)? || is_shared(file) {
        return Ok(());
    }
    let mut len = file.metadata()?.len();
    while len > 0 {
        len = len.saturating_sub(SLICE_BYTES);
        file.set_len(len)?;
    }
    Ok(())
}

fn is_shared(file: &File) -> bool {
    planted!(CutWhileShared => return false);
    is_open_elsewhere(file)
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "files as another program would use them")]
mod tests {
    use std::fs;
    use std::os::unix::fs::FileExt;

    use super::*;

    fn large() -> (tempfile::TempDir, File) {
        let dir = tempfile::tempdir().unwrap();
        let file = File::create_new(dir.path().join("f")).unwrap();
        file.set_len(LARGE_BYTES + 5).unwrap();
        (dir, file)
    }

    fn len(file: &File) -> u64 {
        file.metadata().unwrap().len()
    }

    #[test]
    fn a_nameless_file_is_cut_down_to_nothing() {
        let (dir, file) = large();
        fs::remove_file(dir.path().join("f")).unwrap();
        cut_down(&file).unwrap();
        assert_eq!(len(&file), 0);
    }

    #[test]
    fn a_file_that_still_has_a_name_is_left_alone() {
        let (dir, file) = large();
        cut_down(&file).unwrap();
        fs::hard_link(dir.path().join("f"), dir.path().join("link")).unwrap();
        fs::remove_file(dir.path().join("f")).unwrap();
        cut_down(&file).unwrap();
        assert_eq!(len(&file), LARGE_BYTES + 5);
    }

    // Somebody who copies the file while it is replaced gets all of what it was.
    #[test]
    fn a_file_that_somebody_else_has_open_is_left_alone() {
        let (dir, file) = large();
        file.write_at(b"x", LARGE_BYTES).unwrap();
        let other = File::open(dir.path().join("f")).unwrap();
        fs::remove_file(dir.path().join("f")).unwrap();
        cut_down(&file).unwrap();
        let mut byte = [0];
        assert_eq!(other.read_at(&mut byte, LARGE_BYTES).unwrap(), 1);
        assert_eq!((&byte, len(&file)), (b"x", LARGE_BYTES + 5));
        drop(other);
        cut_down(&file).unwrap();
        assert_eq!(len(&file), 0);
    }

    #[test]
    fn a_small_file_is_closed_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let file = File::create_new(dir.path().join("f")).unwrap();
        file.set_len(LARGE_BYTES - 1).unwrap();
        fs::remove_file(dir.path().join("f")).unwrap();
        cut_down(&file).unwrap();
        assert_eq!(len(&file), LARGE_BYTES - 1);
    }
}
