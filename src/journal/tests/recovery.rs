//! What is done about the end of a tail, about newborn files, foreign files and locks.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::super::check::verify;
use super::super::format::FRAME_HEADER_BYTES;
use super::super::format::HEADER_BYTES;
use super::super::header::Header;
use super::super::image::ImageSummary;
use super::super::{
    CommitError, Directory, Durability, LOCK_FILE, OpenError, Sequence, Store, StoreOptions,
    WriteBatch,
};
use super::{DIR, FILE, get, keys, open, open_on, put};
use crate::clock::ManualClock;
use crate::vfs::fault::FaultVfs;
use crate::vfs::mem::MemVfs;
use crate::vfs::{OpenMode, Operation, Vfs};

/// A file system that holds `bytes` as the journal.
fn holding(bytes: &[u8]) -> MemVfs {
    let vfs = MemVfs::new();
    vfs.put(Path::new(FILE), bytes.to_vec());
    vfs
}

fn bytes(vfs: &MemVfs) -> Vec<u8> {
    vfs.bytes(Path::new(FILE)).unwrap()
}

/// A file with three transactions; `closed` says whether it was closed or cut off by a power failure.
fn three_transactions(closed: bool) -> (Vec<u8>, [usize; 4]) {
    let vfs = MemVfs::new();
    let store = open(&vfs);
    let mut ends = [usize::try_from(store.stats().file_bytes).unwrap(); 4];
    for (index, end) in ends.iter_mut().enumerate().skip(1) {
        put(&store, &format!("k{index}"), "value");
        *end = usize::try_from(store.stats().file_bytes).unwrap();
    }
    if closed {
        store.close().unwrap();
        (bytes(&vfs), ends)
    } else {
        (bytes(&vfs.crash()), ends)
    }
}

fn open_error(vfs: &MemVfs) -> OpenError {
    open_on(vfs.shared()).unwrap_err()
}

#[test]
fn a_tail_cut_at_any_byte_opens_with_the_whole_transactions_before_the_cut() {
    let (whole, ends) = three_transactions(false);
    for len in ends[0]..ends[3] {
        let vfs = holding(&whole[..len]);
        let store = open(&vfs);
        let expected = ends[1..].iter().filter(|end| **end <= len).count();
        assert_eq!(keys(&store).len(), expected, "cut at {len}");
        put(&store, "next", "1");
        drop(store);
        let reopened = open(&vfs.crash());
        assert_eq!(get(&reopened, "next").as_deref(), Some("1"), "cut at {len}");
        assert_eq!(reopened.stats().sequence, Sequence::new(expected as u64 + 1));
    }
}

#[test]
fn garbage_behind_the_tail_is_cut_durably_before_the_first_commit() {
    let (mut whole, ends) = three_transactions(false);
    whole[ends[3] + 3..ends[3] + 4000].fill(0xa5);
    let vfs = holding(&whole);
    let _opened_and_no_more = open(&vfs);
    assert_eq!(keys(&open(&vfs.crash())), ["k1", "k2", "k3"]);
    assert!(!bytes(&vfs.crash())[ends[3]..].contains(&0xa5));
}

#[test]
fn zeros_behind_the_tail_are_space_ahead_however_many() {
    let (mut whole, ends) = three_transactions(false);
    whole.truncate(ends[3]);
    whole.resize(ends[3] + (5 << 20), 0);
    let vfs = holding(&whole);
    let store = open(&vfs);
    assert_eq!(keys(&store).len(), 3);
    assert_eq!(store.stats().file_bytes, ends[3] as u64);
}

#[test]
fn a_damaged_frame_that_later_ones_prove_durable_refuses_the_open_and_changes_nothing() {
    let (whole, ends) = three_transactions(false);
    for position in [ends[0], ends[0] + 20, ends[1] - 9, ends[1] + FRAME_HEADER_BYTES] {
        let mut damaged = whole.clone();
        damaged[position] ^= 0x40;
        let vfs = holding(&damaged);
        let OpenError::Damaged(damage) = open_error(&vfs) else { panic!("byte {position}") };
        assert!(damage.position <= position as u64, "{damage}");
        assert!(damage.to_string().contains("nothing was changed"));
        assert_eq!(bytes(&vfs), damaged);
    }
}

#[test]
fn the_last_group_before_a_crash_is_the_only_one_that_damage_can_pass_for_torn() {
    let (mut whole, ends) = three_transactions(false);
    whole[ends[2] + 70] ^= 1;
    assert_eq!(keys(&open(&holding(&whole))), ["k1", "k2"]);
}

