//! A write-ahead journal datastore with transactional compaction.
pub mod cdb;
pub mod clock;
pub mod conf;
pub mod journal;
pub mod units;
pub mod vfs;
