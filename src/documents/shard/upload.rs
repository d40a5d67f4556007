//! Attachments on their way in and out.
//!
//! What comes in is cut into chunks of 64 KiB and written at once, in buffered transactions, under a content number that a
//! `PENDING` key guards; the update that takes it removes that key in its own transaction. So nothing large sits in
//! memory, and what no document took is found and removed: when the handle is dropped, or at the next open.

use std::fmt;
use std::io::{self, Read, Write};
use std::ops::Range;
use std::sync::Arc;

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::DeflateEncoder;
use md5::{Digest, Md5};

use super::core::Shard;
use crate::documents::attachment_info::{AttachmentInfo, Encoding, is_compressible};
use crate::documents::error::DocumentError;
use crate::documents::key;
use crate::documents::stored::{Pending, Stored, StoredAttachment, removal, remove_chunks};
use crate::journal::{Durability, Snapshot, Value, WriteBatch};

/// Every chunk but the last has so many bytes.
const CHUNK_BYTES: usize = 64 << 10;
/// Chunks that are written in one transaction.
pub(super) const TOGETHER: usize = 4;

/// What is known of an upload before its bytes come.
#[derive(Clone, Debug, Default)]
pub struct UploadOptions {
    /// The name, for errors.
    pub name: String,
    /// The type; compressible ones are stored as gzip, when they do not come so.
    pub content_type: String,
    /// How many bytes come; another number is [`DocumentError::AttachmentLength`]. `None`: any.
    pub expected_length: Option<u64>,
    /// How the bytes that come are encoded. gzip is stored as it comes.
    pub encoding: Encoding,
}

/// An attachment on its way in. Dropped before [`Upload::finish`], it leaves nothing behind.
pub struct Upload {
    shard: Arc<Shard>,
    options: UploadOptions,
    number: u64,
    coder: Coder,
    received: Md5,
    received_bytes: u64,
    chunks: Chunks,
    finished: bool,
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upload").field("number", &self.number).finish_non_exhaustive()
    }
}

/// What happens to the bytes on their way.
enum Coder {
    /// Nothing.
    Plain,
    /// They are compressed; the checksum is of what comes.
    Compress(DeflateEncoder<Vec<u8>>, crc32fast::Hasher),
    /// They are gzip already, and only counted behind it.
    Count(flate2::write::MultiGzDecoder<Counter>),
}

#[derive(Default)]
struct Counter(u64);

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Cuts the stored bytes into chunks.
#[derive(Default)]
struct Chunks {
    buffer: Vec<u8>,
    md5: Md5,
    written: u32,
    stored_length: u64,
    chunk_bytes: u64,
}

/// As zlib writes it: no name, no time, whether the level is the slowest or the fastest, Unix.
fn gzip_header(level: u32) -> [u8; 10] {
    let effort = match level {
        9.. => 2,
        2..=8 => 0,
        0 | 1 => 4,
    };
    [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, effort, 3]
}

impl Upload {
    pub(in crate::documents) fn begin(
        shard: &Arc<Shard>,
        options: UploadOptions,
    ) -> Result<Self, DocumentError> {
        shard.check_there()?;
        let level = shard.options.limits.get().attachment_compression_level;
        let coder = match options.encoding {
            Encoding::Gzip => Coder::Count(flate2::write::MultiGzDecoder::new(Counter::default())),
            Encoding::Identity if level > 0 && is_compressible(&options.content_type) => {
                let encoder = DeflateEncoder::new(Vec::new(), Compression::new(level.min(9)));
                Coder::Compress(encoder, crc32fast::Hasher::new())
            }
            Encoding::Identity => Coder::Plain,
        };
        let mut upload = Self {
            shard: shard.clone(),
            options,
            number: shard.next_content(),
            coder,
            received: Md5::new(),
            received_bytes: 0,
            chunks: Chunks::default(),
            finished: false,
        };
        if matches!(upload.coder, Coder::Compress(..)) {
            upload.store(&gzip_header(level))?;
        }
        Ok(upload)
    }

