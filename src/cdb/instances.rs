//! The instances of a schema path: the addresses that it stands for.

use super::error::Error;
use super::key::{NodeKey, RawSteps};
use super::tree::Tree;

/// A test of an address and the first node stored at or below it.
pub type InstanceTest<'t> = dyn Fn(&NodeKey, &NodeKey) -> bool + 't;

/// Whether some address that has this schema address, and has nodes, passes a test.
pub fn any_instance(
    tree: &Tree<'_>,
    schema_key: &NodeKey,
    test: &InstanceTest<'_>,
) -> Result<bool, Error> {
    let steps: Vec<&[u8]> = RawSteps(schema_key.as_bytes()).collect();
    any_within(tree, &NodeKey::root(), &steps, test, None)
}

/// `left`: how many entries may still be looked into.
fn any_within(
    tree: &Tree<'_>,
    at: &NodeKey,
    steps: &[&[u8]],
    test: &InstanceTest<'_>,
    left: Option<&std::cell::Cell<u32>>,
) -> Result<bool, Error> {
    let Some((step, rest)) = steps.split_first() else {
        return Ok(tree.first(at)?.is_some_and(|(found, _)| test(at, &found)));
    };
    let mut key = at.clone();
    key.push_bytes(step);
    if rest.is_empty() || tree.schema(&key)?.is_none() {
        return any_within(tree, &key, rest, test, left);
    }
    let mut found = false;
    tree.entries(&key, &mut |entry| {
        let mut entry_key = key.clone();
        entry_key.push_bytes(entry);
        found = any_within(tree, &entry_key, rest, test, left)?;
        if let Some(left) = left {
            left.set(left.get().saturating_sub(1));
        }
        Ok(!found && left.is_none_or(|left| left.get() > 0))
    })?;
    Ok(found)
}

/// Whether some address has this schema address and nodes, looking into so many entries at the most; of more, none is taken to have.
pub fn some_instance(tree: &Tree<'_>, schema_key: &NodeKey) -> Result<bool, Error> {
    const ENTRIES_MAX: u32 = 64;
    let left = std::cell::Cell::new(ENTRIES_MAX);
    let steps: Vec<&[u8]> = RawSteps(schema_key.as_bytes()).collect();
    any_within(tree, &NodeKey::root(), &steps, &|_, _| true, Some(&left))
}

/// The addresses that have this schema address and have nodes.
pub fn all_instances(tree: &Tree<'_>, schema_key: &NodeKey) -> Result<Vec<NodeKey>, Error> {
    let found = std::cell::RefCell::new(Vec::new());
    any_instance(tree, schema_key, &|at, _| {
        found.borrow_mut().push(at.clone());
        false
    })?;
    Ok(found.into_inner())
}
