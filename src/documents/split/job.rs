//! What is known of a job.

use thiserror::Error;

use crate::documents::catalog::DatabaseRecord;
use crate::documents::error::{DatabaseError, StorageError};
use crate::documents::place::shard_name;
use crate::documents::ranges::halves;

/// How a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SplitState {
    /// It waits for its turn.
    New,
    /// It runs.
    Running,
    /// Somebody stopped it; it begins anew when it is let run.
    Stopped,
    /// The halves are the database.
    Completed,
    /// The shard is what it was.
    Failed,
}

impl SplitState {
    pub(super) const ALL: [Self; 5] =
        [Self::New, Self::Running, Self::Stopped, Self::Completed, Self::Failed];

    /// CouchDB's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Completed => "completed",
            Self::Failed => "failed",
        }
    }

    /// Whether nothing more happens to it.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Completed | Self::Failed)
    }
}

/// What a job does, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SplitPhase {
    /// Nothing yet.
    New,
    /// Copies a snapshot of the shard.
    InitialCopy,
    /// Copies what changed since.
    TopOff1,
    /// There are no indexes to build.
    BuildIndices,
    /// Copies what changed since, until that is little.
    TopOff2,
    /// Copies local documents.
    CopyLocalDocs,
    /// Holds the writers, copies the rest, writes the record.
    UpdateShardMap,
    /// Nothing: writers go to the halves already.
    WaitSourceClose,
    /// Nothing: nothing was written to the source since.
    TopOff3,
    /// Removes the file of the source.
    SourceDelete,
    /// Done.
    Completed,
}

impl SplitPhase {
    pub(in crate::documents) const ALL: [Self; 11] = [
        Self::New,
        Self::InitialCopy,
        Self::TopOff1,
        Self::BuildIndices,
        Self::TopOff2,
        Self::CopyLocalDocs,
        Self::UpdateShardMap,
        Self::WaitSourceClose,
        Self::TopOff3,
        Self::SourceDelete,
        Self::Completed,
    ];

    /// CouchDB's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::InitialCopy => "initial_copy",
            Self::TopOff1 => "topoff1",
            Self::BuildIndices => "build_indices",
            Self::TopOff2 => "topoff2",
            Self::CopyLocalDocs => "copy_local_docs",
            Self::UpdateShardMap => "update_shardmap",
            Self::WaitSourceClose => "wait_source_close",
            Self::TopOff3 => "topoff3",
            Self::SourceDelete => "source_delete",
            Self::Completed => "completed",
        }
    }
}

/// A line of a job's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SplitEvent {
    /// When, seconds since the Unix epoch.
    pub at_s: u64,
    /// How the job stood from then on.
    pub state: SplitState,
    /// The phase that began, or why it stopped or failed.
    pub detail: Option<String>,
}

/// A job: one shard into two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SplitJob {
    /// `001-` and 64 hexadecimal digits.
    pub id: String,
    /// The database.
    pub database: String,
    /// What tells it from another one of that name.
    pub uuid: String,
    /// When the database was made, seconds since the Unix epoch.
    pub created_s: u64,
    /// The first and the last hash of the shard.
    pub range: (u32, u32),
    /// How it stands.
    pub state: SplitState,
    /// How far it is.
    pub phase: SplitPhase,
    /// Why it stopped or failed.
    pub reason: Option<String>,
    /// When it was asked for, seconds since the Unix epoch.
    pub started_s: u64,
    /// When something last happened to it, seconds since the Unix epoch.
    pub updated_s: u64,
    /// What happened to it, oldest first.
    pub history: Vec<SplitEvent>,
}

impl SplitJob {
    fn record(&self) -> DatabaseRecord {
        DatabaseRecord {
            name: self.database.clone(),
            q: 1,
            partitioned: false,
            created_s: self.created_s,
            uuid: self.uuid.clone(),
            split_ranges: Vec::new(),
        }
    }

    /// The name of the shard.
    pub fn source(&self) -> String {
        shard_name(&self.record(), self.range)
    }

    /// The names of its halves.
    pub fn targets(&self) -> [String; 2] {
        halves(self.range).map(|range| shard_name(&self.record(), range))
    }

    pub(super) fn note(&mut self, at_s: u64, detail: Option<String>) {
        self.updated_s = at_s;
        self.history.push(SplitEvent { at_s, state: self.state, detail });
    }
}

/// Whether jobs run at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Splitting {
    /// No job begins while it is false, and the one that ran stopped.
    pub running: bool,
    /// Why somebody set it so.
    pub reason: Option<String>,
}

/// A split was not begun.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum SplitRefused {
    /// There is no such database.
    #[error("Database does not exist.")]
    NoDatabase,
    /// The database has no shard of this range.
    #[error("The database has no shard {range}.")]
    NoShard {
        /// The range: eight hexadecimal digits, a dash, eight more.
        range: String,
    },
    /// The range has one hash only.
    #[error("The range {range} has one hash and cannot be split.")]
    OneHash {
        /// The range.
        range: String,
    },
    /// There would be more than 256 shards.
    #[error("The database has {shards} shards or will have them: there are no more than 256.")]
    TooMany {
        /// How many there are, with those that jobs will make.
        shards: usize,
    },
    /// A job for this shard has not ended.
    #[error("The job {id} splits this shard already.")]
    Exists {
        /// That job.
        id: String,
    },
    /// The catalog could not be read, or the job not be written down.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The thread could not be started.
    #[error(transparent)]
    Storage(#[from] StorageError),
}
