use std::future::Future;
use std::sync::mpsc;

use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinHandle, yield_now};

use super::*;
use crate::cdb::{
    Author, Cdb, Commit, CommitError, CompactionEvent, Datastore, Error, HistoryError,
    SubscriptionPoint, TransactionId,
};

/// Runs a test on one thread, and on several.
fn on_each<F: Future<Output = ()>>(test: impl Fn(AsyncCdb) -> F) {
    for mut builder in [Builder::new_current_thread(), Builder::new_multi_thread()] {
        builder.worker_threads(2).build().unwrap().block_on(test(cdb()));
    }
}

/// One thread for tasks and one for blocking work, which so is done in order.
fn narrow() -> Runtime {
    Builder::new_current_thread().max_blocking_threads(1).build().unwrap()
}

fn cdb() -> AsyncCdb {
    AsyncCdb::new(Cdb::in_memory().unwrap())
}

fn point(path: &str) -> SubscriptionPoint {
    SubscriptionPoint::new(path).unwrap()
}

fn spawn_set(
    cdb: &AsyncCdb,
    id: Datastore,
    path: &'static str,
) -> JoinHandle<Result<((), Commit), CommitError>> {
    let cdb = cdb.clone();
    tokio::spawn(async move { cdb.write(id, move |tx| tx.set_text(path, "1")).await })
}

fn exists(cdb: &AsyncCdb, path: &str) -> bool {
    cdb.begin_read(Datastore::Config).exists(path).unwrap()
}

/// Gives every task that can go on the chance to.
async fn settle() {
    for _ in 0..100 {
        yield_now().await;
    }
}

#[test]
fn what_is_written_is_read() {
    on_each(|cdb| async move {
        let (old, commit) = cdb
            .write(Datastore::Config, |tx| {
                tx.set("/mtu", 1500_u16)?;
                tx.get("/name")
            })
            .await
            .unwrap();
        assert_eq!((old, commit.transaction_id.get()), (None, 1));
        let mut tx = cdb.begin_write(Datastore::Config).unwrap();
        tx.set_text("/name", "ce0").unwrap();
        yield_now().await;
        assert_eq!(cdb.commit(tx).await.unwrap().transaction_id.get(), 2);
        let mtu = cdb.read(Datastore::Config, |view| view.get("/mtu")).await.unwrap();
        assert_eq!(mtu, Some(1500_u16.into()));
        assert!(exists(&cdb, "/name"));
    });
}

#[test]
fn a_refused_write_leaves_nothing_and_a_conflict_is_tried_again() {
    on_each(|cdb| async move {
        let refused = cdb
            .write(Datastore::Config, |tx| {
                tx.set_text("/a", "1")?;
                Err::<(), _>(Error::Refused { reason: "no".into() })
            })
            .await;
        assert_eq!(refused.unwrap_err().to_string(), "no");
        assert!(!exists(&cdb, "/a"));

        let mut tx = cdb.begin_write(Datastore::Config).unwrap();
        tx.get("/n").unwrap();
        tx.set_text("/a", "1").unwrap();
        cdb.write(Datastore::Config, |tx| tx.set("/n", 0_u32)).await.unwrap();
        assert!(cdb.commit(tx).await.unwrap_err().is_retriable());

        let adding: Vec<_> = (0..20)
            .map(|_| {
                let cdb = cdb.clone();
                tokio::spawn(async move {
                    let add = || {
                        cdb.write(Datastore::Config, |tx| {
                            let n = tx.get("/n")?.map_or("0".into(), |n| n.to_string());
                            tx.set("/n", n.parse::<u32>().unwrap() + 1)
                        })
                    };
                    while add().await.is_err() {}
                })
            })
            .collect();
        for task in adding {
            task.await.unwrap();
        }
        let n = cdb.begin_read(Datastore::Config).get("/n").unwrap();
        assert_eq!(n, Some(20_u32.into()));
    });
}

#[test]
fn a_commit_is_answered_when_its_notification_is_acknowledged() {
    on_each(|cdb| async move {
        let mut changes = cdb.subscribe(Datastore::Config, point("/a"));
        let writing = spawn_set(&cdb, Datastore::Config, "/a");
        let delivery = changes.next().await.unwrap();
        assert_eq!(delivery.diff.changes()[0].path.to_string(), "/a");
        settle().await;
        assert!(!writing.is_finished());
        delivery.acknowledge();
        writing.await.unwrap().unwrap();
    });
}

