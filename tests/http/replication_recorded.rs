//! A CouchDB's replicator with this server as source and as target, and this replicator with a CouchDB, as they were recorded.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::Place;
use crate::client::{ADMIN, Answer};
use crate::recorded::{Pair, bulk_documents, documents_in_parts, pairs, with_plain_boundaries};
use crate::stand_in::StandIn;

/// Sends requests as they were recorded, each with the cookie that this server gave.
struct Replaying<'a> {
    place: &'a Place,
    cookie: String,
}

impl Replaying<'_> {
    fn send(&mut self, pair: &Pair, target: &str) -> Answer {
        let kept = |(name, _): &&(String, String)| match name.as_str() {
            "Cookie" => false,
            "Content-Length" => pair.method == "GET",
            _ => true,
        };
        let mut headers: Vec<(&str, &str)> = pair
            .headers
            .iter()
            .filter(kept)
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        headers.push(("Cookie", &self.cookie));
        let answer = self.place.raw(&pair.method, target, &headers, &pair.body);
        if let Some(cookie) = answer.header("set-cookie") {
            cookie.split(';').next().unwrap().clone_into(&mut self.cookie);
        }
        answer
    }

    /// Sends it where it was sent, and holds the answer against the recorded one.
    fn compare(&mut self, pair: &Pair) {
        let answer = self.send(pair, &pair.target);
        let expected = &pair.answer;
        let what = format!("{} {}: {}", pair.method, pair.target, answer.text());
        assert_eq!(answer.status, expected.status, "{what}");
        let below = pair.below();
        if below.starts_with("_changes") {
            assert_eq!(rows(&answer), rows(expected), "{what}");
        } else if pair.target.contains("open_revs=") {
            let plain = |answer: &Answer| {
                with_plain_boundaries(answer.header("content-type").unwrap(), &answer.body)
            };
            assert_eq!(plain(&answer), plain(expected), "{what}");
        } else if below.starts_with("_bulk_get") {
            assert_eq!(answer.text(), expected.text(), "{what}");
        } else if below.starts_with("_revs_diff") || below.starts_with("_local/") || pair.is_write()
        {
            assert_eq!(answer.json(), expected.json(), "{what}");
        }
        if pair.is_write() {
            assert_eq!(answer.header("etag"), expected.header("etag"), "{what}");
        }
    }
}

/// Ids, revisions, deleted or not, in the order of ids.
fn rows(answer: &Answer) -> BTreeMap<String, (Value, Value)> {
    let rows = answer.json()["results"].as_array().unwrap().clone();
    let row = |row: &Value| {
        (row["id"].as_str().unwrap().to_owned(), (row["changes"].clone(), row["deleted"].clone()))
    };
    rows.iter().map(row).collect()
}

fn replaying(place: &Place) -> Replaying<'_> {
    Replaying { place, cookie: String::new() }
}

/// Every revision that was recorded is in a database, with its body, its history and its attachments.
fn assert_all_there(place: &Place, name: &str, pairs: &[Pair]) {
    for document in bulk_documents(pairs) {
        let (id, rev) = (document["_id"].as_str().unwrap(), document["_rev"].as_str().unwrap());
        let asked = json!({ "docs": [{ "id": id, "rev": rev }] }).to_string();
        let found = place.done("POST", &format!("/{name}/_bulk_get?revs=true"), &asked);
        assert_eq!(found["results"][0]["docs"][0]["ok"], document);
    }
    for (document, expected) in documents_in_parts(pairs) {
        let id = document["_id"].as_str().unwrap();
        let rev = document["_rev"].as_str().unwrap();
        let target = format!("/{name}/{id}?revs=true&open_revs=[%22{rev}%22]");
        let found = place.raw("GET", &target, &[ADMIN, ("Accept", "multipart/mixed")], b"");
        let plain = |answer: &Answer| {
            with_plain_boundaries(answer.header("content-type").unwrap(), &answer.body)
        };
        assert_eq!(plain(&found), plain(&expected), "{id} {rev}");
    }
}

