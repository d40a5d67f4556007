use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use super::*;
use crate::cdb::*;
use crate::journal::Durability;

#[test]
fn a_transaction_sees_its_own_changes_and_nobody_else_does() {
    let cdb = cdb();
    let mut tx = cdb.begin_write(Datastore::Config).unwrap();
    tx.set_text("/a", "1").unwrap();
    assert_eq!(tx.get("/a").unwrap().unwrap().to_string(), "1");
    assert_eq!(text(&config(&cdb), "/a"), None);
    tx.abort();
    assert_eq!(cdb.transaction_id(Datastore::Config).get(), 0);
    assert_eq!(cdb.node_count(Datastore::Config), 0);
}

#[test]
fn changing_nothing_leaves_no_record() {
    let cdb = cdb();
    set(&cdb, &[("/a", "1")]);
    let ((), commit) = cdb.write(Datastore::Config, |tx| tx.set_text("/a", "1")).unwrap();
    assert!(!commit.changed);
    assert_eq!(commit.transaction_id.get(), 1);
    assert_eq!(cdb.transaction_id(Datastore::Config).get(), 1);
}

#[test]
fn a_diff_names_what_is_new_gone_and_different() {
    let cdb = cdb();
    set(&cdb, &[("/a/x", "1"), ("/a/y", "2"), ("/l{k}/v", "3"), ("/l{m}/v", "4")]);
    let mut tx = cdb.begin_write(Datastore::Config).unwrap();
    tx.set_text("/a/x", "9").unwrap();
    tx.set_text("/a/y", "8").unwrap();
    tx.set_text("/a/y", "2").unwrap();
    tx.delete("/l{k}").unwrap();
    tx.set_text("/l{n}/v", "5").unwrap();
    tx.set_text("/z", "1").unwrap();
    tx.delete("/z").unwrap();
    assert_eq!(
        lines(&tx.diff().unwrap()),
        ["~ /a/x: 1 -> 9", "- /l{k}", "- /l{k}/v = 3", "+ /l{n}", "+ /l{n}/v = 5"]
    );
    let commit = tx.commit().unwrap();
    assert_eq!(commit.node_delta, 0);
    check(&cdb, Datastore::Config);
}

#[test]
fn a_conflict_names_the_path() {
    let cdb = cdb();
    set(&cdb, &[("/device{ce0}/port", "1"), ("/device{ce0}/other", "1")]);
    let mut tx = cdb.begin_write(Datastore::Config).unwrap();
    tx.get("/device{ce0}/port").unwrap();
    tx.set_text("/copy", "1").unwrap();
    set(&cdb, &[("/device{ce0}/port", "2")]);
    let error = tx.commit().unwrap_err();
    assert!(error.is_retriable());
    assert_eq!(
        error.to_string(),
        "/device{ce0}/port was changed by transaction 2 meanwhile; run the transaction again"
    );
    assert_eq!(text(&config(&cdb), "/copy"), None);
}

#[test]
fn transactions_that_touch_different_nodes_do_not_conflict() {
    let cdb = cdb();
    set(&cdb, &[("/device{ce0}/port", "1"), ("/device{ce0}/other", "1")]);
    let mut a = cdb.begin_write(Datastore::Config).unwrap();
    let mut b = cdb.begin_write(Datastore::Config).unwrap();
    a.set_text("/device{ce0}/port", "2").unwrap();
    b.set_text("/device{ce0}/other", "2").unwrap();
    b.set_text("/device{ce1}/other", "2").unwrap();
    b.set_text("/device{aa}/other", "2").unwrap();
    b.commit().unwrap();
    a.commit().unwrap();
    check(&cdb, Datastore::Config);
}

