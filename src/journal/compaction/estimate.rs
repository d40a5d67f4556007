//! How large a compaction's file will be, from a sample of the entries.
//!
//! Keys share prefixes and blocks are compressed, so the bytes of keys and values say little: of keys that differ in
//! their last bytes only, a quarter is written. Runs of neighbouring entries from all over the key space are written as
//! an image in memory; what that takes of their bytes, the whole image will take of all bytes, more or less.

use std::path::Path;

use super::super::KeyRange;
use super::super::core::Core;
use super::super::format::{CLOSING_SIZE, HEADER_END, TAIL_ALIGN};
use super::super::image::{ImageBuilder, ImageOptions, ReadError};
use super::super::scan::Scan;
use super::super::state::State;
use super::super::stats::JournalStats;
use super::side::WriteError;
use crate::vfs::mem::MemVfs;
use crate::vfs::{OpenMode, Vfs};

/// What an entry costs in the image beside its key and value, at the most.
const ENTRY_OVERHEAD_BYTES: u64 = 8;
/// Runs of a sample.
const RUNS: u16 = 32;
/// The most bytes of keys and values of a run; one entry may have more.
const RUN_BYTES: u64 = 64 << 10;
/// The file around an image: both headers, padding, and the closing record.
fn with_frame(image_bytes: u64) -> u64 {
    let headers = image_bytes.saturating_add(HEADER_END + HEADER_END);
    headers.checked_next_multiple_of(TAIL_ALIGN).unwrap_or(u64::MAX).saturating_add(CLOSING_SIZE)
}

/// The most bytes that the new file takes, without what is written ahead. No I/O.
pub fn bound_bytes(stats: &JournalStats) -> u64 {
    let overhead = stats.entries.saturating_mul(ENTRY_OVERHEAD_BYTES);
    let image = stats.live_bytes.saturating_add(overhead);
    // The index blocks.
    with_frame(image.saturating_add(image / 32))
}

/// About how many bytes the new file takes; the bound, where the sample cannot be read. Reads at most about 2 MiB, values
/// that are larger than a run aside.
pub fn estimate_bytes(core: &Core) -> u64 {
    let (snapshot, stats) = (core.snapshot(), core.stats());
    let options = ImageOptions { compression: core.options.compression };
    match Sample::take(snapshot.state(), options) {
        Ok(sample) => sample.scaled(&stats),
        Err(error) => {
            tracing::warn!(path = %core.path.display(), %error, "the size after a compaction is not estimated");
            bound_bytes(&stats)
        }
    }
}

/// Entries that were written to try.
struct Sample {
    /// Bytes of their keys and values.
    bytes: u64,
    /// Bytes of an image that holds them.
    written: u64,
}

impl Sample {
    fn take(state: &State, options: ImageOptions) -> Result<Self, WriteError> {
        let vfs = MemVfs::new();
        let file = vfs.open(Path::new("sample"), OpenMode::CreateNew)?;
        let mut builder = ImageBuilder::new(&*file, HEADER_END, 0, options);
        let (mut bytes, mut last) = (0, Vec::new());
        for start in starts(state)? {
            bytes += add_run(state, &mut builder, &start, &mut last)?;
        }
        let written = builder.finish()?.len;
        Ok(Self { bytes, written })
    }

    /// What all entries take, by what these took.
    fn scaled(&self, stats: &JournalStats) -> u64 {
        let scaled = u128::from(self.written) * u128::from(stats.live_bytes);
        let share = u64::try_from(scaled / u128::from(self.bytes.max(1))).unwrap_or(u64::MAX);
        let image = if self.bytes >= stats.live_bytes { self.written } else { share };
        with_frame(image).min(bound_bytes(stats))
    }
}

/// Adds the entries from `start` on that come behind `last`; answers their bytes.
fn add_run(
    state: &State,
    builder: &mut ImageBuilder<'_>,
    start: &[u8],
    last: &mut Vec<u8>,
) -> Result<u64, WriteError> {
    // The run before may have come further.
    let start = if start > last.as_slice() || last.is_empty() {
        start.to_vec()
    } else {
        [last.as_slice(), &[0]].concat()
    };
    let range = KeyRange::new(start..);
    let mut scan = Scan::forward(state, &range);
    let mut bytes = 0;
    while bytes < RUN_BYTES
        && let Some((key, value)) = scan.next()?
    {
        builder.add(key, value)?;
        bytes += (key.len() + value.len()) as u64;
        last.clear();
        last.extend_from_slice(key);
    }
    Ok(bytes)
}

/// Keys from the first to the last, as far apart from each other as their first differing bytes tell.
fn starts(state: &State) -> Result<Vec<Vec<u8>>, ReadError> {
    let all = KeyRange::all();
    let first = Scan::forward(state, &all).next()?.map(|(key, _)| key.to_vec());
    let last = Scan::reverse(state, &all).next()?.map(|(key, _)| key.to_vec());
    let Some((first, last)) = first.zip(last) else {
        return Ok(Vec::new());
    };
    let shared = first.iter().zip(&last).take_while(|(one, other)| one == other).count();
    let number = |key: &[u8]| {
        let digits = key.iter().skip(shared).copied().chain(std::iter::repeat(0)).take(8);
        digits.fold(0_u64, |number, digit| (number << 8) | u64::from(digit))
    };
    let (from, to) = (number(&first), number(&last));
    let prefix = first.get(..shared).unwrap_or_default().to_vec();
    let step = to.saturating_sub(from) / u64::from(RUNS);
    let key = |run: u16| {
        let mut key = prefix.clone();
        key.extend_from_slice(&(from + step * u64::from(run)).to_be_bytes());
        key
    };
    Ok(std::iter::once(first.clone()).chain((1..RUNS).map(key)).collect())
}