    /// Takes the next bytes. Blocks for the engine now and then; memory is bounded by a few chunks of 64 KiB.
    ///
    /// # Errors
    /// [`DocumentError::AttachmentLength`], [`DocumentError::AttachmentTooLarge`], [`DocumentError::BadAttachment`] for what is
    /// not gzip and should be.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), DocumentError> {
        // What comes at once may be large; what is compressed of it should not pile up.
        for bytes in bytes.chunks(CHUNK_BYTES) {
            self.take(bytes)?;
        }
        Ok(())
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), DocumentError> {
        self.received_bytes += bytes.len() as u64;
        if self.received_bytes > self.shard.options.limits.get().max_attachment_bytes {
            return Err(DocumentError::AttachmentTooLarge { name: self.options.name.clone() });
        }
        if self.options.expected_length.is_some_and(|expected| self.received_bytes > expected) {
            return Err(self.wrong_length());
        }
        self.received.update(bytes);
        match &mut self.coder {
            Coder::Plain => self.store(bytes),
            Coder::Count(decoder) => {
                decoder.write_all(bytes).map_err(|_| bad_data(&self.options))?;
                self.store(bytes)
            }
            Coder::Compress(encoder, crc) => {
                crc.update(bytes);
                encoder.write_all(bytes).map_err(|_| bad_data(&self.options))?;
                let compressed = std::mem::take(encoder.get_mut());
                self.store(&compressed)
            }
        }
    }

    fn wrong_length(&self) -> DocumentError {
        DocumentError::AttachmentLength {
            expected_bytes: self.options.expected_length.unwrap_or_default(),
            actual_bytes: self.received_bytes,
        }
    }

    /// Ends the content.
    ///
    /// # Errors
    /// [`DocumentError::AttachmentLength`], [`DocumentError::BadAttachment`].
    pub fn finish(mut self) -> Result<StoredAttachment, DocumentError> {
        if self.options.expected_length.is_some_and(|expected| expected != self.received_bytes) {
            return Err(self.wrong_length());
        }
        let (length, encoding) = self.end_coding()?;
        while !self.chunks.buffer.is_empty() || self.chunks.written == 0 {
            self.write_chunks(true)?;
        }
        let md5 = std::mem::take(&mut self.chunks.md5).finalize().into();
        let twin = self.shard.find_twin(&md5, self.chunks.stored_length, self.number)?;
        self.finished = true;
        let stored = Stored {
            number: self.number,
            md5,
            received_md5: std::mem::take(&mut self.received).finalize().into(),
            length,
            encoding,
            size_bytes: self.chunks.stored_length,
            chunk_bytes: self.chunks.chunk_bytes,
            twin,
        };
        let pending = self.shard.pending(stored);
        Ok(StoredAttachment { pending: Arc::new(pending) })
    }

    /// The length that is not encoded, and how it is stored.
    fn end_coding(&mut self) -> Result<(u64, Encoding), DocumentError> {
        match std::mem::replace(&mut self.coder, Coder::Plain) {
            Coder::Plain => Ok((self.received_bytes, Encoding::Identity)),
            Coder::Count(decoder) => {
                let counter = decoder.finish().map_err(|_| bad_data(&self.options))?;
                Ok((counter.0, Encoding::Gzip))
            }
            Coder::Compress(encoder, crc) => {
                let mut rest = encoder.finish().map_err(|_| bad_data(&self.options))?;
                rest.extend_from_slice(&crc.finalize().to_le_bytes());
                // gzip keeps the length modulo 2^32.
                let length = u32::try_from(self.received_bytes & u64::from(u32::MAX));
                rest.extend_from_slice(&length.unwrap_or_default().to_le_bytes());
                self.store(&rest)?;
                Ok((self.received_bytes, Encoding::Gzip))
            }
        }
    }

    fn store(&mut self, bytes: &[u8]) -> Result<(), DocumentError> {
        self.chunks.md5.update(bytes);
        self.chunks.stored_length += bytes.len() as u64;
        self.chunks.buffer.extend_from_slice(bytes);
        while self.chunks.buffer.len() >= TOGETHER * CHUNK_BYTES {
            self.write_chunks(false)?;
        }
        Ok(())
    }

    /// Writes some chunks; the last one only when nothing follows.
    fn write_chunks(&mut self, last: bool) -> Result<(), DocumentError> {
        let mut batch = WriteBatch::new();
        if self.chunks.written == 0 {
            batch.put(&key::number(key::PENDING, self.number), &[])?;
        }
        let mut used = 0;
        let nothing = self.chunks.buffer.is_empty();
        let chunks = self.chunks.buffer.chunks(CHUNK_BYTES).take(TOGETHER);
        // Empty content has an empty chunk: its number must not be given out again.
        for chunk in chunks.chain(nothing.then_some(&[][..])) {
            if chunk.len() < CHUNK_BYTES && !last {
                break;
            }
            let key = key::chunk(self.number, self.chunks.written);
            batch.put(&key, chunk)?;
            self.chunks.written += 1;
            self.chunks.chunk_bytes += (key.len() + chunk.len()) as u64;
            used += chunk.len();
        }
        self.chunks.buffer.drain(..used);
        self.shard.store.write(batch, Durability::Buffered)?;
        Ok(())
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if !self.finished && self.chunks.written > 0 {
            remove_chunks(&self.shard.store, self.number);
        }
    }
}

