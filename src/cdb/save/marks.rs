//! The attributes that say what things are.

use crate::cdb::error::Error;
use crate::cdb::key::NodeKey;
use crate::cdb::load::{NUMBER_MARK, TYPE_NAMESPACE};
use crate::cdb::path::Name;
use crate::cdb::record::{LeafListInfo, ListInfo, OrderedBy};
use crate::cdb::tree::Tree;
use crate::cdb::value::{Value, ValueType};

pub type Attributes = Vec<(Name, String)>;

fn mark(name: &str, value: impl Into<String>) -> (Name, String) {
    (Name::in_namespace(name, TYPE_NAMESPACE), value.into())
}

/// The attributes that say what a list is; once, on its first entry.
pub fn list_marks(info: &ListInfo) -> Attributes {
    vec![mark("keys", info.to_string()), order_mark(info.ordered_by)]
}

pub fn leaf_list_marks(info: &LeafListInfo) -> Attributes {
    vec![mark("leaf-list", info.value_type.to_string()), order_mark(info.ordered_by)]
}

fn order_mark(ordered_by: OrderedBy) -> (Name, String) {
    let order = match ordered_by {
        OrderedBy::System => "system",
        OrderedBy::User => "user",
    };
    mark("ordered-by", order)
}

pub fn presence_mark() -> (Name, String) {
    mark("presence", "")
}

/// The attributes of a leaf, its type among them when it is not what the reader would think.
pub fn leaf_attributes(
    attributes: Attributes,
    value: &Value,
    typed: bool,
    obvious: ValueType,
) -> Attributes {
    let mut attributes = attributes;
    if typed && value.value_type() != obvious {
        attributes.push(mark("type", value.value_type().to_string()));
    }
    attributes
}

/// The attributes of a node, and whether JSON writes its value as a number where RFC 7951 has a string.
pub fn attributes_of(
    tree: &Tree<'_>,
    key: &NodeKey,
    typed: bool,
) -> Result<(Attributes, bool), Error> {
    let mut attributes = tree.attributes(key)?;
    let is_number = |(name, _): &(Name, String)| {
        name.namespace() == Some(TYPE_NAMESPACE) && name.local() == NUMBER_MARK
    };
    let bare = attributes.iter().any(is_number);
    if !typed {
        attributes.retain(|attribute| !is_number(attribute));
    }
    Ok((attributes, bare))
}
