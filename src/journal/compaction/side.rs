//! The side file: the new journal while it is made.

use std::path::PathBuf;
use std::sync::Arc;

use super::super::Sequence;
use super::super::closing::{Closing, ClosingRecord};
use super::super::core::Core;
use super::super::filename::side_file;
use super::super::format::{
    AHEAD_MIN_BYTES, FRAME_HEADER_SIZE, HEADER_END, TAIL_ALIGN, VERSION_MINOR, align_up,
};
use super::super::frame::{FrameHeader, Place, chain_seed, padding};
use super::super::header::Header;
use super::super::image::{ImageBuilder, ImageOptions, ImageSummary};
use super::super::open::write_header;
use super::super::overlay::Overlay;
use super::super::reader::{Cursor, Frame, FrameReader};
use super::super::record::{Operations, RecordError};
use super::super::state::State;
use super::super::writer::{Writer, write_zeros};
use super::super::{CompactionRecord, Counters};
use super::control::CompactionControl;
use super::pace::Pace;
use crate::planted::planted;
use crate::vfs::{self, File, OpenMode};

/// Copied frames are gathered up to this size before they are written.
const COPY_BUFFER_BYTES: usize = 1 << 20;
/// The image is put on its way to the disk in pieces of this size: it is written while the next piece is made, and commits
/// get their turn between them.
const WRITE_OUT_BYTES: u64 = 2 << 20;
/// It is synced every so many bytes, so that a disk that is slower than the image is made does not fall far behind.
const SYNC_SLICE_BYTES: u64 = 32 << 20;

/// The side file and what was written to it so far. Removed when dropped before it got its name.
#[derive(Debug)]
pub struct SideFile<'a> {
    core: &'a Core,
    path: PathBuf,
    /// The name that it is to get.
    target: PathBuf,
    named: bool,
    pub file: Arc<dyn File>,
    pub file_id: u128,
    image: ImageSummary,
    base_sequence: Sequence,
    cursor: Cursor,
    overlay: Overlay,
    buffer: Vec<u8>,
}

impl<'a> SideFile<'a> {
    /// Makes an empty side file for the state after `base_sequence`, which is to replace the journal.
    pub fn create(core: &'a Core, base_sequence: Sequence) -> vfs::Result<Self> {
        Self::create_for(core, base_sequence, core.path.clone())
    }

    /// The same for a file that is to be called `target`.
    pub fn create_for(
        core: &'a Core,
        base_sequence: Sequence,
        target: PathBuf,
    ) -> vfs::Result<Self> {
        let path = side_file(&target);
        let vfs = core.directory.vfs();
        if vfs.exists(&path)? {
            vfs.remove(&path)?;
        }
        let file = vfs.open(&path, OpenMode::CreateNew)?;
        Ok(Self {
            core,
            path,
            target,
            named: false,
            file,
            file_id: core.directory.clock().unique_id(),
            image: ImageSummary::empty(HEADER_END),
            base_sequence,
            cursor: Cursor::nowhere(),
            overlay: Overlay::default(),
            buffer: Vec::new(),
        })
    }

    /// Writes `state` as the image. Stops early, with `false`, when cancelled.
    pub fn write_image(
        &mut self,
        state: &State,
        control: &CompactionControl,
        pace: &Pace<'_>,
    ) -> Result<bool, WriteError> {
        /// How often progress is reported and cancelling noticed, in entries.
        const REPORT_ENTRIES: u64 = 1024;
        control.expect_entries(state.counters.entries);
        let options = ImageOptions { compression: self.core.options.compression };
        let mut builder = ImageBuilder::new(&*self.file, HEADER_END, self.file_id, options);
        let mut scan = super::super::scan::Scan::forward(state, &super::super::KeyRange::all());
        let (mut done, mut begun, mut synced) = (0, 0, 0);
        while let Some((key, value)) = scan.next()? {
            builder.add(key, value)?;
            done += 1;
            if done % REPORT_ENTRIES == 0 {
                let written = builder.written_bytes();
                control.report(done, written);
                if control.is_cancelled() {
                    return Ok(false);
                }
                pace.keep(written);
                if written - begun >= WRITE_OUT_BYTES {
                    self.file.begin_write_out(HEADER_END + begun..HEADER_END + written);
                    begun = written;
                }
                if written - synced >= SYNC_SLICE_BYTES {
                    self.file.sync_data()?;
                    synced = written;
                }
            }
        }
        self.image = builder.finish()?;
        control.report(done, self.image.len);
        self.file.sync_data()?;
        self.start_tail(state);
        Ok(true)
    }

    fn start_tail(&mut self, state: &State) {
        let tail_start = Header::tail_start_behind(&self.image);
        self.cursor = Cursor {
            position: tail_start,
            sequence: self.base_sequence,
            counters: state.counters,
            previous_crc: chain_seed(self.file_id),
            synced_position: tail_start,
            witnessed: true,
        };
    }

