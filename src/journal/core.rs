//! The commit path: from an encoded record to a durable, visible, answered transaction.
//!
//! 1. `accept` takes the *turn*: checks the transaction against later commits, gives it the next sequence and
//!    its place in the file, applies it to the accepted state, and queues its frame in the gathering group.
//! 2. The first of a group takes the *writer*, lets a few others join, takes the group, writes it with one call and syncs
//!    once.
//! 3. The state that the group led to is published; readers see it from here on.
//! 4. The group is finished; everybody in it returns.
//!
//! So a transaction is durable before it is visible and visible before it is answered. Transactions are
//! applied while the group before them is in flight.
//!
//! Locks, always taken in this order: writer, turn, group. The writer is held over a sync, by the leader
//! alone; the turn never is.
//!
//! When a group fails and its bytes could be cut back, everything accepted on top of it fails with it and
//! the accepted state returns to the published one; when they could not, or a sync failed, the store is
//! poisoned for good.

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;

use super::directory::{Claim, Directory};
use super::format::FRAME_HEADER_SIZE;
use super::frame;
use super::group::{Group, Outcome, Unfinished};
use super::image::ReadError;
use super::options::StoreOptions;
use super::record::Record;
use super::snapshot::Snapshot;
use super::state::State;
use super::sync::{AtomicBool, AtomicU64, AtomicUsize, Condvar, Mutex, MutexGuard, yield_now};
use super::window::{ReadSet, RecentCommits};
use super::writer::{AppendError, PendingFrame, Writer};
use super::{CommitError, Durability, JournalStats, Sequence};
use crate::planted::planted;

/// The first of a group waits for no more members than this,
const COMPANY_MAX: usize = 8;
/// lets others run this often at the most,
const YIELDS_MAX: usize = 16;
/// and no longer than this, so that work that has nothing to do with commits does not hold them up.
const PATIENCE: Duration = Duration::from_micros(100);

/// What a commit answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The number of the transaction.
    pub sequence: Sequence,
    /// Bytes that it takes in the tail.
    pub size_bytes: u64,
    /// What it was asked to wait for.
    pub durability: Durability,
}

/// An open store. `Store` is the handle to it.
#[derive(Debug)]
pub(super) struct Core {
    // Constant after opening.
    pub directory: Arc<Directory>,
    pub path: PathBuf,
    pub options: StoreOptions,
    // With synchronisation of their own.
    published: ArcSwap<State>,
    allocated: AtomicU64,
    /// How many transactions the last group had.
    company: AtomicUsize,
    pub compacting: AtomicBool,
    unblocked: Condvar,
    // Lock order: writer, then turn.
    writer: Mutex<Option<Writer>>,
    turn: Mutex<Turn>,
    /// Given back once nothing more will be written.
    claim: Mutex<Option<Claim>>,
}

/// What the next transaction builds on.
#[derive(Debug)]
struct Turn {
    /// The published state and every accepted transaction on top.
    accepted: State,
    /// What was accepted when the group now in flight was taken.
    in_flight: Option<State>,
    gathering: Option<Gathering>,
    recent: RecentCommits,
    blocked: bool,
    health: Health,
}

/// The group that the next leader will write.
#[derive(Debug)]
struct Gathering {
    group: Arc<Group>,
    frames: Vec<PendingFrame>,
    sync: bool,
}

#[derive(Clone, Debug)]
enum Health {
    Open,
    ReadOnly,
    Poisoned(Arc<str>),
    Closed,
}

impl Health {
    fn check(&self) -> Result<(), CommitError> {
        match self {
            Self::Open => Ok(()),
            Self::ReadOnly => Err(CommitError::ReadOnly),
            Self::Poisoned(reason) => Err(CommitError::Poisoned { reason: reason.clone() }),
            Self::Closed => Err(CommitError::Closed),
        }
    }
}

/// What a transaction wants checked before it is accepted.
#[derive(Debug)]
pub(super) struct Check<'a> {
    pub base: Sequence,
    pub reads: &'a ReadSet,
}