#[test]
fn a_slow_subscriber_holds_up_its_committer_and_nobody_else() {
    on_each(|cdb| async move {
        let mut changes = cdb.subscribe(Datastore::Config, point("/a"));
        let writing = spawn_set(&cdb, Datastore::Config, "/a");
        let slow = changes.next().await.unwrap();
        // Other tasks, other datastores, reads and even a compaction go on meanwhile.
        let other = tokio::spawn(async { 1 });
        assert_eq!(other.await.unwrap(), 1);
        spawn_set(&cdb, Datastore::Operational, "/up").await.unwrap().unwrap();
        assert!(cdb.read(Datastore::Config, |view| view.exists("/a")).await.unwrap());
        cdb.compact(Datastore::Config).await.unwrap();
        assert!(!writing.is_finished());
        drop(slow);
        writing.await.unwrap().unwrap();
    });
}

#[test]
fn a_write_dropped_before_it_began_never_begins() {
    narrow().block_on(async {
        let cdb = cdb();
        let (release, released) = mpsc::channel::<()>();
        let busy = cdb.clone();
        let busy = tokio::spawn(async move { busy.run(move |_| released.recv()).await });
        settle().await;
        let writing = spawn_set(&cdb, Datastore::Config, "/a");
        settle().await;
        writing.abort();
        assert!(writing.await.unwrap_err().is_cancelled());
        release.send(()).unwrap();
        busy.await.unwrap().unwrap().unwrap();
        spawn_set(&cdb, Datastore::Config, "/b").await.unwrap().unwrap();
        assert!(!exists(&cdb, "/a"));
        assert_eq!(cdb.blocking().transaction_id(Datastore::Config).get(), 1);
    });
}

#[test]
fn a_write_dropped_in_its_closure_is_aborted() {
    narrow().block_on(async {
        let cdb = cdb();
        let (entered, mut entering) = tokio::sync::mpsc::unbounded_channel();
        let (release, released) = mpsc::channel::<()>();
        let writer = cdb.clone();
        let writing = tokio::spawn(async move {
            let change = move |tx: &mut crate::cdb::WriteTransaction| {
                tx.set_text("/a", "1")?;
                entered.send(()).unwrap();
                released.recv().unwrap();
                tx.set_text("/b", "1")
            };
            writer.write(Datastore::Config, change).await
        });
        entering.recv().await.unwrap();
        writing.abort();
        assert!(writing.await.unwrap_err().is_cancelled());
        release.send(()).unwrap();
        cdb.run(|_| ()).await.unwrap();
        assert!(!exists(&cdb, "/a") && !exists(&cdb, "/b"));
        assert_eq!(cdb.blocking().transaction_id(Datastore::Config).get(), 0);
    });
}

#[test]
fn a_write_dropped_in_its_commit_is_wholly_there() {
    on_each(|cdb| async move {
        let mut changes = cdb.subscribe(Datastore::Config, point("/a"));
        let writing = spawn_set(&cdb, Datastore::Config, "/a");
        let delivery = changes.next().await.unwrap();
        writing.abort();
        assert!(writing.await.unwrap_err().is_cancelled());
        assert!(exists(&cdb, "/a"));
        drop(delivery);
        spawn_set(&cdb, Datastore::Config, "/b").await.unwrap().unwrap();
        assert_eq!(cdb.blocking().transaction_id(Datastore::Config).get(), 2);
    });
}

#[test]
fn a_prepared_transaction_dropped_before_its_commit_is_aborted() {
    narrow().block_on(async {
        let cdb = cdb();
        let mut tx = cdb.begin_write(Datastore::Config).unwrap();
        tx.set_text("/a", "1").unwrap();
        let commit = cdb.commit(tx);
        drop(commit);
        spawn_set(&cdb, Datastore::Config, "/b").await.unwrap().unwrap();
        assert!(!exists(&cdb, "/a"));
    });
}

#[test]
fn a_next_that_is_dropped_takes_nothing() {
    on_each(|cdb| async move {
        let mut changes = cdb.subscribe(Datastore::Operational, point("/"));
        for path in ["/a", "/b"] {
            tokio::select! {
                biased;
                delivery = changes.next() => panic!("{delivery:?}"),
                () = yield_now() => {}
            }
            spawn_set(&cdb, Datastore::Operational, path).await.unwrap().unwrap();
            let delivery = changes.next().await.unwrap();
            assert_eq!(delivery.diff.changes()[0].path.to_string(), path);
        }
    });
}

