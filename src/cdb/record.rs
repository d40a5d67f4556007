//! What is stored at the keys of [`super::key`].
//!
//! *Node* (space `01`): one kind byte, then
//!
//! | kind | node | then |
//! |---|---|---|
//! | 1 | leaf | the value, as [`encode_record`] writes it |
//! | 2 | presence container | nothing |
//! | 3 | list entry | its rank in a user-ordered list, else nothing |
//! | 4 | leaf-list entry | likewise |
//!
//! A plain container is not stored: it is there while something is below it. The key leaves of an entry are not stored
//! either: they are its address.
//!
//! *Schema* (space `04`): bincode 2 (standard configuration) of `(version = 1, kind, ordered_by, keys)`, kind 1 list and 2
//! leaf-list, `ordered_by` 0 system and 1 user, keys a vector of `(name, type code, fraction digits)`. Kind 3, without keys: what
//! stands there was once in a source that could not say whether it is one of a list or leaf-list.

use std::str::FromStr;

use thiserror::Error;

use super::path::{Name, is_name};
use super::value::{DecodeError, UnknownType, Value, ValueType, decode_record, encode_record};

/// A stored node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NodeRecord {
    Leaf(Value),
    Presence,
    Entry { rank: Vec<u8> },
    LeafListEntry { rank: Vec<u8> },
}

impl NodeRecord {
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        match self {
            Self::Leaf(value) => {
                bytes.push(1);
                encode_record(value, &mut bytes);
            }
            Self::Presence => bytes.push(2),
            Self::Entry { rank } => {
                bytes.push(3);
                bytes.extend_from_slice(rank);
            }
            Self::LeafListEntry { rank } => {
                bytes.push(4);
                bytes.extend_from_slice(rank);
            }
        }
        bytes
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let (kind, rest) = bytes.split_first().ok_or(NODE)?;
        match kind {
            1 => Ok(Self::Leaf(decode_record(rest)?)),
            2 if rest.is_empty() => Ok(Self::Presence),
            3 => Ok(Self::Entry { rank: rest.to_vec() }),
            4 => Ok(Self::LeafListEntry { rank: rest.to_vec() }),
            _ => Err(NODE),
        }
    }
}

const NODE: DecodeError = DecodeError { what: "node record" };
const SCHEMA: DecodeError = DecodeError { what: "list declaration" };

/// Who decides the order of a list's entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum OrderedBy {
    /// Sorted by key.
    #[default]
    System,
    /// As the user puts them: new ones last, then moved.
    User,
}

impl FromStr for OrderedBy {
    type Err = ListInfoError;

    /// `system` or `user`.
    fn from_str(text: &str) -> Result<Self, ListInfoError> {
        match text {
            "system" => Ok(Self::System),
            "user" => Ok(Self::User),
            _ => Err(ListInfoError::Order { text: text.to_owned() }),
        }
    }
}

/// One key leaf of a list.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeyLeaf {
    /// The leaf's name, as [`Name`] prints it; where a list is declared, also `prefix:name`.
    pub name: String,
    /// The type of its value.
    pub value_type: ValueType,
}

/// What a list is: its keys and who orders it.
///
/// As text: key names in order, each with a type when it is not a string.
///
/// ```
/// use pumice::cdb::{ListInfo, ValueType};
///
/// let info: ListInfo = "vrf,id:uint32".parse()?;
/// assert_eq!(info.keys[1].value_type, ValueType::Uint32);
/// assert_eq!(info.to_string(), "vrf,id:uint32");
/// # Ok::<(), pumice::cdb::ListInfoError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ListInfo {
    /// The key leaves, in key order; at least one.
    pub keys: Vec<KeyLeaf>,
    /// Who orders the entries.
    pub ordered_by: OrderedBy,
}

impl KeyLeaf {
    /// The name.
    pub(crate) fn parsed(&self) -> Name {
        Name::parse(&self.name).unwrap_or_else(|| Name::plain(&*self.name))
    }
}

impl ListInfo {
    /// A sorted list whose keys are strings.
    pub fn with_keys<T: Into<String>>(names: impl IntoIterator<Item = T>) -> Self {
        let key = |name: T| KeyLeaf { name: name.into(), value_type: ValueType::String };
        Self { keys: names.into_iter().map(key).collect(), ordered_by: OrderedBy::System }
    }

    /// The same list, ordered by the user.
    #[must_use]
    pub fn ordered_by_user(self) -> Self {
        Self { ordered_by: OrderedBy::User, ..self }
    }

    /// What a list that nobody declared is: key `name`, or `key-1`, `key-2` and so on; in the order in which its entries
    /// were made.
    pub(crate) fn undeclared(key_count: usize) -> Self {
        if key_count == 1 {
            return Self::with_keys(["name"]).ordered_by_user();
        }
        Self::with_keys((1..=key_count).map(|index| format!("key-{index}"))).ordered_by_user()
    }

