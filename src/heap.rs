//! Memory that is free goes back to the system. The C library's allocator raises what it keeps with every large block that is freed, up
//! to 64 MiB for each of its arenas, of which threads have many: after eight requests that held 240 MB at once it kept 590 MB.

/// Blocks of so many bytes are the system's: what is freed of them is gone at once.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const LARGE_BYTES: libc::c_int = 1 << 20;

/// Says once, for the whole process, how much the allocator may keep.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "no safe crate asks the C library for this; see the safety comment")]
pub fn keep_little() {
    for setting in [libc::M_MMAP_THRESHOLD, libc::M_TRIM_THRESHOLD] {
        // SAFETY: the call takes two numbers, no memory; blocks that are allocated are not concerned.
        if unsafe { libc::mallopt(setting, LARGE_BYTES) } != 1 {
            tracing::debug!(setting, "the allocator keeps more free memory than it was asked to");
        }
    }
}

/// Gives back what is free between blocks that are not. Takes milliseconds; allocations of other threads wait for some of them.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "no safe crate asks the C library for this; see the safety comment")]
pub fn give_back() {
    // SAFETY: the call takes a number, no memory; it locks what it works on, and what is allocated stays where it is.
    let is_less = unsafe { libc::malloc_trim(0) } == 1;
    tracing::debug!(is_less, "free memory went back to the system");
}

/// Other allocators give back by themselves.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn keep_little() {}

/// Other allocators give back by themselves.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn give_back() {}
