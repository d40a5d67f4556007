use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use super::*;
use crate::cdb::tests::{cdb, lines, set};
use crate::cdb::*;
use crate::clock::ManualClock;
use crate::vfs::mem::MemVfs;

type Notes = Arc<Mutex<Vec<String>>>;

fn note(notes: &Notes, text: impl Into<String>) {
    notes.lock().unwrap().push(text.into());
}

fn point(path: &str) -> SubscriptionPoint {
    SubscriptionPoint::new(path).unwrap()
}

fn noting(cdb: &Cdb, notes: &Notes, point: SubscriptionPoint) -> SubscriptionHandle {
    let (notes, name) = (notes.clone(), point.name.clone());
    cdb.subscribe_callback(Datastore::Config, point, move |notification| {
        let id = notification.transaction_id.unwrap();
        note(&notes, format!("{name} {id}: {}", lines(&notification.diff).join(", ")));
    })
}

#[test]
fn subscribers_are_told_in_the_order_of_priority_of_what_is_below_their_point() {
    let cdb = cdb();
    let notes = Notes::default();
    let _handles = [
        noting(&cdb, &notes, point("/d/device{*}/port").priority(5).named("ports")),
        noting(&cdb, &notes, point("/d/device{ce1}").priority(-5).named("ce1")),
        noting(&cdb, &notes, point("/d/device/port").priority(7).named("tagpath")),
        noting(&cdb, &notes, point("/other").named("other")),
    ];
    set(&cdb, &[("/d/device{ce0}/port", "1"), ("/d/device{ce0}/x", "2")]);
    set(&cdb, &[("/d/device{ce1}/port", "3")]);
    assert_eq!(
        *notes.lock().unwrap(),
        [
            "ports 1: + /d/device{ce0}/port = 1",
            "tagpath 1: + /d/device{ce0}/port = 1",
            "ce1 2: + /d/device{ce1}, + /d/device{ce1}/port = 3",
            "ports 2: + /d/device{ce1}/port = 3",
            "tagpath 2: + /d/device{ce1}/port = 3",
        ]
    );
    notes.lock().unwrap().clear();
    cdb.write(Datastore::Config, |tx| tx.delete("/d")).unwrap();
    assert!(
        notes
            .lock()
            .unwrap()
            .contains(&"ports 3: - /d/device{ce0}/port = 1, - /d/device{ce1}/port = 3".to_owned())
    );
}

#[test]
fn dropping_the_handle_unsubscribes() {
    let cdb = cdb();
    let notes = Notes::default();
    let handle = noting(&cdb, &notes, point("/"));
    set(&cdb, &[("/a", "1")]);
    drop(handle);
    set(&cdb, &[("/a", "2")]);
    assert_eq!(notes.lock().unwrap().len(), 1);
}

#[test]
fn a_subscriber_sees_the_state_before_and_after() {
    let cdb = cdb();
    set(&cdb, &[("/a", "1")]);
    let seen = Arc::new(Mutex::new(None));
    let notes = seen.clone();
    let _handle = cdb.subscribe_callback(Datastore::Config, point("/a"), move |notification| {
        let text = |view: &ReadView| view.get("/a").unwrap().map(|value| value.to_string());
        *notes.lock().unwrap() = Some((text(&notification.before), text(&notification.after)));
    });
    set(&cdb, &[("/a", "2")]);
    assert_eq!(seen.lock().unwrap().take(), Some((Some("1".into()), Some("2".into()))));
}

