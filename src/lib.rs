//! A write-ahead journal datastore with transactional compaction.
pub mod cdb;
#[doc(hidden)]
pub mod cli;
pub mod clock;
pub mod conf;
#[doc(hidden)]
pub mod http;
pub mod journal;
#[doc(hidden)]
pub mod node;
pub mod nonblocking;
#[doc(hidden)]
pub mod service;
pub mod units;
pub mod vfs;
