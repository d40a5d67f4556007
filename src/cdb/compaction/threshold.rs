//! When a compaction is due: NSO's four thresholds, as a function of counters. Pure; no I/O.
//!
//! NSO (ncs.conf(5), `/ncs-config/compaction`): compaction is initiated when a growth since the last compaction
//! is *more than* a threshold; any one of them suffices; 0 turns a relative one off, unset an absolute one.
//! What NSO leaves open is decided here and said in docs/operations.md: the baseline of a file that was never
//! compacted is the empty file, baselines survive a restart, and below a floor nothing is compacted.

use std::fmt;

/// The thresholds, by NSO's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// `file-size-relative`: percent of growth in bytes; 0 is off. Default 50.
    pub file_size_relative: u8,
    /// `num-node-relative`: percent of growth in nodes; 0 is off. Default 50.
    pub num_node_relative: u8,
    /// `file-size-absolute`: growth in bytes; `None` (and 0) is off. Default off.
    pub file_size_absolute: Option<u64>,
    /// `num-transactions`: transactions; `None` (and 0) is off. Default off.
    pub num_transactions: Option<u16>,
    /// `compaction-floor`: files smaller than this are not compacted by themselves. Ours; default 1 MiB.
    pub floor_bytes: u64,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            file_size_relative: 50,
            num_node_relative: 50,
            file_size_absolute: None,
            num_transactions: None,
            floor_bytes: 1 << 20,
        }
    }
}

/// What the thresholds are held against: a datastore now, and right after its last compaction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Growth {
    /// Bytes of the file now.
    pub file_bytes: u64,
    /// Bytes of the file right after the last compaction; of an empty one before the first.
    pub baseline_bytes: u64,
    /// Nodes now.
    pub nodes: u64,
    /// Nodes at the last compaction; 0 before the first.
    pub baseline_nodes: u64,
    /// Transactions since.
    pub transactions: u64,
}

/// Which threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThresholdName {
    /// `file-size-relative`.
    FileSizeRelative,
    /// `num-node-relative`.
    NumNodeRelative,
    /// `file-size-absolute`.
    FileSizeAbsolute,
    /// `num-transactions`.
    NumTransactions,
}

impl ThresholdName {
    /// All of them, in NSO's order.
    pub const ALL: [Self; 4] = [
        Self::FileSizeRelative,
        Self::NumNodeRelative,
        Self::FileSizeAbsolute,
        Self::NumTransactions,
    ];
}

impl fmt::Display for ThresholdName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FileSizeRelative => "file-size-relative",
            Self::NumNodeRelative => "num-node-relative",
            Self::FileSizeAbsolute => "file-size-absolute",
            Self::NumTransactions => "num-transactions",
        })
    }
}

/// One threshold held against the growth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Check {
    /// Which one.
    pub name: ThresholdName,
    /// The largest amount that does not trigger: bytes, nodes or transactions.
    pub limit: u64,
    /// The amount now, in the same unit.
    pub actual: u64,
}

impl Check {
    /// Whether it is exceeded.
    pub fn is_exceeded(&self) -> bool {
        self.actual > self.limit
    }

    /// How much more it takes to exceed it; 0 when it is exceeded.
    pub fn distance(&self) -> u64 {
        (self.limit + 1).saturating_sub(self.actual)
    }
}

/// Why a compaction is due, or why not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Every threshold that is on, in NSO's order.
    pub checks: Vec<Check>,
    /// The floor, when the file is below it.
    pub below_floor: Option<u64>,
}

impl Verdict {
    /// Whether a compaction is due.
    pub fn is_due(&self) -> bool {
        self.below_floor.is_none() && self.checks.iter().any(Check::is_exceeded)
    }

    /// The first threshold that is exceeded, when a compaction is due.
    pub fn trigger(&self) -> Option<ThresholdName> {
        let exceeded = self.checks.iter().find(|check| check.is_exceeded())?;
        self.is_due().then_some(exceeded.name)
    }
}

/// The largest amount that is not more than `percent` over `baseline`.
fn grown(baseline: u64, percent: u8) -> u64 {
    let limit = u128::from(baseline) * (100 + u128::from(percent)) / 100;
    u64::try_from(limit).unwrap_or(u64::MAX - 1)
}

