//! Documents in whole databases: every place where the process may be ended, and real data through three releases.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test; a failure here is a failed test"
)]

mod crash;
mod real;
mod split;
mod threads;
