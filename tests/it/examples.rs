//! The programs of `examples/`, run to their ends.

#[allow(dead_code, reason = "its main is for cargo run --example")]
#[path = "../../examples/embedded_config.rs"]
mod embedded_config;
#[allow(dead_code, reason = "its main is for cargo run --example")]
#[path = "../../examples/journal_store.rs"]
mod journal_store;
#[allow(dead_code, reason = "its main is for cargo run --example")]
#[path = "../../examples/scheduled_compaction.rs"]
mod scheduled_compaction;
#[allow(dead_code, reason = "its main is for cargo run --example")]
#[path = "../../examples/subscriber.rs"]
mod subscriber;

/// Holds what an example printed against lines; `*` in a line stands for one word.
fn check(
    run: impl FnOnce(&mut Vec<u8>) -> Result<(), Box<dyn std::error::Error>>,
    expected: &[&str],
) {
    let mut out = Vec::new();
    run(&mut out).unwrap();
    let out = String::from_utf8(out).unwrap();
    let same_words = |line: &str, expected: &str| {
        let (words, wanted) = (line.split(' '), expected.split(' '));
        words.clone().count() == wanted.clone().count()
            && words.zip(wanted).all(|(word, wanted)| wanted == "*" || word == wanted)
    };
    let same = out.lines().count() == expected.len()
        && out.lines().zip(expected).all(|(line, expected)| same_words(line, expected));
    assert!(same, "printed:\n{out}\nexpected:\n{}", expected.join("\n"));
}

#[test]
fn the_embedded_config_goes_back_to_where_it_was() {
    check(
        embedded_config::run,
        &[
            "transaction 1: 5 nodes",
            r#"refused: /server/port: "eighty" is not a value of type uint16: expected a number from 0 to 65535"#,
            "about to change:",
            "  - /server/listener{main}",
            "  - /server/listener{main}/address",
            "  ~ /server/port: 8080 -> 443",
            "  ~ /server/tls: false -> true",
            "the port is 443",
            "after rollback: 0 changes to the snapshot",
            "log: 3 by -: rollback to 1",
            "log: 2 by anna: -",
            "log: 1 by -: factory defaults",
        ],
    );
}

#[test]
fn the_subscriber_is_told_and_the_guard_vetoes() {
    check(
        subscriber::run,
        &[
            "veto: refused by guard: /device{ce2}/port is 22, and needs privileges",
            "told: /device{ce0}/port",
            "told: /device{ce1}/port",
            "2 devices",
        ],
    );
}

#[test]
fn the_timetable_compacts_what_has_grown() {
    check(
        scheduled_compaction::run,
        &[
            "refused: /scheduler/task{nightly}/schedule: hour 25 is over 23 (second field)",
            "nightly 2026-01-02T02:30:00Z: A.cdb * * -> * * (13 tx), O.cdb left alone (3 tx), S.cdb left alone (0 tx)",
            "nightly 2026-01-05T02:30:00Z: A.cdb * * -> * * (7 tx), O.cdb * * -> * * (8 tx), S.cdb left alone (0 tx)",
            "nightly 2026-01-06T02:30:00Z: A.cdb left alone (0 tx), O.cdb left alone (2 tx), S.cdb left alone (0 tx)",
            "weekly 2026-01-04T12:00:00Z: 2 tasks",
        ],
    );
}

#[test]
fn the_journal_store_comes_back() {
    check(
        journal_store::run,
        &[
            "compacted * to * bytes, 13 entries",
            "the old snapshot still has 24 readings",
            "opened again: 12 readings, count 50",
            "the last is reading/11",
        ],
    );
}