fn same_content(snapshot: &Snapshot, left: u64, right: u64) -> Result<bool, DocumentError> {
    let (mut left, mut right) =
        (snapshot.scan(&key::chunks(left)), snapshot.scan(&key::chunks(right)));
    loop {
        match (left.next()?, right.next()?) {
            (None, None) => return Ok(true),
            (Some((_, left)), Some((_, right))) if left == right => {}
            _ => return Ok(false),
        }
    }
}

fn bad_data(options: &UploadOptions) -> DocumentError {
    DocumentError::BadAttachment { name: options.name.clone() }
}

impl Shard {
    /// A content with the same bytes. The digest alone is not believed: two contents of one MD5 are easily made.
    fn find_twin(
        &self,
        md5: &[u8; 16],
        stored_length: u64,
        content: u64,
    ) -> Result<Option<u64>, DocumentError> {
        let snapshot = self.snapshot();
        let prefix = key::digest(md5, stored_length);
        let mut scan = snapshot.scan(&crate::journal::KeyRange::prefix(&prefix));
        while let Some((key, _)) = scan.next()? {
            let number = key.get(prefix.len()..).and_then(|bytes| bytes.try_into().ok());
            let Some(number) = number.map(u64::from_be_bytes) else {
                continue;
            };
            if same_content(&snapshot, number, content)? {
                return Ok(Some(number));
            }
        }
        Ok(None)
    }

    fn pending(&self, stored: Stored) -> Pending {
        Pending::new(self.store.clone(), self.place(0), stored)
    }

    /// Stores what was uploaded into a shard that this one comes from.
    pub(in crate::documents) fn take_pending(
        &self,
        pending: &Pending,
    ) -> Result<Arc<Pending>, DocumentError> {
        let number = self.next_content();
        let mut guard = WriteBatch::new();
        guard.put(&key::number(key::PENDING, number), &[])?;
        self.store.write(guard, Durability::Buffered)?;
        // Dropped on an error below, it removes what came over.
        let mut stored = Stored { number, twin: None, ..pending.stored };
        let unfinished = self.pending(stored);
        self.take_chunks(&pending.snapshot(), pending.stored.number, number)?;
        if !self.snapshot().contains(&key::chunk(number, 0))? {
            let reason = "The attachment was removed meanwhile.".to_owned();
            return Err(DocumentError::BadRequest { reason });
        }
        stored.twin = self.find_twin(&stored.md5, stored.size_bytes, number)?;
        unfinished.taken_as(number);
        Ok(Arc::new(self.pending(stored)))
    }

    /// Removes what uploads left that ended with the process, and learns which content numbers are taken.
    pub(super) fn drop_pending_contents(&self) -> Result<(), DocumentError> {
        let snapshot = self.snapshot();
        for space in [key::CHUNK, key::PENDING] {
            let mut scan = snapshot.scan_reverse(&key::space(space));
            let last = scan.next()?.and_then(|(key, _)| key::read_number(key));
            self.contents_up_to(last.unwrap_or_default());
        }
        let mut scan = snapshot.scan(&key::space(key::PENDING));
        while let Some((key, _)) = scan.next()? {
            if let Some(number) = key::read_number(key) {
                self.store.write(removal(number)?, Durability::Buffered)?;
            }
        }
        Ok(())
    }
}

/// Reads an attachment from any place on, piece by piece. It keeps the state that it was opened on.
pub struct AttachmentReader {
    stored: StoredBytes,
    decoder: Option<Box<MultiGzDecoder<StoredBytes>>>,
    length: u64,
    /// What is answered of it.
    range: Range<u64>,
    piece: Vec<u8>,
}

impl fmt::Debug for AttachmentReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AttachmentReader").field("range", &self.range).finish_non_exhaustive()
    }
}

