use super::*;

#[test]
fn a_committed_task_compacts_and_writes_its_history_without_a_restart() {
    let world = World::new("2026-11-20T12:00:00Z");
    assert_eq!(world.scheduler.run_due(), None);
    for number in 0..10_u8 {
        world.cdb.write(Config, |tx| tx.set("/counter", number)).unwrap();
    }
    world.task(
        "nightly",
        "0 2 * * *",
        &[("action-name", "compact"), ("params/datastore", "config")],
    );
    assert_eq!(world.scheduler.run_due(), Some(at("2026-11-21T02:00:00Z")));
    world.go_to("2026-11-21T03:00:00Z");
    assert_eq!(world.cdb.compactions().info(Config).growth.transactions, 0);
    let last = &world.cdb.compaction_history(1).unwrap()[0].entry;
    assert_eq!(
        (last.cause, last.start_micros),
        (crate::cdb::Cause::Schedule, at("2026-11-21T02:00:00Z"))
    );
    let history = world.history("nightly");
    assert_eq!(history.len(), 1);
    assert!(history[0].starts_with("2026-11-21T02:00:00Z schedule ok: A.cdb "), "{}", history[0]);
    assert!(history[0].ends_with("(11 tx)"), "{}", history[0]);
    let oper = world.cdb.begin_read(Operational);
    let entry = "/scheduler/task{nightly}/history{2026-11-21T02:00:00Z 1}";
    let leaf = |name: &str| oper.get(format!("{entry}/{name}").as_str()).unwrap();
    assert_eq!(leaf("succeeded"), Some(Value::Boolean(true)));
    assert_eq!(leaf("start").unwrap().to_string(), "2026-11-21T02:00:00Z");
    assert!(leaf("duration").is_some() && leaf("info").is_some());
    assert_eq!(
        oper.get("/scheduler/task{nightly}/is-running").unwrap(),
        Some(Value::Boolean(false))
    );
}

