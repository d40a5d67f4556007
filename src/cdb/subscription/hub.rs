//! The subscribers of one datastore, and how they are told.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use super::delivering::Delivering;
use super::handle::SubscriptionHandle;
use super::notification::{Notification, SubscriptionPoint};
use super::queue::{Acknowledgement, Queue, Subscription};
use super::turns::Turns;
use crate::cdb::commit::{CommitError, TransactionId};
use crate::cdb::diff::Diff;
use crate::cdb::name::Datastore;
use crate::cdb::path::Path;
use crate::cdb::view::ReadView;
use crate::clock::Clock;
use crate::journal::Sequence;

/// A subscriber that takes part in commits.
pub trait TwoPhase: Send + Sync {
    /// Before the commit: `Err` with a reason vetoes it.
    fn prepare(&self, notification: &Notification) -> Result<(), String>;

    /// The transaction is committed.
    fn commit(&self, notification: &Notification);

    /// The transaction that was prepared is not committed after all.
    fn abort(&self, notification: &Notification);
}

enum Form {
    Callback(Box<dyn Fn(&Notification) + Send + Sync>),
    Queue(Arc<Queue>),
    TwoPhase(Box<dyn TwoPhase>),
}

struct Subscriber {
    id: u64,
    point: SubscriptionPoint,
    form: Form,
}

impl fmt::Debug for Subscriber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscriber")
            .field("id", &self.id)
            .field("point", &self.point)
            .finish_non_exhaustive()
    }
}

/// Sorted by priority, then by age.
type Registry = RwLock<Vec<Arc<Subscriber>>>;

/// The subscribers of one datastore.
#[derive(Debug)]
pub(crate) struct Hub {
    datastore: Datastore,
    clock: Arc<dyn Clock>,
    client_timeout: Option<Duration>,
    delivering: Delivering,
    subscribers: Arc<Registry>,
    next_id: Mutex<u64>,
    turns: Turns,
    /// Held from prepare until the subscribers are told how it ended, so that prepared transactions do not interleave.
    /// Whoever holds it and waits for its turn waits for transactions that are committed, which need it no more.
    prepare: Mutex<()>,
}

/// A transaction that is about to be told.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub diff: Diff,
    pub before: ReadView,
    pub after: ReadView,
    pub user: Option<String>,
    pub comment: Option<String>,
}

/// Subscribers that have prepared and wait for commit or abort.
pub(crate) struct Prepared<'a> {
    alone: Option<MutexGuard<'a, ()>>,
    told: Vec<(Arc<Subscriber>, Notification)>,
}

impl Hub {
    pub fn new(
        datastore: Datastore,
        clock: Arc<dyn Clock>,
        client_timeout: Option<Duration>,
        delivering: Delivering,
        done: Sequence,
    ) -> Self {
        Self {
            datastore,
            clock,
            client_timeout,
            delivering,
            subscribers: Arc::default(),
            next_id: Mutex::new(0),
            turns: Turns::after(done),
            prepare: Mutex::new(()),
        }
    }

    pub fn delivering(&self) -> &Delivering {
        &self.delivering
    }

    fn register(&self, mut point: SubscriptionPoint, form: Form) -> SubscriptionHandle {
        if self.datastore == Datastore::Operational {
            point.priority = 0;
        }
        let id = {
            let mut next = self.next_id.lock().unwrap_or_else(PoisonError::into_inner);
            *next += 1;
            *next
        };
        let mut subscribers = self.subscribers.write().unwrap_or_else(PoisonError::into_inner);
        subscribers.push(Arc::new(Subscriber { id, point, form }));
        subscribers.sort_by_key(|subscriber| (subscriber.point.priority, subscriber.id));
        let registry = Arc::downgrade(&self.subscribers);
        SubscriptionHandle::new(move || {
            if let Some(subscribers) = registry.upgrade() {
                let mut subscribers = subscribers.write().unwrap_or_else(PoisonError::into_inner);
                subscribers.retain(|subscriber| subscriber.id != id);
            }
        })
    }

    pub fn callback(
        &self,
        point: SubscriptionPoint,
        callback: Box<dyn Fn(&Notification) + Send + Sync>,
    ) -> SubscriptionHandle {
        self.register(point, Form::Callback(callback))
    }

    pub fn two_phase(
        &self,
        point: SubscriptionPoint,
        form: Box<dyn TwoPhase>,
    ) -> SubscriptionHandle {
        self.register(point, Form::TwoPhase(form))
    }

    pub fn queue(&self, point: SubscriptionPoint) -> Subscription {
        let queue = Arc::new(Queue::default());
        Subscription {
            handle: self.register(point, Form::Queue(queue.clone())),
            queue,
            clock: self.clock.clone(),
            delivering: self.delivering.clone(),
            datastore: self.datastore,
        }
    }

    /// Where somebody wants to be told of changes.
    pub fn points(&self) -> Vec<Path> {
        self.subscribers().iter().map(|subscriber| subscriber.point.path.clone()).collect()
    }