    /// Copies the frames that `reader` still finds behind the image.
    pub fn copy_frames(&mut self, reader: &mut FrameReader) -> Result<(), WriteError> {
        while let Some(frame) = reader.next()? {
            self.copy_frame(&frame)?;
            if self.buffer.len() >= COPY_BUFFER_BYTES {
                self.write_buffer()?;
            }
        }
        self.write_buffer()?;
        Ok(())
    }

    /// The payload stays as it is, checksum included; the frame's header is made for its new place.
    fn copy_frame(&mut self, frame: &Frame<'_>) -> Result<(), RecordError> {
        let header = FrameHeader {
            synced_position: self.cursor.synced_position,
            previous_crc: self.cursor.previous_crc,
            ..frame.header
        };
        let place = Place { file_id: self.file_id, position: self.cursor.position };
        let (bytes, crc) = header.encode(place);
        self.buffer.extend_from_slice(&bytes);
        self.buffer.extend_from_slice(frame.payload);
        self.buffer.extend_from_slice(padding(frame.payload.len()));
        let payload_position = self.cursor.position + FRAME_HEADER_SIZE;
        for operation in Operations::of(frame.payload)? {
            self.overlay.apply(operation?, Some(payload_position));
        }
        self.cursor = Cursor {
            position: self.cursor.position + header.frame_len(),
            sequence: header.sequence,
            counters: header.counters,
            previous_crc: crc,
            synced_position: self.cursor.synced_position,
            witnessed: false,
        };
        Ok(())
    }

    fn write_buffer(&mut self) -> vfs::Result<()> {
        let start = self.cursor.position - self.buffer.len() as u64;
        self.file.write_all_at(&self.buffer, start)?;
        self.buffer.clear();
        Ok(())
    }

    /// Makes what was written so far durable.
    pub fn sync(&self) -> vfs::Result<()> {
        self.file.sync_data()
    }

    /// The last transaction that was taken over.
    pub fn sequence(&self) -> Sequence {
        self.cursor.sequence
    }

    /// Where the frames end.
    pub fn position(&self) -> u64 {
        self.cursor.position
    }

    /// Writes the header and zeros ahead of the tail, and syncs all of it.
    pub fn seal(&mut self, generation: u64, compaction: CompactionRecord) -> vfs::Result<Header> {
        let header = Header {
            minor_version: VERSION_MINOR,
            file_id: self.file_id,
            generation,
            created_micros: compaction.start_micros,
            base_sequence: self.base_sequence,
            image: self.image,
            tail_start: Header::tail_start_behind(&self.image),
            sealed_position: self.cursor.position,
            compaction,
        };
        write_header(&*self.file, &header, &self.cursor)?;
        // The pad behind the header's copy, and the space that the first commits will want.
        write_zeros(&*self.file, header.copy_position() + HEADER_END, header.pad_end())?;
        write_zeros(&*self.file, self.cursor.position, self.allocated())?;
        planted!(SideFileNotSynced => return Ok(header));
        self.file.sync_all()?;
        Ok(header)
    }

    fn allocated(&self) -> u64 {
        align_up(self.cursor.position + AHEAD_MIN_BYTES, TAIL_ALIGN)
    }

    /// Gives the side file the journal's name. Durable only after a sync of the directory.
    pub fn rename(&mut self) -> vfs::Result<()> {
        self.core.directory.vfs().rename(&self.path, &self.target)?;
        self.named = true;
        Ok(())
    }

    /// After a rename that failed: makes sure, durably, that it did not take place. An error leaves open which
    /// file has the journal's name.
    pub fn withdraw(&mut self) -> vfs::Result<()> {
        // Whether this works or not, nothing is left to be tidied up.
        self.named = true;
        let directory = &self.core.directory;
        directory.vfs().remove(&self.path)?;
        directory.vfs().sync_dir(directory.path())
    }

    /// What the store goes on with.
    pub fn into_parts(mut self, header: &Header) -> (Overlay, Counters, Cursor, Writer) {
        let overlay = std::mem::take(&mut self.overlay);
        let closing = Closing::Whole(ClosingRecord::at(&self.cursor));
        let (file, allocated) = (self.file.clone(), self.allocated());
        let writer = Writer::resume(file, header, self.cursor, closing, allocated);
        (overlay, self.cursor.counters, self.cursor, writer)
    }
}

impl Drop for SideFile<'_> {
    fn drop(&mut self) {
        if !self.named
            && let Err(error) = self.core.directory.vfs().remove(&self.path)
        {
            tracing::warn!(%error, "a side file stays behind; the next open removes it");
        }
    }
}

/// What can go wrong while the side file is filled.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    #[error(transparent)]
    Read(#[from] super::super::image::ReadError),
    #[error(transparent)]
    Build(#[from] super::super::image::BuildError),
    #[error(transparent)]
    Io(#[from] vfs::Error),
    #[error("{0}")]
    Record(#[from] RecordError),
}
