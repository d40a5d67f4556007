//! Whether somebody else has a file open.

#![expect(clippy::disallowed_types, reason = "this room is where std::fs lives")]

use std::fs::File;

/// Whether the file can be read through another open than this one, in this process or in another. Where that cannot be
/// found out, it is taken to be so. Mappings of this open are not counted.
///
/// Linux gives a lease for writing only to who is alone with a file (fcntl(2), `F_SETLEASE`); it is given back at once.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "no safe crate offers leases; see the safety comment")]
pub(super) fn is_open_elsewhere(file: &File) -> bool {
    use std::os::fd::AsRawFd;

    // SAFETY: the descriptor is open for as long as `file` is borrowed, and the call takes a number, no memory.
    let set =
        |kind: libc::c_int| unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETLEASE, kind) } == 0;
    let alone = set(libc::F_WRLCK);
    let given_back = !alone || set(libc::F_UNLCK);
    !(alone && given_back)
}

/// Not known here.
#[cfg(not(target_os = "linux"))]
pub(super) fn is_open_elsewhere(_file: &File) -> bool {
    true
}
