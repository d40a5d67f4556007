//! All that may be left of the files on a disk, counted, and each of it by its number.
//!
//! Of a file: each touched sector as it was at any time, each length that it had, what was never written as
//! zeros, noise, or what the blocks held for another file before; and each write up to some byte. Where
//! there is no more than a budget, every combination is made; else a choice that follows from a seed.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::content::{Content, Piece, SECTOR, same};
use crate::disk::{Change, Disk, Files, Inode, Node, files_of};
use crate::random::Random;

/// A write up to this size is also cut at each of its bytes, a longer one at sectors.
const BYTEWISE_MAX: usize = 4096;

/// What was never written is zeros, noise, partly each, or bytes of another file.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fill {
    Zeros,
    Noise,
    Mottled,
    Stale,
}
const FILLS: [Fill; 4] = [Fill::Zeros, Fill::Noise, Fill::Mottled, Fill::Stale];

/// What may be left of one file.
struct FileSpace {
    /// Without anything that is on its way, and after each change; with the length then.
    line: Vec<(Content, usize)>,
    /// Writes in part: which one, its first byte, and its bytes up to the cut.
    parts: Vec<(usize, usize, usize, Arc<[u8]>)>,
    lens: Vec<usize>,
    /// Sectors with the versions that each may have.
    sectors: Vec<(usize, Vec<Piece>)>,
    /// Sectors that may never have been written, though a length reaches over them.
    holes: Vec<usize>,
    fills: usize,
    /// Combinations; `None` when they cannot be counted.
    size: Option<usize>,
}

/// What may be left of all files under some names.
struct Space<'a> {
    names: &'a BTreeMap<PathBuf, Node>,
    files: &'a [FileSpace],
    inos: Vec<usize>,
    stale: &'a [Content],
    /// Combinations; `None` when they cannot be counted.
    size: Option<usize>,
}

fn versions(line: &[(Content, usize)], sector: usize) -> Vec<Piece> {
    let mut versions: Vec<Piece> = Vec::new();
    for (content, _) in line {
        let piece = content.piece(sector);
        if versions.iter().all(|known| !same(known, piece)) {
            versions.push(piece.clone());
        }
    }
    versions
}

/// Where a write of so many bytes may be cut.
fn cuts(count: usize) -> Vec<usize> {
    if count <= BYTEWISE_MAX {
        return (1..count).collect();
    }
    let ends = (1..64).chain(count - 64..count);
    ends.chain((SECTOR..count).step_by(SECTOR)).collect()
}

/// As long as was said, whatever was written.
fn at_len(mut content: Content, len: usize) -> Content {
    content.set_len(len);
    content
}

impl FileSpace {
    fn of(inode: &Inode) -> Self {
        let line = inode.timeline();
        let mut lens: Vec<usize> = line.iter().map(|(_, len)| *len).collect();
        lens.sort_unstable();
        lens.dedup();
        let all: Vec<(usize, Vec<Piece>)> =
            inode.touched().into_iter().map(|sector| (sector, versions(&line, sector))).collect();
        let extent = line.iter().map(|(content, _)| content.len()).min().unwrap_or(0);
        let holes: Vec<usize> = all
            .iter()
            .map(|(sector, _)| *sector)
            .chain(extent.div_ceil(SECTOR)..lens[lens.len() - 1].div_ceil(SECTOR))
            .filter(|sector| sector * SECTOR >= extent)
            .collect();
        let mut space = Self {
            parts: Vec::new(),
            lens,
            sectors: all.into_iter().filter(|(_, versions)| versions.len() > 1).collect(),
            fills: if holes.is_empty() { 1 } else { FILLS.len() },
            holes,
            size: Some(1),
            line,
        };
        if !inode.pending.is_empty() {
            space.add_parts(inode);
            space.size = space.count();
        }
        space
    }

    /// Every write up to each of its bytes.
    fn add_parts(&mut self, inode: &Inode) {
        for (index, (_, change)) in inode.pending.iter().enumerate() {
            if let Change::Write { start, bytes } = change {
                let cut = |count| (index, *start, count, bytes.clone());
                self.parts.extend(cuts(bytes.len()).into_iter().map(cut));
            }
        }
    }

    fn stages(&self) -> usize {
        self.line.len() + self.parts.len()
    }

    /// After a change, or in the middle of a write.
    fn stage(&self, number: usize) -> Content {
        if let Some((content, len)) = self.line.get(number) {
            return at_len(content.clone(), *len);
        }
        let (before, start, count, bytes) = &self.parts[number - self.line.len()];
        let (mut content, len) = self.line[*before].clone();
        content.write(*start, &bytes[..*count]);
        at_len(content, len.max(start + count))
    }

