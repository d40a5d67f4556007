//! How edits get to their shards.

use std::sync::Arc;

use super::database::Database;
use super::edit::{Edit, Written};
use super::error::DocumentError;
use super::options::{EditMode, UpdateOptions};
use super::prepare::{prepare, relocate};
use super::shard::{Job, PreparedEdit, Shard};
use crate::compaction::as_target;

/// Edits in one call from which on shards are written at the same time.
const SIDE_BY_SIDE: usize = 32;

/// Threads that write the shards of one call.
const THREADS_MAX: usize = 4;

/// The edits for one shard, with their places in the call.
type Part = Vec<(usize, Edit)>;

impl Database {
    /// Writes: one engine transaction for each shard that is concerned, synced before it answers. One answer for each
    /// edit, in their order. A second interactive edit of the same document in one call is a conflict, unless it stands on
    /// a leaf of its own.
    ///
    /// When a shard cannot be written, its edits answer [`DocumentError::Storage`]; those of the others stay. Documents
    /// with `_local/` in front are refused ([`DocumentError::IllegalId`]): they go to [`Database::local_put`].
    pub fn update(
        &self,
        edits: Vec<Edit>,
        options: impl Into<UpdateOptions>,
    ) -> Vec<Result<Written, DocumentError>> {
        let options: UpdateOptions = options.into();
        let mut outcomes: Vec<_> = edits.iter().map(|_| Err(DocumentError::DatabaseGone)).collect();
        let side_by_side = edits.len() >= SIDE_BY_SIDE;
        let set = self.each_shard();
        let mut parts: Vec<Part> = set.iter().map(|_| Vec::new()).collect();
        for (index, edit) in edits.into_iter().enumerate() {
            if let Some(part) = parts.get_mut(self.shard_index(&set, &edit.id)) {
                part.push((index, edit));
            }
        }
        // In a shard, changes of one call are in the order of ids, as in CouchDB.
        parts.iter_mut().for_each(|part| part.sort_by(|left, right| left.1.id.cmp(&right.1.id)));
        let work = set.iter().zip(parts).filter(|(_, part)| !part.is_empty());
        let written: Vec<_> = if side_by_side && set.len() > 1 {
            self.write_side_by_side(work.collect(), options)
        } else {
            work.flat_map(|(shard, part)| self.write(shard, part, options)).collect()
        };
        let mut changed = false;
        for (index, outcome) in written {
            changed |= outcome.is_ok();
            if let Some(slot) = outcomes.get_mut(index) {
                *slot = outcome;
            }
        }
        if changed {
            self.tell();
        }
        outcomes
    }

    fn write(
        &self,
        shard: &Arc<Shard>,
        part: Part,
        options: UpdateOptions,
    ) -> Vec<(usize, Result<Written, DocumentError>)> {
        let (indexes, edits): (Vec<_>, Vec<_>) = part.into_iter().unzip();
        let rules = self.rules();
        let prepared = edits.into_iter().map(|edit| prepare(rules, shard, edit, options.mode));
        let outcomes = self.submit(shard, indexes, prepared.collect(), options);
        self.compactor.look_at(&as_target(shard));
        outcomes
    }

    fn submit(
        &self,
        shard: &Shard,
        indexes: Vec<usize>,
        edits: Vec<PreparedEdit>,
        options: UpdateOptions,
    ) -> Vec<(usize, Result<Written, DocumentError>)> {
        match shard.submit(Job::new(edits, options.durability)) {
            Ok(outcomes) => indexes.into_iter().zip(outcomes).collect(),
            Err(edits) => self.submit_anew(indexes.into_iter().zip(edits).collect(), options),
        }
    }

    /// Edits whose shard was split before their turn came.
    fn submit_anew(
        &self,
        edits: Vec<(usize, PreparedEdit)>,
        options: UpdateOptions,
    ) -> Vec<(usize, Result<Written, DocumentError>)> {
        let set = self.each_shard();
        let mut parts: Vec<(Vec<usize>, Vec<PreparedEdit>)> =
            set.iter().map(|_| Default::default()).collect();
        for (index, mut edit) in edits {
            let number = self.shard_index(&set, &edit.id);
            if let (Some(shard), Some(part)) = (set.get(number), parts.get_mut(number)) {
                relocate(shard, &mut edit);
                part.0.push(index);
                part.1.push(edit);
            }
        }
        let work = set.iter().zip(parts).filter(|(_, part)| !part.0.is_empty());
        work.flat_map(|(shard, (indexes, edits))| self.submit(shard, indexes, edits, options))
            .collect()
    }

    fn write_side_by_side(
        &self,
        work: Vec<(&Arc<Shard>, Part)>,
        options: UpdateOptions,
    ) -> Vec<(usize, Result<Written, DocumentError>)> {
        let mut shares: Vec<Vec<(&Arc<Shard>, Part)>> = Vec::new();
        shares.resize_with(work.len().min(THREADS_MAX), Vec::new);
        let count = shares.len().max(1);
        for (index, part) in work.into_iter().enumerate() {
            if let Some(share) = shares.get_mut(index % count) {
                share.push(part);
            }
        }
        let write_share = |share: Vec<(&Arc<Shard>, Part)>| -> Vec<_> {
            share.into_iter().flat_map(|(shard, part)| self.write(shard, part, options)).collect()
        };
        std::thread::scope(|scope| {
            let spawn = |share| scope.spawn(move || write_share(share));
            let threads: Vec<_> = shares.into_iter().map(spawn).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap_or_default()).collect()
        })
    }

    /// One document changed interactively: an update of one.
    pub fn update_one(&self, edit: Edit) -> Result<Written, DocumentError> {
        let mut outcomes = self.update(vec![edit], EditMode::Interactive);
        outcomes.pop().unwrap_or(Err(DocumentError::DatabaseGone))
    }
}