#[test]
fn what_would_break_the_tree_conflicts() {
    type Step = fn(&mut WriteTransaction) -> Result<(), Error>;
    let cases: [(Step, Step); 5] = [
        (|tx| tx.delete("/l{k}"), |tx| tx.set_text("/l{k}/new", "1")),
        (|tx| tx.set_text("/l{k}/new", "1"), |tx| tx.delete("/l{k}")),
        (|tx| tx.set_text("/l{k}/v", "2"), |tx| tx.set_text("/l{k}/v", "3")),
        (|tx| tx.set_text("/new", "2"), |tx| tx.set_text("/new/inner", "3")),
        (|tx| tx.create("/o{a}"), |tx| tx.create("/o{b}")),
    ];
    for (index, (first, second)) in cases.into_iter().enumerate() {
        let cdb = cdb();
        set(&cdb, &[("/l{k}/v", "1")]);
        let info = ListInfo::with_keys(["name"]).ordered_by_user();
        cdb.write(Datastore::Config, |tx| tx.declare_list("/o", &info)).unwrap();
        let mut a = cdb.begin_write(Datastore::Config).unwrap();
        let mut b = cdb.begin_write(Datastore::Config).unwrap();
        first(&mut a).unwrap();
        second(&mut b).unwrap();
        a.commit().unwrap();
        assert!(b.commit().unwrap_err().is_retriable(), "case {index}");
        check(&cdb, Datastore::Config);
    }
}

