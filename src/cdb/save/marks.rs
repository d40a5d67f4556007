//! The attributes that say what things are.

use crate::cdb::error::Error;
use crate::cdb::key::NodeKey;
use crate::cdb::load::TYPE_PREFIX;
use crate::cdb::record::{LeafListInfo, ListInfo, OrderedBy};
use crate::cdb::tree::Tree;
use crate::cdb::value::{Value, ValueType};

pub type Attributes = Vec<(String, String)>;

/// The attributes that say what a list is; once, on its first entry.
pub fn list_marks(info: &ListInfo) -> Attributes {
    vec![(format!("{TYPE_PREFIX}keys"), info.to_string()), order_mark(info.ordered_by)]
}

pub fn leaf_list_marks(info: &LeafListInfo) -> Attributes {
    let value_type = info.value_type.to_string();
    vec![(format!("{TYPE_PREFIX}leaf-list"), value_type), order_mark(info.ordered_by)]
}

fn order_mark(ordered_by: OrderedBy) -> (String, String) {
    let order = match ordered_by {
        OrderedBy::System => "system",
        OrderedBy::User => "user",
    };
    (format!("{TYPE_PREFIX}ordered-by"), order.to_owned())
}

fn type_mark(value_type: ValueType) -> (String, String) {
    (format!("{TYPE_PREFIX}type"), value_type.to_string())
}

pub fn presence_mark() -> (String, String) {
    (format!("{TYPE_PREFIX}presence"), String::new())
}

/// The attributes of a leaf, its type among them when it is not what the reader would think.
pub fn leaf_attributes(
    tree: &Tree<'_>,
    key: &NodeKey,
    value: &Value,
    typed: bool,
    obvious: ValueType,
) -> Result<Attributes, Error> {
    let mut attributes = tree.attributes(key)?;
    if typed && value.value_type() != obvious {
        attributes.push(type_mark(value.value_type()));
    }
    Ok(attributes)
}
