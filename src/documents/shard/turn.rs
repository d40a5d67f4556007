//! Who writes: one thread at a time has the shard and commits what all of them want.

use std::sync::Arc;

use super::batch::Batch;
use super::core::Shard;
use super::queue::{Job, Outcomes};
use crate::documents::error::DocumentError;
use crate::journal::Durability;

impl Shard {
    /// Commits edits, together with those of others that wait. One outcome for each.
    pub fn submit(&self, job: Job) -> Outcomes {
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
        let mut batch = Batch::begin(self);
        let value = change(&mut batch)?;
        batch.commit(durability)?;
        Ok(value)
    }

    fn run(&self, jobs: &[Arc<Job>]) {
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
