//! Every checksum and invariant of a file, and every damaged place by name.

use std::sync::Arc;

use super::super::closing::Closing;
use super::super::format::HEADER_END;
use super::super::header::Header;
use super::super::image::{Image, ReadError};
use super::super::open::{open_image, read_closing, read_header, recover};
use super::super::options::StoreOptions;
use super::super::reader::{Cursor, FrameReader};
use super::super::record::Record;
use super::super::recovery::{Action, CLOSING_DAMAGED, Case};
use super::super::scan::Scan;
use super::super::snapshot::Snapshot;
use super::super::state::State;
use super::super::{Counters, KeyRange, OpenError};
use super::scavenge::{Piece, is_zero, walk};
use crate::vfs::{self, File};

/// Something that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The first byte.
    pub position: u64,
    /// What is wrong.
    pub what: String,
}

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckReport {
    /// The length of the file.
    pub file_bytes: u64,
    /// Entries and bytes that are live.
    pub counters: Counters,
    /// The last transaction.
    pub sequence: u64,
    /// Transactions in the tail.
    pub tail_transactions: u64,
    /// The recovery case of the tail's end; `None` when it did not come to that.
    pub tail_end: Option<String>,
    /// Bytes at the end that were never acknowledged and that the next open for writing cuts off.
    pub unfinished_bytes: u64,
    /// Every damaged place, in the order of the file.
    pub problems: Vec<Problem>,
}

impl CheckReport {
    /// Whether nothing is damaged. Something unfinished at the end is no damage.
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty()
    }

    fn add(&mut self, position: u64, what: impl Into<String>) {
        self.problems.push(Problem { position, what: what.into() });
    }

    /// Takes damage as a problem: no, it is not sound. Anything else stays an error.
    fn add_corrupt(&mut self, error: ReadError) -> Result<bool, OpenError> {
        let ReadError::Corrupt { position, damage, .. } = error else {
            return Err(error.into());
        };
        self.add(position, damage.to_string());
        Ok(false)
    }

    /// One line for a place, in the order of the file.
    fn arrange(&mut self) {
        self.problems.sort_by_key(|problem| problem.position);
        self.problems.dedup_by_key(|problem| problem.position);
    }
}

/// Reads all of a file and changes nothing. `progress` is told bytes read so far.
///
/// # Errors
/// When the file cannot be read, is no journal, or of a newer version. Damage is no error: it is in the
/// report.
pub fn verify(
    file: &Arc<dyn File>,
    progress: &mut dyn FnMut(u64),
) -> Result<CheckReport, OpenError> {
    let mut report = CheckReport { file_bytes: file.len()?, ..CheckReport::default() };
    let header = match read_header(&**file, 0) {
        Ok(header) => header,
        Err(OpenError::Damaged(damage)) => {
            report.add(0, damage.what);
            list_damage(file, &mut report)?;
            return Ok(report);
        }
        Err(error) => return Err(error),
    };
    verify_header_copy(&**file, &header, &mut report)?;
    let image_sound = match open_image(&header, file.clone(), &StoreOptions::default()) {
        Ok(image) => verify_image(&image, progress, &mut report)?,
        Err(error) => report.add_corrupt(error)?,
    };
    let tail_sound = verify_tail(file, image_sound, &mut report)?;
    if !(image_sound && tail_sound) {
        list_damage(file, &mut report)?;
    }
    report.arrange();
    Ok(report)
}

/// The same for a store that is open and written to meanwhile: everything that `snapshot` stands on, which is
/// its file up to its last transaction. What is being written behind that is not looked at.
///
/// ```
/// # use pumice::journal::{Durability, Store, WriteBatch, check};
/// # let store = Store::in_memory()?;
/// # let mut batch = WriteBatch::new();
/// # batch.put(b"k", b"v")?;
/// # store.write(batch, Durability::Sync)?;
/// let report = check::verify_snapshot(&store.snapshot(), &mut |_bytes| {})?;
/// assert!(report.is_sound());
/// assert_eq!(report.counters.entries, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// When the file cannot be read. Damage is no error: it is in the report.
pub fn verify_snapshot(
    snapshot: &Snapshot,
    progress: &mut dyn FnMut(u64),
) -> Result<CheckReport, OpenError> {
    let state = &**snapshot.state();
    let (header, file) = (&state.base.header, &state.base.file);
    let mut report = CheckReport {
        file_bytes: file.len()?,
        counters: state.counters,
        sequence: state.sequence.get(),
        tail_transactions: state.sequence.since(header.base_sequence),
        ..CheckReport::default()
    };
    if read_header(&**file, 0).ok().as_ref() != Some(header) {
        report.add(0, "the header is not the one that was read when the store was opened");
    }
    verify_header_copy(&**file, header, &mut report)?;
    let image_sound = verify_image(&state.base.image, progress, &mut report)?;
    verify_frames(state, &mut report)?;
    if image_sound {
        verify_counters(state, &mut report)?;
    }
    if !report.is_sound() {
        list_damage(file, &mut report)?;
        report.problems.retain(|problem| problem.position <= state.end_position);
    }
    report.arrange();
    Ok(report)
}

