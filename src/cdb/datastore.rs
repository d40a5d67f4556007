//! One datastore: a store of the engine, its node count, and who watches it.
//!
//! *Node count.* Space `01` holds one key for each node and nothing else, so the count is the engine's count of that
//! space: taken once at open (the image's index and the tail's overlay, no scan), then moved by what each commit adds
//! and removes. Those numbers are exact, because a transaction notes every key that it writes and so cannot commit
//! on a wrong idea of what was there. Nothing is stored for it, so nothing can disagree after a restart or compaction.

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, Weak};

use super::annotation::Annotation;
use super::commit::{Commit, CommitError, CommitSummary};
use super::compaction::{self, CompactionTarget, Compactions, Growth};
use super::diff::{Change, Diff, diff, merged};
use super::edit::Editor;
use super::error::Error;
use super::key::{NodeKey, Space, between};
use super::name::Datastore;
use super::path::{Path, touches};
use super::rollback_history::{FoldedTransaction, RollbackHistory, RollbackHistoryError};
use super::subscription::{Facts, Hub};
use super::tree::Tree;
use super::view::ReadView;
use crate::clock::Clock;
use crate::journal::{Durability, KeyRange, Sequence, Store};
use crate::vfs::Scratch;

/// Looks at a state before it is committed; `Err` with a reason refuses it.
pub type Validator = dyn Fn(&ReadView, &Diff) -> Result<(), String> + Send + Sync;

/// Is told of every commit.
pub type CommitHook = dyn Fn(&CommitSummary) + Send + Sync;

pub(crate) struct OpenDatastore {
    pub id: Datastore,
    pub store: Store,
    pub clock: Arc<dyn Clock>,
    pub hub: Hub,
    nodes: AtomicI64,
    /// The generation of the journal file, and how many nodes its image holds.
    baseline: Mutex<(u64, u64)>,
    /// What the history of its own compactions added to it since the last one.
    own_growth: Mutex<OwnGrowth>,
    /// Each with the subtree that it wants to see the changes of.
    validators: RwLock<Vec<(Path, Arc<Validator>)>>,
    hook: RwLock<Option<Arc<CommitHook>>>,
    /// What undoes transactions that compactions folded.
    rollback_history: OnceLock<Arc<RollbackHistory>>,
    /// Told of every commit. Weak, since it holds the datastores.
    compactions: OnceLock<Weak<Compactions>>,
}

impl fmt::Debug for OpenDatastore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenDatastore").field("id", &self.id).finish_non_exhaustive()
    }
}

/// How much of a datastore's growth is the history of its own compactions.
#[derive(Clone, Copy, Debug, Default)]
struct OwnGrowth {
    /// The generation of the journal file.
    generation: u64,
    bytes: u64,
    nodes: i64,
    transactions: u64,
}

impl OwnGrowth {
    fn add(&mut self, generation: u64, bytes: u64, nodes: i64) {
        if self.generation != generation {
            *self = Self { generation, ..Self::default() };
        }
        self.bytes += bytes;
        self.nodes += nodes;
        self.transactions += 1;
    }
}

/// What a transaction says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Words {
    pub user: Option<String>,
    pub comment: Option<String>,
}

impl OpenDatastore {
    pub fn new(
        id: Datastore,
        store: Store,
        clock: Arc<dyn Clock>,
        hub: Hub,
    ) -> Result<Self, Error> {
        let count = ReadView::new(store.snapshot()).node_count()?;
        let nodes = AtomicI64::new(i64::try_from(count).unwrap_or(i64::MAX));
        let (validators, hook) = (RwLock::default(), RwLock::default());
        let compactions = OnceLock::new();
        let baseline = Mutex::new((u64::MAX, 0));
        let own_growth = Mutex::new(own_growth(id, &store));
        let datastore = Self {
            id,
            store,
            clock,
            hub,
            nodes,
            baseline,
            own_growth,
            rollback_history: OnceLock::new(),
            validators,
            hook,
            compactions,
        };
        datastore.nodes_at_compaction()?;
        Ok(datastore)
    }

    pub fn node_count(&self) -> u64 {
        u64::try_from(self.nodes.load(Ordering::Acquire)).unwrap_or(0)
    }

