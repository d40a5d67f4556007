//! What is asked, and what is answered: the words of the socket, of `--json`, and of the service.
//!
//! On the socket each line is one JSON object: a [`Request`] from the client, then [`Message`]s from the server: events
//! while it goes on, and at last one reply or failure. Sizes are bytes, times microseconds since the Unix epoch.

mod event;
mod names;
mod reply;
mod request;
mod schedule;
mod words;

pub use event::{Event, Message, Progress, Transaction};
pub use reply::{
    ChangeOperation, CheckRow, ChildRow, Committed, CompactionRow, CompactionState, DamagedPlace,
    DatastoreStatus, Existence, LeafValue, LogRow, LogRows, NodeChange, Reply, SnapshotRow, Status,
    ThresholdRow,
};
pub use request::{
    Action, Change, Compact, CompactionHistory, Datastores, Diff, Format, Load, Log, Node,
    Operation, Place, Policy, Request, Rollback, Save, SnapshotName, SnapshotRestore, SnapshotTake,
    Source,
};
pub use schedule::{
    Backup, BackupRow, NextRow, Purged, RunRow, Schedule, ScheduleAdd, SchedulePurge, SettingRow,
    TaskChange, TaskName, TaskRow, TaskRows, Tasks,
};
pub use words::Words;
