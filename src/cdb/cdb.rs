//! The database: three datastores in one directory.

use std::num::NonZeroU64;
use std::path::Path;
use std::sync::Arc;

use super::commit::{Commit, CommitError, TransactionId};
use super::compaction::{ByItself, CompactionTarget, Compactions, PastCompaction};
use super::compaction_history::{self, OperationalLedger};
use super::datastore::{CommitHook, OpenDatastore, Words};
use super::diff::Diff;
use super::edit::Editor;
use super::error::Error;
use super::init;
use super::load::{self, LoadError, LoadOptions, Source};
use super::log::{self, HistoryError, LogEntry};
use super::name::Datastore;
use super::options::{CdbOptions, OpenError};
use super::path::IntoPath;
use super::rollback_history::RollbackHistory;
use super::snapshots::{self, SnapshotError, SnapshotInfo, Taking};
use super::stepwise::Stepwise;
use super::subscription::{
    Delivering, DeliveringGuard, Hub, Notification, Party, Subscription, SubscriptionHandle,
    SubscriptionPoint, TwoPhase,
};
use super::transaction::WriteTransaction;
use super::view::ReadView;
use crate::journal::check::{CheckReport, verify_snapshot};
use crate::journal::{Directory, JournalStats, Sequence, Store};
use crate::vfs::mem::MemVfs;

/// How often [`Cdb::write`] runs a transaction that conflicts.
pub const MAX_ATTEMPTS: u32 = 32;

/// A configuration database. Clones are handles to the same open database; the last one dropped closes it.
///
/// ```
/// use pumice::cdb::{Cdb, Datastore};
///
/// let cdb = Cdb::in_memory()?;          // or: Cdb::open("demo")?
/// let (_, commit) = cdb.write(Datastore::Config, |tx| {
///     tx.set_text("/devices/device{ce0}/address", "10.0.0.1")?;
///     tx.set_typed("/devices/device{ce0}/port", "uint16".parse().unwrap(), "830")
/// })?;
/// assert_eq!(commit.node_delta, 3);      // the entry and two leaves
/// let view = cdb.begin_read(Datastore::Config);
/// assert_eq!(view.num_instances("/devices/device")?, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Cdb {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    config: Arc<OpenDatastore>,
    operational: Arc<OpenDatastore>,
    snapshot: Arc<OpenDatastore>,
    compactions: Arc<Compactions>,
    rollbacks: Arc<RollbackHistory>,
}

/// Who does something, and why: kept in the transaction log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Author {
    /// Who.
    pub user: Option<String>,
    /// Why.
    pub comment: Option<String>,
}

impl Author {
    fn words(&self) -> Words {
        Words { user: self.user.clone(), comment: self.comment.clone() }
    }
}

/// What [`Cdb::load`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// What was read.
    pub read: load::Read,
    /// The transaction.
    pub commit: Commit,
}

