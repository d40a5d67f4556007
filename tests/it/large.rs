//! Positions over 4 GiB, in sparse files: a hole takes the place of gigabytes of data.
//!
//! A tail may begin anywhere behind the image, so a header that says so (docs/format.md) makes every frame, and every value
//! that is read by its position, lie behind the hole. An image may begin anywhere, so one that begins behind a hole
//! has all its block pointers there.

use std::ops::Bound;
use std::path::Path;
use std::sync::Arc;

use pumice::clock::SystemClock;
use pumice::journal::image::{
    BlockCache, Compression, Image, ImageBuilder, ImageOptions, ImageRead,
};
use pumice::journal::{
    CompactionControl, CompactionRequest, Directory, Durability, Sequence, Store, StoreOptions,
};
use pumice::vfs::os::OsVfs;
use pumice::vfs::{OpenMode, Vfs};

const FOUR_GIB: u64 = 4 << 30;
/// A little before the line, so that frames lie on both sides of it, and well behind it.
const STARTS: [u64; 2] = [FOUR_GIB - 1024, 5 << 30];

fn open(dir: &Path) -> Store {
    let clock = Arc::new(SystemClock::new());
    let directory = Directory::open(OsVfs::shared(), clock, dir).unwrap();
    Store::open(&directory, "x", StoreOptions::default()).unwrap()
}

/// Makes an empty store whose tail begins at `start`, behind a hole.
fn make_hole(dir: &Path, start: u64) {
    open(dir).close().unwrap();
    let file = OsVfs.open(&dir.join("x"), OpenMode::ReadWrite).unwrap();
    let mut header = [0; 512];
    file.read_exact_at(&mut header, 0).unwrap();
    for offset in [104, 112] {
        header[offset..offset + 8].copy_from_slice(&start.to_le_bytes());
    }
    let crc = crc32c::crc32c(&header[..508]);
    header[508..].copy_from_slice(&crc.to_le_bytes());
    file.set_len(512).unwrap();
    file.write_all_at(&header, 0).unwrap();
    file.write_all_at(&header, 512).unwrap();
    file.set_len(start).unwrap();
}

fn value(number: u32) -> Vec<u8> {
    // Every other is long enough to be left in the file and read by its position.
    number.to_be_bytes().repeat(if number.is_multiple_of(2) { 2_000 } else { 2 })
}

fn check_all(store: &Store, numbers: u32) {
    let snapshot = store.snapshot();
    for number in 0..numbers {
        let found = snapshot.get(&number.to_be_bytes()).unwrap();
        assert_eq!(found.as_deref(), Some(&value(number)[..]), "{number}");
    }
    assert_eq!(store.stats().entries, u64::from(numbers));
}

#[test]
fn a_tail_behind_four_gibibytes_is_written_read_recovered_and_compacted() {
    const COUNT: u32 = 40;
    for start in STARTS {
        let dir = tempfile::tempdir().unwrap();
        make_hole(dir.path(), start);
        let store = open(dir.path());
        for number in 0..COUNT {
            let mut transaction = store.begin();
            transaction.put(&number.to_be_bytes(), &value(number)).unwrap();
            transaction.commit(Durability::Sync).unwrap();
        }
        check_all(&store, COUNT);
        let stats = store.stats();
        assert!(stats.file_bytes > start.max(FOUR_GIB) && stats.tail_bytes < 1 << 20, "{stats:?}");
        let positions: Vec<_> = store.tail().map(|record| record.unwrap().position).collect();
        assert_eq!((positions.len(), positions[0]), (COUNT as usize, start));
        assert!(positions.is_sorted() && *positions.last().unwrap() > FOUR_GIB);
        let past = store.snapshot_at(Sequence::new(20)).unwrap();
        assert_eq!(past.get(&18_u32.to_be_bytes()).unwrap().as_deref(), Some(&value(18)[..]));
        assert_eq!(past.get(&20_u32.to_be_bytes()).unwrap(), None);
        drop((past, store));

        // A torn frame behind the last is found and cut there.
        let file = OsVfs.open(&dir.path().join("x"), OpenMode::ReadWrite).unwrap();
        let end = file.len().unwrap();
        assert!(end > FOUR_GIB);
        file.write_all_at(&[0xb3; 100], end).unwrap();
        let store = open(dir.path());
        check_all(&store, COUNT);
        store.close().unwrap();
        drop(store);

        let store = open(dir.path());
        store.compact(&CompactionRequest::default(), &CompactionControl::new()).unwrap();
        check_all(&store, COUNT);
        let last = store.stats().last_compaction.unwrap();
        assert!(last.size_start_bytes > FOUR_GIB && last.size_end_bytes < 1 << 20, "{last:?}");
        drop(store);
        check_all(&open(dir.path()), COUNT);
    }
}

#[test]
fn an_image_behind_four_gibibytes_is_read_in_every_way() {
    const COUNT: u32 = 3_000;
    let dir = tempfile::tempdir().unwrap();
    for (number, start) in STARTS.into_iter().enumerate() {
        for compression in [Compression::None, Compression::Lz4] {
            let path = dir.path().join(format!("image-{number}-{compression:?}"));
            let file = OsVfs.open(&path, OpenMode::CreateNew).unwrap();
            let mut builder = ImageBuilder::new(&*file, start, 7, ImageOptions { compression });
            for number in 0..COUNT {
                builder.add(&number.to_be_bytes(), &[7; 30]).unwrap();
            }
            let summary = builder.finish().unwrap();
            assert!(summary.root.unwrap().position > FOUR_GIB && summary.height > 1);

            for read in [ImageRead::Mapped, ImageRead::Cached] {
                let cache = BlockCache::new(1 << 20);
                let image = Image::open(file.clone(), 7, summary, read, &cache).unwrap();
                for number in 0..COUNT {
                    let value = image.get(&number.to_be_bytes()).unwrap();
                    assert_eq!(value.as_deref(), Some(&[7; 30][..]));
                }
                let mut cursor = image.cursor();
                assert!(cursor.seek_last(Bound::Unbounded).unwrap());
                for number in (0..COUNT).rev() {
                    assert_eq!(cursor.key(), number.to_be_bytes());
                    assert_eq!(cursor.prev().unwrap(), number > 0);
                }
                image.verify(&mut |_| {}).unwrap();
            }
        }
    }
}
