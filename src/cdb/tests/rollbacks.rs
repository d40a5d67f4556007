//! The last transactions of the configuration can be listed, compared and undone across compactions.

use std::path::Path as FilePath;

use proptest::prelude::*;

use super::super::{
    Author, Cdb, CdbOptions, Datastore, HistoryError, Object, Path, ROLLBACK_FILE, RollbackLimits,
    RunOptions, TransactionId,
};
use super::check;
use crate::vfs::Vfs;
use crate::vfs::mem::MemVfs;

fn options(vfs: &MemVfs, limits: RollbackLimits) -> CdbOptions {
    Cdb::options().vfs(vfs.shared()).rollbacks(limits)
}

fn limits(transactions: usize) -> RollbackLimits {
    RollbackLimits { transactions, ..RollbackLimits::default() }
}

fn set(cdb: &Cdb, path: &str, value: &str) -> TransactionId {
    cdb.write(Datastore::Config, |tx| tx.set_text(path, value)).unwrap().1.transaction_id
}

fn number(sequence: u64) -> usize {
    usize::try_from(sequence).unwrap()
}

fn compact(cdb: &Cdb) {
    cdb.compactions().run(Datastore::Config, RunOptions::default()).unwrap();
}

fn tree(cdb: &Cdb) -> Option<Object> {
    cdb.begin_read(Datastore::Config).get_object(Path::root()).unwrap()
}

fn logged(cdb: &Cdb) -> Vec<u64> {
    let log = cdb.log(Datastore::Config, 1000).unwrap();
    log.iter().map(|entry| entry.transaction_id.get()).collect()
}

#[derive(Clone, Debug)]
enum Step {
    Set { entry: u8, leaf: u8, value: u8 },
    Delete { entry: u8 },
    DeleteAll,
    Compact,
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..4_u8, 0..3_u8, any::<u8>()).prop_map(|(entry, leaf, value)| Step::Set { entry, leaf, value }),
        2 => (0..4_u8).prop_map(|entry| Step::Delete { entry }),
        1 => Just(Step::DeleteAll),
        3 => Just(Step::Compact),
        1 => Just(Step::Reopen),
    ]
}

