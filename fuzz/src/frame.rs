//! A frame's header and a transaction's payload.

use pumice::journal::fuzzing::{FrameHeader, FrameKind, Place};
use pumice::journal::{Counters, Operation, Operations, Record, Sequence};

use crate::seal;
use crate::take::Take;

pub fn run(input: &[u8]) {
    let mut take = Take(input);
    let place = Place { file_id: u128::from(take.u8()), position: take.u64() };
    match take.u8() % 3 {
        0 => header_as_it_is(take, place),
        1 => header_of_fields(take, place),
        _ => payload(take.0),
    }
}

/// Bytes with the right checksum decode to what encodes to the same bytes, and nowhere else.
fn header_as_it_is(mut take: Take<'_>, place: Place) {
    let mut bytes: [u8; 64] = take.array();
    let raw = FrameHeader::decode(&bytes, place);
    seal::put(&mut bytes, 0, &seal::FRAME_MAGIC);
    seal::frame_header(&mut bytes, place.file_id, place.position);
    let before = bytes;
    if let Some((header, crc)) = FrameHeader::decode(&bytes, place) {
        assert!(header.payload_len <= 1 << 30, "a length over the limit");
        assert_eq!(FrameHeader::decode(&header.encode(place).0, place).unwrap().0, header);
        assert_eq!(crc, seal::u32_at(&bytes, 60));
        let other = Place { position: place.position ^ 8, ..place };
        assert_eq!(FrameHeader::decode(&bytes, other), None);
    }
    // One damaged bit is always noticed.
    let bit = usize::from(take.u16()) % (64 * 8);
    bytes[bit / 8] ^= 1 << (bit % 8);
    assert_eq!(FrameHeader::decode(&bytes, place), None, "bit {bit}");
    assert!(raw.is_none() || before[..60] != bytes[..60] || bit >= 480);
}

fn header_of_fields(mut take: Take<'_>, place: Place) {
    let kinds = [FrameKind::Transaction, FrameKind::Witness];
    let header = FrameHeader {
        kind: kinds[usize::from(take.u8() % 2)],
        sequence: Sequence::new(take.u64()),
        payload_len: take.u32() % ((1 << 30) + 1),
        payload_crc: take.u32(),
        synced_position: take.u64(),
        counters: Counters { entries: take.u64(), live_bytes: take.u64() },
        previous_crc: take.u32(),
    };
    let (bytes, crc) = header.encode(place);
    assert_eq!(FrameHeader::decode(&bytes, place), Some((header, crc)));
    let mut sealed = bytes;
    assert_eq!(seal::frame_header(&mut sealed, place.file_id, place.position), crc);
    assert_eq!(sealed, bytes, "docs/format.md says another checksum");
}

/// A payload that decodes reads back from what docs/format.md makes of its operations.
fn payload(bytes: &[u8]) {
    let Ok(record) = Record::decode(bytes.to_vec()) else {
        // Those who read on without the whole of it must end, too.
        if let Ok(operations) = Operations::of(bytes) {
            assert!(operations.take(bytes.len() + 2).count() <= bytes.len() + 1);
        }
        return;
    };
    let mut written = Vec::new();
    byte_string(&mut written, record.annotation());
    for operation in record.operations() {
        match operation.unwrap() {
            Operation::Put { key, value, value_offset } => {
                assert_eq!(&bytes[value_offset..value_offset + value.len()], value);
                written.push(1);
                byte_string(&mut written, key);
                byte_string(&mut written, value);
            }
            Operation::Delete { key } => {
                written.push(2);
                byte_string(&mut written, key);
            }
            Operation::DeleteRange { start, end } => {
                written.push(if end.is_some() { 3 } else { 4 });
                byte_string(&mut written, start);
                end.into_iter().for_each(|end| byte_string(&mut written, end));
            }
        }
    }
    let again = Record::decode(written).unwrap();
    assert_eq!(again.operation_count(), record.operation_count());
    assert_eq!(again.annotation(), record.annotation());
    for (one, other) in record.operations().zip(again.operations()) {
        let (one, other) = (one.unwrap(), other.unwrap());
        match (one, other) {
            (Operation::Put { key: a, value: b, .. }, Operation::Put { key: c, value: d, .. }) => {
                assert_eq!((a, b), (c, d));
            }
            (one, other) => assert_eq!(one, other),
        }
    }
}

fn byte_string(out: &mut Vec<u8>, bytes: &[u8]) {
    let len = bytes.len();
    if len <= 250 {
        out.push(len as u8);
    } else if len <= 0xffff {
        out.push(251);
        out.extend((len as u16).to_le_bytes());
    } else {
        out.push(252);
        out.extend((len as u32).to_le_bytes());
    }
    out.extend(bytes);
}
