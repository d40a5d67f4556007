//! The database, awaited.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::blocking::{self, ShutDown};
use super::events::CompactionEvents;
use super::subscription::AsyncSubscription;
use crate::cdb::{
    Cdb, CdbOptions, Commit, CommitError, CompactionEntry, Datastore, Error, OpenError, ReadView,
    RunOptions, SubscriptionPoint, WriteTransaction,
};
use crate::journal::CompactionError;

/// How many commits to one datastore run at a time. Others wait their turn without a thread.
pub const COMMITS_MAX: usize = 64;

/// A configuration database whose waiting is awaited. Clones are handles to the same open database.
///
/// Its methods want a tokio runtime around them (they panic without, as `tokio::task::spawn_blocking` does). Dropping the
/// last handle of a database closes it on the dropping thread; [`AsyncCdb::close`] does so on another one.
///
/// ```
/// use pumice::cdb::{Cdb, Datastore, SubscriptionPoint};
/// use pumice::nonblocking::AsyncCdb;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let cdb = AsyncCdb::new(Cdb::in_memory()?);   // or: AsyncCdb::open("demo", Cdb::options()).await?
/// let mut changes = cdb.subscribe(Datastore::Config, SubscriptionPoint::new("/device{*}/address")?);
/// let writer = cdb.clone();
/// let writing = tokio::spawn(async move {
///     writer.write(Datastore::Config, |tx| tx.set_text("/device{ce0}/address", "10.0.0.1")).await
/// });
/// let delivery = changes.next().await.unwrap();
/// assert_eq!(delivery.diff.changes()[0].path.to_string(), "/device{ce0}/address");
/// delivery.acknowledge();                        // the commit is answered now
/// writing.await??;
/// assert!(cdb.begin_read(Datastore::Config).exists("/device{ce0}")?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct AsyncCdb {
    cdb: Cdb,
    turns: [Arc<Semaphore>; 3],
}

impl AsyncCdb {
    /// Awaits what this database does. It may be used directly as well, from threads.
    pub fn new(cdb: Cdb) -> Self {
        let turns = std::array::from_fn(|_| Arc::new(Semaphore::new(COMMITS_MAX)));
        Self { cdb, turns }
    }

    /// Opens the database in `dir`, replaying its tails on a thread.
    pub async fn open(dir: impl Into<PathBuf>, options: CdbOptions) -> Result<Self, OpenError> {
        let dir = dir.into();
        let opened = blocking::run(move |_| options.open(dir)).await;
        opened.map_err(|error| OpenError::Tree(error.into()))?.map(Self::new)
    }

    /// The database itself: for what does not wait, such as views, counters, callbacks and asking for a compaction. Its own
    /// `write` and `load` block the thread that calls them; do not call them in a task.
    pub fn blocking(&self) -> &Cdb {
        &self.cdb
    }

    /// A frozen view of the newest state. Does not wait.
    pub fn begin_read(&self, id: Datastore) -> ReadView {
        self.cdb.begin_read(id)
    }

