//! The tail's end: places frames, syncs, and cuts back what failed.
//!
//! Frames that are synced are written into space that was filled with zeros and synced before, so that a commit
//! is one data write and one sync, with no file-system metadata to journal. What is only buffered is appended;
//! the next sync makes the length durable with it.

use std::sync::Arc;
use std::time::Duration;

use super::closing::{Closing, ClosingRecord};
use super::format::{AHEAD_FRACTION, AHEAD_MAX_BYTES, AHEAD_MIN_BYTES, TAIL_ALIGN, align_up};
use super::frame::{self, FrameHeader, FrameKind, Place, padding};
use super::header::Header;
use super::reader::Cursor;
use super::record::Record;
use super::{Counters, Sequence};
use crate::planted::planted;
use crate::vfs::{self, File};

/// Frames are gathered up to this size before they are handed to the file.
const BUFFER_BYTES: usize = 1 << 20;
/// How often it is looked whether the file still has a name.
const LINK_CHECK_EVERY: Duration = Duration::from_millis(100);
/// Zeros are written in pieces of this size.
static ZEROS: [u8; 64 << 10] = [0; 64 << 10];

/// A transaction that has its number and place, and waits to be written.
#[derive(Clone, Debug)]
pub struct PendingFrame {
    pub record: Arc<Record>,
    pub payload_crc: u32,
    pub sequence: Sequence,
    pub counters: Counters,
}

/// Why a group was not appended.
#[derive(Debug)]
pub enum AppendError {
    /// The tail is as it was before; writing may work again.
    CutBack(vfs::Error),
    /// What the file holds is unknown; nothing more may be written through this handle.
    Unknown(vfs::Error),
}

/// The only writer of a journal file.
#[derive(Debug)]
pub struct Writer {
    file: Arc<dyn File>,
    file_id: u128,
    /// Where the closing record stands, in a file that has one.
    closing_position: Option<u64>,
    /// What it says.
    closing: Closing,
    cursor: Cursor,
    /// The file's length; everything from the cursor up to here is zeros.
    allocated: u64,
    /// Whether that length is durable: what is not synced is written without making room first.
    length_durable: bool,
    /// Everything before this position is durable.
    synced: u64,
    buffer: Vec<u8>,
    /// When the file was last seen to have a name, on the monotonic clock.
    linked_at: Option<Duration>,
}

impl Writer {
    /// Goes on at `cursor`, where all before is durable and all behind, up to `allocated`, is zeros.
    pub fn resume(
        file: Arc<dyn File>,
        header: &Header,
        cursor: Cursor,
        closing: Closing,
        allocated: u64,
    ) -> Self {
        Self {
            file,
            file_id: header.file_id,
            closing_position: header.closing_position(),
            closing,
            cursor,
            allocated,
            length_durable: true,
            synced: cursor.position,
            buffer: Vec::new(),
            linked_at: None,
        }
    }

    /// The header checksum of the last frame.
    pub fn previous_crc(&self) -> u32 {
        self.cursor.previous_crc
    }

    /// The file's length.
    pub fn allocated(&self) -> u64 {
        self.allocated
    }

    /// Appends a group of transactions; durable when `sync` is set.
    pub fn append(
        &mut self,
        frames: &[PendingFrame],
        sync: bool,
        now: Duration,
    ) -> Result<(), AppendError> {
        self.check_linked(now)?;
        let len: u64 =
            frames.iter().map(|f| frame::frame_len(f.record.payload().len() as u64)).sum();
        // Zeros ahead make a sync cheap; what is not synced only needs to be written.
        if sync {
            self.allocate(self.cursor.position + len)?;
        }
        let before = self.cursor;
        let written = self.write_frames(frames, sync);
        match written {
            Ok(()) => {
                if self.cursor.position > self.allocated {
                    self.allocated = self.cursor.position;
                    self.length_durable = false;
                }
                Ok(())
            }
            Err(AppendError::CutBack(error)) => Err(self.cut_back(before, error)),
            Err(unknown) => Err(unknown),
        }
    }

    /// Refuses to go on writing to a file that was removed. Asking costs as much as a third of a commit, so
    /// it is asked ten times a second at the most.
    fn check_linked(&mut self, now: Duration) -> Result<(), AppendError> {
        if self.linked_at.is_some_and(|at| now.saturating_sub(at) < LINK_CHECK_EVERY) {
            return Ok(());
        }
        if !self.file.is_linked().map_err(AppendError::Unknown)? {
            return Err(AppendError::Unknown(vfs::Error::removed(self.file.path())));
        }
        self.linked_at = Some(now);
        Ok(())
    }

