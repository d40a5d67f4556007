//! Prefixes: what each namespace of a datastore is called.
//!
//! The first prefix that a namespace comes with is its own for good, unless another namespace has it. They are spelling: no address
//! and no value depends on them.

use std::collections::HashSet;

use super::edit::{Editor, limit};
use super::error::Error;
use super::key::{NodeKey, Space};
use super::naming::prefixes;
use super::path::{is_local, prefix_for};
use crate::journal::KeyRange;

/// Prefixes that XML, or `save`, keeps for itself.
const RESERVED: [&str; 4] = ["xml", "xmlns", "pumice", "config"];

impl Editor {
    /// Makes sure that every namespace of an address has a prefix.
    pub(super) fn name_namespaces(&mut self, key: &NodeKey) -> Result<(), Error> {
        let is_new = |namespace: &&[u8]| !self.named.contains(*namespace);
        let new: Vec<Vec<u8>> = key.namespaces().filter(is_new).map(<[u8]>::to_vec).collect();
        new.iter().try_for_each(|namespace| {
            self.name_namespace(&String::from_utf8_lossy(namespace), None)
        })
    }

    /// Makes sure that a namespace has a prefix: the one that is wanted, when it is to be had.
    pub fn name_namespace(&mut self, namespace: &str, wanted: Option<&str>) -> Result<(), Error> {
        if !self.named.insert(namespace.as_bytes().to_vec()) {
            return Ok(());
        }
        self.tree().note_range(KeyRange::prefix(&[Space::Prefixes as u8]));
        let known = prefixes(self.view())?;
        if known.contains_key(namespace) {
            return Ok(());
        }
        let taken: HashSet<&str> = known.values().map(String::as_str).collect();
        let wanted = wanted.filter(|prefix| is_local(prefix)).map(str::to_owned);
        let first = wanted.unwrap_or_else(|| prefix_for(namespace));
        let prefix = free(&first, |prefix| taken.contains(prefix));
        let stored = [&[Space::Prefixes as u8], prefix.as_bytes()].concat();
        self.reads.get_mut().namespaces = Some(true);
        self.journal.put(&stored, namespace.as_bytes()).map_err(limit(&NodeKey::root()))
    }
}

/// The prefix, or the first of `prefix-2`, `prefix-3` and so on that is not taken.
pub(crate) fn free(prefix: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let is_free = |prefix: &str| !RESERVED.contains(&prefix) && !is_taken(prefix);
    if is_free(prefix) {
        return prefix.to_owned();
    }
    let numbered = (2_u64..).map(|number| format!("{prefix}-{number}"));
    numbered.into_iter().find(|prefix| is_free(prefix)).unwrap_or_default()
}