#[test]
fn a_write_from_a_callback_is_refused_where_it_would_wait_for_itself() {
    let cdb = cdb();
    let results = Notes::default();
    let (writer, notes) = (cdb.clone(), results.clone());
    let _handle = cdb.subscribe_callback(Datastore::Config, point("/a"), move |_| {
        for datastore in [Datastore::Config, Datastore::Snapshot, Datastore::Operational] {
            let result = writer.write(datastore, |tx| tx.set_text("/b", "1"));
            note(
                &notes,
                match result {
                    Ok(_) => "written".to_owned(),
                    Err(error) => error.to_string(),
                },
            );
        }
    });
    set(&cdb, &[("/a", "1")]);
    let results = results.lock().unwrap();
    assert!(
        results[0].starts_with("a write to the config datastore from a notification of the config"),
        "{results:?}"
    );
    assert_eq!(results[1..], ["written", "written"]);
    set(&cdb, &[("/b", "after")]);
}

#[test]
fn the_committer_waits_for_the_queue_and_the_queue_for_the_committer() {
    let cdb = cdb();
    let changes = cdb.subscribe(Datastore::Config, point("/"));
    let writing = {
        let cdb = cdb.clone();
        thread::spawn(move || set(&cdb, &[("/a", "1")]))
    };
    let delivery = changes.next().unwrap();
    assert_eq!(lines(&delivery.diff), ["+ /a = 1"]);
    let refused = cdb.begin_write(Datastore::Config).map(|_| ()).unwrap_err();
    assert!(matches!(refused, CommitError::InNotification { .. }), "{refused}");
    assert!(!writing.is_finished());
    delivery.acknowledge();
    writing.join().unwrap();
    assert!(changes.try_next().is_none());
    assert!(cdb.begin_write(Datastore::Config).is_ok());
}

#[test]
fn a_subscriber_that_is_gone_holds_nobody_up() {
    let cdb = cdb();
    let changes = cdb.subscribe(Datastore::Config, point("/"));
    let writing = {
        let cdb = cdb.clone();
        thread::spawn(move || set(&cdb, &[("/a", "1")]))
    };
    let delivery = changes.next().unwrap();
    drop(changes);
    drop(delivery);
    writing.join().unwrap();
    set(&cdb, &[("/a", "2")]);
}

#[test]
fn who_does_not_acknowledge_in_time_is_dropped() {
    let clock = Arc::new(ManualClock::starting_at(0));
    let options = Cdb::options()
        .vfs(MemVfs::new().shared())
        .clock(clock.clone())
        .client_timeout(Some(Duration::from_secs(30)));
    let cdb = options.open("/db").unwrap();
    let slow = cdb.subscribe(Datastore::Config, point("/").named("slow"));
    let writing = {
        let cdb = cdb.clone();
        thread::spawn(move || set(&cdb, &[("/a", "1")]))
    };
    let delivery = slow.next().unwrap();
    while !writing.is_finished() {
        clock.advance(Duration::from_secs(31));
        thread::yield_now();
    }
    writing.join().unwrap();
    assert!(slow.is_ended());
    drop(delivery);
    assert!(slow.next().is_none());
    set(&cdb, &[("/a", "2")]);
}

struct Voter {
    name: &'static str,
    notes: Notes,
    veto: bool,
}

impl TwoPhase for Voter {
    fn prepare(&self, notification: &Notification) -> Result<(), String> {
        assert!(notification.transaction_id.is_none());
        note(&self.notes, format!("{} prepare", self.name));
        if self.veto { Err("not today".to_owned()) } else { Ok(()) }
    }

    fn commit(&self, notification: &Notification) {
        assert!(notification.transaction_id.is_some());
        note(&self.notes, format!("{} commit", self.name));
    }

    fn abort(&self, _: &Notification) {
        note(&self.notes, format!("{} abort", self.name));
    }
}

fn voter(
    cdb: &Cdb,
    notes: &Notes,
    name: &'static str,
    priority: i32,
    veto: bool,
) -> SubscriptionHandle {
    let point = point("/a").priority(priority).named(name);
    cdb.subscribe_two_phase(Datastore::Config, point, Voter { name, notes: notes.clone(), veto })
}

