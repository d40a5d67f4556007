//! What is answered.

use serde::{Deserialize, Serialize};

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reply", content = "data", rename_all = "kebab-case")]
pub enum Reply {
    /// Done; nothing to say.
    Done,
    /// A leaf.
    Value(LeafValue),
    /// Whether something is there.
    Exists(Existence),
    /// Children.
    Children(Vec<ChildRow>),
    /// A transaction was committed, or would have been.
    Committed(Committed),
    /// Transactions, newest first.
    Log(LogRows),
    /// What is different.
    Diff(Vec<NodeChange>),
    /// Snapshots.
    Snapshots(Vec<SnapshotRow>),
    /// Compactions that were run.
    Compacted(Vec<CompactionRow>),
    /// Compactions that were asked for.
    Requested(Vec<CompactionState>),
    /// What is known about compaction.
    CompactionInfo(Vec<CompactionState>),
    /// Past compactions, newest first.
    CompactionHistory(Vec<CompactionRow>),
    /// What checks found.
    Checked(Vec<CheckRow>),
    /// Tasks.
    Tasks(super::schedule::Tasks),
    /// The next times of a task.
    NextRuns(Vec<super::schedule::NextRow>),
    /// A task has run.
    Ran(super::schedule::RunRow),
    /// Past runs, newest first.
    RunHistory(Vec<super::schedule::RunRow>),
    /// Runs were forgotten.
    Purged(super::schedule::Purged),
    /// The database was copied.
    BackedUp(Vec<super::schedule::BackupRow>),
    /// What components are configured with.
    Settings(Vec<super::schedule::SettingRow>),
    /// The server.
    Status(Status),
}

/// What a check of a file found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckRow {
    /// `A.cdb` of a daemon, or the path of a file.
    pub file: String,
    /// Whether nothing is damaged.
    pub sound: bool,
    /// Its size.
    pub file_bytes: u64,
    /// How many keys are live.
    pub entries: u64,
    /// The last transaction.
    pub tx: u64,
    /// How many the tail holds.
    pub tail_transactions: u64,
    /// Bytes at the end that were never acknowledged and that the next open for writing cuts off.
    pub unfinished_bytes: u64,
    /// Every damaged place, in the order of the file.
    pub problems: Vec<DamagedPlace>,
}

/// Where a file is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DamagedPlace {
    /// The first byte.
    pub position: u64,
    /// What is wrong.
    pub what: String,
}

/// A leaf.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeafValue {
    /// Its path.
    pub path: String,
    /// Its type.
    #[serde(rename = "type")]
    pub value_type: String,
    /// Its value, in canonical text.
    pub value: String,
}

/// Whether something is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Existence {
    /// The path.
    pub path: String,
    /// Whether something is there.
    pub exists: bool,
}

/// A child of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChildRow {
    /// Its path.
    pub path: String,
    /// What it is: `leaf`, `list`, `list-entry`, `leaf-list`, `leaf-list-entry`, `container`, `presence-container`.
    pub kind: String,
    /// The value of a leaf.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// How many entries a list or leaf-list has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entries: Option<u64>,
}

/// A transaction that was committed, or would have been.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Committed {
    /// Its number; that of the last one when nothing was written.
    pub tx: u64,
    /// Whether anything was written.
    pub changed: bool,
    /// Nodes written or removed.
    pub nodes: u64,
    /// Nodes that the text named, when one was loaded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loaded_nodes: Option<u64>,
    /// How many entries and leaves of a load were there again and were folded into the first.
    #[serde(default)]
    pub folded: u64,
    /// The first of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub first_folded: Vec<String>,
    /// What pumice keeps for itself and a replacing load did not name: it stayed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub preserved: Vec<String>,
    /// The file: `A.cdb`.
    pub file: String,
    /// Its size before.
    pub size_before_bytes: u64,
    /// Its size after.
    pub size_after_bytes: u64,
    /// How long it took.
    pub duration_micros: u64,
    /// What would have been changed, when it was a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diff: Option<Vec<NodeChange>>,
}

/// What happened to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangeOperation {
    /// It is new.
    Created,
    /// It is gone.
    Deleted,
    /// The leaf has another value.
    Modified,
    /// The entry has another place.
    Moved,
    /// An attribute of the node is new, gone or another.
    Attribute,
}

