//! How databases are opened, made and read.

use super::error::DocumentError;
use super::limits::Limits;
use super::revision::Revision;
use super::sequence::Sequence;
use crate::compaction::AutomaticCompaction;
use crate::journal::{Durability, StoreOptions};

/// Options of all databases of a directory. The names in parentheses are CouchDB's.
#[derive(Clone, Debug)]
pub struct DocumentsOptions {
    /// How shard files are opened.
    pub store: StoreOptions,
    /// The limits at the start; [`super::Databases::set_limits`] changes them.
    pub limits: Limits,
    /// Shards that are open at a time, as long as no more are in use (`[couchdb] max_dbs_open`): 500.
    pub max_open_shards: usize,
    /// When shards are compacted by themselves.
    pub compaction: AutomaticCompaction,
}

impl Default for DocumentsOptions {
    fn default() -> Self {
        Self {
            store: StoreOptions::default(),
            limits: Limits::default(),
            max_open_shards: 500,
            compaction: AutomaticCompaction::default(),
        }
    }
}

/// How a database is made.
#[derive(Clone, Copy, Debug, Default)]
pub struct CreateOptions {
    /// How many shards, 1 to 256; `None` takes [`Limits::q`].
    pub q: Option<u32>,
    /// Whether documents are placed by the part of their ids before the first colon; every id must then have one.
    pub partitioned: bool,
}

impl CreateOptions {
    /// With `q` shards, and everything else as by default.
    pub fn with_shards(q: u32) -> Self {
        Self { q: Some(q), ..Self::default() }
    }
}

/// How edits are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EditMode {
    /// Somebody edits (`new_edits` true): the revision given must be a leaf, a new id is computed.
    Interactive,
    /// Somebody replicates (`new_edits` false): the revisions given are merged as they are.
    Replicated,
}

/// How [`super::Database::update`] works.
#[derive(Clone, Copy, Debug)]
pub struct UpdateOptions {
    /// How edits are taken.
    pub mode: EditMode,
    /// When it answers; [`Durability::Buffered`] only for `batch=ok`.
    pub durability: Durability,
}

impl From<EditMode> for UpdateOptions {
    fn from(mode: EditMode) -> Self {
        Self { mode, durability: Durability::Sync }
    }
}

/// Which revision [`super::Database::open`] answers, and what is looked up beside it.
#[derive(Clone, Debug, Default)]
pub struct OpenOptions {
    /// This revision; `None` is the winner. A revision whose body is gone is [`super::DocumentError::NotFound`].
    pub rev: Option<Revision>,
    /// With `rev`: the newest leaf that descends from it.
    pub latest: bool,
    /// Answer a deleted winner too, instead of an error. With `rev`, tombstones are always answered.
    pub deleted: bool,
    /// Look up which ancestors still have a body, for [`super::Document::revs_info`].
    pub revs_info: bool,
}

/// Which revisions [`super::Database::open_revs`] answers.
#[derive(Clone, Debug)]
pub enum OpenRevs {
    /// Every leaf, in CouchDB's order.
    All,
    /// These, in this order. With `latest` each stands for the leaves that descend from it.
    These(Vec<Revision>),
}

/// A range of document ids and the part of it that is wanted. Ids are compared by their bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllDocsRange {
    /// The first id in the order of the walk (the last one when it is descending).
    pub start: Option<String>,
    /// The last id in the order of the walk.
    pub end: Option<String>,
    /// Whether the id `end` itself is left out.
    pub exclusive_end: bool,
    /// From the last to the first.
    pub descending: bool,
    /// How many are passed over.
    pub skip: u64,
    /// How many are answered at most.
    pub limit: Option<u64>,
    /// Whether documents come along.
    pub include_docs: bool,
}

/// Where changes begin.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Since {
    /// With the first one.
    #[default]
    Zero,
    /// Behind the last one.
    Now,
    /// Behind this one.
    At(Sequence),
}

impl std::str::FromStr for Since {
    type Err = DocumentError;

    /// `0`, `now` or a sequence.
    fn from_str(text: &str) -> Result<Self, DocumentError> {
        match text {
            "0" | "\"0\"" => Ok(Self::Zero),
            "now" | "\"now\"" => Ok(Self::Now),
            _ => text.parse().map(Self::At),
        }
    }
}

/// Which revisions a change names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// The winner.
    #[default]
    MainOnly,
    /// Every leaf, the winner first.
    AllDocs,
}

/// Which changes are wanted and what comes along.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangesOptions {
    /// Which revisions each names.
    pub style: Style,
    /// Newest first; `since` is then where it ends.
    pub descending: bool,
    /// How many at most.
    pub limit: Option<u64>,
    /// Only of these documents (`filter=_doc_ids`).
    pub doc_ids: Option<Vec<String>>,
    /// Only of design documents (`filter=_design`).
    pub design_only: bool,
    /// Whether the winning document comes along.
    pub include_docs: bool,
}
