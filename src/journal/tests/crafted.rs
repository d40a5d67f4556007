//! Files that no engine writes, whose checksums fit all the same: what fuzzing found.

use std::path::Path;

use super::super::check::verify;
use super::super::format::HEADER_BYTES;
use super::super::frame::{FrameHeader, Place};
use super::super::image::reseal;
use super::super::{
    CompactionControl, CompactionRequest, Durability, KeyRange, ReadError, Scan, WriteBatch,
};
use super::{FILE, open, put};
use crate::vfs::mem::MemVfs;
use crate::vfs::{OpenMode, Vfs};

// Symptom: a scan of a crafted file did not end. Cause: a range delete in the tail hides a part of the image, and the scan
// leaps over it with a seek; in an image whose keys are not in order the seek led back to before it. Fix: a seek that does
// not leave the hidden range says that the image is damaged.
#[test]
fn keys_out_of_order_under_a_range_delete_are_damage_and_no_endless_scan() {
    let crafted =
        include_bytes!("../../../tests/fixtures/crafted/keys-out-of-order-under-a-mask.journal");
    let vfs = MemVfs::new();
    vfs.put(Path::new(FILE), crafted.to_vec());
    let snapshot = open(&vfs).snapshot();
    is_refused(snapshot.scan(&KeyRange::all()));
}

fn is_refused(mut scan: Scan<'_>) {
    let mut steps = 0;
    let error = loop {
        match scan.next() {
            Ok(Some(_)) => steps += 1,
            Ok(None) => panic!("the end of a damaged image"),
            Err(error) => break error,
        }
        assert!(steps < 1000, "more entries than the file has bytes for");
    };
    assert!(matches!(error, ReadError::Corrupt { .. }), "{error}");
    assert!(error.to_string().contains("not greater than the key before it"), "{error}");
}

// Symptom: a scan backwards of a crafted file did not end; found by fuzzing after 46,819,743 inputs. Cause: the leap left the
// hidden range, but the keys before where it landed led into that range again, and so round and round. Fix: a leap that does
// not land beyond the one before it says that the image is damaged.
#[test]
fn keys_that_lead_back_under_a_range_delete_are_damage_and_no_endless_scan() {
    let crafted =
        include_bytes!("../../../tests/fixtures/crafted/keys-out-of-order-behind-a-mask.journal");
    let vfs = MemVfs::new();
    vfs.put(Path::new(FILE), crafted.to_vec());
    let snapshot = open(&vfs).snapshot();
    is_refused(snapshot.scan_reverse(&KeyRange::all()));
}

// The same forwards, where the leap lands where it landed before: nobody found that, a mutation run showed that nothing looked.
#[test]
fn a_leap_that_lands_where_the_last_one_did_is_damage_and_no_endless_scan() {
    let vfs = MemVfs::new();
    let store = open(&vfs);
    for key in ["ka", "m1", "m2", "x", "yyyyyyyy"] {
        put(&store, key, "v");
    }
    store.compact(&CompactionRequest::default(), &CompactionControl::new()).unwrap();
    let mut batch = WriteBatch::new();
    batch.delete_range(&KeyRange::prefix(b"m")).unwrap();
    store.write(batch, Durability::Sync).unwrap();
    store.close().unwrap();
    drop(store);
    let mut bytes = vfs.bytes(Path::new(FILE)).unwrap();
    let file_id = u128::from_le_bytes(bytes[16..32].try_into().unwrap());
    let at = bytes.windows(8).position(|window| window == b"yyyyyyyy").unwrap();
    bytes[at..at + 8].copy_from_slice(b"mmmmmmmm");
    reseal(&mut bytes, file_id, HEADER_BYTES);
    vfs.put(Path::new(FILE), bytes);
    let store = open(&vfs);
    is_refused(store.snapshot().scan(&KeyRange::all()));
}

// Symptom: the check called a file sound and gave counts that were not its own. Cause: the counts were the last witness's,
// what was compared with the entries were the last transaction's. Fix: the two are compared.
#[test]
fn a_witness_that_counts_otherwise_is_found_by_the_check() {
    let vfs = MemVfs::new();
    let store = open(&vfs);
    put(&store, "k", "v");
    store.close().unwrap();
    let mut bytes = vfs.bytes(Path::new(FILE)).unwrap();
    let at = bytes.len() - 64;
    let file_id = u128::from_le_bytes(bytes[16..32].try_into().unwrap());
    let place = Place { file_id, position: at as u64 };
    let (mut witness, _) = FrameHeader::decode(bytes[at..].first_chunk().unwrap(), place).unwrap();
    witness.counters.entries = 107;
    bytes[at..].copy_from_slice(&witness.encode(place).0);
    vfs.put(Path::new(FILE), bytes);
    let file = vfs.open(Path::new(FILE), OpenMode::Read).unwrap();
    let report = verify(&file, &mut |_| {}).unwrap();
    assert_eq!(report.counters.entries, 1);
    assert!(
        report.problems.iter().any(|problem| problem.what.contains("witness counts otherwise"))
    );
}
