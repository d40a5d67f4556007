//! Every value of a subtree with its origin, and its lists for those who load files.

use super::leaf::{Subtree, below};
use crate::cdb::{Error, KeyHint, KeyLeaf, ListInfo, Object, OrderedBy, Path, ReadView, ValueType};

/// A value of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its leaf.
    pub path: Path,
    /// Its value.
    pub value: String,
    /// Whether it is the default, and not stored.
    pub is_default: bool,
}

/// Every leaf that is stored or has a default, in the order of the table.
pub fn settings(subtree: &Subtree, view: &ReadView) -> Result<Vec<Setting>, Error> {
    let path: Path = subtree.root.parse()?;
    let mut out = Vec::new();
    let object = view.get_object(&path)?;
    let fields = match &object {
        Some(Object::Container(container)) => container.fields.as_slice(),
        _ => &[],
    };
    collect(subtree, "", &path, fields, &mut out);
    Ok(out)
}

fn collect(
    subtree: &Subtree,
    place: &str,
    path: &Path,
    fields: &[(String, Object)],
    out: &mut Vec<Setting>,
) {
    for name in subtree.names(place) {
        let here = below(place, name);
        let object = fields.iter().find(|(other, _)| other == name).map(|(_, object)| object);
        let path = path.child(name);
        match object {
            Some(Object::Leaf(value)) => {
                out.push(Setting { path, value: value.to_string(), is_default: false });
            }
            Some(Object::List(entries)) => entries.iter().for_each(|entry| {
                let keys = entry.keys.iter().map(ToString::to_string);
                collect(subtree, &here, &path.with_keys(keys), &entry.fields, out);
            }),
            Some(Object::Container(inside)) => inside.fields.iter().for_each(|(name, object)| {
                if let Object::Leaf(value) = object {
                    let (path, value) = (path.child(name), value.to_string());
                    out.push(Setting { path, value, is_default: false });
                }
            }),
            Some(Object::LeafList(_)) => {}
            None => {
                let default = subtree.leaf(&here).and_then(|leaf| leaf.default);
                out.extend(default.map(|default| Setting {
                    path,
                    value: default.to_owned(),
                    is_default: true,
                }));
            }
        }
    }
}

/// The keys of the lists, so that a file with a single entry is read as a list as well.
pub fn key_hints(subtree: &Subtree) -> Vec<KeyHint> {
    let hint = |list: &super::leaf::List| {
        let path: Path = format!("{}/{}", subtree.root, list.path).parse().ok()?;
        let key = KeyLeaf { name: list.key.to_owned(), value_type: ValueType::String };
        Some(KeyHint { path, info: ListInfo { keys: vec![key], ordered_by: OrderedBy::System } })
    };
    subtree.lists.iter().filter_map(hint).collect()
}
