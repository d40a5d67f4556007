//! Passwords and accounts: what is stored of them, by whichever way it comes, and who can sign in.

use serde_json::json;

use crate::Place;
use crate::client::JSON;
use crate::people::basic;

const ANN: &str = "/_users/org.couchdb.user:ann";

impl Place {
    fn sign_in(&self, name: &str, password: &str) -> u16 {
        let authorization = basic(name, password);
        self.raw("GET", "/_session", &[("Authorization", authorization.as_str())], b"").status
    }

    fn rev(&self, target: &str) -> String {
        self.done("GET", target, "")["_rev"].as_str().unwrap().to_owned()
    }
}

/// The text of everything that a database holds, revisions that lost included.
fn everything(place: &Place, database: &str) -> String {
    let target = format!("/{database}/_changes?include_docs=true&style=all_docs&conflicts=true");
    place.ask("GET", &target, "").text()
}

#[test]
fn a_clear_password_is_hashed_by_every_way_into_a_database_of_users() {
    let place = Place::new();
    place.set("chttpd_auth/authentication_db", "people");
    place.done("PUT", "/people", "");
    place.done("PUT", "/team%2F_users", "");
    for database in ["people", "team%2F_users", "_users"] {
        let doc = |name: &str, more: &str| {
            format!(
                "{{\"_id\":\"org.couchdb.user:{name}\",\"name\":\"{name}\",\"type\":\"user\",\"roles\":[],\
                 \"password\":\"clear-stone\"{more}}}"
            )
        };
        let path = |name: &str| format!("/{database}/org.couchdb.user:{name}");
        place.done("PUT", &path("put"), &doc("put", ""));
        place.done("POST", &format!("/{database}"), &doc("post", ""));
        let bulk = format!("{{\"docs\":[{}]}}", doc("bulk", ""));
        place.done("POST", &format!("/{database}/_bulk_docs"), &bulk);
        let replicated = doc("replicated", ",\"_rev\":\"1-abc\"");
        let bulk = format!("{{\"new_edits\":false,\"docs\":[{replicated}]}}");
        place.done("POST", &format!("/{database}/_bulk_docs"), &bulk);
        let single = format!("{}?new_edits=false", path("single"));
        place.done("PUT", &single, &doc("single", ",\"_rev\":\"1-abc\""));
        let parts =
            format!("--b\r\nContent-Type: application/json\r\n\r\n{}\r\n--b--", doc("parts", ""));
        let headers = [crate::client::ADMIN, ("Content-Type", "multipart/related; boundary=b")];
        assert_eq!(place.raw("PUT", &path("parts"), &headers, parts.as_bytes()).status, 201);
        let deleted = format!("{}?rev={}", path("put"), place.rev(&path("put")));
        place.done("PUT", &deleted, &doc("put", ",\"_deleted\":true"));
        let text = everything(&place, database);
        assert!(text.contains("derived_key") && !text.contains("clear-stone"), "{text}");
    }
    for name in ["post", "bulk", "replicated", "single", "parts"] {
        assert_eq!(place.sign_in(name, "clear-stone"), 200, "{name}");
    }
}

#[test]
fn what_is_no_password_and_no_hash_is_refused_by_every_way() {
    let place = Place::new();
    for password in ["5", "true", "[\"clear-stone\"]", "{\"a\":\"clear-stone\"}"] {
        let doc = format!(
            "{{\"_id\":\"org.couchdb.user:ann\",\"_rev\":\"1-abc\",\"name\":\"ann\",\"type\":\"user\",\"roles\":[],\
             \"password\":{password}}}"
        );
        assert_eq!(place.ask("PUT", &format!("{ANN}?new_edits=false"), &doc).status, 403);
        for edits in ["true", "false"] {
            let bulk = format!("{{\"new_edits\":{edits},\"docs\":[{doc}]}}");
            let answer = place.ask("POST", "/_users/_bulk_docs", &bulk).text();
            assert!(answer.contains("forbidden") && !answer.contains("clear-stone"), "{answer}");
        }
    }
    let doc = r#"{"name":"ann","type":"user","roles":[],"password_scheme":"simple","password_sha":"clear-stone","salt":""}"#;
    assert_eq!(place.ask("PUT", ANN, doc).status, 403);
    // An attachment would make a document that is no user.
    assert_eq!(place.ask("PUT", &format!("{ANN}/photo"), "x").status, 403);
    assert_eq!(place.ask("GET", ANN, "").status, 404);
}

