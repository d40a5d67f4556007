//! What a disk may hold after the power went: the model of a file system that keeps no more than it must.
//!
//! Data that no completed sync covers may be there or not, each sector by itself, a length apart from the
//! data; names are there once their directory was synced, before that any part of the changes may be. A sync
//! of data alone does not make a changed length durable. A sync that failed leaves its pages clean: what they
//! hold is read back from the cache and written by no later sync, until something writes to them again.
//! What may be left of one file is enumerated in `space`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::content::{Content, SECTOR};
use crate::memory::{Memory, is_root};
use crate::random::Random;

/// What the cache holds as one.
const PAGE: usize = 4096;
/// Up to so many changes of names are looked at in every subset.
const NAMES_EXHAUSTIVE: usize = 6;

/// One step of a run.
#[derive(Clone, Debug)]
pub enum Event {
    Create {
        path: PathBuf,
        ino: usize,
    },
    CreateDir {
        path: PathBuf,
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
    SyncDir {
        path: PathBuf,
    },
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
    names: BTreeMap<PathBuf, Node>,
    pending_names: Vec<NameChange>,
    pub acked: [u64; 2],
    events: usize,
}

/// What a name leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Node {
    Dir,
    File(usize),
}

#[derive(Clone, Debug, Default)]
pub struct Inode {
    /// What the process sees.
    pub live: Content,
    /// Durable bytes; those behind `len` are there only if a longer length becomes durable.
    pub base: Content,
    pub len: usize,
    pub pending: Vec<(usize, Change)>,
    /// Pages that a failed sync left clean.
    stale: BTreeSet<usize>,
}

#[derive(Clone, Debug)]
pub enum Change {
    Write { start: usize, bytes: Arc<[u8]> },
    SetLen(usize),
}

#[derive(Clone, Debug)]
enum NameChange {
    Set(PathBuf, Node),
    Move(PathBuf, PathBuf, Node),
    Unset(PathBuf),
}

/// What is on the disk after a crash.
#[derive(Clone, Debug, Default)]
pub struct Files {
    pub dirs: BTreeSet<PathBuf>,
    pub files: BTreeMap<PathBuf, Content>,
}

impl Change {
    pub fn apply(&self, content: &mut Content, len: &mut usize) {
        match self {
            Self::Write { start, bytes } => {
                content.write(*start, bytes);
                *len = (start + bytes.len()).max(*len);
            }
            Self::SetLen(to) => {
                if *to < *len {
                    content.set_len((*to).min(content.len()));
                }
                *len = *to;
            }
        }
    }
}

impl NameChange {
    fn apply(&self, names: &mut BTreeMap<PathBuf, Node>) {
        match self {
            Self::Set(path, node) => drop(names.insert(path.clone(), *node)),
            Self::Move(from, to, node) => {
                names.remove(from);
                names.insert(to.clone(), *node);
            }
            Self::Unset(path) => drop(names.remove(path)),
        }
    }

    /// Whether a sync of this directory covers it.
    fn is_in(&self, dir: &Path) -> bool {
        let (Self::Set(path, _) | Self::Move(_, path, _) | Self::Unset(path)) = self;
        path.parent() == Some(dir)
    }
}

/// The pages that bytes are in.
fn pages(start: usize, count: usize) -> std::ops::Range<usize> {
    start / PAGE..(start + count).div_ceil(PAGE)
}

impl Inode {
    fn settled(content: &Content) -> Self {
        let len = content.len();
        Self { live: content.clone(), base: content.clone(), len, ..Self::default() }
    }

    fn write(&mut self, number: usize, start: usize, bytes: &Arc<[u8]>) {
        self.live.write(start, bytes);
        let pages = pages(start, bytes.len());
        let mut change = Change::Write { start, bytes: bytes.clone() };
        if pages.clone().filter(|page| self.stale.remove(page)).count() > 0 {
            // The cache writes whole pages.
            let start = pages.start * PAGE;
            let mut whole = vec![0; (pages.end * PAGE).min(self.live.len()) - start];
            self.live.read(&mut whole, start);
            change = Change::Write { start, bytes: Arc::from(whole) };
        }
        self.pending.push((number, change));
    }

    fn set_len(&mut self, number: usize, len: usize) {
        self.live.set_len(len);
        self.pending.push((number, Change::SetLen(len)));
    }

    fn take_covered(&mut self, begun: usize) -> Vec<(usize, Change)> {
        let covered = self.pending.partition_point(|(number, _)| *number < begun);
        self.pending.drain(..covered).collect()
    }

    fn synced(&mut self, begun: usize, all: bool) {
        let (before, mut shrinks) = (self.len, false);
        for (_, change) in self.take_covered(begun) {
            shrinks |= matches!(change, Change::SetLen(len) if len < self.len);
            change.apply(&mut self.base, &mut self.len);
        }
        if !all && !shrinks && self.len != before {
            self.pending.insert(0, (0, Change::SetLen(self.len)));
            self.len = before;
        }
    }

    fn sync_failed(&mut self, begun: usize) {
        let mut len = self.len;
        for (_, change) in self.take_covered(begun) {
            if let Change::Write { start, bytes } = &change {
                self.stale.extend(pages(*start, bytes.len()));
            }
            change.apply(&mut Content::default(), &mut len);
        }
        // The length is the inode's business, and still on its way.
        if len != self.len {
            self.pending.insert(0, (0, Change::SetLen(len)));
        }
    }