fn apply(cdb: &Cdb, step: &Step) {
    match step {
        Step::Set { entry, leaf, value } => {
            let value = if leaf % 2 == 0 { format!("{value}") } else { "x".repeat(200) };
            set(cdb, &format!("/list{{e{entry}}}/leaf{leaf}"), &value);
        }
        Step::Delete { entry } => {
            let path = format!("/list{{e{entry}}}");
            cdb.write(Datastore::Config, |tx| tx.remove(path.as_str())).unwrap();
        }
        Step::DeleteAll => drop(cdb.write(Datastore::Config, |tx| tx.remove("/list")).unwrap()),
        Step::Compact => compact(cdb),
        Step::Reopen => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_state_of_the_log_is_what_it_was(steps in prop::collection::vec(step(), 1..40)) {
        let vfs = MemVfs::new();
        let mut cdb = options(&vfs, limits(6)).open("/d").unwrap();
        let mut states = vec![tree(&cdb)];
        for step in &steps {
            if matches!(step, Step::Reopen) {
                drop(cdb);
                cdb = options(&vfs, limits(6)).open("/d").unwrap();
            }
            apply(&cdb, step);
            if number(cdb.transaction_id(Datastore::Config).get()) == states.len() {
                states.push(tree(&cdb));
            }
        }
        let last = states.len() - 1;
        let log = logged(&cdb);
        prop_assert!(log.len() >= last.min(6), "{log:?} of {last}");
        for (at, sequence) in log.iter().enumerate() {
            prop_assert_eq!(number(*sequence), last - at);
            let before = TransactionId::new(sequence - 1);
            let then = cdb.view_at(Datastore::Config, before).unwrap();
            prop_assert_eq!(&then.get_object(Path::root()).unwrap(), &states[last - at - 1]);
        }
        let Some(oldest) = log.last() else { return Ok(()) };
        let to = TransactionId::new(oldest - 1);
        cdb.rollback(Datastore::Config, to, &Author::default()).unwrap();
        prop_assert_eq!(&tree(&cdb), &states[number(*oldest) - 1]);
        check(&cdb, Datastore::Config);
    }
}

#[test]
fn the_log_keeps_who_wrote_what_through_a_compaction() {
    let cdb = Cdb::in_memory().unwrap();
    let write = |tx: &mut super::super::WriteTransaction| {
        tx.set_user("alice");
        tx.set_comment("the first");
        tx.set_text("/a", "1")
    };
    cdb.write(Datastore::Config, write).unwrap();
    let before = cdb.log(Datastore::Config, 10).unwrap();
    compact(&cdb);
    assert_eq!(cdb.log(Datastore::Config, 10).unwrap(), before);
    set(&cdb, "/a", "2");
    compact(&cdb);
    let log = cdb.log(Datastore::Config, 10).unwrap();
    assert_eq!((log.len(), log[1].user.as_deref()), (2, Some("alice")));
}

#[test]
fn a_diff_reaches_over_a_compaction() {
    let cdb = Cdb::in_memory().unwrap();
    let first = set(&cdb, "/a", "1");
    set(&cdb, "/b", "1");
    compact(&cdb);
    let last = set(&cdb, "/a", "3");
    let diff = cdb.diff_transactions(Datastore::Config, first, last).unwrap();
    let paths: Vec<_> = diff.iter().map(|change| change.path.to_string()).collect();
    assert_eq!(paths, ["/a", "/b"]);
    let back = cdb.diff_transactions(Datastore::Config, last, first).unwrap();
    assert_eq!(back.len(), 2);
}

#[test]
fn no_more_transactions_and_bytes_are_kept_than_is_set() {
    let vfs = MemVfs::new();
    let cdb = options(&vfs, limits(3)).open("/d").unwrap();
    for n in 0..10 {
        set(&cdb, "/a", &n.to_string());
    }
    compact(&cdb);
    assert_eq!(logged(&cdb), [10, 9, 8]);
    let error = cdb.rollback(Datastore::Config, TransactionId::new(6), &Author::default());
    assert!(matches!(error.unwrap_err(), HistoryError::Gone(_)));
    cdb.set_rollback_limits(RollbackLimits { transactions: 100, bytes: 3000 });
    let large = "x".repeat(1000);
    for n in 0..10 {
        set(&cdb, "/large", &format!("{large}{n}"));
    }
    compact(&cdb);
    let back = |to| cdb.view_at(Datastore::Config, TransactionId::new(to));
    assert!(back(18).is_ok() && matches!(back(12).unwrap_err(), HistoryError::Gone(_)));
    let file = vfs.bytes(&FilePath::new("/d").join(ROLLBACK_FILE)).unwrap();
    assert!(file.len() < 200_000, "{}", file.len());
    cdb.set_rollback_limits(limits(0));
    set(&cdb, "/a", "last");
    compact(&cdb);
    assert_eq!(logged(&cdb), [] as [u64; 0]);
}

#[test]
fn the_history_of_another_database_is_not_taken_for_this_one() {
    let vfs = MemVfs::new();
    {
        let cdb = options(&vfs, limits(35)).open("/d").unwrap();
        for n in 0..5 {
            set(&cdb, "/a", &n.to_string());
        }
        compact(&cdb);
    }
    vfs.remove(FilePath::new("/d/A.cdb")).unwrap();
    let cdb = options(&vfs, limits(35)).open("/d").unwrap();
    set(&cdb, "/other", "1");
    assert_eq!(logged(&cdb), [1]);
    compact(&cdb);
    assert_eq!(logged(&cdb), [1]);
    cdb.rollback(Datastore::Config, TransactionId::ZERO, &Author::default()).unwrap();
    assert_eq!(
        tree(&cdb),
        cdb.view_at(Datastore::Config, TransactionId::ZERO)
            .unwrap()
            .get_object(Path::root())
            .unwrap()
    );
    assert!(!cdb.begin_read(Datastore::Config).exists("/other").unwrap());
}

#[test]
fn a_history_that_cannot_be_written_does_not_keep_a_compaction_from_ending() {
    let vfs = MemVfs::new();
    let cdb = options(&vfs, limits(35)).open("/d").unwrap();
    set(&cdb, "/a", "1");
    vfs.put(
        &FilePath::new("/d").join(ROLLBACK_FILE),
        b"no journal at all, but something else".to_vec(),
    );
    compact(&cdb);
    assert_eq!(cdb.compactions().info(Datastore::Config).growth.transactions, 0);
    assert!(cdb.log(Datastore::Config, 5).is_err());
}
