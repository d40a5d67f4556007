//! Who may what.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::Place;
use crate::client::{ADMIN, Answer, JSON};
use pumice::http::HttpOptions;

pub fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))
}

impl Place {
    pub fn add_user(&self, name: &str, roles: &str) {
        let body = format!(
            "{{\"name\":\"{name}\",\"type\":\"user\",\"roles\":{roles},\"password\":\"stone\"}}"
        );
        self.done("PUT", &format!("/_users/org.couchdb.user:{name}"), &body);
    }

    pub fn as_user(&self, name: &str, method: &str, target: &str, body: &str) -> Answer {
        let authorization = basic(name, "stone");
        self.raw(
            method,
            target,
            &[("Authorization", authorization.as_str()), JSON],
            body.as_bytes(),
        )
    }

    pub fn as_nobody(&self, method: &str, target: &str, body: &str) -> Answer {
        self.raw(method, target, &[JSON], body.as_bytes())
    }
}

#[test]
fn every_route_refuses_somebody_unknown_but_for_the_short_list() {
    let place = Place::new();
    place.done("PUT", "/db", "");
    place.done("PUT", "/db/doc", "{}");
    let below_server = [
        "_all_dbs",
        "_dbs_info",
        "_active_tasks",
        "_membership",
        "_cluster_setup",
        "_db_updates",
        "_reshard",
        "_scheduler/jobs",
        "_scheduler/docs",
        "_node/_local",
        "_node/_local/_config",
        "_node/_local/_stats",
        "_node/_local/_system",
        "_node/_local/_prometheus",
        "_node/_local/_versions",
        "_status.json",
        "_node/_local/_smoosh/status",
        "_node/_local/_dbs/db",
        "_replicate",
        "_users",
        "_users/_all_docs",
    ];
    let below_database = [
        "",
        "_all_docs",
        "_design_docs",
        "_local_docs",
        "_changes",
        "_security",
        "_revs_limit",
        "_purged_infos",
        "_shards",
        "doc",
        "_local/x",
        "_design/x",
        "doc/att",
        "_bulk_docs",
        "_bulk_get",
        "_compact",
        "_find",
        "_revs_diff",
        "_purge",
        "_ensure_full_commit",
        "_view_cleanup",
        "_sync_shards",
        "_index",
    ];
    let paths = below_server.iter().map(|path| format!("/{path}"));
    for path in paths.chain(below_database.iter().map(|path| format!("/db/{path}"))) {
        for method in ["GET", "HEAD", "PUT", "POST", "DELETE", "COPY"] {
            let status = place.as_nobody(method, &path, "{}").status;
            assert!(matches!(status, 401 | 405), "{method} {path}: {status}");
        }
    }
}

#[test]
fn members_write_documents_admins_of_a_database_design_it_and_nobody_else_does() {
    let place = Place::new();
    for (name, roles) in [("ann", "[]"), ("bob", "[\"dev\"]"), ("eve", "[]")] {
        place.add_user(name, roles);
    }
    place.done("PUT", "/db", "");
    let security =
        r#"{"admins":{"names":["ann"],"roles":[]},"members":{"names":[],"roles":["dev"]}}"#;
    place.done("PUT", "/db/_security", security);
    for (name, document, design, security_status) in
        [("ann", 201, 201, 200), ("bob", 201, 401, 401), ("eve", 403, 403, 403)]
    {
        assert_eq!(
            place.as_user(name, "PUT", &format!("/db/of_{name}"), "{}").status,
            document,
            "{name}"
        );
        assert_eq!(
            place.as_user(name, "PUT", &format!("/db/_design/{name}"), "{}").status,
            design,
            "{name}"
        );
        let bulk = format!("{{\"docs\":[{{\"_id\":\"_design/bulk_{name}\"}}]}}");
        let answer = place.as_user(name, "POST", "/db/_bulk_docs", &bulk);
        assert_eq!(
            answer.text().contains("\"ok\":true"),
            design == 201,
            "{name}: {}",
            answer.text()
        );
        let set = place.as_user(name, "PUT", "/db/_security", security).status;
        assert_eq!(set, security_status, "{name}");
        assert_eq!(place.as_user(name, "DELETE", "/db", "").status, 401, "{name}");
        assert_eq!(place.as_user(name, "PUT", "/new", "").status, 401, "{name}");
    }
}

