//! What people keep secret: it is in no answer that is not its owner's, no error and no log, however much is logged.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pumice::auth::PasswordHash;
use serde_json::json;

use crate::client::{Answer, request, send};
use crate::program::{Daemon, Place};

/// Passwords, each in one place, so that what leaks says where.
const ADMIN: &str = "stone-of-the-admin";
const USER: &str = "stone-of-the-user";
const CHANGED: &str = "stone-of-another-admin";
const WRONG: &str = "stone-that-is-wrong";
const REMOTE: &str = "stone-of-a-remote-server";
const SECRETS: [&str; 5] = [ADMIN, USER, CHANGED, WRONG, REMOTE];

fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))
}

/// A daemon that says all that it can, with an admin `ann`. Few rounds: the test is of where passwords go, not of what it takes
/// to guess one.
fn talkative(place: &Place) -> Daemon {
    let line = PasswordHash::derive(ADMIN, "5a17".to_owned(), 10).line();
    place.demo_ok(&["set", "/admins/admin{ann}/password", &line]);
    place.daemon(&["-vvv"])
}

fn ask(daemon: &Daemon, authorization: &str, method: &str, target: &str, body: &str) -> Answer {
    let headers = [("Authorization", authorization), ("Content-Type", "application/json")];
    let bytes = request(method, target, &headers, body.as_bytes());
    send(daemon.address.parse().unwrap(), &bytes).unwrap()
}

#[test]
fn no_secret_is_in_an_answer_an_error_the_log_or_the_configuration() {
    let place = Place::with_database();
    let mut daemon = talkative(&place);
    let admin = basic("ann", ADMIN);
    let remote = format!("http://bob:{REMOTE}@127.0.0.1:1/db");
    let user = json!({ "name": "bob", "type": "user", "roles": [], "password": USER }).to_string();
    let sign_in = |password: &str| json!({ "name": "ann", "password": password }).to_string();
    let pull = json!({ "source": remote, "target": "db" }).to_string();
    let wrong = basic("ann", WRONG);
    let mut answers = Vec::new();
    for (authorization, method, target, body) in [
        (admin.as_str(), "PUT", "/db", ""),
        (&admin, "PUT", "/_users/org.couchdb.user:bob", user.as_str()),
        (&admin, "GET", "/_users/org.couchdb.user:bob", ""),
        (&admin, "GET", "/_users/_all_docs?include_docs=true", ""),
        (&wrong, "GET", "/db", ""),
        (&wrong, "GET", "/db?password=stone", ""),
        ("Basic !", "GET", "/db", ""),
        ("", "POST", "/_session", &sign_in(WRONG)),
        ("", "POST", "/_session", &sign_in(ADMIN)),
        ("", "POST", "/_session", &format!("{{\"name\":\"ann\",\"password\":\"{WRONG}")),
        (&admin, "PUT", "/_node/_local/_config/admins/eve", &format!("\"{CHANGED}\"")),
        (&admin, "PUT", "/_node/_local/_config/admins/eve", &format!("[\"{CHANGED}\"]")),
        (&admin, "GET", "/_node/_local/_config", ""),
        (&admin, "GET", "/_node/_local/_config/admins", ""),
        (&admin, "POST", "/_replicate", &pull),
        (&admin, "PUT", "/_replicator/pull", &pull),
        (&admin, "GET", "/_scheduler/jobs", ""),
        (&admin, "GET", "/_scheduler/docs", ""),
        (&admin, "GET", "/_active_tasks", ""),
        (&admin, "GET", "/_status.json", ""),
    ] {
        let answer = ask(&daemon, authorization, method, target, body);
        let Answer { status, headers, .. } = &answer;
        answers.push(format!("{method} {target}: {status} {headers:?}\n{}", answer.text()));
    }
    assert_eq!(daemon.stop(), 0);
    let mut log = String::new();
    std::io::Read::read_to_string(&mut daemon.running.rest_of_log(), &mut log).unwrap();
    assert!(log.contains("answered"), "nothing was logged: {log}");
    let stored: String = ["A.cdb", "O.cdb"]
        .iter()
        .map(|name| String::from_utf8_lossy(&place.read(&format!("demo/{name}"))).into_owned())
        .collect();
    for text in [&answers.join("\n"), &log, &stored] {
        for secret in SECRETS {
            for told in [secret.to_owned(), STANDARD.encode(format!("ann:{secret}"))] {
                let line = text.lines().find(|line| line.contains(&told));
                assert_eq!(line, None, "{told}");
            }
        }
    }
}
