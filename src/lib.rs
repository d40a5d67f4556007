//! A configuration database that compacts itself, on a write-ahead journal.
//!
//! pumice is for programs that keep configuration and must not lose it: network controllers, appliances, services with
//! settings that people change while they run. It is also a daemon of the same name; this crate is what that is made of.
//! Two things are offered, one on the other:
//!
//! - [`Cdb`]: typed trees under key paths such as `/devices/device{ce0}/address`, in three datastores (configuration,
//!   operational data, named snapshots), with transactions, diffs, rollback, validation, subscriptions and XML and JSON. Its
//!   data model, paths and compaction are those of Cisco NSO's CDB.
//! - [`journal::Store`]: an ordered map of byte keys to byte values in one file, with atomic batches, optimistic
//!   transactions and snapshots that outlive compactions.
//!
//! # The database in ten lines
//! ```
//! use pumice::{Cdb, Datastore, Value};
//!
//! # let dir = tempfile::tempdir()?;
//! # let data = dir.path().join("data");
//! let cdb = Cdb::open(&data)?;                               // a directory; made when missing
//! let ((), commit) = cdb.write(Datastore::Config, |tx| {      // again by itself when it conflicts
//!     tx.set("/devices/device{ce0}/port", Value::Uint16(830))?;
//!     tx.set_text("/devices/device{ce0}/address", "10.0.0.1")
//! })?;                                                       // here it is on the disk
//! let view = cdb.begin_read(Datastore::Config);              // frozen, never waits
//! assert_eq!(view.get("/devices/device{ce0}/port")?, Some(Value::Uint16(830)));
//! assert_eq!(commit.node_delta, 3);                          // the entry and two leaves
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The store in ten lines
//! ```
//! use pumice::journal::{CompactionControl, CompactionRequest, Durability, KeyRange, Store};
//!
//! # let dir = tempfile::tempdir()?;
//! # let file = dir.path().join("stones");
//! let store = Store::open_file(&file, Default::default())?;
//! let mut transaction = store.begin();
//! transaction.put(b"stone/glass", b"obsidian")?;
//! transaction.put(b"stone/froth", b"pumice")?;
//! transaction.commit(Durability::Sync)?;
//! store.compact(&CompactionRequest::default(), &CompactionControl::new())?;
//! let snapshot = store.snapshot();
//! let mut stones = snapshot.scan(&KeyRange::prefix(b"stone/"));
//! assert_eq!(stones.next()?, Some((&b"stone/froth"[..], &b"pumice"[..])));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//! More, each running by itself: `examples/embedded_config.rs`, `subscriber.rs`, `scheduled_compaction.rs`,
//! `journal_store.rs`.
//!
//! # What is promised
//! A transaction whose commit was answered is on stable storage, whole, and every transaction before it too; one that was
//! not answered is there wholly or not at all. A datastore may be told to answer sooner, by name
//! ([`journal::Durability::Buffered`]): what was answered then survives the process, and a power failure once something later
//! was synced.
//!
//! Damage is found by checksums and refused with its position, never read as data; [`journal::check`] looks a file over
//! and saves what is good.
//!
//! # Limits
//! - Unix: Linux is tested; files are locked, mapped and synced the Unix way, on local file systems.
//! - One process has a directory open for writing ([`Access`](journal::Access)); the error names the other one's pid.
//!   Several may read while nobody writes.
//! - A key has 65,535 bytes at most, a value 256 MiB, a transaction 1 GiB ([`journal::limits`]); a path 128 steps.
//! - What was written since the last compaction is indexed in memory and replayed on opening; what is in the image is read
//!   in place, so neither memory nor time to open grow with the size of the store.
//! - There is no schema: leaves keep the type that they were set with, and lists are declared or inferred.
//!
//! # Modules, in reading order
//! - [`cdb`]: the database. Begin here, with [`Cdb`].
//! - [`nonblocking`]: the same for tasks of tokio.
//! - [`journal`]: the engine under it.
//! - [`vfs`] and [`clock`]: the seams to the system, for tests with faults and with time turned by hand.
//! - [`conf`] and [`units`]: the daemon's configuration file, `ncs.conf`, and sizes and durations as text.
//!
//! The bytes on disk are documented in `docs/format.md`, the settings and what compaction does in `docs/operations.md`.
//! There are no cargo features: the crate is one piece.
pub mod auth;
pub mod cdb;
#[doc(hidden)]
pub mod cli;
pub mod clock;
#[doc(hidden)]
pub mod compaction;
pub mod component;
pub mod conf;
mod dates;
#[doc(hidden)]
pub mod documents;
mod heap;
#[doc(hidden)]
pub mod http;
pub mod journal;
#[doc(hidden)]
pub mod node;
pub mod nonblocking;
mod planted;
#[doc(hidden)]
pub mod replication;
pub mod scheduler;
#[doc(hidden)]
pub mod service;
pub mod units;
pub mod vfs;

pub use cdb::{
    Cdb, CdbOptions, Commit, CommitError, Datastore, Path, ReadView, Value, ValueType,
    WriteTransaction,
};
