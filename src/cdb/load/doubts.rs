//! Values that a source would put over others, where neither it nor the datastore can tell whether they are one that changed or two of
//! many: a load with a doubt fails, and its error says what to type.

use super::plan::{Kind, Plan, PlanNode};
use super::position::At;
use super::problem::{AmbiguousPlace, LoadError, Problem};
use crate::cdb::key::NodeKey;
use crate::cdb::value::Value;

/// How many places an error names.
const PLACES_MAX: usize = 8;

/// The doubts of one load.
#[derive(Debug, Default)]
pub(super) struct Doubts {
    places: Vec<AmbiguousPlace>,
    more: u64,
    /// Where the last container stands that may be an entry.
    container: Option<NodeKey>,
}

impl Doubts {
    /// A leaf has an old value that a new one would replace.
    pub fn note(
        &mut self,
        plan: &Plan,
        at: At,
        key: &NodeKey,
        path: String,
        (old, new): (&Value, &Value),
    ) {
        if self.places.len() >= PLACES_MAX {
            self.more += 1;
            return;
        }
        let readings = match plan.at_schema(&key.schema()) {
            Some(node) => self.readings(plan, node, key),
            None => "one leaf that changes, or one of several".to_owned(),
        };
        let (old, new) = (old.to_string(), new.to_string());
        self.places.push(AmbiguousPlace { at, path, old, new, readings });
    }

    /// What a leaf may be, and what to type for each.
    fn readings(&mut self, plan: &Plan, node: &PlanNode, key: &NodeKey) -> String {
        let leaf = &node.path;
        let parent = plan.node(node.parent).filter(|parent| tells_apart(node, parent));
        let around = key.split_last().map(|(around, _)| around);
        match parent {
            Some(parent) => {
                self.container = around;
                let (container, first) = (&parent.path, node.name.to_string());
                format!(
                    "a list with both (--key {container}={first}), a leaf-list with both (--leaf-list {leaf}), or \
                     one container that changes (--container {container} --leaf {leaf})"
                )
            }
            // As an entry of its own it would not be in doubt.
            None if self.container.is_some() && self.container == around => {
                format!("the same, with --leaf {leaf} for the container")
            }
            None => single_leaf(plan, node),
        }
    }

    /// The error, when there is a doubt.
    pub fn end(&mut self) -> Result<(), LoadError> {
        let places = std::mem::take(&mut self.places);
        match places.first() {
            None => Ok(()),
            Some(first) => {
                let (at, more) = (first.at, self.more);
                Err(LoadError::at(at, Problem::Ambiguous { places, more }))
            }
        }
    }
}

/// The readings of a leaf that does not tell entries apart, as far as anybody knows.
fn single_leaf(plan: &Plan, node: &PlanNode) -> String {
    let leaf = &node.path;
    let around = plan.node(node.parent).filter(|parent| !parent.sure);
    let list = around.map(|around| {
        let (container, key) = (&around.path, node.name.to_string());
        format!(", or the key of a list with both (--key {container}={key})")
    });
    let list = list.unwrap_or_default();
    format!(
        "a leaf-list with both (--leaf-list {leaf}), or one leaf that changes (--leaf {leaf}){list}"
    )
}

fn tells_apart(node: &PlanNode, parent: &PlanNode) -> bool {
    matches!(parent.kind, Kind::Container { .. })
        && !parent.sure
        && parent.first_leaf.as_ref() == Some(&node.name)
}