// A replication by name runs with the rights of a server admin, so who may ask for one could read every database.
#[test]
fn a_replicator_that_is_open_to_members_takes_no_replication_from_them() {
    let place = Place::new();
    place.add_user("ann", "[]");
    place.done("PUT", "/_replicator", "");
    place.done("PUT", "/secret", "");
    let open = r#"{"admins":{"names":["ann"],"roles":[]},"members":{"names":["ann"],"roles":[]}}"#;
    place.done("PUT", "/_replicator/_security", open);
    let asked = r#"{"_id":"r","source":"secret","target":"mine","create_target":true}"#;
    assert_eq!(place.as_user("ann", "PUT", "/_replicator/r", asked).status, 401);
    let bulk = format!("{{\"docs\":[{asked}]}}");
    let answer = place.as_user("ann", "POST", "/_replicator/_bulk_docs", &bulk).text();
    assert!(!answer.contains("\"ok\":true"), "{answer}");
    assert_eq!(place.as_user("ann", "GET", "/_replicator/r", "").status, 404);
    place.done("PUT", "/_replicator/r", asked);
}

#[test]
fn a_password_is_kept_as_a_hash_and_people_see_only_their_own_document() {
    let place = Place::new();
    place.add_user("ann", "[]");
    place.add_user("bob", "[]");
    let stored = place.ask("GET", "/_users/org.couchdb.user:ann", "");
    assert!(!stored.text().contains("stone"), "{}", stored.text());
    assert_eq!(stored.json()["pbkdf2_prf"], "sha256");
    assert_eq!(place.as_user("ann", "GET", "/_users/org.couchdb.user:ann", "").status, 200);
    assert_eq!(place.as_user("ann", "GET", "/_users/org.couchdb.user:bob", "").status, 404);
    assert_eq!(place.as_user("ann", "GET", "/_users/_all_docs", "").status, 403);
    assert_eq!(place.as_user("ann", "GET", "/_users/_changes", "").status, 403);
    // Nobody makes themselves an admin, and an own password can be changed.
    let rev = stored.json()["_rev"].as_str().unwrap().to_owned();
    let change = |roles: &str, password: &str| {
        format!(
            "{{\"_rev\":\"{rev}\",\"name\":\"ann\",\"type\":\"user\",\"roles\":{roles},\"password\":\"{password}\"}}"
        )
    };
    let path = "/_users/org.couchdb.user:ann";
    assert_eq!(place.as_user("ann", "PUT", path, &change("[\"dev\"]", "stone")).status, 403);
    assert_eq!(place.as_user("ann", "PUT", path, &change("[\"_admin\"]", "stone")).status, 403);
    assert_eq!(place.as_user("ann", "PUT", path, &change("[]", "other")).status, 201);
    assert_eq!(place.as_user("ann", "GET", path, "").status, 401);
}

