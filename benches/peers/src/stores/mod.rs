//! One file for each contestant: how it is opened, and what in it is the work that all do.

pub mod fjall;
pub mod lmdb;
pub mod pumice;
pub mod raft;
pub mod redb;
pub mod redis;
#[cfg(feature = "rocksdb")]
pub mod rocks;
pub mod sqlite;