/// A source could not be loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadFailure {
    /// The source is faulty; nothing was changed.
    #[error(transparent)]
    Source(#[from] LoadError),
    /// The commit failed; nothing was changed.
    #[error(transparent)]
    Commit(#[from] CommitError),
}

impl CdbOptions {
    /// Opens the database in `dir`, which is made when it is missing.
    pub fn open(self, dir: impl AsRef<Path>) -> Result<Cdb, OpenError> {
        Cdb::open_with(dir.as_ref(), &self)
    }
}

impl Cdb {
    /// Opens the database in `dir`, which is made when it is missing, with the default options.
    pub fn open(dir: impl AsRef<Path>) -> Result<Self, OpenError> {
        Self::options().open(dir)
    }

    /// Options to open a database with.
    pub fn options() -> CdbOptions {
        CdbOptions::default()
    }

    /// A database that lives in memory and ends with the process.
    pub fn in_memory() -> Result<Self, OpenError> {
        Self::options().vfs(MemVfs::new().shared()).open("/memory")
    }

    fn open_with(dir: &Path, options: &CdbOptions) -> Result<Self, OpenError> {
        let open_dir = |path: &Path| {
            let (vfs, clock) = (options.vfs.clone(), options.clock.clone());
            if options.read_only {
                Directory::open_read_only(vfs, clock, path)
            } else {
                Directory::open(vfs, clock, path)
            }
        };
        let directory = open_dir(dir)?;
        let operational = match options.operational_dir.as_deref().filter(|other| *other != dir) {
            Some(other) => open_dir(other)?,
            None => directory.clone(),
        };
        let delivering = Delivering::default();
        let open = |id: Datastore, directory: &Arc<Directory>| {
            let store = Store::open(directory, id.file_name(), options.store.clone())?;
            let (clock, sequence) = (options.clock.clone(), store.snapshot().sequence());
            let timeout = options.client_timeout;
            let hub = Hub::new(id, clock.clone(), timeout, delivering.clone(), sequence);
            OpenDatastore::new(id, store, clock, hub).map(Arc::new).map_err(OpenError::from)
        };
        let config = open(Datastore::Config, &directory)?;
        let operational = open(Datastore::Operational, &operational)?;
        let snapshot = open(Datastore::Snapshot, &directory)?;
        for (id, path, validator) in &options.validators {
            let datastore = match id {
                Datastore::Config => &config,
                Datastore::Operational => &operational,
                Datastore::Snapshot => &snapshot,
            };
            datastore.add_validator(path, validator.clone());
        }
        let rollbacks =
            RollbackHistory::new(directory.clone(), options.store.clone(), options.rollbacks);
        let rollbacks = Arc::new(rollbacks);
        config.keep_rollbacks(rollbacks.clone());
        let compactions = start_compactions(options, [&config, &operational, &snapshot])?;
        let inner = Inner { config, operational, snapshot, compactions, rollbacks };
        let cdb = Self { inner: Arc::new(inner) };
        if !options.read_only && cdb.is_new() {
            cdb.load_init_files(dir, options)?;
        }
        Ok(cdb)
    }

    /// Whether nothing was ever committed. Also after an open that failed in the init files, so that it is tried again.
    fn is_new(&self) -> bool {
        Datastore::ALL
            .iter()
            .all(|id| self.datastore(*id).store.snapshot().sequence() == Sequence::ZERO)
    }

    fn load_init_files(&self, dir: &Path, options: &CdbOptions) -> Result<(), OpenError> {
        let mut dirs = options.init_dirs.clone();
        if !dirs.iter().any(|other| other == dir) {
            dirs.push(dir.to_path_buf());
        }
        let files = init::find(&options.vfs, &dirs)?;
        if files.is_empty() {
            return Ok(());
        }
        let mut tx = self.begin_write(Datastore::Config).map_err(OpenError::Init)?;
        init::load(&mut tx, &options.vfs, &files, &options.init_keys)?;
        tx.commit().map(|_| ()).map_err(OpenError::Init)
    }

    pub(super) fn datastore(&self, id: Datastore) -> &Arc<OpenDatastore> {
        match id {
            Datastore::Config => &self.inner.config,
            Datastore::Operational => &self.inner.operational,
            Datastore::Snapshot => &self.inner.snapshot,
        }
    }

    /// A frozen view of the newest state.
    pub fn begin_read(&self, id: Datastore) -> ReadView {
        self.datastore(id).view()
    }

    /// Begins a write transaction.
    ///
    /// # Errors
    /// [`CommitError::InNotification`] when this thread is handling a notification that the commit would wait for.
    pub fn begin_write(&self, id: Datastore) -> Result<WriteTransaction, CommitError> {
        WriteTransaction::begin(self.datastore(id).clone())
    }

    /// Until the guards are dropped, this thread may write what `party` may, who waits for it.
    pub(crate) fn act_for(&self, party: Party) -> Vec<DeliveringGuard> {
        self.inner.config.hub.delivering().enter_for(party)
    }

    /// Refuses a write of somebody who would wait for their own notification.
    pub(crate) fn check_party(&self, party: Party, id: Datastore) -> Result<(), CommitError> {
        self.datastore(id).hub.delivering().check_as(party, id)
    }

    /// Runs `change` in a write transaction and commits it; when it conflicts with others it is run again on the
    /// new state, up to [`MAX_ATTEMPTS`] times.
    pub fn write<T>(
        &self,
        id: Datastore,
        mut change: impl FnMut(&mut WriteTransaction) -> Result<T, Error>,
    ) -> Result<(T, Commit), CommitError> {
        self.retry(id, |tx| change(tx).map_err(CommitError::from), |error: CommitError| error)
    }

    fn retry<T, E>(
        &self,
        id: Datastore,
        mut change: impl FnMut(&mut WriteTransaction) -> Result<T, E>,
        wrap: impl Fn(CommitError) -> E,
    ) -> Result<(T, Commit), E> {
        let mut attempts = 0;
        loop {
            attempts += 1;
            let mut tx = self.begin_write(id).map_err(&wrap)?;
            let result = change(&mut tx)?;
            match tx.commit() {
                Ok(commit) => return Ok((result, commit)),
                Err(error) if error.is_retriable() && attempts < MAX_ATTEMPTS => {
                    // The other transaction may be accepted and not visible yet.
                    self.datastore(id).store.settle();
                }
                Err(error) if error.is_retriable() => {
                    let last = Box::new(error);
                    return Err(wrap(CommitError::TooManyAttempts { attempts, last }));
                }
                Err(error) => return Err(wrap(error)),
            }
        }
    }

    /// Loads a source in one transaction. For a dry run: [`WriteTransaction::load`], look at its diff, drop it.
    pub fn load(
        &self,
        id: Datastore,
        source: &dyn Source,
        options: &LoadOptions,
        author: &Author,
    ) -> Result<Loaded, LoadFailure> {
        let load = |tx: &mut WriteTransaction| {
            tx.set_words(author.words());
            Ok(tx.load(source, options)?)
        };
        let (read, commit) = self.retry(id, load, LoadFailure::from)?;
        Ok(Loaded { read, commit })
    }

    /// Loads a source with a transaction for every `nodes_per_step` nodes, merging: memory is that of a step and of what is
    /// not compacted yet, and what was committed before a failure stays. Between steps the datastore is compacted, without delay,
    /// when the thresholds say so or its file has grown by 64 MiB, unless compaction is manual. Answers the last transaction.
    /// [`LoadOptions::mode`] is not looked at.
    pub fn load_in_steps(
        &self,
        id: Datastore,
        source: &dyn Source,
        options: &LoadOptions,
        author: &Author,
        nodes_per_step: NonZeroU64,
    ) -> Result<Loaded, LoadFailure> {
        let words = author.words();
        let compact = || {
            if let Err(error) = self.compactions().run_between_steps(id) {
                tracing::warn!(%error, "a compaction between the steps of a load did not take place");
            }
        };
        let mut steps = Stepwise::begin(self.datastore(id), &words, nodes_per_step, &compact)?;
        match load::read(source, options, &mut steps) {
            Ok(read) => Ok(Loaded { read, commit: steps.finish()? }),
            Err(error) => {
                Err(steps.failure().map_or(LoadFailure::Source(error), LoadFailure::Commit))
            }
        }
    }

    /// The id of the last transaction (NSO: `cdb_get_txid`).
    pub fn transaction_id(&self, id: Datastore) -> TransactionId {
        self.datastore(id).store.snapshot().sequence()
    }

    /// How many nodes a datastore has: leaves, leaf-list entries, list entries and presence containers.
    pub fn node_count(&self, id: Datastore) -> u64 {
        self.datastore(id).node_count()
    }

    /// How many nodes it had right after its last compaction, or 0 before the first: what `num-node-relative`
    /// measures growth against.
    pub fn node_count_at_compaction(&self, id: Datastore) -> Result<u64, Error> {
        self.datastore(id).nodes_at_compaction()
    }

    /// The compactions of the datastores: to ask for one, watch, cancel, or change the thresholds.
    ///
    /// ```
    /// use pumice::cdb::{Cdb, Datastore, RunOptions};
    ///
    /// let cdb = Cdb::in_memory()?;
    /// let report = cdb.compactions().run(Datastore::Config, RunOptions::default())?;
    /// assert_eq!(report.failure, None);
    /// assert_eq!(cdb.compactions().info(Datastore::Config).growth.transactions, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn compactions(&self) -> &Compactions {
        &self.inner.compactions
    }

    /// The last compactions, newest first, of the [`super::COMPACTION_HISTORY_MAX`] that are kept.
    pub fn compaction_history(&self, limit: usize) -> Result<Vec<PastCompaction>, Error> {
        compaction_history::list(&self.begin_read(Datastore::Operational), limit)
    }

    /// The journal's counters.
    pub fn stats(&self, id: Datastore) -> JournalStats {
        self.datastore(id).store.stats()
    }

    /// Whether a datastore takes writes, and if not, why.
    pub fn check_writable(&self, id: Datastore) -> Result<(), CommitError> {
        Ok(self.datastore(id).store.check_writable()?)
    }

    /// Reads everything that a datastore's newest state stands on, beside readers and writers, and says what is
    /// damaged. `progress` is told bytes read so far.
    ///
    /// ```
    /// use pumice::cdb::{Cdb, Datastore};
    ///
    /// let cdb = Cdb::in_memory()?;
    /// assert!(cdb.verify(Datastore::Config, &mut |_bytes| {})?.is_sound());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// When the file cannot be read. Damage is no error: it is in the report.
    pub fn verify(
        &self,
        id: Datastore,
        progress: &mut dyn FnMut(u64),
    ) -> Result<CheckReport, OpenError> {
        let snapshot = self.datastore(id).store.snapshot();
        Ok(verify_snapshot(&snapshot, progress)?)
    }

    /// The journal under a datastore. Not public: a write past the database would take a sequence that
    /// subscribers then wait for.
    #[cfg(test)]
    pub(crate) fn store(&self, id: Datastore) -> &Store {
        &self.datastore(id).store
    }

    /// The last transactions, newest first: those of the tail, and of the configuration also the last ones that compactions
    /// folded ([`super::RollbackLimits`]).
    pub fn log(&self, id: Datastore, limit: usize) -> Result<Vec<LogEntry>, HistoryError> {
        log::list(self.datastore(id), limit)
    }

    /// The last transaction that the log does not reach back to: 0 when it has all of them.
    pub fn log_begins_after(&self, id: Datastore) -> Result<TransactionId, HistoryError> {
        log::begins_after(self.datastore(id))
    }

    /// What is different between the states after two transactions of the log.
    pub fn diff_transactions(
        &self,
        id: Datastore,
        old: TransactionId,
        new: TransactionId,
    ) -> Result<Diff, HistoryError> {
        log::diff_transactions(self.datastore(id), old, new)
    }

    /// A view of the state after a transaction of the log.
    pub fn view_at(&self, id: Datastore, at: TransactionId) -> Result<ReadView, HistoryError> {
        Ok(ReadView::new(log::state_after(self.datastore(id), at)?))
    }

    /// Makes a datastore what it was after a transaction, as a new transaction.
    ///
    /// # Errors
    /// [`HistoryError::Gone`] when the log does not reach back to it.
    pub fn rollback(
        &self,
        id: Datastore,
        to: TransactionId,
        author: &Author,
    ) -> Result<Commit, HistoryError> {
        let back = |tx: &mut WriteTransaction| {
            let target = log::target(self.datastore(id), to)?;
            let comment = author.comment.clone().or_else(|| Some(format!("rollback to {to}")));
            tx.set_words(Words { user: author.user.clone(), comment });
            Ok(log::go_back(tx.editor(), &target)?)
        };
        Ok(self.retry(id, back, HistoryError::from)?.1)
    }

    /// Takes a named snapshot of a configuration subtree into `S.cdb`.
    pub fn take_snapshot(
        &self,
        name: &str,
        path: impl IntoPath,
        author: &Author,
    ) -> Result<Commit, SnapshotError> {
        let path = path.into_path().map_err(Error::from)?;
        let config = self.inner.config.view();
        let taking = Taking {
            name,
            path: &path,
            config: &config,
            taken_micros: self.inner.config.clock.wall_micros(),
            user: author.user.clone(),
            comment: author.comment.clone(),
        };
        let take = |editor: &mut Editor| snapshots::take(editor, &taking);
        self.on_snapshot(Datastore::Snapshot, author, format!("take snapshot {name}"), take)
    }

    fn on_snapshot(
        &self,
        id: Datastore,
        author: &Author,
        comment: String,
        mut change: impl FnMut(&mut Editor) -> Result<(), SnapshotError>,
    ) -> Result<Commit, SnapshotError> {
        let comment = author.comment.clone().or(Some(comment));
        let words = Words { user: author.user.clone(), comment };
        let change = |tx: &mut WriteTransaction| {
            tx.set_words(words.clone());
            change(tx.editor())
        };
        Ok(self.retry(id, change, SnapshotError::from)?.1)
    }

    /// Every snapshot, by name.
    pub fn snapshots(&self) -> Result<Vec<SnapshotInfo>, SnapshotError> {
        snapshots::all(&self.inner.snapshot.view())
    }

    /// What is different between a snapshot (old) and the running configuration (new).
    pub fn diff_snapshot(&self, name: &str) -> Result<Diff, SnapshotError> {
        snapshots::diff_to_running(&self.inner.snapshot.view(), &self.inner.config.view(), name)
    }

    /// Makes the subtree of a snapshot in the running configuration what it was.
    pub fn restore_snapshot(&self, name: &str, author: &Author) -> Result<Commit, SnapshotError> {
        let snapshots = self.inner.snapshot.view();
        let restore = |editor: &mut Editor| snapshots::restore(editor, &snapshots, name);
        self.on_snapshot(Datastore::Config, author, format!("restore snapshot {name}"), restore)
    }

    /// Removes a snapshot.
    pub fn delete_snapshot(&self, name: &str, author: &Author) -> Result<Commit, SnapshotError> {
        let delete = |editor: &mut Editor| snapshots::delete(editor, name);
        self.on_snapshot(Datastore::Snapshot, author, format!("delete snapshot {name}"), delete)
    }

    /// Calls `callback` after each commit that changes something below the point, on the committer's thread. The
    /// subscription ends when the handle is dropped.
    pub fn subscribe_callback(
        &self,
        id: Datastore,
        point: SubscriptionPoint,
        callback: impl Fn(&Notification) + Send + Sync + 'static,
    ) -> SubscriptionHandle {
        self.datastore(id).hub.callback(point, Box::new(callback))
    }

    /// A queue of notifications, fetched and acknowledged by the subscriber.
    ///
    /// ```
    /// use pumice::cdb::{Cdb, Datastore, SubscriptionPoint};
    ///
    /// let cdb = Cdb::in_memory()?;
    /// let changes = cdb.subscribe(Datastore::Config, SubscriptionPoint::new("/device{*}/address")?);
    /// let writer = cdb.clone();
    /// let writing = std::thread::spawn(move || {
    ///     writer.write(Datastore::Config, |tx| tx.set_text("/device{ce0}/address", "10.0.0.1"))
    /// });
    /// let delivery = changes.next().unwrap();
    /// assert_eq!(delivery.diff.changes()[0].path.to_string(), "/device{ce0}/address");
    /// drop(delivery);                        // acknowledges; the commit returns
    /// writing.join().unwrap()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn subscribe(&self, id: Datastore, point: SubscriptionPoint) -> Subscription {
        self.datastore(id).hub.queue(point)
    }

    /// A subscriber that is asked before the commit.
    pub fn subscribe_two_phase(
        &self,
        id: Datastore,
        point: SubscriptionPoint,
        subscriber: impl TwoPhase + 'static,
    ) -> SubscriptionHandle {
        self.datastore(id).hub.two_phase(point, Box::new(subscriber))
    }

    /// Adds a hook that sees every state before it is committed, with what changed, and may refuse it.
    pub fn add_validator(
        &self,
        id: Datastore,
        validator: impl Fn(&ReadView, &Diff) -> Result<(), String> + Send + Sync + 'static,
    ) {
        self.datastore(id).add_validator(&super::path::Path::root(), Arc::new(validator));
    }

    /// The same for transactions that change something at or below a path (of which only the names up to the first key count);
    /// the others do not pay for it.
    pub fn add_validator_below(
        &self,
        id: Datastore,
        path: &super::path::Path,
        validator: impl Fn(&ReadView, &Diff) -> Result<(), String> + Send + Sync + 'static,
    ) {
        self.datastore(id).add_validator(path, Arc::new(validator));
    }

    /// Sets who is told of every commit, after delivery, on the committer's thread; `None` ends it.
    pub fn set_commit_hook(&self, id: Datastore, hook: Option<Arc<CommitHook>>) {
        self.datastore(id).set_hook(hook);
    }

    /// Cancels compactions, makes everything durable, ends subscriptions and refuses later writes.
    pub fn close(&self) -> Result<(), CommitError> {
        self.inner.compactions.stop();
        for id in Datastore::ALL {
            self.datastore(id).hub.close();
            self.datastore(id).store.close()?;
        }
        if let Err(error) = self.inner.rollbacks.close() {
            tracing::warn!(%error, "the history of rollbacks was not closed cleanly");
        }
        Ok(())
    }

    pub(super) fn rollbacks(&self) -> &RollbackHistory {
        &self.inner.rollbacks
    }

    /// Makes commits that were not synced durable.
    pub fn sync(&self, id: Datastore) -> Result<(), CommitError> {
        Ok(self.datastore(id).store.sync()?)
    }
}

/// Starts the compactions of the opened datastores, which tell them of every commit from then on.
fn start_compactions(
    options: &CdbOptions,
    datastores: [&Arc<OpenDatastore>; 3],
) -> Result<Arc<Compactions>, OpenError> {
    let mut compaction = options.compaction;
    if options.read_only {
        compaction.by_itself = ByItself::Never;
    }
    let [_, operational, _] = datastores;
    let ledger = Box::new(OperationalLedger(Arc::downgrade(operational)));
    let targets = datastores.map(|datastore| datastore.clone() as Arc<dyn CompactionTarget>);
    let started = Compactions::start(options.clock.clone(), compaction, targets, ledger);
    let compactions = Arc::new(started.map_err(OpenError::Thread)?);
    for datastore in datastores {
        datastore.set_compactions(&compactions);
    }
    Ok(compactions)
}
