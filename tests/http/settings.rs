//! Settings: each is in force or refused, by every door.

use serde_json::{Value, json};

use super::Place;
use super::client::{ADMIN, JSON};

fn config(place: &Place, key: &str) -> Value {
    place.done("GET", &format!("/_node/_local/_config/{key}"), "")
}

fn put(place: &Place, key: &str, value: &str) -> super::Answer {
    place.ask("PUT", &format!("/_node/_local/_config/{key}"), &json!(value).to_string())
}

#[test]
fn every_known_setting_refuses_another_type_and_keeps_its_value() {
    let place = Place::new();
    for row in pumice::service::SETTINGS {
        let key = format!("{}/{}", row.section, row.key);
        let before = place.ask("GET", &format!("/_node/_local/_config/{key}"), "").text();
        // No setting takes a line break, whatever its type.
        let wrong = if row.takes_any_text() { "two\nlines" } else { "\u{e9} no such value" };
        let refused = put(&place, &key, wrong);
        assert_eq!(refused.status, 400, "{key}");
        let reason = refused.json()["reason"].as_str().unwrap().to_owned();
        assert!(reason.starts_with(&key) && reason.contains("expected"), "{reason}");
        let after = place.ask("GET", &format!("/_node/_local/_config/{key}"), "").text();
        assert_eq!(before, after, "{key}");
    }
}

#[test]
fn config_shows_the_default_of_every_setting_that_has_one() {
    let place = Place::new();
    let all = config(&place, "");
    for row in pumice::service::SETTINGS {
        // The place sets fewer rounds.
        if let (Some(default), false) = (row.default, row.key == "iterations") {
            assert_eq!(all[row.section][row.key], default, "{}/{}", row.section, row.key);
        }
    }
}

#[test]
fn a_setting_without_effect_is_kept_and_the_answer_warns() {
    let place = Place::new();
    for key in ["couchdb/single_node", "my_section/my_key"] {
        let answer = put(&place, key, "true");
        assert_eq!(answer.status, 200, "{key}");
        assert!(answer.header("warning").unwrap().contains("has no effect"), "{key}");
        assert_eq!(config(&place, key), "true");
    }
    let answer = put(&place, "couchdb/max_document_size", "100");
    assert_eq!(answer.header("warning"), None);
}

#[test]
fn settings_that_are_made_elsewhere_are_refused_with_the_place() {
    let place = Place::new();
    for (key, at) in [
        ("chttpd/bind_address", "daemon/bind"),
        ("httpd/port", "daemon/bind"),
        ("ssl/cert_file", "daemon/tls-certificate"),
        ("chttpd/max_http_request_size", "daemon/http-body-size"),
        ("couchdb/database_dir", "--dir"),
        ("couchdb/max_partition_size", "partition"),
    ] {
        let refused = put(&place, key, "1");
        assert_eq!(refused.status, 400, "{key}");
        assert!(refused.text().contains(at), "{}", refused.text());
    }
}

#[test]
fn limits_of_documents_and_attachments_act_at_once() {
    let place = Place::new();
    place.done("PUT", "/db", "");
    let body = json!({ "text": "x".repeat(200) }).to_string();
    place.done("PUT", "/db/a", &body);
    place.set("couchdb/max_document_size", "100");
    assert_eq!(place.ask("PUT", "/db/b", &body).status, 413);
    let bulk = format!("{{\"docs\":[{body}]}}");
    let rows = place.ask("POST", "/db/_bulk_docs", &bulk);
    assert!(rows.text().contains("too_large"), "{}", rows.text());
    place.done("DELETE", "/_node/_local/_config/couchdb/max_document_size", "");
    place.done("PUT", "/db/b", &body);

    place.set("couchdb/max_attachment_size", "10");
    let text = ("Content-Type", "text/plain");
    let large = place.raw("PUT", "/db/c/att", &[ADMIN, text], b"more than ten");
    assert_eq!(large.status, 413);
    let inline = json!({"_attachments": {"a": {"data": "bW9yZSB0aGFuIHRlbg=="}}}).to_string();
    assert_eq!(place.ask("PUT", "/db/d", &inline).status, 413);
    place.set("couchdb/max_attachment_size", "infinity");
    assert_eq!(place.raw("PUT", "/db/c/att", &[ADMIN, text], b"more than ten").status, 201);
}

