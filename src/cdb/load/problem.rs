//! Why a source cannot be loaded.

use std::fmt;

use thiserror::Error;

use super::position::At;
use crate::cdb::error::Error;
use crate::cdb::record::ListInfoError;
use crate::cdb::value::{ValueError, ValueType};

/// What is wrong, and where.
#[derive(Clone, Debug, Error)]
pub struct LoadError {
    /// The source's name, usually a path.
    pub source_name: String,
    /// Where in the source, when it is about a place.
    pub at: Option<At>,
    /// What is wrong.
    #[source]
    pub problem: Box<Problem>,
}

impl LoadError {
    pub(super) fn at(at: At, problem: Problem) -> Self {
        Self { source_name: String::new(), at: Some(at), problem: Box::new(problem) }
    }

    pub(crate) fn nowhere(problem: Problem) -> Self {
        Self { source_name: String::new(), at: None, problem: Box::new(problem) }
    }

    pub(super) fn in_source(self, name: &str) -> Self {
        Self { source_name: name.to_owned(), ..self }
    }
}

impl From<crate::vfs::Error> for Problem {
    fn from(error: crate::vfs::Error) -> Self {
        Self::Scratch(error.to_string())
    }
}

impl From<std::io::Error> for Problem {
    fn from(error: std::io::Error) -> Self {
        Self::Scratch(error.to_string())
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if self.source_name.is_empty() { "input" } else { &self.source_name };
        match self.at {
            Some(at) => write!(f, "{name}:{at}: {}", self.problem),
            None => write!(f, "{name}: {}", self.problem),
        }
    }
}

/// A value that a source would put over another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AmbiguousPlace {
    /// Where in the source.
    pub at: At,
    /// The leaf.
    pub path: String,
    /// What the datastore has.
    pub old: String,
    /// What the source has.
    pub new: String,
    /// What the leaf may be, and the options that say so.
    pub readings: String,
}

fn ambiguous(places: &[AmbiguousPlace], more: u64) -> String {
    let place = |place: &AmbiguousPlace| {
        let (old, new) = (crate::units::excerpt(&place.old), crate::units::excerpt(&place.new));
        let (path, line) = (&place.path, place.at.line);
        format!("{path} is \"{old}\", and \"{new}\" on line {line}: {}", place.readings)
    };
    let mut text = places.iter().map(place).collect::<Vec<_>>().join("; ");
    if more > 0 {
        text.push_str("; and ");
        text.push_str(&more.to_string());
        text.push_str(" more");
    }
    text.push_str(
        ". To take all that is there once as containers and leaves: --single. \
         A file says it with the attributes pumice:keys, pumice:leaf-list, pumice:single",
    );
    text
}

