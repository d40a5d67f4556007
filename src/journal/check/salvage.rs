//! What is good of a damaged file, written into a new store.

use std::sync::Arc;

use super::super::record::Operation;
use super::super::{CommitError, Durability, KeyRange, LimitError, OpenError, Store, WriteBatch};
use super::scavenge::{Piece, walk};
use crate::vfs::File;

/// Entries of the image are written in batches of about this size.
const BATCH_BYTES: usize = 1 << 20;

/// What was saved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SalvageReport {
    /// Entries taken from the image.
    pub entries: u64,
    /// Transactions taken from the tail.
    pub transactions: u64,
    /// Damaged places.
    pub damaged_places: u64,
    /// Bytes in them, as far as known.
    pub damaged_bytes: u64,
    /// Numbers of transactions between the first and the last found that are missing.
    pub missing_transactions: u64,
}

/// Nothing more could be saved. The damaged file is as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SalvageError {
    /// The damaged file cannot be read at all.
    #[error(transparent)]
    Source(#[from] OpenError),
    /// The new store cannot be written.
    #[error("cannot write the new store: {0}")]
    Target(#[from] CommitError),
    /// The new store already has something in it.
    #[error("the new store is not empty")]
    NotEmpty,
}

impl From<LimitError> for SalvageError {
    fn from(error: LimitError) -> Self {
        Self::Target(CommitError::Limit(error))
    }
}

/// Copies every undamaged entry and transaction of `file` into `target`, an empty store. Transactions keep
/// their order, not their numbers; keys that only a damaged place held are missing.
pub fn salvage(file: &Arc<dyn File>, target: &Store) -> Result<SalvageReport, SalvageError> {
    if target.stats().sequence.get() > 0 {
        return Err(SalvageError::NotEmpty);
    }
    let mut rescue = Rescue {
        target,
        batch: WriteBatch::new(),
        batch_bytes: 0,
        last: None,
        report: SalvageReport::default(),
    };
    let mut failure = None;
    walk(file, &mut |piece| match rescue.take(&piece) {
        Ok(()) => true,
        Err(error) => {
            failure = Some(error);
            false
        }
    })?;
    if let Some(error) = failure {
        return Err(error);
    }
    rescue.write_batch()?;
    target.sync()?;
    Ok(rescue.report)
}

struct Rescue<'a> {
    target: &'a Store,
    batch: WriteBatch,
    batch_bytes: usize,
    last: Option<u64>,
    report: SalvageReport,
}

impl Rescue<'_> {
    fn take(&mut self, piece: &Piece<'_>) -> Result<(), SalvageError> {
        match piece {
            Piece::Header { .. } | Piece::Witness { .. } => Ok(()),
            Piece::Damaged { size_bytes, .. } => {
                self.report.damaged_places += 1;
                self.report.damaged_bytes += size_bytes;
                Ok(())
            }
            Piece::Entry { key, value, .. } => self.take_entry(key, value),
            Piece::Transaction { sequence, annotation, operations, .. } => {
                self.write_batch()?;
                self.note_sequence(*sequence);
                self.take_transaction(annotation, operations)
            }
        }
    }

    fn take_entry(&mut self, key: &[u8], value: &[u8]) -> Result<(), SalvageError> {
        self.batch.put(key, value)?;
        self.batch_bytes += key.len() + value.len();
        self.report.entries += 1;
        if self.batch_bytes >= BATCH_BYTES { self.write_batch() } else { Ok(()) }
    }

    fn write_batch(&mut self) -> Result<(), SalvageError> {
        if !self.batch.is_empty() {
            self.target.write(std::mem::take(&mut self.batch), Durability::Buffered)?;
        }
        self.batch_bytes = 0;
        Ok(())
    }

    fn note_sequence(&mut self, sequence: u64) {
        let expected = self.last.map_or(sequence, |last| last + 1);
        self.report.missing_transactions += sequence.saturating_sub(expected);
        self.last = Some(sequence);
    }

    fn take_transaction(
        &mut self,
        annotation: &[u8],
        operations: &[Operation<'_>],
    ) -> Result<(), SalvageError> {
        let mut batch = WriteBatch::new();
        batch.set_annotation(annotation.to_vec());
        for operation in operations {
            match operation {
                Operation::Put { key, value, .. } => batch.put(key, value)?,
                Operation::Delete { key } => batch.delete(key)?,
                Operation::DeleteRange { start, end: Some(end) } => {
                    batch.delete_range(&KeyRange::new(start.to_vec()..end.to_vec()))?;
                }
                Operation::DeleteRange { start, end: None } => {
                    batch.delete_range(&KeyRange::new(start.to_vec()..))?;
                }
            }
        }
        self.target.write(batch, Durability::Buffered)?;
        self.report.transactions += 1;
        Ok(())
    }
}
