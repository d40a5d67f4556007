//! Limits that can change while databases are open.

use std::sync::Arc;

use arc_swap::ArcSwap;

/// What new databases, documents and attachments are held to. The names in parentheses are CouchDB's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Shards of a new database that asks for no number (`[cluster] q`): 2.
    pub q: u32,
    /// The largest document, in bytes of its JSON text (`[couchdb] max_document_size`): 8,000,000.
    pub max_document_bytes: u64,
    /// The largest attachment, in bytes (`[couchdb] max_attachment_size`): 1 GiB.
    pub max_attachment_bytes: u64,
    /// The level that compressible attachments are compressed with, 0 for not at all (`[attachments] compression_level`): 8.
    pub attachment_compression_level: u32,
    /// Whether a new database is for server admins only (`[couchdb] default_security` = `admin_only`): yes.
    pub admin_only: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            q: 2,
            max_document_bytes: 8_000_000,
            max_attachment_bytes: 1 << 30,
            attachment_compression_level: 8,
            admin_only: true,
        }
    }
}

/// The limits in force, shared by all databases and shards. What is stored holds from the next edit, upload or new database on.
#[derive(Clone, Debug, Default)]
pub(super) struct LiveLimits(Arc<ArcSwap<Limits>>);

impl LiveLimits {
    pub fn new(limits: Limits) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(limits)))
    }

    pub fn get(&self) -> Limits {
        **self.0.load()
    }

    pub fn set(&self, limits: Limits) {
        self.0.store(Arc::new(limits));
    }
}
