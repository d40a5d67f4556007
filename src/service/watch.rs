//! Transactions as they come.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};

use super::failure::{Class, Failure};
use super::open::{Emit, Service};
use super::protocol::{Event, Node, Reply, Transaction};
use super::rows;
use crate::cdb::{Notification, SubscriptionPoint, TransactionId};
use crate::scheduler::Cancel;

/// How many transactions may wait for a slow watcher. Commits never do: one that falls further behind is let go.
const BEHIND_MAX: usize = 1024;

/// How many may watch at a time: each has a thread of those that execute requests, and the others need some, too.
const WATCHERS_MAX: usize = 128;

/// One of those who watch, for as long as it lives.
struct Watcher<'a>(&'a AtomicUsize);

impl<'a> Watcher<'a> {
    fn begin(watchers: &'a AtomicUsize) -> Result<Self, Failure> {
        let watcher = Self(watchers);
        if watchers.fetch_add(1, Ordering::AcqRel) < WATCHERS_MAX {
            return Ok(watcher);
        }
        let reason = format!("{WATCHERS_MAX} are watching already, which is as many as may");
        Err(Failure::new(Class::Conflict, "busy", reason).hint("end one of them"))
    }
}

impl Drop for Watcher<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

enum Told {
    Changed(Event),
    /// Look whether it is over.
    Wake,
}

pub fn watch(
    service: &Service,
    node: &Node,
    cancel: &Cancel,
    emit: Emit<'_>,
) -> Result<Reply, Failure> {
    let _watcher = Watcher::begin(&service.watchers)?;
    let point = SubscriptionPoint::new(&node.path)
        .map_err(|error| Failure::new(Class::Usage, "bad_path", error.to_string()))?;
    let (sender, receiver) = sync_channel(BEHIND_MAX);
    let behind = Arc::new(AtomicBool::new(false));
    let (fell, waker) = (behind.clone(), sender.clone());
    let callback = move |told: &Notification| tell(&sender, &fell, told);
    let subscription =
        service.cdb.subscribe_callback(node.datastore, point.named("watch"), callback);
    // A full channel needs no waking: what is in it is looked at first, and the flag after each.
    cancel.on_cancel(move || drop(waker.try_send(Told::Wake)));
    let mut listening = emit(Event::Watching);
    while listening && !cancel.is_cancelled() {
        match receiver.recv() {
            Ok(Told::Changed(event)) => listening = emit(event),
            Ok(Told::Wake) => {}
            Err(_) => break,
        }
        if behind.load(Ordering::Acquire) {
            let reason = format!("fell behind by {BEHIND_MAX} transactions");
            return Err(Failure::new(Class::Conflict, "behind", reason));
        }
    }
    drop(subscription);
    Ok(Reply::Done)
}

fn tell(sender: &SyncSender<Told>, behind: &AtomicBool, told: &Notification) {
    let event = Event::Changed(Transaction {
        tx: told.transaction_id.map_or(0, TransactionId::get),
        user: told.user.clone(),
        comment: told.comment.clone(),
        changes: rows::changes(&told.diff),
    });
    if let Err(TrySendError::Full(_)) = sender.try_send(Told::Changed(event)) {
        behind.store(true, Ordering::Release);
    }
}
