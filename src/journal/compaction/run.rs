//! The corridor itself.

use std::num::NonZeroU64;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::super::core::Core;
use super::super::format::AHEAD_MIN_BYTES;
use super::super::header::Header;
use super::super::image::BuildError;
use super::super::open::open_image;
use super::super::reader::{Cursor, FrameReader};
use super::super::snapshot::Snapshot;
use super::super::state::{Base, State};
use super::super::tail_file::TailFile;
use super::super::writer::Writer;
use super::super::{CompactionError, CompactionRecord, Damage, JournalStats, Sequence};
use super::control::{CompactionControl, Stage};
use super::estimate::{bound_bytes, estimate_bytes};
use super::pace::Pace;
use super::side::{SideFile, WriteError};
use super::start::Start;
use crate::planted::planted;
use crate::vfs::{self, File};

/// `seal` begins when no more than this is left to copy.
const GAP_SMALL_BYTES: u64 = 256 << 10;
/// `seal` begins after this many rounds of catching up, whatever is left: so it ends under any load.
const CATCH_UP_ROUNDS_MAX: usize = 8;
/// When write transactions wait for a compaction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WritePolicy {
    /// From its beginning to its end, as NSO's CDB does.
    #[default]
    Blocking,
    /// Only while the last small gap is copied.
    Background,
}

/// How a compaction is to be done.
#[derive(Clone, Copy, Debug, Default)]
pub struct CompactionRequest {
    /// When write transactions wait.
    pub policy: WritePolicy,
    /// The most bytes written per second before `seal`; `None` is without limit.
    pub throttle_bytes_per_second: Option<NonZeroU64>,
}

/// What a compaction did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompactionReport {
    /// As the file's header keeps it. Its duration ends when the new file is complete.
    pub record: CompactionRecord,
    /// The whole duration, swap included.
    pub duration: Duration,
    /// How long write transactions had to wait.
    pub blocked: Duration,
    /// Bytes written to the new file.
    pub written_bytes: u64,
    /// Live entries in it.
    pub entries: u64,
    /// The last transaction in the image.
    pub sequence: Sequence,
}

/// Runs a compaction to its end on this thread.
pub fn run(
    core: &Core,
    request: &CompactionRequest,
    control: &CompactionControl,
) -> Result<CompactionReport, CompactionError> {
    if core.compacting.swap(true, Ordering::AcqRel) {
        return Err(CompactionError::Running);
    }
    let _running = Running { core };
    let span = tracing::info_span!("compaction", path = %core.path.display());
    span.in_scope(|| Compaction::begin(core, request, control)?.finish())
}

/// Clears the mark that a compaction runs.
struct Running<'a> {
    core: &'a Core,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.core.compacting.store(false, Ordering::Release);
    }
}

/// Holds write transactions back while it lives, and knows since when.
struct Blocked<'a> {
    core: &'a Core,
    since: Duration,
}

impl<'a> Blocked<'a> {
    fn new(core: &'a Core) -> Self {
        let since = core.directory.clock().monotonic();
        core.block();
        Self { core, since }
    }

    fn release(self) -> Duration {
        let now = self.core.directory.clock().monotonic();
        now.saturating_sub(self.since)
    }
}

impl Drop for Blocked<'_> {
    fn drop(&mut self) {
        self.core.unblock();
    }
}

/// A compaction whose side file exists.
struct Compaction<'a> {
    core: &'a Core,
    control: &'a CompactionControl,
    request: CompactionRequest,
    blocked: Option<Blocked<'a>>,
    before: JournalStats,
    snapshot: Snapshot,
    side: SideFile<'a>,
    start: Start<'a>,
}

impl<'a> Compaction<'a> {
    fn begin(
        core: &'a Core,
        request: &CompactionRequest,
        control: &'a CompactionControl,
    ) -> Result<Self, CompactionError> {
        let start = Start::now(&**core.directory.clock());
        core.check_health()?;
        control.enter(Stage::Begin);
        let blocked = match request.policy {
            WritePolicy::Blocking => Some(Blocked::new(core)),
            WritePolicy::Background => None,
        };
        // Also makes what was only buffered durable: the side file must not hold more than the old file.
        core.sync()?;
        let before = core.stats();
        check_room(core, core.directory.path(), &before)?;
        let snapshot = core.snapshot();
        let side = SideFile::create(core, snapshot.sequence()).map_err(io(Stage::Begin))?;
        let request = *request;
        Ok(Self { core, control, request, blocked, before, snapshot, side, start })
    }

