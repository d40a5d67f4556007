//! A transaction's payload: an annotation and operations, to bytes and back. The one file that knows bincode.
//!
//! bincode's standard configuration: lengths are its variable-length integers, byte strings are a length and
//! the bytes. A payload is the annotation (a byte string), then each operation as a tag and its byte strings.
//! docs/format.md has the table. Decoding borrows from the payload and allocates nothing.

use bincode::config::{self, Configuration};

use super::limits::{MAX_KEY_BYTES, MAX_TRANSACTION_BYTES, MAX_VALUE_BYTES};
use super::{KeyRange, LimitError};

const CONFIG: Configuration = config::standard();

const TAG_PUT: u8 = 1;
const TAG_DELETE: u8 = 2;
const TAG_DELETE_RANGE: u8 = 3;
const TAG_DELETE_FROM: u8 = 4;

/// One change, borrowed from a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation<'a> {
    /// `key` has `value` from here on.
    Put {
        /// The key.
        key: &'a [u8],
        /// Its value.
        value: &'a [u8],
        /// Where the value begins in the payload.
        value_offset: usize,
    },
    /// `key` is gone.
    Delete {
        /// The key.
        key: &'a [u8],
    },
    /// Every key from `start`, up to and without `end` (none: to the last), is gone.
    DeleteRange {
        /// The first key.
        start: &'a [u8],
        /// The first key that stays.
        end: Option<&'a [u8]>,
    },
}

impl Operation<'_> {
    /// The range of a [`Operation::DeleteRange`], or just the key.
    pub fn range(&self) -> KeyRange {
        match *self {
            Self::Put { key, .. } | Self::Delete { key } => KeyRange::key(key),
            Self::DeleteRange { start, end: Some(end) } => {
                KeyRange::new(start.to_vec()..end.to_vec())
            }
            Self::DeleteRange { start, end: None } => KeyRange::new(start.to_vec()..),
        }
    }
}

/// A transaction as the tail keeps it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    payload: Vec<u8>,
    operations_start: usize,
    operation_count: u32,
}

/// The payload is not one that this engine wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the operation at byte {offset} of the record cannot be read")]
pub struct RecordError {
    /// Bytes from the start of the payload.
    pub offset: usize,
}

impl Record {
    /// Reads a payload; the operations are checked one by one.
    pub fn decode(payload: Vec<u8>) -> Result<Self, RecordError> {
        let (_, operations_start) = read::<&[u8]>(&payload, 0)?;
        let mut record = Self { payload, operations_start, operation_count: 0 };
        let mut count = 0_u32;
        for operation in record.operations() {
            operation?;
            count += 1;
        }
        record.operation_count = count;
        Ok(record)
    }

    /// The bytes.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// What the room above attached.
    pub fn annotation(&self) -> &[u8] {
        Operations::annotation_of(&self.payload)
    }

    /// How many operations there are.
    pub fn operation_count(&self) -> u32 {
        self.operation_count
    }

    /// The operations in order.
    pub fn operations(&self) -> Operations<'_> {
        Operations { payload: &self.payload, offset: self.operations_start }
    }
}

/// Walks the operations of a payload. Stops after the first that cannot be read.
#[derive(Clone, Debug)]
pub struct Operations<'a> {
    payload: &'a [u8],
    offset: usize,
}

impl<'a> Operations<'a> {
    /// The operations of a payload that may be damaged.
    pub fn of(payload: &'a [u8]) -> Result<Self, RecordError> {
        let (_, offset) = read::<&[u8]>(payload, 0)?;
        Ok(Self { payload, offset })
    }

    /// The annotation of a payload; empty when even that cannot be read.
    pub fn annotation_of(payload: &'a [u8]) -> &'a [u8] {
        read::<&[u8]>(payload, 0).map_or(&[], |(annotation, _)| annotation)
    }

    fn step(&mut self) -> Result<Operation<'a>, RecordError> {
        let start = self.offset;
        let (tag, after_tag) = read::<u8>(self.payload, start)?;
        let (first, after_first) = read::<&[u8]>(self.payload, after_tag)?;
        let (operation, end) = match tag {
            TAG_PUT => {
                let (value, end) = read::<&[u8]>(self.payload, after_first)?;
                (Operation::Put { key: first, value, value_offset: end - value.len() }, end)
            }
            TAG_DELETE => (Operation::Delete { key: first }, after_first),
            TAG_DELETE_RANGE => {
                let (end_key, end) = read::<&[u8]>(self.payload, after_first)?;
                (Operation::DeleteRange { start: first, end: Some(end_key) }, end)
            }
            TAG_DELETE_FROM => (Operation::DeleteRange { start: first, end: None }, after_first),
            _ => return Err(RecordError { offset: start }),
        };
        self.offset = end;
        Ok(operation)
    }
}