    /// Why the declaration makes no sense, if it does not.
    pub(crate) fn check(&self) -> Result<(), ListInfoError> {
        if self.keys.is_empty() {
            return Err(ListInfoError::NoKey);
        }
        for (index, key) in self.keys.iter().enumerate() {
            if !is_name(&key.name) && Name::parse(&key.name).is_none() {
                return Err(ListInfoError::Name { name: key.name.clone() });
            }
            if self.keys.iter().take(index).any(|other| other.name == key.name) {
                return Err(ListInfoError::Twice { name: key.name.clone() });
            }
        }
        Ok(())
    }
}

impl std::fmt::Display for ListInfo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, key) in self.keys.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { "," })?;
            f.write_str(&key.name)?;
            // A name with a prefix needs its type: what follows the last colon is read as one.
            let ends_in_name = Name::parse(&key.name).is_some();
            if key.value_type != ValueType::String || !ends_in_name {
                write!(f, ":{}", key.value_type)?;
            }
        }
        Ok(())
    }
}

/// Text that declares no list.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ListInfoError {
    /// There is no key.
    #[error("a list needs at least one key: expected name or name:type, separated by commas")]
    NoKey,
    /// A key has a name that no leaf can have.
    #[error("\"{}\" is not the name of a key leaf", .name.escape_debug())]
    Name {
        /// What was given.
        name: String,
    },
    /// A key is there twice.
    #[error("the key \"{name}\" is there twice")]
    Twice {
        /// The key's name.
        name: String,
    },
    /// A leaf-list of this type makes no sense (RFC 7950, section 7.7).
    #[error("a leaf-list cannot have the type empty")]
    EmptyLeafList,
    /// A list is ordered by nobody that there is.
    #[error("\"{}\" does not order a list: expected system or user", .text.escape_debug())]
    Order {
        /// What was given.
        text: String,
    },
    /// An attribute of pumice's own that there is not.
    #[error(
        "there is none of that name: expected keys, leaf-list, single, type, presence or ordered-by"
    )]
    Mark,
    /// A key has an unknown type.
    #[error(transparent)]
    Type(#[from] UnknownType),
}

impl FromStr for ListInfo {
    type Err = ListInfoError;

    /// `name`, `name:type` or, with a module prefix, `prefix:name:type`; a last part that names a type is one.
    fn from_str(text: &str) -> Result<Self, ListInfoError> {
        let keys = parts(text).into_iter().filter(|part| !part.is_empty()).map(key_leaf);
        let info = Self { keys: keys.collect::<Result<_, _>>()?, ordered_by: OrderedBy::System };
        info.check()?;
        Ok(info)
    }
}

/// What stands between commas that are not in quotes.
fn parts(text: &str) -> Vec<&str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(|c| {
        let is_end = c == ',' && !quoted;
        quoted ^= c == '"' && !escaped;
        escaped = c == '\\' && quoted && !escaped;
        is_end
    })
    .collect()
}

fn key_leaf(part: &str) -> Result<KeyLeaf, UnknownType> {
    let plain = |name: &str| KeyLeaf { name: name.to_owned(), value_type: ValueType::String };
    if Name::parse(part).is_some() {
        return Ok(plain(part));
    }
    let Some((name, type_name)) = part.rsplit_once(':') else {
        return Ok(plain(part));
    };
    match type_name.parse() {
        Ok(value_type) => Ok(KeyLeaf { name: name.to_owned(), value_type }),
        // One colon before something that is no type: a prefix, unless it looks like a misspelt type.
        Err(error) if name.contains(':') || type_name.contains(['(', '"']) => Err(error),
        Err(error) if type_name.contains("int") || type_name.starts_with("bool") => Err(error),
        Err(_) => Ok(plain(part)),
    }
}

/// What a leaf-list is: the type of its entries and who orders it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LeafListInfo {
    /// The type of the entries.
    pub value_type: ValueType,
    /// Who orders them.
    pub ordered_by: OrderedBy,
}

impl LeafListInfo {
    /// What a leaf-list that nobody declared is: in the order in which its entries were made.
    pub(crate) fn undeclared(value_type: ValueType) -> Self {
        Self { value_type, ordered_by: OrderedBy::User }
    }
}

/// A stored declaration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Schema {
    List(ListInfo),
    LeafList(LeafListInfo),
    /// No declaration: a container or leaf that may be the first entry of a list or leaf-list.
    Once,
}

type SchemaRow = (u8, u8, u8, Vec<(String, u8, u8)>);

impl Schema {
    /// Why the declaration makes no sense, if it does not.
    pub fn check(&self) -> Result<(), ListInfoError> {
        match self {
            Self::List(info) => info.check(),
            Self::LeafList(LeafListInfo { value_type: ValueType::Empty, .. }) => {
                Err(ListInfoError::EmptyLeafList)
            }
            Self::LeafList(_) | Self::Once => Ok(()),
        }
    }

    pub fn ordered_by(&self) -> OrderedBy {
        match self {
            Self::List(info) => info.ordered_by,
            Self::LeafList(info) => info.ordered_by,
            Self::Once => OrderedBy::System,
        }
    }

