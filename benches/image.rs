//! Random gets, scans and builds of an image: 16-byte keys, 150-byte values, on the real file system.
//!
//! `cargo bench --bench image [-- ENTRIES]`; without `--bench` it runs tiny, to see that it runs.

use std::io::Write;
use std::ops::Bound;
use std::sync::Arc;

use pumice::clock::{Clock, SystemClock};
use pumice::journal::image::{
    BlockCache, Compression, Image, ImageBuilder, ImageOptions, ImageRead, ImageSummary,
};
use pumice::vfs::{File, OpenMode, Vfs, os::OsVfs};

type Gets = fn(&Image, &[[u8; 16]]) -> Outcome<()>;
type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

const FILE_ID: u128 = 7;
const CACHE_BYTES: u64 = 64 << 20;

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let measured = arguments.any(|argument| argument == "--bench");
    let asked = std::env::args().find_map(|argument| argument.parse().ok());
    let entries: u64 = asked.unwrap_or(if measured { 2_000_000 } else { 10_000 });

    let mut keys: Vec<[u8; 16]> = (0..entries).map(key).collect();
    let probes = keys.clone();
    keys.sort_unstable();

    let dir = tempfile::tempdir()?;
    for compression in [Compression::None, Compression::Lz4] {
        let name = format!("{compression:?}.cdb");
        let file = OsVfs.open(&dir.path().join(name), OpenMode::CreateNew)?;
        let summary = build(&file, &keys, compression)?;
        for read in [ImageRead::Mapped, ImageRead::Cached] {
            let cache = BlockCache::new(CACHE_BYTES);
            let image = Image::open(file.clone(), FILE_ID, summary, read, &cache)?;
            measure(&image, &probes, &format!("{compression:?} {read:?}"))?;
        }
        let image = Image::open(file, FILE_ID, summary, ImageRead::Mapped, &BlockCache::new(0))?;
        let mib = summary.len as f64 / f64::from(1 << 20);
        timed("verify, in MiB", mib, || Ok(image.verify(&mut |_| ()).map(|_| ())?))?;
    }
    Ok(())
}

/// A random-looking key, the same in every run.
fn key(number: u64) -> [u8; 16] {
    let mix = |number: u64| {
        let number = (number ^ (number >> 31)).wrapping_mul(0x7fb5_d329_728e_a185);
        (number ^ (number >> 27)).wrapping_mul(0x81da_def4_bc2d_d44d) ^ (number >> 33)
    };
    let (high, low) = (mix(number.wrapping_add(0x9e37_79b9_7f4a_7c15)), mix(!number));
    ((u128::from(high) << 64) | u128::from(low)).to_be_bytes()
}

fn build(
    file: &Arc<dyn File>,
    keys: &[[u8; 16]],
    compression: Compression,
) -> Outcome<ImageSummary> {
    let mut built = None;
    timed(&format!("build {compression:?}"), keys.len() as f64, || {
        let mut value = [0; 150];
        let mut builder = ImageBuilder::new(&**file, 4096, FILE_ID, ImageOptions { compression });
        for key in keys {
            for (to, from) in value.iter_mut().zip(key.iter().cycle().take(75)) {
                *to = *from;
            }
            builder.add(key, &value)?;
        }
        built = Some(builder.finish()?);
        Ok(())
    })?;
    let summary = built.ok_or("nothing was built")?;
    let ratio = summary.len as f64 / summary.key_value_bytes as f64;
    let height = summary.height;
    say(&format!("  {} bytes, {ratio:.4} of keys and values, height {height}", summary.len))?;
    Ok(summary)
}

fn measure(image: &Image, probes: &[[u8; 16]], name: &str) -> Outcome<()> {
    let count = probes.len() as f64;
    for round in ["scan, first time", "scan", "scan"] {
        timed(&format!("{name}: {round}"), count, || scan(image))?;
    }
    timed(&format!("{name}: scan back"), count, || scan_back(image))?;
    for _ in 0..2 {
        timed(&format!("{name}: get"), count, || gets(image, probes))?;
        timed(&format!("{name}: get_with"), count, || gets_with(image, probes))?;
    }
    let halves = probes.split_at(probes.len() / 2);
    for (how, gets) in [("get", gets as Gets), ("get_with", gets_with)] {
        timed(&format!("{name}: {how}, 2 threads"), count, || {
            std::thread::scope(|scope| {
                let other = scope.spawn(|| gets(image, halves.0));
                gets(image, halves.1)?;
                other.join().map_err(|_| "a thread panicked")?
            })
        })?;
    }
    let some = probes.get(..probes.len() / 20).unwrap_or_default();
    timed(&format!("{name}: seek"), some.len() as f64, || {
        let mut cursor = image.cursor();
        some.iter().try_for_each(|key| Ok(cursor.seek(key).map(drop)?))
    })?;
    timed(&format!("{name}: count_range"), some.len() as f64, || {
        some.iter().try_for_each(|key| {
            Ok(image.count_range(Bound::Unbounded, Bound::Included(key)).map(drop)?)
        })
    })
}

fn gets(image: &Image, probes: &[[u8; 16]]) -> Outcome<()> {
    let mut found = 0;
    for key in probes {
        found += image.get(key)?.map_or(0, |value| value.len());
    }
    expect(found, probes.len() * 150)
}

fn gets_with(image: &Image, probes: &[[u8; 16]]) -> Outcome<()> {
    let mut found = 0;
    for key in probes {
        found += image.get_with(key, |value| value.map_or(0, <[u8]>::len))?;
    }
    expect(found, probes.len() * 150)
}

fn scan(image: &Image) -> Outcome<()> {
    let mut cursor = image.cursor();
    let mut bytes = 0;
    let mut there = cursor.seek_first()?;
    while there {
        bytes += cursor.key().len() + touch(cursor.value());
        there = cursor.next()?;
    }
    expect(bytes as u64, image.summary().key_value_bytes)
}

fn scan_back(image: &Image) -> Outcome<()> {
    let mut cursor = image.cursor();
    let mut bytes = 0;
    let mut there = cursor.seek_last(Bound::Unbounded)?;
    while there {
        bytes += cursor.key().len() + touch(cursor.value());
        there = cursor.prev()?;
    }
    expect(bytes as u64, image.summary().key_value_bytes)
}

/// The length, with one byte of the value looked at.
fn touch(value: &[u8]) -> usize {
    std::hint::black_box(value.first());
    value.len()
}

fn expect<T: PartialEq + Copy>(found: T, expected: T) -> Outcome<()> {
    if found == expected { Ok(()) } else { Err("not everything was found".into()) }
}

fn timed(what: &str, count: f64, work: impl FnOnce() -> Outcome<()>) -> Outcome<()> {
    let clock = SystemClock::new();
    work()?;
    let seconds = clock.monotonic().as_secs_f64();
    say(&format!("{what:38} {:9.3} M/s {:8.1} ms", count / seconds / 1e6, seconds * 1e3))
}

fn say(line: &str) -> Outcome<()> {
    Ok(writeln!(std::io::stdout().lock(), "{line}")?)
}
