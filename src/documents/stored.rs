//! Contents of attachments that wait for a document.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::attachment_info::Encoding;
use super::error::DocumentError;
use super::key;
use super::sequence::Place;
use crate::journal::{Durability, Snapshot, Store, WriteBatch};

/// A content that no document has yet.
#[derive(Debug)]
pub(super) struct Pending {
    store: Store,
    /// The shard that it is in.
    pub origin: Place,
    pub stored: Stored,
    /// The content that it became; 0 while it is none.
    taken: AtomicU64,
}

/// What was stored.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stored {
    /// The content number.
    pub number: u64,
    /// Of the bytes as they are stored.
    pub md5: [u8; 16],
    /// Of the bytes as they came.
    pub received_md5: [u8; 16],
    /// Bytes that are not encoded.
    pub length: u64,
    pub encoding: Encoding,
    /// Bytes as they are stored.
    pub size_bytes: u64,
    /// Bytes of the keys and values of its chunks.
    pub chunk_bytes: u64,
    /// A content with the same bytes that documents have already.
    pub twin: Option<u64>,
}

impl Pending {
    pub fn new(store: Store, origin: Place, stored: Stored) -> Self {
        Self { store, origin, stored, taken: AtomicU64::new(0) }
    }

    pub fn taken(&self) -> Option<u64> {
        Some(self.taken.load(Ordering::Acquire)).filter(|number| *number > 0)
    }

    pub fn taken_as(&self, content: u64) {
        self.taken.store(content, Ordering::Release);
    }

    /// Whether it is in this journal.
    pub fn is_in(&self, store: &Store) -> bool {
        self.store.path() == store.path()
    }

    /// The newest state of the shard that it is in.
    pub fn snapshot(&self) -> Snapshot {
        self.store.snapshot()
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if self.taken() != Some(self.stored.number) {
            remove_chunks(&self.store, self.stored.number);
        }
    }
}

/// Removes what no document took. When it cannot be written, the next open does it.
pub(super) fn remove_chunks(store: &Store, number: u64) {
    let removed = removal(number).and_then(|batch| Ok(store.write(batch, Durability::Buffered)?));
    if let Err(error) = removed {
        tracing::debug!(path = %store.path().display(), %error, "an upload that nobody took stays until the next open");
    }
}

pub(super) fn removal(number: u64) -> Result<WriteBatch, DocumentError> {
    let mut batch = WriteBatch::new();
    batch.delete_range(&key::chunks(number))?;
    batch.delete(&key::number(key::PENDING, number))?;
    Ok(batch)
}

/// Content that waits for a document: the handle that [`super::AttachmentSource::Stored`] takes. Clones are the
/// same content; when the last is dropped and no document took it, it is removed.
#[derive(Clone, Debug)]
pub struct StoredAttachment {
    pub(super) pending: Arc<Pending>,
}

impl StoredAttachment {
    /// The MD5 of the bytes as they are stored.
    pub fn md5(&self) -> [u8; 16] {
        self.pending.stored.md5
    }

    /// The MD5 of the bytes as they came, for `Content-MD5`.
    pub fn received_md5(&self) -> [u8; 16] {
        self.pending.stored.received_md5
    }

    /// Bytes of the content, not encoded.
    pub fn length(&self) -> u64 {
        self.pending.stored.length
    }
}