/// Holds every threshold against the growth.
///
/// ```
/// use pumice::cdb::{Growth, Thresholds, evaluate};
///
/// let thresholds = Thresholds { floor_bytes: 0, ..Thresholds::default() };
/// let mut growth = Growth { file_bytes: 6144, baseline_bytes: 4096, ..Growth::default() };
/// assert!(!evaluate(&thresholds, &growth).is_due(), "exactly 50 % is not more than 50 %");
/// growth.file_bytes += 1;
/// assert!(evaluate(&thresholds, &growth).is_due());
/// ```
pub fn evaluate(thresholds: &Thresholds, growth: &Growth) -> Verdict {
    let mut checks = Vec::new();
    let mut check = |name, limit: Option<u64>, actual| {
        checks.extend(limit.map(|limit| Check { name, limit, actual }));
    };
    let percent = |percent: u8, baseline| (percent > 0).then(|| grown(baseline, percent));
    check(
        ThresholdName::FileSizeRelative,
        percent(thresholds.file_size_relative, growth.baseline_bytes),
        growth.file_bytes,
    );
    check(
        ThresholdName::NumNodeRelative,
        percent(thresholds.num_node_relative, growth.baseline_nodes),
        growth.nodes,
    );
    check(
        ThresholdName::FileSizeAbsolute,
        thresholds.file_size_absolute.filter(|bytes| *bytes > 0),
        growth.file_bytes.saturating_sub(growth.baseline_bytes),
    );
    check(
        ThresholdName::NumTransactions,
        thresholds.num_transactions.filter(|count| *count > 0).map(u64::from),
        growth.transactions,
    );
    let below = growth.file_bytes < thresholds.floor_bytes;
    Verdict { checks, below_floor: below.then_some(thresholds.floor_bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFF: Thresholds = Thresholds {
        file_size_relative: 0,
        num_node_relative: 0,
        file_size_absolute: None,
        num_transactions: None,
        floor_bytes: 0,
    };

    fn growth() -> Growth {
        Growth {
            file_bytes: 1500,
            baseline_bytes: 1000,
            nodes: 30,
            baseline_nodes: 20,
            transactions: 5,
        }
    }

    /// NSO's word is "more than": the amount itself does not trigger, one more does.
    #[test]
    fn each_threshold_is_exceeded_by_one_more_and_not_by_its_own_amount() {
        type OneMore = fn(&mut Growth);
        let cases: [(Thresholds, OneMore); 4] = [
            (Thresholds { file_size_relative: 50, ..OFF }, |g| g.file_bytes += 1),
            (Thresholds { num_node_relative: 50, ..OFF }, |g| g.nodes += 1),
            (Thresholds { file_size_absolute: Some(500), ..OFF }, |g| g.file_bytes += 1),
            (Thresholds { num_transactions: Some(5), ..OFF }, |g| g.transactions += 1),
        ];
        for (thresholds, one_more) in cases {
            let mut growth = growth();
            let verdict = evaluate(&thresholds, &growth);
            assert!(!verdict.is_due() && verdict.checks[0].distance() == 1, "{verdict:?}");
            one_more(&mut growth);
            let verdict = evaluate(&thresholds, &growth);
            assert_eq!(verdict.trigger(), Some(verdict.checks[0].name));
        }
    }

    #[test]
    fn zero_and_unset_turn_a_threshold_off() {
        let zero = Thresholds { file_size_absolute: Some(0), num_transactions: Some(0), ..OFF };
        let huge = Growth { file_bytes: u64::MAX, nodes: u64::MAX, transactions: 9, ..growth() };
        for thresholds in [OFF, zero] {
            assert_eq!(evaluate(&thresholds, &huge), Verdict::default());
        }
    }

    #[test]
    fn below_the_floor_nothing_is_due_but_the_distances_are_told() {
        let thresholds = Thresholds { floor_bytes: 2000, file_size_relative: 10, ..OFF };
        let verdict = evaluate(&thresholds, &growth());
        assert!(!verdict.is_due() && verdict.checks[0].is_exceeded());
        assert_eq!((verdict.below_floor, verdict.trigger()), (Some(2000), None));
    }

    #[test]
    fn the_largest_numbers_do_not_overflow() {
        let thresholds = Thresholds { file_size_relative: 255, ..OFF };
        let growth = Growth { file_bytes: u64::MAX, baseline_bytes: u64::MAX, ..growth() };
        assert!(evaluate(&thresholds, &growth).checks[0].limit >= u64::MAX - 1);
    }
}
