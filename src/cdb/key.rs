//! Node addresses as ordered bytes.
//!
//! A key of a datastore is one *space* byte and the steps of an address:
//!
//! | space | holds | then |
//! |---|---|---|
//! | `01` | nodes: one key for each node of the tree, and nothing else | address |
//! | `02` | the order of user-ordered lists | address of the list, `08`, rank |
//! | `03` | attributes | address, `04`, local name, `00`; in a namespace: local name, `01`, namespace, `00` |
//! | `04` | what is known of lists, and of what was there once | address without entries |
//! | `05` | prefixes | prefix; the value is its namespace |
//! | `10` and up | metadata | free |
//!
//! A name step is `10 name 00` where the node's namespace is that of its parent (the root is in none), else `10 name 01 namespace 00`;
//! the empty namespace is none. So the nodes of one local name lie together, and equal trees have equal keys: prefixes are in space `05`
//! only, for printing. An entry step is `20`, the keys as [`encode_key`] writes them, `00`. Every step ends by
//! itself, so that a subtree is exactly the keys that start with its address, `a` and `ab` do not mix, and the entries
//! of a list are sorted by their typed keys. Key values carry their type: an address decodes without a schema.
//!
//! Because space `01` holds nodes and nothing else, the number of its keys is the number of nodes, which is what
//! `num-node-relative` counts.

use std::ops::Bound;

use super::path::{KeyText, Name, Path, Selector, Step};
use super::value::{DecodeError, Value, decode_key, encode_key, key_len};
use crate::journal::KeyRange;

/// The first byte of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Space {
    /// The nodes.
    Nodes = 0x01,
    /// The order of user-ordered lists.
    Order = 0x02,
    /// Attributes of nodes.
    Attributes = 0x03,
    /// What is known of lists.
    Schema = 0x04,
    /// Prefixes.
    Prefixes = 0x05,
}

/// The spaces that hold a subtree's data.
pub(crate) const DATA_SPACES: [Space; 3] = [Space::Nodes, Space::Order, Space::Attributes];

const NAME: u8 = 0x10;
const ENTRY: u8 = 0x20;
const RANK: u8 = 0x08;
const ATTRIBUTE: u8 = 0x04;
const NAMESPACE: u8 = 0x01;
const END: u8 = 0x00;
const ADDRESS: DecodeError = DecodeError { what: "node address" };

/// The address of a node; sorts as the tree's document order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeKey(Vec<u8>);

/// One step of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Component {
    /// A child by name.
    Name(Name),
    /// An entry by its keys; one value for an entry of a leaf-list.
    Entry(Vec<Value>),
}

impl NodeKey {
    /// The address of the root.
    pub fn root() -> Self {
        Self::default()
    }

    /// The address in `bytes`, which holds whole steps.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }

    /// The encoded steps, without a space byte.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether it is the root.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The address of the child `name`, in this node's namespace.
    #[must_use]
    pub fn child(&self, name: &str) -> Self {
        let mut key = self.clone();
        key.push_plain(name);
        key
    }

    /// The address of the child with this name.
    #[must_use]
    pub fn named(&self, name: &Name) -> Self {
        let mut key = self.clone();
        key.push_name(name);
        key
    }

    /// The address of the entry with these keys.
    #[must_use]
    pub fn entry(&self, keys: &[Value]) -> Self {
        let mut key = self.clone();
        key.push_entry(keys);
        key
    }

    /// Goes down to the child `name`, in this node's namespace.
    pub(crate) fn push_plain(&mut self, name: &str) {
        self.0.push(NAME);
        self.0.extend_from_slice(name.as_bytes());
        self.0.push(END);
    }

    /// Goes down to the child with this name.
    pub(crate) fn push_name(&mut self, name: &Name) {
        self.0.push(NAME);
        push_name(&mut self.0, name);
    }

    /// The namespace of the node; empty for none.
    pub(crate) fn namespace(&self) -> &str {
        let spaces = RawSteps(&self.0).filter_map(namespace_of);
        spaces.last().and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
    }

    /// Each namespace that a step on the way goes to.
    pub(crate) fn namespaces(&self) -> impl Iterator<Item = &[u8]> {
        RawSteps(&self.0).filter_map(namespace_of)
    }

    /// What the addresses of the children of one local name begin with, in a space, and what comes behind them.
    pub(crate) fn homonyms(&self, space: Space, local: &str) -> (Vec<u8>, Vec<u8>) {
        let mut start = self.in_space(space);
        start.push(NAME);
        start.extend_from_slice(local.as_bytes());
        let mut end = start.clone();
        start.push(END);
        end.push(NAMESPACE + 1);
        (start, end)
    }

    /// Goes down to the entry with these keys.
    pub(crate) fn push_entry(&mut self, keys: &[Value]) {
        self.0.push(ENTRY);
        for key in keys {
            encode_key(key, &mut self.0);
        }
        self.0.push(END);
    }

    /// Goes down by steps that are encoded already.
    pub(crate) fn push_bytes(&mut self, steps: &[u8]) {
        self.0.extend_from_slice(steps);
    }

