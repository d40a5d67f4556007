//! Whether and when a journal is compacted by itself; how is the engine's part ([`crate::journal`]).
//!
//! Every journal that grows is a `Compactable`: a shard of a document database, the journal of events. A
//! `CompactionQueue` takes those that are due or asked for, and one thread, the `CompactionWorker`, compacts them one
//! after the other. The datastores of the configuration database have their own service (`cdb::compaction`) with NSO's
//! thresholds and delay.

mod activity;
mod policy;
mod queue;
mod target;
mod worker;

pub use self::activity::ActiveTask;
pub use self::policy::AutomaticCompaction;
pub(crate) use self::queue::CompactionQueue;
pub(crate) use self::target::{Compactable, TargetError, as_target};
pub(crate) use self::worker::CompactionWorker;
