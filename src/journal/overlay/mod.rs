//! The tail's keys in memory: what the transactions since the last image changed.
//!
//! A persistent ordered map (its clone is a snapshot and costs nothing) from keys to slots, and *masks*:
//! ranges that a range delete has hidden from the image. A mask never hides the overlay's own slots: applying
//! a range delete removes the slots inside it, and a later put stands above the mask.
//!
//! Short values are in the map; longer ones stay in the file, and the map says where.
//!
//! Invariants: masks are disjoint and do not touch; a slot under a key always wins over the image.

mod gather;
mod key;
mod masks;
#[expect(clippy::module_inception, reason = "the overlay itself, beside its parts")]
mod overlay;
mod packed;
mod slot;
mod spare;
#[cfg(test)]
mod tests;
mod tree;
mod walk;

pub use gather::Gathered;
pub use key::Key;
pub use overlay::{Before, Overlay, Slots};
pub use slot::{Slot, stored_len};
pub use tree::Item;
pub use walk::Direction;
