//! What a disk may hold after the power went: the model of a file system that keeps no more than it must.
//!
//! Data that no completed sync covers may be there or not, each sector by itself, a length apart from the
//! data; names are there once their directory was synced, before that any part of the changes may be. A sync
//! of data alone does not make a changed length durable. A sync that failed leaves its pages clean: what they
//! hold is read back from the cache and written by no later sync, until something writes to them again.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use crate::random::Random;

/// What a drive writes whole.
pub const SECTOR: usize = 512;
/// What the cache holds as one.
const PAGE: usize = 4096;

/// One step of a run.
#[derive(Clone, Debug)]
pub enum Event {
    Create {
        path: PathBuf,
        ino: usize,
    },
    Write {
        ino: usize,
        start: usize,
        bytes: Arc<[u8]>,
    },
    SetLen {
        ino: usize,
        len: usize,
    },
    SyncBegun,
    /// Covers what happened before the event with the number `begun`.
    Synced {
        ino: usize,
        begun: usize,
        all: bool,
    },
    SyncFailed {
        ino: usize,
        begun: usize,
    },
    SyncDir,
    Rename {
        from: PathBuf,
        to: PathBuf,
    },
    Remove {
        path: PathBuf,
    },
    /// The caller was told that everything up to a transaction of a store is durable.
    Acked {
        store: usize,
        sequence: u64,
    },
    /// The caller was told that a transaction, which had this sequence, did not take place.
    Refused {
        store: usize,
        sequence: u64,
        id: u32,
    },
}

/// A disk, and what is on its way to it.
#[derive(Clone, Debug)]
pub struct Disk {
    pub inodes: Vec<Inode>,
    names: BTreeMap<PathBuf, usize>,
    pending_names: Vec<NameChange>,
    pub acked: [u64; 2],
    events: usize,
}

#[derive(Clone, Debug, Default)]
pub struct Inode {
    /// What the process sees.
    pub live: Vec<u8>,
    /// Durable bytes; those behind `len` are there only if a longer length becomes durable.
    base: Vec<u8>,
    len: usize,
    pending: Vec<(usize, Change)>,
    /// Pages that a failed sync left clean.
    stale: BTreeSet<usize>,
}

#[derive(Clone, Debug)]
enum Change {
    Write { start: usize, bytes: Arc<[u8]> },
    SetLen(usize),
}

#[derive(Clone, Debug)]
enum NameChange {
    Set(PathBuf, usize),
    Move(PathBuf, PathBuf, usize),
    Unset(PathBuf),
}

/// Files with their bytes: what is on the disk after a crash.
pub type Files = BTreeMap<PathBuf, Arc<Vec<u8>>>;

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>, len: &mut usize) {
        match self {
            Self::Write { start, bytes: written } => {
                let end = start + written.len();
                grow(bytes, end);
                bytes[*start..end].copy_from_slice(written);
                *len = end.max(*len);
            }
            Self::SetLen(to) => {
                if *to < *len {
                    bytes.truncate(*to);
                }
                *len = *to;
            }
        }
    }
}

impl NameChange {
    fn apply(&self, names: &mut BTreeMap<PathBuf, usize>) {
        match self {
            Self::Set(path, ino) => drop(names.insert(path.clone(), *ino)),
            Self::Move(from, to, ino) => {
                names.remove(from);
                names.insert(to.clone(), *ino);
            }
            Self::Unset(path) => drop(names.remove(path)),
        }
    }
}

impl Inode {
    fn settled(bytes: &[u8]) -> Self {
        Self { live: bytes.to_vec(), base: bytes.to_vec(), len: bytes.len(), ..Self::default() }
    }

    fn write(&mut self, number: usize, start: usize, bytes: &Arc<[u8]>) {
        let mut len = self.live.len();
        Change::Write { start, bytes: bytes.clone() }.apply(&mut self.live, &mut len);
        let pages = start / PAGE..(start + bytes.len()).div_ceil(PAGE);
        let mut change = Change::Write { start, bytes: bytes.clone() };
        if pages.clone().filter(|page| self.stale.remove(page)).count() > 0 {
            // The cache writes whole pages.
            let whole = pages.start * PAGE..(pages.end * PAGE).min(self.live.len());
            let bytes = Arc::from(&self.live[whole.clone()]);
            change = Change::Write { start: whole.start, bytes };
        }
        self.pending.push((number, change));
    }