#[test]
fn a_session_lasts_until_the_password_changes() {
    let place = Place::new();
    place.add_user("ann", "[\"dev\"]");
    let answer = place.as_nobody("POST", "/_session", r#"{"name":"ann","password":"stone"}"#);
    let cookie = answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let session = || place.raw("GET", "/_session", &[("Cookie", cookie.as_str())], b"").json();
    assert_eq!(session()["userCtx"]["name"], "ann");
    assert_eq!(session()["userCtx"]["roles"][0], "dev");
    let stored = place.ask("GET", "/_users/org.couchdb.user:ann", "").json();
    let body = format!(
        "{{\"_rev\":{},\"name\":\"ann\",\"type\":\"user\",\"roles\":[],\"password\":\"other\"}}",
        stored["_rev"]
    );
    place.done("PUT", "/_users/org.couchdb.user:ann", &body);
    assert_eq!(session()["userCtx"]["name"], serde_json::Value::Null);
}

#[test]
fn guessing_locks_a_name_out() {
    let place = Place::new();
    place.add_user("ann", "[]");
    let guess = |password: &str| {
        let authorization = basic("ann", password);
        place.raw("GET", "/_session", &[("Authorization", authorization.as_str())], b"").status
    };
    for _ in 0..5 {
        assert_eq!(guess("wrong"), 401);
    }
    assert_eq!(guess("stone"), 403);
    assert_eq!(place.ask("GET", "/_session", "").status, 200);
}

#[test]
fn without_an_admin_this_machine_may_do_documents_and_nothing_to_the_server() {
    let place = Place::with(false, HttpOptions::default());
    assert_eq!(place.as_nobody("PUT", "/inventory", "").status, 201);
    assert_eq!(place.as_nobody("PUT", "/inventory/ce0", "{\"rack\":7}").status, 201);
    assert_eq!(place.as_nobody("GET", "/inventory/ce0", "").json()["rack"], 7);
    assert_eq!(place.as_nobody("PUT", "/_node/_local/_config/admins/eve", "\"x\"").status, 403);
    assert_eq!(place.as_nobody("GET", "/_node/_local/_config", "").status, 403);
    // A foreign page in a browser on this machine, by its origin or by a name of its own for this address.
    let origin = [("Origin", "https://evil.example"), JSON];
    assert_eq!(place.raw("GET", "/inventory/ce0", &origin, b"").status, 401);
    let bytes = b"GET /inventory/ce0 HTTP/1.1\r\nHost: evil.example:5984\r\n\r\n";
    assert_eq!(crate::send(place.address(), bytes).unwrap().status, 401);
}

#[test]
fn the_first_admin_ends_that() {
    let place = Place::new();
    assert_eq!(place.as_nobody("PUT", "/inventory", "").status, 401);
    place.done("PUT", "/_node/_local/_config/admins/ben", "\"stone\"");
    let line = place.done("GET", "/_node/_local/_config/admins/ben", "");
    assert!(line.as_str().unwrap().starts_with("-pbkdf2:sha256-"));
    assert_eq!(place.as_user("ben", "PUT", "/inventory", "").status, 201);
    assert_eq!(place.ask("DELETE", "/_node/_local/_config/admins/ben", "").status, 200);
    assert_eq!(place.as_user("ben", "DELETE", "/inventory", "").status, 401);
    assert_eq!(place.ask("DELETE", "/_node/_local/_config/admins/admin", "").status, 403);
}

#[test]
fn a_form_on_a_foreign_page_cannot_write() {
    let place = Place::new();
    place.done("PUT", "/db", "");
    let form = [ADMIN, ("Content-Type", "text/plain")];
    for path in ["/db", "/db/_bulk_docs", "/db/_compact", "/db/_purge", "/_replicate"] {
        assert_eq!(place.raw("POST", path, &form, b"{}").status, 415, "{path}");
    }
    // No answer allows another origin.
    let answer = place.raw("GET", "/db", &[ADMIN, ("Origin", "https://evil.example")], b"");
    assert_eq!(answer.header("access-control-allow-origin"), None);
}

#[test]
fn a_new_server_has_no_password_that_anybody_could_know() {
    let place = Place::with(false, HttpOptions::default());
    for name in ["admin", "root", "pumice", "couchdb", "guest", "", "_admin"] {
        for password in ["", "admin", "password", "root", "pumice", "couchdb", "secret", name] {
            let authorization = basic(name, password);
            let headers = [("Authorization", authorization.as_str())];
            let status = place.raw("GET", "/_session", &headers, b"").status;
            assert!(matches!(status, 400 | 401 | 403), "{name}:{password}: {status}");
        }
    }
}

#[test]
fn sessions_are_signed_with_what_each_server_has_made_for_itself() {
    let places = [Place::new(), Place::new()];
    for (at, place) in places.iter().enumerate() {
        let answer = place.as_nobody("POST", "/_session", r#"{"name":"admin","password":"pass"}"#);
        let cookie = answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
        for (asked, other) in places.iter().enumerate() {
            let session = other.raw("GET", "/_session", &[("Cookie", cookie.as_str())], b"").json();
            let is_known = session["userCtx"]["name"] == "admin";
            assert_eq!(is_known, at == asked, "{session}");
        }
    }
}
