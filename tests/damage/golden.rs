//! The whole files that are then damaged, with what was written into them.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pumice::clock::ManualClock;
use pumice::journal::check::{Piece, walk};
use pumice::journal::{
    CompactionControl, CompactionRequest, Directory, Durability, KeyRange, OpenError, Operation,
    Store, StoreOptions, WriteBatch,
};
use pumice::vfs::mem::MemVfs;
use pumice::vfs::os::OsVfs;
use pumice::vfs::{File, OpenMode, Vfs, read_file};

pub const DIR: &str = "/d";
pub const FILE: &str = "/d/x";

pub type Map = BTreeMap<Vec<u8>, Vec<u8>>;

/// A part of the file that is lost as a whole.
pub struct Part {
    /// Where it stands, padding included.
    pub bytes: Range<usize>,
    /// Up to where it says something.
    pub end: usize,
    /// What it says.
    pub says: Says,
}

pub enum Says {
    Entries(Vec<(Vec<u8>, Vec<u8>)>),
    Transaction(Vec<Change>),
    Witness,
}

#[derive(Clone)]
pub enum Change {
    Put(Vec<u8>, Vec<u8>),
    Delete(Vec<u8>),
    DeleteRange(KeyRange),
}

/// A whole file.
pub struct Golden {
    pub name: &'static str,
    pub bytes: Vec<u8>,
    /// Blocks with entries and frames, in the order of the file.
    pub parts: Vec<Part>,
    /// The states: of the image, then after each transaction of the tail.
    pub states: Vec<Map>,
    /// Files that parts may come from: of another store, and of this one before its compaction.
    pub others: Vec<Vec<u8>>,
    /// It was closed and has a closing record (format 1.1): what it loses is always named.
    pub closed: bool,
}

pub fn open(vfs: &MemVfs, read_only: bool) -> Result<Store, OpenError> {
    let clock = Arc::new(ManualClock::starting_at(1_000_000));
    let open = if read_only { Directory::open_read_only } else { Directory::open };
    let directory = open(vfs.shared(), clock, Path::new(DIR))?;
    Store::open(&directory, "x", StoreOptions::default())
}

pub fn vfs_with(bytes: &[u8]) -> MemVfs {
    let vfs = MemVfs::new();
    vfs.create_dir(Path::new(DIR)).unwrap();
    vfs.put(Path::new(FILE), bytes.to_vec());
    vfs
}

pub fn file_of(vfs: &MemVfs) -> Arc<dyn File> {
    vfs.open(Path::new(FILE), OpenMode::Read).unwrap()
}

pub fn apply(map: &mut Map, changes: &[Change]) {
    for change in changes {
        match change {
            Change::Put(key, value) => drop(map.insert(key.clone(), value.clone())),
            Change::Delete(key) => drop(map.remove(key)),
            Change::DeleteRange(range) => map.retain(|key, _| !range.contains(key)),
        }
    }
}

pub fn all() -> Vec<Golden> {
    let fixture = |name: &str| {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
        read_file(&OsVfs, &root.join(name), 1 << 20).unwrap()
    };
    let (before, sealed, torn) = made();
    let example = fixture("v1/example.journal");
    vec![
        golden("example", example.clone(), vec![sealed.clone()]),
        closed_golden("sealed", sealed.clone(), vec![before.clone(), example.clone()]),
        // As the machine would find it after a power failure: nothing says that the last group was durable.
        golden("not closed", torn, vec![before, sealed.clone()]),
        golden("image and tail", fixture("v1/image-and-tail.journal"), vec![sealed, example]),
        closed_golden("example 1.1", fixture("v1.1/example.journal"), vec![]),
    ]
}