    fn set_len(&mut self, number: usize, len: usize) {
        self.live.truncate(len);
        grow(&mut self.live, len);
        self.pending.push((number, Change::SetLen(len)));
    }

    fn synced(&mut self, begun: usize, all: bool) {
        let covered = self.pending.partition_point(|(number, _)| *number < begun);
        let covered: Vec<_> = self.pending.drain(..covered).collect();
        let (before, mut shrinks) = (self.len, false);
        for (_, change) in &covered {
            shrinks |= matches!(change, Change::SetLen(len) if *len < self.len);
            change.apply(&mut self.base, &mut self.len);
        }
        if !all && !shrinks && self.len != before {
            self.pending.insert(0, (0, Change::SetLen(self.len)));
            self.len = before;
        }
    }

    fn sync_failed(&mut self, begun: usize) {
        let covered = self.pending.partition_point(|(number, _)| *number < begun);
        let covered: Vec<_> = self.pending.drain(..covered).collect();
        let mut len = self.len;
        for (_, change) in &covered {
            if let Change::Write { start, bytes } = change {
                self.stale.extend(start / PAGE..(start + bytes.len()).div_ceil(PAGE));
            }
            change.apply(&mut Vec::new(), &mut len);
        }
        // The length is the inode's business, and still on its way.
        if len != self.len {
            self.pending.insert(0, (0, Change::SetLen(len)));
        }
    }

    /// The bytes with everything up to each pending change.
    fn timeline(&self) -> Vec<(Vec<u8>, usize)> {
        let mut line = vec![(self.base.clone(), self.len)];
        for (_, change) in &self.pending {
            let (mut bytes, mut len) = line[line.len() - 1].clone();
            change.apply(&mut bytes, &mut len);
            line.push((bytes, len));
        }
        line
    }

    fn touched(&self) -> Vec<usize> {
        let mut touched = BTreeSet::new();
        for (_, change) in &self.pending {
            match change {
                Change::Write { start, bytes } => {
                    touched.extend(start / SECTOR..(start + bytes.len()).div_ceil(SECTOR));
                }
                Change::SetLen(len) => {
                    touched.extend(len / SECTOR..self.base.len().div_ceil(SECTOR));
                }
            }
        }
        touched.into_iter().collect()
    }

    /// What may be left of the file: all of it where that is no more than `budget`, else a choice.
    fn states(&self, budget: usize, random: &mut Random) -> Vec<Vec<u8>> {
        let line = self.timeline();
        if line.len() == 1 {
            return vec![cut_to(self.base.clone(), self.len, None)];
        }
        let mut states: Vec<Vec<u8>> = Vec::new();
        for (bytes, _) in &line {
            for (_, len) in &line {
                states.push(cut_to(bytes.clone(), *len, None));
                states.push(cut_to(bytes.clone(), *len, Some(random)));
            }
        }
        self.subsets(&line, budget, random, &mut states);
        self.prefixes(&line, budget / 4, random, &mut states);
        states
    }

    fn subsets(
        &self,
        line: &[(Vec<u8>, usize)],
        budget: usize,
        random: &mut Random,
        states: &mut Vec<Vec<u8>>,
    ) {
        let touched = self.touched();
        let versions: Vec<Vec<usize>> =
            touched.iter().map(|sector| distinct_versions(line, *sector)).collect();
        let mut lens: Vec<usize> = line.iter().map(|(_, len)| *len).collect();
        lens.sort_unstable();
        lens.dedup();
        let product =
            versions.iter().map(Vec::len).chain([lens.len()]).try_fold(1, usize::checked_mul);
        let all = product.filter(|product| *product <= budget);
        for index in 0..all.unwrap_or(budget) {
            // Mostly old or mostly new is as telling as half and half.
            let bias = random.below(4);
            let mut rest = index;
            let mut choose = |count: usize| {
                let last = count - 1;
                let choice = match (all, bias) {
                    (Some(_), _) => rest % count,
                    (None, 0) if random.below(8) > 0 => 0,
                    (None, 1) if random.below(8) > 0 => last,
                    (None, _) => random.below(count),
                };
                rest /= count;
                choice
            };
            let len = lens[choose(lens.len())];
            let mut bytes = line[0].0.clone();
            for (sector, versions) in touched.iter().zip(&versions) {
                let from = &line[versions[choose(versions.len())]].0;
                copy_sector(&mut bytes, from, *sector);
            }
            let garbage = index % 4 == 3;
            states.push(cut_to(bytes, len, garbage.then_some(&mut *random)));
        }
    }

