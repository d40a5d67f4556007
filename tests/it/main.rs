//! Tests of the library from outside, in one binary. One module per subject.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test; a failure here is a failed test"
)]

mod format; // golden files and the worked example of docs/format.md
