//! The prefixes that are in scope while a source is read.

use super::names::{XML_NAMESPACE, XMLNS_NAMESPACE};
use crate::cdb::path::{Name, is_local};

/// Attributes by their names; what is in no namespace is plain.
pub(super) type Attributes = Vec<(Name, String)>;

/// Prefixes and their namespaces, innermost last; the empty prefix is the default.
#[derive(Debug, Default)]
pub(super) struct Scope {
    bindings: Vec<(String, String)>,
    /// How many bindings there were when each open element began.
    open: Vec<usize>,
}

impl Scope {
    /// An element begins; its declarations follow.
    pub fn enter(&mut self) {
        self.open.push(self.bindings.len());
    }

    /// The innermost element ends.
    pub fn leave(&mut self) {
        let len = self.open.pop().unwrap_or_default();
        self.bindings.truncate(len);
    }

    pub fn declare(&mut self, prefix: &str, namespace: &str) {
        self.bindings.push((prefix.to_owned(), namespace.to_owned()));
    }

    /// The namespace of a prefix; the default is none until it is declared.
    pub fn namespace(&self, prefix: &str) -> Option<&str> {
        let found = self.bindings.iter().rev().find(|(known, _)| known == prefix);
        match (found, prefix) {
            (Some((_, namespace)), _) => Some(namespace),
            (None, "") => Some(""),
            (None, "xml") => Some(XML_NAMESPACE),
            (None, _) => None,
        }
    }

    /// A prefix that stands for a namespace here.
    pub fn prefix(&self, namespace: &str) -> Option<&str> {
        let is = |(prefix, known): &&(String, String)| !prefix.is_empty() && known == namespace;
        let (prefix, _) = self.bindings.iter().rev().find(is)?;
        (self.namespace(prefix) == Some(namespace)).then_some(prefix)
    }

    /// The declarations of the prefixes that a value may use: what stands before a colon and is in scope.
    pub fn used_in(&self, text: &str) -> Attributes {
        let mut used: Attributes = Vec::new();
        if self.bindings.is_empty() {
            return used;
        }
        for (colon, _) in text.match_indices(':') {
            let before = text.get(..colon).unwrap_or_default();
            let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
            let prefix = before.rsplit(|c| !is_part(c)).next().unwrap_or_default();
            let name = || Name::in_namespace(prefix, XMLNS_NAMESPACE);
            if prefix == "xml"
                || !is_local(prefix)
                || used.iter().any(|(known, _)| *known == name())
            {
                continue;
            }
            if let Some(namespace) = self.namespace(prefix) {
                used.push((name(), namespace.to_owned()));
            }
        }
        used
    }
}
