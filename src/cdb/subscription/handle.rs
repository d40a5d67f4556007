//! What keeps a subscription alive.

use std::fmt;

/// A subscription. Dropping it unsubscribes.
#[must_use = "dropping it unsubscribes"]
pub struct SubscriptionHandle {
    cancel: Box<dyn Fn() + Send + Sync>,
}

impl fmt::Debug for SubscriptionHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubscriptionHandle").finish_non_exhaustive()
    }
}

impl SubscriptionHandle {
    pub(super) fn new(cancel: impl Fn() + Send + Sync + 'static) -> Self {
        Self { cancel: Box::new(cancel) }
    }

    /// Ends the subscription; the same as dropping it.
    pub fn cancel(&self) {
        (self.cancel)();
    }
}

impl Drop for SubscriptionHandle {
    fn drop(&mut self) {
        self.cancel();
    }
}