    fn finish(mut self) -> Result<CompactionReport, CompactionError> {
        self.write_image()?;
        let state = self.snapshot.state();
        let (base, end) = (&state.base, state.end_position);
        let mut reader =
            FrameReader::new(base.file.clone(), base.header.file_id, state.cursor(), end);
        self.catch_up(&mut reader)?;
        check_cancelled(self.control, Stage::Seal)?;
        self.control.enter(Stage::Seal);
        let blocked = self.blocked.take().unwrap_or_else(|| Blocked::new(self.core));
        self.seal_and_swap(&mut reader, blocked)
    }

    fn write_image(&mut self) -> Result<(), CompactionError> {
        const STAGE: Stage = Stage::WriteImage;
        check_cancelled(self.control, STAGE)?;
        self.control.enter(STAGE);
        let clock = &**self.core.directory.clock();
        let pace = Pace::start(clock, self.control, self.request.throttle_bytes_per_second);
        match self.side.write_image(self.snapshot.state(), self.control, &pace) {
            Ok(true) => Ok(()),
            Ok(false) => Err(CompactionError::Cancelled { stage: STAGE }),
            Err(error) => Err(failed(&self.side, STAGE, error)),
        }
    }

    fn catch_up(&mut self, reader: &mut FrameReader) -> Result<(), CompactionError> {
        const STAGE: Stage = Stage::CatchUp;
        check_cancelled(self.control, STAGE)?;
        self.control.enter(STAGE);
        for _ in 0..CATCH_UP_ROUNDS_MAX {
            let end = self.core.snapshot().state().end_position;
            if end - reader.cursor().position <= GAP_SMALL_BYTES {
                break;
            }
            reader.extend_to(end);
            self.side.copy_frames(reader).map_err(|error| failed(&self.side, STAGE, error))?;
            self.side.sync().map_err(io(STAGE))?;
            check_cancelled(self.control, STAGE)?;
        }
        Ok(())
    }

    /// The last gap, the header, the name: with the writer in hand and nothing in flight.
    fn seal_and_swap(
        self,
        reader: &mut FrameReader,
        blocked: Blocked<'_>,
    ) -> Result<CompactionReport, CompactionError> {
        let Self { core, control, before, mut side, start, snapshot, .. } = self;
        let mut record = CompactionRecord::default();
        core.exchange(|old| {
            core.check_health()?;
            check_named(core, old)?;
            copy_rest(&mut side, reader, old)?;
            record = start.record(&before, side.position());
            let header =
                side.seal(before.generation.saturating_add(1), record).map_err(io(Stage::Seal))?;
            let base = Arc::new(open_base(core, header, side.file.clone())?);
            check_cancelled(control, Stage::Swap)?;
            control.enter(Stage::Swap);
            swap_names(core, &mut side)?;
            Ok::<_, CompactionError>(adopt(base, side))
        })?;
        let blocked = blocked.release();
        control.enter(Stage::Retire);
        Ok(CompactionReport {
            record,
            duration: start.elapsed(),
            blocked,
            written_bytes: record.size_end_bytes,
            entries: snapshot.state().counters.entries,
            sequence: snapshot.sequence(),
        })
    }
}

fn copy_rest(
    side: &mut SideFile<'_>,
    reader: &mut FrameReader,
    old: &State,
) -> Result<(), CompactionError> {
    planted!(GapNotCopied => return Ok(()));
    reader.extend_to(old.end_position);
    side.copy_frames(reader).map_err(|error| failed(side, Stage::Seal, error))?;
    if side.sequence() == old.sequence {
        return Ok(());
    }
    let Cursor { position, sequence: intact, .. } = reader.cursor();
    let path = old.base.file.path().to_path_buf();
    let what = "a committed frame cannot be read back";
    let source = Damage { path, position, what, intact };
    Err(CompactionError::Damaged { stage: Stage::Seal, source })
}

