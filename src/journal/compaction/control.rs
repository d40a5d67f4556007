//! A compaction seen and steered from outside while it runs.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};

use crate::clock::Signal;

/// Where a compaction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Room is checked, the side file made.
    Begin,
    /// The state is written.
    WriteImage,
    /// What was committed meanwhile is copied.
    CatchUp,
    /// Writers wait, the last of the gap is copied and all of it synced.
    Seal,
    /// The side file takes the journal's name.
    Swap,
    /// The old file is let go.
    Retire,
}

impl Stage {
    /// All of them in order.
    pub const ALL: [Self; 6] =
        [Self::Begin, Self::WriteImage, Self::CatchUp, Self::Seal, Self::Swap, Self::Retire];
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Begin => "begin",
            Self::WriteImage => "write_image",
            Self::CatchUp => "catch_up",
            Self::Seal => "seal",
            Self::Swap => "swap",
            Self::Retire => "retire",
        })
    }
}

/// Is told of every stage before it begins, on the compacting thread. Blocking in it holds the stage.
pub trait CompactionObserver: Send + Sync + fmt::Debug {
    /// `stage` is about to begin.
    fn stage(&self, stage: Stage);

    /// More of the image was written. Told every thousand entries or so.
    fn progress(&self, progress: Progress) {
        let _ = progress;
    }
}

/// The handle to one compaction: its progress, and the way to stop it.
///
/// ```
/// use pumice::journal::CompactionControl;
///
/// let control = CompactionControl::new();
/// control.cancel();
/// assert!(control.is_cancelled());
/// ```
#[derive(Debug, Default)]
pub struct CompactionControl {
    observer: Option<Arc<dyn CompactionObserver>>,
    cancelled: AtomicBool,
    /// Wakes a throttled compaction when it is cancelled.
    pub(super) wake: Arc<Signal>,
    stage: AtomicU8,
    done_entries: AtomicU64,
    total_entries: AtomicU64,
    written_bytes: AtomicU64,
}

/// How far a compaction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The stage it is in.
    pub stage: Stage,
    /// Entries written to the image so far.
    pub done_entries: u64,
    /// Entries that the image will have.
    pub total_entries: u64,
    /// Bytes written to the side file so far.
    pub written_bytes: u64,
}

impl Progress {
    /// 0 to 100.
    pub fn percent(&self) -> u8 {
        let total = u128::from(self.total_entries.max(1));
        let percent = u128::from(self.done_entries) * 100 / total;
        match self.stage {
            Stage::Begin => 0,
            Stage::WriteImage => u8::try_from(percent.min(99)).unwrap_or(99),
            Stage::CatchUp | Stage::Seal | Stage::Swap => 99,
            Stage::Retire => 100,
        }
    }
}

impl CompactionControl {
    /// A handle without observer.
    pub fn new() -> Self {
        Self::default()
    }

    /// A handle whose observer is told of every stage.
    pub fn observed_by(observer: Arc<dyn CompactionObserver>) -> Self {
        Self { observer: Some(observer), ..Self::default() }
    }

    /// Asks the compaction to stop. It does so before `swap`, or not at all.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
        self.wake.raise();
    }

    /// Whether it was asked to stop.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// How far it is.
    pub fn progress(&self) -> Progress {
        let stage = usize::from(self.stage.load(Ordering::Relaxed));
        Progress {
            stage: Stage::ALL.get(stage).copied().unwrap_or(Stage::Begin),
            done_entries: self.done_entries.load(Ordering::Relaxed),
            total_entries: self.total_entries.load(Ordering::Relaxed),
            written_bytes: self.written_bytes.load(Ordering::Relaxed),
        }
    }

    pub(super) fn enter(&self, stage: Stage) {
        let index = Stage::ALL.iter().position(|other| *other == stage).unwrap_or_default();
        self.stage.store(u8::try_from(index).unwrap_or_default(), Ordering::Relaxed);
        if let Some(observer) = &self.observer {
            observer.stage(stage);
        }
    }

    pub(super) fn expect_entries(&self, total: u64) {
        self.total_entries.store(total, Ordering::Relaxed);
    }

    pub(super) fn report(&self, done_entries: u64, written_bytes: u64) {
        self.done_entries.store(done_entries, Ordering::Relaxed);
        self.written_bytes.store(written_bytes, Ordering::Relaxed);
        if let Some(observer) = &self.observer {
            observer.progress(self.progress());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_percent_are_reached_when_all_is_done_and_not_before() {
        let at = |stage, done_entries, total_entries| {
            Progress { stage, done_entries, total_entries, written_bytes: 0 }.percent()
        };
        assert_eq!(at(Stage::Begin, 0, 0), 0);
        assert_eq!(
            [0, 1, 100, 199, 200].map(|done| at(Stage::WriteImage, done, 200)),
            [0, 0, 50, 99, 99]
        );
        assert_eq!(at(Stage::WriteImage, u64::MAX, u64::MAX), 99);
        assert_eq!(
            [Stage::CatchUp, Stage::Seal, Stage::Swap].map(|stage| at(stage, 9, 9)),
            [99; 3]
        );
        assert_eq!([0, 7].map(|total| at(Stage::Retire, total, total)), [100; 2]);
    }
}