impl<'a> Iterator for Operations<'a> {
    type Item = Result<Operation<'a>, RecordError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.offset >= self.payload.len() {
            return None;
        }
        let step = self.step();
        if step.is_err() {
            self.offset = self.payload.len();
        }
        Some(step)
    }
}

/// Decodes one item at `offset` and answers where it ends.
fn read<'a, T>(payload: &'a [u8], offset: usize) -> Result<(T, usize), RecordError>
where
    T: bincode::BorrowDecode<'a, ()>,
{
    let rest = payload.get(offset..).ok_or(RecordError { offset })?;
    let decoded = bincode::borrow_decode_from_slice::<T, _>(rest, CONFIG);
    let (item, consumed) = decoded.map_err(|_| RecordError { offset })?;
    Ok((item, offset + consumed))
}

/// Collects operations for one atomic write.
///
/// ```
/// use pumice::journal::WriteBatch;
///
/// let mut batch = WriteBatch::new();
/// batch.put(b"key", b"value")?;
/// assert_eq!(batch.operation_count(), 1);
/// # Ok::<(), pumice::journal::LimitError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct WriteBatch {
    annotation: Vec<u8>,
    operations: Vec<u8>,
    operation_count: u32,
}

impl WriteBatch {
    /// An empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets `key` to `value`.
    pub fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), LimitError> {
        check_key(key)?;
        if value.len() > MAX_VALUE_BYTES {
            return Err(LimitError::Value { size_bytes: value.len() });
        }
        self.append((TAG_PUT, key, value), key.len() + value.len())
    }

    /// Removes `key`; one that does not exist is no error.
    pub fn delete(&mut self, key: &[u8]) -> Result<(), LimitError> {
        check_key(key)?;
        self.append((TAG_DELETE, key), key.len())
    }

    /// Removes every key of a range.
    pub fn delete_range(&mut self, range: &KeyRange) -> Result<(), LimitError> {
        match range.end() {
            _ if range.is_empty() => Ok(()),
            Some(end) => {
                let size = range.start().len() + end.len();
                self.append((TAG_DELETE_RANGE, range.start(), end), size)
            }
            None => self.append((TAG_DELETE_FROM, range.start()), range.start().len()),
        }
    }

    /// Attaches bytes that the tail keeps with the transaction.
    pub fn set_annotation(&mut self, annotation: Vec<u8>) {
        self.annotation = annotation;
    }

    /// How many operations it has.
    pub fn operation_count(&self) -> u32 {
        self.operation_count
    }

    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.operation_count == 0
    }

    fn append(&mut self, item: impl bincode::Encode, size: usize) -> Result<(), LimitError> {
        /// Tag and two lengths at their longest.
        const OVERHEAD_BYTES: usize = 1 + 2 * 9;
        let total = self.operations.len() + self.annotation.len() + size + OVERHEAD_BYTES;
        if total > MAX_TRANSACTION_BYTES || self.operation_count == u32::MAX {
            return Err(LimitError::Transaction { size_bytes: total });
        }
        write(&mut self.operations, item);
        self.operation_count += 1;
        Ok(())
    }

    /// Bytes of the operations.
    pub(super) fn operation_bytes(&self) -> usize {
        self.operations.len()
    }

    /// The operations in order.
    pub(super) fn operations(&self) -> Operations<'_> {
        Operations { payload: &self.operations, offset: 0 }
    }

    /// The record for the tail.
    pub(super) fn into_record(self) -> Result<Record, LimitError> {
        let size_bytes = self.annotation.len() + self.operations.len() + 9;
        if size_bytes > MAX_TRANSACTION_BYTES {
            return Err(LimitError::Transaction { size_bytes });
        }
        let mut annotation = Vec::with_capacity(self.annotation.len() + 9);
        write(&mut annotation, self.annotation.as_slice());
        let operations_start = annotation.len();
        // In place: a large transaction is not in memory twice.
        let mut payload = self.operations;
        payload.splice(0..0, annotation);
        Ok(Record { payload, operations_start, operation_count: self.operation_count })
    }
}

