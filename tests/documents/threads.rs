//! Many writers and a compaction at once, and the power that goes at any time meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use pumice::documents::{
    ChangesOptions, CreateOptions, Database, DocumentError, EditMode, MemoryCatalog, OpenOptions,
    Since,
};
use pumice::vfs::mem::MemVfs;

use super::crash::{edit, open, sound};

const WRITERS: usize = 8;
const CRASHES: usize = 25;

/// The version of a writer's document, 0 when there is none.
fn version(db: &Database, writer: usize) -> u64 {
    match db.open(&format!("w{writer}"), &OpenOptions::default()) {
        Ok(document) => {
            document.body()["{\"version\":".len()..].trim_end_matches('}').parse().unwrap()
        }
        Err(DocumentError::NotFound { .. }) => 0,
        Err(error) => panic!("{error}"),
    }
}

fn write(db: &Database, writer: usize, answered: &AtomicU64) {
    let id = format!("w{writer}");
    let rev = db.open(&id, &OpenOptions::default()).ok();
    let rev = rev.map_or(String::new(), |document| format!(r#","_rev":"{}""#, document.revision()));
    let next = answered.load(Ordering::Acquire) + 1;
    let edits = vec![
        edit(&format!(r#"{{"_id":"{id}"{rev},"version":{next}}}"#)),
        edit(&format!(r#"{{"_id":"{id}-{next}"}}"#)),
    ];
    db.update(edits, EditMode::Interactive).into_iter().for_each(|outcome| {
        outcome.unwrap();
    });
    answered.store(next, Ordering::Release);
}

#[test]
fn what_was_answered_survives_the_power_under_eight_writers_and_a_compaction() {
    let (disk, catalog) = (MemVfs::new(), Arc::new(MemoryCatalog::new()));
    let databases = open(disk.shared(), &catalog).unwrap();
    let db = databases.create("db", &CreateOptions::with_shards(2)).unwrap();
    let answered: Vec<_> = (0..WRITERS).map(|_| AtomicU64::new(0)).collect();
    let stop = AtomicBool::new(false);
    let running = || !stop.load(Ordering::Relaxed);
    std::thread::scope(|scope| {
        for (writer, answered) in answered.iter().enumerate() {
            let db = &db;
            scope.spawn(move || {
                while running() {
                    write(db, writer, answered);
                }
            });
        }
        scope.spawn(|| {
            while running() {
                db.compact_now().unwrap();
            }
        });
        for _ in 0..CRASHES {
            let before: Vec<_> =
                answered.iter().map(|count| count.load(Ordering::Acquire)).collect();
            let after = disk.crash();
            let databases = open(after.shared(), &catalog).unwrap();
            let db = databases.get("db").unwrap();
            for (writer, before) in before.into_iter().enumerate() {
                let found = version(&db, writer);
                assert!(found >= before, "writer {writer} was answered {before}, found is {found}");
            }
            sound(&db, "the power went");
            let mut changes = db.changes(&Since::Zero, &ChangesOptions::default()).unwrap();
            let mut count = 0;
            while changes.next().unwrap().is_some() {
                count += 1;
            }
            assert_eq!(count, db.info().doc_count);
        }
        stop.store(true, Ordering::Relaxed);
    });
    let total: u64 = answered.iter().map(|count| count.load(Ordering::Acquire)).sum();
    assert_eq!(db.info().doc_count, total + WRITERS as u64);
    assert!(db.shards().iter().all(|shard| shard.compacted_seq > 0));
}