    /// The last write up to some byte.
    fn prefixes(
        &self,
        line: &[(Vec<u8>, usize)],
        budget: usize,
        random: &mut Random,
        states: &mut Vec<Vec<u8>>,
    ) {
        let Some((_, Change::Write { start, bytes: written })) = self.pending.last() else {
            return;
        };
        let (before, before_len) = &line[line.len() - 2];
        let all = written.len() <= budget;
        for index in 0..written.len().min(budget) {
            let count = if all { index } else { random.below(written.len()) };
            let (mut bytes, mut len) = (before.clone(), *before_len);
            let part = Arc::from(&written[..count]);
            Change::Write { start: *start, bytes: part }.apply(&mut bytes, &mut len);
            states.push(cut_to(bytes, len, None));
        }
    }
}

/// As `resize` with zeros, which goes byte by byte in a build without optimisation.
fn grow(bytes: &mut Vec<u8>, len: usize) {
    if bytes.len() < len {
        bytes.extend_from_slice(&vec![0; len - bytes.len()]);
    }
}

fn sector_of(bytes: &[u8], sector: usize) -> &[u8] {
    let start = (sector * SECTOR).min(bytes.len());
    &bytes[start..(start + SECTOR).min(bytes.len())]
}

fn distinct_versions(line: &[(Vec<u8>, usize)], sector: usize) -> Vec<usize> {
    let mut versions: Vec<usize> = Vec::new();
    for (index, (bytes, _)) in line.iter().enumerate() {
        let content = sector_of(bytes, sector);
        if versions.iter().all(|known| sector_of(&line[*known].0, sector) != content) {
            versions.push(index);
        }
    }
    versions
}

fn copy_sector(to: &mut Vec<u8>, from: &[u8], sector: usize) {
    let content = sector_of(from, sector);
    let start = sector * SECTOR;
    grow(to, start + content.len());
    let end = (start + SECTOR).min(to.len()).max(start.min(to.len()));
    to[start.min(end)..end].fill(0);
    to[start..start + content.len()].copy_from_slice(content);
}

/// Cuts or extends to a length; what was never written is zeros, or garbage.
fn cut_to(mut bytes: Vec<u8>, len: usize, garbage: Option<&mut Random>) -> Vec<u8> {
    let held = bytes.len();
    bytes.truncate(len);
    grow(&mut bytes, len);
    if let Some(random) = garbage {
        // Eight bytes of noise and what follows from them; a frame is never among it.
        let noise = random.next().to_le_bytes();
        for piece in bytes[held.min(len)..].chunks_mut(SECTOR) {
            let noise = noise.map(|byte| byte ^ random.byte()).repeat(SECTOR / 8);
            piece.copy_from_slice(&noise[..piece.len()]);
        }
    }
    bytes
}

impl Disk {
    /// A disk on which everything is durable.
    pub fn settled(files: &Files, acked: [u64; 2]) -> Self {
        let inodes = files.values().map(|bytes| Inode::settled(bytes)).collect();
        let names = files.keys().cloned().zip(0..).collect();
        Self { inodes, names, pending_names: Vec::new(), acked, events: 0 }
    }

    pub fn empty() -> Self {
        Self::settled(&Files::new(), [0; 2])
    }

    /// The names as the process sees them.
    pub fn live_names(&self) -> BTreeMap<PathBuf, usize> {
        let mut names = self.names.clone();
        self.pending_names.iter().for_each(|change| change.apply(&mut names));
        names
    }

