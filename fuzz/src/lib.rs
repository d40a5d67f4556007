//! The bodies of the fuzz targets, one module each; `targets/` only calls them. `fuzz/run` builds and runs them.
//!
//! Each takes bytes and panics when a promise is broken. Where checksums stand between a mutation and the code behind them,
//! the target puts them right first ([`seal`]), written from docs/format.md and not with the engine's own code.
#![allow(clippy::all, reason = "test code")]

pub mod block;
pub mod conf;
pub mod document;
pub mod file;
pub mod frame;
pub mod json;
pub mod path;
pub mod seal;
pub mod take;
pub mod tree;
pub mod value;
pub mod xml;

/// An input that makes more than this live at once is a finding: the allocation fails, and Rust aborts.
const MEMORY_LIMIT_BYTES: usize = 64 << 20;

#[global_allocator]
static ALLOCATOR: cap::Cap<std::alloc::System> =
    cap::Cap::new(std::alloc::System, MEMORY_LIMIT_BYTES);