#[test]
fn two_phase_subscribers_prepare_and_commit_in_order() {
    let cdb = cdb();
    let notes = Notes::default();
    let _b = voter(&cdb, &notes, "b", 2, false);
    let _a = voter(&cdb, &notes, "a", 1, false);
    set(&cdb, &[("/a", "1")]);
    set(&cdb, &[("/not-a", "1")]);
    assert_eq!(*notes.lock().unwrap(), ["a prepare", "b prepare", "a commit", "b commit"]);
}

#[test]
fn a_veto_fails_the_commit_and_aborts_in_reverse() {
    let cdb = cdb();
    let notes = Notes::default();
    let _handles = [
        voter(&cdb, &notes, "a", 1, false),
        voter(&cdb, &notes, "b", 2, false),
        voter(&cdb, &notes, "no", 3, true),
        voter(&cdb, &notes, "never", 4, false),
    ];
    let error = cdb.write(Datastore::Config, |tx| tx.set_text("/a", "1")).unwrap_err();
    assert_eq!(error.to_string(), "refused by no: not today");
    assert_eq!(
        *notes.lock().unwrap(),
        ["a prepare", "b prepare", "no prepare", "b abort", "a abort"]
    );
    assert!(!cdb.begin_read(Datastore::Config).exists("/a").unwrap());
    set(&cdb, &[("/b", "1")]);
}

#[test]
fn a_conflict_after_prepare_aborts() {
    let cdb = cdb();
    let notes = Notes::default();
    let _a = voter(&cdb, &notes, "a", 1, false);
    let mut tx = cdb.begin_write(Datastore::Config).unwrap();
    tx.get("/read").unwrap();
    tx.set_text("/a", "1").unwrap();
    set(&cdb, &[("/read", "1")]);
    assert!(tx.commit().unwrap_err().is_retriable());
    assert_eq!(*notes.lock().unwrap(), ["a prepare", "a abort"]);
}

#[test]
fn concurrent_commits_are_told_in_sequence_with_exact_old_values() {
    let cdb = cdb();
    cdb.write(Datastore::Config, |tx| tx.set("/n", Value::Uint64(0))).unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let notes = seen.clone();
    let _handle = cdb.subscribe_callback(Datastore::Config, point("/n"), move |notification| {
        let change = notification.diff.changes().first().cloned();
        notes.lock().unwrap().push((notification.transaction_id.unwrap().get(), change));
    });
    let writers: Vec<_> = (0..4)
        .map(|_| {
            let cdb = cdb.clone();
            thread::spawn(move || {
                for _ in 0..20 {
                    let add = || {
                        cdb.write(Datastore::Config, |tx| {
                            let Some(Value::Uint64(n)) = tx.get("/n")? else { panic!() };
                            tx.set("/n", Value::Uint64(n + 1))
                        })
                    };
                    while add().is_err() {}
                }
            })
        })
        .collect();
    writers.into_iter().for_each(|writer| writer.join().unwrap());
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 80);
    for (index, (id, change)) in seen.iter().enumerate() {
        let index = index as u64;
        assert_eq!(*id, index + 2);
        let kind =
            ChangeKind::Modified { old: Value::Uint64(index), new: Value::Uint64(index + 1) };
        assert_eq!(change.as_ref().unwrap().kind, kind);
    }
}

#[test]
fn operational_writers_do_not_wait_for_queues() {
    let cdb = cdb();
    let changes = cdb.subscribe(Datastore::Operational, point("/").priority(9));
    cdb.write(Datastore::Operational, |tx| tx.set_text("/up", "1")).unwrap();
    cdb.write(Datastore::Operational, |tx| tx.set_text("/up", "2")).unwrap();
    assert_eq!(lines(&changes.next().unwrap().diff), ["+ /up = 1"]);
    assert_eq!(lines(&changes.next().unwrap().diff), ["~ /up: 1 -> 2"]);
}

#[test]
fn closing_ends_subscriptions() {
    let cdb = cdb();
    let changes = cdb.subscribe(Datastore::Config, point("/"));
    cdb.close().unwrap();
    assert!(changes.next().is_none());
}