    /// Goes back to a length that [`NodeKey::len`] gave.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.0.truncate(len);
    }

    /// The length in bytes.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether `other` is this node or below it.
    pub fn contains(&self, other: &Self) -> bool {
        other.0.starts_with(&self.0)
    }

    /// The key of this address in a space, which is also the prefix of everything below it there.
    pub(crate) fn in_space(&self, space: Space) -> Vec<u8> {
        let mut key = Vec::with_capacity(self.0.len() + 1);
        key.push(space as u8);
        key.extend_from_slice(&self.0);
        key
    }

    /// The prefix of the keys of this list's order.
    pub(crate) fn order_prefix(&self) -> Vec<u8> {
        let mut key = self.in_space(Space::Order);
        key.push(RANK);
        key
    }

    /// The prefix of the keys of this node's attributes.
    pub(crate) fn attribute_prefix(&self) -> Vec<u8> {
        let mut key = self.in_space(Space::Attributes);
        key.push(ATTRIBUTE);
        key
    }

    /// The key of one attribute of this node.
    pub(crate) fn attribute(&self, name: &Name) -> Vec<u8> {
        let mut key = self.attribute_prefix();
        push_name(&mut key, name);
        key
    }

    /// The prefix of the entries of this list in the space of nodes.
    pub(crate) fn entries_prefix(&self) -> Vec<u8> {
        let mut key = self.in_space(Space::Nodes);
        key.push(ENTRY);
        key
    }

    /// The key under which the schema of this node is kept: the address without entries.
    pub(crate) fn schema_key(&self) -> Vec<u8> {
        let mut key = vec![Space::Schema as u8];
        key.extend_from_slice(self.schema().as_bytes());
        key
    }

    /// The address without entries: the same for a node in every entry.
    pub(crate) fn schema(&self) -> Self {
        let mut schema = Self::root();
        for step in RawSteps(&self.0) {
            if step.first() == Some(&NAME) {
                schema.0.extend_from_slice(step);
            }
        }
        schema
    }

    /// The address one step up, and the last step encoded; `None` for the root.
    pub(crate) fn split_last(&self) -> Option<(Self, &[u8])> {
        let last = RawSteps(&self.0).last()?;
        let parent = self.0.get(..self.0.len().checked_sub(last.len())?)?;
        Some((Self(parent.to_vec()), last))
    }

    /// The first step below `self` on the way to `other`, encoded.
    pub(crate) fn next_step<'a>(&self, other: &'a [u8]) -> Option<&'a [u8]> {
        RawSteps(other.strip_prefix(self.0.as_slice())?).next()
    }

    /// Every address from the first step down to this one.
    pub(crate) fn prefixes(&self) -> impl Iterator<Item = Self> {
        let mut end = 0;
        RawSteps(&self.0).map(move |step| {
            end += step.len();
            Self(self.0.get(..end).unwrap_or_default().to_vec())
        })
    }

    /// The steps.
    ///
    /// # Errors
    /// [`DecodeError`] when the bytes are not an address.
    pub fn components(&self) -> Result<Vec<Component>, DecodeError> {
        let mut components = Vec::new();
        let mut seen = 0;
        for step in RawSteps(&self.0) {
            seen += step.len();
            components.push(decode_step(step)?);
        }
        if seen == self.0.len() { Ok(components) } else { Err(ADDRESS) }
    }

    /// The last step.
    pub(crate) fn last_component(&self) -> Result<Option<Component>, DecodeError> {
        RawSteps(&self.0).last().map(decode_step).transpose()
    }

    /// The path that names this node, namespaces in full. A datastore knows shorter spellings.
    ///
    /// # Errors
    /// [`DecodeError`] when the bytes are not an address.
    pub fn path(&self) -> Result<Path, DecodeError> {
        let mut steps: Vec<Step> = Vec::new();
        for component in self.components()? {
            match component {
                Component::Name(name) => steps.push(Step::exact(&name)),
                Component::Entry(keys) => {
                    let keys = keys.iter().map(|key| KeyText::Text(key.to_string())).collect();
                    steps.last_mut().ok_or(ADDRESS)?.selector = Some(Selector::Keys(keys));
                }
            }
        }
        Ok(Path::from_steps(true, steps))
    }
}

/// The stored keys from one on, up to another.
pub(crate) fn between(start: Vec<u8>, end: Option<&[u8]>) -> KeyRange {
    let end = end.map_or(Bound::Unbounded, |end| Bound::Excluded(end.to_vec()));
    KeyRange::new((Bound::Included(start), end))
}

/// What a person reads where an address stands; bytes that are no address print as `?`.
pub(crate) fn path_text(key: &NodeKey) -> String {
    key.path().map_or_else(|_| "?".to_owned(), |path| path.to_string())
}

/// The address in a stored key of space `01`, `02` or `03`, for messages about the key.
pub(crate) fn address_in(stored: &[u8]) -> NodeKey {
    address_of(stored.get(1..).unwrap_or_default())
}

/// The address at the front of some bytes.
pub(crate) fn address_of(bytes: &[u8]) -> NodeKey {
    let len = RawSteps(bytes).map(<[u8]>::len).sum();
    NodeKey::from_bytes(bytes.get(..len).unwrap_or_default())
}

