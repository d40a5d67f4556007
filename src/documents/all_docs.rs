//! The documents of a database in the order of their ids, merged over its shards.

use super::document::Document;
use super::error::DocumentError;
use super::revision::Revision;

/// A document that is not deleted, or (looked up by key) is.
#[derive(Clone, Debug)]
pub struct AllDocsRow {
    /// Its id.
    pub id: String,
    /// Its winner.
    pub rev: Revision,
    /// Whether the winner is a tombstone; only in answers to keys.
    pub deleted: bool,
    /// The winner, if it was asked for and is not a tombstone.
    pub document: Option<Document>,
}

/// Rows on one snapshot of all shards: pull them with [`AllDocs::next`].
#[derive(Debug)]
pub struct AllDocs {}

impl AllDocs {
    /// The next row.
    #[expect(clippy::should_implement_trait, reason = "it can fail")]
    pub fn next(&mut self) -> Result<Option<AllDocsRow>, DocumentError> {
        Ok(None)
    }

    /// How many documents the database has (`total_rows`).
    pub fn total_rows(&self) -> u64 {
        0
    }

    /// How many come before the first row, in the order of the walk, those that are skipped among them (`offset`).
    pub fn offset(&self) -> u64 {
        0
    }
}