#[test]
fn dropping_the_last_handle_ends_subscriptions() {
    let cdb = cdb();
    let changes = cdb.subscribe(Datastore::Operational, point("/"));
    cdb.write(Datastore::Operational, |tx| tx.set_text("/up", "1")).unwrap();
    drop(cdb);
    assert!(changes.next().is_none());
}

/// Symptom: a two-phase subscriber was asked to prepare a transaction before it was told that the one before is committed.
/// Cause: the turn was given back before delivery. Fix: it is held until the subscribers are told.
#[test]
fn a_two_phase_subscriber_is_told_of_a_commit_before_it_is_asked_about_the_next() {
    struct Recorder(Notes);
    impl TwoPhase for Recorder {
        fn prepare(&self, notification: &Notification) -> Result<(), String> {
            note(&self.0, format!("prepare {}", notification.diff.changes()[0].path));
            Ok(())
        }
        fn commit(&self, notification: &Notification) {
            note(&self.0, format!("commit {}", notification.diff.changes()[0].path));
        }
        fn abort(&self, _: &Notification) {
            note(&self.0, "abort");
        }
    }
    let cdb = cdb();
    let notes = Notes::default();
    let recorder = Recorder(notes.clone());
    let _two_phase = cdb.subscribe_two_phase(Datastore::Config, point("/").priority(10), recorder);
    let (writer, seen, other) = (cdb.clone(), notes.clone(), Arc::new(Mutex::new(None)));
    let spawned = other.clone();
    let _first = cdb.subscribe_callback(Datastore::Config, point("/a").priority(1), move |_| {
        let writer = writer.clone();
        *spawned.lock().unwrap() = Some(thread::spawn(move || set(&writer, &[("/b", "1")])));
        // Enough time for the other one to go wrong; it has none to go right.
        for _ in 0..10_000 {
            if seen.lock().unwrap().len() > 1 {
                break;
            }
            thread::yield_now();
        }
    });
    set(&cdb, &[("/a", "1")]);
    let other = other.lock().unwrap().take().unwrap();
    other.join().unwrap();
    assert_eq!(*notes.lock().unwrap(), ["prepare /a", "commit /a", "prepare /b", "commit /b"]);
}

/// Symptom: a callback that panicked took the committer with it: the transaction was durable, but the subscribers after it
/// were never told and one that had prepared waited for ever. Fix: a panic is the subscriber's alone.
#[test]
fn a_callback_that_panics_harms_neither_the_committer_nor_other_subscribers() {
    struct Recorder(Notes, bool);
    impl TwoPhase for Recorder {
        fn prepare(&self, _: &Notification) -> Result<(), String> {
            assert!(!self.1, "planted");
            note(&self.0, "prepare");
            Ok(())
        }
        fn commit(&self, _: &Notification) {
            note(&self.0, "commit");
        }
        fn abort(&self, _: &Notification) {
            note(&self.0, "abort");
        }
    }
    let cdb = cdb();
    let notes = Notes::default();
    let _panics =
        cdb.subscribe_callback(Datastore::Config, point("/").priority(-1), |_| panic!("planted"));
    let recorder = Recorder(notes.clone(), false);
    let _told = cdb.subscribe_two_phase(Datastore::Config, point("/").priority(1), recorder);
    set(&cdb, &[("/a", "1")]);
    assert_eq!(*notes.lock().unwrap(), ["prepare", "commit"]);
    notes.lock().unwrap().clear();
    let recorder = Recorder(notes.clone(), true);
    let late = point("/").priority(2).named("late");
    let _panics_too = cdb.subscribe_two_phase(Datastore::Config, late, recorder);
    let refused = cdb.write(Datastore::Config, |tx| tx.set_text("/a", "2")).unwrap_err();
    assert_eq!(refused.to_string(), "refused by late: it panicked");
    assert_eq!(*notes.lock().unwrap(), ["prepare", "abort"]);
}
