//! A process that is ended at every one of its calls to the file system, and what the next one finds.
//!
//! From call number N on every call fails, for every N there is; then the power goes (only what was synced is there) or
//! the process was killed (what was written is there). The next process must find every edit that was answered, and no
//! half of one that was not.

use std::collections::BTreeMap;
use std::io;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use pumice::clock::ManualClock;
use pumice::documents::{
    AllDocsRange, AttachmentEdit, AttachmentSource, AutomaticCompaction, Body, ChangesOptions,
    CreateOptions, Database, DatabaseError, Databases, DocumentError, DocumentsOptions, Edit,
    EditMode, Encoding, Members, MemoryCatalog, OpenOptions, Since, UploadOptions, parse_document,
};
use pumice::journal::StoreOptions;
use pumice::vfs::Vfs;
use pumice::vfs::fault::FaultVfs;
use pumice::vfs::mem::MemVfs;

/// What may be there of a document: its text after the last edit that was answered, or after one that was not.
#[derive(Clone, Debug, Default)]
struct Known {
    answered: Option<String>,
    /// Texts of edits whose answer was an error; they may have taken place or not.
    perhaps: Vec<Option<String>>,
}

/// What a process did and was told.
#[derive(Default)]
struct Story {
    known: BTreeMap<String, Known>,
    created: bool,
}

fn options() -> DocumentsOptions {
    let compaction = AutomaticCompaction { enabled: false, ..AutomaticCompaction::default() };
    DocumentsOptions { compaction, store: StoreOptions::default(), ..DocumentsOptions::default() }
}

pub fn open(vfs: Arc<dyn Vfs>, catalog: &Arc<MemoryCatalog>) -> Result<Databases, DatabaseError> {
    let clock = Arc::new(ManualClock::starting_at(1_700_000_000_000_000));
    Databases::open(Path::new("/data"), vfs, clock, catalog.clone(), options())
}

pub fn text(db: &Database, id: &str) -> Option<String> {
    match db.open(id, &OpenOptions::default()) {
        Ok(document) => {
            let mut out = Vec::new();
            document.write_json(&mut out, &Members::default()).unwrap();
            Some(String::from_utf8(out).unwrap())
        }
        Err(DocumentError::NotFound { .. }) => None,
        Err(error) => panic!("{id}: {error}"),
    }
}

pub fn edit(json: &str) -> Edit {
    let parsed = parse_document(json.as_bytes()).unwrap();
    let id = parsed.id.clone().unwrap();
    parsed.into_edit(id)
}

pub fn noise(len: usize) -> Vec<u8> {
    (0..len).map(|n| u8::try_from(((n * 7919) >> 3) % 256).unwrap()).collect()
}

