//! The configuration database for tasks of tokio.
//!
//! An [`AsyncCdb`] is a [`Cdb`](crate::cdb::Cdb) whose waiting is awaited: commits, subscriptions, compactions. Reading needs
//! nothing of the kind: a [`ReadView`](crate::cdb::ReadView) is there at once and never waits for a writer. What is long by
//! nature (saving a large tree, say) goes through [`AsyncCdb::read`] or [`AsyncCdb::run`].
//!
//! Commits, compactions and long reads run on tokio's threads for blocking work, so that tasks are never held up by a
//! disk or by a subscriber. At most [`COMMITS_MAX`] commits to a datastore run at a time, and others wait as tasks: the
//! runtime's limit of such threads (512 unless told) must be above three times that, else commits that wait for a subscriber
//! could take the very thread that it needs to get ready.
//!
//! # Dropping a future
//! Nothing is ever applied by half:
//! - a *write* or *commit* that is not yet in its commit is given up and leaves nothing; one that is in its commit goes on
//!   without its future, to the end: it is wholly there, or refused and not there at all;
//! - a *compaction* that has not begun is given up; one that has goes on ([`Compactions::cancel`](crate::cdb::Compactions)
//!   ends it, and leaves the datastore as it was);
//! - *next* takes nothing before it is ready, so it may stand in a `select!`.
//!
//! # Who may write from where
//! A task that holds a [`Delivery`](crate::cdb::Delivery) may write what a callback may: datastores later in the order config,
//! snapshot, operational. Another write would wait for its own acknowledgement, so it is refused
//! ([`CommitError::InNotification`](crate::cdb::CommitError)): acknowledge first, or write from another task. The mark is on the
//! task that fetched the delivery.
//!
//! Invariants: the only room of the library that names tokio; no lock is held across an await; what must not be dropped
//! half-way runs on a thread, never in a future.

mod blocking;
mod cdb;
mod events;
mod subscription;

#[cfg(test)]
mod tests;

pub use blocking::ShutDown;
pub use cdb::{AsyncCdb, COMMITS_MAX};
pub use events::CompactionEvents;
pub use subscription::AsyncSubscription;
