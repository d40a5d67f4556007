//! Feeds that go on.

use crate::client::{ADMIN, begin, request};
use crate::{Place, Server};

#[test]
fn a_continuous_feed_tells_every_change_in_order_until_the_server_ends() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path(), true, Default::default());
    let ask = |method: &str, target: &str, body: &str| {
        crate::client::ask(server.address, method, target, body)
    };
    ask("PUT", "/db?q=1", "");
    let target = "/db/_changes?feed=continuous&since=now&heartbeat=60000";
    let mut feed = begin(server.address, &request("GET", target, &[ADMIN], b"")).unwrap();
    for number in 0..50 {
        assert_eq!(ask("PUT", &format!("/db/d{number}"), "{}").status, 201);
        let line: serde_json::Value = serde_json::from_str(&feed.line()).unwrap();
        assert_eq!(line["id"], format!("d{number}"));
    }
    let ended = std::thread::spawn(move || feed.line());
    server.stop();
    assert!(ended.join().unwrap().contains("last_seq"));
}

#[test]
fn a_filtered_feed_is_silent_about_the_rest() {
    let place = Place::new();
    place.done("PUT", "/db?q=1", "");
    let body = br#"{"selector":{"v":{"$gt":5}}}"#;
    let headers = [ADMIN, crate::client::JSON];
    let target = "/db/_changes?feed=continuous&filter=_selector&since=now&timeout=20000";
    let mut feed = begin(place.address(), &request("POST", target, &headers, body)).unwrap();
    for value in [1, 9, 2, 7] {
        place.done("PUT", &format!("/db/d{value}"), &format!("{{\"v\":{value}}}"));
    }
    for value in [9, 7] {
        assert!(feed.line().contains(&format!("\"id\":\"d{value}\"")));
    }
}

#[test]
fn events_of_databases_are_told_and_can_be_gone_on_from() {
    let place = Place::new();
    place.done("PUT", "/first", "");
    // As in CouchDB there is a feed once somebody has made its database.
    assert_eq!(place.ask("GET", "/_db_updates", "").status, 404);
    place.done("PUT", "/_global_changes", "");
    let before = place.done("GET", "/_db_updates", "");
    let since = before["last_seq"].as_str().unwrap().to_owned();
    assert_eq!(before["results"][0]["db_name"], "first");
    let target = format!("/_db_updates?feed=continuous&since={since}&heartbeat=60000");
    let mut feed = begin(place.address(), &request("GET", &target, &[ADMIN], b"")).unwrap();
    place.done("PUT", "/second", "");
    let line: serde_json::Value = serde_json::from_str(&feed.line()).unwrap();
    assert_eq!(
        (line["db_name"].as_str(), line["type"].as_str()),
        (Some("second"), Some("created"))
    );
    place.done("DELETE", "/second", "");
    let line: serde_json::Value = serde_json::from_str(&feed.line()).unwrap();
    assert_eq!(line["type"], "deleted");
}

#[test]
fn a_heartbeat_comes_while_nothing_happens() {
    let place = Place::new();
    place.done("PUT", "/db", "");
    let target = "/db/_changes?feed=continuous&since=now&heartbeat=50";
    let mut feed = begin(place.address(), &request("GET", target, &[ADMIN], b"")).unwrap();
    assert_eq!((feed.line(), feed.line()), ("\n".to_owned(), "\n".to_owned()));
    place.done("PUT", "/db/x", "{}");
    let mut line = feed.line();
    while line == "\n" {
        line = feed.line();
    }
    assert!(line.contains("\"id\":\"x\""), "{line}");
}
