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
    any_below(tree, &NodeKey::root(), &steps, test)
}

fn any_below(
    tree: &Tree<'_>,
    at: &NodeKey,
    steps: &[&[u8]],
    test: &InstanceTest<'_>,
) -> Result<bool, Error> {
    let Some((step, rest)) = steps.split_first() else {
        return Ok(tree.first(at)?.is_some_and(|(found, _)| test(at, &found)));
    };
    let mut key = at.clone();
    key.push_bytes(step);
    if rest.is_empty() || tree.schema(&key)?.is_none() {
        return any_below(tree, &key, rest, test);
    }
    let mut found = false;
    tree.entries(&key, &mut |entry| {
        let mut entry_key = key.clone();
        entry_key.push_bytes(entry);
        found = any_below(tree, &entry_key, rest, test)?;
        Ok(!found)
    })?;
    Ok(found)
}