#[test]
fn after_a_clean_close_damage_in_the_last_transaction_is_damage() {
    let (mut whole, ends) = three_transactions(true);
    whole[ends[2] + 70] ^= 1;
    let OpenError::Damaged(damage) = open_error(&holding(&whole)) else { panic!() };
    assert_eq!((damage.position, damage.intact), (ends[2] as u64, Sequence::new(2)));
}

#[test]
fn every_flipped_bit_of_a_closed_file_is_refused_or_changes_no_answer() {
    let (whole, _) = three_transactions(true);
    for bit in 0..whole.len() * 8 {
        let mut damaged = whole.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        if let Ok(store) = open_on(holding(&damaged).shared()) {
            assert_eq!(keys(&store), ["k1", "k2", "k3"], "bit {bit}");
        }
    }
}

#[test]
fn a_store_that_is_dropped_is_closed() {
    let vfs = MemVfs::new();
    let store = open(&vfs);
    put(&store, "k", "v");
    drop(store);
    let dropped = bytes(&vfs);
    open(&vfs).close().unwrap();
    assert_eq!(bytes(&vfs), dropped);
}

#[test]
fn a_header_whose_parts_contradict_each_other_is_damaged_though_its_checksum_fits() {
    let (whole, _) = three_transactions(true);
    let header = Header::decode(whole.first_chunk().unwrap()).unwrap();
    let image_behind_tail = ImageSummary { len: header.tail_start, ..header.image };
    let image_elsewhere = ImageSummary { start: header.image.start + 1, ..header.image };
    let crafted = [
        Header { image: image_behind_tail, ..header },
        Header { image: image_elsewhere, ..header },
        Header { sealed_position: header.tail_start - 1, ..header },
    ];
    for header in crafted {
        let mut damaged = whole.clone();
        damaged[..HEADER_BYTES].copy_from_slice(&header.encode());
        let copy = usize::try_from(header.copy_position()).unwrap();
        if let Some(place) = damaged.get_mut(copy..copy + HEADER_BYTES) {
            place.copy_from_slice(&header.encode());
        }
        assert!(matches!(open_error(&holding(&damaged)), OpenError::Damaged(_)), "{header:?}");
    }
}

#[test]
fn a_repeated_close_and_open_adds_nothing() {
    let vfs = MemVfs::new();
    let store = open(&vfs);
    put(&store, "k", "v");
    store.close().unwrap();
    drop(store);
    let once = bytes(&vfs);
    open(&vfs).close().unwrap();
    open(&vfs).close().unwrap();
    assert_eq!(bytes(&vfs), once);
}

#[test]
fn a_crash_during_the_repair_leaves_a_file_that_repairs_again() {
    let (mut whole, ends) = three_transactions(false);
    whole[ends[2] + 5] ^= 1;
    let vfs = holding(&whole);
    let first = open(&vfs);
    let second = open(&vfs.crash());
    assert_eq!(keys(&first), keys(&second));
    assert_eq!(keys(&open(&vfs.crash().crash())), ["k1", "k2"]);
}

#[test]
fn a_newborn_file_of_zeros_or_nothing_opens_as_empty() {
    for newborn in [vec![], vec![0; 512], vec![0; 100_000]] {
        let store = open(&holding(&newborn));
        assert_eq!(store.stats().entries, 0);
        put(&store, "k", "v");
        assert_eq!(keys(&store), ["k"]);
    }
}

#[test]
fn a_store_is_named_only_when_it_is_whole() {
    let vfs = MemVfs::new();
    let store = open(&vfs);
    put(&store, "k", "v");
    assert_eq!(keys(&open(&vfs.crash())), ["k"]);
    assert!(!vfs.exists(Path::new("/data/test.journal.compact")).unwrap());
}

#[test]
fn another_kind_of_file_is_named_as_such_and_left_alone() {
    let vfs = holding(b"<config/> and a good deal more of it, so that it is longer than a header");
    assert!(matches!(open_error(&vfs), OpenError::NotAJournal { path } if path == Path::new(FILE)));
    let long = vec![b'x'; 4000];
    assert!(matches!(open_error(&holding(&long)), OpenError::NotAJournal { .. }));
}

#[test]
fn a_truncated_image_is_refused() {
    let vfs = MemVfs::new();
    let store = open(&vfs);
    (0..1000).for_each(|n| put(&store, &format!("key {n}"), "value"));
    store.compact(&Default::default(), &Default::default()).unwrap();
    store.close().unwrap();
    drop(store);
    let whole = bytes(&vfs);
    for len in [600, 4000, whole.len() / 2, whole.len() - 1] {
        let refused = open_on(holding(&whole[..len]).shared());
        assert!(refused.is_err(), "cut at {len}");
    }
}

