//! What happens to tasks, for those who watch.

use super::record::Past;

/// What happens to tasks, in order for each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SchedulerEvent {
    /// A time has come; nothing is written down yet.
    Due {
        /// The task.
        task: String,
        /// The time, microseconds since the Unix epoch.
        when_micros: u64,
    },
    /// It is on the disk that the run begins; the action begins now.
    Started {
        /// The task.
        task: String,
        /// The time that it is for.
        when_micros: u64,
    },
    /// The action has ended, and the history says so.
    Finished {
        /// The task.
        task: String,
        /// The run.
        past: Past,
    },
}
