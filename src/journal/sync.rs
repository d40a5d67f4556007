//! What threads of the commit path wait for each other with: the standard library's, or, under `cfg(shuttle)`, that of the
//! tests which try its schedules one after the other (`tests/schedules.rs`).

#[cfg(not(shuttle))]
pub use std::sync::{
    Condvar, Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicU64, AtomicUsize},
};
#[cfg(not(shuttle))]
pub use std::thread::yield_now;

#[cfg(shuttle)]
pub use shuttle::sync::{
    Condvar, Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicU64, AtomicUsize},
};
#[cfg(shuttle)]
pub use shuttle::thread::yield_now;