/// A node that is different.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeChange {
    /// Its path.
    pub path: String,
    /// What happened to it.
    pub operation: ChangeOperation,
    /// The attribute, when it is about one: `name`, `prefix:name` or `xmlns:prefix`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attribute: Option<String>,
    /// The value before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old: Option<String>,
    /// The value now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new: Option<String>,
    /// The entry ahead of one that was moved; none: it is the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// Transactions of the tail, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogRows {
    /// The transactions.
    pub rows: Vec<LogRow>,
    /// How many older ones can be listed.
    pub older: u64,
    /// The last transaction that a compaction folded into the image and of which nothing else is kept; it and those before
    /// cannot be listed.
    pub compacted_through: u64,
}

/// A transaction of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogRow {
    /// Its number.
    pub tx: u64,
    /// When.
    pub when_micros: u64,
    /// Who.
    pub user: Option<String>,
    /// Nodes written or removed.
    pub nodes: u64,
    /// Bytes in the tail.
    pub bytes: u64,
    /// Why.
    pub comment: Option<String>,
}

/// A snapshot that is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotRow {
    /// Its name.
    pub name: String,
    /// The subtree.
    pub path: String,
    /// The transaction of the config datastore that it was taken at.
    pub tx: u64,
    /// How many nodes it holds.
    pub nodes: u64,
    /// When.
    pub when_micros: u64,
    /// Who.
    pub user: Option<String>,
    /// Why.
    pub comment: Option<String>,
}

/// A compaction that is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompactionRow {
    /// `A.cdb`.
    pub file: String,
    /// `automatic` or `manual`.
    #[serde(rename = "type")]
    pub compaction_type: String,
    /// The threshold, or `request`.
    pub cause: String,
    /// When it began.
    pub start_micros: u64,
    /// How long it took.
    pub duration_micros: u64,
    /// File size when it began.
    pub size_start_bytes: u64,
    /// File size when it ended.
    pub size_end_bytes: u64,
    /// File size at the end of the one before.
    pub size_last_bytes: u64,
    /// Transactions since the one before.
    pub transactions: u64,
    /// How long write transactions had to wait.
    pub blocked_micros: u64,
    /// Why it failed; none when it succeeded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// Whether there was nothing to do, and nothing was done.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub nothing_to_do: bool,
}

/// What is known about a datastore's compaction: the four fields of NSO's `cdb_get_compaction_info`, then ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompactionState {
    /// `A.cdb`.
    pub file: String,
    /// File size after the last compaction.
    pub fsize_previous: u64,
    /// File size now.
    pub fsize_current: u64,
    /// When the last compaction began; none before the first.
    pub last_time_micros: Option<u64>,
    /// Transactions since.
    pub ntrans: u64,
    /// `automatic` or `manual`.
    pub journal_compaction: String,
    /// Nodes after the last compaction.
    pub nodes_previous: u64,
    /// Nodes now.
    pub nodes_current: u64,
    /// Every threshold that is on.
    pub thresholds: Vec<ThresholdRow>,
    /// The floor, when the file is smaller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub below_floor_bytes: Option<u64>,
    /// Whether a compaction is due.
    pub due: bool,
    /// About how large the file would be after one.
    pub estimated_bytes: u64,
    /// `idle`, `waiting` or `running`.
    pub standing: String,
    /// Why it waits or runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// How long it still waits when no transaction comes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left_ms: Option<u64>,
    /// How far it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percent: Option<u8>,
}

/// A threshold held against what it limits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThresholdRow {
    /// NSO's name.
    pub name: String,
    /// The largest amount that does not trigger: bytes, nodes or transactions.
    pub limit: u64,
    /// The amount now.
    pub actual: u64,
    /// How much more triggers.
    pub distance: u64,
}

/// A server and its datastores.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Its version.
    pub version: String,
    /// Its process.
    pub pid: u32,
    /// Its data directory.
    pub directory: String,
    /// How long it has been up.
    pub uptime_micros: u64,
    /// Bytes free on the file system.
    pub free_bytes: Option<u64>,
    /// The datastores.
    pub datastores: Vec<DatastoreStatus>,
}

/// A datastore's counters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatastoreStatus {
    /// `A.cdb`.
    pub file: String,
    /// Its name: `config`.
    pub datastore: String,
    /// The last transaction.
    pub tx: u64,
    /// Nodes.
    pub nodes: u64,
    /// Bytes of the file that are in use.
    pub file_bytes: u64,
    /// Bytes that the file occupies.
    pub allocated_bytes: u64,
    /// Bytes of live keys and values.
    pub live_bytes: u64,
    /// Bytes of the image.
    pub image_bytes: u64,
    /// Bytes of the tail.
    pub tail_bytes: u64,
    /// Why it takes no writes; none when it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_writable: Option<String>,
    /// Its compaction.
    pub compaction: CompactionState,
}
