use super::*;

#[test]
fn a_single_time_runs_and_removes_itself_unless_it_is_kept() {
    let world = World::new("2026-11-20T12:00:00Z");
    world.task("once", "2026-11-20T13:00:00Z", &[("params/what", "this")]);
    world.task("kept", "2026-11-20T14:00:00+01:00", &[("keep", "true")]);
    world.go_to("2026-11-20T12:59:59Z");
    assert!(world.exists("once"));
    world.go_to("2026-11-22T12:00:00Z");
    assert_eq!(world.noted(), ["2026-11-20T13:00:00Z", "2026-11-20T13:00:00Z"]);
    assert!(!world.exists("once") && world.exists("kept"));
    assert_eq!(world.history("once"), ["2026-11-20T13:00:00Z schedule ok: noted this"]);
    assert_eq!(world.scheduler.next_run_times("kept", 3).unwrap(), Vec::<u64>::new());
    // The same name again is another task.
    world.task("once", "2026-11-22T13:00:00Z", &[]);
    world.go_to("2026-11-22T14:00:00Z");
    assert_eq!(world.noted(), ["2026-11-22T13:00:00Z"]);
    assert_eq!(world.history("once").len(), 2);
}

#[test]
fn of_tasks_that_removed_themselves_the_last_twenty_keep_their_history() {
    let world = World::new("2026-11-20T12:00:00Z");
    for number in 10..35 {
        world.task(&format!("once{number}"), &format!("2026-11-20T13:{number}:00Z"), &[]);
    }
    world.go_to("2026-11-20T15:00:00Z");
    assert_eq!(world.noted().len(), 25);
    assert!(world.history("once10").is_empty() && world.history("once14").is_empty());
    assert_eq!((world.history("once15").len(), world.history("once34").len()), (1, 1));
}

#[test]
fn what_passed_while_nothing_ran_makes_one_run_or_none() {
    let world = World::new("2026-11-20T12:00:00Z");
    world.task("once", "0 * * * *", &[]);
    world.task("skip", "0 * * * *", &[("missed-runs", "skip")]);
    world.task("single", "2026-11-21T00:00:00Z", &[]);
    world.go_to("2026-11-20T13:30:00Z");
    assert_eq!(world.noted().len(), 2);
    let world = world.restart("2026-11-25T10:30:00Z");
    let mut noted = world.noted();
    noted.sort();
    assert_eq!(noted, ["2026-11-21T00:00:00Z", "2026-11-25T10:00:00Z"]);
    let expected = [
        "2026-11-20T13:00:00Z schedule ok: noted nothing",
        "2026-11-25T10:00:00Z missed ok: noted nothing",
    ];
    assert_eq!(world.history("once"), expected);
    assert_eq!(
        world.history("skip")[1],
        "2026-11-25T10:00:00Z missed failed: missed: nothing could run at that time (missed-runs is skip)"
    );
    // And it is not made up for again.
    let world = world.restart("2026-11-25T10:40:00Z");
    assert_eq!(world.noted(), [""; 0]);
    world.go_to("2026-11-25T11:00:00Z");
    assert_eq!(world.noted(), ["2026-11-25T11:00:00Z", "2026-11-25T11:00:00Z"]);
}

#[test]
fn a_clock_that_jumps_makes_no_burst() {
    let world = World::new("2026-11-20T12:00:00Z");
    world.task("often", "* * * * *", &[]);
    world.clock.advance(HOUR * 24 * 365 * 3);
    world.scheduler.run_due();
    world.scheduler.run_due();
    assert_eq!(world.noted().len(), 1);
}

#[test]
fn suspending_is_sticky_and_makes_nothing_up() {
    let world = World::new("2026-11-20T12:00:00Z");
    world.task("t", "0 * * * *", &[]);
    world.task("u", "30 * * * *", &[]);
    world.set("suspended", "true");
    world.go_to("2026-11-20T15:15:00Z");
    let world = world.restart("2026-11-20T16:15:00Z");
    world.go_to("2026-11-20T17:15:00Z");
    assert_eq!(world.noted(), [""; 0]);
    world.set("task{u}/enabled", "false");
    world.set("suspended", "false");
    world.go_to("2026-11-20T18:45:00Z");
    assert_eq!(world.noted(), ["2026-11-20T18:00:00Z"]);
    // Enabled while nothing ran: what passed while it was disabled is not missed.
    let world = world.restart("2026-11-20T19:45:00Z");
    assert_eq!(world.noted(), ["2026-11-20T19:00:00Z"]);
    world.set("task{u}/enabled", "true");
    world.go_to("2026-11-20T20:45:00Z");
    assert_eq!(world.noted(), ["2026-11-20T20:00:00Z", "2026-11-20T20:30:00Z"]);
}

#[test]
fn another_schedule_counts_from_the_moment_that_it_is_committed() {
    let world = World::new("2026-11-20T12:00:00Z");
    world.task("t", "0 3 * * *", &[]);
    world.go_to("2026-11-21T04:00:00Z");
    assert_eq!(world.noted().len(), 1);
    world.set("task{t}/schedule", "0 2 * * *");
    world.go_to("2026-11-21T12:00:00Z");
    assert_eq!(world.noted(), [""; 0]);
    world.go_to("2026-11-22T02:00:00Z");
    assert_eq!(world.noted(), ["2026-11-22T02:00:00Z"]);
}
