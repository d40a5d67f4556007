//! The scheduler held against independent readings of crontab(5), on a clock that is turned by hand, and killed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test; a failure here is a failed test"
)]

mod clocks;
mod expression;
mod killed;
mod oracle;
#[path = "../shared/random.rs"]
mod random;
mod table;
mod years;