#[test]
fn a_recorded_couchdb_pushes_to_this_server() {
    let place = Place::new();
    place.done("PUT", "/rdst", "");
    let pairs = pairs();
    let mut replaying = replaying(&place);
    for pair in pairs.iter().filter(|pair| !pair.target.starts_with("/rsrc")) {
        replaying.compare(pair);
    }
    assert_all_there(&place, "rdst2", &pairs);
    let listed =
        |name: &str| rows(&place.ask("GET", &format!("/{name}/_changes?style=all_docs"), ""));
    assert_eq!(listed("rdst"), listed("rdst2"));
}

#[test]
fn a_recorded_couchdb_pulls_from_this_server() {
    let place = Place::new();
    place.done("PUT", "/rsrc", "");
    let pairs = pairs();
    let mut replaying = replaying(&place);
    replaying.send(&pairs[0], &pairs[0].target);
    for pair in pairs.iter().filter(|pair| pair.target.starts_with("/rdst2/") && pair.is_write()) {
        let target = pair.target.replacen("rdst2", "rsrc", 1);
        assert_eq!(replaying.send(pair, &target).status, 201);
    }
    let is_list = |pair: &&Pair| pair.method == "GET" && pair.below().starts_with("_changes");
    // All is there from the beginning: of the lists that it read, the last one is that of all.
    for pair in pairs.iter().filter(|pair| pair.target.starts_with("/rsrc") && !is_list(pair)) {
        replaying.compare(pair);
    }
    let mut lists = pairs.iter().filter(|pair| is_list(pair) && pair.below().contains("since=0"));
    replaying.compare(lists.next_back().unwrap());
}

fn replicate(place: &Place, wanted: &Value) -> Value {
    let answer = place.done("POST", "/_replicate", &wanted.to_string());
    let done = answer["history"][0].clone();
    assert_eq!(done["doc_write_failures"], 0, "{answer}");
    done
}

#[test]
fn this_replicator_pulls_from_a_recorded_couchdb() {
    let (place, pairs) = (Place::new(), pairs());
    let source = StandIn::start(pairs.clone());
    place.done("PUT", "/copy", "");
    let source_url = format!("http://admin:pass@{}/rsrc", source.address);
    let wanted = json!({ "source": source_url, "target": "copy", "use_checkpoints": false });
    let first = replicate(&place, &wanted);
    assert_eq!((&first["missing_found"], &first["docs_written"]), (&json!(21), &json!(21)));
    assert_all_there(&place, "copy", &pairs);
    let second = replicate(&place, &wanted);
    assert_eq!((&second["missing_found"], &second["docs_read"]), (&json!(0), &json!(0)));
}

#[test]
fn this_replicator_pushes_to_a_recorded_couchdb_what_its_own_did() {
    let (place, pairs) = (Place::new(), pairs());
    let target = StandIn::start(pairs.clone());
    place.done("PUT", "/db", "");
    let recorded: Vec<_> =
        pairs.iter().filter(|pair| pair.target.starts_with("/rdst2/") && pair.is_write()).collect();
    let mut replaying = replaying(&place);
    replaying.send(&pairs[0], &pairs[0].target);
    for pair in &recorded {
        let answer = replaying.send(pair, &pair.target.replacen("rdst2", "db", 1));
        assert_eq!(answer.status, 201);
    }
    let target_url = format!("http://admin:pass@{}/rdst2", target.address);
    let wanted = json!({ "source": "db", "target": target_url, "use_checkpoints": false });
    assert_eq!(replicate(&place, &wanted)["docs_written"], 21);
    assert_eq!(target.written().iter().collect::<BTreeSet<_>>().len(), 21);
    let plain = |content_type: &str, body: &[u8]| with_plain_boundaries(content_type, body);
    let sent: BTreeSet<_> = target
        .asked()
        .iter()
        .filter(|asked| asked.content_type.starts_with("multipart/related"))
        .map(|asked| plain(&asked.content_type, &asked.body))
        .collect();
    let expected: BTreeSet<_> = recorded
        .iter()
        .filter(|pair| pair.header("Content-Type").starts_with("multipart/related"))
        .map(|pair| plain(pair.header("Content-Type"), &pair.body))
        .collect();
    assert_eq!(sent, expected);
    assert_eq!(replicate(&place, &wanted)["missing_found"], 0);
}