/// What can be wrong with a source.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum Problem {
    /// The bytes could not be read.
    #[error("cannot read: {0}")]
    Read(String),
    /// What does not fit into memory could not be put into a file beside the database.
    #[error("cannot use a scratch file: {0}")]
    Scratch(String),
    /// It is not well-formed XML or JSON.
    #[error("not well-formed: {0}")]
    Syntax(String),
    /// It is neither XML nor JSON by its name.
    #[error("cannot tell the format from the name: expected .xml or .json, or say which it is")]
    Format,
    /// It holds something that is refused on purpose.
    #[error("{0} is refused")]
    Refused(&'static str),
    /// It is larger than allowed.
    #[error("larger than {limit_bytes} bytes")]
    TooLarge {
        /// The limit.
        limit_bytes: u64,
    },
    /// It is nested deeper than allowed.
    #[error("nested deeper than {limit} levels")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// No node can have this name.
    #[error("\"{}\" cannot be the name of a node: expected a letter or _, then letters, digits, - _ .", .name.escape_debug())]
    Name {
        /// The name.
        name: String,
    },
    /// No attribute can have this name.
    #[error("\"{}\" cannot be the name of an attribute: expected a letter or _, then letters, digits, - _ .", .name.escape_debug())]
    AttributeName {
        /// The name.
        name: String,
    },
    /// A prefix stands for no namespace here.
    #[error(
        "not well-formed: the prefix {prefix} is not declared: expected xmlns:{prefix}=\"...\" on the element or around it"
    )]
    Prefix {
        /// The prefix.
        prefix: String,
    },
    /// A declaration of a prefix that is not to be had.
    #[error("not well-formed: {name}=\"{}\" cannot be declared", .namespace.escape_debug())]
    Namespace {
        /// The attribute.
        name: String,
        /// The namespace.
        namespace: String,
    },
    /// A NETCONF answer that holds something else than data.
    #[error("<{found}> in <{outer}> is no data: expected <data>")]
    Wrapper {
        /// The answer.
        outer: String,
        /// What is in it.
        found: String,
    },
    /// Text stands beside child elements.
    #[error("<{element}> has both text and child elements")]
    Mixed {
        /// The element.
        element: String,
    },
    /// An object has a member twice.
    #[error("the member \"{name}\" is there twice in one object")]
    TwiceInObject {
        /// The member.
        name: String,
    },
    /// A JSON value that stands for no node.
    #[error("{found} cannot stand here: expected {expected}")]
    Unexpected {
        /// What was found.
        found: &'static str,
        /// What could stand there.
        expected: &'static str,
    },
    /// Nobody knows what an element that repeats is.
    #[error(
        "cannot tell the keys of the list <{element}>: {why}. Name them: --key {schema_path}=KEY,..{merge}{container}"
    )]
    UnknownKeys {
        /// The element.
        element: String,
        /// Where it is, without keys.
        schema_path: String,
        /// Why the first child leaf will not do.
        why: String,
        /// What else could be said, when the entries may be one in pieces.
        merge: &'static str,
        /// What else could be said, when it may be a container in pieces.
        container: String,
    },
    /// The source has once what the datastore has once, with another value: one that changed, or one of many?
    #[error("{}", ambiguous(places, *more))]
    Ambiguous {
        /// The first of them.
        places: Vec<AmbiguousPlace>,
        /// How many more there are.
        more: u64,
    },
    /// The values of an array have types that have nothing in common.
    #[error("<{element}> has values of the types {first} and {second}: one type is expected")]
    MixedTypes {
        /// The element.
        element: String,
        /// The type of the values before.
        first: ValueType,
        /// The type of another value.
        second: ValueType,
    },
    /// What a hint is about is not in the source.
    #[error("--{option} {path}: the source has nothing there")]
    UnusedHint {
        /// The option: `key`, `container`, `leaf` or `leaf-list`.
        option: &'static str,
        /// Its path.
        path: String,
    },
    /// An entry lacks a key leaf.
    #[error("this entry of {list} has no key leaf <{key}>")]
    MissingKey {
        /// The list.
        list: String,
        /// The leaf.
        key: String,
    },
    /// An entry is there twice.
    #[error(
        "{entry} is there twice: first on line {}, again on line {}. \
         To fold such entries in order: --on-duplicate merge",
        .first.line, .again.line
    )]
    Duplicate {
        /// The entry's path.
        entry: String,
        /// Where it starts first.
        first: At,
        /// Where it starts again.
        again: At,
    },
    /// A node is one thing here and another there.
    #[error("<{element}> is {expected} elsewhere, and cannot be {found} here")]
    Kind {
        /// The element.
        element: String,
        /// What it is here.
        found: &'static str,
        /// What it is elsewhere.
        expected: &'static str,
    },
    /// A text does not fit its type.
    #[error("{path}: {problem}")]
    Value {
        /// The leaf or list.
        path: String,
        /// The text, the type and what was expected.
        #[source]
        problem: ValueError,
    },
    /// A type that a `pumice:` attribute names makes no sense.
    #[error("the attribute {name}: {problem}")]
    TypeAttribute {
        /// The attribute.
        name: String,
        /// What is wrong.
        #[source]
        problem: ListInfoError,
    },
    /// The store refused it.
    #[error(transparent)]
    Store(#[from] Error),
}
