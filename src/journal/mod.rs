//! The engine: an ordered map of byte keys to byte values in one file, which is its own write-ahead log.
//!
//! A file is a header, an *image* and a *tail*. The image is the whole state as of some transaction, sorted,
//! in checksummed blocks, read in place. The tail holds the transactions since, one frame each; opening a
//! store replays them into an *overlay* in memory, and a read merges overlay over image. Compaction writes a
//! new file whose image holds everything, and renames it over the old one.
//!
//! The life of a record: a [`WriteBatch`] or [`Transaction`] is encoded; the commit path ([`Store::write`])
//! gives it a sequence and a place, applies it to the accepted state, writes it with its group, syncs once,
//! publishes, answers. On the next open it is read back, until a compaction has taken it into an image.
//!
//! Invariants:
//! - durable before visible, visible before answered;
//! - what is recovered is a prefix of the commit order that holds every acknowledged transaction;
//! - a file that has its name is whole; nothing is ever read from two files;
//! - readers never modify, repairs happen only on opening for writing, after a decision from a table;
//! - records say the same, byte for byte, wherever they are replayed.
//!
//! Threads and locks: commits run on the callers' threads, compaction on its caller's; the locks and their
//! order stand in `core.rs`. Nothing here is asynchronous, knows a tree, a document or a setting.
//!
//! Where to read on: docs/format.md for every byte, `recovery.rs` for what is done about a torn or damaged
//! tail, `compaction/mod.rs` for its stages.

pub mod check;
mod closing;
mod compaction;
mod core;
mod counters;
mod directory;
mod error;
mod filename;
mod format;
mod frame;
mod group;
mod header;
mod history;
pub mod image;
pub mod limits;
mod open;
mod options;
mod overlay;
mod range;
mod reader;
mod record;
mod recovery;
mod replay;
mod scan;
mod sequence;
mod snapshot;
mod state;
mod stats;
mod store;
mod sync;
mod tail_file;
mod transaction;
mod value;
mod window;
mod writer;

#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing; // what the fuzz targets see besides

#[cfg(test)]
mod tests;

pub use self::compaction::{
    CompactionControl, CompactionObserver, CompactionReport, CompactionRequest, Progress, Stage,
    StoreCopy, WritePolicy,
};
pub use self::core::Receipt;
pub use self::counters::Counters;
pub use self::directory::{Access, Directory};
pub use self::error::{CommitError, CompactionError, Damage, HistoryError, LimitError, OpenError};
pub use self::filename::LOCK_FILE;
pub(crate) use self::filename::{FILE_NAME_MAX_BYTES, SIDE_SUFFIX};
pub(crate) use self::history::Reversal;
pub use self::history::{TailReader, TailRecord};
pub use self::image::{BlockCache, Compression, ImageRead, ReadError};
pub use self::options::{Durability, StoreOptions};
pub use self::range::KeyRange;
pub use self::record::{Operation, Operations, Record, RecordError, WriteBatch};
pub use self::scan::{Entry, Scan};
pub use self::sequence::Sequence;
pub use self::snapshot::Snapshot;
pub use self::stats::{CompactionRecord, JournalStats};
pub use self::store::Store;
pub use self::transaction::Transaction;
pub use self::value::Value;