    /// The bytes with everything up to each pending change, and the length then.
    pub fn timeline(&self) -> Vec<(Content, usize)> {
        let mut line = vec![(self.base.clone(), self.len)];
        for (_, change) in &self.pending {
            let (mut content, mut len) = line[line.len() - 1].clone();
            change.apply(&mut content, &mut len);
            line.push((content, len));
        }
        line
    }

    /// The sectors that are on their way.
    pub fn touched(&self) -> BTreeSet<usize> {
        let mut touched = BTreeSet::new();
        for (_, change) in &self.pending {
            match change {
                Change::Write { start, bytes } => {
                    touched.extend(crate::content::sectors(&(*start..start + bytes.len())));
                }
                Change::SetLen(len) => {
                    touched.extend(len / SECTOR..self.base.len().div_ceil(SECTOR));
                }
            }
        }
        touched
    }
}

impl Files {
    /// Equal sets have equal numbers.
    pub fn fingerprint(&self) -> u64 {
        let mut sum = self.dirs.len() as u64;
        for (path, content) in &self.files {
            let name = crate::content::hash_of(path.as_os_str().as_encoded_bytes());
            sum = sum.wrapping_mul(31).wrapping_add((name ^ content.fingerprint()).rotate_left(7));
        }
        sum
    }

    /// As a file system on which all is durable.
    pub fn memory(&self) -> Memory {
        let memory = Memory::default();
        self.dirs.iter().for_each(|dir| memory.put_dir(dir));
        self.files.iter().for_each(|(path, content)| memory.put(path, content));
        memory
    }
}

impl Disk {
    /// A disk on which everything is durable.
    pub fn settled(files: &Files, acked: [u64; 2]) -> Self {
        let inodes = files.files.values().map(Inode::settled).collect();
        let named = files.files.keys().cloned().zip((0..).map(Node::File));
        let names = files.dirs.iter().map(|dir| (dir.clone(), Node::Dir)).chain(named).collect();
        Self { inodes, names, pending_names: Vec::new(), acked, events: 0 }
    }

    pub fn empty() -> Self {
        Self::settled(&Files::default(), [0; 2])
    }

    /// What the process sees.
    pub fn live_names(&self) -> BTreeMap<PathBuf, Node> {
        let mut names = self.names.clone();
        self.pending_names.iter().for_each(|change| change.apply(&mut names));
        names
    }

    /// Everything as the process sees it.
    pub fn live_files(&self) -> Files {
        let content = |ino: usize| self.inodes[ino].live.clone();
        files_of(&self.live_names(), content)
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
                self.pending_names.push(NameChange::Set(path.clone(), Node::File(*ino)));
            }
            Event::CreateDir { path } => {
                self.pending_names.push(NameChange::Set(path.clone(), Node::Dir));
            }
            Event::Write { ino, start, bytes } => self.inodes[*ino].write(number, *start, bytes),
            Event::SetLen { ino, len } => self.inodes[*ino].set_len(number, *len),
            Event::SyncBegun | Event::Refused { .. } => {}
            Event::Synced { ino, begun, all } => self.inodes[*ino].synced(*begun, *all),
            Event::SyncFailed { ino, begun } => self.inodes[*ino].sync_failed(*begun),
            Event::SyncDir { path } => self.sync_dir(path),
            Event::Rename { from, to } => {
                let node = self.live_names()[from];
                self.pending_names.push(NameChange::Move(from.clone(), to.clone(), node));
            }
            Event::Remove { path } => self.pending_names.push(NameChange::Unset(path.clone())),
            Event::Acked { store, sequence } => {
                self.acked[*store] = self.acked[*store].max(*sequence);
            }
        }
    }

    fn sync_dir(&mut self, dir: &Path) {
        let (covered, left) = std::mem::take(&mut self.pending_names)
            .into_iter()
            .partition(|change| change.is_in(dir));
        self.pending_names = left;
        let covered: Vec<NameChange> = covered;
        covered.iter().for_each(|change| change.apply(&mut self.names));
    }

    /// The names that may be left: every prefix of what is pending, and every subset of few.
    pub fn listings(&self, random: &mut Random) -> Vec<BTreeMap<PathBuf, Node>> {
        let count = self.pending_names.len();
        let mut masks: BTreeSet<u32> = (0..=count).map(|prefix| (1_u32 << prefix) - 1).collect();
        if count <= NAMES_EXHAUSTIVE {
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
            reachable(names)
        };
        let mut listings: Vec<_> = masks.into_iter().map(listing).collect();
        listings.sort();
        listings.dedup();
        listings
    }
}

/// Without the names in directories that are not there.
fn reachable(mut names: BTreeMap<PathBuf, Node>) -> BTreeMap<PathBuf, Node> {
    let dirs: BTreeSet<PathBuf> = names
        .iter()
        .filter(|(_, node)| **node == Node::Dir)
        .map(|(path, _)| path.clone())
        .collect();
    let there =
        |path: &Path| path.ancestors().skip(1).all(|dir| is_root(dir) || dirs.contains(dir));
    names.retain(|path, _| there(path));
    names
}

pub fn files_of(
    names: &BTreeMap<PathBuf, Node>,
    mut content: impl FnMut(usize) -> Content,
) -> Files {
    let mut files = Files::default();
    for (path, node) in names {
        match node {
            Node::Dir => drop(files.dirs.insert(path.clone())),
            Node::File(ino) => drop(files.files.insert(path.clone(), content(*ino))),
        }
    }
    files
}