/// A store before a compaction, and after it with a tail: closed, and as it stands while it is open.
fn made() -> (Vec<u8>, Vec<u8>, Vec<u8>) {
    let vfs = MemVfs::new();
    let store = open(&vfs, false).unwrap();
    let bytes = |vfs: &MemVfs| vfs.bytes(Path::new(FILE)).unwrap();
    let commit = |fill: &dyn Fn(&mut WriteBatch)| {
        let mut batch = WriteBatch::new();
        fill(&mut batch);
        store.write(batch, Durability::Sync).unwrap();
    };
    for n in 0..12_u8 {
        commit(&|batch| {
            // About three entries to a block, so that there is an index.
            batch.put(&[b'a' + n], &[n; 300]).unwrap();
            batch.put(&[b'a' + n, n], &[n; 5]).unwrap();
            batch.put(&[b'k', b'0' + n], &vec![b'v'; 700 * usize::from(n % 2)]).unwrap();
        });
    }
    let before = bytes(&vfs);
    store.compact(&CompactionRequest::default(), &CompactionControl::new()).unwrap();
    commit(&|batch| batch.put(b"tail", b"one").unwrap());
    commit(&|batch| {
        batch.delete_range(&KeyRange::prefix(b"k")).unwrap();
        batch.put(b"k1", b"again").unwrap();
    });
    commit(&|batch| {
        batch.delete(b"a").unwrap();
        batch.put(b"tail", &[b'x'; 200]).unwrap();
    });
    let open = bytes(&vfs);
    let frames = open.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    // The zeros ahead are 64 KiB; some of them say as much.
    let open = open[..frames.next_multiple_of(512) + 512].to_vec();
    store.close().unwrap();
    (before, bytes(&vfs), open)
}

fn golden(name: &'static str, bytes: Vec<u8>, others: Vec<Vec<u8>>) -> Golden {
    let (parts, states) = take_apart(&bytes);
    Golden { name, bytes, parts, states, others, closed: false }
}

fn closed_golden(name: &'static str, bytes: Vec<u8>, others: Vec<Vec<u8>>) -> Golden {
    Golden { closed: true, ..golden(name, bytes, others) }
}

fn take_apart(bytes: &[u8]) -> (Vec<Part>, Vec<Map>) {
    let mut parts: Vec<Part> = Vec::new();
    walk(&file_of(&vfs_with(bytes)), &mut |piece| {
        match piece {
            Piece::Header { .. } => {}
            Piece::Entry { position, key, value } => {
                let entry = (key.to_vec(), value.to_vec());
                let start = usize::try_from(position).unwrap();
                match parts.last_mut() {
                    Some(Part { bytes, says: Says::Entries(entries), .. })
                        if bytes.start == start =>
                    {
                        entries.push(entry);
                    }
                    _ => {
                        let len: [u8; 4] = bytes[start + 8..start + 12].try_into().unwrap();
                        let end = start + 14 + usize::try_from(u32::from_le_bytes(len)).unwrap();
                        let says = Says::Entries(vec![entry]);
                        parts.push(Part { bytes: start..end, end, says });
                    }
                }
            }
            Piece::Transaction { position, size_bytes, operations, .. } => {
                let start = usize::try_from(position).unwrap();
                let len: [u8; 4] = bytes[start + 16..start + 20].try_into().unwrap();
                let end = start + 64 + usize::try_from(u32::from_le_bytes(len)).unwrap();
                let bytes = start..start + usize::try_from(size_bytes).unwrap();
                let changes = operations.iter().map(change).collect();
                parts.push(Part { bytes, end, says: Says::Transaction(changes) });
            }
            Piece::Witness { position, .. } => {
                let start = usize::try_from(position).unwrap();
                let (bytes, end) = (start..start + 64, start + 64);
                parts.push(Part { bytes, end, says: Says::Witness });
            }
            Piece::Damaged { position, what, .. } => panic!("damaged at {position}: {what}"),
        }
        true
    })
    .unwrap();
    let mut state = Map::new();
    let mut states = Vec::new();
    for part in &parts {
        if let Says::Entries(entries) = &part.says {
            state.extend(entries.iter().cloned());
        }
    }
    states.push(state.clone());
    for part in &parts {
        if let Says::Transaction(changes) = &part.says {
            apply(&mut state, changes);
            states.push(state.clone());
        }
    }
    (parts, states)
}

fn change(operation: &Operation<'_>) -> Change {
    match *operation {
        Operation::Put { key, value, .. } => Change::Put(key.to_vec(), value.to_vec()),
        Operation::Delete { key } => Change::Delete(key.to_vec()),
        Operation::DeleteRange { .. } => Change::DeleteRange(operation.range()),
    }
}
