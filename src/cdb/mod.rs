//! The configuration database: typed, hierarchical datastores on the journal.
//!
//! A [`Cdb`] is three datastores in one directory, each a journal: `A.cdb` the configuration, `O.cdb` operational data, `S.cdb`
//! named snapshots of configuration subtrees. Reading is done on a [`ReadView`], a frozen state; writing in a
//! [`WriteTransaction`], or in a closure that [`Cdb::write`] runs again when it conflicts.
//!
//! The life of a change: `WriteTransaction` turns a path into an address (`key`), checks what is around it (`edit`) and
//! puts records (`record`) into a transaction of the engine. At commit: validation hooks, two-phase subscribers, the journal,
//! then subscribers in order, then the commit hook. There is no tree in memory: the ordered keys are the tree.
//!
//! There is no schema either. A list is what was declared, or what its first entry made it: sorted by one string key `name`, or
//! by `key-1`, `key-2` and so on. A leaf keeps the type it has.
//!
//! Invariants: those of `edit`; durable before visible, visible before notified, notified before answered.
//!
//! Where the bytes are described: the module docs of `key`, `record`, `value` and `annotation`.

mod annotation;
mod apply_load;
mod backup;
#[expect(clippy::module_inception, reason = "the room is called after what it holds")]
mod cdb;
mod commit;
mod compaction;
mod compaction_history;
mod convert;
mod datastore;
mod declare;
mod describe;
mod diff;
mod edit;
mod error;
mod init;
mod instances;
mod key;
mod load;
mod log;
mod name;
mod naming;
mod object;
mod options;
mod path;
mod prefix_table;
mod prefixes;
mod rank;
mod record;
mod resolve;
mod rollback_history;
mod save;
mod snapshots;
mod stepwise;
mod subscription;
mod transaction;
mod tree;
mod value;
mod view;
mod walk;

#[cfg(test)]
mod tests;

pub use self::cdb::{Author, Cdb, LoadFailure, Loaded, MAX_ATTEMPTS};
pub use commit::{Commit, CommitError, CommitSummary, TransactionId};
pub use compaction::{
    ByItself, Cause, Check, CompactionEntry, CompactionEvent, CompactionInfo, CompactionLedger,
    CompactionOptions, CompactionTarget, CompactionType, Compactions, DelayOptions, Growth,
    JournalCompaction, PastCompaction, RunOptions, Standing, ThresholdName, Thresholds,
    ThrottleTooLow, UnknownCause, Verdict, evaluate, throttle,
};
pub use compaction_history::COMPACTION_HISTORY_MAX;
pub use datastore::{CommitHook, Validator};
pub use describe::{describe_key, describe_value};
pub use diff::{Change, ChangeKind, Diff};
pub use error::{Error, NodeKind};
pub use key::{Component, NodeKey};
pub use load::{
    AmbiguousPlace, At, BytesSource, FileSource, Format, KeyHint, KeyHintError, KindHint,
    LoadError, LoadMode, LoadOptions, OnDuplicate, Problem, Read, SaidKind, Source,
};
pub use log::{HistoryError, LogEntry};
pub use name::{Datastore, UnknownDatastore};
pub use object::{Container, Entry, Object};
pub use options::{CdbOptions, OpenError};
pub use path::{
    IntoPath, KeyText, MAX_DEPTH, MAX_NAME_BYTES, MAX_NAMESPACE_BYTES, MAX_PATH_BYTES, Name, Path,
    PathError, Selector, Step,
};
pub use record::{KeyLeaf, LeafListInfo, ListInfo, ListInfoError, OrderedBy};
pub use rollback_history::{ROLLBACK_FILE, RollbackLimits};
pub use save::{SaveError, SaveOptions};
pub use snapshots::{SnapshotError, SnapshotInfo};
pub(crate) use subscription::Party;
pub use subscription::{
    Delivery, Notification, Subscription, SubscriptionHandle, SubscriptionPoint, TwoPhase,
};
pub use transaction::{MoveTo, WriteTransaction};
pub use tree::Child;
pub use value::{
    Decimal64, DecodeError, UnknownType, Value, ValueError, ValueType, decode_key, decode_record,
    encode_key, encode_record,
};
pub use view::ReadView;
