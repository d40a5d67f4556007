use super::*;

#[test]
fn a_thread_of_its_own_runs_what_any_transaction_configures() {
    let world = World::new("2026-11-20T12:00:00Z");
    world.scheduler.start().unwrap();
    let events = world.events();
    let writer = world.cdb.clone();
    std::thread::spawn(move || {
        writer.write(Config, |tx| {
            tx.set_text("/scheduler/task{t}/schedule", "*/5 * * * *")?;
            tx.set_text("/scheduler/task{t}/action-name", "note")
        })
    })
    .join()
    .unwrap()
    .unwrap();
    // It is taken over on the other thread: seen when its first time is waited for.
    while world.scheduler.shared_jobs() == 0 {
        std::thread::yield_now();
    }
    for minute in [5, 10] {
        world.clock.advance(MINUTE * 5);
        let SchedulerEvent::Finished { past, .. } = wait_for(&events, is_finished) else {
            panic!()
        };
        assert_eq!(past.when_micros, at(&format!("2026-11-20T12:{minute:02}:00Z")));
        assert!(past.succeeded);
    }
    world.scheduler.stop();
    assert_eq!(world.noted().len(), 2);
}

/// A task that runs until it is told to end.
fn endless(world: World) -> World {
    let mut actions = actions(&world.noted);
    actions.register("endless", |call| {
        let (sender, ended) = channel();
        call.cancel.on_cancel(move || {
            sender.send(()).unwrap();
        });
        ended.recv().unwrap();
        Err("told to end".into())
    });
    let scheduler = Scheduler::attach_guarded(&world.cdb, actions);
    World { scheduler, ..world }
}

/// Past the guard, which does not know the action.
fn plant(vfs: &MemVfs, leaves: &[(&str, &str)]) {
    let cdb = Cdb::options().vfs(vfs.shared()).open("/memory").unwrap();
    cdb.write(Config, |tx| {
        tx.set_text("/scheduler/task{t}/action-name", "endless")?;
        leaves.iter().try_for_each(|(leaf, text)| {
            tx.set_text(format!("/scheduler/task{{t}}/{leaf}").as_str(), text)
        })
    })
    .unwrap();
}

#[test]
fn a_run_that_takes_too_long_is_told_to_end_and_what_comes_meanwhile_is_passed_over() {
    let vfs = MemVfs::new();
    plant(&vfs, &[("schedule", "* * * * *"), ("timeout", "PT150S"), ("time-zone", "UTC")]);
    let world = endless(World::on(vfs, "2026-11-20T12:00:30Z"));
    let events = world.events();
    world.scheduler.start().unwrap();
    while world.scheduler.shared_jobs() == 0 {
        std::thread::yield_now();
    }
    world.clock.advance(MINUTE / 2);
    wait_for(&events, |event| matches!(event, SchedulerEvent::Started { .. }));
    for _ in 0..2 {
        world.clock.advance(MINUTE);
        wait_for(&events, |event| matches!(event, SchedulerEvent::Due { .. }));
    }
    assert!(world.scheduler.running_since("t").unwrap().is_some());
    let refused = world.scheduler.run("t").unwrap_err();
    assert_eq!(refused.to_string(), "t is running already");
    world.clock.advance(MINUTE / 2);
    let SchedulerEvent::Finished { past, .. } = wait_for(&events, is_finished) else { panic!() };
    assert_eq!(
        (past.succeeded, past.info.as_str()),
        (false, "timed out after PT2M30S: told to end; 2 times that came meanwhile passed over")
    );
    assert_eq!(past.duration_micros, 150_000_000);
    world.scheduler.stop();
}

#[test]
fn stopping_ends_what_runs_and_keeps_its_history() {
    let vfs = MemVfs::new();
    plant(&vfs, &[("schedule", "* * * * *"), ("time-zone", "UTC")]);
    let world = endless(World::on(vfs, "2026-11-20T12:00:30Z"));
    let events = world.events();
    world.scheduler.start().unwrap();
    while world.scheduler.shared_jobs() == 0 {
        std::thread::yield_now();
    }
    world.clock.advance(MINUTE / 2);
    wait_for(&events, |event| matches!(event, SchedulerEvent::Started { .. }));
    world.scheduler.stop();
    assert_eq!(world.history("t"), ["2026-11-20T12:01:00Z schedule failed: told to end"]);
}
