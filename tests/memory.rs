//! What large work costs in memory: bytes that are allocated at once at the most, counted by the allocator.
//!
//! In a binary and a test of its own, since an allocator counts for the whole process.
#![allow(clippy::unwrap_used, reason = "a test; a failure here is a failed test")]

use std::io::{self, Read};
use std::num::NonZeroU64;
use std::sync::Arc;

use peak_alloc::PeakAlloc;
use pumice::cdb::{Author, Cdb, Datastore, LoadOptions, Source};
use pumice::documents::{
    AttachmentEdit, AttachmentSource, CreateOptions, Databases, DocumentsOptions, Encoding,
    MemoryCatalog, OpenOptions, ParsedDocument, UploadOptions,
};
use pumice::journal::{Directory, Durability, Store, StoreOptions, WriteBatch};
use pumice::scheduler::{Actions, Scheduler};
use pumice::vfs::os::OsVfs;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// A device is an entry and four leaves.
const NODES_PER_DEVICE: u64 = 5;
const DEVICES: u64 = 20_000;

/// XML that is made while it is read, so that it is in memory nowhere.
struct Devices;

struct Generator {
    next: u64,
    line: Vec<u8>,
    read: usize,
}

impl Source for Devices {
    fn name(&self) -> &'static str {
        "devices.xml"
    }

    fn open(&self) -> io::Result<Box<dyn Read + '_>> {
        Ok(Box::new(Generator { next: 0, line: b"<config><devices>".to_vec(), read: 0 }))
    }
}

impl Read for Generator {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.read == self.line.len() {
            let n = self.next;
            self.next += 1;
            self.read = 0;
            self.line = match n {
                0..DEVICES => format!(
                    "<device><name>router-{n:06}</name><address>10.0.{}.{}</address><port>22</port>\
                     <description>edge router number {n}</description><enabled>true</enabled></device>",
                    n / 256 % 256,
                    n % 256
                )
                .into_bytes(),
                DEVICES => b"</devices></config>".to_vec(),
                _ => Vec::new(),
            };
        }
        let count = self.line.as_slice().get(self.read..).unwrap_or_default().read(buffer)?;
        self.read += count;
        Ok(count)
    }
}

/// The most that was allocated while `work` ran, over what was before, in bytes.
fn peak_of<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    let done = work();
    (done, ALLOCATOR.peak_usage().saturating_sub(before))
}

fn load_of(steps: Option<NonZeroU64>) -> usize {
    let dir = tempfile::tempdir().unwrap();
    let cdb = Cdb::open(dir.path()).unwrap();
    // As in a daemon: who looks at /scheduler costs a load of devices nothing.
    let _scheduler = Scheduler::attach(&cdb, Actions::builtin());
    let (options, author) = (LoadOptions::default(), Author::default());
    let (loaded, peak) = peak_of(|| match steps {
        None => cdb.load(Datastore::Config, &Devices, &options, &author),
        Some(nodes) => cdb.load_in_steps(Datastore::Config, &Devices, &options, &author, nodes),
    });
    assert_eq!(loaded.unwrap().read.nodes, NODES_PER_DEVICE * DEVICES);
    assert_eq!(cdb.node_count(Datastore::Config), NODES_PER_DEVICE * DEVICES);
    peak
}

fn replay_of(entries: u64) -> usize {
    let dir = tempfile::tempdir().unwrap();
    let open = || {
        let clock = Arc::new(pumice::clock::SystemClock::new());
        let directory = Directory::open(OsVfs::shared(), clock, dir.path()).unwrap();
        Store::open(&directory, "store", StoreOptions::default()).unwrap()
    };
    let store = open();
    for start in (0..entries).step_by(1000) {
        let mut batch = WriteBatch::new();
        for n in start..start + 1000 {
            batch.put(&n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes(), &[7; 150]).unwrap();
        }
        store.write(batch, Durability::Buffered).unwrap();
    }
    drop(store);
    let (store, peak) = peak_of(open);
    assert_eq!(store.stats().entries, entries);
    peak
}

/// A document gets an attachment, which is read, compacted away from what it replaced, and read again.
fn attachment_of(bytes: u64) -> usize {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(pumice::clock::SystemClock::new());
    let (catalog, options) = (Arc::new(MemoryCatalog::new()), DocumentsOptions::default());
    let databases = Databases::open(dir.path(), OsVfs::shared(), clock, catalog, options).unwrap();
    let db = databases.create("db", &CreateOptions::default()).unwrap();
    let read = || {
        let document = db.open("large", &OpenOptions::default()).unwrap();
        let mut reader = document.attachment("file", Encoding::Identity).unwrap();
        let mut count = 0;
        while let Some(piece) = reader.next_chunk().unwrap() {
            count += piece.len() as u64;
        }
        assert_eq!(count, bytes);
    };
    let work = || {
        let mut upload = db.upload("large", UploadOptions::default()).unwrap();
        let piece = vec![7; 16 << 10];
        (0..bytes / piece.len() as u64).for_each(|_| upload.write(&piece).unwrap());
        let source = AttachmentSource::Stored(upload.finish().unwrap());
        let (content_type, revpos, digest) = (None, None, None);
        let name = "file".to_owned();
        let attachment = AttachmentEdit { name, content_type, revpos, digest, source };
        let mut edit = ParsedDocument::default().into_edit("large".to_owned());
        edit.attachments.push(attachment);
        db.update_one(edit).unwrap();
        read();
        db.compact_now().unwrap();
        read();
    };
    peak_of(work).1
}

/// The lines are what docs/operations.md states under "Memory".
#[test]
fn large_work_stays_within_the_memory_that_the_manual_states() {
    let nodes = usize::try_from(NODES_PER_DEVICE * DEVICES).unwrap();
    let whole = load_of(None) / nodes;
    let stepped = load_of(NonZeroU64::new(5000)) / nodes;
    let replayed = replay_of(40_000) / 40_000;
    let attached = attachment_of(96 << 20);
    println!(
        "bytes: {whole} a node as one transaction, {stepped} in steps, {replayed} a replayed entry, \
         {attached} while an attachment of 96 MiB went through"
    );
    assert!(attached <= 4 << 20, "{attached} bytes for an attachment");
    assert!(whole <= 250, "{whole} bytes a node");
    assert!(stepped <= 60, "{stepped} bytes a node");
    assert!(replayed <= 200, "{replayed} bytes an entry");
}