    /// Says durably that everything so far is durable, and gives the space ahead back. Does nothing when the
    /// tail already ends so.
    pub fn seal(&mut self) -> Result<(), AppendError> {
        planted!(ClosingWitnessMissing => {
            self.sync_file()?;
            self.file.set_len(self.cursor.position).map_err(AppendError::CutBack)?;
            self.allocated = self.cursor.position;
            return self.file.sync_all().map_err(AppendError::Unknown);
        });
        if !self.cursor.witnessed || self.synced < self.cursor.position {
            self.allocate(self.cursor.position + frame::frame_len(0))?;
            self.sync_file()?;
            self.buffer.clear();
            let header = FrameHeader {
                kind: FrameKind::Witness,
                sequence: self.cursor.sequence,
                payload_len: 0,
                payload_crc: frame::payload_crc(&[]),
                synced_position: self.synced,
                counters: self.cursor.counters,
                previous_crc: self.cursor.previous_crc,
            };
            self.push_header(&header);
            let start = self.cursor.position - self.buffer.len() as u64;
            self.file.write_all_at(&self.buffer, start).map_err(AppendError::CutBack)?;
            self.buffer.clear();
        }
        if self.allocated > self.cursor.position || self.synced < self.cursor.position {
            self.file.set_len(self.cursor.position).map_err(AppendError::CutBack)?;
            self.allocated = self.cursor.position;
            self.file.sync_all().map_err(AppendError::Unknown)?;
            self.synced = self.cursor.position;
        }
        self.write_closing().map_err(AppendError::Unknown)
    }

    /// Says durably, outside of the tail, that the tail is durable up to here. Does nothing when that is said already.
    pub fn write_closing(&mut self) -> vfs::Result<()> {
        let (record, file_id) = (ClosingRecord::at(&self.cursor), self.file_id);
        let Some(position) = self.closing_position else {
            return Ok(());
        };
        if self.closing == Closing::Whole(record) {
            return Ok(());
        }
        record.write(&*self.file, Place { file_id, position })?;
        self.file.sync_data()?;
        self.closing = Closing::Whole(record);
        Ok(())
    }

    fn write_frames(&mut self, frames: &[PendingFrame], sync: bool) -> Result<(), AppendError> {
        self.buffer.clear();
        let mut start = self.cursor.position;
        for pending in frames {
            self.push_frame_header(pending);
            let payload = pending.record.payload();
            if payload.len() > BUFFER_BYTES {
                start = self.write_from(start)?;
                self.file.write_all_at(payload, start).map_err(AppendError::CutBack)?;
                start += payload.len() as u64;
            } else {
                self.buffer.extend_from_slice(payload);
            }
            self.buffer.extend_from_slice(padding(payload.len()));
            if self.buffer.len() >= BUFFER_BYTES {
                start = self.write_from(start)?;
            }
        }
        planted!(OlderTakenForDurable => if sync { return self.write_durable(start) });
        if sync && start == self.synced {
            return self.write_durable(start);
        }
        self.write_from(start)?;
        if sync { self.sync_file() } else { Ok(()) }
    }

    /// Hands what was gathered to the file and gives the position behind it.
    fn write_from(&mut self, start: u64) -> Result<u64, AppendError> {
        if !self.buffer.is_empty() {
            self.file.write_all_at(&self.buffer, start).map_err(AppendError::CutBack)?;
        }
        let end = start + self.buffer.len() as u64;
        self.buffer.clear();
        Ok(end)
    }

    /// The usual commit: one write, one sync, behind nothing that is not durable. A failure leaves open which of the two it was, unless room ran
    /// out, which only a write reports.
    fn write_durable(&mut self, start: u64) -> Result<(), AppendError> {
        planted!(NoSync => {
            self.synced = self.cursor.position;
            return self.file.write_all_at(&self.buffer, start).map_err(AppendError::CutBack);
        });
        planted!(RetrySync => if self.file.write_durable_at(&self.buffer, start).is_err() {
            self.file.sync_data().map_err(AppendError::Unknown)?;
            self.synced = self.cursor.position;
            return Ok(());
        });
        match self.file.write_durable_at(&self.buffer, start) {
            Ok(()) => {
                self.synced = self.cursor.position;
                Ok(())
            }
            Err(error) if error.operation == vfs::Operation::Write => {
                Err(AppendError::CutBack(error))
            }
            Err(error) => {
                planted!(SyncFailureForgiven => return Err(AppendError::CutBack(error)));
                Err(AppendError::Unknown(error))
            }
        }
    }

