//! The bytes on disk: golden files of every released version, and the worked example of docs/format.md.
//!
//! `PUMICE_GOLDEN=write cargo test --test it format` writes the fixtures and the example anew: on purpose, with a new
//! format version, and never over the fixtures of a version that was released.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pumice::clock::ManualClock;
use pumice::journal::{
    CompactionControl, CompactionRequest, Directory, Durability, KeyRange, Store, StoreOptions,
    WriteBatch,
};
use pumice::vfs::mem::MemVfs;
use pumice::vfs::os::OsVfs;
use pumice::vfs::{read_file, write_file};

const DIR: &str = "/d";
const FILE: &str = "/d/x";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> Vec<u8> {
    read_file(&OsVfs, path, 1 << 20).unwrap()
}

fn write(path: &Path, bytes: &[u8]) {
    write_file(&OsVfs, path, bytes).unwrap();
}

fn updating() -> bool {
    std::env::var_os("PUMICE_GOLDEN").is_some_and(|word| word == "write")
}

fn open(vfs: &MemVfs) -> Store {
    let clock = Arc::new(ManualClock::starting_at(1_000_000));
    let directory = Directory::open(vfs.shared(), clock, Path::new(DIR)).unwrap();
    Store::open(&directory, "x", StoreOptions::default()).unwrap()
}

/// The bytes of a closed store after `fill`.
fn made(fill: impl Fn(&Store)) -> Vec<u8> {
    let vfs = MemVfs::new();
    let store = open(&vfs);
    fill(&store);
    store.close().unwrap();
    vfs.bytes(Path::new(FILE)).unwrap()
}

fn example() -> Vec<u8> {
    made(|store| {
        let mut batch = WriteBatch::new();
        batch.set_annotation(b"hi".to_vec());
        batch.put(b"stone", b"pumice").unwrap();
        batch.delete(b"glass").unwrap();
        store.write(batch, Durability::Sync).unwrap();
    })
}

/// The version that the engine writes.
const WRITTEN: &str = "v1.1";
/// Every version that it reads.
const READ: [&str; 2] = ["v1", "v1.1"];

/// Everything a file can have: several blocks and levels, a large value, a range delete in the tail.
fn image_and_tail() -> Vec<u8> {
    made(|store| {
        let mut batch = WriteBatch::new();
        for n in 0..400_u32 {
            batch.put(format!("key {n:05}").as_bytes(), &[b'v'; 30]).unwrap();
        }
        batch.put(b"large", &[b'L'; 10_000]).unwrap();
        store.write(batch, Durability::Sync).unwrap();
        store.compact(&CompactionRequest::default(), &CompactionControl::new()).unwrap();
        let mut batch = WriteBatch::new();
        batch.delete_range(&KeyRange::prefix(b"key 000")).unwrap();
        batch.put(b"key 00007", b"again").unwrap();
        store.write(batch, Durability::Sync).unwrap();
    })
}

fn check_golden(name: &str, bytes: &[u8]) {
    let path = root().join("tests/fixtures").join(WRITTEN).join(name);
    if updating() {
        write(&path, bytes);
    }
    let golden = read(&path);
    assert!(golden == bytes, "{name}: the engine writes other bytes than {WRITTEN} did");
}

#[test]
fn the_engine_writes_the_golden_bytes_of_its_version() {
    check_golden("example.journal", &example());
    check_golden("image-and-tail.journal", &image_and_tail());
}

#[test]
fn golden_files_of_every_version_open_with_their_content() {
    for version in READ {
        let path = root().join("tests/fixtures").join(version).join("image-and-tail.journal");
        let vfs = MemVfs::new();
        vfs.put(Path::new(FILE), read(&path));
        let store = open(&vfs);
        let stats = store.stats();
        assert_eq!((stats.entries, stats.sequence.get(), stats.generation), (302, 2, 1));
        let snapshot = store.snapshot();
        assert_eq!(snapshot.get(b"key 00007").unwrap().as_deref(), Some(&b"again"[..]));
        assert_eq!(snapshot.get(b"key 00008").unwrap(), None);
        assert_eq!(snapshot.get(b"large").unwrap().unwrap().len(), 10_000);
        assert_eq!(snapshot.count(&KeyRange::prefix(b"key 001")).unwrap().entries, 100);
    }
}

#[test]
fn a_file_of_version_1_is_written_on_and_gets_a_closing_record_by_compaction() {
    let vfs = MemVfs::new();
    vfs.put(Path::new(FILE), read(&root().join("tests/fixtures/v1/image-and-tail.journal")));
    let minor = |vfs: &MemVfs| vfs.bytes(Path::new(FILE)).unwrap()[10];
    let store = open(&vfs);
    let mut batch = WriteBatch::new();
    batch.put(b"more", b"m").unwrap();
    store.write(batch, Durability::Sync).unwrap();
    assert_eq!(minor(&vfs), 0);
    store.compact(&CompactionRequest::default(), &CompactionControl::new()).unwrap();
    assert_eq!(minor(&vfs), 1);
    store.close().unwrap();
    drop(store);
    assert_eq!(open(&vfs).snapshot().get(b"more").unwrap().as_deref(), Some(&b"m"[..]));
}

/// 16 bytes a line, runs of zeros folded.
fn hex_dump(bytes: &[u8]) -> String {
    let mut text = String::from("```text\n");
    let mut folded = false;
    for (index, line) in bytes.chunks(16).enumerate() {
        let zeros = line.iter().all(|byte| *byte == 0);
        if zeros && folded {
            continue;
        }
        folded = zeros;
        if zeros {
            text.push_str("   ...  zeros\n");
            continue;
        }
        write!(text, "{:6}  ", index * 16).unwrap();
        for byte in line {
            write!(text, "{byte:02x} ").unwrap();
        }
        text.extend(std::iter::repeat_n("   ", 16 - line.len()));
        let shown = |byte: &u8| if byte.is_ascii_graphic() { char::from(*byte) } else { '.' };
        writeln!(text, " {}", line.iter().map(shown).collect::<String>()).unwrap();
    }
    text.push_str("```\n");
    text
}

#[test]
fn the_worked_example_of_the_format_document_is_what_the_engine_writes() {
    let path = root().join("docs/format.md");
    let text = String::from_utf8(read(&path)).unwrap();
    let (before, rest) = text.split_once("<!-- example -->\n").unwrap();
    let (_, after) = rest.split_once("<!-- /example -->").unwrap();
    let expected =
        format!("{before}<!-- example -->\n{}<!-- /example -->{after}", hex_dump(&example()));
    if updating() {
        write(&path, expected.as_bytes());
    }
    assert!(
        String::from_utf8(read(&path)).unwrap() == expected,
        "docs/format.md shows other bytes; the right text:\n{}",
        hex_dump(&example())
    );
}
