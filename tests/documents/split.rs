//! A process that is ended at every one of its calls to the file system while it splits a shard, and what the next one finds:
//! the old database or the new one, whole, and no file that is not of it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use pumice::documents::{
    AttachmentEdit, AttachmentSource, Body, Catalog, CreateOptions, Database, DatabaseError,
    Databases, MemoryCatalog, SplitState,
};
use pumice::vfs::fault::FaultVfs;
use pumice::vfs::mem::MemVfs;

use crate::crash::{edit, ended, noise, open, sound, text};

const WHOLE: (u32, u32) = (0, u32::MAX);

/// Writes what a split must keep; answers the documents' texts.
fn fill(db: &Database) -> Option<Vec<(String, Option<String>)>> {
    for number in 0..6 {
        let mut one = edit(&format!(r#"{{"_id":"d{number}","v":{number}}}"#));
        if number % 2 == 0 {
            one.attachments.push(AttachmentEdit {
                name: "f".to_owned(),
                content_type: Some("image/png".to_owned()),
                revpos: None,
                digest: None,
                source: AttachmentSource::Inline(noise(150_000)),
            });
        }
        let rev = db.update_one(one).ok()?.rev;
        db.local_put(&format!("_local/l{number}"), None, &Body::empty()).ok()?;
        match number {
            1 => {
                let gone = format!(r#"{{"_id":"d1","_rev":"{rev}","_deleted":true}}"#);
                db.update_one(edit(&gone)).ok()?;
            }
            3 => drop(db.purge(&[("d3".to_owned(), vec![rev])]).ok()?),
            _ => {}
        }
    }
    let ids = (0..6).map(|number| format!("d{number}"));
    Some(ids.map(|id| (id.clone(), text(db, &id))).collect())
}

/// What a process did.
#[derive(Default)]
struct Story {
    texts: Option<Vec<(String, Option<String>)>>,
    asked: bool,
    completed: bool,
}

fn tell(
    disk: &MemVfs,
    catalog: &Arc<MemoryCatalog>,
    fails: impl Fn(u64) -> bool + Send + Sync + 'static,
) -> (Story, u64) {
    let calls = Arc::new(AtomicU64::new(0));
    let counted = calls.clone();
    let vfs = FaultVfs::new(disk.shared(), move |_| {
        fails(counted.fetch_add(1, Ordering::Relaxed)).then(ended)
    });
    let mut story = Story::default();
    if let Ok(databases) = open(vfs.shared(), catalog) {
        run(&mut story, &databases);
    }
    (story, calls.load(Ordering::Relaxed))
}

fn run(story: &mut Story, databases: &Databases) {
    let Ok(db) = databases.create("db", &CreateOptions::with_shards(1)) else {
        return;
    };
    story.texts = fill(&db);
    if story.texts.is_none() {
        return;
    }
    let Ok(job) = databases.start_split("db", WHOLE) else {
        return;
    };
    story.asked = true;
    let job = databases.wait_for_split(&job.id).unwrap();
    story.completed = job.state == SplitState::Completed;
}

fn files(disk: &MemVfs) -> Vec<String> {
    let mut files = Vec::new();
    for range in disk.shared().list(Path::new("/data/shards")).unwrap_or_default() {
        let names = disk.shared().list(&Path::new("/data/shards").join(&range));
        let names = names.unwrap_or_default();
        files.extend(names.iter().filter(|name| name.ends_with(".pumice")).map(|_| range.clone()));
    }
    files.sort();
    files
}

fn is_whole(db: &Database, story: &Story, when: &str) {
    for (id, expected) in story.texts.iter().flatten() {
        assert_eq!(text(db, id), *expected, "{when}: {id}");
    }
    for number in 0..6 {
        assert!(db.local_get(&format!("_local/l{number}")).is_ok(), "{when}: l{number}");
    }
    assert_eq!(db.purge_infos().unwrap().len(), 1, "{when}");
}

/// The next process, before and after it has ended the job.
fn check(disk: &MemVfs, catalog: &Arc<MemoryCatalog>, story: &Story, when: &str) {
    let databases = open(disk.shared(), catalog).unwrap_or_else(|error| panic!("{when}: {error}"));
    let db = match databases.get("db") {
        Ok(db) => db,
        Err(DatabaseError::NotFound) if story.texts.is_none() => return,
        Err(error) => panic!("{when}: {error}"),
    };
    if story.texts.is_none() {
        return;
    }
    // The job goes on meanwhile: what is compared over several calls is compared behind it.
    is_whole(&db, story, when);
    let jobs = databases.split_jobs();
    assert!(!story.asked || jobs.len() == 1, "{when}: {jobs:?}");
    for job in jobs {
        let job = databases.wait_for_split(&job.id).unwrap();
        assert!(job.state.is_over(), "{when}: {job:?}");
        let q = if job.state == SplitState::Completed { 2 } else { 1 };
        assert_eq!(db.info().q, q, "{when}: {job:?}");
    }
    assert!(!story.completed || db.info().q == 2, "{when}");
    is_whole(&db, story, when);
    sound(&db, when);
    let shards: Vec<_> = db.shards().into_iter().map(|shard| shard.range).collect();
    assert_eq!(files(disk), shards, "{when}");
    assert_eq!(catalog.get("db").unwrap().unwrap().ranges().len(), shards.len(), "{when}");
    assert!(db.update_one(edit(r#"{"_id":"after"}"#)).is_ok(), "{when}");
    db.compact_now().unwrap();
    sound(&db, when);
}

#[test]
fn a_process_that_ends_at_any_call_of_a_split_leaves_the_old_or_the_new_database() {
    let (story, calls) = tell(&MemVfs::new(), &Arc::new(MemoryCatalog::new()), |_| false);
    assert!(story.completed && calls > 100, "{calls}");
    let (mut old, mut new) = (0, 0);
    for end in 0..calls {
        let (disk, catalog) = (MemVfs::new(), Arc::new(MemoryCatalog::new()));
        let (story, _) = tell(&disk, &catalog, move |call| call >= end);
        let split = catalog.get("db").unwrap().is_some_and(|it| it.ranges().len() == 2);
        if story.asked {
            if split { new += 1 } else { old += 1 }
        }
        // Each next process has the catalog that this one left.
        for (after, how) in [(disk.crash(), "the power went"), (disk, "it was killed")] {
            let left = Arc::new(MemoryCatalog::new());
            catalog.list().unwrap().iter().for_each(|record| left.put(record).unwrap());
            check(&after, &left, &story, &format!("{how} at call {end}"));
        }
    }
    assert!(old > 20 && new > 2, "{old} {new}");
}

/// One call fails, the process goes on.
#[test]
fn a_call_that_fails_costs_at_most_the_job() {
    let (_, calls) = tell(&MemVfs::new(), &Arc::new(MemoryCatalog::new()), |_| false);
    for failing in 0..calls {
        let (disk, catalog) = (MemVfs::new(), Arc::new(MemoryCatalog::new()));
        let (story, _) = tell(&disk, &catalog, move |call| call == failing);
        check(&disk.crash(), &catalog, &story, &format!("call {failing} failed"));
    }
}
