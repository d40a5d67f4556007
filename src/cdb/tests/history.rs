use std::sync::Arc;

use super::*;
use crate::cdb::*;
use crate::clock::ManualClock;
use crate::journal::CompactionControl;
use crate::vfs::mem::MemVfs;

fn by(user: &str, comment: &str) -> Author {
    Author { user: Some(user.into()), comment: Some(comment.into()) }
}

#[test]
fn the_log_says_who_when_why_and_how_much() {
    let clock = Arc::new(ManualClock::starting_at(1_000));
    let options = Cdb::options().vfs(MemVfs::new().shared()).clock(clock.clone());
    let cdb = options.open("/db").unwrap();
    set(&cdb, &[("/a", "1"), ("/b", "2")]);
    clock.advance(std::time::Duration::from_secs(1));
    let mut tx = cdb.begin_write(Datastore::Config).unwrap();
    tx.set_user("alice");
    tx.set_comment("less");
    tx.delete("/b").unwrap();
    tx.commit().unwrap();
    let log = cdb.log(Datastore::Config, 10).unwrap();
    let rows: Vec<_> = log
        .iter()
        .map(|e| {
            (
                e.transaction_id.get(),
                e.wall_micros,
                e.user.as_deref(),
                e.nodes_touched,
                e.node_delta,
            )
        })
        .collect();
    assert_eq!(rows, [(2, 1_001_000, Some("alice"), 1, -1), (1, 1_000, None, 2, 2)]);
    assert_eq!(log[0].comment.as_deref(), Some("less"));
    assert!(log.iter().all(|entry| entry.size_bytes > 0));
    assert_eq!(cdb.log(Datastore::Config, 1).unwrap(), log[..1]);
    assert!(cdb.log(Datastore::Config, 0).unwrap().is_empty());
}

#[test]
fn any_two_states_of_the_tail_can_be_compared() {
    let cdb = cdb();
    set(&cdb, &[("/a", "1")]);
    set(&cdb, &[("/a", "2"), ("/l{x}/y", "1")]);
    cdb.write(Datastore::Config, |tx| tx.delete("/l")).unwrap();
    let diff = |a, b| {
        let id = TransactionId::new;
        lines(&cdb.diff_transactions(Datastore::Config, id(a), id(b)).unwrap())
    };
    assert_eq!(diff(1, 2), ["~ /a: 1 -> 2", "+ /l{x}", "+ /l{x}/y = 1"]);
    assert_eq!(diff(2, 1), ["~ /a: 2 -> 1", "- /l{x}", "- /l{x}/y = 1"]);
    assert_eq!(diff(1, 3), ["~ /a: 1 -> 2"]);
    assert_eq!(diff(0, 1), ["+ /a = 1"]);
    assert!(diff(2, 2).is_empty());
    let view = cdb.view_at(Datastore::Config, TransactionId::new(2)).unwrap();
    assert!(view.exists("/l{x}").unwrap());
}

#[test]
fn rollback_makes_it_what_it_was_as_a_new_transaction() {
    let cdb = cdb();
    let info = ListInfo::with_keys(["name"]).ordered_by_user();
    cdb.write(Datastore::Config, |tx| {
        tx.declare_list("/o", &info)?;
        tx.set_text("/o{b}/v", "1")?;
        tx.set_text("/o{a}/v", "2")?;
        tx.set_text("/keep/x", "1")
    })
    .unwrap();
    let then = config(&cdb).get_object("/").unwrap();
    cdb.write(Datastore::Config, |tx| {
        tx.delete("/o{b}")?;
        tx.set_text("/o{c}/v", "3")?;
        tx.set_text("/new{1}/x", "4")?;
        tx.set_text("/keep/x", "9")
    })
    .unwrap();
    cdb.write(Datastore::Config, |tx| tx.move_entry("/o{a}", MoveTo::Last)).unwrap();
    let commit =
        cdb.rollback(Datastore::Config, TransactionId::new(1), &by("bob", "oops")).unwrap();
    assert_eq!(commit.transaction_id.get(), 4);
    assert_eq!(config(&cdb).get_object("/").unwrap(), then);
    assert_eq!(cdb.log(Datastore::Config, 1).unwrap()[0].user.as_deref(), Some("bob"));
    check(&cdb, Datastore::Config);
}

#[test]
fn what_a_compaction_has_dropped_is_said_to_be_gone() {
    let cdb = cdb();
    set(&cdb, &[("/a", "1")]);
    set(&cdb, &[("/a", "2")]);
    let store = cdb.store(Datastore::Config);
    store.compact(&Default::default(), &CompactionControl::new()).unwrap();
    let error =
        cdb.rollback(Datastore::Config, TransactionId::new(1), &Author::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "transaction 1 is no longer in the tail, which begins after 2; named snapshots outlive compactions"
    );
    assert!(cdb.log(Datastore::Config, 5).unwrap().is_empty());
    let later = cdb.rollback(Datastore::Config, TransactionId::new(9), &Author::default());
    assert!(matches!(later.unwrap_err(), HistoryError::Journal(_)));
}

#[test]
fn everything_is_there_after_a_restart_and_after_a_compaction() {
    let vfs = MemVfs::new().shared();
    let open = || Cdb::options().vfs(vfs.clone()).open("/db").unwrap();
    let cdb = open();
    cdb.write(Datastore::Config, |tx| {
        tx.declare_list("/l", &"id:uint16".parse().unwrap())?;
        tx.set("/l{10}/v", Value::Boolean(true))?;
        tx.set("/l{9}/v", Value::Binary(vec![0, 1, 2]))?;
        tx.create("/p")
    })
    .unwrap();
    let object = config(&cdb).get_object("/").unwrap();
    drop(cdb);
    let cdb = open();
    assert_eq!(config(&cdb).get_object("/").unwrap(), object);
    check(&cdb, Datastore::Config);
    let control = CompactionControl::new();
    cdb.store(Datastore::Config).compact(&Default::default(), &control).unwrap();
    set(&cdb, &[("/l{11}/v", "x")]);
    cdb.write(Datastore::Config, |tx| tx.delete("/l{9}")).unwrap();
    drop(cdb);
    let cdb = open();
    assert_eq!(children(&config(&cdb), "/l"), ["/l{10}", "/l{11}"]);
    assert_eq!(cdb.node_count(Datastore::Config), 5);
    assert_eq!(cdb.node_count_at_compaction(Datastore::Config).unwrap(), 5);
    check(&cdb, Datastore::Config);
}

#[test]
fn a_read_only_database_reads_and_refuses_writes() {
    let vfs = MemVfs::new().shared();
    let cdb = Cdb::options().vfs(vfs.clone()).open("/db").unwrap();
    set(&cdb, &[("/a", "1")]);
    cdb.close().unwrap();
    drop(cdb);
    let cdb = Cdb::options().vfs(vfs).read_only().open("/db").unwrap();
    assert_eq!(text(&config(&cdb), "/a").unwrap(), "1");
    let error = cdb.write(Datastore::Config, |tx| tx.set_text("/a", "2")).unwrap_err();
    assert!(
        matches!(error, CommitError::Journal(crate::journal::CommitError::ReadOnly)),
        "{error}"
    );
}
