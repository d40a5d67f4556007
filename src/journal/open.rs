//! The way back: from a file to a state, and for writers to the end of the tail.
//!
//! Read are the header, the image's root pointer (which is in the header) and the tail; nothing else, so that
//! opening costs the tail and not the store. Deciding ([`super::recovery`]) comes before repairing, and
//! repairing happens only when the store is opened for writing.

use std::path::Path;
use std::sync::Arc;

use super::closing::{Closing, ClosingRecord};
use super::core::Core;
use super::directory::{Access, Directory};
use super::filename::{is_store_name, side_file};
use super::format::{CLOSING_SIZE, FILE_MAX_BYTES, HEADER_BYTES, HEADER_END};
use super::frame::Place;
use super::header::{Header, HeaderError};
use super::image::{Image, ReadError};
use super::options::StoreOptions;
use super::reader::{Cursor, FrameReader, inspect_remains};
use super::recovery::{Action, Case, TailEnd};
use super::replay::Replay;
use super::state::{Base, State};
use super::tail_file::TailFile;
use super::writer::Writer;
use super::{Damage, OpenError};
use crate::planted::planted;
use crate::vfs::{self, File, OpenMode, Vfs};

/// What was found in a file.
#[derive(Debug)]
pub struct Recovered {
    /// The state after the last whole transaction.
    pub state: State,
    /// Where the chain of frames ends.
    pub cursor: Cursor,
    /// What the end looks like.
    pub case: Case,
    /// What the last close said.
    pub closing: Closing,
    /// The length of the file.
    pub file_len: u64,
}

/// Opens a store in a directory, making it when it is missing.
pub fn open(
    directory: &Arc<Directory>,
    name: &str,
    options: StoreOptions,
) -> Result<Core, OpenError> {
    if !is_store_name(name) {
        return Err(OpenError::BadName { name: name.to_owned() });
    }
    let path = directory.path().join(name);
    match directory.access() {
        Access::Write => open_for_writing(directory, &path, options),
        Access::ReadOnly => open_for_reading(directory, &path, options),
    }
}

fn open_for_reading(
    directory: &Arc<Directory>,
    path: &Path,
    options: StoreOptions,
) -> Result<Core, OpenError> {
    let vfs = directory.vfs();
    if !vfs.exists(path)? || is_newborn(&**vfs, path)? {
        return Err(OpenError::NotFound { path: path.to_path_buf() });
    }
    let file = vfs.open(path, OpenMode::Read)?;
    let recovered = recover(&file, &options)?;
    let Recovered { state, file_len, .. } = check(recovered)?;
    Ok(Core::new(directory.clone(), path.to_path_buf(), options, state, None, file_len))
}

fn open_for_writing(
    directory: &Arc<Directory>,
    path: &Path,
    options: StoreOptions,
) -> Result<Core, OpenError> {
    let claim = directory.claim(path)?;
    let vfs = &**directory.vfs();
    remove_side_file(vfs, &side_file(path))?;
    if !vfs.exists(path)? || is_newborn(vfs, path)? {
        create(directory, path)?;
    } else {
        sync_names(directory)?;
    }
    let file = vfs.open(path, OpenMode::ReadWrite)?;
    let recovered = check(recover(&file, &options)?)?;
    let writer = repair(&recovered)?;
    let allocated = writer.allocated();
    let path = path.to_path_buf();
    let writer = Some((writer, claim));
    Ok(Core::new(directory.clone(), path, options, recovered.state, writer, allocated))
}

fn remove_side_file(vfs: &dyn Vfs, side: &Path) -> vfs::Result<()> {
    planted!(SideFileStays => return Ok(()));
    if vfs.exists(side)? {
        tracing::info!(path = %side.display(), "removing the side file of a compaction that did not end");
        vfs.remove(side)?;
    }
    Ok(())
}

/// The process before may have ended between a rename and the sync that makes it durable.
fn sync_names(directory: &Directory) -> vfs::Result<()> {
    planted!(OpenDoesNotSyncNames => return Ok(()));
    directory.vfs().sync_dir(directory.path())
}

