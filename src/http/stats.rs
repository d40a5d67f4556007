//! Counts of requests, answers and documents since the start.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::times::Times;

/// Methods that are told apart, as in CouchDB.
const METHODS: [&str; 7] = ["COPY", "DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"];
/// Status codes that are told apart.
const STATUSES: [u16; 29] = [
    200, 201, 202, 204, 206, 301, 302, 304, 400, 401, 403, 404, 405, 406, 408, 409, 410, 412, 413,
    414, 415, 416, 417, 431, 499, 500, 501, 503, 507,
];

/// A number that goes up.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// One more.
    pub fn one(&self) {
        self.add(1);
    }

    /// So many more.
    pub fn add(&self, count: usize) {
        self.0.fetch_add(u64::try_from(count).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// One less: of what is counted while it lasts.
    pub fn one_less(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    /// How many.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Counts since the start.
#[derive(Debug)]
pub struct Stats {
    /// When counting began, on the monotonic clock.
    pub started: Duration,
    /// Requests that were answered.
    pub requests: Counter,
    /// Requests of `_bulk_docs`.
    pub bulk_requests: Counter,
    /// Requests of `_purge`.
    pub purge_requests: Counter,
    /// Feeds of changes that go on.
    pub feeds: Counter,
    /// Documents and revisions that were read.
    pub reads: Counter,
    /// Revisions that were written.
    pub writes: Counter,
    /// Those that are the first of their document.
    pub inserts: Counter,
    /// Local documents that were written.
    pub local_writes: Counter,
    /// Documents that were purged.
    pub purges: Counter,
    /// How long it was until an answer began.
    pub times: Times,
    methods: [Counter; METHODS.len()],
    statuses: [Counter; STATUSES.len()],
}

impl Stats {
    /// Counts from `started` on.
    pub fn new(started: Duration) -> Self {
        Self {
            started,
            requests: Counter::default(),
            bulk_requests: Counter::default(),
            purge_requests: Counter::default(),
            feeds: Counter::default(),
            reads: Counter::default(),
            writes: Counter::default(),
            inserts: Counter::default(),
            local_writes: Counter::default(),
            purges: Counter::default(),
            times: Times::default(),
            methods: Default::default(),
            statuses: std::array::from_fn(|_| Counter::default()),
        }
    }

    /// Notes a request and its answer, which began after `took`. Other methods and statuses than the listed ones are only requests: a
    /// client must not make up what is kept.
    pub fn note(&self, method: &str, status: u16, took: Duration) {
        self.requests.one();
        self.times.note(took);
        if let Some((_, count)) = self.methods().find(|(known, _)| *known == method) {
            count.one();
        }
        if let Some((_, count)) = self.statuses().find(|(known, _)| *known == status) {
            count.one();
        }
    }

    /// Notes a revision that was written.
    pub fn note_write(&self, depth: u64) {
        self.writes.one();
        if depth == 1 {
            self.inserts.one();
        }
    }

    /// Requests by method.
    pub fn methods(&self) -> impl Iterator<Item = (&'static str, &Counter)> {
        METHODS.into_iter().zip(&self.methods)
    }

    /// Answers by status.
    pub fn statuses(&self) -> impl Iterator<Item = (u16, &Counter)> {
        STATUSES.into_iter().zip(&self.statuses)
    }
}
