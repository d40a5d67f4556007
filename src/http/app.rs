//! What all requests share.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use hyper::body::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};

use super::acting::follow;
use super::options::HttpOptions;
use super::problem::Problem;
use super::reply::{Cut, Reply};
use super::stats::Stats;
use super::uuids::Uuids;
use super::work::Work;
use crate::auth::{ITERATIONS_DEFAULT, UserContext, Verifier};
use crate::cdb::SubscriptionHandle;
use crate::clock::Clock;
use crate::documents::Databases;
use crate::heap;
use crate::replication::{Jobs, Request, Sending};
use crate::service::{Failure, Service};

/// Pieces of an answer that wait for a client to take them.
const PIECES_WAITING_MAX: usize = 4;

/// Bytes of requests whose ids and conditions feeds of others than admins keep.
const FEEDS_BYTES_MAX: usize = 32 << 20;
/// They are counted in steps of so many.
const FEED_STEP_BYTES: usize = 1 << 10;

/// What all requests share: the databases, the configuration, limits.
#[derive(Debug)]
pub struct App {
    /// The configuration database, with users and settings.
    pub service: Arc<Service>,
    /// The document databases.
    pub databases: Arc<Databases>,
    /// Limits.
    pub options: HttpOptions,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Tries passwords.
    pub verifier: Arc<Verifier>,
    /// Replications that this server makes.
    pub jobs: Jobs,
    /// Answers requests of this process; whoever serves sets it.
    pub inside: OnceLock<AnswerInside>,
    /// Counts requests.
    pub stats: Stats,
    /// Turns true when the process ends: feeds end then.
    pub ending: watch::Receiver<bool>,
    /// Room in memory for bodies of requests, in steps.
    pub bodies: Arc<Semaphore>,
    feeds: Arc<Semaphore>,
    feed_room: Arc<Semaphore>,
    uuids: Uuids,
    /// Whether a plus in a path stands for a space.
    pub plus_is_space: Arc<AtomicBool>,
    work: Work,
    /// Ends with the app: from then on settings act on nothing.
    _following: SubscriptionHandle,
}

/// Answers a request that this process makes of itself, as somebody.
pub type AnswerInside = fn(Arc<App>, Request, UserContext) -> Sending<'static>;

/// An answer that is made piece by piece, each on a thread that may block.
pub trait Pieces: Send + 'static {
    /// The next piece, not empty; `None` at the end. A problem cuts the connection.
    fn next(&mut self) -> Option<Result<Vec<u8>, Problem>>;
}

/// A quarter of the connections, one at least, is kept free of feeds.
fn feeds_max(connections_max: usize) -> usize {
    connections_max.saturating_sub((connections_max / 4).max(1))
}

impl App {
    /// An app on open databases; the settings act on them from now on.
    ///
    /// # Errors
    /// The settings cannot be read.
    pub fn new(
        service: Arc<Service>,
        databases: Arc<Databases>,
        clock: Arc<dyn Clock>,
        options: HttpOptions,
        ending: watch::Receiver<bool>,
    ) -> Result<Self, Failure> {
        let verifier = Arc::new(Verifier::new(clock.clone(), ITERATIONS_DEFAULT));
        let plus_is_space = Arc::new(AtomicBool::new(true));
        let following = follow(&service, &databases, &verifier, &plus_is_space)?;
        Ok(Self {
            verifier,
            uuids: Uuids::default(),
            plus_is_space,
            _following: following,
            jobs: Jobs::default(),
            inside: OnceLock::new(),
            stats: Stats::new(clock.monotonic()),
            work: Work::new(options.working_max),
            bodies: Arc::new(Semaphore::new(super::body::steps(options.bodies_bytes_max))),
            feeds: Arc::new(Semaphore::new(feeds_max(options.connections_max))),
            feed_room: Arc::new(Semaphore::new(FEEDS_BYTES_MAX / FEED_STEP_BYTES)),
            service,
            databases,
            options,
            clock,
            ending,
        })
    }

    /// Seconds since the Unix epoch.
    pub fn now_s(&self) -> u64 {
        self.clock.wall_micros() / 1_000_000
    }

    /// Time since the start.
    pub fn uptime(&self) -> Duration {
        self.clock.monotonic().saturating_sub(self.stats.started)
    }

    /// New ids, made as the settings say.
    pub fn new_ids(&self, count: usize) -> Result<Vec<String>, Problem> {
        self.uuids.make(&self.service, &*self.clock, count)
    }

    /// A new id.
    pub fn new_id(&self) -> Result<String, Problem> {
        self.new_ids(1)?.pop().ok_or_else(|| Problem::internal("no id was made"))
    }

    /// Does what may block, once there is a place for it.
    pub async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        self.work.run(work).await
    }

    /// The same, never on the thread that asks for it.
    pub async fn work_apart<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        self.work.run_apart(work).await
    }

    /// Gives memory that is free back to the system, once no body that takes room is held. Nobody waits for it.
    pub fn give_back(&self) {
        let all = super::body::steps(self.options.bodies_bytes_max);
        if self.bodies.available_permits() >= all {
            let _giving = tokio::task::spawn_blocking(heap::give_back);
        }
    }

    /// Room for a feed of somebody who is no admin, whose request brought so many bytes of ids or conditions: some connections stay
    /// free of feeds, and what feeds keep for as long as they last is bounded.
    ///
    /// # Errors
    /// 503 when there is none.
    pub fn feed(&self, kept_bytes: usize) -> Result<[OwnedSemaphorePermit; 2], Problem> {
        let steps = u32::try_from(kept_bytes / FEED_STEP_BYTES).unwrap_or(u32::MAX);
        let place = self.feeds.clone().try_acquire_owned();
        let room = self.feed_room.clone().try_acquire_many_owned(steps);
        match (place, room) {
            (Ok(place), Ok(room)) => Ok([place, room]),
            _ => {
                let reason = "There are too many feeds; try again.";
                Err(Problem::new(503, "service_unavailable", reason).header("Retry-After", "10"))
            }
        }
    }

    /// An answer in pieces: the next is made when the client has taken the ones before. The first one is made before the
    /// answer begins, so that its problem is still an answer.
    pub async fn stream(self: &Arc<Self>, mut pieces: impl Pieces) -> Result<Reply, Problem> {
        let (first, mut pieces) = self.work(move || (pieces.next(), pieces)).await?;
        let first = first.transpose()?;
        let (sender, receiver) = mpsc::channel(PIECES_WAITING_MAX);
        let app = self.clone();
        tokio::spawn(async move {
            let mut piece = first.map(Ok);
            while let Some(next) = piece {
                let next = next.map(Bytes::from).map_err(|problem| cut(&problem));
                let is_last = next.is_err();
                if sender.send(next).await.is_err() || is_last {
                    return;
                }
                let made = app.work(move || (pieces.next(), pieces)).await;
                let Ok((made, rest)) = made else { return };
                (piece, pieces) = (made, rest);
            }
        });
        Ok(Reply::pieces(200, receiver))
    }
}

/// Waits until the process is told to end.
pub async fn told(ending: &mut watch::Receiver<bool>) {
    // The sender gone is an end too.
    drop(ending.wait_for(|ending| *ending).await);
}

/// What a problem in the middle of an answer becomes.
pub fn cut(problem: &Problem) -> Cut {
    tracing::error!(error = %problem.error, reason = %problem.reason, "an answer is cut");
    Cut(problem.reason.clone().into_owned())
}