impl Core {
    /// A store that was opened; `writer` and the claim to be the only one are `None` for reading only.
    pub fn new(
        directory: Arc<Directory>,
        path: PathBuf,
        options: StoreOptions,
        state: State,
        writer: Option<(Writer, Claim)>,
        allocated: u64,
    ) -> Self {
        let (writer, claim) = writer.unzip();
        let turn = Turn {
            accepted: state.clone(),
            in_flight: None,
            gathering: None,
            recent: RecentCommits::above(state.sequence),
            blocked: false,
            health: if writer.is_some() { Health::Open } else { Health::ReadOnly },
        };
        Self {
            directory,
            path,
            options,
            published: ArcSwap::from_pointee(state),
            allocated: AtomicU64::new(allocated),
            company: AtomicUsize::new(0),
            compacting: AtomicBool::new(false),
            unblocked: Condvar::new(),
            writer: Mutex::new(writer),
            turn: Mutex::new(turn),
            claim: Mutex::new(claim),
        }
    }

    /// The newest visible state.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::new(self.published.load_full())
    }

    /// The newest visible state, remembered as the base of a transaction until [`Core::end`].
    pub fn begin(&self) -> Snapshot {
        // Under the turn, so that no commit can be published and forgotten between the two lines.
        let mut turn = self.turn();
        let snapshot = self.snapshot();
        turn.recent.begin(snapshot.sequence());
        snapshot
    }

    /// A transaction that began on `base` is over.
    pub fn end(&self, base: Sequence) {
        let visible = self.published.load().sequence;
        self.turn().recent.end(base, visible);
    }

    /// How many commits are remembered for the transactions that began before them.
    #[cfg(test)]
    pub fn remembered_commits(&self) -> usize {
        self.turn().recent.len()
    }

    /// Commits a record. Returns when it is as durable as asked for and visible.
    pub fn commit(
        &self,
        record: Record,
        check: Option<&Check<'_>>,
        durability: Durability,
    ) -> Result<Receipt, CommitError> {
        let payload_crc = frame::payload_crc(record.payload());
        let size_bytes = frame::frame_len(record.payload().len() as u64);
        let (group, sequence, leads) =
            self.accept(Arc::new(record), payload_crc, check, durability)?;
        let outcome = if leads { self.lead(&group) } else { group.wait() };
        outcome?;
        Ok(Receipt { sequence, size_bytes, durability })
    }

    fn accept(
        &self,
        record: Arc<Record>,
        payload_crc: u32,
        check: Option<&Check<'_>>,
        durability: Durability,
    ) -> Result<(Arc<Group>, Sequence, bool), CommitError> {
        let mut turn = self.turn();
        while turn.blocked {
            turn = self.unblocked.wait(turn).unwrap_or_else(PoisonError::into_inner);
        }
        turn.health.check()?;
        if let Some(check) = check {
            turn.recent.check(check.base, check.reads)?;
        }
        if let Err(error) = turn.apply(&record) {
            let published = self.published.load_full();
            turn.roll_back(&published, &Arc::from(error.to_string()));
            return Err(CommitError::Read(Arc::new(error)));
        }
        let sequence = turn.accepted.sequence;
        turn.recent.push(sequence, record.clone(), self.published.load().sequence);
        let counters = turn.accepted.counters;
        let frame = PendingFrame { record, payload_crc, sequence, counters };
        let (group, leads) = turn.gather(frame, durability);
        Ok((group, sequence, leads))
    }

    /// Writes the group that this thread was the first of, unless somebody did so meanwhile.
    fn lead(&self, group: &Group) -> Outcome {
        let mut writer = self.writer();
        if group.outcome().is_none() {
            self.wait_for_company();
            self.write_gathered(writer.as_mut());
        }
        drop(writer);
        group.wait()
    }

    /// Lets those who were in the last group come again before this one is written. They were woken together, and this
    /// thread is only the first of them: without it every other group would have one member. Of many writers it waits
    /// for a few: the others gather while these are synced.
    fn wait_for_company(&self) {
        let company = self.company.load(Ordering::Relaxed).min(COMPANY_MAX);
        let clock = self.directory.clock();
        let patience = clock.monotonic() + PATIENCE;
        for _ in 0..YIELDS_MAX {
            if self.turn().gathered() >= company || clock.monotonic() > patience {
                break;
            }
            yield_now();
        }
    }

    /// Writes what has gathered, publishes it and wakes its members.
    fn write_gathered(&self, writer: Option<&mut Writer>) {
        let Some(Gathering { group, frames, sync }) = self.take_gathered() else {
            return;
        };
        let unfinished = Unfinished::new(group.clone());
        planted!(AckBeforeSync => group.finish(Ok(())));
        planted!(VisibleBeforeDurable => if let Some(state) = self.turn().in_flight.clone() {
            self.published.store(Arc::new(state));
        });
        let outcome = match writer {
            Some(writer) => {
                let appended = writer.append(&frames, sync, self.directory.clock().monotonic());
                self.allocated.store(writer.allocated(), Ordering::Relaxed);
                self.settle(appended.map(|()| writer.previous_crc()))
            }
            None => Err(CommitError::Closed),
        };
        group.finish(outcome);
        drop(unfinished);
    }

    fn take_gathered(&self) -> Option<Gathering> {
        let mut turn = self.turn();
        let gathered = turn.gathering.take()?;
        self.company.store(gathered.frames.len(), Ordering::Relaxed);
        turn.in_flight = Some(turn.accepted.clone());
        Some(gathered)
    }

    /// Publishes what was in flight, or undoes it.
    fn settle(&self, appended: Result<u32, AppendError>) -> Outcome {
        let mut turn = self.turn();
        let in_flight = turn.in_flight.take();
        match (appended, in_flight) {
            (Ok(previous_crc), Some(state)) => {
                let state = State { previous_crc, ..state };
                let replaced = self.published.swap(Arc::new(state));
                drop(turn);
                self.reuse(replaced);
                Ok(())
            }
            (Ok(_), None) => Ok(()),
            (Err(AppendError::CutBack(error)), _) => {
                planted!(FailedGroupStays => return Err(CommitError::Io(Arc::new(error))));
                let published = self.published.load_full();
                turn.roll_back(&published, &Arc::from(error.to_string()));
                let error = Arc::new(error);
                Err(if error.is_no_space() {
                    CommitError::NoSpace(error)
                } else {
                    CommitError::Io(error)
                })
            }
            (Err(AppendError::Unknown(error)), _) => Err(turn.poison(&error.to_string())),
        }
    }

    /// Takes apart a state that was replaced, outside of the turn, and hands its memory to the next transactions. What
    /// a snapshot still has stays.
    fn reuse(&self, replaced: Arc<State>) {
        if let Some(state) = Arc::into_inner(replaced) {
            let buffers = state.overlay.into_buffers();
            self.turn().accepted.overlay.keep_spare(buffers);
        }
    }

    /// Waits until everything accepted so far is published or has failed.
    pub fn settle_accepted(&self) {
        let mut writer = self.writer();
        self.write_gathered(writer.as_mut());
    }

    /// Makes everything that was committed durable.
    pub fn sync(&self) -> Result<(), CommitError> {
        let mut writer = self.writer();
        self.write_gathered(writer.as_mut());
        self.turn().health.check()?;
        match writer.as_mut().map(Writer::sync_file) {
            Some(Err(AppendError::CutBack(error) | AppendError::Unknown(error))) => {
                Err(self.turn().poison(&error.to_string()))
            }
            Some(Ok(())) | None => Ok(()),
        }
    }

    /// Ends the store: writes what has gathered, says durably that all is durable, gives the space ahead
    /// back. Later commits are refused.
    pub fn close(&self) -> Result<(), CommitError> {
        let mut writer = self.writer();
        self.write_gathered(writer.as_mut());
        let healthy = self.turn().health.check();
        let Some(mut closing) = writer.take() else {
            return Ok(());
        };
        self.turn().close();
        // Dropped when the writer has done its last.
        let _claim = self.claim.lock().unwrap_or_else(PoisonError::into_inner).take();
        healthy?;
        match closing.seal() {
            Ok(()) => {
                self.allocated.store(closing.allocated(), Ordering::Relaxed);
                Ok(())
            }
            Err(AppendError::CutBack(error) | AppendError::Unknown(error)) => {
                Err(CommitError::Io(Arc::new(error)))
            }
        }
    }

    /// Holds write transactions back until [`Core::unblock`].
    pub fn block(&self) {
        planted!(SealDoesNotBlock => return);
        self.turn().blocked = true;
    }

    /// Lets write transactions go on.
    pub fn unblock(&self) {
        self.turn().blocked = false;
        self.unblocked.notify_all();
    }

    /// Why no more can be written, if so.
    pub fn check_health(&self) -> Result<(), CommitError> {
        self.turn().health.check()
    }

    /// Makes the store unusable for writing.
    pub fn poison(&self, reason: &str) -> CommitError {
        self.turn().poison(reason)
    }

    /// While writers are blocked: finishes what was accepted before, then runs `exchange` with the writer in
    /// hand and nothing in flight. What it returns takes the place of state and writer.
    pub fn exchange<E>(
        &self,
        exchange: impl FnOnce(&State) -> Result<(State, Writer), E>,
    ) -> Result<(), E> {
        let mut writer = self.writer();
        self.write_gathered(writer.as_mut());
        let (state, new_writer) = exchange(&self.published.load_full())?;
        self.allocated.store(new_writer.allocated(), Ordering::Relaxed);
        *writer = Some(new_writer);
        let mut turn = self.turn();
        turn.accepted = state.clone();
        self.published.store(Arc::new(state));
        Ok(())
    }

    /// Counters, without I/O.
    pub fn stats(&self) -> JournalStats {
        let state = self.published.load();
        let header = &state.base.header;
        let compacted = header.generation > 0;
        let baseline = if compacted { header.compaction.size_end_bytes } else { header.tail_start };
        JournalStats {
            file_bytes: state.end_position,
            allocated_bytes: self.allocated.load(Ordering::Relaxed).max(state.end_position),
            live_bytes: state.counters.live_bytes,
            image_bytes: header.image.len,
            tail_bytes: state.end_position - header.tail_start,
            entries: state.counters.entries,
            sequence: state.sequence,
            base_sequence: header.base_sequence,
            transactions_since_compaction: state.sequence.since(header.base_sequence),
            generation: header.generation,
            last_compaction: compacted.then_some(header.compaction),
            baseline_bytes: baseline,
        }
    }

    fn turn(&self) -> MutexGuard<'_, Turn> {
        self.turn.lock().unwrap_or_else(|panicked| {
            let mut turn = panicked.into_inner();
            turn.poison("a thread panicked while it applied a transaction");
            turn
        })
    }

    fn writer(&self) -> MutexGuard<'_, Option<Writer>> {
        self.writer.lock().unwrap_or_else(|panicked| {
            self.turn().poison("a thread panicked while it wrote");
            panicked.into_inner()
        })
    }
}

