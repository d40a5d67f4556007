//! Counts of requests and answers.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Counts since the start.
#[derive(Debug)]
pub struct Stats {
    /// When counting began, on the monotonic clock.
    pub started: Duration,
    requests: AtomicU64,
    methods: Mutex<BTreeMap<String, u64>>,
    statuses: Mutex<BTreeMap<u16, u64>>,
}

impl Stats {
    /// Counts from `started` on.
    pub fn new(started: Duration) -> Self {
        Self {
            started,
            requests: AtomicU64::new(0),
            methods: Mutex::default(),
            statuses: Mutex::default(),
        }
    }

    /// Notes a request and its answer. Only methods that the table of routes knows are told apart.
    pub fn note(&self, method: &str, status: u16) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        *lock(&self.methods).entry(method.to_owned()).or_default() += 1;
        *lock(&self.statuses).entry(status).or_default() += 1;
    }

    /// Requests that were answered.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Requests by method.
    pub fn methods(&self) -> BTreeMap<String, u64> {
        lock(&self.methods).clone()
    }

    /// Answers by status.
    pub fn statuses(&self) -> BTreeMap<u16, u64> {
        lock(&self.statuses).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