    /// Everything so far happened before events that are yet to come, whose numbers begin anew.
    pub fn renumbered(mut self) -> Self {
        self.events = 0;
        for inode in &mut self.inodes {
            inode.pending.iter_mut().for_each(|(number, _)| *number = 0);
        }
        self
    }

    pub fn apply(&mut self, event: &Event) {
        let number = self.events;
        self.events += 1;
        match event {
            Event::Create { path, ino } => {
                self.inodes.resize_with(self.inodes.len().max(ino + 1), Inode::default);
                self.pending_names.push(NameChange::Set(path.clone(), *ino));
            }
            Event::Write { ino, start, bytes } => self.inodes[*ino].write(number, *start, bytes),
            Event::SetLen { ino, len } => self.inodes[*ino].set_len(number, *len),
            Event::SyncBegun | Event::Refused { .. } => {}
            Event::Synced { ino, begun, all } => self.inodes[*ino].synced(*begun, *all),
            Event::SyncFailed { ino, begun } => self.inodes[*ino].sync_failed(*begun),
            Event::SyncDir => {
                for change in std::mem::take(&mut self.pending_names) {
                    change.apply(&mut self.names);
                }
            }
            Event::Rename { from, to } => {
                let ino = self.live_names()[from];
                self.pending_names.push(NameChange::Move(from.clone(), to.clone(), ino));
            }
            Event::Remove { path } => self.pending_names.push(NameChange::Unset(path.clone())),
            Event::Acked { store, sequence } => {
                self.acked[*store] = self.acked[*store].max(*sequence);
            }
        }
    }

    /// What may be left: every prefix of the pending names, every subset of few, with what may be left of
    /// each file.
    pub fn crashes(&self, budget: usize, random: &mut Random) -> Vec<Files> {
        let mut crashes = Vec::new();
        let listings = self.listings(random);
        let share = (budget / listings.len()).max(2);
        for listing in listings {
            let files: Vec<(PathBuf, Vec<Arc<Vec<u8>>>)> = listing
                .into_iter()
                .map(|(path, ino)| {
                    let states = self.inodes[ino].states(share, random);
                    (path, states.into_iter().map(Arc::new).collect())
                })
                .collect();
            let most = files.iter().map(|(_, states)| states.len()).max().unwrap_or(1);
            for index in 0..most {
                let choose = |(path, states): &(PathBuf, Vec<Arc<Vec<u8>>>)| {
                    let shift = if states.len() == most { 0 } else { index / states.len() };
                    (path.clone(), states[(index + shift) % states.len()].clone())
                };
                crashes.push(files.iter().map(choose).collect());
            }
        }
        crashes
    }

    fn listings(&self, random: &mut Random) -> Vec<BTreeMap<PathBuf, usize>> {
        let count = self.pending_names.len();
        let mut masks: BTreeSet<u32> = (0..=count).map(|prefix| (1_u32 << prefix) - 1).collect();
        if count <= 4 {
            masks.extend(0..1_u32 << count);
        } else {
            masks.extend((0..16).map(|_| u32::try_from(random.below(1 << count)).unwrap()));
        }
        let listing = |mask: u32| {
            let mut names = self.names.clone();
            for (index, change) in self.pending_names.iter().enumerate() {
                if mask & (1 << index) != 0 {
                    change.apply(&mut names);
                }
            }
            names
        };
        let mut listings: Vec<_> = masks.into_iter().map(listing).collect();
        listings.sort();
        listings.dedup();
        listings
    }
}

/// A number for a set of files; equal sets have equal numbers.
pub fn fingerprint(files: &Files) -> u64 {
    const ZEROS: [u8; SECTOR] = [0; SECTOR];
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut mix =
        |word: u64| hash = (hash ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    for (path, bytes) in files {
        path.as_os_str().as_encoded_bytes().iter().for_each(|byte| mix(u64::from(*byte)));
        mix(bytes.len() as u64);
        for (index, sector) in bytes.chunks(SECTOR).enumerate() {
            if sector != &ZEROS[..sector.len()] {
                mix(index as u64);
                for word in sector.chunks(8) {
                    let mut whole = [0; 8];
                    whole[..word.len()].copy_from_slice(word);
                    mix(u64::from_le_bytes(whole));
                }
            }
        }
    }
    hash
}