#[test]
fn a_task_that_holds_a_delivery_may_write_what_does_not_wait_for_it() {
    on_each(|cdb| async move {
        let mut changes = cdb.subscribe(Datastore::Config, point("/a"));
        let writing = spawn_set(&cdb, Datastore::Config, "/a");
        let delivery = changes.next().await.unwrap();
        let set = |id| cdb.write(id, |tx| tx.set_text("/x", "1"));
        let refused = set(Datastore::Config).await.unwrap_err();
        assert!(matches!(refused, CommitError::InNotification { .. }), "{refused}");
        assert!(cdb.begin_write(Datastore::Config).is_err());
        let rolled = cdb
            .run(|cdb| cdb.rollback(Datastore::Config, TransactionId::ZERO, &Author::default()))
            .await;
        let refused = rolled.unwrap().unwrap_err();
        assert!(
            matches!(refused, HistoryError::Commit(CommitError::InNotification { .. })),
            "{refused}"
        );
        set(Datastore::Snapshot).await.unwrap();
        set(Datastore::Operational).await.unwrap();
        // Another task may: its commit is told after this one.
        let other = cdb.clone();
        let later = tokio::spawn(async move {
            let mut tx = other.begin_write(Datastore::Config).unwrap();
            tx.set_text("/later", "1").unwrap();
            other.commit(tx).await
        });
        settle().await;
        drop(delivery);
        writing.await.unwrap().unwrap();
        later.await.unwrap().unwrap();
        set(Datastore::Config).await.unwrap();
    });
}

#[test]
fn many_commits_that_wait_for_a_subscriber_leave_it_a_thread() {
    const WRITERS: usize = 3 * COMMITS_MAX;
    let runtime = Builder::new_current_thread().max_blocking_threads(COMMITS_MAX + 1).build();
    runtime.unwrap().block_on(async {
        let cdb = cdb();
        let mut changes = cdb.subscribe(Datastore::Config, point("/list"));
        let writing: Vec<_> = (0..WRITERS)
            .map(|n| {
                let cdb = cdb.clone();
                tokio::spawn(async move {
                    let path = format!("/list{{{n}}}");
                    while cdb
                        .write(Datastore::Config, {
                            let path = path.clone();
                            move |tx| tx.ensure(path.as_str())
                        })
                        .await
                        .is_err()
                    {}
                })
            })
            .collect();
        for told in 1..=WRITERS {
            let delivery = changes.next().await.unwrap();
            let told = u64::try_from(told).unwrap();
            cdb.write(Datastore::Operational, move |tx| tx.set("/told", told)).await.unwrap();
            drop(delivery);
        }
        for task in writing {
            task.await.unwrap();
        }
        let view = cdb.begin_read(Datastore::Config);
        assert_eq!(view.num_instances("/list").unwrap(), WRITERS as u64);
    });
}

#[test]
fn compactions_are_run_and_told() {
    on_each(|cdb| async move {
        let mut events = cdb.compaction_events();
        cdb.write(Datastore::Config, |tx| tx.set_text("/a", "1")).await.unwrap();
        let entry = cdb.compact(Datastore::Config).await.unwrap();
        assert_eq!((entry.transactions, &entry.failure), (1, &None));
        let started = events.next().await.unwrap();
        assert!(
            matches!(started, CompactionEvent::Started { datastore: Datastore::Config, .. }),
            "{started:?}"
        );
        let end = loop {
            match events.next().await.unwrap() {
                CompactionEvent::Progress { .. } => {}
                end => break end,
            }
        };
        assert_eq!(end, CompactionEvent::Finished(entry));
        drop(cdb);
        assert_eq!(events.next().await, None);
    });
}

#[test]
fn closing_ends_subscriptions_and_refuses_writes() {
    on_each(|cdb| async move {
        let mut changes = cdb.subscribe(Datastore::Config, point("/"));
        let closing = cdb.clone();
        let waiting = tokio::spawn(async move { changes.next().await.is_none() });
        settle().await;
        closing.close().await.unwrap();
        assert!(waiting.await.unwrap());
        assert!(cdb.write(Datastore::Config, |tx| tx.set_text("/a", "1")).await.is_err());
    });
}

#[test]
fn a_panic_in_a_closure_is_the_writers() {
    narrow().block_on(async {
        let cdb = cdb();
        let writer = cdb.clone();
        let writing = tokio::spawn(async move {
            writer.write(Datastore::Config, |_| -> Result<(), Error> { panic!("on purpose") }).await
        });
        assert!(writing.await.unwrap_err().is_panic());
        spawn_set(&cdb, Datastore::Config, "/a").await.unwrap().unwrap();
    });
}

#[test]
fn a_runtime_ends_while_a_commit_waits_for_a_subscriber_in_it() {
    for mut builder in [Builder::new_current_thread(), Builder::new_multi_thread()] {
        let runtime = builder.worker_threads(2).build().unwrap();
        let cdb = cdb();
        let mut changes = cdb.subscribe(Datastore::Config, point("/a"));
        runtime.block_on(async {
            let (told, telling) = tokio::sync::oneshot::channel();
            tokio::spawn(async move {
                let delivery = changes.next().await;
                told.send(()).unwrap();
                std::future::pending::<()>().await;
                drop(delivery);
            });
            spawn_set(&cdb, Datastore::Config, "/a");
            telling.await.unwrap();
        });
        drop(runtime);
        assert!(exists(&cdb, "/a"));
    }
}
