//! Tests of the library from outside, in one binary. One module per subject.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test; a failure here is a failed test"
)]

mod directory; // lock, modes, planted links, reading without a trace
mod examples; // the programs of examples/
mod format; // golden files and the worked example of docs/format.md
mod large; // positions over 4 GiB
mod types; // every YANG type through restart, compaction, XML and JSON
