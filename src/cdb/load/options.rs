//! How to load.

use std::str::FromStr;

use thiserror::Error;

use crate::cdb::path::{Path, PathError};
use crate::cdb::record::{ListInfo, ListInfoError};

/// A text format for trees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// XML, as NSO's init files and NETCONF payloads.
    Xml,
    /// JSON in the shape of RFC 7951.
    Json,
}

/// What happens to data that is there already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LoadMode {
    /// Kept, where the source says nothing else.
    #[default]
    Merge,
    /// Removed: afterwards the datastore holds what the source holds.
    Replace,
}

/// What happens to an entry that is twice in one source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnDuplicate {
    /// An error that names both lines.
    #[default]
    Refuse,
    /// The second is folded into the first; later leaves win.
    Merge,
}

/// The keys of one list: `/modules/module=name,revision`, with types where they are not strings: `/port=id:uint16`.
///
/// ```
/// use pumice::cdb::KeyHint;
///
/// let hint: KeyHint = "/modules/module=name,revision".parse()?;
/// assert_eq!(hint.info.keys.len(), 2);
/// # Ok::<(), pumice::cdb::KeyHintError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyHint {
    /// The list, without keys in the path.
    pub path: Path,
    /// Its keys, and who orders it: as loaded, when the hint was parsed.
    pub info: ListInfo,
}

/// A text that is not a hint.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum KeyHintError {
    /// There is no `=`.
    #[error("\"{}\": expected /path/of/list=key or /path/of/list=key,key", .0.escape_debug())]
    Shape(String),
    /// The part before the `=`.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The part after it.
    #[error(transparent)]
    Keys(#[from] ListInfoError),
}

impl FromStr for KeyHint {
    type Err = KeyHintError;

    fn from_str(text: &str) -> Result<Self, KeyHintError> {
        let shape = || KeyHintError::Shape(text.to_owned());
        let (path, keys) = text.split_once('=').ok_or_else(shape)?;
        let path: Path = path.parse()?;
        if path.steps().iter().any(|step| step.selector.is_some()) || !path.is_absolute() {
            return Err(shape());
        }
        Ok(Self { path, info: keys.parse::<ListInfo>()?.ordered_by_user() })
    }
}

/// What a node is, where a source and the datastore cannot tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SaidKind {
    /// One container, and no entry of a list.
    Container,
    /// One leaf, and no entry of a leaf-list.
    Leaf,
    /// A leaf-list.
    LeafList,
}

/// What the node at a path is, in every entry around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KindHint {
    /// The node, without keys in the path.
    pub path: Path,
    /// What it is.
    pub kind: SaidKind,
}

/// How to load a source.
#[derive(Clone, Debug)]
pub struct LoadOptions {
    /// The format; `None`: by the name's ending.
    pub format: Option<Format>,
    /// What happens to data that is there already.
    pub mode: LoadMode,
    /// What happens to an entry that is twice in the source.
    pub on_duplicate: OnDuplicate,
    /// Keys of lists that nobody declared. A list that is not in the source is an error.
    pub keys: Vec<KeyHint>,
    /// Keys of lists that may be in the source or not.
    pub known_keys: Vec<KeyHint>,
    /// What single nodes are. Remembered: it is asked once. A node that is not in the source is an error.
    pub kinds: Vec<KindHint>,
    /// Whether everything that the source has once is a container or leaf, unless it is known to be a list: other values replace what is there.
    pub single: bool,
    /// Whether lists and leaf-lists that nobody declared are sorted, instead of kept in the order of the source.
    pub sort: bool,
    /// Top nodes, in no namespace, that [`LoadMode::Replace`] leaves as they are where the source names nothing of them: what a
    /// program keeps for itself beside its users' data.
    pub preserved: Vec<String>,
    /// The most bytes that the source may have; 4 GiB unless told.
    pub max_size_bytes: u64,
}

impl SaidKind {
    /// The option that says it.
    pub(super) fn option(self) -> &'static str {
        match self {
            Self::Container => "container",
            Self::Leaf => "leaf",
            Self::LeafList => "leaf-list",
        }
    }
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self {
            format: None,
            mode: LoadMode::default(),
            on_duplicate: OnDuplicate::default(),
            keys: Vec::new(),
            known_keys: Vec::new(),
            kinds: Vec::new(),
            single: false,
            sort: false,
            preserved: Vec::new(),
            max_size_bytes: 4 << 30,
        }
    }
}
