//! Three releases of a real data set, loaded one after the other as edits, additions and deletions.
//!
//! The sample always runs. The whole set runs where `PUMICE_REAL_DATA` names a folder with `documents/*.jsonl.gz`; a folder
//! without them fails.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pumice::clock::SystemClock;
use pumice::documents::{
    AllDocsRange, AutomaticCompaction, ChangesOptions, CreateOptions, Database, Databases,
    DocumentsOptions, Edit, EditMode, MemoryCatalog, OpenOptions, Sequence, Since, parse_document,
};
use pumice::vfs::os::OsVfs;
use pumice::vfs::read_file;
use serde_json::Value;

/// Edits in one call.
const BULK: usize = 1000;

/// A release: JSON text by id.
type Release = BTreeMap<String, String>;

fn releases(dir: &Path) -> Vec<Release> {
    let vfs = OsVfs::shared();
    let mut names = vfs.list(dir).unwrap();
    names.retain(|name| name.ends_with(".jsonl.gz"));
    assert!(names.len() >= 3, "{} has {} releases", dir.display(), names.len());
    let read = |name: &String| {
        let bytes = read_file(&*vfs, &dir.join(name), 1 << 30).unwrap();
        let text = flate2::read::GzDecoder::new(&bytes[..]);
        let lines = BufReader::new(text).lines().map(Result::unwrap);
        lines.map(|line| (id_of(&line), line)).collect()
    };
    names.iter().map(read).collect()
}

fn id_of(line: &str) -> String {
    parse_document(line.as_bytes()).unwrap().id.unwrap()
}

/// Brings the database from what it holds to a release; answers the ids that changed.
fn load(db: &Database, held: &Release, release: &Release) -> BTreeSet<String> {
    let mut edits: Vec<Edit> = Vec::new();
    for (id, line) in release.iter().filter(|(id, line)| held.get(*id) != Some(*line)) {
        edits.push(parse_document(line.as_bytes()).unwrap().into_edit(id.clone()));
    }
    for id in held.keys().filter(|id| !release.contains_key(*id)) {
        let tombstone = parse_document(br#"{"_deleted":true}"#).unwrap();
        edits.push(tombstone.into_edit(id.clone()));
    }
    for edit in &mut edits {
        if held.contains_key(&edit.id) {
            let document = db.open(&edit.id, &OpenOptions::default()).unwrap();
            edit.revisions = document.revision().clone().into();
        }
    }
    let ids = edits.iter().map(|edit| edit.id.clone()).collect();
    for bulk in edits.chunks(BULK) {
        for outcome in db.update(bulk.to_vec(), EditMode::Interactive) {
            outcome.unwrap();
        }
    }
    ids
}

/// Everything of a release is there as another reader of JSON understands it, and nothing else.
fn compare(db: &Database, release: &Release) {
    let range = AllDocsRange { include_docs: true, ..AllDocsRange::default() };
    let mut rows = db.all_docs(&range).unwrap();
    assert_eq!(rows.total_rows(), release.len() as u64);
    let mut expected = release.iter();
    while let Some(row) = rows.next().unwrap() {
        let (id, line) = expected.next().unwrap();
        assert_eq!(row.id, *id);
        let mut wanted: Value = serde_json::from_str(line).unwrap();
        wanted.as_object_mut().unwrap().remove("_id");
        let found: Value = serde_json::from_str(row.document.unwrap().body()).unwrap();
        assert_eq!(found, wanted, "{id}");
    }
    assert!(expected.next().is_none());
}

fn changed_since(db: &Database, since: &Sequence) -> BTreeSet<String> {
    let since = Since::At(since.to_string().parse().unwrap());
    let mut changes = db.changes(&since, &ChangesOptions::default()).unwrap();
    let mut ids = BTreeSet::new();
    while let Some(change) = changes.next().unwrap() {
        assert!(ids.insert(change.id), "each document once");
    }
    ids
}

fn three_releases(data: &Path) {
    let dir = tempfile::tempdir().unwrap();
    let catalog = Arc::new(MemoryCatalog::new());
    let open = || {
        let compaction = AutomaticCompaction { enabled: false, ..AutomaticCompaction::default() };
        let options = DocumentsOptions { compaction, ..DocumentsOptions::default() };
        let clock = Arc::new(SystemClock::new());
        Databases::open(dir.path(), OsVfs::shared(), clock, catalog.clone(), options).unwrap()
    };
    let releases = releases(data);
    let mut databases = open();
    databases.create("features", &CreateOptions::default()).unwrap();
    let mut held = Release::new();
    let mut places: Vec<(Sequence, BTreeSet<String>)> = Vec::new();
    for release in &releases {
        let db = databases.get("features").unwrap();
        places.push((db.info().update_seq, BTreeSet::new()));
        let ids = load(&db, &held, release);
        assert!(!ids.is_empty());
        places.iter_mut().for_each(|(_, changed)| changed.extend(ids.iter().cloned()));
        compare(&db, release);
        held.clone_from(release);
        // Also with the tail read back.
        drop((db, databases));
        databases = open();
        compare(&databases.get("features").unwrap(), release);
    }
    let db = databases.get("features").unwrap();
    let before = db.info();
    db.compact_now().unwrap();
    let after = db.info();
    compare(&db, &held);
    assert_eq!((before.doc_count, before.doc_del_count), (after.doc_count, after.doc_del_count));
    assert_eq!(before.sizes.external, after.sizes.external);
    assert!(after.sizes.file < before.sizes.file);
    // An empty file of each of two shards is a part of a small one.
    let allowed = after.sizes.active + after.sizes.active / 10 + 2 * 2048;
    assert!(after.sizes.file <= allowed, "{:?}", after.sizes);
    for (place, changed) in &places {
        assert_eq!(changed_since(&db, place), *changed);
    }
    drop((db, databases));
    let db = open().get("features").unwrap();
    compare(&db, &held);
}

#[test]
fn three_releases_of_the_sample_are_all_there_after_compaction_and_restart() {
    three_releases(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/documents"));
}

#[test]
fn three_whole_releases_are_all_there_after_compaction_and_restart() {
    if let Some(dir) = std::env::var_os("PUMICE_REAL_DATA") {
        three_releases(&PathBuf::from(dir).join("documents"));
    }
}