    /// What it declares, in words.
    pub fn describe(&self) -> String {
        let user = if self.ordered_by() == OrderedBy::User { ", ordered by user" } else { "" };
        match self {
            Self::List(info) => format!("a list with the keys {info}{user}"),
            Self::LeafList(LeafListInfo { value_type, .. }) => {
                format!("a leaf-list of {value_type}{user}")
            }
            Self::Once => "no list".to_owned(),
        }
    }

    /// The types of the keys of an entry.
    pub fn key_types(&self) -> Vec<ValueType> {
        match self {
            Self::List(info) => info.keys.iter().map(|key| key.value_type).collect(),
            Self::LeafList(info) => vec![info.value_type],
            Self::Once => Vec::new(),
        }
    }

    pub fn encode(&self) -> Result<Vec<u8>, DecodeError> {
        let row = |name: &str, value_type: ValueType| {
            (name.to_owned(), value_type.code(), value_type.fraction_digits())
        };
        let (kind, keys) = match self {
            Self::List(info) => {
                (1, info.keys.iter().map(|key| row(&key.name, key.value_type)).collect())
            }
            Self::LeafList(info) => (2, vec![row("", info.value_type)]),
            Self::Once => (3, Vec::new()),
        };
        let ordered_by = u8::from(self.ordered_by() == OrderedBy::User);
        let row: SchemaRow = (1, kind, ordered_by, keys);
        bincode::encode_to_vec(row, bincode::config::standard()).map_err(|_| SCHEMA)
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let config = bincode::config::standard().with_limit::<65_536>();
        let (row, _): (SchemaRow, usize) =
            bincode::decode_from_slice(bytes, config).map_err(|_| SCHEMA)?;
        let (version, kind, ordered_by, keys) = row;
        let ordered_by = if ordered_by == 1 { OrderedBy::User } else { OrderedBy::System };
        let keys = keys
            .into_iter()
            .map(|(name, code, digits)| {
                let value_type = ValueType::from_code(code, digits).ok_or(SCHEMA)?;
                Ok(KeyLeaf { name, value_type })
            })
            .collect::<Result<Vec<_>, DecodeError>>()?;
        match (version, kind, keys.first()) {
            (1, 1, Some(_)) => Ok(Self::List(ListInfo { keys, ordered_by })),
            (1, 2, Some(key)) => {
                Ok(Self::LeafList(LeafListInfo { value_type: key.value_type, ordered_by }))
            }
            (1, 3, None) => Ok(Self::Once),
            _ => Err(SCHEMA),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::cdb::value::tests::any_value;

    proptest! {
        #[test]
        fn nodes_decode_to_themselves(value in any_value(), rank in proptest::collection::vec(any::<u8>(), 0..8)) {
            for record in [
                NodeRecord::Leaf(value.clone()),
                NodeRecord::Presence,
                NodeRecord::Entry { rank: rank.clone() },
                NodeRecord::LeafListEntry { rank: rank.clone() },
            ] {
                prop_assert_eq!(NodeRecord::decode(&record.encode()).unwrap(), record);
            }
        }

        #[test]
        fn decoding_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..24)) {
            let _ignored = (NodeRecord::decode(&bytes), Schema::decode(&bytes));
        }
    }

    #[test]
    fn declarations_decode_to_themselves() {
        let list = "a,b:uint32,c:decimal64(3)".parse::<ListInfo>().unwrap().ordered_by_user();
        let leaf_list = LeafListInfo { value_type: ValueType::Int8, ordered_by: OrderedBy::User };
        for schema in [Schema::List(list), Schema::LeafList(leaf_list)] {
            assert_eq!(Schema::decode(&schema.encode().unwrap()).unwrap(), schema);
        }
    }

    // Symptom: a tree that was saved with types did not load, or came back with another key. Found by fuzzing. Cause: a
    // list with the key `if:interface` was declared as just that, and what follows a colon may be a type. Fix: such a key is
    // written with its type.
    #[test]
    fn a_declaration_reads_back_whatever_its_keys_are_called() {
        for name in ["if:interface", "a:string", "a:uint8", "bool:boolean", "m:k", "k", "\"u,1\":k"]
        {
            for value_type in [ValueType::String, ValueType::Uint8] {
                let keys = vec![KeyLeaf { name: name.to_owned(), value_type }];
                let info = ListInfo { keys, ordered_by: OrderedBy::System };
                assert_eq!(info.to_string().parse(), Ok(info));
            }
        }
    }

    #[test]
    fn a_list_as_text_names_keys_and_types() {
        let info: ListInfo = "if:name,id:uint32".parse().unwrap();
        assert_eq!(info.keys[0].name, "if:name");
        assert_eq!(info.keys[1], KeyLeaf { name: "id".into(), value_type: ValueType::Uint32 });
        assert_eq!("".parse::<ListInfo>(), Err(ListInfoError::NoKey));
        assert!("a,a".parse::<ListInfo>().unwrap_err().to_string().contains("twice"));
        assert!(matches!("id:uint23".parse::<ListInfo>(), Err(ListInfoError::Type(_))));
        assert!(matches!("a b".parse::<ListInfo>(), Err(ListInfoError::Name { .. })));
    }
}
