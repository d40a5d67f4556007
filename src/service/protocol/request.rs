//! What a client can ask for.

use serde::{Deserialize, Serialize};

use super::names;
use super::schedule::{Backup, Schedule};
use super::words::Words;
use crate::cdb::Datastore;

/// What a client can ask for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum Request {
    /// The value of a leaf.
    Get(Node),
    /// Whether something is there.
    Exists(Node),
    /// The children of a node.
    List(Node),
    /// Operations as one transaction.
    Change(Change),
    /// A file or text as one transaction.
    Load(Load),
    /// A subtree as text, in `Event::Text`s.
    Save(Save),
    /// The newest transactions that the tail holds.
    Log(Log),
    /// What is different between two transactions.
    Diff(Diff),
    /// The state after an earlier transaction, as a new transaction.
    Rollback(Rollback),
    /// Keeps a subtree of the configuration under a name.
    SnapshotTake(SnapshotTake),
    /// The snapshots that are kept.
    SnapshotList,
    /// What is different between a snapshot and what runs.
    SnapshotDiff(SnapshotName),
    /// Makes the configuration what a snapshot says.
    SnapshotRestore(SnapshotRestore),
    /// Forgets a snapshot.
    SnapshotRemove(SnapshotName),
    /// Transactions below a path as they come, in `Event::Changed`s, until the client goes.
    Watch(Node),
    /// Compactions.
    Compact(Compact),
    /// What is known about compaction.
    CompactionInfo(Datastores),
    /// The last compactions.
    CompactionHistory(CompactionHistory),
    /// Every checksum and invariant of datastores, read beside those that write.
    Check(Datastores),
    /// The same of the shards of document databases.
    CheckDatabases,
    /// The scheduler and its tasks.
    Schedule(Schedule),
    /// Copies the database into a directory.
    Backup(Backup),
    /// What components are configured with, in the database.
    Settings,
    /// The server and its datastores.
    Status,
}

/// A node of a datastore.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// Which datastore.
    #[serde(with = "names::datastore")]
    pub datastore: Datastore,
    /// Its path.
    pub path: String,
}

/// Operations as one transaction: all of them or none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Which datastore.
    #[serde(with = "names::datastore")]
    pub datastore: Datastore,
    /// In order.
    pub operations: Vec<Operation>,
    /// For the log.
    pub words: Words,
    /// Whether the diff is answered and nothing is written.
    pub dry_run: bool,
}

/// One operation of a transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// The line of the script that it stands on, for messages.
    pub line: Option<u64>,
    /// What is done.
    pub action: Action,
}

/// What an operation does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Sets a leaf.
    Set {
        /// The leaf.
        path: String,
        /// Its value as text.
        value: String,
        /// Its type; else the one that it has, else string.
        value_type: Option<String>,
    },
    /// Creates an entry or presence container.
    Create {
        /// Where.
        path: String,
    },
    /// Removes a node with everything below it.
    Delete {
        /// Which.
        path: String,
    },
    /// Moves an entry of a user-ordered list.
    Move {
        /// Which.
        path: String,
        /// Where to.
        to: Place,
    },
}

/// A place in a user-ordered list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// The front.
    First,
    /// The end.
    Last,
    /// Ahead of this entry.
    Before(String),
    /// Behind this entry.
    After(String),
}

/// Text formats of trees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// XML.
    Xml,
    /// JSON.
    Json,
}

/// A file or text as one transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "options of a command do not depend on each other"
)]
pub struct Load {
    /// Which datastore.
    #[serde(with = "names::datastore")]
    pub datastore: Datastore,
    /// Where the text comes from.
    pub source: Source,
    /// Its format; else the name's ending tells.
    pub format: Option<Format>,
    /// Whether what the text does not name is removed.
    pub replace: bool,
    /// Keys of lists: `/path/of/list=key,key`.
    pub keys: Vec<String>,
    /// Paths of containers.
    #[serde(default)]
    pub containers: Vec<String>,
    /// Paths of leaves.
    #[serde(default)]
    pub leaves: Vec<String>,
    /// Paths of leaf-lists.
    #[serde(default)]
    pub leaf_lists: Vec<String>,
    /// Whether what is there once is a container or leaf.
    #[serde(default)]
    pub single: bool,
    /// Whether new lists that nobody declared are sorted.
    #[serde(default)]
    pub sort: bool,
    /// Commit every so many nodes, instead of once at the end.
    #[serde(default)]
    pub nodes_per_step: Option<std::num::NonZeroU64>,
    /// Whether an entry that is there twice is folded instead of refused.
    pub merge_duplicates: bool,
    /// For the log.
    pub words: Words,
    /// Whether the diff is answered and nothing is written.
    pub dry_run: bool,
}

/// Where a text to load comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// A file, opened by whoever executes the request.
    File {
        /// Its absolute path.
        path: String,
        /// What messages call it.
        name: String,
    },
    /// The text itself.
    Text(String),
}

/// A subtree as text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Save {
    /// The subtree.
    pub node: Node,
    /// The format.
    pub format: Format,
    /// Whether types are written along.
    pub types: bool,
}

/// The newest transactions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Log {
    /// Which datastore.
    #[serde(with = "names::datastore")]
    pub datastore: Datastore,
    /// At most so many.
    pub limit: usize,
}

/// What is different between two transactions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diff {
    /// Which datastore.
    #[serde(with = "names::datastore")]
    pub datastore: Datastore,
    /// The state after this transaction; the last but one when it is left out.
    pub from: Option<u64>,
    /// The state after this transaction; the last when it is left out.
    pub to: Option<u64>,
}

/// Back to the state after an earlier transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rollback {
    /// Which datastore.
    #[serde(with = "names::datastore")]
    pub datastore: Datastore,
    /// The transaction.
    pub to: u64,
    /// For the log.
    pub words: Words,
    /// Whether the diff is answered and nothing is written.
    pub dry_run: bool,
}

/// A subtree kept under a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotTake {
    /// The name.
    pub name: String,
    /// The subtree of the configuration.
    pub path: String,
    /// For the log.
    pub words: Words,
}

/// A snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotName {
    /// Its name.
    pub name: String,
}

/// The configuration as a snapshot has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotRestore {
    /// The snapshot.
    pub name: String,
    /// For the log.
    pub words: Words,
    /// Whether the diff is answered and nothing is written.
    pub dry_run: bool,
}

/// When write transactions wait for a compaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Policy {
    /// From begin to end.
    Blocking,
    /// Only while the last gap is copied.
    Background,
}

/// Compactions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compact {
    /// Of these, one after the other.
    #[serde(with = "names::datastores")]
    pub datastores: Vec<Datastore>,
    /// Only those with more transactions than this since their last compaction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub if_transactions_over: Option<u64>,
    /// Whether they are run now and waited for; else they are asked for, with the delay that a datastore has.
    pub wait: bool,
    /// When write transactions wait; else as configured.
    pub policy: Option<Policy>,
    /// The most bytes written per second; else as configured.
    pub throttle_bytes_per_second: Option<u64>,
}

/// Some datastores.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Datastores {
    /// Which.
    #[serde(with = "names::datastores")]
    pub datastores: Vec<Datastore>,
}

/// The last compactions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompactionHistory {
    /// At most so many.
    pub limit: usize,
}
