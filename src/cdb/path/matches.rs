//! Paths against points: whether a node is one that a point speaks of.

use super::name::module_namespace;
use super::types::{KeyText, Path, Selector, Step};

/// Whether `path`, of a datastore, is the node that `point` names, or below it. In the point's path, keys may be `*` or left out, and a
/// name without prefix stands for that name in every namespace.
pub(crate) fn is_below(path: &Path, point: &Path) -> bool {
    let (steps, wanted) = (path.steps(), point.steps());
    let mut around = None;
    steps.len() >= wanted.len()
        && wanted.iter().zip(steps).all(|(wanted, step)| {
            names(wanted, step, &mut around)
                && selects(wanted.selector.as_ref(), step.selector.as_ref())
        })
}

/// Whether both name the same node.
pub(crate) fn is_same(path: &Path, point: &Path) -> bool {
    path.steps().len() == point.steps().len() && is_below(path, point)
}

/// Whether one of them is at or below the other, when only the names up to the point's first key count.
pub(crate) fn touches(path: &Path, point: &Path) -> bool {
    let mut around = None;
    for (wanted, step) in point.steps().iter().zip(path.steps()) {
        if !names(wanted, step, &mut around) {
            return false;
        }
        if wanted.selector.is_some() {
            break;
        }
    }
    true
}

/// Whether `wanted` is a name of the node that `step` goes to. `around` is the last step of the same path that went to a namespace.
fn names<'a>(wanted: &Step, step: &'a Step, around: &mut Option<&'a Step>) -> bool {
    if step.known_name().is_some() {
        *around = Some(step);
    }
    if wanted.local() != step.local() {
        return false;
    }
    let namespace = around.and_then(Step::known_name).and_then(|name| name.namespace());
    let namespace = namespace.unwrap_or_default();
    match (wanted.known_name(), wanted.prefix()) {
        (Some(name), _) => name.namespace().is_none_or(|wanted| wanted == namespace),
        (None, Some(prefix)) => {
            let known = around.and_then(Step::known_prefix);
            known == Some(prefix) || module_namespace(prefix) == namespace
        }
        (None, None) => true,
    }
}

fn selects(wanted: Option<&Selector>, selector: Option<&Selector>) -> bool {
    match (wanted, selector) {
        (None, _) => true,
        (Some(Selector::Keys(wanted)), Some(Selector::Keys(keys))) => {
            let fits =
                |(wanted, key): (&KeyText, &KeyText)| *wanted == KeyText::Any || wanted == key;
            wanted.len() == keys.len() && wanted.iter().zip(keys).all(fits)
        }
        (Some(_), _) => false,
    }
}
