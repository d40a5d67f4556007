//! Image blocks whose checksums fit and whose insides are anything: every way of reading them, and entries there and back.

use std::ops::Bound;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use pumice::journal::image::{
    BlockCache, BlockPointer, BuildError, Compression, Image, ImageBuilder, ImageOptions,
    ImageRead, ImageSalvage, ImageSummary, Salvaged,
};
use pumice::vfs::mem::MemVfs;
use pumice::vfs::{File, OpenMode, Vfs};

use crate::seal::{self, BLOCK_HEADER};
use crate::take::Take;

const PATH: &str = "/d/image";
const START: u64 = 512;
const FILE_ID: u128 = 1;
/// A crafted index may name one block many times; a scan of it is long and ends.
const STEPS_MAX: u64 = 4096;

pub fn run(input: &[u8]) {
    let mut take = Take(input);
    match take.u8() % 4 {
        0 => there_and_back(take),
        _ => crafted(take),
    }
}

fn cache() -> &'static Arc<BlockCache> {
    static CACHE: OnceLock<Arc<BlockCache>> = OnceLock::new();
    CACHE.get_or_init(|| BlockCache::new(1 << 20))
}

fn file_of(bytes: Vec<u8>) -> Arc<dyn File> {
    let vfs = MemVfs::new();
    vfs.put(Path::new(PATH), bytes);
    vfs.open(Path::new(PATH), OpenMode::ReadWrite).unwrap()
}

/// Blocks out of the input: for each a level, a compression, a length and the payload.
fn crafted(mut take: Take<'_>) {
    let mut summary = ImageSummary {
        start: START,
        len: 0,
        root: None,
        height: take.u8() % 5,
        entries: u64::from(take.u8()),
        key_value_bytes: u64::from(take.u16()),
    };
    let read = if take.u8() % 2 == 0 { ImageRead::Mapped } else { ImageRead::Cached };
    let wanted = take.piece().to_vec();
    let mut bytes = vec![0; START as usize];
    while !take.is_empty() {
        let (level, compression) = (take.u8() % 5, take.u8() % 8);
        // Mostly stored as it is; now and then lz4, or a number that nobody knows.
        let compression = match compression {
            0..=4 => 0,
            5 | 6 => 1,
            _ => 2,
        };
        let len = usize::from(take.u16() % 2048);
        let payload = take.bytes(len);
        let at = bytes.len();
        bytes.extend([0; BLOCK_HEADER]);
        bytes.extend(payload);
        let block = &mut bytes[at..];
        seal::put(block, 8, &(payload.len() as u32).to_le_bytes());
        block[12] = level;
        block[13] = compression;
        let len = seal::block(block, FILE_ID, at as u64);
        summary.root = Some(BlockPointer { position: at as u64, len: len as u32 });
    }
    summary.len = bytes.len() as u64 - START;
    let end = bytes.len() as u64;
    let file = file_of(bytes);
    let mut salvage = ImageSalvage::new(file.clone(), FILE_ID, START, end);
    while let Some(piece) = salvage.next().unwrap() {
        if let Salvaged::Data(mut block) = piece {
            while let Ok(Some(_)) = block.next() {}
        }
    }
    let Ok(image) = Image::open(file, FILE_ID, summary, read, cache()) else { return };
    let sound = image.verify(&mut |_| {}).is_ok();
    let forward = read_all(&image, true);
    let backward = read_all(&image, false);
    let _ignored = (image.get(&wanted), count(&image, &wanted));
    let mut cursor = image.cursor();
    let _ignored = (cursor.seek(&wanted), cursor.next(), cursor.prev(), cursor.prev());
    let _ignored = (cursor.seek_last(Bound::Excluded(&wanted)), cursor.next());
    if sound {
        let (forward, mut backward) = (forward.unwrap(), backward.unwrap());
        backward.reverse();
        assert_eq!(forward, backward);
        same(&image, &forward);
    }
}

fn count(image: &Image, upto: &[u8]) -> Option<u64> {
    image.count_range(Bound::Unbounded, Bound::Excluded(upto)).ok().map(|count| count.entries)
}

type Entries = Vec<(Vec<u8>, Vec<u8>)>;

/// Every entry, or `None` where the image is damaged or endless.
fn read_all(image: &Image, forward: bool) -> Option<Entries> {
    let mut cursor = image.cursor();
    let mut all = Vec::new();
    let mut more = match forward {
        true => cursor.seek_first().ok()?,
        false => cursor.seek_last(Bound::Unbounded).ok()?,
    };
    while more {
        // What decodes to much from little is cut off here, not in the engine: it hands out one entry at a time.
        if all.len() as u64 >= STEPS_MAX {
            return None;
        }
        all.push((cursor.key().to_vec(), cursor.value().to_vec()));
        more = if forward { cursor.next().ok()? } else { cursor.prev().ok()? };
    }
    Some(all)
}

/// All that an image that was verified says of itself holds.
fn same(image: &Image, entries: &Entries) {
    assert_eq!(image.summary().entries, entries.len() as u64);
    assert!(entries.is_sorted_by(|a, b| a.0 < b.0), "keys out of order");
    for (index, (key, value)) in entries.iter().enumerate() {
        assert_eq!(image.get(key).unwrap().as_deref(), Some(value.as_slice()));
        assert_eq!(count(image, key), Some(index as u64));
        let between = [key.as_slice(), &[0]].concat();
        let mut cursor = image.cursor();
        assert_eq!(cursor.seek(&between).unwrap(), index + 1 < entries.len());
        if let Some((next, _)) = entries.get(index + 1) {
            assert_eq!(cursor.key(), next);
        }
    }
}

/// Entries out of the input, written and read again.
fn there_and_back(mut take: Take<'_>) {
    let compression = if take.u8() % 2 == 0 { Compression::None } else { Compression::Lz4 };
    let mut entries = Entries::new();
    let mut key: Vec<u8> = Vec::new();
    while !take.is_empty() && entries.len() < 300 {
        key.truncate(usize::from(take.u8()));
        key.extend(take.piece());
        let mut value = take.piece().to_vec();
        // A long value now and then, so that there is more than one block.
        let times = usize::from(take.u8() % 32);
        value = if times > 24 { value.repeat(times) } else { value };
        entries.push((key.clone(), value));
    }
    let file = file_of(vec![0; START as usize]);
    let mut builder = ImageBuilder::new(&*file, START, FILE_ID, ImageOptions { compression });
    let mut last: Option<&[u8]> = None;
    let mut kept = Entries::new();
    for (key, value) in &entries {
        let added = builder.add(key, value);
        if last.is_some_and(|last| key.as_slice() <= last) {
            assert!(matches!(added, Err(BuildError::OutOfOrder { .. })), "{added:?}");
            continue;
        }
        added.unwrap();
        last = Some(key);
        kept.push((key.clone(), value.clone()));
    }
    let summary = builder.finish().unwrap();
    for read in [ImageRead::Mapped, ImageRead::Cached] {
        let image = Image::open(file.clone(), FILE_ID, summary, read, cache()).unwrap();
        image.verify(&mut |_| {}).unwrap();
        assert_eq!(read_all(&image, true).as_ref(), Some(&kept));
        same(&image, &kept);
    }
}
