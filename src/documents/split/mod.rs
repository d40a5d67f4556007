//! Splitting shards: one becomes two that have a half of its hashes each, as CouchDB's `/_reshard` does.
//!
//! The source takes reads and writes while it is copied (`shard/halve.rs`). At the end its writers are held for a moment: the
//! last changes go over, everything is made durable, and the record in the catalog names the halves. That is the commit
//! point. A process that ends before it leaves the old database and files that nobody owns; one that ends behind it leaves
//! the new one and the source's file, which nobody owns either. The next open removes them.
//!
//! One job runs at a time, on a thread of its own; jobs are kept in the journal of events.

mod asked;
mod job;
mod kept;
mod run;
mod splitter;

pub use self::job::{SplitEvent, SplitJob, SplitPhase, SplitRefused, SplitState, Splitting};
pub(super) use self::splitter::Splitter;
