//! The configuration database: typed, hierarchical datastores on the journal.

mod compaction;
mod name;

pub use compaction::{
    Cause, Check, CompactionEntry, CompactionEvent, CompactionInfo, CompactionOptions,
    CompactionTarget, CompactionType, Compactions, DelayOptions, Growth, HistorySink,
    JournalCompaction, OnStart, RunOptions, Standing, ThresholdName, Thresholds, Verdict, evaluate,
};
pub use name::Datastore;