impl Turn {
    /// How many transactions the next group has so far.
    fn gathered(&self) -> usize {
        self.gathering.as_ref().map_or(0, |gathering| gathering.frames.len())
    }

    /// Applies a record to the accepted state and gives it its sequence and place.
    fn apply(&mut self, record: &Record) -> Result<(), ReadError> {
        let state = &mut self.accepted;
        let payload_position = state.end_position + FRAME_HEADER_SIZE;
        state.apply_counted(record, payload_position)?;
        state.sequence = state.sequence.next();
        state.end_position += frame::frame_len(record.payload().len() as u64);
        Ok(())
    }

    /// Queues a frame. Whoever is told that it leads must write the group.
    fn gather(&mut self, frame: PendingFrame, durability: Durability) -> (Arc<Group>, bool) {
        let leads = self.gathering.is_none();
        let gathering = self.gathering.get_or_insert_with(|| Gathering {
            group: Arc::default(),
            frames: Vec::new(),
            sync: false,
        });
        gathering.frames.push(frame);
        planted!(GroupSyncOfFirst => if !leads { return (gathering.group.clone(), leads) });
        gathering.sync |= durability == Durability::Sync;
        (gathering.group.clone(), leads)
    }

    /// Drops every accepted transaction that is not on its way to the file.
    fn roll_back(&mut self, published: &State, reason: &Arc<str>) {
        self.accepted = self.in_flight.as_ref().unwrap_or(published).clone();
        self.recent.truncate_after(self.accepted.sequence);
        self.fail_gathered(&CommitError::Aborted { reason: reason.clone() });
    }

    fn poison(&mut self, reason: &str) -> CommitError {
        if matches!(self.health, Health::Open) {
            self.health = Health::Poisoned(Arc::from(reason));
        }
        let error = self.health.check().err().unwrap_or(CommitError::Closed);
        self.fail_gathered(&error);
        error
    }

    fn close(&mut self) {
        self.health = Health::Closed;
        self.fail_gathered(&CommitError::Closed);
    }

    fn fail_gathered(&mut self, error: &CommitError) {
        if let Some(gathered) = self.gathering.take() {
            gathered.group.finish(Err(error.clone()));
        }
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        if let Err(error) = self.close() {
            tracing::warn!(path = %self.path.display(), %error, "the store was not closed cleanly");
        }
    }
}
