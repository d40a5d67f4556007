//! Images written and read back in memory.

mod damaged; // what is not as it was written
mod salvage; // what is read of it all the same

use std::collections::BTreeMap;
use std::ops::Bound;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::collection::{btree_map, vec as vec_of};
use proptest::prelude::*;

use crate::journal::limits::MAX_KEY_BYTES;
use crate::vfs::fault::FaultVfs;
use crate::vfs::mem::MemVfs;
use crate::vfs::{File, OpenMode, Operation, Vfs};

use super::*;

type Entry = (Vec<u8>, Vec<u8>);
type Map = BTreeMap<Vec<u8>, Vec<u8>>;

const FILE_ID: u128 = 0x1234_5678_9abc_def0_0fed_cba9_8765_4321;
const START: u64 = 4096;
const READS: [ImageRead; 2] = [ImageRead::Mapped, ImageRead::Cached];
const COMPRESSIONS: [Compression; 2] = [Compression::None, Compression::Lz4];

/// A file with an image between other bytes.
struct Written {
    vfs: MemVfs,
    summary: ImageSummary,
}

fn path() -> &'static Path {
    Path::new("A.cdb")
}

fn write(entries: &Map, compression: Compression) -> Written {
    let vfs = MemVfs::new();
    let file = vfs.open(path(), OpenMode::CreateNew).unwrap();
    file.write_all_at(&[0xee; 4096], 0).unwrap();
    let mut builder = ImageBuilder::new(&*file, START, FILE_ID, ImageOptions { compression });
    for (key, value) in entries {
        builder.add(key, value).unwrap();
    }
    let summary = builder.finish().unwrap();
    file.write_all_at(&[0xdd; 100], summary.end()).unwrap();
    Written { vfs, summary }
}

impl Written {
    fn file(&self) -> Arc<dyn File> {
        self.vfs.open(path(), OpenMode::ReadWrite).unwrap()
    }

    fn open(&self, read: ImageRead) -> Image {
        let cache = BlockCache::new(1 << 20);
        Image::open(self.file(), FILE_ID, self.summary, read, &cache).unwrap()
    }

    fn bytes(&self) -> Vec<u8> {
        self.vfs.bytes(path()).unwrap()
    }

    fn with_bytes(&self, bytes: Vec<u8>) -> Self {
        let vfs = MemVfs::new();
        vfs.put(path(), bytes);
        Self { vfs, summary: self.summary }
    }

    /// The blocks in the order of the file.
    fn blocks(&self) -> Vec<BlockPointer> {
        let seed = header::FileSeed::new(FILE_ID);
        let mut walker = walk::BlockWalker::new(self.file(), seed, self.summary.end());
        let mut blocks = Vec::new();
        let mut position = self.summary.start;
        while position < self.summary.end() {
            let header = walker.header(position).unwrap().unwrap();
            let len = u32::try_from(header.block_len()).unwrap();
            blocks.push(BlockPointer { position, len });
            position += header.block_len();
        }
        blocks
    }
}

fn numbered(count: u32, value_len: usize) -> Map {
    let key = |n: u32| format!("/devices/device{{ce{n:06}}}/address").into_bytes();
    (0..count).map(|n| (key(n), vec![n.to_le_bytes()[0]; value_len])).collect()
}

fn entry(cursor: &ImageCursor) -> Option<Entry> {
    assert_eq!(*cursor.owned_value(), *cursor.value());
    cursor.valid().then(|| (cursor.key().to_vec(), cursor.value().to_vec()))
}

fn owned<'a>(entry: Option<(&'a Vec<u8>, &'a Vec<u8>)>) -> Option<Entry> {
    entry.map(|(key, value)| (key.clone(), value.clone()))
}

fn all_forward(image: &Image) -> Result<Vec<Entry>, ReadError> {
    let mut cursor = image.cursor();
    let mut found = Vec::new();
    let mut there = cursor.seek_first()?;
    while there {
        found.extend(entry(&cursor));
        there = cursor.next()?;
    }
    assert_eq!(entry(&cursor), None);
    Ok(found)
}

fn all_backward(image: &Image) -> Result<Vec<Entry>, ReadError> {
    let mut cursor = image.cursor();
    let mut found = Vec::new();
    let mut there = cursor.seek_last(Bound::Unbounded)?;
    while there {
        found.extend(entry(&cursor));
        there = cursor.prev()?;
    }
    found.reverse();
    Ok(found)
}

fn bound(kind: u8, key: &[u8]) -> Bound<&[u8]> {
    match kind {
        0 => Bound::Included(key),
        1 => Bound::Excluded(key),
        _ => Bound::Unbounded,
    }
}