    /// How many nodes the image holds: what there was at the last compaction, 0 before the first. Counted once for each
    /// image (two block reads), then remembered.
    pub fn nodes_at_compaction(&self) -> Result<u64, Error> {
        let mut baseline = self.baseline.lock().unwrap_or_else(PoisonError::into_inner);
        let stats = self.store.stats();
        if baseline.0 != stats.generation
            && let Ok(image) = self.store.snapshot_at(stats.base_sequence)
        {
            *baseline = (stats.generation, ReadView::new(image).node_count()?);
        }
        // A compaction that finished in between has dropped the image that was asked for; the next call counts.
        Ok(baseline.1)
    }

    /// From now on `validator` sees every transaction that changes something at or below `path`.
    pub fn add_validator(&self, path: &Path, validator: Arc<Validator>) {
        let added = (path.clone(), validator);
        self.validators.write().unwrap_or_else(PoisonError::into_inner).push(added);
    }

    pub fn set_hook(&self, hook: Option<Arc<CommitHook>>) {
        *self.hook.write().unwrap_or_else(PoisonError::into_inner) = hook;
    }

    /// For files that nobody needs afterwards, beside the store's own.
    pub fn scratch(&self) -> Scratch {
        let directory = self.store.directory();
        Scratch::new(directory.vfs().clone(), directory.path())
    }

    pub fn begin(&self) -> Result<Editor, CommitError> {
        self.hub.delivering().check(self.id)?;
        Ok(Editor::new(self.store.begin()))
    }

    /// Validates, prepares, commits, tells.
    pub fn commit(
        &self,
        editor: Editor,
        words: Words,
        durability: Durability,
    ) -> Result<Commit, CommitError> {
        self.hub.delivering().check(self.id)?;
        let (node_delta, nodes_touched) = (editor.node_delta(), editor.nodes_touched());
        let is_own = self.keeps_own_history(words.user.as_deref(), words.comment.as_deref());
        if editor.is_empty() {
            let transaction_id = editor.base().sequence();
            let commit =
                Commit { transaction_id, changed: false, nodes_touched, node_delta, size_bytes: 0 };
            return Ok(commit);
        }
        let facts = self.facts(&editor, &words)?;
        self.validate(facts.as_ref())?;
        let prepared = self.hub.prepare(facts.as_ref())?;
        let annotation = Annotation {
            wall_micros: self.clock.wall_micros(),
            user: words.user,
            comment: words.comment,
            node_delta,
            nodes_touched,
        };
        let mut journal = editor.into_journal();
        journal.set_annotation(annotation.encode());
        let receipt = match journal.commit(durability) {
            Ok(receipt) => receipt,
            Err(error) => {
                self.hub.abort(&prepared);
                return Err(error.into());
            }
        };
        self.nodes.fetch_add(node_delta, Ordering::AcqRel);
        let transaction_id = receipt.sequence;
        let facts = facts.map(|facts| Facts { after: self.view(), ..facts });
        self.hub.deliver(transaction_id, facts.as_ref(), prepared);
        let size_bytes = receipt.size_bytes;
        if is_own {
            self.own_growth().add(self.store.stats().generation, size_bytes, node_delta);
        }
        let commit =
            Commit { transaction_id, changed: true, nodes_touched, node_delta, size_bytes };
        self.tell_hook(commit);
        Ok(commit)
    }

    pub fn view(&self) -> ReadView {
        ReadView::new(self.store.snapshot())
    }

    /// What subscribers and validators need; `None` when there are none, or nothing changed where they look: a large load
    /// costs those nothing who look elsewhere.
    fn facts(&self, editor: &Editor, words: &Words) -> Result<Option<Facts>, Error> {
        let mut points = self.hub.points();
        let validators = self.validators.read().unwrap_or_else(PoisonError::into_inner);
        points.extend(validators.iter().map(|(point, _)| point.clone()));
        drop(validators);
        if points.is_empty() {
            return Ok(None);
        }
        let plain = !Tree::new(editor.view()).has_namespaces()?;
        let scopes = points.iter().flat_map(|point| scopes(point, plain)).collect();
        let changed = editor.changed_within(&merged(scopes));
        if changed.is_empty() && !points.iter().any(Path::is_root) {
            return Ok(None);
        }
        Ok(Some(Facts {
            diff: diff(editor.base(), editor.view(), changed)?,
            before: ReadView::new(editor.base().clone()),
            after: ReadView::new(editor.view().clone()),
            user: words.user.clone(),
            comment: words.comment.clone(),
        }))
    }

