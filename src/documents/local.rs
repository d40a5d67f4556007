//! Local documents: never replicated, one revision each.

use super::json::put_string;

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
        let mut text = b"{\"_id\":".to_vec();
        put_string(&mut text, &self.id);
        text.extend_from_slice(format!(",\"_rev\":\"0-{}\"", self.rev).as_bytes());
        let inner = self.body.get(1..self.body.len().saturating_sub(1)).unwrap_or_default();
        if !inner.is_empty() {
            text.push(b',');
            text.extend_from_slice(inner.as_bytes());
        }
        text.push(b'}');
        String::from_utf8(text).unwrap_or_default()
    }
}
