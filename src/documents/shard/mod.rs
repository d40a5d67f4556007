//! One shard: a journal file with the documents whose ids hash into one range.
//!
//! Reads take a snapshot of the journal. Writes take turns (`queue.rs`, `turn.rs`): one thread at a time has the shard, takes all
//! edits that wait, applies them to one batch (`batch.rs`) and commits it, while the next ones gather. So there is nothing to
//! conflict over in the journal, and edits of many callers share a sync.
//!
//! A body whose revision is no longer a leaf stays readable and is noted down as garbage; a compaction removes what is noted
//! (`collect.rs`) in small transactions and then lets the journal compact itself.

mod apply;
mod batch;
mod collect;
mod content;
mod core;
mod halve;
mod lineage;
mod local;
mod prepared;
mod purge;
mod queue;
mod read;
mod settings;
mod take_over;
mod turn;
mod upload;

pub(super) use self::core::{Shard, ShardOptions};
pub(super) use self::halve::Halves;
pub(super) use self::prepared::{PreparedAttachment, PreparedEdit, PreparedSource};
pub(super) use self::queue::Job;
pub(super) use self::read::{Found, body_record};
pub(super) use self::settings::is_abandoned;
pub use self::upload::{AttachmentReader, Upload, UploadOptions};