    /// Makes everything written so far durable.
    pub fn sync_file(&mut self) -> Result<(), AppendError> {
        if self.synced == self.cursor.position {
            return Ok(());
        }
        planted!(NoSync => return Ok(()));
        let sync = if self.length_durable { self.file.sync_data() } else { self.file.sync_all() };
        sync.map_err(AppendError::Unknown)?;
        self.length_durable = true;
        self.synced = self.cursor.position;
        Ok(())
    }

    /// The frame's header goes into the buffer, and the cursor behind the whole frame.
    fn push_frame_header(&mut self, pending: &PendingFrame) {
        let payload = pending.record.payload();
        let header = FrameHeader {
            kind: FrameKind::Transaction,
            sequence: pending.sequence,
            // Records are limited to less than 4 GiB; format.rs asserts it.
            payload_len: u32::try_from(payload.len()).unwrap_or(u32::MAX),
            payload_crc: pending.payload_crc,
            synced_position: self.synced,
            counters: pending.counters,
            previous_crc: self.cursor.previous_crc,
        };
        self.push_header(&header);
    }

    fn push_header(&mut self, header: &FrameHeader) {
        let place = Place { file_id: self.file_id, position: self.cursor.position };
        let (bytes, crc) = header.encode(place);
        self.buffer.extend_from_slice(&bytes);
        self.cursor = Cursor {
            position: self.cursor.position + header.frame_len(),
            sequence: header.sequence,
            counters: header.counters,
            previous_crc: crc,
            synced_position: header.synced_position,
            witnessed: header.kind == FrameKind::Witness,
        };
    }

    /// Returns to where the tail ended before a write that failed.
    fn cut_back(&mut self, before: Cursor, error: vfs::Error) -> AppendError {
        planted!(FailedAppendStays => {
            self.cursor = before;
            return AppendError::CutBack(error);
        });
        let cut = self.file.set_len(before.position).and_then(|()| self.file.sync_all());
        self.cursor = before;
        self.allocated = before.position;
        self.buffer.clear();
        match cut {
            Ok(()) => {
                self.length_durable = true;
                self.synced = before.position;
                AppendError::CutBack(error)
            }
            Err(_) => AppendError::Unknown(error),
        }
    }

    /// Makes sure that the file reaches to `end`, with zeros that are durable.
    fn allocate(&mut self, end: u64) -> Result<(), AppendError> {
        if end <= self.allocated {
            return Ok(());
        }
        let ahead = (end / AHEAD_FRACTION).clamp(AHEAD_MIN_BYTES, AHEAD_MAX_BYTES);
        match self.extend_to(align_up(end + ahead, TAIL_ALIGN)) {
            // Less may fit where much does not.
            Err(AppendError::CutBack(error)) if error.is_no_space() => {
                self.extend_to(align_up(end, TAIL_ALIGN))
            }
            done => done,
        }
    }

    fn extend_to(&mut self, end: u64) -> Result<(), AppendError> {
        let written = write_zeros(&*self.file, self.allocated, end);
        if let Err(error) = written {
            let cut = self.file.set_len(self.allocated);
            return Err(cut.map_or_else(AppendError::Unknown, |()| AppendError::CutBack(error)));
        }
        planted!(LengthNotSynced => {
            self.allocated = end;
            return self.file.sync_data().map_err(AppendError::Unknown);
        });
        self.file.sync_all().map_err(AppendError::Unknown)?;
        self.allocated = end;
        self.length_durable = true;
        self.synced = self.cursor.position;
        Ok(())
    }
}

/// Fills `[start, end)` with zeros.
pub fn write_zeros(file: &dyn File, start: u64, end: u64) -> vfs::Result<()> {
    let mut position = start;
    while position < end {
        let len = usize::try_from(end - position).unwrap_or(usize::MAX).min(ZEROS.len());
        file.write_all_at(ZEROS.get(..len).unwrap_or_default(), position)?;
        position += len as u64;
    }
    Ok(())
}