/// The chunks of a content as one run of bytes.
#[derive(Clone, Debug)]
struct StoredBytes {
    snapshot: Snapshot,
    content: u64,
    position: u64,
    length: u64,
    chunk: Option<(u32, Value)>,
}

impl StoredBytes {
    /// What there is from the position to the end of its chunk.
    fn rest_of_chunk(&mut self) -> Result<&[u8], DocumentError> {
        if self.position >= self.length {
            return Ok(&[]);
        }
        let missing = || DocumentError::NoAttachment;
        let index = u32::try_from(self.position / CHUNK_BYTES as u64).map_err(|_| missing())?;
        if self.chunk.as_ref().is_none_or(|(at, _)| *at != index) {
            let value = self.snapshot.get(&key::chunk(self.content, index))?;
            self.chunk = Some((index, value.ok_or_else(missing)?));
        }
        let start = usize::try_from(self.position % CHUNK_BYTES as u64).map_err(|_| missing())?;
        let rest = self.chunk.as_ref().and_then(|(_, value)| value.get(start..));
        rest.ok_or_else(missing)
    }
}

impl Read for StoredBytes {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = self.rest_of_chunk().map_err(io::Error::other)?;
        let count = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..count), rest.get(..count)) {
            to.copy_from_slice(from);
        }
        self.position += count as u64;
        Ok(count)
    }
}

impl AttachmentReader {
    pub(in crate::documents) fn new(
        snapshot: Snapshot,
        info: &AttachmentInfo,
        accept: Encoding,
    ) -> Self {
        let length = info.stored_length;
        let stored =
            StoredBytes { snapshot, content: info.content, position: 0, length, chunk: None };
        if info.encoding == Encoding::Gzip && accept == Encoding::Identity {
            let decoder = Some(Box::new(MultiGzDecoder::new(stored.clone())));
            let length = info.length;
            return Self { stored, decoder, length, range: 0..length, piece: Vec::new() };
        }
        Self { stored, decoder: None, length, range: 0..length, piece: Vec::new() }
    }

    /// Bytes that it has yet to answer.
    pub fn len(&self) -> u64 {
        self.range.end.saturating_sub(self.range.start)
    }

    /// Whether there is nothing left to read.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Only this range of the bytes that it would answer; what lies behind the end is left off. To be asked before
    /// reading. Of content that is decoded on the way, what lies before the range is read too.
    #[must_use]
    pub fn range(mut self, range: Range<u64>) -> Self {
        self.range = range.start.min(self.length)..range.end.min(self.length);
        self
    }

    /// The next piece, at most 64 KiB, lent until the next call; `None` at the end.
    pub fn next_chunk(&mut self) -> Result<Option<&[u8]>, DocumentError> {
        let left = usize::try_from(self.len()).unwrap_or(usize::MAX);
        if left == 0 {
            return Ok(None);
        }
        if self.decoder.is_some() {
            return self.decoded(left);
        }
        self.stored.position = self.range.start;
        let start = self.range.start;
        let rest = self.stored.rest_of_chunk()?;
        let piece = rest.get(..left.min(rest.len())).unwrap_or_default();
        if piece.is_empty() {
            return Ok(None);
        }
        self.range.start = start + piece.len() as u64;
        Ok(Some(piece))
    }

    fn decoded(&mut self, left: usize) -> Result<Option<&[u8]>, DocumentError> {
        let Some(decoder) = &mut self.decoder else {
            return Ok(None);
        };
        let failed = |_| DocumentError::NoAttachment;
        if self.piece.is_empty() && self.range.start > 0 {
            let skipped = io::copy(&mut decoder.by_ref().take(self.range.start), &mut io::sink());
            skipped.map_err(failed)?;
        }
        self.piece.resize(left.min(CHUNK_BYTES), 0);
        let count = decoder.read(&mut self.piece).map_err(failed)?;
        self.range.start += count as u64;
        if count == 0 {
            return Ok(None);
        }
        Ok(self.piece.get(..count))
    }
}

impl Read for AttachmentReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = buffer.len().min(CHUNK_BYTES) as u64;
        let end = self.range.end;
        self.range.end = end.min(self.range.start.saturating_add(wanted));
        let piece = self.next_chunk().map_err(io::Error::other)?.unwrap_or_default();
        let count = piece.len();
        if let Some(to) = buffer.get_mut(..count) {
            to.copy_from_slice(piece);
        }
        self.range.end = end;
        Ok(count)
    }
}