impl Story {
    /// Edits some documents in one call, whatever revision they have.
    fn edit(&mut self, db: &Database, version: u32, ids: &[&str], deleted: bool) {
        let mut edits = Vec::new();
        for id in ids {
            let rev = db.open(id, &OpenOptions::default()).ok();
            let rev = rev.map_or(String::new(), |doc| format!(r#","_rev":"{}""#, doc.revision()));
            let fill = "x".repeat(300);
            edits.push(edit(&format!(
                r#"{{"_id":"{id}"{rev},"_deleted":{deleted},"version":{version},"fill":"{fill}"}}"#
            )));
        }
        for (id, outcome) in ids.iter().zip(db.update(edits, EditMode::Interactive)) {
            let known = self.known.entry((*id).to_owned()).or_default();
            match outcome {
                Ok(written) => {
                    let body = format!(r#""version":{version},"#);
                    known.answered =
                        (!deleted).then(|| format!(r#""_rev":"{}",{body}"#, written.rev));
                    known.perhaps.clear();
                }
                Err(_) => {
                    known.perhaps.push((!deleted).then(|| format!(r#""version":{version},"#)));
                }
            }
        }
    }

    fn attach(&mut self, db: &Database, id: &str) -> Result<(), DocumentError> {
        let options =
            UploadOptions { content_type: "image/png".to_owned(), ..UploadOptions::default() };
        let mut upload = db.upload(id, options)?;
        upload.write(&noise(150_000))?;
        let mut edit = edit(&format!(r#"{{"_id":"{id}","version":0,"at":1}}"#));
        edit.attachments.push(AttachmentEdit {
            name: "file".to_owned(),
            content_type: Some("image/png".to_owned()),
            revpos: None,
            digest: None,
            source: AttachmentSource::Stored(upload.finish()?),
        });
        self.known
            .entry(id.to_owned())
            .or_default()
            .perhaps
            .push(Some(r#""version":0,"#.to_owned()));
        db.update_one(edit)?;
        let known = self.known.entry(id.to_owned()).or_default();
        *known = Known { answered: Some(r#""version":0,"#.to_owned()), perhaps: Vec::new() };
        Ok(())
    }

    /// Goes on whatever fails, as a server does.
    fn run(&mut self, databases: &Databases) {
        let Ok(db) = databases.create("db", &CreateOptions::with_shards(2)) else {
            return;
        };
        self.created = true;
        self.edit(&db, 1, &["a", "b", "c", "d", "e"], false);
        self.edit(&db, 2, &["a"], false);
        let _either = self.attach(&db, "att1");
        let half = db.upload("a", UploadOptions::default()).map(|mut upload| {
            let _either = upload.write(&noise(280_000));
            upload
        });
        self.edit(&db, 3, &["a", "c", "f"], false);
        self.edit(&db, 4, &["b"], true);
        let _either = self.attach(&db, "att2");
        let _either = db.local_put("_local/x", None, &Body::empty());
        let _either = db.compact_now();
        self.edit(&db, 5, &["a", "b", "att1"], false);
        drop(half);
        let _either = db.compact_now();
        self.edit(&db, 6, &["d"], false);
        let _either = databases.close();
    }

    /// Whether what is there is what was promised.
    fn check(&self, databases: &Databases, when: &str) {
        let db = match databases.get("db") {
            Ok(db) => db,
            Err(DatabaseError::NotFound) if !self.created => return,
            Err(error) => panic!("{when}: {error}"),
        };
        for (id, known) in &self.known {
            let found = text(&db, id);
            let fits = |expected: &Option<String>| match (&found, expected) {
                (None, None) => true,
                (Some(found), Some(expected)) => found.contains(expected.as_str()),
                _ => false,
            };
            let fine = fits(&known.answered) || known.perhaps.iter().any(fits);
            assert!(fine, "{when}: {id} is {found:?}, known is {known:?}");
        }
        sound(&db, when);
        // And it can be written to, and compacted.
        let before = db.info().doc_count;
        assert!(db.update_one(edit(r#"{"_id":"after"}"#)).is_ok(), "{when}");
        db.compact_now().unwrap();
        assert_eq!(db.info().doc_count, before + 1, "{when}");
        sound(&db, when);
    }
}

/// What holds of every database: counts, lists and feeds agree, every attachment has its digest, and a compaction leaves
/// what was counted as active.
pub fn sound(db: &Database, when: &str) {
    let mut listed = Vec::new();
    let range = AllDocsRange { include_docs: true, ..AllDocsRange::default() };
    let mut rows = db.all_docs(&range).unwrap();
    while let Some(row) = rows.next().unwrap() {
        let document = row.document.expect("a winner has its body");
        for attachment in document.attachments() {
            let mut bytes = Vec::new();
            let mut reader = document.attachment(&attachment.name, Encoding::Identity).unwrap();
            reader.read_to_end(&mut bytes).unwrap();
            assert!(bytes == noise(150_000), "{when}: an attachment of {}", row.id);
        }
        listed.push(row.id);
    }
    let (mut live, mut dead) = (Vec::new(), 0);
    let mut changes = db.changes(&Since::Zero, &ChangesOptions::default()).unwrap();
    while let Some(change) = changes.next().unwrap() {
        if change.deleted { dead += 1 } else { live.push(change.id) }
    }
    live.sort();
    assert_eq!(live, listed, "{when}");
    let info = db.info();
    assert_eq!((info.doc_count, info.doc_del_count), (listed.len() as u64, dead), "{when}");
    assert_eq!(changes.last_seq(), info.update_seq, "{when}");
}

pub fn ended() -> io::Error {
    io::Error::other("the process is ended")
}

/// Runs the story until call number `end`; answers how many calls there were.
fn tell(disk: &MemVfs, catalog: &Arc<MemoryCatalog>, end: u64) -> (Story, u64) {
    let calls = Arc::new(AtomicU64::new(0));
    let counted = calls.clone();
    let vfs = FaultVfs::new(disk.shared(), move |_| {
        let number = counted.fetch_add(1, Ordering::Relaxed);
        (number >= end).then(ended)
    });
    let mut story = Story::default();
    if let Ok(databases) = open(vfs.shared(), catalog) {
        story.run(&databases);
    }
    (story, calls.load(Ordering::Relaxed))
}

#[test]
fn a_process_that_ends_at_any_call_leaves_what_it_answered() {
    let (_, calls) = tell(&MemVfs::new(), &Arc::new(MemoryCatalog::new()), u64::MAX);
    assert!(calls > 150, "{calls}");
    for end in 0..calls {
        let (disk, catalog) = (MemVfs::new(), Arc::new(MemoryCatalog::new()));
        let (story, _) = tell(&disk, &catalog, end);
        for (after, how) in [(disk.crash(), "the power went"), (disk, "it was killed")] {
            let when = format!("{how} at call {end}");
            let databases =
                open(after.shared(), &catalog).unwrap_or_else(|error| panic!("{when}: {error}"));
            story.check(&databases, &when);
        }
    }
}

/// One call fails, the process goes on: nothing that was answered is lost either.
#[test]
fn a_call_that_fails_costs_at_most_the_edit_that_it_was_made_for() {
    let (_, calls) = tell(&MemVfs::new(), &Arc::new(MemoryCatalog::new()), u64::MAX);
    for failing in 0..calls {
        let (disk, catalog) = (MemVfs::new(), Arc::new(MemoryCatalog::new()));
        let count = AtomicU64::new(0);
        let vfs = FaultVfs::new(disk.shared(), move |_| {
            (count.fetch_add(1, Ordering::Relaxed) == failing).then(ended)
        });
        let mut story = Story::default();
        if let Ok(databases) = open(vfs.shared(), &catalog) {
            story.run(&databases);
        }
        let when = format!("call {failing} failed");
        let databases =
            open(disk.crash().shared(), &catalog).unwrap_or_else(|error| panic!("{when}: {error}"));
        story.check(&databases, &when);
    }
}