    fn count(&self) -> Option<usize> {
        let choices = self.sectors.iter().map(|(_, versions)| versions.len());
        let product =
            choices.chain([self.lens.len(), self.fills]).try_fold(1, usize::checked_mul)?;
        product.checked_add(self.stages())
    }

    /// The file of a number below the size.
    fn nth(&self, mut number: usize, stale: &[Content]) -> Content {
        if number < self.stages() {
            return self.stage(number);
        }
        number -= self.stages();
        self.chosen(stale, 1, |count| {
            let choice = number % count;
            number /= count;
            choice
        })
    }

    /// Any file: mostly old or mostly new is as telling as half and half.
    fn any(&self, stale: &[Content], random: &mut Random) -> Content {
        if self.size == Some(1) || random.below(4) == 0 {
            return self.stage(random.below(self.stages()));
        }
        let (bias, seed) = (random.below(4), random.below(16) as u64);
        self.chosen(stale, seed, |count| match bias {
            0 if random.below(8) > 0 => 0,
            1 if random.below(8) > 0 => count - 1,
            _ => random.below(count),
        })
    }

    fn chosen(
        &self,
        stale: &[Content],
        seed: u64,
        mut choose: impl FnMut(usize) -> usize,
    ) -> Content {
        let len = self.lens[choose(self.lens.len())];
        let fill = FILLS[choose(self.fills)];
        let mut content = self.line[0].0.clone();
        let extent = self.lens[self.lens.len() - 1].max(content.len());
        content.set_len(extent);
        for (sector, versions) in &self.sectors {
            content.set_piece(*sector, versions[choose(versions.len())].clone());
        }
        content.set_len(len);
        if fill != Fill::Zeros {
            self.fill(&mut content, fill, stale, seed);
        }
        content
    }

    fn fill(&self, content: &mut Content, fill: Fill, stale: &[Content], seed: u64) {
        let mut random = Random::new(seed);
        let before = &stale[random.below(stale.len())];
        for sector in self.holes.iter().copied() {
            let range = sector * SECTOR..((sector + 1) * SECTOR).min(content.len());
            let written = content.piece(sector).is_some();
            if written || range.is_empty() || fill == Fill::Mottled && random.below(2) == 0 {
                continue;
            }
            match fill {
                Fill::Stale => content.set_piece(sector, before.piece(sector).clone()),
                _ => content.fill_with_noise(range, &mut Random::new(seed)),
            }
        }
    }
}

impl<'a> Space<'a> {
    fn of(
        files: &'a [FileSpace],
        names: &'a BTreeMap<PathBuf, Node>,
        stale: &'a [Content],
    ) -> Self {
        let ino = |node: &Node| match node {
            Node::File(ino) => Some(*ino),
            Node::Dir => None,
        };
        let inos: Vec<usize> = names.values().filter_map(ino).collect();
        let size =
            inos.iter().try_fold(1_usize, |product, ino| product.checked_mul(files[*ino].size?));
        Self { names, files, inos, stale, size }
    }

    fn nth(&self, mut number: usize) -> Files {
        let mut contents = BTreeMap::new();
        for ino in &self.inos {
            let space = &self.files[*ino];
            let size = space.size.unwrap_or(1);
            contents.insert(*ino, space.nth(number % size, self.stale));
            number /= size;
        }
        files_of(self.names, |ino| contents[&ino].clone())
    }

    fn any(&self, random: &mut Random) -> Files {
        files_of(self.names, |ino| self.files[ino].any(self.stale, random))
    }
}

/// Shows what may be left to `visit`. `true` when that was all there is.
pub fn crashes(
    disk: &Disk,
    budget: usize,
    random: &mut Random,
    visit: &mut dyn FnMut(Files, &mut Random),
) -> bool {
    let listings = disk.listings(random);
    let stale: Vec<Content> = disk.inodes.iter().map(|inode| inode.live.clone()).collect();
    let files: Vec<FileSpace> = disk.inodes.iter().map(FileSpace::of).collect();
    let spaces: Vec<Space<'_>> =
        listings.iter().map(|names| Space::of(&files, names, &stale)).collect();
    let sum = spaces.iter().try_fold(0_usize, |sum, space| sum.checked_add(space.size?));
    let exhaustive = sum.is_some_and(|sum| sum <= budget);
    let share = (budget / spaces.len()).max(2);
    for space in &spaces {
        match space.size {
            Some(size) if exhaustive || size <= share => {
                (0..size).for_each(|number| visit(space.nth(number), random));
            }
            _ => (0..share).for_each(|_| visit(space.any(random), random)),
        }
    }
    exhaustive
}
