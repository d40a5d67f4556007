use super::*;

#[test]
fn what_goes_wrong_stands_in_the_history_with_its_text() {
    let world = World::new("2026-11-20T12:00:00Z");
    world.task("fails", "0 * * * *", &[("action-name", "fail")]);
    world.task("panics", "0 * * * *", &[("action-name", "panic")]);
    world.task(
        "backs-up",
        "0 * * * *",
        &[("action-name", "backup"), ("params/directory", "/memory")],
    );
    world.vfs.set_free_space_bytes(1000);
    world.go_to("2026-11-20T13:00:00Z");
    assert_eq!(world.history("fails"), ["2026-11-20T13:00:00Z schedule failed: no luck"]);
    assert_eq!(
        world.history("panics"),
        ["2026-11-20T13:00:00Z schedule failed: the action panicked"]
    );
    let backup = &world.history("backs-up")[0];
    assert!(
        backup.contains("failed: needs about") && backup.ends_with("1000 are free"),
        "{backup}"
    );
}

#[test]
fn the_history_is_bounded_and_can_be_purged() {
    let world = World::new("2026-11-20T12:00:00Z");
    world.set("history-size", "5");
    world.task("t", "*/10 * * * *", &[]);
    world.go_to("2026-11-20T14:00:00Z");
    let history = world.history("t");
    assert_eq!(history.len(), 5);
    assert!(
        history[0].starts_with("2026-11-20T13:20:00Z")
            && history[4].starts_with("2026-11-20T14:00:00Z")
    );
    let old = Purge { before_micros: Some(at("2026-11-20T13:40:00Z")), succeeded: Some(false) };
    assert_eq!(world.scheduler.purge("t", &old).unwrap(), 0);
    let old = Purge { succeeded: Some(true), ..old };
    assert_eq!(world.scheduler.purge("t", &old).unwrap(), 2);
    assert_eq!(world.history("t").len(), 3);
    assert_eq!(world.scheduler.purge("t", &Purge::default()).unwrap(), 3);
}

#[test]
fn a_task_runs_on_request_whether_or_not_it_is_enabled() {
    let world = World::new("2026-11-20T12:00:00Z");
    world.task("t", "0 2 * * *", &[("enabled", "false"), ("params/what", "it")]);
    let past = world.scheduler.run("t").unwrap();
    assert_eq!(
        (past.trigger, past.info.as_str(), past.sequence),
        (Trigger::Request, "noted it", 1)
    );
    assert_eq!(world.history("t"), ["2026-11-20T12:00:00Z request ok: noted it"]);
    let missing = world.scheduler.run("u").unwrap_err();
    assert_eq!(missing.to_string(), "there is no task u");
}

#[test]
fn a_removed_task_leaves_nothing_behind() {
    let world = World::new("2026-11-20T12:00:00Z");
    world.task("t", "0 * * * *", &[]);
    world.go_to("2026-11-20T13:00:00Z");
    world.cdb.write(Config, |tx| tx.delete("/scheduler/task{t}")).unwrap();
    world.go_to("2026-11-20T15:00:00Z");
    assert_eq!(world.noted().len(), 1);
    assert_eq!(world.cdb.begin_read(Operational).count_nodes("/scheduler").unwrap(), 0);
}

#[test]
fn a_run_that_a_crash_cut_off_is_not_repeated_and_the_history_says_so() {
    let world = World::new("2026-11-20T12:00:00Z");
    world.task("t", "0 * * * *", &[]);
    let (cut, after) = (world.vfs.clone(), Arc::new(Mutex::new(None)));
    let kept = after.clone();
    world.scheduler.observe(move |event| {
        if let SchedulerEvent::Started { .. } = event {
            *kept.lock().unwrap() = Some(cut.crash());
        }
    });
    world.go_to("2026-11-20T13:00:00Z");
    let crashed = after.lock().unwrap().take().unwrap();
    let world = World::on(crashed, "2026-11-20T13:20:00Z");
    assert_eq!(world.scheduler.running_since("t").unwrap(), Some(at("2026-11-20T13:00:00Z")));
    world.go_to("2026-11-20T14:00:00Z");
    assert_eq!(world.noted(), ["2026-11-20T14:00:00Z"]);
    assert_eq!(
        world.history("t")[0],
        "2026-11-20T13:00:00Z schedule failed: interrupted: the program ended while it ran; how far it came is not known"
    );
    assert_eq!(world.scheduler.running_since("t").unwrap(), None);
}

