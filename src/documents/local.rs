//! Local documents: never replicated, one revision each.

/// A local document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalDocument {
    /// `_local/...`.
    pub id: String,
    /// The number of its revision `0-N`.
    pub rev: u64,
    /// Its members without `_id` and `_rev`: `{...}`.
    pub body: String,
}

impl LocalDocument {
    /// `0-N`.
    pub fn rev_text(&self) -> String {
        format!("0-{}", self.rev)
    }

    /// The JSON text with `_id` and `_rev`.
    pub fn to_json(&self) -> String {
        String::new()
    }
}