/// Decodes one encoded step.
pub(crate) fn decode_step(step: &[u8]) -> Result<Component, DecodeError> {
    let inner = step.get(1..step.len().saturating_sub(1)).ok_or(ADDRESS)?;
    if step.first() == Some(&NAME) {
        return decode_name(inner).map(Component::Name);
    }
    let mut rest = inner;
    let mut keys = Vec::new();
    while !rest.is_empty() {
        keys.push(decode_key(&mut rest)?);
    }
    Ok(Component::Entry(keys))
}

fn push_name(bytes: &mut Vec<u8>, name: &Name) {
    bytes.extend_from_slice(name.local().as_bytes());
    if let Some(namespace) = name.namespace() {
        bytes.push(NAMESPACE);
        bytes.extend_from_slice(namespace.as_bytes());
    }
    bytes.push(END);
}

/// The name in the bytes of a name step or attribute, without their ends.
pub(crate) fn decode_name(inner: &[u8]) -> Result<Name, DecodeError> {
    let text = std::str::from_utf8(inner).map_err(|_| ADDRESS)?;
    Ok(match text.split_once(char::from(NAMESPACE)) {
        Some((local, namespace)) => Name::in_namespace(local, namespace),
        None => Name::plain(text),
    })
}

/// The namespace that an encoded step goes to, if it is a name with one.
fn namespace_of(step: &[u8]) -> Option<&[u8]> {
    if step.first() != Some(&NAME) {
        return None;
    }
    let at = step.iter().position(|byte| *byte == NAMESPACE)?;
    step.get(at + 1..step.len().checked_sub(1)?)
}

/// Whether an encoded step is an entry.
pub(crate) fn is_entry(step: &[u8]) -> bool {
    step.first() == Some(&ENTRY)
}

/// The whole encoded steps at the front of some bytes; stops before anything else.
pub(crate) struct RawSteps<'a>(pub &'a [u8]);

impl<'a> Iterator for RawSteps<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let len = step_len(self.0)?;
        let (step, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(step)
    }
}

fn step_len(bytes: &[u8]) -> Option<usize> {
    match *bytes.first()? {
        NAME => bytes.iter().position(|byte| *byte == END).map(|end| end + 1),
        ENTRY => {
            let mut len = 1;
            while *bytes.get(len)? != END {
                len += key_len(bytes.get(len..)?)?;
            }
            Some(len + 1)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::cdb::value::tests::any_value;

    fn any_component() -> impl Strategy<Value = Component> {
        prop_oneof![
            "[a-c]{1,3}".prop_map(|local| Component::Name(Name::plain(local))),
            ("[a-b]{1,2}", "[u-v]{0,2}")
                .prop_map(|(local, space)| Component::Name(Name::in_namespace(local, space))),
            vec(any_value(), 1..3).prop_map(Component::Entry),
        ]
    }

    fn key_of(components: &[Component]) -> NodeKey {
        let mut key = NodeKey::root();
        for component in components {
            match component {
                Component::Name(name) => key.push_name(name),
                Component::Entry(keys) => key.push_entry(keys),
            }
        }
        key
    }

    proptest! {
        #[test]
        fn addresses_decode_to_their_steps(components in vec(any_component(), 0..5)) {
            let key = key_of(&components);
            prop_assert_eq!(key.components().unwrap(), components.clone());
            prop_assert_eq!(key.prefixes().count(), components.len());
            prop_assert_eq!(key.prefixes().last().unwrap_or_default(), key.clone());
            if let Some((parent, last)) = key.split_last() {
                prop_assert_eq!(parent, key_of(&components[..components.len() - 1]));
                prop_assert_eq!(&decode_step(last).unwrap(), components.last().unwrap());
            }
        }

        #[test]
        fn a_subtree_is_exactly_the_keys_with_its_prefix(
            a in vec(any_component(), 0..4), b in vec(any_component(), 0..4),
        ) {
            prop_assert_eq!(key_of(&a).contains(&key_of(&b)), b.starts_with(&a));
        }

        #[test]
        fn decoding_never_panics(bytes in vec(any::<u8>(), 0..20)) {
            let key = NodeKey::from_bytes(&bytes);
            prop_assert!(key.path().is_err() || key.components().is_ok());
        }
    }

    #[test]
    fn entries_sort_by_typed_key() {
        let list = NodeKey::root().child("port");
        let mut keys: Vec<NodeKey> =
            [10_u16, 9, 1000, 1].iter().map(|id| list.entry(&[Value::Uint16(*id)])).collect();
        keys.sort();
        let paths: Vec<String> = keys.iter().map(path_text).collect();
        assert_eq!(paths, ["/port{1}", "/port{9}", "/port{10}", "/port{1000}"]);
    }

    #[test]
    fn every_entry_has_the_same_schema_key() {
        let port =
            |device: &str| NodeKey::root().child("device").entry(&[device.into()]).child("port");
        assert_eq!(port("a").schema_key(), port("b").schema_key());
        assert_eq!(path_text(&port("a").schema()), "/device/port");
    }
}
