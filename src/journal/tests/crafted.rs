//! Files that no engine writes, whose checksums fit all the same: what fuzzing found.

use std::path::Path;

use super::super::{KeyRange, ReadError};
use super::{FILE, open};
use crate::vfs::mem::MemVfs;

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
    let mut scan = snapshot.scan(&KeyRange::all());
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