fn count(entries: &Map, start: Bound<&[u8]>, end: Bound<&[u8]>) -> RangeCount {
    let after_start = |key: &[u8]| match start {
        Bound::Included(start) => key >= start,
        Bound::Excluded(start) => key > start,
        Bound::Unbounded => true,
    };
    let before_end = |key: &[u8]| match end {
        Bound::Included(end) => key <= end,
        Bound::Excluded(end) => key < end,
        Bound::Unbounded => true,
    };
    let mut count = RangeCount::default();
    for (key, value) in entries.iter().filter(|(key, _)| after_start(key) && before_end(key)) {
        let key_value_bytes = (key.len() + value.len()) as u64;
        count.add(RangeCount { entries: 1, key_value_bytes });
    }
    count
}

fn check_probe(image: &Image, entries: &Map, probe: &[u8]) {
    let probe = probe.to_vec();
    assert_eq!(image.get(&probe).unwrap().as_deref(), entries.get(&probe).map(Vec::as_slice));
    let seen = image.get_with(&probe, |value| value.map(<[u8]>::to_vec)).unwrap();
    assert_eq!(seen.as_ref(), entries.get(&probe));

    let mut cursor = image.cursor();
    assert_eq!(cursor.seek(&probe).unwrap(), cursor.valid());
    assert_eq!(entry(&cursor), owned(entries.range(probe.clone()..).next()));
    if cursor.prev().unwrap() {
        assert_eq!(entry(&cursor), owned(entries.range(..probe.clone()).next_back()));
    }
    cursor.seek_last(Bound::Included(&probe)).unwrap();
    assert_eq!(entry(&cursor), owned(entries.range(..=probe.clone()).next_back()));
    cursor.seek_last(Bound::Excluded(&probe)).unwrap();
    assert_eq!(entry(&cursor), owned(entries.range(..probe.clone()).next_back()));
    if cursor.next().unwrap() {
        assert_eq!(entry(&cursor), owned(entries.range(probe..).next()));
    }
}

fn check_whole(written: &Written, entries: &Map, read: ImageRead) {
    let image = written.open(read);
    let expected: Vec<_> = entries.clone().into_iter().collect();
    assert_eq!(all_forward(&image).unwrap(), expected);
    assert_eq!(all_backward(&image).unwrap(), expected);
    let report = image.verify(&mut |_| ()).unwrap();
    assert_eq!(report.bytes, written.summary.len);
    assert_eq!(report.entries, entries.len() as u64);
    let whole = count(entries, Bound::Unbounded, Bound::Unbounded);
    assert_eq!(report.key_value_bytes, whole.key_value_bytes);
}

/// Short keys that are beginnings of each other, paths, and now and then a large value.
fn maps() -> impl Strategy<Value = Map> {
    let pieces: Vec<&[u8]> = vec![b"/a", b"/bb{1}", b"\0", b"x", b"\xff"];
    let piece = prop::sample::select(pieces);
    let key = prop_oneof![
        vec_of(piece, 0..12).prop_map(|pieces| pieces.concat()),
        vec_of(any::<u8>(), 16),
    ];
    let value = prop_oneof![
        20 => vec_of(any::<u8>(), 0..40),
        5 => vec_of(Just(b'v'), 100..700),
        1 => vec_of(any::<u8>(), 3000..9000),
    ];
    btree_map(key, value, 0..400)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn an_image_answers_as_a_map_does(
        entries in maps(),
        probes in vec_of(vec_of(prop_oneof![Just(0), Just(b'/'), Just(b'a'), any::<u8>()], 0..20), 20),
        bounds in vec_of((0..3_u8, 0..3_u8, any::<prop::sample::Index>(), any::<prop::sample::Index>()), 20),
    ) {
        let keys: Vec<_> = entries.keys().chain(&probes).cloned().collect();
        for compression in COMPRESSIONS {
            let written = write(&entries, compression);
            for read in READS {
                check_whole(&written, &entries, read);
                let image = written.open(read);
                for probe in entries.keys().step_by(3).chain(&probes) {
                    check_probe(&image, &entries, probe);
                }
                for (start_kind, end_kind, start, end) in &bounds {
                    let start = bound(*start_kind, &keys[start.index(keys.len())]);
                    let end = bound(*end_kind, &keys[end.index(keys.len())]);
                    prop_assert_eq!(image.count_range(start, end).unwrap(), count(&entries, start, end));
                }
            }
        }
    }

    #[test]
    fn a_cursor_goes_where_a_map_would(
        entries in maps(),
        moves in vec_of((0..4_u8, any::<prop::sample::Index>()), 60),
    ) {
        prop_assume!(!entries.is_empty());
        let list: Vec<_> = entries.clone().into_iter().collect();
        let written = write(&entries, Compression::None);
        let image = written.open(ImageRead::Mapped);
        let mut cursor = image.cursor();
        let mut place: Option<usize> = None;
        for (kind, index) in moves {
            match kind {
                0 => {
                    let index = index.index(list.len());
                    cursor.seek(&list[index].0).unwrap();
                    place = Some(index);
                }
                1 | 2 => {
                    cursor.next().unwrap();
                    place = place.map(|at| at + 1).filter(|at| *at < list.len());
                }
                _ => {
                    cursor.prev().unwrap();
                    place = place.and_then(|at| at.checked_sub(1));
                }
            }
            prop_assert_eq!(entry(&cursor), place.map(|at| list[at].clone()));
        }
    }
}