/// A file of which only the name became durable: empty, or nothing but zeros. One with a header is known
/// after its first bytes, whatever its length.
fn is_newborn(vfs: &dyn Vfs, path: &Path) -> Result<bool, OpenError> {
    planted!(NewbornRefused => return Ok(false));
    let file = vfs.open(path, OpenMode::Read)?;
    let mut start = [0; HEADER_BYTES];
    let count = file.read_at(&mut start, 0)?;
    if start.iter().take(count).any(|byte| *byte != 0) {
        return Ok(false);
    }
    Ok(inspect_remains(&*file, 0, 0, file.len()?)?.zeros)
}

/// Makes an empty store under a side name, and names it when it is whole.
fn create(directory: &Directory, path: &Path) -> Result<(), OpenError> {
    let clock = directory.clock();
    let header = Header::newborn(clock.unique_id(), clock.wall_micros());
    let side = side_file(path);
    let vfs = directory.vfs();
    let file = vfs.open(&side, OpenMode::CreateNew)?;
    write_header(&*file, &header, &Cursor::at_tail_start(&header))?;
    file.set_len(header.tail_start)?;
    planted!(CreatedBytesNotSynced => {
        vfs.rename(&side, path)?;
        return Ok(vfs.sync_dir(directory.path())?);
    });
    file.sync_all()?;
    vfs.rename(&side, path)?;
    planted!(CreatedNameNotSynced => return Ok(()));
    vfs.sync_dir(directory.path())?;
    Ok(())
}

/// Writes the header, its copy, and the closing record of a tail that ends at `end`.
pub fn write_header(file: &dyn File, header: &Header, end: &Cursor) -> vfs::Result<()> {
    if let Some(place) = closing_place(header) {
        ClosingRecord::at(end).write(file, place)?;
    }
    let bytes = header.encode();
    planted!(HeaderCopyMissing => return file.write_all_at(&bytes, 0));
    file.write_all_at(&bytes, header.copy_position())?;
    file.write_all_at(&bytes, 0)
}

/// Where the closing record of a file stands, for its checksum.
fn closing_place(header: &Header) -> Option<Place> {
    let file_id = header.file_id;
    header.closing_position().map(|position| Place { file_id, position })
}

/// What the last close said of the tail.
pub fn read_closing(file: &dyn File, header: &Header) -> vfs::Result<Closing> {
    Closing::read(file, header.file_id, header.closing_position())
}

/// Reads the header at `position`.
pub fn read_header(file: &dyn File, position: u64) -> Result<Header, OpenError> {
    let path = || file.path().to_path_buf();
    let mut bytes = [0; HEADER_BYTES];
    if file.read_at(&mut bytes, position)? < HEADER_BYTES {
        return Err(OpenError::NotAJournal { path: path() });
    }
    let damaged =
        |position| damage(file.path(), position, "the header is damaged", Cursor::nowhere());
    let header = Header::decode(&bytes).map_err(|error| match error {
        HeaderError::NotAJournal => OpenError::NotAJournal { path: path() },
        HeaderError::Version { major } => OpenError::Version { path: path(), major },
        HeaderError::Damaged => OpenError::Damaged(damaged(position)),
    })?;
    let image_end = header.image.start.checked_add(header.image.len);
    let closing_size = if header.closing_position().is_some() { CLOSING_SIZE } else { 0 };
    let copy_end = image_end.and_then(|end| end.checked_add(HEADER_END + closing_size));
    let sound = header.image.start == HEADER_END
        && copy_end.is_some_and(|end| end <= header.tail_start)
        && header.tail_start <= header.sealed_position
        && header.sealed_position <= FILE_MAX_BYTES;
    if sound { Ok(header) } else { Err(OpenError::Damaged(damaged(position))) }
}

/// Whether the copy of a header stands where it says.
pub fn has_its_copy(file: &dyn File, header: &Header) -> Result<bool, OpenError> {
    match read_header(file, header.copy_position()) {
        Ok(copy) => Ok(copy == *header),
        Err(error @ OpenError::Io(_)) => Err(error),
        Err(_) => Ok(false),
    }
}

/// The image that a header describes.
pub fn open_image(
    header: &Header,
    file: Arc<dyn File>,
    options: &StoreOptions,
) -> Result<Image, ReadError> {
    let StoreOptions { image_read, block_cache, .. } = options;
    Image::open(file, header.file_id, header.image, *image_read, block_cache)
}

