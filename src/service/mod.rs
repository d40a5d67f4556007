//! The one place that executes requests on an open database: for the socket, for HTTP, and for the command line when it opens
//! the files itself.
//!
//! [`protocol`](self) says what can be asked and answered; [`Service::execute`] does it on the calling thread, telling events
//! while it goes on; [`Failure`] is every way in which it can end otherwise, with the exit code that goes with it.

mod backup;
mod catalog;
mod check;
mod compact;
mod components;
mod couch;
mod execute;
mod failure;
mod guards;
mod history;
mod open;
mod protocol;
mod read;
mod rows;
mod schedule;
mod settings;
mod snapshots;
mod system;
mod watch;
mod write;

pub use crate::scheduler::Cancel;
pub use catalog::CdbCatalog;
pub use check::{check_progress, check_row};
pub use couch::admin_path;
pub use failure::{Class, Failure, LOCKED};
pub use guards::{check_admin_name, guard, is_closed_section};
pub use open::{Emit, Service, Surroundings};
pub use protocol::{
    Action, Backup, BackupRow, Change, ChangeOperation, CheckRow, ChildRow, Committed, Compact,
    CompactionHistory, CompactionRow, CompactionState, DamagedPlace, DatastoreStatus, Datastores,
    Diff, Event, Existence, Format, LeafValue, Load, Log, LogRow, LogRows, Message, NextRow, Node,
    NodeChange, Operation, Place, Policy, Progress, Purged, Reply, Request, Rollback, RunRow, Save,
    Schedule, ScheduleAdd, SchedulePurge, SettingRow, SnapshotName, SnapshotRestore, SnapshotRow,
    SnapshotTake, Source, Status, TaskChange, TaskName, TaskRow, TaskRows, Tasks, ThresholdRow,
    Transaction, Words,
};
pub use settings::{
    Acts, InForce, KnownSetting, PasswordRules, SETTINGS, check as check_setting, has_effect,
};
