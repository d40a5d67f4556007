//! Compaction of an open database: the library's [`Compactions`] with the database's datastores as its targets.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::failure::Failure;
use crate::cdb::{
    Cdb, CompactionEntry, CompactionOptions, CompactionTarget, Compactions, Datastore, Growth,
};
use crate::clock::Clock;
use crate::journal::Store;

/// How many past compactions are remembered.
const HISTORY_MAX: usize = 1000;

/// Compactions of an open database, and those of this process's past.
#[derive(Debug)]
pub struct Compacting {
    compactions: Arc<Compactions>,
    history: Arc<Mutex<VecDeque<CompactionEntry>>>,
}

/// Whether compactions also begin by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByThemselves {
    /// When a threshold is exceeded, as the options say.
    Yes,
    /// Only when somebody asks.
    No,
}

#[derive(Debug)]
struct Target {
    cdb: Cdb,
    datastore: Datastore,
    baseline_nodes: AtomicU64,
}

impl Target {
    fn new(cdb: &Cdb, datastore: Datastore) -> Result<Arc<Self>, Failure> {
        let target = Self { cdb: cdb.clone(), datastore, baseline_nodes: AtomicU64::new(0) };
        target.take_baseline()?;
        Ok(Arc::new(target))
    }

    fn take_baseline(&self) -> Result<(), Failure> {
        let compacted = self.cdb.stats(self.datastore).last_compaction.is_some();
        let nodes = if compacted { self.cdb.node_count_at_compaction(self.datastore)? } else { 0 };
        self.baseline_nodes.store(nodes, Ordering::Release);
        Ok(())
    }
}

impl CompactionTarget for Target {
    fn store(&self) -> &Store {
        self.cdb.store(self.datastore)
    }

    fn growth(&self) -> Growth {
        let stats = self.cdb.stats(self.datastore);
        Growth {
            file_bytes: stats.file_bytes,
            baseline_bytes: stats.baseline_bytes,
            nodes: self.cdb.node_count(self.datastore),
            baseline_nodes: self.baseline_nodes.load(Ordering::Acquire),
            transactions: stats.transactions_since_compaction,
        }
    }
}

impl Compacting {
    /// Begins to listen to the database's commits, when they may begin by themselves.
    pub fn start(
        cdb: &Cdb,
        clock: Arc<dyn Clock>,
        options: CompactionOptions,
        by_themselves: ByThemselves,
    ) -> Result<Self, Failure> {
        let config = Target::new(cdb, Datastore::Config)?;
        let operational = Target::new(cdb, Datastore::Operational)?;
        let snapshot = Target::new(cdb, Datastore::Snapshot)?;
        let all = [config.clone(), operational.clone(), snapshot.clone()];
        let history = Arc::new(Mutex::new(VecDeque::new()));
        let kept = history.clone();
        let sink = move |entry: &CompactionEntry| {
            for target in all.iter().filter(|target| target.datastore == entry.datastore) {
                if let Err(error) = target.take_baseline() {
                    tracing::warn!(%error, "the nodes after a compaction could not be counted");
                }
            }
            keep(&kept, entry);
        };
        let targets: [Arc<dyn CompactionTarget>; 3] = [config, operational, snapshot];
        let compactions = Compactions::start(clock, options, targets, Box::new(sink));
        let compactions = Arc::new(compactions.map_err(|error| {
            Failure::new(super::Class::Fault, "internal", format!("no thread: {error}"))
        })?);
        if by_themselves == ByThemselves::Yes {
            for datastore in Datastore::ALL {
                let told = Arc::downgrade(&compactions);
                let hook = move |_: &_| {
                    if let Some(compactions) = told.upgrade() {
                        compactions.committed(datastore);
                    }
                };
                cdb.set_commit_hook(datastore, Some(Arc::new(hook)));
            }
        }
        Ok(Self { compactions, history })
    }

    /// The library's handle.
    pub fn compactions(&self) -> &Compactions {
        &self.compactions
    }

    /// The last compactions, newest first.
    pub fn history(&self, limit: usize) -> Vec<CompactionEntry> {
        let history = self.history.lock().unwrap_or_else(PoisonError::into_inner);
        history.iter().rev().take(limit).cloned().collect()
    }
}

fn keep(history: &Mutex<VecDeque<CompactionEntry>>, entry: &CompactionEntry) {
    let mut history = history.lock().unwrap_or_else(PoisonError::into_inner);
    if history.len() == HISTORY_MAX {
        history.pop_front();
    }
    history.push_back(entry.clone());
}