/// Reads the frames again that the state was made from.
fn verify_frames(state: &State, report: &mut CheckReport) -> Result<(), OpenError> {
    let (header, file) = (&state.base.header, state.base.file.clone());
    let start = Cursor::at_tail_start(header);
    let mut frames = FrameReader::new(file, header.file_id, start, state.end_position);
    while let Some(frame) = frames.next()? {
        let position = frame.position;
        if Record::decode(frame.payload.to_vec()).is_err() {
            report.add(position, "a whole frame holds a record that cannot be read");
        }
    }
    let end = frames.cursor();
    if end.position != state.end_position || end.sequence != state.sequence {
        report.add(end.position, "a frame that was acknowledged cannot be read back");
    }
    Ok(())
}

fn verify_header_copy(
    file: &dyn File,
    header: &Header,
    report: &mut CheckReport,
) -> vfs::Result<()> {
    let position = header.copy_position();
    match read_header(file, position) {
        Ok(copy) if copy == *header => {}
        _ => report.add(position, "the copy of the header differs from the header"),
    }
    let pad = position + HEADER_END;
    if pad < header.pad_end() && !is_zero(file, pad, header.pad_end())? {
        report.add(pad, "the space between the header's copy and the tail is not zero");
    }
    verify_closing(file, header, report)
}

fn verify_closing(file: &dyn File, header: &Header, report: &mut CheckReport) -> vfs::Result<()> {
    if read_closing(file, header)? == Closing::Damaged {
        report.add(header.pad_end(), CLOSING_DAMAGED);
    }
    Ok(())
}

fn verify_image(
    image: &Image,
    progress: &mut dyn FnMut(u64),
    report: &mut CheckReport,
) -> Result<bool, OpenError> {
    match image.verify(progress) {
        Ok(_) => Ok(true),
        Err(error) => report.add_corrupt(error),
    }
}

/// Checks the chain of frames and its end, and, where the image is sound, counts what is live.
fn verify_tail(
    file: &Arc<dyn File>,
    image_sound: bool,
    report: &mut CheckReport,
) -> Result<bool, OpenError> {
    let recovered = match recover(file, &StoreOptions::default()) {
        Ok(recovered) => recovered,
        Err(OpenError::Damaged(damage)) => {
            report.add(damage.position, damage.what);
            return Ok(false);
        }
        Err(OpenError::Read(_)) if !image_sound => return Ok(false),
        Err(error) => return Err(error),
    };
    let (state, cursor) = (&recovered.state, recovered.cursor);
    report.sequence = cursor.sequence.get();
    report.tail_transactions = cursor.sequence.since(state.base.header.base_sequence);
    report.tail_end = Some(recovered.case.to_string());
    report.counters = state.counters;
    if cursor.counters != state.counters {
        report.add(cursor.position, "the last witness counts otherwise than the last transaction");
    }
    match recovered.case.action() {
        Action::Keep => {}
        Action::Cut => report.unfinished_bytes = recovered.file_len - cursor.position,
        Action::Refuse => {
            if recovered.case != Case::DamagedClosing {
                report.add(cursor.position, recovered.case.expectation());
            }
            return Ok(false);
        }
    }
    if image_sound {
        verify_counters(state, report)?;
    }
    Ok(true)
}

fn verify_counters(state: &State, report: &mut CheckReport) -> Result<(), OpenError> {
    match count(state) {
        Ok(counters) if counters == state.counters => {}
        Ok(_) => report
            .add(state.end_position, "the counters of the last transaction are not what is live"),
        Err(error) => _ = report.add_corrupt(error)?,
    }
    Ok(())
}

fn count(state: &State) -> Result<Counters, ReadError> {
    let mut counters = Counters::default();
    let mut scan = Scan::forward(state, &KeyRange::all());
    while let Some((key, value)) = scan.next()? {
        counters.entries += 1;
        counters.live_bytes += (key.len() + value.len()) as u64;
    }
    Ok(counters)
}

/// Adds every damaged place, where the first alone would not do.
fn list_damage(file: &Arc<dyn File>, report: &mut CheckReport) -> Result<(), OpenError> {
    let walked = walk(file, &mut |piece| {
        if let Piece::Damaged { position, what, .. } = piece {
            report.add(position, what);
        }
        true
    });
    match walked {
        // Without any header there is no more to list than that.
        Err(OpenError::Damaged(_) | OpenError::NotAJournal { .. }) => Ok(()),
        walked => walked,
    }
}
