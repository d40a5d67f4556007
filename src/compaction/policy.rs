//! When a journal is due.

/// When a journal is compacted without being asked: its file is larger than both.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AutomaticCompaction {
    /// Whether at all.
    pub enabled: bool,
    /// File over active bytes (`[smoosh.ratio_dbs] min_priority`): above 2.0.
    pub min_ratio: f64,
    /// File bytes (`[smoosh.ratio_dbs] min_size`): above 1 MiB.
    pub min_file_bytes: u64,
}

impl Default for AutomaticCompaction {
    fn default() -> Self {
        Self { enabled: true, min_ratio: 2.0, min_file_bytes: 1 << 20 }
    }
}

impl AutomaticCompaction {
    /// Whether a file of this size with so many active bytes is due.
    pub fn is_due(&self, file_bytes: u64, active_bytes: u64) -> bool {
        self.enabled
            && file_bytes > self.min_file_bytes
            && file_bytes as f64 > self.min_ratio * active_bytes as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_due_above_both_limits_and_only_when_enabled() {
        let policy = AutomaticCompaction { enabled: true, min_ratio: 2.0, min_file_bytes: 1000 };
        assert!(policy.is_due(1001, 500));
        assert!(!policy.is_due(1000, 0), "not larger than the smallest file");
        assert!(!policy.is_due(2000, 1000), "exactly twice");
        assert!(!AutomaticCompaction { enabled: false, ..policy }.is_due(5000, 1));
    }
}
