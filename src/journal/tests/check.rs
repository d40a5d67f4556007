//! Checking, walking and saving what is damaged.

use std::path::Path;
use std::sync::Arc;

use super::super::check::{Piece, SalvageReport, salvage, verify, verify_snapshot, walk};
use super::super::frame::{FrameHeader, Place};
use super::super::header::Header;
use super::super::{CompactionControl, CompactionRequest, Store};
use super::{FILE, entries, keys, open, put};
use crate::vfs::mem::MemVfs;
use crate::vfs::{File, OpenMode, Vfs};

/// A closed file with an image of 300 entries and a tail of three transactions.
fn sample() -> Vec<u8> {
    let vfs = MemVfs::new();
    let store = open(&vfs);
    for n in 0..300 {
        put(&store, &format!("image {n:03}"), &"v".repeat(40));
    }
    store.compact(&CompactionRequest::default(), &CompactionControl::new()).unwrap();
    for n in 0..3 {
        put(&store, &format!("tail {n}"), "w");
    }
    store.close().unwrap();
    vfs.bytes(Path::new(FILE)).unwrap()
}

fn file_of(bytes: &[u8]) -> Arc<dyn File> {
    let vfs = MemVfs::new();
    vfs.put(Path::new(FILE), bytes.to_vec());
    vfs.open(Path::new(FILE), OpenMode::Read).unwrap()
}

fn save(bytes: &[u8]) -> (Store, SalvageReport) {
    let target = Store::in_memory().unwrap();
    let report = salvage(&file_of(bytes), &target).unwrap();
    (target, report)
}

#[test]
fn counters_of_the_last_transaction_that_are_not_what_is_live_are_found() {
    let vfs = MemVfs::new();
    let store = open(&vfs);
    put(&store, "k", "v");
    let mut bytes = vfs.bytes(Path::new(FILE)).unwrap();
    let header = Header::decode(bytes.first_chunk().unwrap()).unwrap();
    let place = Place { file_id: header.file_id, position: header.tail_start };
    let at = usize::try_from(header.tail_start).unwrap();
    let frame = bytes[at..].first_chunk_mut().unwrap();
    let (mut transaction, _) = FrameHeader::decode(frame, place).unwrap();
    transaction.counters.entries = 107;
    *frame = transaction.encode(place).0;
    let report = verify(&file_of(&bytes), &mut |_| {}).unwrap();
    let whats: Vec<&str> = report.problems.iter().map(|problem| &*problem.what).collect();
    assert_eq!(whats, ["the counters of the last transaction are not what is live"]);
}

#[test]
fn a_sound_file_is_said_to_be_sound_with_its_counts() {
    let bytes = sample();
    let report = verify(&file_of(&bytes), &mut |_| {}).unwrap();
    assert!(report.is_sound(), "{report:?}");
    assert_eq!(report.file_bytes, bytes.len() as u64);
    assert_eq!((report.counters.entries, report.tail_transactions, report.sequence), (303, 3, 303));
    assert_eq!(report.tail_end.as_deref(), Some("ends-with-file"));
}

#[test]
fn each_of_several_damaged_places_is_named() {
    let vfs = MemVfs::new();
    let store = open(&vfs);
    for n in 0..3000 {
        put(&store, &format!("image {n:04}"), &"v".repeat(40));
    }
    store.compact(&CompactionRequest::default(), &CompactionControl::new()).unwrap();
    put(&store, "tail", "w");
    store.close().unwrap();
    let mut bytes = vfs.bytes(Path::new(FILE)).unwrap();
    let places = [1_000, 50_000, 100_000];
    places.iter().for_each(|at| bytes[*at] ^= 1);
    let report = verify(&file_of(&bytes), &mut |_| {}).unwrap();
    let found: Vec<_> = report.problems.iter().map(|problem| problem.position).collect();
    for (at, after) in places.into_iter().zip([0, 1_000, 50_000]) {
        assert!(found.iter().any(|place| (after..=at as u64).contains(place)), "{at}: {found:?}");
    }
}

#[test]
fn every_damaged_byte_of_a_closed_file_is_found_by_the_check() {
    let whole = sample();
    for position in (0..whole.len()).step_by(7).chain(whole.len() - 64..whole.len()) {
        let mut damaged = whole.clone();
        damaged[position] ^= 0x10;
        match verify(&file_of(&damaged), &mut |_| {}) {
            Err(_) => assert!(position < 12, "byte {position}: magic or version"),
            Ok(report) => assert!(!report.is_sound(), "byte {position}"),
        }
    }
}