#[test]
fn compression_of_attachments_acts_at_once() {
    let place = Place::new();
    place.done("PUT", "/db", "");
    let info = |id: &str| {
        let text = ("Content-Type", "text/plain");
        place.raw("PUT", &format!("/db/{id}/att"), &[ADMIN, text], &[b'a'; 4000]);
        place.done("GET", &format!("/db/{id}?att_encoding_info=true"), "")["_attachments"]["att"]
            .clone()
    };
    assert_eq!(info("a")["encoding"], "gzip");
    place.set("attachments/compression_level", "0");
    assert_eq!(info("b").get("encoding"), None);
}

#[test]
fn new_databases_are_made_as_the_settings_say() {
    let place = Place::new();
    place.set("cluster/q", "3");
    for (security, status) in [("everyone", 200), ("admin_only", 401), ("admin_local", 200)] {
        place.set("couchdb/default_security", security);
        let name = format!("/db_{security}");
        place.done("PUT", &name, "");
        assert_eq!(place.raw("GET", &name, &[], b"").status, status, "{security}");
        assert_eq!(place.done("GET", &name, "")["cluster"]["q"], 3);
    }
}

#[test]
fn ids_are_made_by_the_algorithm_that_is_set() {
    let place = Place::new();
    place.done("PUT", "/db", "");
    let ids = || {
        let uuids = place.done("GET", "/_uuids?count=3", "")["uuids"].clone();
        let mut ids: Vec<String> = serde_json::from_value(uuids).unwrap();
        ids.push(place.done("POST", "/db", "{}")["id"].as_str().unwrap().to_owned());
        let bulk = place.done("POST", "/db/_bulk_docs", "{\"docs\":[{}]}");
        ids.push(bulk[0]["id"].as_str().unwrap().to_owned());
        ids
    };
    let ascend = |ids: &[String]| ids.windows(2).all(|pair| pair[0] < pair[1]);
    let share =
        |ids: &[String], digits: usize| ids.iter().all(|id| id[..digits] == ids[0][..digits]);
    let sequential = ids();
    assert!(ascend(&sequential) && share(&sequential, 26), "{sequential:?}");
    assert!(sequential.iter().all(|id| id.len() == 32));
    place.set("uuids/algorithm", "utc_random");
    let timed = ids();
    assert!(
        ascend(&timed) && share(&timed, 5) && timed.iter().all(|id| id.len() == 32),
        "{timed:?}"
    );
    place.set("uuids/algorithm", "utc_id");
    place.set("uuids/utc_id_suffix", "@here");
    let suffixed = ids();
    assert!(ascend(&suffixed), "{suffixed:?}");
    assert!(suffixed.iter().all(|id| id.len() == 19 && id.ends_with("@here")), "{suffixed:?}");
    place.set("uuids/algorithm", "random");
    let random = ids();
    assert!(!share(&random, 5) && random.iter().all(|id| id.len() == 32), "{random:?}");
    place.set("uuids/max_count", "2");
    assert_eq!(place.ask("GET", "/_uuids?count=3", "").status, 400);
}

