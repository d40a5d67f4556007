//! What transactions that run side by side must not do to each other.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::*;
use crate::cdb::*;

/// Runs `change` once in a transaction of another thread, after the next transaction was made and before it is committed.
fn meanwhile(
    cdb: &Cdb,
    change: impl Fn(&mut WriteTransaction) -> Result<(), Error> + Send + Sync + 'static,
) {
    let (writer, done) = (cdb.clone(), AtomicBool::new(false));
    cdb.add_validator(Datastore::Config, move |_, _| {
        if !done.swap(true, Ordering::SeqCst) {
            thread::scope(|scope| {
                let other = scope.spawn(|| writer.write(Datastore::Config, &change).map(drop));
                other.join().unwrap().unwrap();
            });
        }
        Ok(())
    });
}

/// Every leaf of an entry has its entry: what `save` writes and loads again is the same.
fn loads_again(cdb: &Cdb) {
    check(cdb, Datastore::Config);
    let mut saved = Vec::new();
    let options = SaveOptions { types: true, ..SaveOptions::new(Format::Json) };
    config(cdb).save("/", options, &mut saved).unwrap();
    let copy = super::cdb();
    let source = BytesSource::new("saved.json", &saved);
    copy.load(Datastore::Config, &source, &LoadOptions::default(), &Author::default()).unwrap();
    assert_eq!(
        config(&copy).get_object("/").unwrap(),
        config(cdb).get_object("/").unwrap(),
        "{}",
        String::from_utf8_lossy(&saved)
    );
}

/// Symptom: a leaf stood directly in a list. Cause: making an entry marked the list's address as looked at, and a leaf
/// below the same address passed for one in a container. Fix: the mark says for what it was looked at.
#[test]
fn a_leaf_cannot_be_put_into_a_list_beside_an_entry_of_the_same_transaction() {
    let cdb = cdb();
    let mut tx = cdb.begin_write(Datastore::Config).unwrap();
    tx.create("/l{a}").unwrap();
    let refused = tx.set_text("/l/x", "1");
    assert!(matches!(refused, Err(Error::WrongKind { .. })), "{refused:?}");
    tx.commit().unwrap();
    assert_eq!(children(&config(&cdb), "/l"), ["/l{a}"]);
}

/// The other way round.
#[test]
fn an_entry_cannot_be_put_into_a_container_beside_a_leaf_of_the_same_transaction() {
    let cdb = cdb();
    let mut tx = cdb.begin_write(Datastore::Config).unwrap();
    tx.set_text("/l/x", "1").unwrap();
    tx.create("/l{a}").unwrap_err();
    tx.delete("/l").unwrap();
    tx.create("/l{a}").unwrap();
    tx.commit().unwrap();
    assert_eq!(children(&config(&cdb), "/l"), ["/l{a}"]);
}

/// Symptom: after a rollback a leaf was left in an entry that was gone. Cause: a rollback was checked against changes of the
/// nodes it wrote only, so a leaf that was set below one of them meanwhile went unseen. Fix: it depends on everything.
#[test]
fn a_rollback_does_not_leave_what_others_put_below_what_it_removes() {
    let cdb = cdb();
    set(&cdb, &[("/a", "1")]);
    cdb.write(Datastore::Config, |tx| tx.create("/l{x}")).unwrap();
    meanwhile(&cdb, |tx| tx.set_text("/l{x}/leaf", "1"));
    cdb.rollback(Datastore::Config, TransactionId::new(1), &Author::default()).unwrap();
    assert_eq!(children(&config(&cdb), "/"), ["/a"]);
    loads_again(&cdb);
}

/// The same for restoring a snapshot.
#[test]
fn a_restore_does_not_leave_what_others_put_below_what_it_removes() {
    let cdb = cdb();
    set(&cdb, &[("/c/a", "1")]);
    cdb.take_snapshot("s", "/c", &Author::default()).unwrap();
    cdb.write(Datastore::Config, |tx| tx.create("/c/l{x}")).unwrap();
    meanwhile(&cdb, |tx| tx.set_text("/c/l{x}/leaf", "1"));
    cdb.restore_snapshot("s", &Author::default()).unwrap();
    assert_eq!(children(&config(&cdb), "/c"), ["/c/a"]);
    loads_again(&cdb);
}

/// Symptom: attributes of nodes that are gone came back with the next node of that name. Cause: attributes were neither
/// noted when set nor when their node was deleted. Fix: both are.
#[test]
fn an_attribute_is_not_left_behind_by_a_delete_beside_it() {
    let cdb = cdb();
    let load = |tx: &mut WriteTransaction, text: &str| {
        let source = BytesSource::new("a.xml", text.as_bytes());
        tx.load(&source, &LoadOptions { format: Some(Format::Xml), ..LoadOptions::default() })
            .map(drop)
            .unwrap();
    };
    set(&cdb, &[("/c/a", "1")]);
    let mut delete = cdb.begin_write(Datastore::Config).unwrap();
    delete.delete("/c").unwrap();
    let mut tag = cdb.begin_write(Datastore::Config).unwrap();
    load(&mut tag, "<c xmlns=\"urn:c\"><a>1</a></c>");
    tag.commit().unwrap();
    assert!(delete.commit().unwrap_err().is_retriable());
    let mut one = cdb.begin_write(Datastore::Config).unwrap();
    let mut other = cdb.begin_write(Datastore::Config).unwrap();
    load(&mut one, "<c xmlns=\"urn:1\"><a>1</a></c>");
    load(&mut other, "<c xmlns=\"urn:2\"><a>1</a></c>");
    one.commit().unwrap();
    assert!(other.commit().unwrap_err().is_retriable());
}
