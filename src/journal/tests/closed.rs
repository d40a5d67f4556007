//! What damages a closed file never goes unnamed: sectors, shifts and cuts, and the closing record itself.

use std::path::Path;

use super::super::check::verify;
use super::super::format::{CLOSING_BYTES, HEADER_BYTES};
use super::super::header::Header;
use super::super::{CompactionControl, CompactionRequest, OpenError, Store};
use super::{FILE, keys, open, open_on, put};
use crate::vfs::mem::MemVfs;
use crate::vfs::{OpenMode, Vfs};

const SECTOR: usize = 512;

fn holding(bytes: Vec<u8>) -> MemVfs {
    let vfs = MemVfs::new();
    vfs.put(Path::new(FILE), bytes);
    vfs
}

fn closed(vfs: &MemVfs, store: &Store) -> Vec<u8> {
    store.close().unwrap();
    vfs.bytes(Path::new(FILE)).unwrap()
}

/// What `init` and two `set`s leave: a tail within one sector.
fn small() -> Vec<u8> {
    let vfs = MemVfs::new();
    let store = open(&vfs);
    put(&store, "k1", "v");
    put(&store, "k2", "v");
    closed(&vfs, &store)
}

/// An image, and a tail over several sectors.
fn large() -> Vec<u8> {
    let vfs = MemVfs::new();
    let store = open(&vfs);
    for n in 0..40 {
        put(&store, &format!("image {n}"), &"i".repeat(100));
    }
    store.compact(&CompactionRequest::default(), &CompactionControl::new()).unwrap();
    for n in 0..30 {
        put(&store, &format!("tail {n}"), &"t".repeat(10 * n));
    }
    closed(&vfs, &store)
}

fn header_of(bytes: &[u8]) -> Header {
    Header::decode(bytes.first_chunk::<HEADER_BYTES>().unwrap()).unwrap()
}

/// The file is refused, or holds everything; and whatever is wrong with it is named by the check.
fn assert_named(whole: &[u8], damaged: Vec<u8>, case: &str) {
    if damaged == whole {
        return;
    }
    let expected = keys(&open(&holding(whole.to_vec())));
    let vfs = holding(damaged);
    let file = vfs.open(Path::new(FILE), OpenMode::Read).unwrap();
    let sound = verify(&file, &mut |_| {}).is_ok_and(|report| report.is_sound());
    match open_on(vfs.shared()) {
        Ok(store) if sound => assert_eq!(keys(&store), expected, "{case}: sound, and not whole"),
        Ok(_) | Err(_) => assert!(!sound, "{case}: refused, and the check finds nothing"),
    }
    assert!(!sound, "{case}: not named");
}

#[test]
fn every_sector_of_a_closed_file_that_is_lost_is_named() {
    for whole in [small(), large()] {
        for start in (0..whole.len()).step_by(SECTOR) {
            let end = (start + SECTOR).min(whole.len());
            for fill in [0, 0xff] {
                let mut one = whole.clone();
                one[start..end].fill(fill);
                assert_named(&whole, one, &format!("sector at {start} of {fill}"));
            }
            if start > 0 {
                let mut rest = whole.clone();
                rest[start..].fill(0);
                assert_named(&whole, rest, &format!("zeros from {start} on"));
            }
        }
    }
}

#[test]
fn every_shift_within_a_closed_file_is_named() {
    for whole in [small(), large()] {
        for start in (0..whole.len()).step_by(64) {
            for len in [8, 64, SECTOR, 4096] {
                let end = start + len;
                if end > whole.len() {
                    continue;
                }
                let deleted = [&whole[..start], &whole[end..]].concat();
                assert_named(&whole, deleted, &format!("{start}..{end} deleted"));
                let doubled = [&whole[..end], &whole[start..]].concat();
                assert_named(&whole, doubled, &format!("{start}..{end} doubled"));
            }
        }
    }
}

#[test]
fn every_cut_of_a_closed_file_is_named() {
    for whole in [small(), large()] {
        for len in 1..whole.len() {
            assert_named(&whole, whole[..len].to_vec(), &format!("cut to {len}"));
        }
    }
}

#[test]
fn a_file_that_was_opened_again_keeps_what_its_last_close_said() {
    let whole = small();
    let vfs = holding(whole.clone());
    let store = open(&vfs);
    put(&store, "k3", "v");
    let mut open_now = vfs.crash().bytes(Path::new(FILE)).unwrap();
    let tail = usize::try_from(header_of(&whole).tail_start).unwrap();
    open_now[tail..].fill(0);
    let OpenError::Damaged(damage) = open_on(holding(open_now).shared()).unwrap_err() else {
        panic!("opened")
    };
    assert!(damage.to_string().contains("durable when the file was closed"), "{damage}");
}

#[test]
fn a_closing_record_that_a_crash_tore_is_written_anew() {
    let mut torn = small();
    let at = usize::try_from(header_of(&torn).closing_position().unwrap()).unwrap();
    torn[at + 8..at + CLOSING_BYTES].fill(0);
    let vfs = holding(torn);
    assert_eq!(keys(&open(&vfs)), ["k1", "k2"]);
    let file = vfs.open(Path::new(FILE), OpenMode::Read).unwrap();
    assert!(verify(&file, &mut |_| {}).unwrap().is_sound());
    assert_eq!(keys(&open(&vfs.crash())), ["k1", "k2"]);
}

#[test]
fn a_damaged_closing_record_is_refused_where_no_close_was_under_way() {
    let vfs = MemVfs::new();
    let store = open(&vfs);
    put(&store, "k1", "v");
    let mut bytes = vfs.crash().bytes(Path::new(FILE)).unwrap();
    let at = usize::try_from(header_of(&bytes).closing_position().unwrap()).unwrap();
    bytes[at + 20] ^= 1;
    let OpenError::Damaged(damage) = open_on(holding(bytes).shared()).unwrap_err() else {
        panic!("opened")
    };
    assert!(damage.to_string().contains("the closing record is damaged"), "{damage}");
}
