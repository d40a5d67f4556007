//! Looking into a file without opening it as a store: verify all of it, show all of it, save what is good.
//!
//! Nothing here changes the file it looks at. Where opening stops at the first thing that a crash cannot
//! explain, these go on: [`verify`] lists every damaged place (and
//! [`verify_snapshot`] those of a store that is open), [`walk`] hands out every readable piece, and
//! [`salvage`] writes those into a new store.

mod salvage;
mod scavenge;
mod verify;

pub use salvage::{SalvageError, SalvageReport, salvage};
pub use scavenge::{Piece, walk};
pub use verify::{CheckReport, Problem, verify, verify_snapshot};