/// Reads a file as far as its frames go. Changes nothing.
pub fn recover(file: &Arc<dyn File>, options: &StoreOptions) -> Result<Recovered, OpenError> {
    let header = read_header(&**file, 0)?;
    let file_len = file.len()?;
    let image = open_image(&header, file.clone(), options)?;
    let tail = TailFile::new(file.clone(), options.image_read);
    let base = Arc::new(Base { header, file: file.clone(), image, tail });
    let mut replay = Replay::onto(State::of_base(base));
    let mut reader =
        FrameReader::new(file.clone(), header.file_id, Cursor::at_tail_start(&header), file_len);
    while let Some(frame) = reader.next()? {
        let position = frame.position;
        if replay.frame(&frame).is_err() {
            let what = "a whole frame holds a record that cannot be read";
            return Err(damage(file.path(), position, what, reader.cursor()).into());
        }
    }
    let cursor = reader.cursor();
    let mut state = replay.finish();
    // A witness at the end belongs to no transaction.
    state.end_position = cursor.position;
    state.previous_crc = cursor.previous_crc;
    let remains = inspect_remains(&**file, header.file_id, cursor.position, file_len)?;
    let closing = read_closing(&**file, &header)?;
    let end = TailEnd {
        position: cursor.position,
        file_len,
        sealed_position: header.sealed_position,
        witnessed: cursor.witnessed,
        closing,
        remains,
    };
    Ok(Recovered { state, cursor, case: Case::of(&end), closing, file_len })
}

/// Refuses what a crash cannot explain, and says what a repair would do.
fn check(recovered: Recovered) -> Result<Recovered, OpenError> {
    let Recovered { state, cursor, case, file_len, .. } = &recovered;
    let path = state.base.file.path();
    match case.action() {
        Action::Keep => {}
        // To a header that was written over this file's own every frame is foreign: on its word nothing is cut.
        Action::Cut if !has_its_copy(&*state.base.file, &state.base.header)? => {
            let what = "the header differs from its copy behind the image";
            return Err(damage(path, 0, what, *cursor).into());
        }
        Action::Cut => tracing::warn!(
            path = %path.display(), case = %case, position = cursor.position,
            bytes = file_len - cursor.position, last = %cursor.sequence,
            "the tail ends in something unfinished, which was never acknowledged"
        ),
        Action::Refuse => {
            return Err(damage(path, cursor.position, case.expectation(), *cursor).into());
        }
    }
    Ok(recovered)
}

fn damage(path: &Path, position: u64, what: &'static str, cursor: Cursor) -> Damage {
    Damage { path: path.to_path_buf(), position, what, intact: cursor.sequence }
}

/// Makes the file's end fit to be written on: cuts what is unfinished, and makes durable what was accepted.
fn repair(recovered: &Recovered) -> Result<Writer, OpenError> {
    let Recovered { state, cursor, case, closing, file_len } = recovered;
    let (file, header) = (&state.base.file, &state.base.header);
    let mut allocated = *file_len;
    let resume = |allocated| Writer::resume(file.clone(), header, *cursor, *closing, allocated);
    planted!(TailNotCut => return Ok(resume(allocated)));
    if case.action() == Action::Cut {
        file.set_len(cursor.position)?;
        file.sync_all()?;
        allocated = cursor.position;
    }
    // A last witness too: it may be in the cache alone, and the next frame will name it.
    planted!(NotRewritten => {
        file.sync_all()?;
        return Ok(resume(allocated));
    });
    rewrite(&**file, cursor.synced_position, cursor.position)?;
    planted!(RepairNotSynced => return Ok(resume(allocated)));
    file.sync_all()?;
    let mut writer = resume(allocated);
    if *closing == Closing::Damaged {
        tracing::warn!(path = %file.path().display(), "the closing record is written anew");
        writer.write_closing()?;
    }
    Ok(writer)
}

/// Writes `[start, end)` again as it is. After a failed sync the cache may show bytes that are not on disk
/// and that no later sync would write, because their pages count as clean; rewriting makes them dirty.
fn rewrite(file: &dyn File, start: u64, end: u64) -> vfs::Result<()> {
    let most = usize::try_from(end.saturating_sub(start)).unwrap_or(usize::MAX);
    let mut buffer = vec![0; most.min(1 << 20)];
    let mut position = start;
    while position < end {
        let len = usize::try_from(end - position).unwrap_or(usize::MAX).min(buffer.len());
        let piece = buffer.get_mut(..len).unwrap_or_default();
        file.read_exact_at(piece, position)?;
        file.write_all_at(piece, position)?;
        position += len as u64;
    }
    Ok(())
}
