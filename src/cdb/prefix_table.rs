//! The prefixes of a datastore, while new ones are given out.

use std::collections::{HashMap, HashSet};

use super::path::{is_local, prefix_for};

/// Prefixes that XML, or `save`, keeps for itself.
const RESERVED: [&str; 4] = ["xml", "xmlns", "pumice", "config"];

/// Which namespaces have a prefix, and which prefixes are taken.
#[derive(Debug, Default)]
pub(crate) struct Table {
    namespaces: HashSet<String>,
    taken: HashSet<String>,
    /// The last number behind a prefix that was taken, so that the next is not searched for from the start.
    numbers: HashMap<String, u64>,
}

impl Table {
    /// What a state knows, prefixes by namespace.
    pub fn of(known: HashMap<String, String>) -> Self {
        let (namespaces, taken) = known.into_iter().unzip();
        Self { namespaces, taken, numbers: HashMap::new() }
    }

    /// The prefix of a namespace that had none: the one that is wanted, else one that a person would think of, with a number when
    /// another namespace has it.
    pub fn add(&mut self, namespace: &str, wanted: Option<&str>) -> Option<String> {
        if !self.namespaces.insert(namespace.to_owned()) {
            return None;
        }
        let wanted = wanted.filter(|prefix| is_local(prefix)).map(str::to_owned);
        let first = wanted.unwrap_or_else(|| prefix_for(namespace));
        let from = self.numbers.get(&first).copied().unwrap_or(1);
        let (prefix, number) = free(&first, from, |prefix| self.taken.contains(prefix));
        self.numbers.insert(first, number);
        self.taken.insert(prefix.clone());
        Some(prefix)
    }
}

/// The prefix, or the first of `prefix-2`, `prefix-3` and so on that is not taken, from a number on; 1 is the prefix itself.
pub(crate) fn free(prefix: &str, from: u64, is_taken: impl Fn(&str) -> bool) -> (String, u64) {
    let mut number = from;
    loop {
        let text = if number <= 1 { prefix.to_owned() } else { format!("{prefix}-{number}") };
        if !RESERVED.contains(&text.as_str()) && !is_taken(&text) {
            return (text, number);
        }
        number += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_namespace_gets_a_prefix_of_its_own() {
        let known = HashMap::from([("urn:0".to_owned(), "p".to_owned())]);
        let mut table = Table::of(known);
        assert_eq!(table.add("urn:0", Some("q")), None);
        assert_eq!(table.add("urn:1", Some("p")).as_deref(), Some("p-2"));
        assert_eq!(table.add("urn:2", Some("p")).as_deref(), Some("p-3"));
        assert_eq!(table.add("urn:x:acme", None).as_deref(), Some("acme"));
        assert_eq!(table.add("urn:3", Some("xml")).as_deref(), Some("xml-2"));
        assert_eq!(table.add("urn:4", Some("a b")).as_deref(), Some("ns"));
        assert_eq!(table.add("urn:1", None), None);
    }
}
