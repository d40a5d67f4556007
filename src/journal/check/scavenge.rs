//! Every readable piece of a journal file, damaged or not, front to back.

use std::sync::Arc;

use super::super::OpenError;
use super::super::format::{FRAME_ALIGN, FRAME_HEADER_BYTES, HEADER_BYTES, HEADER_MAGIC, align_up};
use super::super::frame::{self, FrameHeader, FrameKind, Place};
use super::super::header::Header;
use super::super::image::{ImageSalvage, Salvaged};
use super::super::open::{has_its_copy, read_header};
use super::super::reader::is_zeros;
use super::super::record::{Operation, Operations};
use crate::vfs::{self, File};

/// How much is searched at a time.
const CHUNK_BYTES: usize = 1 << 20;

/// What was found, in the order of the file.
#[derive(Debug)]
pub enum Piece<'a> {
    /// The header, or its copy when the header is damaged.
    Header {
        /// Where it stands.
        position: u64,
        /// When the file was made: microseconds since the Unix epoch.
        created_micros: u64,
        /// How many compactions led to it.
        generation: u64,
        /// The last transaction that the image holds.
        base_sequence: u64,
        /// Entries of the image.
        image_entries: u64,
        /// Where the tail begins.
        tail_start: u64,
    },
    /// An entry of the image.
    Entry {
        /// Where its block stands.
        position: u64,
        /// The key.
        key: &'a [u8],
        /// The value.
        value: &'a [u8],
    },
    /// A transaction of the tail.
    Transaction {
        /// Where its frame stands.
        position: u64,
        /// Bytes of the frame.
        size_bytes: u64,
        /// Its number.
        sequence: u64,
        /// What the room above attached.
        annotation: &'a [u8],
        /// Its operations; those after an unreadable one are missing.
        operations: Vec<Operation<'a>>,
    },
    /// A frame that says what was durable.
    Witness {
        /// Where it stands.
        position: u64,
        /// Everything before this position was durable.
        synced_position: u64,
    },
    /// Bytes that could not be read.
    Damaged {
        /// The first of them.
        position: u64,
        /// How many; unknown where it is 0.
        size_bytes: u64,
        /// What is wrong.
        what: String,
    },
}

