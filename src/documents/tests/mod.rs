//! Databases in memory, looked at through the public face.

mod attachments;
mod changes;
mod compaction;
mod databases;
mod edits;
mod format;
mod growth;
mod histories;
mod model;
mod open_shards;
mod parse;
mod partitions;
mod reading;
mod split;
mod trees;

use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::clock::ManualClock;
use crate::journal::StoreOptions;
use crate::vfs::mem::MemVfs;

/// Databases that can be opened again.
struct World {
    vfs: MemVfs,
    clock: Arc<ManualClock>,
    catalog: Arc<MemoryCatalog>,
    options: DocumentsOptions,
}

impl World {
    fn new() -> Self {
        let compaction = AutomaticCompaction { enabled: false, ..AutomaticCompaction::default() };
        let options = DocumentsOptions {
            compaction,
            store: StoreOptions::default(),
            ..DocumentsOptions::default()
        };
        let clock = Arc::new(ManualClock::starting_at(1_700_000_000_000_000));
        Self { vfs: MemVfs::new(), clock, catalog: Arc::new(MemoryCatalog::new()), options }
    }

    fn open(&self) -> Databases {
        let (clock, catalog) = (self.clock.clone(), self.catalog.clone());
        Databases::open(Path::new("/data"), self.vfs.shared(), clock, catalog, self.options.clone())
            .unwrap()
    }

    /// The same after the power went.
    fn crash(&self) -> Self {
        let Self { vfs, clock, catalog, options } = self;
        let (vfs, clock) = (vfs.crash(), clock.clone());
        Self { vfs, clock, catalog: catalog.clone(), options: options.clone() }
    }
}

/// An open database with one shard, and what keeps it open.
fn database() -> (Databases, Arc<Database>) {
    database_of(1)
}

fn database_of(q: u32) -> (Databases, Arc<Database>) {
    let databases = World::new().open();
    let database = databases.create("db", &CreateOptions::with_shards(q)).unwrap();
    (databases, database)
}

/// The edit that a document's JSON text means.
fn edit(json: &str) -> Edit {
    let parsed = parse_document(json.as_bytes()).unwrap();
    let id = parsed.id.clone().unwrap();
    parsed.into_edit(id)
}

/// Writes one document; answers its revision.
fn put(database: &Database, json: &str) -> String {
    try_put(database, json).unwrap()
}

fn try_put(database: &Database, json: &str) -> Result<String, DocumentError> {
    Ok(database.update_one(edit(json))?.rev.to_string())
}

/// Merges one revision as replication does.
fn replicate(database: &Database, json: &str) {
    database.update(vec![edit(json)], EditMode::Replicated).pop().unwrap().unwrap();
}

fn get(database: &Database, id: &str) -> Result<String, DocumentError> {
    get_with(database, id, &OpenOptions::default(), &Members::default())
}

fn get_rev(database: &Database, id: &str, rev: &str) -> Result<String, DocumentError> {
    let options = OpenOptions { rev: Some(rev.parse().unwrap()), ..OpenOptions::default() };
    get_with(database, id, &options, &Members::default())
}

fn get_with(
    database: &Database,
    id: &str,
    options: &OpenOptions,
    members: &Members,
) -> Result<String, DocumentError> {
    let document = database.open(id, options)?;
    let mut out = Vec::new();
    document.write_json(&mut out, members)?;
    Ok(String::from_utf8(out).unwrap())
}

fn revs(texts: &[&str]) -> Vec<Revision> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn texts(revisions: &[Revision]) -> Vec<String> {
    revisions.iter().map(ToString::to_string).collect()
}

/// `id@rev` of each change, deleted ones with a cross.
fn changes(database: &Database, since: &Since) -> Vec<String> {
    let mut changes = database.changes(since, &ChangesOptions::default()).unwrap();
    let mut rows = Vec::new();
    while let Some(change) = changes.next().unwrap() {
        let cross = if change.deleted { "+" } else { "" };
        rows.push(format!("{}@{}{cross}", change.id, change.revisions[0].depth));
    }
    rows
}
