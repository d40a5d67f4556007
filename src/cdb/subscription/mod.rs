//! Being told of changes.
//!
//! A *point* is a path (keys may be `*` or left out) and a priority. After a commit is durable, everybody whose point saw a
//! change is told: commits in the order of their sequence, points from the lowest priority number up, each with the
//! changes below it. The committer waits until all have acknowledged (operational data: it does not wait for queues).
//!
//! Three forms:
//! - a *callback*, run on the committer's thread; returning acknowledges;
//! - a *queue*, [`Subscription::next`], on a thread of the subscriber; dropping the [`Delivery`] acknowledges. Who takes longer
//!   than the client timeout is dropped, and the log says so;
//! - *two-phase* ([`TwoPhase`]): `prepare` before the commit may veto it; then `commit`, or `abort` in reverse order.
//!
//! A thread that handles a notification may write only to datastores that come later in the order config, snapshot,
//! operational: else it would wait for itself, and the write is refused with a typed error. So a config subscriber may
//! write operational data.
//!
//! Operational points have no priorities (NSO: `confd_lib_cdb(3)`); theirs is taken as 0.

mod delivering;
mod handle;
mod hub;
mod notification;
mod queue;
mod turns;

#[cfg(test)]
mod tests;

pub(crate) use delivering::{Delivering, DeliveringGuard, Party};
pub use handle::SubscriptionHandle;
pub use hub::TwoPhase;
pub(crate) use hub::{Facts, Hub};
pub use notification::{Notification, SubscriptionPoint};
pub use queue::{Delivery, Subscription};
