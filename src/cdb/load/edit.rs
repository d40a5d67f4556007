//! What a source asks for.

use crate::cdb::error::Error;
use crate::cdb::key::NodeKey;
use crate::cdb::record::Schema;
use crate::cdb::value::Value;
use crate::vfs::Scratch;

/// One change that a source asks for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Edit {
    /// The list or leaf-list at this schema address is so declared.
    Declare { schema: NodeKey, declaration: Schema },
    /// The list entry is there.
    Entry { key: NodeKey },
    /// The leaf-list entry is there.
    LeafListEntry { key: NodeKey },
    /// The leaf has this content.
    Leaf { key: NodeKey, content: LeafContent },
    /// The presence container is there.
    Presence { key: NodeKey },
    /// The node has this attribute.
    Attribute { key: NodeKey, name: String, value: String },
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

/// Takes the edits.
pub(crate) trait Target {
    /// What is known of the list at a schema address.
    fn known(&mut self, schema: &NodeKey) -> Result<Option<Schema>, Error>;

    /// Where files go that nobody needs after the load.
    fn scratch(&self) -> Scratch;

    /// Makes one change.
    fn edit(&mut self, edit: Edit) -> Result<(), Error>;
}

impl Edit {
    /// The same edit below `base`.
    pub fn below(mut self, base: &NodeKey) -> Self {
        let key = match &mut self {
            Self::Declare { .. } => return self,
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
