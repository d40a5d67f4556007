//! The program as people and scripts meet it: the real binary on directories of its own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test; a failure here is a failed test"
)]

mod changes;
#[path = "../http/client.rs"]
#[expect(dead_code, reason = "the tour needs a part of it")]
mod client;
mod compaction;
mod configuration;
mod daemon;
mod disk;
mod files;
mod history;
mod interface;
mod load;
mod program;
mod schedule;
mod secrets;
mod shards;
mod tour;
mod users;
