//! Compaction: one corridor with named stages.
//!
//! 1. `begin`: note the state to write, check the room, make the side file.
//! 2. `write_image`: the state goes to the side file as an image, in one sequential pass.
//! 3. `catch_up`: frames that were committed meanwhile are copied behind it, until the gap is small.
//! 4. `seal`: write transactions are held back; the last of the gap is copied, the header written, the side
//!    file synced.
//! 5. `swap`: the side file is renamed over the journal, and the directory synced; the store goes on in it.
//! 6. `retire`: the old file is let go; snapshots that still read it keep it open.
//!
//! With the policy [`WritePolicy::Blocking`] write transactions wait from `begin` on and `catch_up` finds
//! nothing; with [`WritePolicy::Background`] they wait in `seal` and `swap` only. Readers never wait.
//!
//! A failure or crash before `swap` costs the side file, which the next open removes; after it, the new file
//! is whole. Nothing is ever read from both. A failed directory sync after the rename leaves open which name
//! survives a crash, though both files hold the same data: the store is poisoned then.

mod control;
mod copy;
mod estimate;
mod pace;
mod run;
mod side;
mod start;

pub use control::{CompactionControl, CompactionObserver, Progress, Stage};
pub use copy::{StoreCopy, copy};
pub use estimate::estimate_bytes;
pub use run::{CompactionReport, CompactionRequest, WritePolicy, run};
