//! Every checksum and invariant of a file, and every damaged place by name.

use std::sync::Arc;

use super::super::format::HEADER_END;
use super::super::header::Header;
use super::super::open::{open_image, read_header, recover};
use super::super::options::StoreOptions;
use super::super::recovery::Action;
use super::super::scan::Scan;
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
    let image_sound = verify_image(file, &header, progress, &mut report)?;
    let tail_sound = verify_tail(file, image_sound, &mut report)?;
    if !(image_sound && tail_sound) {
        list_damage(file, &mut report)?;
    }
    report.problems.sort_by_key(|problem| problem.position);
    report.problems.dedup_by_key(|problem| problem.position);
    Ok(report)
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
    if pad < header.tail_start && !is_zero(file, pad, header.tail_start)? {
        report.add(pad, "the space between the header's copy and the tail is not zero");
    }
    Ok(())
}

fn verify_image(
    file: &Arc<dyn File>,
    header: &Header,
    progress: &mut dyn FnMut(u64),
    report: &mut CheckReport,
) -> Result<bool, OpenError> {
    let options = StoreOptions::default();
    let verified =
        open_image(header, file.clone(), &options).and_then(|image| image.verify(progress));
    match verified {
        Ok(_) => Ok(true),
        Err(super::super::ReadError::Corrupt { position, damage, .. }) => {
            report.add(position, damage.to_string());
            Ok(false)
        }
        Err(error) => Err(error.into()),
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
    report.counters = cursor.counters;
    match recovered.case.action() {
        Action::Keep => {}
        Action::Cut => report.unfinished_bytes = recovered.file_len - cursor.position,
        Action::Refuse => {
            report.add(cursor.position, recovered.case.expectation());
            return Ok(false);
        }
    }
    if image_sound && count(state)? != cursor.counters {
        report.add(cursor.position, "the counters of the last transaction are not what is live");
    }
    Ok(true)
}

fn count(state: &super::super::state::State) -> Result<Counters, OpenError> {
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
