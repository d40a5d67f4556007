//! Damage within a file.

use crate::golden::Golden;
use crate::{Depth, Runner};

const SECTOR: usize = 512;

/// Every bit of every byte.
pub fn bits(golden: &Golden, _depth: Depth, runner: &Runner<'_>) {
    runner.each(golden.bytes.len() * 8, |number| {
        let mut bytes = golden.bytes.clone();
        bytes[number / 8] ^= 1 << (number % 8);
        Some(bytes)
    });
}

/// Every length that it can be cut to.
pub fn lengths(golden: &Golden, _depth: Depth, runner: &Runner<'_>) {
    runner.each(golden.bytes.len(), |number| Some(golden.bytes[..number].to_vec()));
}

fn sectors(golden: &Golden, sector: usize) -> usize {
    golden.bytes.len().div_ceil(sector)
}

/// Writes `from` over the sector that it belongs to, as far as the file goes.
fn over(golden: &Golden, sector: usize, from: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = golden.bytes.clone();
    let to = bytes.get_mut(sector..)?;
    let len = to.len().min(from.len());
    to[..len].copy_from_slice(&from[..len]);
    (bytes != golden.bytes).then_some(bytes)
}

/// Every sector of 512 and of 4096 bytes zeroed, and filled with ones.
pub fn zeroed(golden: &Golden, _depth: Depth, runner: &Runner<'_>) {
    for size in [SECTOR, 8 * SECTOR] {
        for fill in [0, 0xff] {
            runner.each(sectors(golden, size), |number| {
                over(golden, number * size, &vec![fill; size])
            });
        }
    }
}

/// Pairs of sectors in each other's place.
pub fn swapped(golden: &Golden, _depth: Depth, runner: &Runner<'_>) {
    let whole = golden.bytes.len() / SECTOR;
    runner.each(whole * whole, |number| {
        let (a, b) = (number / whole, number % whole);
        let sector = |n: usize| &golden.bytes[n * SECTOR..(n + 1) * SECTOR];
        if a >= b || sector(a) == sector(b) {
            return None;
        }
        let mut bytes = golden.bytes.clone();
        bytes[a * SECTOR..(a + 1) * SECTOR].copy_from_slice(sector(b));
        bytes[b * SECTOR..(b + 1) * SECTOR].copy_from_slice(sector(a));
        Some(bytes)
    });
}

/// Sectors, blocks and frames written over others.
pub fn repeated(golden: &Golden, _depth: Depth, runner: &Runner<'_>) {
    let count = sectors(golden, SECTOR);
    runner.each(count * count, |number| {
        let (from, to) = (number / count * SECTOR, number % count * SECTOR);
        let sector = &golden.bytes[from..golden.bytes.len().min(from + SECTOR)];
        over(golden, to, sector)
    });
    let parts = &golden.parts;
    runner.each(parts.len() * parts.len(), |number| {
        let (from, to) = (&parts[number / parts.len()], &parts[number % parts.len()]);
        over(golden, to.bytes.start, &golden.bytes[from.bytes.clone()])
    });
}

/// Sectors and frames of another store, or of this one before its compaction.
pub fn foreign(golden: &Golden, _depth: Depth, runner: &Runner<'_>) {
    for other in &golden.others {
        let (here, there) = (sectors(golden, SECTOR), other.len().div_ceil(SECTOR));
        runner.each(here * there, |number| {
            let (from, to) = (number / here * SECTOR, number % here * SECTOR);
            over(golden, to, &other[from..other.len().min(from + SECTOR)])
        });
        // Most of all, what stood at the same place.
        runner.each(here.min(there), |number| {
            let at = number * SECTOR;
            over(golden, at, &other[at..other.len().min(at + SECTOR)])
        });
        // A frame of the other file at every place of a frame.
        let frames: Vec<usize> = (0..other.len().saturating_sub(64))
            .step_by(8)
            .filter(|at| other[*at..].starts_with(&[0xb3, 0x9a, 0x1f, 0x7d]))
            .collect();
        runner.each(frames.len() * golden.parts.len(), |number| {
            let part = &golden.parts[number % golden.parts.len()];
            over(golden, part.bytes.start, &other[frames[number / golden.parts.len()]..])
        });
    }
}