#[test]
fn new_passwords_of_users_meet_every_rule() {
    let place = Place::new();
    let user = |name: &str, password: &str| {
        let body = json!({"name": name, "type": "user", "roles": [], "password": password});
        place.ask("PUT", &format!("/_users/org.couchdb.user:{name}"), &body.to_string())
    };
    place.set("couch_httpd_auth/password_regexp", r#"[{".{10,}", "min 10"}, {"[0-9]+"}]"#);
    let refused = user("ann", "short");
    assert_eq!(refused.status, 400);
    let expected = "Password does not conform to requirements. min 10";
    assert_eq!(refused.json()["reason"], expected);
    let bulk = json!({"docs": [{"_id": "org.couchdb.user:eve", "name": "eve", "type": "user", "roles": [], "password": "x"}]});
    let bulk = place.ask("POST", "/_users/_bulk_docs", &bulk.to_string());
    assert!(bulk.text().contains(expected), "{}", bulk.text());
    assert_eq!(user("ann", "long without digits").status, 400);
    assert_eq!(user("ann", "long with 1 digit").status, 201);
    // The newer section counts more.
    place.set("chttpd_auth/password_regexp", "[]");
    assert_eq!(user("bob", "x").status, 201);
    for wrong in ["{", "[{}]", "[{\"(\", \"x\"}]", "[{\"a\", \"b\"},]", "[\"a\"]"] {
        assert_eq!(put(&place, "chttpd_auth/password_regexp", wrong).status, 400, "{wrong}");
    }
}

#[test]
fn rounds_of_passwords_and_the_time_of_sessions_act_at_once() {
    let place = Place::new();
    place.set("chttpd_auth/iterations", "7");
    let body = json!({"name": "ann", "type": "user", "roles": [], "password": "stone"}).to_string();
    place.done("PUT", "/_users/org.couchdb.user:ann", &body);
    assert_eq!(place.done("GET", "/_users/org.couchdb.user:ann", "")["iterations"], 7);
    place.set("admins/ben", "stone");
    assert!(config(&place, "admins/ben").as_str().unwrap().ends_with(",7"));
    place.set("chttpd_auth/timeout", "1234");
    let session = place.raw("POST", "/_session", &[JSON], br#"{"name":"ann","password":"stone"}"#);
    let cookie = session.header("set-cookie").unwrap();
    assert!(cookie.contains("Max-Age=1234;"), "{cookie}");
}

#[test]
fn a_limit_over_the_query_limit_is_refused_and_none_means_the_limit() {
    let place = Place::new();
    place.done("PUT", "/db?partitioned=true", "");
    for id in ["p:1", "p:2", "p:3"] {
        place.done("PUT", &format!("/db/{id}"), "{}");
    }
    place.set("query_server_config/query_limit", "2");
    place.set("query_server_config/partition_query_limit", "1");
    let ask = |path: &str| place.ask("GET", path, "");
    for (path, max) in [
        ("/db/_all_docs?limit=3", 2),
        ("/db/_partition/p/_all_docs?limit=2", 1),
        ("/db/_local_docs?limit=3", 2),
    ] {
        let refused = ask(path);
        assert_eq!(
            (refused.status, refused.json()["error"].clone()),
            (400, json!("query_parse_error"))
        );
        let reason = format!("Limit is too large, must not exceed {max}");
        assert_eq!(refused.json()["reason"], reason, "{path}");
    }
    let queries = place.ask("POST", "/db/_all_docs/queries", "{\"queries\":[{\"limit\":3}]}");
    assert_eq!(queries.status, 400);
    let rows = |path: &str| ask(path).json()["rows"].as_array().unwrap().len();
    assert_eq!(rows("/db/_all_docs"), 2);
    assert_eq!(rows("/db/_partition/p/_all_docs"), 1);
}

#[test]
fn a_plus_in_a_path_is_a_space_unless_the_setting_says_otherwise() {
    let place = Place::new();
    place.done("PUT", "/db", "");
    assert_eq!(place.done("PUT", "/db/test+doc+2", "{}")["id"], "test doc 2");
    assert_eq!(place.done("PUT", "/db/_local/a+b", "{}")["id"], "_local/a b");
    assert_eq!(place.done("PUT", "/db/a%2Bb", "{}")["id"], "a+b");
    assert_eq!(place.ask("PUT", "/plus+db", "").status, 400);
    place.set("chttpd/decode_plus_to_space", "false");
    assert_eq!(place.done("PUT", "/db/test+doc+2", "{}")["id"], "test+doc+2");
    assert_eq!(place.ask("PUT", "/plus+db", "").status, 201);
}

#[test]
fn a_required_user_is_required_for_all_but_signing_in() {
    let place = Place::new();
    let unknown = |method: &str, path: &str| place.raw(method, path, &[JSON], b"{}").status;
    for section in ["chttpd", "chttpd_auth", "couch_httpd_auth", "httpd"] {
        assert_eq!(unknown("GET", "/"), 200);
        let key = format!("{section}/require_valid_user");
        place.set(&key, "true");
        let refused = place.raw("GET", "/", &[], b"");
        assert_eq!(
            (refused.status, refused.json()["reason"].clone()),
            (401, json!("Authentication required.")),
            "{section}"
        );
        assert_eq!(unknown("GET", "/_up"), 401);
        assert_ne!(unknown("POST", "/_session"), 200);
        assert_eq!(place.ask("GET", "/", "").status, 200);
        place.done("DELETE", &format!("/_node/_local/_config/{key}"), "");
    }
    place.set("chttpd/require_valid_user_except_for_up", "true");
    assert_eq!((unknown("GET", "/_up"), unknown("GET", "/")), (200, 401));
    let session = place.raw("POST", "/_session", &[JSON], br#"{"name":"admin","password":"pass"}"#);
    assert_eq!(session.status, 200);
}
