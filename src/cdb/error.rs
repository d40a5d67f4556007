//! What can go wrong with a path, a value or a node.

use std::sync::Arc;

use thiserror::Error;

use super::key::{NodeKey, path_text};
use super::path::{Path, PathError};
use super::record::ListInfoError;
use super::value::{DecodeError, ValueError, ValueType};
use crate::journal::{LimitError, ReadError};

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NodeKind {
    /// Groups nodes; there while something is below it.
    Container,
    /// A container whose being there means something by itself.
    PresenceContainer,
    /// A list, all its entries.
    List,
    /// One entry of a list.
    ListEntry,
    /// A leaf-list, all its entries.
    LeafList,
    /// One entry of a leaf-list.
    LeafListEntry,
    /// A leaf.
    Leaf,
}

impl std::fmt::Display for NodeKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Container => "a container",
            Self::PresenceContainer => "a presence container",
            Self::List => "a list",
            Self::ListEntry => "a list entry",
            Self::LeafList => "a leaf-list",
            Self::LeafListEntry => "a leaf-list entry",
            Self::Leaf => "a leaf",
        })
    }
}

/// An operation on the tree that was refused or failed.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The text is not a path.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The path cannot be used for this.
    #[error("{path}: {problem}")]
    BadPath {
        /// The path.
        path: Path,
        /// What is wrong and what was expected.
        problem: &'static str,
    },
    /// Several nodes have this name, in different namespaces.
    #[error("{path}: several nodes are called {name}; say which: {names}")]
    AmbiguousName {
        /// The path as given.
        path: Path,
        /// The name.
        name: String,
        /// The names that can be typed.
        names: String,
    },
    /// A load in steps could not commit one of them; those before it are committed.
    #[error("a step could not be committed: {reason}")]
    Stopped {
        /// Why.
        reason: String,
    },
    /// Nothing is there.
    #[error("{path} does not exist")]
    NotFound {
        /// Where nothing is.
        path: Path,
    },
    /// Something is there already.
    #[error("{path} exists already")]
    AlreadyExists {
        /// Where it is.
        path: Path,
    },
    /// Something else is there.
    #[error("{path} is {found}, not {expected}")]
    WrongKind {
        /// Where it is.
        path: Path,
        /// What is there.
        found: NodeKind,
        /// What was needed.
        expected: NodeKind,
    },
    /// A text does not fit the type of the leaf or key.
    #[error("{path}: {problem}")]
    BadValue {
        /// The leaf, or the list whose key it is.
        path: Path,
        /// The text, the type and what was expected.
        #[source]
        problem: ValueError,
    },
    /// A value does not have the type of the key.
    #[error("{path}: the value has type {found}, expected {expected}")]
    WrongType {
        /// The leaf or entry.
        path: Path,
        /// The type that the value has.
        found: ValueType,
        /// The type that it should have.
        expected: ValueType,
    },
    /// The number of keys is not that of the list.
    #[error("{path}: {found} keys given, the list has {expected} ({keys})")]
    KeyCount {
        /// The path as given.
        path: Path,
        /// How many keys were given.
        found: usize,
        /// How many the list has.
        expected: usize,
        /// Their names.
        keys: String,
    },
    /// A key leaf cannot be changed or removed: it is the entry's name.
    #[error("{path} is a key of its entry and cannot be changed; create another entry instead")]
    KeyLeaf {
        /// The key leaf.
        path: Path,
    },
    /// A declaration makes no sense.
    #[error("{path}: {problem}")]
    BadDeclaration {
        /// The list.
        path: Path,
        /// What is wrong.
        #[source]
        problem: ListInfoError,
    },
    /// A container cannot become an entry of a list without its key.
    #[error("{path} has no leaf {key}, which would be its key as an entry of a list")]
    NoEntryKey {
        /// The container.
        path: Path,
        /// The key leaf.
        key: String,
    },
    /// The list has entries and is declared differently.
    #[error("{path} has entries and is declared with {declared}; it cannot become {wanted}")]
    AlreadyDeclared {
        /// The list.
        path: Path,
        /// What it is.
        declared: String,
        /// What was asked for.
        wanted: String,
    },
    /// A stored record is not what this version writes.
    #[error("{path}: {problem}")]
    Corrupt {
        /// The node, or `?` when its address cannot be read either.
        path: String,
        /// What could not be read.
        #[source]
        problem: DecodeError,
    },
    /// The caller's own reason, for use in closures.
    #[error("{reason}")]
    Refused {
        /// One line for people.
        reason: String,
    },
    /// The store cannot be read.
    #[error(transparent)]
    Read(Arc<ReadError>),
    /// Larger than the store takes.
    #[error("{path}: {problem}")]
    Limit {
        /// The node.
        path: String,
        /// Which limit.
        #[source]
        problem: LimitError,
    },
}

impl From<ReadError> for Error {
    fn from(error: ReadError) -> Self {
        Self::Read(Arc::new(error))
    }
}

/// A stored record that cannot be read.
pub(crate) fn corrupt(key: &NodeKey, problem: DecodeError) -> Error {
    Error::Corrupt { path: path_text(key), problem }
}