#[test]
fn next_is_right_across_a_change_of_the_clocks() {
    let world = World::new("2026-03-27T12:00:00Z");
    world.task("t", "30 2 * * *", &[("time-zone", "Europe/Berlin")]);
    let zone: Zone = "Europe/Berlin".parse().unwrap();
    let next = world.scheduler.next_run_times("t", 4).unwrap();
    let next: Vec<_> = next.into_iter().map(|next| zone.text(next)).collect();
    let expected = [
        "2026-03-28T02:30:00+01:00",
        "2026-03-29T03:00:00+02:00",
        "2026-03-30T02:30:00+02:00",
        "2026-03-31T02:30:00+02:00",
    ];
    assert_eq!(next, expected);
    world.go_to("2026-03-30T12:00:00Z");
    assert_eq!(
        world.noted(),
        ["2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]
    );
}

#[test]
fn what_cannot_be_is_refused_with_path_place_and_what_was_expected() {
    let world = World::new("2026-11-20T12:00:00Z");
    let good = [("schedule", "0 2 * * *"), ("action-name", "compact")];
    for (leaves, message) in [
        (&[("schedule", "0 25 * * *")][..], "/task{t}/schedule: hour 25 is over 23 (second field)"),
        (
            &[("schedule", "0 0 30 2 *")],
            "/task{t}/schedule: no month that is named has that day: it never comes (third field)",
        ),
        (
            &[("time", "2026-11-21T02:00:00Z")],
            "/task{t}/time: there is a schedule already: expected one of the two",
        ),
        (
            &[("action-name", "comapct")],
            "/task{t}/action-name: there is no action \"comapct\": did you mean compact? there are backup, check, compact, compact-database, fail, note, panic",
        ),
        (
            &[("params/datastore", "x")],
            "/task{t}/params/datastore: \"x\" is not config, oper, snapshot or all",
        ),
        (
            &[("params/data-store", "config")],
            "/task{t}/params/data-store: there is no such parameter; there are: datastore, if-transactions-over, policy, throttle",
        ),
        (
            &[("params/if-transactions-over", "few")],
            "/task{t}/params/if-transactions-over: \"few\" is not a number",
        ),
        (
            &[("params/datastore", "config"), ("action-params", "<datastore>config</datastore>")],
            "/task{t}/action-params: there are params already: expected one of the two",
        ),
        (
            &[("action-params", "<datastore>x</datastore>")],
            "/task{t}/action-params: \"x\" is not config, oper, snapshot or all",
        ),
        (
            &[("action-params", "<datastore>")],
            "/task{t}/action-params: not XML: an element does not end",
        ),
        (&[("action-name", "backup")], "/task{t}/action-name: the parameter directory is missing"),
        (
            &[("action-name", "backup"), ("params/directory", "here")],
            "/task{t}/params/directory: \"here\" does not begin with /",
        ),
        (
            &[("action-name", "compact-database"), ("params/database", "d")],
            "/task{t}/action-name: no document databases yet",
        ),
        (
            &[("time-zone", "Europe/Berln")],
            "/task{t}/time-zone: \"Europe/Berln\" is not a time zone: expected local, UTC or a name such as Europe/Berlin (did you mean Europe/Berlin?)",
        ),
        (&[("overlap", "queue")], "/task{t}/overlap: \"queue\" is not skip or queue-one"),
        (&[("missed-runs", "all")], "/task{t}/missed-runs: \"all\" is not once or skip"),
        (
            &[("timeout", "long")],
            "/task{t}/timeout: \"long\" is not a duration such as PT5S, P1DT2H, 5s or 1h 30m",
        ),
        (&[("enabled", "yes")], "/task{t}/enabled: \"yes\" is not true or false"),
        (&[("every", "5m")], "/task{t}/every: there is no such node in /scheduler"),
    ] {
        let leaves: Vec<_> = good
            .iter()
            .chain(leaves)
            .map(|(leaf, text)| (format!("task{{t}}/{leaf}"), *text))
            .collect();
        let leaves: Vec<_> = leaves.iter().map(|(leaf, text)| (leaf.as_str(), *text)).collect();
        assert_eq!(world.try_set(&leaves), Err(message.to_owned()));
    }
    for (leaves, message) in [
        (
            &[("task{t}/schedule", "0 2 * * *")][..],
            "/task{t}/action-name: it is missing: what the task does",
        ),
        (
            &[("task{t}/action-name", "compact")],
            "/task{t}/schedule: it is missing: expected a schedule or a time",
        ),
        (
            &[("task{t}/action-name", "compact"), ("task{t}/time", "noon")],
            "/task{t}/time: \"noon\" is not a time such as 2026-11-20T02:00:00+01:00",
        ),
        (&[("history-size", "0")], "/history-size: \"0\" is not a number from 1 to 10,000"),
        (
            &[("suspend", "true")],
            "/suspend: there is no such node in /scheduler; did you mean suspended?",
        ),
    ] {
        assert_eq!(world.try_set(leaves), Err(message.to_owned()));
    }
    assert_eq!(world.cdb.transaction_id(Config).get(), 0);
}

/// The shape of NSO's own example, as its init files have it.
const NSO: &str = r#"<config xmlns="http://tail-f.com/ns/config/1.0">
  <scheduler xmlns="http://tail-f.com/ns/ncs-scheduler">
    <task>
      <name>compaction</name>
      <schedule>0 2 * * *</schedule>
      <action-name>compact</action-name>
      <action-node xmlns:ct="http://example.com/compaction-task">/ct:compaction-task</action-node>
      <action-params>
        <![CDATA[<if-transactions-over>5</if-transactions-over>]]>
      </action-params>
      <ha-mode>primary</ha-mode>
    </task>
  </scheduler>
</config>"#;

#[test]
fn a_file_in_the_shape_of_nso_is_a_task() {
    let world = World::new("2026-11-20T12:00:00Z");
    let options =
        LoadOptions { known_keys: crate::component::key_hints(&SUBTREE), ..Default::default() };
    let source = BytesSource::new("task.xml", NSO.as_bytes());
    world.cdb.load(Config, &source, &options, &Default::default()).unwrap();
    let config = world.scheduler.config().unwrap();
    assert_eq!(config.problems, []);
    let task = &config.config.tasks[0];
    assert_eq!((task.name.as_str(), task.action.as_str()), ("compaction", "compact"));
    assert_eq!(task.params.get("if-transactions-over"), Some("5"));
    assert_eq!(task.node.as_deref(), Some("/ct:compaction-task"));
}

#[test]
fn an_init_file_is_a_task_and_a_faulty_one_is_refused() {
    let vfs = MemVfs::new();
    vfs.put(Path::new("/memory/task.xml"), NSO.as_bytes().to_vec());
    let world = World::on(vfs, "2026-11-20T12:00:00Z");
    assert!(world.exists("compaction"));
    let vfs = MemVfs::new();
    vfs.put(Path::new("/memory/task.xml"), NSO.replace("0 2 *", "0 24 *").into_bytes());
    let options = Cdb::options().vfs(vfs.shared());
    let refused = Scheduler::guard(options, &Actions::builtin()).open("/memory").unwrap_err();
    assert!(
        refused.to_string().contains("/schedule: hour 24 is over 23 (second field)"),
        "{refused}"
    );
}
