//! What a source asks for.

use std::collections::HashMap;

use crate::cdb::error::Error;
use crate::cdb::key::NodeKey;
use crate::cdb::path::Name;
use crate::cdb::record::Schema;
use crate::cdb::value::Value;
use crate::vfs::Scratch;

/// One change that a source asks for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Edit {
    /// The list or leaf-list at this schema address is so declared. `convert`: what stands there alone becomes its first entry.
    Declare { schema: NodeKey, declaration: Schema, convert: bool },
    /// What is at this schema address is no entry of a list or leaf-list.
    Settle { schema: NodeKey },
    /// The namespace may be called so.
    Prefix { namespace: String, prefix: String },
    /// The list entry is there.
    Entry { key: NodeKey },
    /// The leaf-list entry is there.
    LeafListEntry { key: NodeKey },
    /// The leaf has this content. `sure`: whatever value it has now is to be replaced.
    Leaf { key: NodeKey, content: LeafContent, sure: bool },
    /// The presence container is there.
    Presence { key: NodeKey },
    /// The node has this attribute.
    Attribute { key: NodeKey, name: Name, value: String },
}

/// What a leaf is set to; how text becomes a value is the target's to say.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum LeafContent {
    /// Text, to be read with the type that the leaf has.
    Text(String),
    /// A value whose type gives way to the one that the leaf has.
    Soft(Value),
    /// A value of the type that the source names.
    Typed(Value),
    /// Nothing: the empty text, an empty leaf or an empty container.
    Nothing { self_closed: bool },
}

/// How an edit ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    /// It is made.
    Done,
    /// It is not made: another value is there, and nobody is sure that it is to go.
    Other { old: Value, new: Value },
}

/// What stands at a schema address about which nothing is noted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Nothing, as far as was looked.
    Nothing,
    /// What somebody made who could say what it is.
    Something,
}

/// Takes the edits.
pub(crate) trait Target {
    /// What is noted about a schema address.
    fn known(&mut self, schema: &NodeKey) -> Result<Option<Schema>, Error>;

    /// What stands at a schema address.
    fn standing(&mut self, schema: &NodeKey) -> Result<Standing, Error>;

    /// The namespaces of the prefixes that are known.
    fn namespaces(&mut self) -> Result<HashMap<String, String>, Error>;

    /// What people call a node.
    fn text(&mut self, key: &NodeKey) -> String;

    /// Where files go that nobody needs after the load.
    fn scratch(&self) -> Scratch;

    /// Whether edits that were made stay when the load fails: then it ends at the first doubt.
    fn is_lasting(&self) -> bool;

    /// Makes one change.
    fn edit(&mut self, edit: Edit) -> Result<Outcome, Error>;
}

impl Edit {
    /// The address that it is about, when that is a node's.
    pub fn key(&self) -> Option<&NodeKey> {
        match self {
            Self::Declare { .. } | Self::Settle { .. } | Self::Prefix { .. } => None,
            Self::Entry { key }
            | Self::LeafListEntry { key }
            | Self::Leaf { key, .. }
            | Self::Presence { key }
            | Self::Attribute { key, .. } => Some(key),
        }
    }

    /// The same edit below `base`.
    pub fn below(mut self, base: &NodeKey) -> Self {
        let key = match &mut self {
            Self::Declare { .. } | Self::Settle { .. } | Self::Prefix { .. } => return self,
            Self::Entry { key }
            | Self::LeafListEntry { key }
            | Self::Leaf { key, .. }
            | Self::Presence { key }
            | Self::Attribute { key, .. } => key,
        };
        let mut moved = base.clone();
        moved.push_bytes(key.as_bytes());
        *key = moved;
        self
    }
}
