//! The queue form: the subscriber fetches notifications on its own thread.

use std::collections::VecDeque;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::delivering::{Delivering, DeliveringGuard, Party};
use super::handle::SubscriptionHandle;
use super::notification::Notification;
use crate::cdb::name::Datastore;
use crate::clock::{Clock, Signal, Woken};

/// Whether somebody has acknowledged; the committer waits on the signal.
#[derive(Debug, Default)]
pub(super) struct Acknowledgement {
    done: AtomicBool,
    signal: Arc<Signal>,
}

impl Acknowledgement {
    fn give(&self) {
        self.done.store(true, Ordering::Release);
        self.signal.raise();
    }

    /// Waits for it; `false` when the deadline came first.
    pub fn wait(&self, clock: &dyn Clock, deadline: Option<Duration>) -> bool {
        while !self.done.load(Ordering::Acquire) {
            if clock.wait(&self.signal, deadline) == Woken::Deadline {
                return self.done.load(Ordering::Acquire);
            }
        }
        true
    }
}

/// Notifications between the committer and the subscriber.
#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<QueueState>,
    signal: Arc<Signal>,
}

#[derive(Debug, Default)]
struct QueueState {
    waiting: VecDeque<(Notification, Arc<Acknowledgement>)>,
    closed: bool,
    /// A task that waits, where it is not a thread.
    waker: Option<Waker>,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands over a notification; `None` when the subscriber is gone.
    pub fn push(&self, notification: Notification) -> Option<Arc<Acknowledgement>> {
        let acknowledgement = Arc::new(Acknowledgement::default());
        let mut state = self.lock();
        if state.closed {
            return None;
        }
        state.waiting.push_back((notification, acknowledgement.clone()));
        let waker = state.waker.take();
        drop(state);
        self.wake(waker);
        Some(acknowledgement)
    }

    /// Ends it: what waits is taken as acknowledged, and nobody waits for the subscriber any more.
    pub fn close(&self) {
        let (waiting, waker) = {
            let mut state = self.lock();
            state.closed = true;
            (std::mem::take(&mut state.waiting), state.waker.take())
        };
        waiting.iter().for_each(|(_, acknowledgement)| acknowledgement.give());
        self.wake(waker);
    }

    fn wake(&self, waker: Option<Waker>) {
        self.signal.raise();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// A subscription whose notifications are fetched. Dropping it unsubscribes.
#[derive(Debug)]
pub struct Subscription {
    pub(super) queue: Arc<Queue>,
    pub(super) handle: SubscriptionHandle,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) delivering: Delivering,
    pub(super) datastore: Datastore,
}

impl Subscription {
    /// The next notification; waits for it. `None` when the subscription has ended: the database is closed, or an
    /// acknowledgement came too late.
    pub fn next(&self) -> Option<Delivery> {
        self.next_before(None)
    }

    /// The same, but waits at most so long.
    pub fn next_within(&self, timeout: Duration) -> Option<Delivery> {
        self.next_before(Some(self.clock.monotonic().saturating_add(timeout)))
    }

    /// The next notification if it is there already.
    pub fn try_next(&self) -> Option<Delivery> {
        let waiting = self.queue.lock().waiting.pop_front()?;
        Some(Delivery::new(waiting, self.delivering.enter(self.datastore)))
    }

    /// The next notification for a task: when there is none, `context` is woken as soon as there is. One task at a
    /// time.
    pub(crate) fn poll_next(&self, context: &Context<'_>, party: Party) -> Poll<Option<Delivery>> {
        let mut state = self.queue.lock();
        if let Some(waiting) = state.waiting.pop_front() {
            drop(state);
            let guard = self.delivering.enter_as(party, self.datastore);
            return Poll::Ready(Some(Delivery::new(waiting, guard)));
        }
        if state.closed {
            return Poll::Ready(None);
        }
        state.waker = Some(context.waker().clone());
        Poll::Pending
    }

    fn next_before(&self, deadline: Option<Duration>) -> Option<Delivery> {
        loop {
            if let Some(delivery) = self.try_next() {
                return Some(delivery);
            }
            if self.queue.lock().closed {
                return None;
            }
            if self.clock.wait(&self.queue.signal, deadline) == Woken::Deadline {
                return self.try_next();
            }
        }
    }

    /// Whether it was ended by the other side.
    pub fn is_ended(&self) -> bool {
        self.queue.lock().closed
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.handle.cancel();
        self.queue.close();
    }
}

/// A notification that waits to be acknowledged, which dropping it does. Until then the thread or task that fetched it
/// cannot write to the same datastore.
#[derive(Debug)]
#[must_use = "dropping it acknowledges the notification"]
pub struct Delivery {
    notification: Notification,
    acknowledgement: Arc<Acknowledgement>,
    _guard: DeliveringGuard,
}

impl Delivery {
    fn new(
        (notification, acknowledgement): (Notification, Arc<Acknowledgement>),
        guard: DeliveringGuard,
    ) -> Self {
        Self { notification, acknowledgement, _guard: guard }
    }

    /// Says that the subscriber is done with it.
    pub fn acknowledge(self) {
        drop(self);
    }
}

impl Deref for Delivery {
    type Target = Notification;

    fn deref(&self) -> &Notification {
        &self.notification
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        self.acknowledgement.give();
    }
}
