//! Prefixes: what each namespace of a datastore is called.
//!
//! The first prefix that a namespace comes with is its own for good, unless another namespace has it. They are spelling: no address
//! and no value depends on them.

use super::edit::{Editor, limit};
use super::error::Error;
use super::key::{NodeKey, Space};
use super::naming::prefixes;
use super::prefix_table::Table;
use crate::journal::KeyRange;

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
        let mut table = if let Some(table) = self.prefixes.take() {
            table
        } else {
            self.tree().note_range(KeyRange::prefix(&[Space::Prefixes as u8]));
            Table::of(prefixes(self.view())?)
        };
        let new = table.add(namespace, wanted);
        self.prefixes = Some(table);
        let Some(prefix) = new else {
            return Ok(());
        };
        let stored = [&[Space::Prefixes as u8], prefix.as_bytes()].concat();
        self.reads.get_mut().namespaces = Some(true);
        self.journal.put(&stored, namespace.as_bytes()).map_err(limit(&NodeKey::root()))
    }
}
