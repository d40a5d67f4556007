//! Notifications, awaited.

use std::future::poll_fn;

use super::blocking::party;
use crate::cdb::{Delivery, Subscription};

/// A subscription whose notifications are awaited. Dropping it unsubscribes, and what was waiting counts as acknowledged.
#[derive(Debug)]
pub struct AsyncSubscription {
    subscription: Subscription,
}

impl AsyncSubscription {
    pub(super) fn new(subscription: Subscription) -> Self {
        Self { subscription }
    }

    /// The next notification. `None` when the subscription has ended: the database is closed, or an acknowledgement came
    /// too late (client timeout).
    ///
    /// A future that is dropped has taken nothing. The committer waits until the delivery is dropped or acknowledged, and
    /// with it later commits below the point; a task that takes long holds up them, not the runtime.
    pub async fn next(&mut self) -> Option<Delivery> {
        poll_fn(|context| self.subscription.poll_next(context, party())).await
    }

    /// Whether it was ended by the other side.
    pub fn is_ended(&self) -> bool {
        self.subscription.is_ended()
    }
}
