//! Passwords in documents of `_replicator`: for their owner and server admins, by no way for others.

use serde_json::json;

use crate::Place;

const SECRET: &str = "remote-stone";

/// A replicator that `ann` and `bob` may read, with a document of `ann` that was changed once.
fn place() -> (Place, String) {
    let place = Place::new();
    place.add_user("ann", "[]");
    place.add_user("bob", "[]");
    place.done("PUT", "/_replicator", "");
    let security = json!({"admins": {"names": ["bob"], "roles": []}, "members": {"names": ["ann", "bob"], "roles": []}});
    place.done("PUT", "/_replicator/_security", &security.to_string());
    let doc = |state: &str| {
        json!({
            "source": format!("http://joe:{SECRET}@127.0.0.1:1/db?token={SECRET}"),
            "target": {"url": format!("http://joe:{SECRET}@127.0.0.1:1/db"),
                       "headers": {"Authorization": SECRET}, "auth": {"basic": {"username": "joe", "password": SECRET}}},
            "owner": "ann", "_replication_state": state,
        })
    };
    let written = place.done("PUT", "/_replicator/r", &doc("failed").to_string());
    let rev = written["rev"].as_str().unwrap().to_owned();
    let mut changed = doc("completed");
    changed["_rev"] = json!(rev);
    place.done("PUT", "/_replicator/r", &changed.to_string());
    (place, rev)
}

#[test]
fn readers_of_a_replicator_see_no_passwords_by_any_way() {
    let (place, rev) = place();
    let get = [
        "/_replicator/r".to_owned(),
        format!("/_replicator/r?rev={rev}"),
        "/_replicator/r?attachments=true&revs=true&meta=true".to_owned(),
        "/_replicator/r?open_revs=all".to_owned(),
        "/_replicator/_all_docs?include_docs=true".to_owned(),
        "/_replicator/_all_docs?include_docs=true&keys=%5B%22r%22%5D".to_owned(),
        "/_replicator/_changes?include_docs=true".to_owned(),
        "/_replicator/_changes?include_docs=true&feed=longpoll".to_owned(),
        "/_replicator/_changes?include_docs=true&feed=continuous&timeout=0".to_owned(),
        "/_replicator/_changes?include_docs=true&feed=eventsource&timeout=0&limit=1".to_owned(),
    ];
    let post = [
        ("/_replicator/_all_docs/queries", json!({"queries": [{"include_docs": true}]})),
        ("/_replicator/_all_docs?include_docs=true", json!({"keys": ["r"]})),
        ("/_replicator/_bulk_get", json!({"docs": [{"id": "r"}, {"id": "r", "rev": rev}]})),
        ("/_replicator/_changes?filter=_doc_ids&include_docs=true", json!({"doc_ids": ["r"]})),
        (
            "/_replicator/_changes?filter=_selector&include_docs=true",
            json!({"selector": {"owner": "ann"}}),
        ),
    ];
    let get = get.into_iter().map(|target| ("GET", target, String::new()));
    let post = post.into_iter().map(|(target, body)| ("POST", target.to_owned(), body.to_string()));
    for (method, target, body) in get.chain(post) {
        let shown = place.as_user("bob", method, &target, &body).text();
        assert!(shown.contains("127.0.0.1:1/db"), "{target}: {shown}");
        assert!(!shown.contains(SECRET) && !shown.contains("joe"), "{target}: {shown}");
        let own = place.as_user("ann", method, &target, &body).text();
        assert!(own.contains(SECRET), "{target}: {own}");
        let all = place.ask(method, &target, &body).text();
        assert!(all.contains(SECRET), "{target}: {all}");
    }
}

#[test]
fn parts_and_selectors_tell_no_password_either() {
    let (place, _) = place();
    let authorization = crate::people::basic("bob", "stone");
    for (method, target, body) in [
        ("GET", "/_replicator/r?open_revs=all", ""),
        ("GET", "/_replicator/r?attachments=true", ""),
        ("POST", "/_replicator/_bulk_get", r#"{"docs":[{"id":"r"}]}"#),
    ] {
        let headers = [
            ("Authorization", authorization.as_str()),
            ("Accept", "multipart/mixed, multipart/related"),
            crate::client::JSON,
        ];
        let shown = place.raw(method, target, &headers, body.as_bytes()).text();
        assert!(shown.contains("127.0.0.1:1/db") && !shown.contains(SECRET), "{target}: {shown}");
    }
    let guess = json!({"selector": {"target.auth.basic.password": SECRET}}).to_string();
    let target = "/_replicator/_changes?filter=_selector";
    assert!(!place.as_user("bob", "POST", target, &guess).text().contains("\"id\":\"r\""));
    assert!(place.as_user("ann", "POST", target, &guess).text().contains("\"id\":\"r\""));
}
