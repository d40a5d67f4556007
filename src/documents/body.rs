//! The members of a document that are not special: kept as text, never as a tree.

/// A JSON object as CouchDB prints it: no spaces, members in order, of members with the same name only the last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// `{...}`.
    pub(super) text: String,
    /// The same in Erlang's external term format, which revision ids are computed of.
    pub(super) term: Vec<u8>,
}

impl Body {
    /// `{}`.
    pub fn empty() -> Self {
        Self { text: "{}".to_owned(), term: vec![104, 1, 106] }
    }

    /// The JSON text.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl Default for Body {
    fn default() -> Self {
        Self::empty()
    }
}
