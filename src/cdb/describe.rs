//! What a stored key and value of a datastore say, for those who look into a file: `pumice dump`.

use super::key::{NodeKey, Space, address_in, path_text};
use super::record::{NodeRecord, Schema};
use super::value::Value;

/// The node that a stored key is about.
///
/// ```
/// use pumice::cdb::{describe_key, NodeKey};
///
/// let stored = [&[1][..], NodeKey::root().child("host").as_bytes()].concat();
/// assert_eq!(describe_key(&stored).as_deref(), Some("/host"));
/// assert_eq!(describe_key(b"something else"), None);
/// ```
pub fn describe_key(key: &[u8]) -> Option<String> {
    let (space, rest) = key.split_first()?;
    let is = |other: Space| *space == other as u8;
    if is(Space::Nodes) || is(Space::Schema) {
        let path = NodeKey::from_bytes(rest).path().ok()?.to_string();
        return Some(if is(Space::Schema) { format!("list {path}") } else { path });
    }
    if is(Space::Prefixes) {
        return Some(format!("prefix {}", std::str::from_utf8(rest).ok()?));
    }
    let about = path_text(&address_in(key));
    if is(Space::Order) {
        return Some(format!("order of {about}"));
    }
    is(Space::Attributes).then(|| format!("attribute of {about}"))
}

/// What a stored value says about the node of its key: `830 (uint16)`, `entry`, `presence container`.
pub fn describe_value(key: &[u8], value: &[u8]) -> Option<String> {
    let space = *key.first()?;
    if space == Space::Schema as u8 {
        return Some(match Schema::decode(value).ok()? {
            Schema::List(info) => format!("keys {info}"),
            Schema::LeafList(info) => format!("leaf-list of {}", info.value_type),
            Schema::Once => "there once: a container or leaf, or one of many".to_owned(),
        });
    }
    if space == Space::Prefixes as u8 {
        return Some(format!("namespace \"{}\"", std::str::from_utf8(value).ok()?.escape_debug()));
    }
    if space == Space::Order as u8 {
        let list = address_in(key);
        let entry = [list.as_bytes(), value].concat();
        return Some(path_text(&NodeKey::from_bytes(&entry)));
    }
    if space != Space::Nodes as u8 {
        return None;
    }
    Some(match NodeRecord::decode(value).ok()? {
        NodeRecord::Leaf(value) => leaf(&value),
        NodeRecord::Presence => "presence container".to_owned(),
        NodeRecord::Entry { .. } => "entry".to_owned(),
        NodeRecord::LeafListEntry { .. } => "leaf-list entry".to_owned(),
    })
}

fn leaf(value: &Value) -> String {
    format!("\"{}\" ({})", value.to_string().escape_debug(), value.value_type())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cdb::{Cdb, Datastore};
    use crate::journal::KeyRange;

    #[test]
    fn every_record_of_a_datastore_is_described() {
        let cdb = Cdb::in_memory().unwrap();
        let port = Value::Uint16(830);
        cdb.write(Datastore::Config, |tx| tx.set("/device{ce0}/port", port.clone())).unwrap();
        let snapshot = cdb.store(Datastore::Config).snapshot();
        let mut scan = snapshot.scan(&KeyRange::all());
        let mut lines = Vec::new();
        while let Some((key, value)) = scan.next().unwrap() {
            let (key, value) = (describe_key(key).unwrap(), describe_value(key, value).unwrap());
            lines.push(format!("{key} = {value}"));
        }
        let expected = [
            "/device{ce0} = entry",
            "/device{ce0}/port = \"830\" (uint16)",
            "order of /device = /device{ce0}",
            "list /device = keys name",
        ];
        assert_eq!(lines, expected);
    }
}
