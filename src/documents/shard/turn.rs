//! Who writes: one thread at a time has the shard and commits what all of them want.

use std::sync::Arc;

use super::batch::Batch;
use super::core::Shard;
use super::prepared::PreparedEdit;
use super::queue::{Job, Outcomes};
use crate::documents::error::DocumentError;
use crate::journal::Durability;

impl Shard {
    /// Commits edits, together with those of others that wait. One outcome for each; when the shard was split, all edits
    /// again, with nothing done.
    pub fn submit(&self, job: Job) -> Result<Outcomes, Vec<PreparedEdit>> {
        let job = Arc::new(job);
        self.turns.add(job.clone());
        loop {
            match self.turns.take_for(&job) {
                Ok(outcomes) => return outcomes,
                Err(turn) => self.run(&turn.jobs),
            }
        }
    }

    /// Does something else to the shard in one transaction; nobody else writes meanwhile. On an error nothing of it stays.
    pub(super) fn exclusively<T>(
        &self,
        durability: Durability,
        change: impl FnOnce(&mut Batch<'_>) -> Result<T, DocumentError>,
    ) -> Result<T, DocumentError> {
        self.check_there()?;
        let _turn = self.turns.take();
        if self.is_split() {
            return Err(DocumentError::ShardSplit);
        }
        let mut batch = Batch::begin(self);
        let value = change(&mut batch)?;
        batch.commit(durability)?;
        Ok(value)
    }

    /// Has the shard to itself: nobody writes documents or settings meanwhile.
    pub fn held<T>(
        &self,
        work: impl FnOnce() -> Result<T, DocumentError>,
    ) -> Result<T, DocumentError> {
        self.check_there()?;
        let _turn = self.turns.take();
        self.check_there()?;
        work()
    }

    fn run(&self, jobs: &[Arc<Job>]) {
        if self.is_split() {
            return jobs.iter().for_each(|job| job.give_back());
        }
        let mut batch = Batch::begin(self);
        let mut durability = Durability::Buffered;
        let outcomes: Vec<Outcomes> = jobs
            .iter()
            .map(|job| {
                if job.durability() == Durability::Sync {
                    durability = Durability::Sync;
                }
                let edits = job.take_edits();
                edits.iter().map(|edit| batch.apply(edit)).collect()
            })
            .collect();
        let committed = self.check_there().and_then(|()| batch.commit(durability));
        for (job, outcomes) in jobs.iter().zip(outcomes) {
            job.finish(match &committed {
                Ok(()) => outcomes,
                Err(error) => outcomes.into_iter().map(|_| Err(error.clone())).collect(),
            });
        }
    }
}