#[test]
fn a_second_opener_is_told_who_has_the_directory() {
    let vfs = MemVfs::new();
    let first = open(&vfs);
    let OpenError::Locked { holder, .. } = open_error(&vfs) else { panic!() };
    assert_eq!(holder, Some(format!("pid {}", std::process::id())));
    drop(first);
    open(&vfs);
}

#[test]
fn the_lock_survives_a_compaction() {
    let vfs = MemVfs::new();
    let store = open(&vfs);
    store.compact(&Default::default(), &Default::default()).unwrap();
    assert!(matches!(open_error(&vfs), OpenError::Locked { .. }));
}

#[test]
fn a_read_only_open_changes_nothing_and_refuses_writes() {
    let (mut whole, ends) = three_transactions(false);
    whole[ends[2] + 70] ^= 1;
    let vfs = holding(&whole);
    let clock = std::sync::Arc::new(ManualClock::starting_at(0));
    vfs.create_dir(Path::new(DIR)).unwrap();
    let directory = Directory::open_read_only(vfs.shared(), clock, Path::new(DIR)).unwrap();
    let store = Store::open(&directory, "test.journal", StoreOptions::default()).unwrap();
    assert_eq!(keys(&store), ["k1", "k2"]);
    let refused = store.write(WriteBatch::new(), Durability::Sync);
    assert!(matches!(refused, Err(CommitError::ReadOnly)));
    drop(store);
    assert_eq!(bytes(&vfs), whole);
    let missing = Store::open(&directory, "none", StoreOptions::default());
    assert!(matches!(missing, Err(OpenError::NotFound { .. })));
}

#[test]
fn a_read_only_open_goes_without_a_lock_where_it_may_not_have_one_and_nowhere_else() {
    for (kind, is_open) in [
        (ErrorKind::PermissionDenied, true),
        (ErrorKind::ReadOnlyFilesystem, true),
        (ErrorKind::Other, false),
    ] {
        let inner = holding(&three_transactions(true).0);
        inner.create_dir(Path::new(DIR)).unwrap();
        inner.put(&Path::new(DIR).join(LOCK_FILE), Vec::new());
        let vfs = FaultVfs::new(inner.shared(), move |call| {
            (call.operation == Operation::Lock).then(|| std::io::Error::from(kind))
        });
        let clock = std::sync::Arc::new(ManualClock::starting_at(0));
        let opened = Directory::open_read_only(vfs.shared(), clock, Path::new(DIR));
        assert_eq!(vfs.calls(Operation::Lock), 1);
        assert_eq!(opened.is_ok(), is_open, "{kind}");
        assert!(open_on(vfs.shared()).is_err(), "{kind}: opened for writing without a lock");
    }
}

/// Fails every sync of a directory, as if the process ended before it.
fn without_directory_syncs(inner: &MemVfs) -> FaultVfs {
    FaultVfs::new(inner.shared(), |call| {
        (call.operation == Operation::SyncDir).then(|| std::io::Error::other("killed"))
    })
}

// Symptom: a store that was empty, or not there, after a power failure, though it had acknowledged commits.
// Cause: the process had ended between the rename and the sync of the directory; the next one found the name
// in the cache, took it for durable, and went on. Fix: opening for writing syncs the directory first.
#[test]
fn a_name_that_was_not_durable_when_the_process_ended_is_before_the_next_commit() {
    let vfs = MemVfs::new();
    open_on(without_directory_syncs(&vfs).shared()).unwrap_err();
    put(&open(&vfs), "acknowledged", "1");
    assert_eq!(keys(&open(&vfs.crash())), ["acknowledged"]);
}

// The same with the name of a compacted file: the old file came back, without what the new one had
// acknowledged.
#[test]
fn a_swap_that_was_not_durable_when_the_process_ended_is_before_the_next_commit() {
    let vfs = MemVfs::new();
    put(&open(&vfs), "before", "1");
    let renamed = AtomicBool::new(false);
    let killed = FaultVfs::new(vfs.shared(), move |call| {
        renamed.fetch_or(call.operation == Operation::Rename, Ordering::SeqCst);
        let swap = call.operation == Operation::SyncDir && renamed.load(Ordering::SeqCst);
        swap.then(|| std::io::Error::other("killed"))
    });
    let store = open_on(killed.shared()).unwrap();
    store.compact(&Default::default(), &Default::default()).unwrap_err();
    drop(store);
    put(&open(&vfs), "after", "1");
    assert_eq!(keys(&open(&vfs.crash())), ["after", "before"]);
}