fn check_key(key: &[u8]) -> Result<(), LimitError> {
    if key.len() > MAX_KEY_BYTES {
        return Err(LimitError::Key { size_bytes: key.len() });
    }
    Ok(())
}

fn write(to: &mut Vec<u8>, item: impl bincode::Encode) {
    // Writing to a Vec has no error of its own, and tags and byte strings always encode.
    let written = bincode::encode_into_std_write(item, to, CONFIG);
    debug_assert!(written.is_ok());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_reads_back_as_it_was_written() {
        let mut batch = WriteBatch::new();
        batch.set_annotation(b"who".to_vec());
        batch.put(b"k", &[7; 300]).unwrap();
        batch.delete(b"gone").unwrap();
        batch.delete_range(&KeyRange::prefix(b"p")).unwrap();
        batch.delete_range(&KeyRange::new(b"z".to_vec()..)).unwrap();
        let record = Record::decode(batch.into_record().unwrap().payload().to_vec()).unwrap();

        assert_eq!(record.annotation(), b"who");
        assert_eq!(record.operation_count(), 4);
        let operations: Vec<_> = record.operations().map(Result::unwrap).collect();
        let Operation::Put { key, value, value_offset } = operations[0] else { panic!() };
        assert_eq!((key, value), (&b"k"[..], &[7; 300][..]));
        assert_eq!(&record.payload()[value_offset..value_offset + 300], value);
        assert_eq!(operations[1], Operation::Delete { key: b"gone" });
        assert_eq!(operations[2], Operation::DeleteRange { start: b"p", end: Some(b"q") });
        assert_eq!(operations[3], Operation::DeleteRange { start: b"z", end: None });
    }

    #[test]
    fn a_payload_cut_at_any_byte_is_refused_or_shorter_never_wrong() {
        let mut batch = WriteBatch::new();
        batch.put(b"key", b"value").unwrap();
        batch.put(b"other", b"thing").unwrap();
        let whole = batch.into_record().unwrap();
        for len in 1..whole.payload().len() {
            let cut = Record::decode(whole.payload()[..len].to_vec());
            assert!(cut.is_err() || cut.unwrap().operation_count() < 2, "cut at {len}");
        }
    }

    #[test]
    fn what_is_too_large_is_refused_with_its_size() {
        let mut batch = WriteBatch::new();
        let key = vec![0; MAX_KEY_BYTES + 1];
        assert_eq!(batch.put(&key, b""), Err(LimitError::Key { size_bytes: key.len() }));
        let value = vec![0; MAX_VALUE_BYTES + 1];
        assert_eq!(batch.put(b"k", &value), Err(LimitError::Value { size_bytes: value.len() }));
        assert!(batch.is_empty());
        batch.put(&key[1..], &value[1..]).unwrap();
    }

    #[test]
    fn a_transaction_is_as_large_as_what_is_in_it_and_refused_beyond_its_limit() {
        let mut batch = WriteBatch::new();
        batch.put(&[1; 1000], &vec![2; 2 << 20]).unwrap();
        let operations = batch.operations.len();
        // Key and value; tag and two lengths at their longest.
        let room = MAX_TRANSACTION_BYTES - operations - 2 - 19;
        batch.set_annotation(vec![0; room + 1]);
        let size_bytes = MAX_TRANSACTION_BYTES + 1;
        assert_eq!(batch.put(b"k", b"v"), Err(LimitError::Transaction { size_bytes }));
        assert_eq!((batch.operations.len(), batch.operation_count()), (operations, 1));
        batch.set_annotation(vec![0; room]);
        batch.put(b"k", b"v").unwrap();
        assert_eq!(batch.operation_count(), 2);
        batch.set_annotation(vec![0; MAX_TRANSACTION_BYTES - batch.operations.len() - 8]);
        assert_eq!(batch.into_record().err(), Some(LimitError::Transaction { size_bytes }));
    }
}
