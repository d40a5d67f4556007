//! Waking up those who wait for changes.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::time::Duration;

/// Is called after each update, with the number of the update; must be quick and must not call back into the database.
pub type Hook = dyn Fn(u64) + Send + Sync;

/// Counts updates and wakes whoever waits for the next.
#[derive(Default)]
pub(super) struct Bell {
    rung: AtomicU64,
    hooks: Mutex<Vec<Weak<Hook>>>,
    count: Mutex<u64>,
    changed: Condvar,
}

impl fmt::Debug for Bell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bell").field("rung", &self.rung).finish_non_exhaustive()
    }
}

impl Bell {
    /// Something is visible that was not before.
    pub fn ring(&self) {
        let number = self.rung.fetch_add(1, Ordering::AcqRel) + 1;
        {
            let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
            *count = number.max(*count);
        }
        self.changed.notify_all();
        let mut hooks = self.hooks.lock().unwrap_or_else(PoisonError::into_inner);
        hooks.retain(|hook| match hook.upgrade() {
            Some(hook) => {
                hook(number);
                true
            }
            None => false,
        });
    }

    /// Whether a watcher waits for updates, or may.
    pub fn is_watched(self: &Arc<Self>) -> bool {
        let hooks = self.hooks.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::strong_count(self) > 1 || hooks.iter().any(|hook| hook.strong_count() > 0)
    }

    fn number(&self) -> u64 {
        self.rung.load(Ordering::Acquire)
    }
}

/// Wakes for updates. Take it before the first read: then no update is missed between reading and waiting.
#[derive(Debug)]
pub struct Watch {
    bell: Arc<Bell>,
    seen: u64,
}

impl Watch {
    pub(super) fn new(bell: &Arc<Bell>) -> Self {
        Self { seen: bell.number(), bell: bell.clone() }
    }

    /// Waits until there was an update since the last call (or since this handle was made), at most `timeout`. Answers
    /// whether there was one.
    pub fn wait(&mut self, timeout: Option<Duration>) -> bool {
        let count = self.bell.count.lock().unwrap_or_else(PoisonError::into_inner);
        let quiet = |count: &mut u64| *count == self.seen;
        let count = match timeout {
            None => {
                self.bell.changed.wait_while(count, quiet).unwrap_or_else(PoisonError::into_inner)
            }
            Some(timeout) => {
                let waited = self.bell.changed.wait_timeout_while(count, timeout, quiet);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
        };
        let changed = *count != self.seen;
        self.seen = *count;
        changed
    }

    /// Calls `hook` after each update from now on, on the thread that wrote, until the answered handle is dropped. For
    /// tasks: let it send into a `tokio::sync::watch`.
    pub fn on_update(&self, hook: Arc<Hook>) -> HookHandle {
        let mut hooks = self.bell.hooks.lock().unwrap_or_else(PoisonError::into_inner);
        hooks.push(Arc::downgrade(&hook));
        HookHandle { _hook: hook }
    }
}

/// Keeps a hook of [`Watch::on_update`] alive.
pub struct HookHandle {
    _hook: Arc<Hook>,
}

impl fmt::Debug for HookHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HookHandle")
    }
}
