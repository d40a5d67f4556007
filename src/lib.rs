//! A write-ahead journal datastore with transactional compaction.
pub mod clock;
pub mod vfs;