// Symptom: a store refused to open after a power failure: a frame that a later one proves durable is damaged.
// Cause: the sync that closes a store failed after it had written the witness, and left its page clean in the
// cache and old on disk. The next process saw the witness and built on it, but never wrote it again. Fix: an
// open writes the last witness again, as it does with frames.
#[test]
fn a_witness_that_only_the_cache_has_is_on_disk_before_the_next_commit() {
    let (closed, ends) = three_transactions(true);
    let mut on_disk = closed.clone();
    on_disk[ends[3]..].fill(0);
    let vfs = MemVfs::new();
    vfs.put_cached(Path::new(FILE), closed, on_disk);
    put(&open(&vfs), "k4", "value");
    assert_eq!(keys(&open(&vfs.crash())), ["k1", "k2", "k3", "k4"]);
}

// Symptom: two handles that each counted from what they had found, and wrote over each other's commits.
// Cause: the lock is the directory's, and nothing kept one process from opening the same file twice in it.
// Fix: a directory knows which of its files are open for writing.
#[test]
fn a_store_is_opened_for_writing_only_once_at_a_time() {
    let vfs = MemVfs::new();
    let clock = std::sync::Arc::new(ManualClock::starting_at(0));
    let directory = Directory::open(vfs.shared(), clock, Path::new(DIR)).unwrap();
    let open = || Store::open(&directory, "test.journal", StoreOptions::default());
    let first = open().unwrap();
    put(&first, "first", "1");
    assert!(matches!(open(), Err(OpenError::Locked { .. })));
    put(&first, "second", "1");
    let again = first.clone();
    drop(first);
    assert!(matches!(open(), Err(OpenError::Locked { .. })));
    drop(again);
    assert_eq!(keys(&open().unwrap()), ["first", "second"]);
}

// Symptom: a panic (in a build with checks), or a sequence that began at 0 again, on a file whose header was
// made up: its checksum fits, its numbers do not. Fix: counting saturates.
#[test]
fn a_header_with_the_largest_numbers_is_refused_or_read_but_never_a_panic() {
    let mut header = Header::newborn(7, 0);
    header.base_sequence = Sequence::new(u64::MAX);
    header.generation = u64::MAX;
    for (tail_start, sealed) in
        [(1024, 1024), (1024, u64::MAX), (u64::MAX, u64::MAX), (u64::MAX - 7, u64::MAX)]
    {
        // The last but one: found by fuzzing, the check added the header's length to where the copy would be.
        for (start, len) in
            [(512, 0), (512, u64::MAX - 512), (512, u64::MAX), (512, u64::MAX - 515), (u64::MAX, 1)]
        {
            header.tail_start = tail_start;
            header.sealed_position = sealed;
            header.image.start = start;
            header.image.len = len;
            let mut file = vec![0; 4096];
            file[..512].copy_from_slice(&header.encode());
            let vfs = holding(&file);
            let report = verify(&vfs.open(Path::new(FILE), OpenMode::Read).unwrap(), &mut |_| {});
            let is_sound = report.is_ok_and(|report| report.is_sound());
            let Ok(store) = open_on(vfs.shared()) else {
                assert!(!is_sound);
                continue;
            };
            assert_eq!((tail_start, sealed, len), (1024, 1024, 0));
            let mut batch = WriteBatch::new();
            batch.put(b"k", b"v").unwrap();
            drop(store.write(batch, Durability::Sync));
            drop(store.compact(&Default::default(), &Default::default()));
        }
    }
}

// Symptom: a new directory with all in it was gone after a power failure. Cause: the process that made it was
// killed before the directory above was synced, and the next one found it there. Fix: as long as nobody has
// taken the lock, an open syncs the directories above.
#[test]
fn a_directory_whose_maker_was_killed_is_made_durable_by_the_next_open() {
    let inner = MemVfs::new();
    assert!(open_on(without_directory_syncs(&inner).shared()).is_err());
    assert!(inner.exists(Path::new(DIR)).unwrap());
    let synced = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let log = synced.clone();
    let vfs = FaultVfs::new(inner.shared(), move |call| {
        if call.operation == Operation::SyncDir {
            log.lock().unwrap().push(call.path.to_path_buf());
        }
        None
    });
    open_on(vfs.shared()).unwrap();
    assert_eq!(synced.lock().unwrap()[0], Path::new(DIR).parent().unwrap());
}