/// Hands every piece to `visit`, until it answers `false`.
///
/// # Errors
/// [`OpenError::NotAJournal`] when neither a header nor its copy can be found.
pub fn walk(
    file: &Arc<dyn File>,
    visit: &mut dyn FnMut(Piece<'_>) -> bool,
) -> Result<(), OpenError> {
    let (position, header) = find_header(&**file, visit)?;
    let known = visit(Piece::Header {
        position,
        created_micros: header.created_micros,
        generation: header.generation,
        base_sequence: header.base_sequence.get(),
        image_entries: header.image.entries,
        tail_start: header.tail_start,
    });
    if known && walk_image(file, &header, visit)? {
        walk_tail(&**file, &header, visit)?;
    }
    Ok(())
}

/// The header, or else the copy behind the image.
fn find_header(
    file: &dyn File,
    visit: &mut dyn FnMut(Piece<'_>) -> bool,
) -> Result<(u64, Header), OpenError> {
    let first = read_header(file, 0);
    match &first {
        Ok(header) if has_its_copy(file, header)? => return first.map(|header| (0, header)),
        Err(OpenError::Version { .. }) => return first.map(|header| (0, header)),
        Ok(_) | Err(_) => {}
    }
    // Where the header is sound and only the copy is not, there is no other.
    let Some((position, header)) = find_copy(file)? else { return first.map(|header| (0, header)) };
    let what =
        first.err().map_or_else(|| "the header is another file's".to_owned(), |e| e.to_string());
    visit(Piece::Damaged { position: 0, size_bytes: HEADER_BYTES as u64, what });
    Ok((position, header))
}

fn find_copy(file: &dyn File) -> Result<Option<(u64, Header)>, OpenError> {
    let len = file.len()?;
    let mut buffer = vec![0; CHUNK_BYTES + HEADER_BYTES];
    let mut start = 0;
    while start < len {
        let got = file.read_at(&mut buffer, start)?;
        let chunk = buffer.get(..got).unwrap_or_default();
        for offset in occurrences(chunk, &HEADER_MAGIC) {
            let position = start + offset as u64;
            if let Ok(header) = read_header(file, position)
                && header.copy_position() == position
            {
                return Ok(Some((position, header)));
            }
        }
        start += CHUNK_BYTES as u64;
    }
    Ok(None)
}

fn occurrences<'a>(chunk: &'a [u8], word: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    let windows = chunk.windows(word.len()).enumerate();
    windows.filter(move |(_, window)| *window == word).map(|(offset, _)| offset)
}

fn walk_image(
    file: &Arc<dyn File>,
    header: &Header,
    visit: &mut dyn FnMut(Piece<'_>) -> bool,
) -> Result<bool, OpenError> {
    let mut salvage =
        ImageSalvage::new(file.clone(), header.file_id, header.image.start, header.image.end());
    while let Some(found) = salvage.next()? {
        let goes_on = match found {
            Salvaged::Damaged { position, len, damage, .. } => {
                visit(Piece::Damaged { position, size_bytes: len, what: damage.to_string() })
            }
            Salvaged::Data(mut block) => {
                let position = block.position;
                let mut goes_on = true;
                while goes_on {
                    match block.next() {
                        Ok(Some((key, value))) => {
                            goes_on = visit(Piece::Entry { position, key, value });
                        }
                        Ok(None) => break,
                        Err(damage) => {
                            let what = damage.to_string();
                            goes_on = visit(Piece::Damaged { position, size_bytes: 0, what });
                            break;
                        }
                    }
                }
                goes_on
            }
        };
        if !goes_on {
            return Ok(false);
        }
    }
    Ok(true)
}

fn walk_tail(
    file: &dyn File,
    header: &Header,
    visit: &mut dyn FnMut(Piece<'_>) -> bool,
) -> vfs::Result<()> {
    let limit = file.len()?;
    let mut position = header.tail_start;
    let mut payload = Vec::new();
    while position < limit {
        let place = Place { file_id: header.file_id, position };
        if let Some(frame) = read_frame(file, place, limit, &mut payload)? {
            if !visit(piece_of(&frame, position, &payload)) {
                return Ok(());
            }
            position += frame.frame_len();
            continue;
        }
        let next = next_frame(file, header.file_id, position + FRAME_ALIGN, limit)?;
        let end = next.unwrap_or(limit);
        let zeros = next.is_none() && is_zero(file, position, limit)?;
        let (size_bytes, what) = (end - position, "no frame stands here".to_owned());
        if !zeros && !visit(Piece::Damaged { position, size_bytes, what }) {
            return Ok(());
        }
        position = end;
    }
    Ok(())
}

fn piece_of<'a>(frame: &FrameHeader, position: u64, payload: &'a [u8]) -> Piece<'a> {
    match frame.kind {
        FrameKind::Witness => Piece::Witness { position, synced_position: frame.synced_position },
        FrameKind::Transaction => Piece::Transaction {
            position,
            size_bytes: frame.frame_len(),
            sequence: frame.sequence.get(),
            annotation: Operations::annotation_of(payload),
            operations: Operations::of(payload).into_iter().flatten().flatten().collect(),
        },
    }
}

/// The whole frame at a place, its payload in `payload`.
fn read_frame(
    file: &dyn File,
    place: Place,
    limit: u64,
    payload: &mut Vec<u8>,
) -> vfs::Result<Option<FrameHeader>> {
    let mut bytes = [0; FRAME_HEADER_BYTES];
    if file.read_at(&mut bytes, place.position)? < FRAME_HEADER_BYTES {
        return Ok(None);
    }
    let Some((header, _)) = FrameHeader::decode(&bytes, place) else { return Ok(None) };
    if place.position + header.frame_len() > limit {
        return Ok(None);
    }
    payload.clear();
    payload.resize(header.payload_len as usize, 0);
    file.read_exact_at(payload, place.position + FRAME_HEADER_BYTES as u64)?;
    Ok((frame::payload_crc(payload) == header.payload_crc).then_some(header))
}

/// The first position from `start` on where a whole frame's header stands.
fn next_frame(file: &dyn File, file_id: u128, start: u64, limit: u64) -> vfs::Result<Option<u64>> {
    let mut buffer = vec![0; CHUNK_BYTES + FRAME_HEADER_BYTES];
    let mut start = align_up(start, FRAME_ALIGN);
    while start < limit {
        let got = file.read_at(&mut buffer, start)?;
        let chunk = buffer.get(..got).unwrap_or_default();
        let places = (0..chunk.len().min(CHUNK_BYTES)).step_by(8);
        for offset in places {
            let position = start + offset as u64;
            let header = chunk.get(offset..).and_then(|rest| rest.first_chunk());
            let place = Place { file_id, position };
            if header.is_some_and(|header| FrameHeader::decode(header, place).is_some()) {
                return Ok(Some(position));
            }
        }
        start += CHUNK_BYTES as u64;
    }
    Ok(None)
}

/// Whether `[start, end)` is nothing but zeros.
pub fn is_zero(file: &dyn File, start: u64, end: u64) -> vfs::Result<bool> {
    let mut buffer = vec![0; CHUNK_BYTES];
    let mut position = start;
    while position < end {
        let len = usize::try_from(end - position).unwrap_or(usize::MAX).min(CHUNK_BYTES);
        let piece = buffer.get_mut(..len).unwrap_or_default();
        let got = file.read_at(piece, position)?;
        if got == 0 || !is_zeros(piece.get(..got).unwrap_or_default()) {
            return Ok(false);
        }
        position += got as u64;
    }
    Ok(true)
}