fn open_base(core: &Core, header: Header, file: Arc<dyn File>) -> Result<Base, CompactionError> {
    let image = open_image(&header, file.clone(), &core.options);
    let image = image.map_err(|source| CompactionError::Read { stage: Stage::Seal, source })?;
    let tail = TailFile::new(file.clone(), core.options.image_read);
    Ok(Base { header, file, image, tail })
}

/// A journal that was removed under the store is not given its name again: nobody would look for it there.
fn check_named(core: &Core, old: &State) -> Result<(), CompactionError> {
    if old.base.file.is_linked().map_err(io(Stage::Seal))? {
        return Ok(());
    }
    let error = vfs::Error::removed(&core.path).to_string();
    Err(CompactionError::Unavailable(core.poison(&error)))
}

fn swap_names(core: &Core, side: &mut SideFile<'_>) -> Result<(), CompactionError> {
    let poisoned =
        |error: vfs::Error| CompactionError::Unavailable(core.poison(&error.to_string()));
    planted!(UnlinkBeforeRename => core.directory.vfs().remove(&core.path).map_err(io(Stage::Swap))?);
    if let Err(error) = side.rename() {
        planted!(FailedRenameTrusted => return Err(io(Stage::Swap)(error)));
        // A rename that failed may have taken place all the same; then commits to the old file were lost.
        return Err(match side.withdraw() {
            Ok(()) => io(Stage::Swap)(error),
            Err(_) => poisoned(error),
        });
    }
    planted!(SwapNotSynced => return Ok(()));
    core.directory.vfs().sync_dir(core.directory.path()).map_err(poisoned)
}

pub(super) fn check_cancelled(
    control: &CompactionControl,
    stage: Stage,
) -> Result<(), CompactionError> {
    if control.is_cancelled() {
        return Err(CompactionError::Cancelled { stage });
    }
    Ok(())
}

pub(super) fn failed(side: &SideFile<'_>, stage: Stage, error: WriteError) -> CompactionError {
    let damaged = |what| {
        let path = side.file.path().to_path_buf();
        let source = Damage { path, position: 0, what, intact: side.sequence() };
        CompactionError::Damaged { stage, source }
    };
    match error {
        WriteError::Read(source) => CompactionError::Read { stage, source },
        WriteError::Io(source) | WriteError::Build(BuildError::Io(source)) => {
            CompactionError::Io { stage, source }
        }
        WriteError::Build(_) => damaged("keys of the old file are out of order"),
        WriteError::Record(_) => damaged("a record of the tail cannot be read"),
    }
}

fn adopt(base: Arc<Base>, side: SideFile<'_>) -> (State, Writer) {
    let (overlay, counters, cursor, writer) = side.into_parts(&base.header);
    let state = State {
        sequence: cursor.sequence,
        base,
        overlay,
        counters,
        end_position: cursor.position,
        previous_crc: cursor.previous_crc,
    };
    (state, writer)
}

pub(super) fn io(stage: Stage) -> impl Fn(vfs::Error) -> CompactionError {
    move |source| CompactionError::Io { stage, source }
}

/// Whether the new file has room in a directory.
pub(super) fn check_room(
    core: &Core,
    directory: &Path,
    stats: &JournalStats,
) -> Result<(), CompactionError> {
    let vfs = core.directory.vfs();
    let free_bytes = vfs.free_space_bytes(directory).map_err(io(Stage::Begin))?;
    // The space that is written ahead takes room as well.
    let ahead = 2 * AHEAD_MIN_BYTES;
    if free_bytes >= bound_bytes(stats).saturating_add(ahead) {
        return Ok(());
    }
    let estimate = estimate_bytes(core);
    // A sample is not the whole; where it still does not fit, the write says so and nothing is lost.
    let needed_bytes = estimate.saturating_add(estimate / 8).saturating_add(ahead);
    if free_bytes < needed_bytes {
        return Err(CompactionError::NoRoom { needed_bytes, free_bytes });
    }
    Ok(())
}
