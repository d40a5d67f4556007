//! Compaction of the three datastores: when it is due, how long it waits, what it did.
//!
//! - [`evaluate`] holds NSO's thresholds against counters; pure.
//! - `delay` waits for quiet before the configuration datastore is compacted; a state machine.
//! - `plan` keeps what is due for each datastore and since when; a state machine.
//! - [`Compactions`] runs the plan on a thread of its own, tells its observers, and keeps the history.
//!
//! The rules are those of NSO's CDB ("Compaction" in its administration guide, ncs.conf(5)); what it leaves
//! open is decided in docs/operations.md.

mod delay;
mod entry;
mod info;
mod options;
mod plan;
mod service;
mod threshold;
mod throttle;

#[cfg(test)]
mod tests;

pub use delay::DelayOptions;
pub use entry::{
    Cause, CompactionEntry, CompactionEvent, CompactionType, PastCompaction, UnknownCause,
};
pub(crate) use entry::{comment_of, is_own};
pub use info::{CompactionInfo, Standing};
pub use options::{ByItself, CompactionOptions, JournalCompaction};
pub use service::{CompactionLedger, CompactionTarget, Compactions, RunOptions};
pub use threshold::{Check, Growth, ThresholdName, Thresholds, Verdict, evaluate};
pub use throttle::{ThrottleTooLow, throttle};
