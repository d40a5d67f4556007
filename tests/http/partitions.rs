//! Partitioned databases over HTTP, beyond what the recorded samples ask.

use crate::Place;

fn ids(answer: &serde_json::Value) -> Vec<&str> {
    answer["rows"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap()).collect()
}

fn place() -> Place {
    let place = Place::new();
    place.done("PUT", "/part?partitioned=true&q=4", "");
    for id in ["foo:1", "foo:2", "foo:3", "bar:1"] {
        place.done("PUT", &format!("/part/{id}"), "{\"v\":1}");
    }
    place
}

#[test]
fn rows_of_a_partition_are_asked_by_path_or_parameter_with_bounds_keys_and_queries() {
    let place = place();
    let get = |target: &str| place.done("GET", target, "");
    assert_eq!(ids(&get("/part/_partition/foo/_all_docs")), ["foo:1", "foo:2", "foo:3"]);
    assert_eq!(ids(&get("/part/_all_docs?partition=foo")), ["foo:1", "foo:2", "foo:3"]);
    let bounded = "/part/_partition/foo/_all_docs?start_key=%22foo:2%22&include_docs=true";
    let rows = get(bounded);
    assert_eq!(ids(&rows), ["foo:2", "foo:3"]);
    assert_eq!(rows["rows"][0]["doc"]["v"], 1);
    let down = get("/part/_partition/foo/_all_docs?descending=true&limit=2");
    assert_eq!(ids(&down), ["foo:3", "foo:2"]);
    assert_eq!(ids(&get("/part/_partition/foo/_all_docs?key=%22bar:1%22")), [""; 0]);
    let posted = place.done("POST", "/part/_partition/bar/_all_docs", "{\"limit\":5}");
    assert_eq!(ids(&posted), ["bar:1"]);
    let queries = "{\"queries\":[{\"limit\":1},{\"descending\":true}]}";
    let several = place.done("POST", "/part/_partition/foo/_all_docs/queries", queries);
    assert_eq!(ids(&several["results"][0]), ["foo:1"]);
    assert_eq!(ids(&several["results"][1]), ["foo:3", "foo:2", "foo:1"]);
}

#[test]
fn what_makes_no_sense_of_partitions_is_told_in_couchdbs_words() {
    let place = place();
    place.done("PUT", "/plain", "");
    for (method, target, body, status, words) in [
        ("PUT", "/p?partitioned=1", "", 400, "Invalid `partitioned` parameter"),
        ("PUT", "/_users?partitioned=true", "", 400, "Cannot partition a system database"),
        ("GET", "/part/nopart", "", 400, "Doc id must be of form partition:id"),
        ("PUT", "/part/:x", "{}", 400, "Partition must not be empty"),
        ("PUT", "/part/a:", "{}", 400, "Document id must not be empty"),
        ("POST", "/part/_bulk_docs", "{\"docs\":[{\"_id\":\"x\"}]}", 400, "form partition:id"),
        ("GET", "/part/_partition/_foo", "", 400, "must not start with an underscore"),
        ("GET", "/plain/_partition/_foo", "", 400, "must not start with an underscore"),
        ("GET", "/part/_partition/a:b", "", 400, "must not contain a colon"),
        ("GET", "/plain/_partition/foo/_all_docs", "", 400, "database is not partitioned"),
        ("GET", "/plain/_partition/foo/_find", "", 400, "database is not partitioned"),
        ("GET", "/plain/_all_docs?partition=foo", "", 400, "is not supported on this db"),
        (
            "GET",
            "/part/_partition/foo/_all_docs?partition=bar",
            "",
            400,
            "Conflicting value for `partition`",
        ),
        ("POST", "/part/_partition/foo/_find", "{\"selector\":{}}", 501, "come later"),
        ("GET", "/part/_partition/foo/_design/d/_view/v", "", 404, "missing"),
        ("GET", "/part/_partition/foo/_changes", "", 404, "missing"),
    ] {
        let answer = place.ask(method, target, body);
        assert_eq!(answer.status, status, "{method} {target}: {}", answer.text());
        assert!(answer.text().contains(words), "{method} {target}: {}", answer.text());
    }
    assert_eq!(place.done("GET", "/part", "")["doc_count"], 4);
}

#[test]
fn documents_without_ids_are_refused_and_attachments_go_to_the_shard_of_the_partition() {
    let place = place();
    // The server's own id names no partition.
    let posted = place.ask("POST", "/part", "{\"v\":1}");
    assert_eq!((posted.status, posted.json()["error"].clone()), (400, "illegal_docid".into()));
    let attached = place.ask("PUT", "/part/foo:att/file", "hello");
    assert_eq!(attached.status, 201, "{}", attached.text());
    assert_eq!(place.ask("GET", "/part/foo:att/file", "").text(), "hello");
    let told = place.done("GET", "/part/_partition/foo", "");
    assert_eq!(told["doc_count"], 4);
    let shards = place.done("GET", "/part/_shards/foo:1", "");
    assert_eq!(shards, place.done("GET", "/part/_shards/foo:att", ""));
    assert_eq!(place.done("GET", "/part", "")["props"]["partitioned"], true);
    let placement = place.done("GET", "/_node/_local/_dbs/part", "");
    assert_eq!(placement["props"]["hash"][0], "couch_partition");
}
