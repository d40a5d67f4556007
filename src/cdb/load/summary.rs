//! What a load tells when it is done.

/// What was read of a source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Read {
    /// How many nodes it named.
    pub nodes: u64,
    /// How many entries and leaves were there again and were folded into the first.
    pub folded: u64,
    /// The first of them.
    pub first_folded: Vec<String>,
    /// Of [`super::LoadOptions::preserved`], what was there and stayed.
    pub preserved: Vec<String>,
}

/// How many folded entries are named.
const FOLDED_MAX: usize = 3;

impl Read {
    pub(super) fn fold(&mut self, path: String) {
        self.folded += 1;
        if self.first_folded.len() < FOLDED_MAX {
            self.first_folded.push(path);
        }
    }
}
