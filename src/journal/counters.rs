//! The two counters that each frame carries.

/// How much is live in a store after some transaction. Exact, and kept without reading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Keys that have a value.
    pub entries: u64,
    /// Bytes of those keys and values.
    pub live_bytes: u64,
}

impl Counters {
    /// The counters when `before` is replaced by `after`, each the key-and-value bytes of an entry if there
    /// is one.
    pub(super) fn replace(&mut self, before: Option<u64>, after: Option<u64>) {
        if let Some(bytes) = before {
            self.entries = self.entries.saturating_sub(1);
            self.live_bytes = self.live_bytes.saturating_sub(bytes);
        }
        if let Some(bytes) = after {
            self.entries = self.entries.saturating_add(1);
            self.live_bytes = self.live_bytes.saturating_add(bytes);
        }
    }

    /// The counters when everything that `gone` counts is removed.
    pub(super) fn remove(&mut self, gone: Self) {
        self.entries = self.entries.saturating_sub(gone.entries);
        self.live_bytes = self.live_bytes.saturating_sub(gone.live_bytes);
    }
}