#[test]
fn an_empty_image_has_no_bytes_and_no_entries() {
    let entries = Map::new();
    let written = write(&entries, Compression::None);
    assert_eq!(written.summary, ImageSummary::empty(START));
    for read in READS {
        check_whole(&written, &entries, read);
        check_probe(&written.open(read), &entries, b"x");
        check_probe(&written.open(read), &entries, b"");
    }
}

#[test]
fn an_image_of_one_entry_is_one_block() {
    let long = vec![0xff; MAX_KEY_BYTES];
    for (key, value) in [(&b""[..], &b""[..]), (b"k", b"v"), (&long, &[7; 10_000])] {
        let entries = Map::from([(key.to_vec(), value.to_vec())]);
        let written = write(&entries, Compression::None);
        assert_eq!((written.summary.height, written.blocks().len()), (1, 1));
        for read in READS {
            check_whole(&written, &entries, read);
            check_probe(&written.open(read), &entries, key);
            check_probe(&written.open(read), &entries, b"l");
        }
    }
}

#[test]
fn large_values_and_long_keys_read_back() {
    let mut entries = numbered(300, 20);
    entries.insert(b"/devices/device{ce000100}/b".to_vec(), vec![1; 3 << 20]);
    entries.insert(b"/devices/device{ce000100}/c".to_vec(), vec![2; 9 << 20]);
    for n in 0..40 {
        let key = [vec![b'k'; 65_000], vec![n; 500]].concat();
        entries.insert(key, vec![n; 10]);
    }
    for compression in COMPRESSIONS {
        let written = write(&entries, compression);
        for read in READS {
            check_whole(&written, &entries, read);
            for key in entries.keys().step_by(7) {
                check_probe(&written.open(read), &entries, key);
            }
        }
    }
}

#[test]
fn long_separators_make_a_tree_of_two_children_each() {
    let key = |n: u8| [vec![b'k'; 60_000], vec![n], vec![b'x'; 5_000]].concat();
    let long = |n: u8| [vec![n], vec![b'k'; 65_000]].concat();
    let entries: Map =
        (0..30).flat_map(|n| [(key(n), vec![n]), (long(n + 128), vec![n])]).collect();
    let written = write(&entries, Compression::None);
    assert!(written.summary.height <= 7);
    check_whole(&written, &entries, ImageRead::Mapped);
    for key in entries.keys() {
        check_probe(&written.open(ImageRead::Cached), &entries, key);
    }
}

#[test]
fn separators_are_short_and_the_index_is_small() {
    let entries = numbered(20_000, 50);
    let written = write(&entries, Compression::None);
    let report = written.open(ImageRead::Mapped).verify(&mut |_| ()).unwrap();
    assert!(report.index_blocks > 0, "{report:?}");
    assert!(report.index_blocks * 100 < report.data_blocks, "{report:?}");
    assert!(written.summary.len < report.key_value_bytes, "{report:?} in {}", written.summary.len);
}

#[test]
fn random_keys_cost_less_than_three_percent() {
    let key = |n: u64| {
        let hash = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        [hash.to_be_bytes(), hash.rotate_left(32).to_be_bytes()].concat()
    };
    let entries: Map = (0..50_000).map(|n| (key(n), vec![7; 150])).collect();
    let summary = write(&entries, Compression::None).summary;
    assert!(summary.len * 100 <= summary.key_value_bytes * 103, "{summary:?}");
}

#[test]
fn lz4_makes_a_repetitive_image_smaller() {
    let entries = numbered(5_000, 100);
    let raw = write(&entries, Compression::None).summary.len;
    let packed = write(&entries, Compression::Lz4).summary.len;
    assert!(packed * 2 < raw, "{packed} of {raw}");
}