/// The sample, open for writing, with the bytes of its file.
fn open_sample() -> (MemVfs, Store, Vec<u8>) {
    let vfs = MemVfs::new();
    vfs.put(Path::new(FILE), sample());
    let store = open(&vfs);
    put(&store, "tail 3", "w");
    let bytes = vfs.bytes(Path::new(FILE)).unwrap();
    (vfs, store, bytes)
}

#[test]
fn an_open_store_is_verified_up_to_its_last_transaction() {
    let (vfs, store, bytes) = open_sample();
    let before = store.snapshot();
    let report = verify_snapshot(&before, &mut |_| {}).unwrap();
    assert!(report.is_sound(), "{report:?}");
    assert_eq!((report.counters.entries, report.tail_transactions, report.sequence), (304, 4, 304));
    assert_eq!(report.file_bytes, bytes.len() as u64);
    // What comes behind it is of a later transaction.
    let end = store.stats().file_bytes;
    let file = vfs.open(Path::new(FILE), OpenMode::ReadWrite).unwrap();
    file.write_all_at(b"PFRM half a frame", end).unwrap();
    assert_eq!(verify_snapshot(&before, &mut |_| {}).unwrap().problems, []);
    assert!(bytes.len() as u64 >= end);
}

#[test]
fn every_damaged_byte_under_an_open_store_is_found_by_the_check() {
    let (vfs, store, whole) = open_sample();
    let end = usize::try_from(store.stats().file_bytes).unwrap();
    let file = vfs.open(Path::new(FILE), OpenMode::ReadWrite).unwrap();
    for position in (0..end).step_by(7).chain(end - 64..end) {
        file.write_all_at(&[whole[position] ^ 0x10], position as u64).unwrap();
        let report = verify_snapshot(&store.snapshot(), &mut |_| {}).unwrap();
        assert!(!report.is_sound(), "byte {position}");
        assert!(report.problems[0].position <= position as u64, "byte {position}: {report:?}");
        file.write_all_at(&[whole[position]], position as u64).unwrap();
    }
    assert!(verify_snapshot(&store.snapshot(), &mut |_| {}).unwrap().is_sound());
}

#[test]
fn a_sound_file_is_saved_whole() {
    let whole = sample();
    let (target, report) = save(&whole);
    assert_eq!((report.entries, report.transactions, report.damaged_places), (300, 3, 0));
    let vfs = MemVfs::new();
    vfs.put(Path::new(FILE), whole);
    assert_eq!(entries(&target.snapshot()), entries(&open(&vfs).snapshot()));
}

#[test]
fn what_a_damaged_block_does_not_hold_is_saved() {
    let mut whole = sample();
    whole[600] ^= 1;
    let (target, report) = save(&whole);
    assert_eq!(report.damaged_places, 1);
    let saved = keys(&target);
    assert!(saved.len() > 150 && saved.len() < 303, "{}", saved.len());
    assert!(saved.contains(&"tail 2".to_owned()));
    assert!(!saved.contains(&"image 000".to_owned()));
}

#[test]
fn transactions_behind_a_damaged_one_are_saved_and_the_gap_is_counted() {
    let mut whole = sample();
    let len = whole.len();
    // The tail ends in three frames and a witness of 64 bytes.
    let report = verify(&file_of(&whole), &mut |_| {}).unwrap();
    assert_eq!(report.tail_transactions, 3);
    let mut second = None;
    walk(&file_of(&whole), &mut |piece| {
        if let Piece::Transaction { position, sequence: 302, .. } = piece {
            second = Some(usize::try_from(position).unwrap());
        }
        true
    })
    .unwrap();
    whole[second.unwrap() + 70] ^= 1;
    assert!(second.unwrap() < len);
    let (target, report) = save(&whole);
    assert_eq!((report.transactions, report.missing_transactions), (2, 1));
    let saved = keys(&target);
    assert!(saved.contains(&"tail 0".to_owned()) && saved.contains(&"tail 2".to_owned()));
    assert!(!saved.contains(&"tail 1".to_owned()));
}

#[test]
fn a_file_without_header_is_saved_through_the_headers_copy() {
    let mut whole = sample();
    whole[..512].fill(0xee);
    let (target, report) = save(&whole);
    assert_eq!((report.entries, report.transactions), (300, 3));
    assert_eq!(keys(&target).len(), 303);
}
