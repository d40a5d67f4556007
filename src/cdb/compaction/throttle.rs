//! The bound of a compaction's rate.

use std::num::NonZeroU64;

/// The lowest rate, in bytes per second; the setting `compaction/throttle` has the same minimum.
const BYTES_PER_SECOND_MIN: u64 = 64 << 10;

/// A rate at which a compaction would hardly end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{bytes_per_second} bytes per second is too slow a throttle; expected 64 KiB or more")]
pub struct ThrottleTooLow {
    /// The rate that was asked for.
    pub bytes_per_second: u64,
}

/// The most that a compaction writes in a second, for [`super::RunOptions`].
///
/// # Errors
/// [`ThrottleTooLow`] below 64 KiB.
pub fn throttle(bytes_per_second: u64) -> Result<NonZeroU64, ThrottleTooLow> {
    let rate = NonZeroU64::new(bytes_per_second).filter(|rate| rate.get() >= BYTES_PER_SECOND_MIN);
    rate.ok_or(ThrottleTooLow { bytes_per_second })
}