    fn subscribers(&self) -> Vec<Arc<Subscriber>> {
        self.subscribers.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Asks the two-phase subscribers, in the order of priority.
    ///
    /// # Errors
    /// The first veto; those who had prepared are told to abort.
    pub fn prepare(&self, facts: Option<&Facts>) -> Result<Prepared<'_>, CommitError> {
        let mut prepared = Prepared { alone: None, told: Vec::new() };
        let Some(facts) = facts else {
            return Ok(prepared);
        };
        for subscriber in self.subscribers() {
            let Form::TwoPhase(form) = &subscriber.form else {
                continue;
            };
            let Some(notification) = notification(facts, &subscriber, None) else {
                continue;
            };
            if prepared.told.is_empty() {
                prepared.alone = Some(self.prepare.lock().unwrap_or_else(PoisonError::into_inner));
            }
            let answer = self
                .call(&subscriber, || form.prepare(&notification))
                .unwrap_or_else(|| Err("it panicked".to_owned()));
            if let Err(reason) = answer {
                self.abort(&prepared);
                return Err(CommitError::Vetoed {
                    subscriber: subscriber.point.name.clone(),
                    reason,
                });
            }
            prepared.told.push((subscriber.clone(), notification));
        }
        Ok(prepared)
    }

    /// Tells those who had prepared that it was for nothing, in reverse order.
    pub fn abort(&self, prepared: &Prepared<'_>) {
        for (subscriber, notification) in prepared.told.iter().rev() {
            if let Form::TwoPhase(form) = &subscriber.form {
                self.call(subscriber, || form.abort(notification));
            }
        }
    }

    /// Calls into a subscriber. A panic is its own: the transaction and the other subscribers go on. `None` then.
    fn call<T>(&self, subscriber: &Subscriber, callback: impl FnOnce() -> T) -> Option<T> {
        let _guard = self.delivering.enter(self.datastore);
        let answer = catch_unwind(AssertUnwindSafe(callback)).ok();
        if answer.is_none() {
            let (subscriber, datastore) = (&subscriber.point.name, self.datastore);
            tracing::error!(%subscriber, %datastore, "the subscriber panicked");
        }
        answer
    }

    /// Tells of a committed transaction when its turn has come, and waits until all have acknowledged.
    pub fn deliver(&self, id: TransactionId, facts: Option<&Facts>, prepared: Prepared<'_>) {
        let Prepared { alone: _alone, told } = prepared;
        let turn = self.turns.take(id);
        let Some(facts) = facts else {
            return;
        };
        turn.wait();
        let subscribers = self.subscribers();
        for group in subscribers.chunk_by(|a, b| a.point.priority == b.point.priority) {
            let mut waiting = Vec::new();
            for subscriber in group {
                let prepared = told.iter().any(|(other, _)| other.id == subscriber.id);
                if let Some(notification) = notification(facts, subscriber, Some(id)) {
                    let acknowledgement = self.tell(subscriber, notification, prepared);
                    waiting.extend(acknowledgement.map(|given| (subscriber.clone(), given)));
                }
            }
            if self.datastore != Datastore::Operational {
                self.wait_for(&waiting, id);
            }
        }
    }

    fn tell(
        &self,
        subscriber: &Subscriber,
        notification: Notification,
        prepared: bool,
    ) -> Option<Arc<Acknowledgement>> {
        match &subscriber.form {
            Form::Queue(queue) => return queue.push(notification),
            Form::Callback(callback) => {
                self.call(subscriber, || callback(&notification));
            }
            Form::TwoPhase(form) if prepared => {
                self.call(subscriber, || form.commit(&notification));
            }
            // It subscribed between prepare and commit.
            Form::TwoPhase(_) => {}
        }
        None
    }

    fn wait_for(&self, waiting: &[(Arc<Subscriber>, Arc<Acknowledgement>)], id: TransactionId) {
        let deadline =
            self.client_timeout.map(|timeout| self.clock.monotonic().saturating_add(timeout));
        for (subscriber, acknowledgement) in waiting {
            if acknowledgement.wait(&*self.clock, deadline) {
                continue;
            }
            tracing::warn!(
                subscriber = %subscriber.point.name,
                datastore = %self.datastore,
                transaction = id.get(),
                "the subscriber did not acknowledge in time and is dropped"
            );
            if let Form::Queue(queue) = &subscriber.form {
                queue.close();
            }
            let mut subscribers = self.subscribers.write().unwrap_or_else(PoisonError::into_inner);
            subscribers.retain(|other| other.id != subscriber.id);
        }
    }

    /// Ends every subscription.
    pub fn close(&self) {
        let mut subscribers = self.subscribers.write().unwrap_or_else(PoisonError::into_inner);
        for subscriber in subscribers.drain(..) {
            if let Form::Queue(queue) = &subscriber.form {
                queue.close();
            }
        }
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        self.close();
    }
}

/// What one subscriber is told; `None` when nothing changed below its point.
fn notification(
    facts: &Facts,
    subscriber: &Subscriber,
    transaction_id: Option<TransactionId>,
) -> Option<Notification> {
    let diff = facts.diff.below(&subscriber.point.path);
    (!diff.is_empty()).then(|| Notification {
        transaction_id,
        diff,
        before: facts.before.clone(),
        after: facts.after.clone(),
        user: facts.user.clone(),
        comment: facts.comment.clone(),
    })
}