#[test]
fn a_backup_is_a_database_of_its_own_and_old_ones_go() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::starting_at(at("2026-11-20T12:00:00Z")));
    let cdb = Cdb::options().clock(clock.clone()).open(dir.path().join("data")).unwrap();
    let scheduler = Scheduler::attach(&cdb, Actions::builtin());
    let target = dir.path().join("backups");
    for number in 0..20_u8 {
        cdb.write(Config, |tx| tx.set("/counter", number)).unwrap();
    }
    cdb.write(Config, |tx| {
        let task = "/scheduler/task{backup}";
        tx.set_text(format!("{task}/schedule").as_str(), "0 * * * *")?;
        tx.set_text(format!("{task}/action-name").as_str(), "backup")?;
        tx.set_text(format!("{task}/params/directory").as_str(), target.to_str().unwrap())?;
        tx.set_text(format!("{task}/params/keep").as_str(), "2")
    })
    .unwrap();
    for _ in 0..4 {
        scheduler.run_due();
        clock.advance(HOUR);
    }
    scheduler.run_due();
    let past = scheduler.history("backup", 10).unwrap();
    assert!(past.iter().all(|past| past.succeeded), "{past:?}");
    assert!(past[0].info.ends_with(", 1 older removed"), "{}", past[0].info);
    let names = crate::vfs::os::OsVfs.list(&target).unwrap();
    assert_eq!(names, ["backup-20261120T150000Z", "backup-20261120T160000Z"]);
    let copy = Cdb::options().read_only().open(target.join(&names[1])).unwrap();
    assert_eq!(copy.begin_read(Config).get("/counter").unwrap(), Some(19_u8.into()));
    assert_eq!(copy.compactions().info(Config).growth.transactions, 0);
    assert!(copy.verify(Config, &mut |_| {}).unwrap().is_sound());
    assert_eq!(copy.transaction_id(Config), cdb.transaction_id(Config));
}

#[test]
fn a_check_tells_that_all_is_sound() {
    let world = World::new("2026-11-20T12:00:00Z");
    world.task("t", "0 * * * *", &[("action-name", "check")]);
    world.go_to("2026-11-20T13:00:00Z");
    assert_eq!(
        world.history("t"),
        ["2026-11-20T13:00:00Z schedule ok: A.cdb sound, O.cdb sound, S.cdb sound"]
    );
}

/// NSO's example: each file with more than five transactions.
#[test]
fn only_what_has_grown_is_compacted() {
    let world = World::new("2026-11-20T12:00:00Z");
    world.task(
        "t",
        "0 2 * * *",
        &[("action-name", "compact"), ("params/if-transactions-over", "5")],
    );
    world.go_to("2026-11-21T02:00:00Z");
    assert_eq!(
        world.history("t"),
        [
            "2026-11-21T02:00:00Z schedule ok: A.cdb left alone (1 tx), O.cdb left alone (2 tx), S.cdb left alone (0 tx)"
        ]
    );
    for number in 0..5_u8 {
        world.cdb.write(Config, |tx| tx.set("/counter", number)).unwrap();
    }
    world.go_to("2026-11-22T02:00:00Z");
    let last = world.history("t").pop().unwrap();
    assert!(last.contains("A.cdb ") && last.contains("(6 tx), O.cdb left alone (4 tx)"), "{last}");
    assert_eq!(world.cdb.compactions().info(Config).growth.transactions, 0);
}
