//! Attachments: uploaded in pieces, stored once per content, read in pieces.

use std::io;
use std::ops::Range;

use super::edit::Encoding;
use super::error::DocumentError;

/// What a document says of an attachment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttachmentInfo {
    /// Its name.
    pub name: String,
    /// Its type.
    pub content_type: String,
    /// The depth of the revision that set it.
    pub revpos: u64,
    /// The MD5 of the bytes as they are stored.
    pub md5: [u8; 16],
    /// Bytes of the content, not encoded.
    pub length: u64,
    /// How it is stored.
    pub encoding: Encoding,
    /// Bytes as they are stored; `length` when they are not encoded.
    pub stored_length: u64,
}

impl AttachmentInfo {
    /// `md5-` and base64 of the digest.
    pub fn digest(&self) -> String {
        String::new()
    }
}

/// What is known of an upload before its bytes come.
#[derive(Clone, Debug, Default)]
pub struct UploadOptions {
    /// The type; compressible ones are stored as gzip, when they do not come so.
    pub content_type: String,
    /// How many bytes come; another number is [`DocumentError::AttachmentLength`]. `None`: any.
    pub expected_length: Option<u64>,
    /// How the bytes that come are encoded. gzip is stored as it comes.
    pub encoding: Encoding,
    /// For bytes that come encoded: how many there are behind it, where somebody said so. Else it is counted.
    pub decoded_length: Option<u64>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct AttachmentLimits {}

/// An attachment on its way in. Dropped before [`Upload::finish`], it leaves nothing behind.
#[derive(Debug)]
pub struct Upload {}

impl Upload {
    /// Takes the next bytes. Blocks for the engine now and then; memory is bounded by a few chunks of 64 KiB.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), DocumentError> {
        let _ = bytes;
        Ok(())
    }

    /// Ends the content.
    ///
    /// # Errors
    /// [`DocumentError::AttachmentLength`].
    pub fn finish(self) -> Result<StoredAttachment, DocumentError> {
        Err(DocumentError::NoAttachment)
    }
}

/// Content that waits for a document: the handle that [`super::AttachmentSource::Stored`] takes. Clones are the same
/// content; when the last is dropped and no document took it, it is removed.
#[derive(Clone, Debug)]
pub struct StoredAttachment {}

impl StoredAttachment {
    /// The MD5 of the bytes as they are stored.
    pub fn md5(&self) -> [u8; 16] {
        [0; 16]
    }

    /// The MD5 of the bytes as they came, for `Content-MD5`.
    pub fn received_md5(&self) -> [u8; 16] {
        [0; 16]
    }
}

/// Reads an attachment from any place on, piece by piece.
#[derive(Debug)]
pub struct AttachmentReader {}

impl AttachmentReader {
    /// Bytes that it will answer in all.
    pub fn len(&self) -> u64 {
        0
    }

    /// Whether there is nothing to read.
    pub fn is_empty(&self) -> bool {
        true
    }

    /// Only this range of the bytes that it would answer; what lies behind the end is left off.
    #[must_use]
    pub fn range(self, range: Range<u64>) -> Self {
        let _ = range;
        self
    }

    /// The next piece, at most 64 KiB, lent until the next call; `None` at the end.
    pub fn next_chunk(&mut self) -> Result<Option<&[u8]>, DocumentError> {
        Ok(None)
    }
}

impl io::Read for AttachmentReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let _ = buffer;
        Ok(0)
    }
}