#[test]
fn concurrent_counters_lose_nothing_and_the_node_count_is_exact() {
    let cdb = cdb();
    cdb.write(Datastore::Config, |tx| tx.set("/total", Value::Uint64(0))).unwrap();
    let threads: Vec<_> = (0..4)
        .map(|worker| {
            let cdb = cdb.clone();
            thread::spawn(move || {
                for round in 0..25_u64 {
                    let run = || {
                        cdb.write(Datastore::Config, |tx| {
                            let Some(Value::Uint64(total)) = tx.get("/total")? else { panic!() };
                            tx.set("/total", Value::Uint64(total + 1))?;
                            tx.set(
                                &*format!("/w{{{worker}}}/r{{{}}}/n", round % 7),
                                Value::Uint64(round),
                            )?;
                            tx.remove(&*format!("/w{{{worker}}}/r{{{}}}", (round + 3) % 7))
                                .map(|_| ())
                        })
                    };
                    while let Err(error) = run() {
                        assert!(matches!(error, CommitError::TooManyAttempts { .. }), "{error}");
                    }
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!(config(&cdb).get("/total").unwrap(), Some(Value::Uint64(100)));
    assert_eq!(cdb.transaction_id(Datastore::Config).get(), 101);
    check(&cdb, Datastore::Config);
}

#[test]
fn retries_end() {
    let cdb = cdb();
    let tries = AtomicU64::new(0);
    let error = cdb
        .write(Datastore::Config, |tx| {
            let turn = tries.fetch_add(1, Ordering::Relaxed);
            tx.get("/a")?;
            set(&cdb, &[("/a", &turn.to_string())]);
            tx.set_text("/b", "1")
        })
        .unwrap_err();
    assert!(matches!(error, CommitError::TooManyAttempts { attempts: MAX_ATTEMPTS, .. }));
    assert_eq!(tries.load(Ordering::Relaxed), u64::from(MAX_ATTEMPTS));
}

#[test]
fn a_validator_sees_the_state_to_be_and_may_refuse_it() {
    let cdb = cdb();
    cdb.add_validator(Datastore::Config, |view, diff| {
        assert!(!diff.is_empty());
        match view.get("/mtu").unwrap() {
            Some(Value::Uint16(mtu)) if mtu < 576 => Err(format!("/mtu: {mtu} is under 576")),
            _ => Ok(()),
        }
    });
    let set = |mtu: u16| cdb.write(Datastore::Config, |tx| tx.set("/mtu", mtu));
    set(1500).unwrap();
    assert_eq!(set(100).unwrap_err().to_string(), "refused: /mtu: 100 is under 576");
    assert_eq!(config(&cdb).get("/mtu").unwrap(), Some(Value::Uint16(1500)));
}

#[test]
fn the_commit_hook_is_told_of_every_change() {
    let cdb = cdb();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let notes = seen.clone();
    cdb.set_commit_hook(
        Datastore::Config,
        Some(Arc::new(move |summary: &CommitSummary| {
            let id = summary.commit.transaction_id.get();
            notes.lock().unwrap().push((id, summary.node_count, summary.stats.entries));
        })),
    );
    set(&cdb, &[("/a", "1")]);
    set(&cdb, &[("/a", "1")]);
    set(&cdb, &[("/b", "1")]);
    cdb.write(Datastore::Operational, |tx| tx.set_text("/o", "1")).unwrap();
    assert_eq!(*seen.lock().unwrap(), [(1, 1, 1), (2, 2, 2)]);
}

#[test]
fn operational_writes_may_be_buffered() {
    let cdb = cdb();
    let mut tx = cdb.begin_write(Datastore::Operational).unwrap();
    tx.set_durability(Durability::Buffered);
    tx.set_text("/up", "true").unwrap();
    tx.commit().unwrap();
    cdb.sync(Datastore::Operational).unwrap();
    let view = cdb.begin_read(Datastore::Operational);
    assert_eq!(text(&view, "/up").unwrap(), "true");
}

#[test]
fn a_validator_below_a_path_sees_what_changes_there_and_nothing_else() {
    let cdb = Cdb::in_memory().unwrap();
    let seen: Arc<Mutex<Vec<Vec<String>>>> = Arc::default();
    let noted = seen.clone();
    cdb.add_validator_below(Datastore::Config, &"/a".parse().unwrap(), move |_, diff| {
        noted.lock().unwrap().push(diff.iter().map(|change| change.path.to_string()).collect());
        Ok(())
    });
    let told = Arc::new(Mutex::new(0));
    let counted = told.clone();
    let point = SubscriptionPoint::new("/c/list{*}/leaf").unwrap();
    let _subscription = cdb.subscribe_callback(Datastore::Config, point, move |_| {
        *counted.lock().unwrap() += 1;
    });
    let write = |paths: &[&str]| {
        let write =
            |tx: &mut WriteTransaction| paths.iter().try_for_each(|path| tx.set(*path, 1_u8));
        cdb.write(Datastore::Config, write).unwrap();
    };
    write(&["/b/x", "/ab", "/c/other"]);
    write(&["/a/x", "/b/y"]);
    write(&["/c/list{1}/leaf"]);
    cdb.write(Datastore::Config, |tx| tx.delete("/")).unwrap();
    // A diff holds what some hook or subscriber looks at: the second transaction's /b/y is not in it.
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[0], ["/a/x"]);
    assert!(seen[1].contains(&"/a/x".to_owned()) && !seen[1].contains(&"/b/x".to_owned()));
    assert_eq!(*told.lock().unwrap(), 2);
}

#[test]
fn a_leaf_keeps_its_type_whatever_a_program_sets() {
    let cdb = cdb();
    let set = |value: Value| cdb.write(Datastore::Config, |tx| tx.set("/port", value.clone()));
    let get = || config(&cdb).get("/port").unwrap();
    set(Value::Uint16(830)).unwrap();
    set(Value::String("22".into())).unwrap();
    assert_eq!(get(), Some(Value::Uint16(22)));
    set(Value::Int64(80)).unwrap();
    assert_eq!(get(), Some(Value::Uint16(80)));
    for wrong in [Value::String("eighty".into()), Value::Int64(-1), Value::Uint64(65_536)] {
        let refused = set(wrong.clone()).unwrap_err().to_string();
        assert!(refused.contains("/port") && refused.contains("uint16"), "{wrong:?}: {refused}");
        assert_eq!(get(), Some(Value::Uint16(80)));
    }
    let retyped = |tx: &mut WriteTransaction| tx.set_typed("/port", ValueType::String, "http");
    cdb.write(Datastore::Config, retyped).unwrap();
    assert_eq!(get(), Some(Value::String("http".into())));
}