#[test]
fn members_of_a_user_document_stay_as_they_were_sent() {
    let place = Place::new();
    let doc =
        r#"{"type":"user","name":"ann","z":{"y":1.50,"b":2},"password":"stone","roles":[],"a":1}"#;
    place.done("PUT", ANN, doc);
    let text = place.ask("GET", ANN, "").text();
    let at = |what: &str| text.find(what).unwrap_or_else(|| panic!("{what}: {text}"));
    assert!(at("\"type\"") < at("\"name\"") && at("\"name\"") < at("\"z\""), "{text}");
    assert!(text.contains(r#""z":{"y":1.5,"b":2},"roles":[],"a":1,"password_scheme""#), "{text}");
}

#[test]
fn somebody_with_conflicts_signs_in_only_when_they_are_resolved() {
    let place = Place::new();
    place.add_user("ann", "[]");
    let rev = place.rev(ANN);
    let body = place.ask("GET", ANN, "").text();
    let other = body.replace(&rev, "1-000000");
    place.done("PUT", &format!("{ANN}?new_edits=false"), &other);
    assert_eq!(place.sign_in("ann", "stone"), 401);
    place.done("DELETE", &format!("{ANN}?rev=1-000000"), "");
    assert_eq!(place.sign_in("ann", "stone"), 200);
}

#[test]
fn nobody_but_an_admin_makes_a_branch_of_a_user_document() {
    let place = Place::new();
    place.add_user("ann", "[\"dev\"]");
    let rev = place.rev(ANN);
    let doc = |rev: &str| {
        json!({"_id": "org.couchdb.user:ann", "_rev": rev, "name": "ann", "type": "user", "roles": ["dev"],
               "password": "stone"})
        .to_string()
    };
    let branch = format!("{ANN}?new_edits=false");
    for branched in ["1-000000", "2-fff", rev.as_str()] {
        assert_eq!(place.as_user("ann", "PUT", &branch, &doc(branched)).status, 403, "{branched}");
    }
    let bulk = format!("{{\"new_edits\":false,\"docs\":[{}]}}", doc("1-000000"));
    assert_eq!(place.as_user("ann", "POST", "/_users/_bulk_docs", &bulk).status, 403);
    // An own leaf of before, and a role that is revoked meanwhile: it does not come back.
    place.done("PUT", &branch, &doc("1-000000"));
    for target in [format!("{ANN}?rev={rev}"), format!("{ANN}?rev=1-000000")] {
        assert_eq!(place.as_user("ann", "DELETE", &target, "").status, 401, "{target}");
    }
    place.done("DELETE", &format!("{ANN}?rev=1-000000"), "");
    assert_eq!(place.as_user("ann", "PUT", ANN, &doc(&rev)).status, 201);
}

#[test]
fn sixty_guesses_at_once_are_five() {
    let place = Place::new();
    place.add_user("ann", "[]");
    for name in ["ann", "nobody"] {
        let tried = std::thread::scope(|scope| {
            let guess = |number: usize| {
                let place = &place;
                scope.spawn(move || place.sign_in(name, &format!("guess{number}")))
            };
            let guesses: Vec<_> = (0..60).map(guess).collect();
            guesses.into_iter().map(|guess| guess.join().unwrap()).collect::<Vec<_>>()
        });
        let wrong = tried.iter().filter(|status| **status == 401).count();
        assert_eq!(wrong, 5, "{name}: {tried:?}");
        assert!(tried.iter().all(|status| matches!(status, 401 | 403 | 503)), "{tried:?}");
        assert_eq!(place.sign_in(name, "stone"), 403, "{name}");
    }
    let session = json!({"name": "nobody", "password": "x"}).to_string();
    assert_eq!(place.as_nobody("POST", "/_session", &session).status, 403);
}

#[test]
fn people_cannot_make_their_logins_costly_and_admins_can() {
    let place = Place::new();
    place.add_user("ann", "[]");
    let body = place.ask("GET", ANN, "").json();
    let mut costly = body.clone();
    costly["iterations"] = json!(10_000_000);
    assert_eq!(place.as_user("ann", "PUT", ANN, &costly.to_string()).status, 403);
    costly["iterations"] = json!(11);
    place.done("PUT", ANN, &costly.to_string());
}

#[test]
fn an_old_hash_is_replaced_when_its_password_comes_and_sessions_go_on() {
    let place = Place::new();
    // One round, as no server makes any more.
    let old = pumice::auth::PasswordHash::derive("stone", "salt".to_owned(), 1);
    let doc = json!({"name": "ann", "type": "user", "roles": [], "password_scheme": "pbkdf2", "pbkdf2_prf": "sha256",
                     "iterations": 1, "salt": "salt", "derived_key": old.key_hex()});
    place.done("PUT", ANN, &doc.to_string());
    let session = json!({"name": "ann", "password": "stone"}).to_string();
    let answer = place.as_nobody("POST", "/_session", &session);
    assert_eq!(answer.status, 200);
    let cookie = answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let stored = place.done("GET", ANN, "");
    assert_eq!(stored["iterations"], crate::server::ITERATIONS);
    assert_ne!(stored["derived_key"], doc["derived_key"]);
    let known = place.raw("GET", "/_session", &[("Cookie", cookie.as_str())], b"").json();
    assert_eq!(known["userCtx"]["name"], "ann");
    assert_eq!(place.sign_in("ann", "stone"), 200);
    assert_eq!(place.rev(ANN), stored["_rev"].as_str().unwrap(), "replaced once");
    // The same for an admin.
    let line = "/_node/_local/_config/admins/ben";
    place.done("PUT", line, &json!(old.line()).to_string());
    assert_eq!(place.sign_in("ben", "stone"), 200);
    let replaced = place.done("GET", line, "");
    assert_ne!(replaced.as_str().unwrap(), old.line());
    // Switched off, it stays.
    place.set("chttpd_auth/upgrade_hash_on_auth", "false");
    place.done("PUT", line, &json!(old.line()).to_string());
    assert_eq!(place.sign_in("ben", "stone"), 200);
    assert_eq!(place.done("GET", line, "").as_str().unwrap(), old.line());
}

#[test]
fn the_security_object_of_users_is_fixed_until_it_is_said_to_be_editable() {
    let place = Place::new();
    let open = r#"{"admins":{"names":["ann"],"roles":[]},"members":{"names":[],"roles":[]}}"#;
    place.set("chttpd_auth/authentication_db", "people");
    place.done("PUT", "/people", "");
    let refused = place.ask("PUT", "/_users/_security", open);
    assert_eq!(refused.status, 403);
    assert!(refused.text().contains("You can't edit the security object of the user database."));
    assert_eq!(place.ask("PUT", "/people/_security", open).status, 403);
    let eve = r#"{"name":"eve","type":"user","roles":[],"password":"stone"}"#;
    let path = "/people/org.couchdb.user:eve";
    assert_eq!(place.as_nobody("PUT", path, eve).status, 401);
    place.set("couchdb/users_db_security_editable", "true");
    place.done("PUT", "/people/_security", open);
    // Whoever comes signs up, without roles, and reads and changes nobody else.
    let roles = eve.replace("[]", "[\"dev\"]");
    assert_eq!(place.as_nobody("PUT", path, &roles).status, 403);
    assert_eq!(place.as_nobody("PUT", path, eve).status, 201);
    assert_eq!(place.as_nobody("PUT", path, eve).status, 403);
    assert_eq!(place.as_nobody("GET", path, "").status, 401);
    assert_eq!(place.as_nobody("GET", "/people/_all_docs", "").status, 401);
    assert_eq!(place.as_user("eve", "GET", path, "").status, 200);
    assert_eq!(place.as_user("eve", "GET", "/people/_all_docs", "").status, 403);
    // An admin of the database sees and changes all of it.
    let ann = eve.replace("eve", "ann");
    place.done("PUT", "/people/org.couchdb.user:ann", &ann);
    assert_eq!(place.as_user("ann", "GET", "/people/_all_docs", "").status, 200);
    assert_eq!(place.as_user("ann", "GET", path, "").status, 200);
    place.set("couchdb/users_db_security_editable", "false");
    assert_eq!(place.as_user("ann", "GET", path, "").status, 404);
    assert_eq!(place.as_nobody("PUT", "/people/org.couchdb.user:new", eve).status, 401);
}

#[test]
fn settings_and_admins_that_one_way_refuses_every_way_refuses() {
    let place = Place::new();
    let config = |key: &str, value: &str| {
        let path = format!("/_node/_local/_config/{key}");
        place.ask("PUT", &path, &json!(value).to_string())
    };
    for section in ["daemons", "os_daemons", "external", "query_servers", "httpd_global_handlers"] {
        let refused = config(&format!("{section}/x"), "/bin/sh");
        assert_eq!(refused.status, 403, "{section}");
        assert!(refused.text().contains("blacklisted"), "{}", refused.text());
        let removed = place.ask("DELETE", &format!("/_node/_local/_config/{section}/x"), "");
        assert!(matches!(removed.status, 403 | 404), "{section}");
    }
    for (name, password) in [("x:y", "stone"), ("_x", "stone"), ("x", "")] {
        assert_eq!(config(&format!("admins/{name}"), password).status, 400, "{name}");
    }
    assert_eq!(config("couchdb/validate_doc_update", "run").status, 400);
    assert_eq!(place.raw("GET", "/_session", &[JSON], b"").status, 200);
}