#[test]
fn what_lz4_makes_no_smaller_is_stored_as_it_is() {
    let mut state = 7_u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_le_bytes()[3]
    };
    let entries: Map = (0..500_u32)
        .map(|n| (n.to_be_bytes().to_vec(), (0..200).map(|_| noise()).collect()))
        .collect();
    let [raw, packed] = COMPRESSIONS.map(|compression| write(&entries, compression));
    assert_eq!(raw.bytes(), packed.bytes());
}

#[test]
fn a_key_that_is_not_greater_is_refused_and_the_image_goes_on() {
    let vfs = MemVfs::new();
    let file = vfs.open(path(), OpenMode::CreateNew).unwrap();
    let mut builder = ImageBuilder::new(&*file, 0, FILE_ID, ImageOptions::default());
    builder.add(b"b", &[1; 5000]).unwrap();
    for key in [&b"b"[..], b"a", b""] {
        let refused = builder.add(key, b"");
        assert!(matches!(refused, Err(BuildError::OutOfOrder { number: 1 })), "{refused:?}");
    }
    let long = vec![b'c'; MAX_KEY_BYTES + 1];
    assert!(matches!(builder.add(&long, b""), Err(BuildError::KeyTooLong { size_bytes: 65_536 })));
    builder.add(b"c", b"2").unwrap();
    let summary = builder.finish().unwrap();
    let cache = BlockCache::new(1 << 20);
    let image = Image::open(file, FILE_ID, summary, ImageRead::Mapped, &cache).unwrap();
    let keys: Vec<_> = all_forward(&image).unwrap().into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, [b"b", b"c"]);
}

#[test]
fn the_builder_holds_a_bounded_number_of_bytes() {
    let vfs = MemVfs::new();
    let file = vfs.open(path(), OpenMode::CreateNew).unwrap();
    let mut builder = ImageBuilder::new(&*file, 0, FILE_ID, ImageOptions::default());
    let mut most = 0;
    for n in 0..60_000_u32 {
        let value = if n % 10_000 == 0 { vec![1; 2 << 20] } else { vec![2; 100] };
        builder.add(&n.to_be_bytes(), &value).unwrap();
        most = most.max(builder.held_bytes());
    }
    assert!(most <= output::OUTPUT_BYTES + 4 * encoder::BLOCK_TARGET_BYTES, "{most}");
    assert!(builder.written_bytes() > 18_000_000);
}

#[test]
fn opening_reads_no_block() {
    let written = write(&numbered(1000, 50), Compression::None);
    let torn = written.with_bytes(vec![0; written.bytes().len()]);
    for read in READS {
        let image = torn.open(read);
        assert!(matches!(image.get(b"k"), Err(ReadError::Corrupt { .. })));
    }
}

#[test]
fn a_small_cache_stays_within_its_bound() {
    let entries = numbered(20_000, 100);
    let written = write(&entries, Compression::None);
    let cache = BlockCache::new(256 << 10);
    let image =
        Image::open(written.file(), FILE_ID, written.summary, ImageRead::Cached, &cache).unwrap();
    assert_eq!(all_forward(&image).unwrap().len(), entries.len());
    let (used, capacity) = (cache.used_bytes(), cache.capacity_bytes());
    assert!((capacity / 2..=capacity).contains(&used), "{used} of {capacity}");
}

#[test]
fn a_block_that_the_cache_has_is_not_read_again() {
    let entries = numbered(2_000, 100);
    let written = write(&entries, Compression::None);
    let reads = Arc::new(AtomicUsize::new(0));
    let counted = reads.clone();
    let vfs = FaultVfs::new(written.vfs.shared(), move |call| {
        counted.fetch_add(usize::from(call.operation == Operation::Read), Ordering::Relaxed);
        None
    });
    let file = vfs.open(path(), OpenMode::Read).unwrap();
    let (cache, read) = (BlockCache::new(1 << 20), ImageRead::Cached);
    let image = Image::open(file, FILE_ID, written.summary, read, &cache).unwrap();
    let read_all = || {
        for (key, value) in &entries {
            assert_eq!(image.get(key).unwrap().as_deref(), Some(value.as_slice()));
        }
        reads.load(Ordering::Relaxed)
    };
    let first = read_all();
    assert!(first >= written.blocks().len(), "{first}");
    assert_eq!(read_all(), first);
}

#[test]
fn images_that_share_a_cache_do_not_mix_their_blocks() {
    let cache = BlockCache::new(1 << 20);
    for value in [1, 2, 3] {
        let entries: Map =
            numbered(500, 10).into_keys().map(|key| (key, vec![value; 10])).collect();
        let written = write(&entries, Compression::Lz4);
        for read in READS {
            let file = written.file();
            let image = Image::open(file, FILE_ID, written.summary, read, &cache).unwrap();
            assert!(all_forward(&image).unwrap().iter().all(|(_, found)| found == &[value; 10]));
        }
    }
}
