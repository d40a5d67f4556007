//! One shard becomes two: what was there is there, and what is done meanwhile is not lost.

use std::collections::BTreeSet;
use std::io::Read;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::vfs::Operation;
use crate::vfs::fault::FaultVfs;

const WHOLE: (u32, u32) = (0, u32::MAX);
const LOWER: (u32, u32) = (0, 0x7fff_ffff);

/// Splits a shard and waits for it.
fn split(databases: &Databases, range: (u32, u32)) -> SplitJob {
    let job = databases.start_split("db", range).unwrap();
    databases.wait_for_split(&job.id).unwrap()
}

fn split_well(databases: &Databases, range: (u32, u32)) {
    let job = split(databases, range);
    assert_eq!(job.state, SplitState::Completed, "{job:?}");
}

fn attached(id: &str, content: &str) -> String {
    use base64::Engine;
    let data = base64::engine::general_purpose::STANDARD.encode(content);
    format!(
        r#"{{"_id":"{id}","_attachments":{{"f":{{"content_type":"image/png","data":"{data}"}}}}}}"#
    )
}

/// Documents of every kind: conflicts, tombstones, attachments that are shared and that are not, old revisions, local ones.
fn fill(db: &Database) {
    for number in 0..60 {
        let rev = put(db, &format!(r#"{{"_id":"d{number}","v":1}}"#));
        if number % 3 == 0 {
            let rev = put(db, &format!(r#"{{"_id":"d{number}","_rev":"{rev}","v":2}}"#));
            if number % 2 == 0 {
                put(db, &format!(r#"{{"_id":"d{number}","_rev":"{rev}","_deleted":true}}"#));
            }
        }
        if number % 5 == 0 {
            let hash = format!("{:032x}", number + 1);
            replicate(db, &format!(r#"{{"_id":"d{number}","_rev":"1-{hash}","other":true}}"#));
        }
        put(db, &attached(&format!("shared{number}"), "the same bytes"));
        put(db, &attached(&format!("own{number}"), &format!("bytes of {number}").repeat(9000)));
        db.local_put(&format!("_local/l{number}"), None, &Body::parse(b"{\"at\":1}").unwrap())
            .unwrap();
    }
    for number in 0..6 {
        let id = format!("own{number}");
        let rev = db.open(&id, &OpenOptions::default()).unwrap().revision().clone();
        assert_eq!(db.purge(&[(id, vec![rev.clone()])]).unwrap()[0].1, [rev]);
    }
    db.set_revs_limit(77).unwrap();
    db.set_purged_infos_limit(5000).unwrap();
    db.set_security(r#"{"admins":{"names":["al"]}}"#).unwrap();
}

/// Everything that can be read of a database.
fn everything(db: &Database) -> Vec<String> {
    let mut all = Vec::new();
    let options = ChangesOptions { style: Style::AllDocs, ..ChangesOptions::default() };
    let mut changes = db.changes(&Since::Zero, &options).unwrap();
    while let Some(change) = changes.next().unwrap() {
        all.push(format!("{} {} {:?}", change.id, change.deleted, texts(&change.revisions)));
        for found in db.open_revs(&change.id, &OpenRevs::All, false).unwrap() {
            let OpenRev::Found(document) = found else { panic!("{} has no body", change.id) };
            let mut out = Vec::new();
            document.write_json(&mut out, &Members { revs: true, ..Members::default() }).unwrap();
            all.push(format!("{} {}", change.id, String::from_utf8(out).unwrap()));
            for attachment in document.attachments() {
                let mut bytes = String::new();
                let mut reader = document.attachment(&attachment.name, Encoding::Identity).unwrap();
                reader.read_to_string(&mut bytes).unwrap();
                all.push(format!("{} {bytes}", change.id));
            }
        }
    }
    let local = db.local_list(&AllDocsRange::default()).unwrap();
    all.extend(local.into_iter().map(|doc| format!("{} {} {}", doc.id, doc.rev, doc.body)));
    let purges = db.purge_infos().unwrap();
    all.extend(
        purges
            .into_iter()
            .map(|it| format!("purged {} {:?} {}", it.id, texts(&it.revisions), it.uuid)),
    );
    all.push(format!("{} {} {}", db.security().unwrap(), db.revs_limit(), db.purged_infos_limit()));
    all.sort();
    all
}

/// Every document is where its hash says, and the counts are those of a scan.
fn sound(db: &Database) {
    let (mut live, mut dead) = (0, 0);
    let mut changes = db.changes(&Since::Zero, &ChangesOptions::default()).unwrap();
    while let Some(change) = changes.next().unwrap() {
        if change.deleted {
            dead += 1;
        } else {
            live += 1;
        }
        assert!(!db.open_revs(&change.id, &OpenRevs::All, false).unwrap().is_empty());
    }
    let info = db.info();
    assert_eq!((info.doc_count, info.doc_del_count), (live, dead));
    assert_eq!(changes.last_seq(), info.update_seq);
    let before = info.sizes;
    db.compact_now().unwrap();
    let after = db.info().sizes;
    assert_eq!(before.external, after.external);
    // The compaction notes that all trees were stemmed, and the last change: 16 bytes and a longer number in each shard.
    let noted = after.active - before.active;
    let shards = u64::from(info.q);
    assert!((16 * shards..=19 * shards).contains(&noted), "{before:?} {after:?}");
}

fn files(world: &World) -> Vec<String> {
    let vfs = world.vfs.shared();
    let ranges = vfs.list(Path::new("/data/shards")).unwrap();
    let mut files = Vec::new();
    for range in ranges.into_iter().filter(|name| name.len() == 17) {
        let names = vfs.list(&Path::new("/data/shards").join(&range)).unwrap();
        files.extend(names.iter().filter(|name| name.ends_with(".pumice")).map(|_| range.clone()));
    }
    files.sort();
    files
}

#[test]
fn a_split_database_reads_the_same_and_counts_the_same() {
    let world = World::new();
    let databases = world.open();
    let db = databases.create("db", &CreateOptions::with_shards(1)).unwrap();
    fill(&db);
    let (before, info) = (everything(&db), db.info());
    split_well(&databases, WHOLE);
    assert!(everything(&db) == before);
    split_well(&databases, LOWER);
    assert!(everything(&db) == before);
    let after = db.info();
    assert_eq!(after.q, 3);
    assert_eq!((after.doc_count, after.doc_del_count), (info.doc_count, info.doc_del_count));
    assert_eq!(after.sizes.external, info.sizes.external);
    let expected = ["00000000-3fffffff", "40000000-7fffffff", "80000000-ffffffff"];
    let ranges: Vec<_> = db.shards().into_iter().map(|shard| shard.range).collect();
    assert_eq!(ranges, expected);
    assert_eq!(files(&world), expected);
    drop((db, databases));
    let databases = world.open();
    let db = databases.get("db").unwrap();
    assert!(everything(&db) == before);
    sound(&db);
    assert!(everything(&db) == before);
    let checked = databases.check(&mut |_, _| {}).unwrap();
    assert_eq!(checked.len(), 4, "three shards and the events");
    assert!(checked.iter().all(|file| file.report.problems.is_empty()), "{checked:?}");
}

#[test]
fn halves_take_edits_contents_and_purges_as_a_database_that_was_made_so() {
    let world = World::new();
    let databases = world.open();
    let db = databases.create("db", &CreateOptions::with_shards(1)).unwrap();
    let twin = databases.create("twin", &CreateOptions::with_shards(2)).unwrap();
    fill(&db);
    fill(&twin);
    split_well(&databases, WHOLE);
    for db in [&db, &twin] {
        for number in 10..60 {
            let id = format!("shared{number}");
            let rev = db.open(&id, &OpenOptions::default()).unwrap().revision().to_string();
            put(db, &format!(r#"{{"_id":"{id}","_rev":"{rev}","_deleted":true}}"#));
            put(db, &attached(&format!("new{number}"), "the same bytes"));
        }
        db.compact_now().unwrap();
    }
    let no_purges = |all: Vec<String>| -> Vec<String> {
        all.into_iter().filter(|line| !line.starts_with("purged")).collect()
    };
    assert!(no_purges(everything(&db)) == no_purges(everything(&twin)));
    let (ours, theirs) = (db.shards(), twin.shards());
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert_eq!((ours.doc_count, ours.doc_del_count), (theirs.doc_count, theirs.doc_del_count));
        assert_eq!(ours.sizes.external, theirs.sizes.external);
        // Beside the ancestor's end only the lengths of numbers differ.
        assert!(ours.sizes.active.abs_diff(theirs.sizes.active) < 1500, "{ours:?} {theirs:?}");
    }
}

/// The ids behind a place, and the place behind them.
fn behind(db: &Database, since: &Since) -> (BTreeSet<String>, Since) {
    let mut changes = db.changes(since, &ChangesOptions::default()).unwrap();
    let mut ids = BTreeSet::new();
    while let Some(change) = changes.next().unwrap() {
        assert!(ids.insert(change.id));
    }
    (ids, Since::At(changes.last_seq().to_string().parse().unwrap()))
}

#[test]
fn a_reader_of_changes_goes_on_behind_splits_without_repeats_or_holes() {
    let databases = World::new().open();
    let db = databases.create("db", &CreateOptions::with_shards(1)).unwrap();
    let names = |from: u32| (from..from + 40).map(|n| format!("d{n}")).collect::<BTreeSet<_>>();
    let write = |from| {
        for id in names(from) {
            put(&db, &format!(r#"{{"_id":"{id}"}}"#));
        }
    };
    write(0);
    let (first, at_first) = behind(&db, &Since::Zero);
    assert_eq!(first, names(0));
    write(100);
    split_well(&databases, WHOLE);
    let (second, at_second) = behind(&db, &at_first);
    assert_eq!(second, names(100));
    write(200);
    split_well(&databases, LOWER);
    split_well(&databases, (0x8000_0000, u32::MAX));
    write(300);
    let mut both = names(200);
    both.extend(names(300));
    assert_eq!(behind(&db, &at_second).0, both);
    both.extend(names(100));
    let (all, end) = behind(&db, &at_first);
    assert_eq!(all, both);
    assert_eq!(behind(&db, &end).0, BTreeSet::new());
    assert_eq!(behind(&db, &Since::Now).0, BTreeSet::new());
}

#[test]
fn what_several_threads_write_during_splits_is_there_afterwards() {
    let databases = World::new().open();
    let db = databases.create("db", &CreateOptions::with_shards(1)).unwrap();
    for number in 0..500 {
        put(&db, &format!(r#"{{"_id":"before{number}","v":0}}"#));
    }
    let ended = AtomicBool::new(false);
    let written: Vec<Vec<(String, String)>> = std::thread::scope(|scope| {
        let writer = |thread: u32| {
            let (db, ended) = (&db, &ended);
            move || {
                let mut written = Vec::new();
                let mut number = 0_u32;
                while !ended.load(Ordering::Acquire) || number < 50 {
                    let id = format!("t{thread}-{number}");
                    let rev = put(db, &attached(&id, &format!("content {}", number % 7)));
                    let gone = put(db, &format!(r#"{{"_id":"p{id}"}}"#));
                    let purged = db.purge(&[(format!("p{id}"), revs(&[&gone]))]).unwrap();
                    assert_eq!(texts(&purged[0].1), [gone]);
                    db.local_put(&format!("_local/{id}"), None, &Body::empty()).unwrap();
                    db.set_revs_limit(500 + u64::from(number)).unwrap();
                    written.push((id, rev));
                    number += 1;
                }
                written
            }
        };
        let threads: Vec<_> = (0..3).map(|thread| scope.spawn(writer(thread))).collect();
        split_well(&databases, WHOLE);
        split_well(&databases, LOWER);
        split_well(&databases, (0, 0x3fff_ffff));
        ended.store(true, Ordering::Release);
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let mut count = 500;
    for (id, rev) in written.iter().flatten() {
        count += 1;
        assert!(get(&db, id).unwrap().contains(rev.as_str()), "{id}");
        assert!(get(&db, &format!("p{id}")).is_err());
        assert!(db.local_get(&format!("_local/{id}")).is_ok());
    }
    assert_eq!(db.info().doc_count, count);
    assert_eq!(db.purge_infos().unwrap().len() as u64, count - 500);
    sound(&db);
}

#[test]
fn an_upload_that_was_begun_before_a_split_finds_its_document_behind_it() {
    let databases = World::new().open();
    let db = databases.create("db", &CreateOptions::with_shards(1)).unwrap();
    let mut upload = db.upload("a", UploadOptions::default()).unwrap();
    upload.write(&vec![7; 200_000]).unwrap();
    split_well(&databases, WHOLE);
    upload.write(&vec![8; 200_000]).unwrap();
    let stored = upload.finish().unwrap();
    let mut edit = edit(r#"{"_id":"a"}"#);
    edit.attachments.push(AttachmentEdit {
        name: "f".to_owned(),
        content_type: None,
        revpos: None,
        digest: None,
        source: AttachmentSource::Stored(stored),
    });
    db.update_one(edit).unwrap();
    let document = db.open("a", &OpenOptions::default()).unwrap();
    let mut bytes = Vec::new();
    document.attachment("f", Encoding::Identity).unwrap().read_to_end(&mut bytes).unwrap();
    assert!(bytes == [vec![7; 200_000], vec![8; 200_000]].concat());
    sound(&db);
}

#[test]
fn what_cannot_be_split_is_refused_with_its_reason() {
    let world = World::new();
    let databases = world.open();
    databases.create("db", &CreateOptions::with_shards(256)).unwrap();
    let refused = |range| databases.start_split("db", range).unwrap_err();
    assert!(matches!(refused((0, 0x00ff_ffff)), SplitRefused::TooMany { shards: 256 }));
    assert!(matches!(refused(WHOLE), SplitRefused::NoShard { .. }));
    assert!(matches!(databases.start_split("nosuch", WHOLE), Err(SplitRefused::NoDatabase)));
    databases.create("one", &CreateOptions::with_shards(1)).unwrap();
    let record = world.catalog.get("one").unwrap().unwrap();
    let split_ranges = vec![(0, 0), (1, u32::MAX)];
    world.catalog.put(&DatabaseRecord { split_ranges, ..record }).unwrap();
    assert!(matches!(databases.start_split("one", (0, 0)), Err(SplitRefused::OneHash { .. })));
}

#[test]
fn a_job_that_waits_for_leave_to_run_survives_a_restart_and_can_be_removed() {
    let world = World::new();
    let databases = world.open();
    let db = databases.create("db", &CreateOptions::default()).unwrap();
    fill(&db);
    let before = everything(&db);
    let stopped = Splitting { running: false, reason: Some("night".to_owned()) };
    databases.set_splitting(stopped.clone()).unwrap();
    let job = databases.start_split("db", LOWER).unwrap();
    assert!(matches!(databases.start_split("db", LOWER), Err(SplitRefused::Exists { .. })));
    let other = databases.start_split("db", (1 << 31, u32::MAX)).unwrap();
    assert!(databases.remove_split_job(&other.id).unwrap());
    assert!(!databases.remove_split_job(&other.id).unwrap());
    drop((db, databases));
    let databases = world.open();
    assert_eq!(databases.splitting(), stopped);
    assert_eq!(databases.split_jobs(), std::slice::from_ref(&job));
    databases.set_splitting(Splitting { running: true, reason: None }).unwrap();
    let job = databases.wait_for_split(&job.id).unwrap();
    assert_eq!((job.state, job.phase), (SplitState::Completed, SplitPhase::Completed));
    let phases: Vec<_> = job.history.iter().filter_map(|event| event.detail.as_deref()).collect();
    let all: Vec<_> = SplitPhase::ALL[1..10].iter().map(|phase| phase.word()).collect();
    assert_eq!(phases, all);
    let db = databases.get("db").unwrap();
    assert_eq!(db.info().q, 3);
    assert!(everything(&db) == before);
}

#[test]
fn a_database_that_is_removed_before_its_split_leaves_a_failed_job_and_no_files() {
    let world = World::new();
    let databases = world.open();
    let db = databases.create("db", &CreateOptions::with_shards(1)).unwrap();
    fill(&db);
    databases.set_splitting(Splitting { running: false, reason: None }).unwrap();
    let job = databases.start_split("db", WHOLE).unwrap();
    databases.remove("db").unwrap();
    databases.set_splitting(Splitting { running: true, reason: None }).unwrap();
    let job = databases.wait_for_split(&job.id).unwrap();
    assert_eq!(
        (job.state, job.reason.as_deref()),
        (SplitState::Failed, Some("Database does not exist."))
    );
    assert_eq!(files(&world), [""; 0]);
    let again = databases.create("db", &CreateOptions::with_shards(1)).unwrap();
    put(&again, r#"{"_id":"x"}"#);
    split_well(&databases, WHOLE);
    assert_eq!(again.info().doc_count, 1);
    databases.remove("db").unwrap();
    assert_eq!(files(&world), [""; 0]);
}

/// A catalog that does not take the record of a split.
#[derive(Debug)]
struct Refusing(Arc<MemoryCatalog>);

impl Catalog for Refusing {
    fn list(&self) -> Result<Vec<DatabaseRecord>, DatabaseError> {
        self.0.list()
    }

    fn get(&self, name: &str) -> Result<Option<DatabaseRecord>, DatabaseError> {
        self.0.get(name)
    }

    fn put(&self, record: &DatabaseRecord) -> Result<(), DatabaseError> {
        // As a write whose sync fails: it may be there or not.
        self.0.put(record)?;
        if record.split_ranges.is_empty() {
            return Ok(());
        }
        Err(DatabaseError::Catalog("the disk is full".to_owned()))
    }

    fn remove(&self, name: &str) -> Result<(), DatabaseError> {
        self.0.remove(name)
    }
}

#[test]
fn a_catalog_that_cannot_be_written_costs_the_job_and_nothing_else() {
    let world = World::new();
    let databases = Databases::open(
        Path::new("/data"),
        world.vfs.shared(),
        world.clock.clone(),
        Arc::new(Refusing(world.catalog.clone())),
        world.options.clone(),
    )
    .unwrap();
    let db = databases.create("db", &CreateOptions::with_shards(1)).unwrap();
    fill(&db);
    let before = everything(&db);
    let job = split(&databases, WHOLE);
    assert_eq!(job.state, SplitState::Failed);
    assert!(job.reason.unwrap().contains("the disk is full"));
    assert_eq!(files(&world), ["00000000-ffffffff"]);
    assert!(everything(&db) == before);
    put(&db, r#"{"_id":"after"}"#);
    drop((db, databases));
    let databases = world.open();
    let db = databases.get("db").unwrap();
    assert!(get(&db, "after").is_ok());
    assert_eq!(db.info().q, 1);
    split_well(&databases, WHOLE);
    assert!(get(&db, "after").is_ok());
    assert_eq!(files(&world), ["00000000-7fffffff", "80000000-ffffffff"]);
}

/// Holds the thread that splits a shard of `q=1` when it has copied a first snapshot, until it is let go.
struct Gate {
    reached: std::sync::mpsc::Receiver<()>,
    go: std::sync::mpsc::Sender<()>,
}

impl Gate {
    fn open(world: &World) -> (Databases, Self) {
        let (reached, at_gate) = std::sync::mpsc::channel();
        let (go, let_go) = std::sync::mpsc::channel();
        let (let_go, renames) = (std::sync::Mutex::new(let_go), std::sync::Mutex::new(0));
        let vfs = FaultVfs::new(world.vfs.shared(), move |call| {
            let upper = call.path.to_string_lossy().contains("80000000-ffffffff");
            if call.operation == Operation::Rename && upper {
                let mut renames = renames.lock().unwrap();
                *renames += 1;
                // The first one made the half, the second is its compaction behind the copy.
                if *renames == 2 {
                    reached.send(()).unwrap();
                    let_go.lock().unwrap().recv().unwrap();
                }
            }
            None
        });
        let (clock, catalog) = (world.clock.clone(), world.catalog.clone());
        let options = world.options.clone();
        let databases =
            Databases::open(Path::new("/data"), vfs.shared(), clock, catalog, options).unwrap();
        (databases, Self { reached: at_gate, go })
    }

    /// A database with documents, whose split waits at the gate.
    fn hold(world: &World) -> (Databases, Self, Arc<Database>, SplitJob) {
        let (databases, gate) = Self::open(world);
        let options = CreateOptions::with_shards(1);
        let db = databases.create("db", &options).unwrap();
        fill(&db);
        let job = databases.start_split("db", WHOLE).unwrap();
        gate.reached.recv().unwrap();
        (databases, gate, db, job)
    }
}

#[test]
fn what_is_written_purged_and_removed_behind_the_first_copy_comes_over() {
    let world = World::new();
    let (databases, gate, db, job) = Gate::hold(&world);
    for number in 6..40 {
        let rev_of = |id: &str| db.open(id, &OpenOptions::default()).unwrap().revision().clone();
        let shared = format!("shared{number}");
        let own = format!("own{number}");
        match number % 4 {
            0 => {
                let gone =
                    format!(r#"{{"_id":"{own}","_rev":"{}","_deleted":true}}"#, rev_of(&own));
                put(&db, &gone);
                db.local_remove(&format!("_local/l{number}")).unwrap();
            }
            1 => {
                db.purge(&[(own.clone(), vec![rev_of(&own)])]).unwrap();
                db.purge(&[(shared.clone(), vec![rev_of(&shared)])]).unwrap();
                // And some are there again.
                if number % 3 == 0 {
                    put(&db, &attached(&shared, "other bytes"));
                }
            }
            2 => {
                let hash = format!("{:032x}", 900 + number);
                replicate(&db, &format!(r#"{{"_id":"{shared}","_rev":"3-{hash}","other":true}}"#));
                db.local_put(&format!("_local/l{number}"), Some(1), &Body::empty()).unwrap();
            }
            _ => drop(put(&db, &attached(&format!("new{number}"), "the same bytes"))),
        }
    }
    db.set_security(r#"{"admins":{"names":["bo"]}}"#).unwrap();
    let running = db.compact_now();
    assert!(matches!(running, Err(DocumentError::Storage(StorageError::Compaction(_)))));
    let before = everything(&db);
    let info = db.info();
    gate.go.send(()).unwrap();
    let job = databases.wait_for_split(&job.id).unwrap();
    assert_eq!(job.state, SplitState::Completed, "{job:?}");
    assert!(everything(&db) == before);
    let after = db.info();
    assert_eq!((after.doc_count, after.doc_del_count), (info.doc_count, info.doc_del_count));
    assert_eq!(after.sizes.external, info.sizes.external);
    sound(&db);
}

#[test]
fn a_database_that_is_removed_while_it_is_split_leaves_a_failed_job_and_no_files() {
    let world = World::new();
    let (databases, gate, _db, job) = Gate::hold(&world);
    databases.remove("db").unwrap();
    let again = databases.create("db", &CreateOptions::with_shards(1)).unwrap();
    put(&again, r#"{"_id":"x"}"#);
    gate.go.send(()).unwrap();
    let job = databases.wait_for_split(&job.id).unwrap();
    assert_eq!(job.state, SplitState::Failed);
    assert_eq!(files(&world), ["00000000-ffffffff"]);
    assert_eq!((again.info().q, again.info().doc_count), (1, 1));
}

#[test]
fn a_job_that_is_stopped_while_it_copies_leaves_nothing_and_begins_anew() {
    let world = World::new();
    let (databases, gate) = Gate::open(&world);
    let db = databases.create("db", &CreateOptions::with_shards(1)).unwrap();
    fill(&db);
    let before = everything(&db);
    let job = databases.start_split("db", WHOLE).unwrap();
    gate.reached.recv().unwrap();
    assert!(databases.set_split_job(&job.id, false, None).unwrap());
    gate.go.send(()).unwrap();
    let job = databases.wait_for_split(&job.id).unwrap();
    assert_eq!(job.state, SplitState::Stopped);
    assert_eq!(files(&world), ["00000000-ffffffff"]);
    assert!(everything(&db) == before);
    db.compact_now().unwrap();
    assert!(databases.set_split_job(&job.id, true, None).unwrap());
    let job = databases.wait_for_split(&job.id).unwrap();
    assert_eq!(job.state, SplitState::Completed);
    assert_eq!(files(&world), ["00000000-7fffffff", "80000000-ffffffff"]);
    assert!(everything(&db) == before);
}

#[test]
fn the_documents_of_a_partition_stay_together_when_their_shard_is_split() {
    let databases = World::new().open();
    let db = databases.create("db", &CreateOptions { q: Some(1), partitioned: true }).unwrap();
    for number in 0..200 {
        put(&db, &format!(r#"{{"_id":"p{}:{number}"}}"#, number % 10));
    }
    put(&db, r#"{"_id":"_design/d"}"#);
    let told = |name: &str| db.partition_info(name).unwrap();
    let before: Vec<_> = (0..10).map(|number| told(&format!("p{number}"))).collect();
    split_well(&databases, WHOLE);
    put(&db, r#"{"_id":"p3:late"}"#);
    for (number, before) in before.iter().enumerate() {
        let name = format!("p{number}");
        let late = u64::from(number == 3);
        assert_eq!(told(&name).doc_count, before.doc_count + late, "{name}");
        let shards: BTreeSet<_> = (0..20)
            .map(|row| db.shard_of(&format!("{name}:{}", row * 10 + number)).unwrap().range)
            .collect();
        assert_eq!(shards.len(), 1, "{name}");
        assert!(get(&db, &format!("{name}:{number}")).is_ok());
    }
    let filled: Vec<_> = db.shards().into_iter().map(|shard| shard.doc_count).collect();
    assert_eq!((filled.len(), filled.iter().sum::<u64>()), (2, 202));
    assert!(filled.iter().all(|count| *count > 0), "{filled:?}");
}
