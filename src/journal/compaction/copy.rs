//! A copy of a store that runs: the stages of a compaction up to the name, beside the journal and not in its place.

use std::path::{Path, PathBuf};

use super::super::core::Core;
use super::super::snapshot::Snapshot;
use super::super::{CompactionError, Sequence};
use super::control::{CompactionControl, Stage};
use super::pace::Pace;
use super::run::{check_cancelled, check_room, failed, io};
use super::side::SideFile;
use super::start::Start;
use crate::vfs;

/// A copy that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreCopy {
    /// The file.
    pub path: PathBuf,
    /// Its size.
    pub size_bytes: u64,
    /// The last transaction in it.
    pub sequence: Sequence,
    /// How many entries it has.
    pub entries: u64,
}

/// Writes the newest state into `directory`, under the journal's own name. Readers and writers go on.
pub fn copy(
    core: &Core,
    directory: &Path,
    control: &CompactionControl,
) -> Result<StoreCopy, CompactionError> {
    control.enter(Stage::Begin);
    let vfs = &**core.directory.vfs();
    let name = core.path.file_name().unwrap_or_default();
    let target = directory.join(name);
    if vfs.exists(&target).map_err(io(Stage::Begin))? {
        let error = vfs::Error::already_there(&target);
        return Err(io(Stage::Begin)(error));
    }
    vfs::create_dirs(vfs, directory).map_err(io(Stage::Begin))?;
    let before = core.stats();
    check_room(core, directory, &before)?;
    let clock = core.directory.clock();
    let start = Start::now(&**clock);
    let snapshot: Snapshot = core.snapshot();
    let mut side = SideFile::create_for(core, snapshot.sequence(), target.clone())
        .map_err(io(Stage::Begin))?;
    check_cancelled(control, Stage::WriteImage)?;
    control.enter(Stage::WriteImage);
    let pace = Pace::start(&**clock, control, None);
    let written = side.write_image(snapshot.state(), control, &pace);
    if !written.map_err(|error| failed(&side, Stage::WriteImage, error))? {
        return Err(CompactionError::Cancelled { stage: Stage::WriteImage });
    }
    control.enter(Stage::Seal);
    let record = start.record(&before, side.position());
    side.seal(before.generation.saturating_add(1), record).map_err(io(Stage::Seal))?;
    check_cancelled(control, Stage::Swap)?;
    control.enter(Stage::Swap);
    side.rename().map_err(io(Stage::Swap))?;
    vfs.sync_dir(directory).map_err(io(Stage::Swap))?;
    control.enter(Stage::Retire);
    let (size_bytes, entries) = (side.position(), snapshot.state().counters.entries);
    Ok(StoreCopy { path: target, size_bytes, sequence: snapshot.sequence(), entries })
}