    fn validate(&self, facts: Option<&Facts>) -> Result<(), CommitError> {
        let Some(facts) = facts else {
            return Ok(());
        };
        let validators = self.validators.read().unwrap_or_else(PoisonError::into_inner).clone();
        let _guard = self.hub.delivering().enter(self.id);
        for (point, validator) in validators {
            let concerns = |change: &Change| touches(&change.path, &point);
            if !point.is_root() && !facts.diff.iter().any(concerns) {
                continue;
            }
            validator(&facts.after, &facts.diff)
                .map_err(|reason| CommitError::Refused { reason })?;
        }
        Ok(())
    }

    /// Keeps what undoes its transactions through compactions from now on.
    pub fn keep_rollbacks(&self, history: Arc<RollbackHistory>) {
        // Only the first call counts; there is one, when the database is opened.
        self.rollback_history.get_or_init(|| history);
    }

    /// The transactions up to `base` that compactions folded and that can be undone one after the other, newest first.
    pub fn folded(&self, base: Sequence) -> Result<Vec<FoldedTransaction>, RollbackHistoryError> {
        self.rollback_history.get().map_or(Ok(Vec::new()), |history| history.folded(base))
    }

    /// Whether a transaction keeps a compaction of this very datastore.
    fn keeps_own_history(&self, user: Option<&str>, comment: Option<&str>) -> bool {
        self.id == Datastore::Operational && compaction::is_own(user, comment)
    }

    fn own_growth(&self) -> MutexGuard<'_, OwnGrowth> {
        self.own_growth.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Names who is to hold the thresholds against every commit from now on.
    pub fn set_compactions(&self, compactions: &Arc<Compactions>) {
        // Only the first call counts; there is one, when the database is opened.
        self.compactions.get_or_init(|| Arc::downgrade(compactions));
    }

    fn tell_hook(&self, commit: Commit) {
        if let Some(compactions) = self.compactions.get().and_then(Weak::upgrade) {
            compactions.committed(self.id);
        }
        let hook = self.hook.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(hook) = hook {
            let (stats, node_count) = (self.store.stats(), self.node_count());
            hook(&CommitSummary { datastore: self.id, commit, stats, node_count });
        }
    }
}

/// The stored nodes and attributes at and below a point, up to its first key; where nodes are in namespaces, below the first name in
/// every namespace.
fn scopes(point: &Path, plain: bool) -> Vec<KeyRange> {
    let spaces = [Space::Nodes, Space::Attributes];
    let root = NodeKey::root();
    match point.steps().first() {
        Some(first) if !plain => {
            let range = |space| {
                let (start, end) = root.homonyms(space, first.local());
                between(start, Some(&end))
            };
            spaces.map(range).to_vec()
        }
        _ => {
            let mut key = root;
            for step in point.steps() {
                key.push_plain(step.local());
                if step.selector.is_some() {
                    break;
                }
            }
            spaces.map(|space| KeyRange::prefix(&key.in_space(space))).to_vec()
        }
    }
}

impl CompactionTarget for OpenDatastore {
    fn store(&self) -> &Store {
        &self.store
    }

    fn before_fold(&self) {
        let Some(history) = self.rollback_history.get() else {
            return;
        };
        if let Err(error) = history.keep(&self.store) {
            tracing::warn!(datastore = %self.id, %error, "what undoes the last transactions is not kept through this compaction");
        }
    }

    fn growth(&self) -> Growth {
        let stats = self.store.stats();
        let own = *self.own_growth();
        let own = if own.generation == stats.generation { own } else { OwnGrowth::default() };
        let own_nodes = u64::try_from(own.nodes).unwrap_or(0);
        Growth {
            file_bytes: stats.file_bytes.saturating_sub(own.bytes),
            baseline_bytes: stats.baseline_bytes,
            nodes: self.node_count().saturating_sub(own_nodes),
            // An image that cannot be read makes itself known on every other way.
            baseline_nodes: self.nodes_at_compaction().unwrap_or_default(),
            transactions: stats.transactions_since_compaction.saturating_sub(own.transactions),
        }
    }
}

/// What the tail holds of the history of the datastore's own compactions.
fn own_growth(id: Datastore, store: &Store) -> OwnGrowth {
    let generation = store.stats().generation;
    let mut own = OwnGrowth { generation, ..OwnGrowth::default() };
    if id != Datastore::Operational {
        return own;
    }
    // A tail that cannot be read is refused elsewhere; here it only means that more counts as growth.
    for record in store.tail().map_while(Result::ok) {
        let annotation = Annotation::decode(record.record.annotation());
        let (user, comment) = (annotation.user.as_deref(), annotation.comment.as_deref());
        if compaction::is_own(user, comment) {
            own.add(generation, record.size_bytes, annotation.node_delta);
        }
    }
    own
}