    /// Runs `read` on a thread with a frozen view of the newest state: for reading much.
    pub async fn read<T: Send + 'static>(
        &self,
        id: Datastore,
        read: impl FnOnce(&ReadView) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let view = self.begin_read(id);
        blocking::run(move |_| read(&view)).await?
    }

    /// Runs `change` in a write transaction and commits it, again and again while it conflicts, as
    /// [`Cdb::write`] does. Dropped before the commit, nothing is written; later, it goes on to its end.
    ///
    /// # Errors
    /// Those of [`Cdb::write`]; [`CommitError::InNotification`] in a task that holds a delivery of this or a later datastore.
    pub async fn write<T: Send + 'static>(
        &self,
        id: Datastore,
        mut change: impl FnMut(&mut WriteTransaction) -> Result<T, Error> + Send + 'static,
    ) -> Result<(T, Commit), CommitError> {
        let turn = self.turn(id).await?;
        let cdb = self.cdb.clone();
        blocking::run(move |abandoned| {
            let _turn = turn;
            cdb.write(id, |tx| {
                abandoned.check()?;
                let result = change(tx)?;
                abandoned.check()?;
                Ok(result)
            })
        })
        .await?
    }

    /// Begins a write transaction: to fill it over several awaits, then [`AsyncCdb::commit`]. Does not wait.
    pub fn begin_write(&self, id: Datastore) -> Result<WriteTransaction, CommitError> {
        self.cdb.check_party(blocking::party(), id)?;
        self.cdb.begin_write(id)
    }

    /// Commits a transaction that was prepared. Dropped before the commit began, it is aborted; later, it goes on to its end.
    pub async fn commit(&self, transaction: WriteTransaction) -> Result<Commit, CommitError> {
        let turn = self.turn(transaction.datastore()).await?;
        blocking::run(move |abandoned| {
            let _turn = turn;
            abandoned.check()?;
            transaction.commit()
        })
        .await?
    }

    /// A queue of notifications. Commits wait until the delivery of each was dropped or acknowledged.
    pub fn subscribe(&self, id: Datastore, point: SubscriptionPoint) -> AsyncSubscription {
        AsyncSubscription::new(self.cdb.subscribe(id, point))
    }

    /// Everything that happens to compactions from now on.
    pub fn compaction_events(&self) -> CompactionEvents {
        CompactionEvents::of(self.cdb.compactions())
    }

    /// Compacts a datastore at once, with its usual options.
    pub async fn compact(&self, id: Datastore) -> Result<CompactionEntry, CompactionError> {
        self.compact_with(id, RunOptions::default()).await
    }

    /// The same with other options. Dropped before it began, it does not begin; later, it goes on to its end.
    pub async fn compact_with(
        &self,
        id: Datastore,
        options: RunOptions,
    ) -> Result<CompactionEntry, CompactionError> {
        let cdb = self.cdb.clone();
        blocking::run(move |_| cdb.compactions().run(id, options)).await?
    }

    /// Runs anything else that takes its time (load, save, rollback, named snapshots) on a thread. Once begun it goes on
    /// to its end, whether anybody waits for it or not. What it writes counts as written by the task.
    ///
    /// ```
    /// use pumice::cdb::{Author, Cdb, Datastore};
    /// use pumice::nonblocking::AsyncCdb;
    ///
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// let cdb = AsyncCdb::new(Cdb::in_memory()?);
    /// cdb.write(Datastore::Config, |tx| tx.set("/mtu", 1500_u16)).await?;
    /// cdb.run(|cdb| cdb.take_snapshot("before", "/mtu", &Author::default())).await??;
    /// assert_eq!(cdb.blocking().snapshots()?.len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Cdb) -> T + Send + 'static,
    ) -> Result<T, ShutDown> {
        let (cdb, party) = (self.cdb.clone(), blocking::party());
        blocking::run(move |_| {
            let _marks = cdb.act_for(party);
            work(&cdb)
        })
        .await
    }

    /// Makes commits that were not synced durable.
    pub async fn sync(&self, id: Datastore) -> Result<(), CommitError> {
        self.run(move |cdb| cdb.sync(id)).await?
    }

    /// Cancels compactions, makes everything durable, ends subscriptions and refuses later writes, of every handle.
    pub async fn close(&self) -> Result<(), CommitError> {
        self.run(Cdb::close).await?
    }

    /// A turn to commit: refused where the task would wait for itself.
    async fn turn(&self, id: Datastore) -> Result<OwnedSemaphorePermit, CommitError> {
        self.cdb.check_party(blocking::party(), id)?;
        let [config, operational, snapshot] = &self.turns;
        let turns = match id {
            Datastore::Config => config,
            Datastore::Operational => operational,
            Datastore::Snapshot => snapshot,
        };
        // The semaphore is never closed.
        turns.clone().acquire_owned().await.map_err(|_| ShutDown.into())
    }
}
