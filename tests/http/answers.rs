//! What CouchDB answers where the recorded samples do not ask: each test is one kind, with its siblings.

use crate::Place;
use crate::client::{ADMIN, Answer, JSON};

fn place() -> Place {
    let place = Place::new();
    place.done("PUT", "/t?q=1", "");
    for id in ["a", "b", "c", "_design/d", "_local/a", "_local/b"] {
        place.done("PUT", &format!("/t/{id}"), "{}");
    }
    place
}

fn ids(answer: &Answer) -> Vec<String> {
    let rows = answer.json();
    let rows = rows["rows"].as_array().unwrap_or_else(|| panic!("{}", answer.text()));
    rows.iter().map(|row| row["id"].as_str().unwrap_or("?").to_owned()).collect()
}

fn reason(answer: &Answer) -> (u16, String, String) {
    let body = answer.json();
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    (answer.status, text("error"), text("reason"))
}

fn refused(status: u16, error: &str, reason: &str) -> (u16, String, String) {
    (status, error.to_owned(), reason.to_owned())
}

#[test]
fn a_query_counts_more_than_the_body() {
    let place = place();
    for path in ["_all_docs", "_local_docs", "_design_docs"] {
        let answer = place.ask("POST", &format!("/t/{path}?limit=0"), "{\"limit\":1}");
        assert_eq!(ids(&answer), Vec::<String>::new(), "{path}");
    }
    let answer = place.ask("POST", "/t/_all_docs?startkey=%22c%22", "{\"startkey\":\"a\"}");
    assert_eq!(ids(&answer), ["c"]);
    let answer = place.ask("POST", "/t/_all_docs?skip=3", "{\"descending\":\"true\"}");
    assert_eq!(ids(&answer), ["_design/d"]);
}

#[test]
fn limit_and_skip_count_beside_keys() {
    let place = place();
    let local = "{\"keys\":[\"_local/a\",\"_local/b\"],\"limit\":1}";
    assert_eq!(ids(&place.ask("POST", "/t/_local_docs", local)), ["_local/a"]);
    let local = "{\"keys\":[\"_local/a\",\"_local/b\"],\"skip\":1}";
    assert_eq!(ids(&place.ask("POST", "/t/_local_docs", local)), ["_local/b"]);
    let all = "{\"keys\":[\"a\",\"b\"],\"limit\":1}";
    assert_eq!(ids(&place.ask("POST", "/t/_all_docs", all)), ["a"]);
}

#[test]
fn a_body_that_is_no_object_is_named() {
    let place = place();
    let object = refused(400, "bad_request", "Request body must be a JSON object");
    for path in [
        "_all_docs",
        "_design_docs",
        "_local_docs",
        "_all_docs/queries",
        "_local_docs/queries",
        "_changes?filter=_doc_ids",
        "_changes",
        "_bulk_get",
        "_bulk_docs",
        "_revs_diff",
        "_missing_revs",
        "_purge",
    ] {
        for body in ["[]", "\"x\"", "1"] {
            let answer = place.ask("POST", &format!("/t/{path}"), body);
            assert_eq!(reason(&answer), object, "{path} {body}");
        }
    }
    let json = refused(400, "bad_request", "invalid UTF-8 JSON");
    for path in ["_all_docs", "_design_docs", "_local_docs"] {
        assert_eq!(reason(&place.ask("POST", &format!("/t/{path}"), "")), json, "{path}");
    }
    assert_eq!(place.ask("POST", "/t/_changes", "").status, 200);
    assert_eq!(reason(&place.ask("POST", "/_dbs_info", "[]")), object);
    assert_eq!(reason(&place.ask("POST", "/_replicate", "[]")), object);
    assert_eq!(reason(&place.ask("POST", "/_reshard/jobs", "[]")), object);
}

#[test]
fn booleans_are_taken_in_letters_of_any_size() {
    let place = place();
    let answer = place.ask("GET", "/t/_all_docs?include_docs=True&descending=TRUE", "");
    assert_eq!(answer.json()["rows"][0]["doc"]["_id"], "c");
    let answer = place.ask("GET", "/t/_all_docs?endkey=%22b%22&inclusive_end=False", "");
    assert_eq!(ids(&answer), ["_design/d", "a"]);
    let answer = place.ask("GET", "/t/_changes?include_docs=True&limit=1", "");
    assert_eq!(answer.json()["results"][0]["doc"]["_id"], "a");
    let rev = place.ask("GET", "/t/a?revs=True", "").json();
    assert_eq!(rev["_revisions"]["start"], 1);
    let body = "{\"include_docs\":\"true\",\"limit\":1}";
    assert!(place.ask("POST", "/t/_all_docs", body).json()["rows"][0]["doc"].is_object());
    for name in ["reduce", "sorted", "descending", "include_docs", "conflicts", "update_seq"] {
        let answer = place.ask("GET", &format!("/t/_all_docs?{name}=1"), "");
        let expected = refused(400, "query_parse_error", "Invalid boolean parameter: \"1\"");
        assert_eq!(reason(&answer), expected, "{name}");
    }
}

#[test]
fn parameters_of_views_are_refused_for_documents() {
    let place = place();
    for (query, expected) in [
        ("reduce=true", "Reduce is invalid for map-only views."),
        ("group=true", "Invalid use of grouping on a map view."),
        ("group_level=1", "Invalid use of grouping on a map view."),
        ("stable=x", "Invalid value for `stable`."),
        ("update=x", "Invalid value for `update`."),
        ("stale=x", "Invalid value for `stale`."),
        ("keys=1", "`keys` must be an array of strings."),
        (
            "keys=[%22a%22,%22b%22]&key=%22a%22",
            "`keys` is incompatible with `key`, `start_key` and `end_key`",
        ),
        (
            "keys=[%22a%22,%22b%22]&endkey=%22a%22",
            "`keys` is incompatible with `key`, `start_key` and `end_key`",
        ),
    ] {
        for path in ["_all_docs", "_local_docs", "_design_docs"] {
            let answer = place.ask("GET", &format!("/t/{path}?{query}"), "");
            assert_eq!(reason(&answer), refused(400, "query_parse_error", expected), "{query}");
        }
    }
    for query in [
        "reduce=false",
        "group=false",
        "group_level=0",
        "stable=true",
        "update=lazy",
        "stale=ok",
        "keys=[%22a%22,%22b%22]&startkey=%22a%22",
        "keys=[%22a%22]&key=%22a%22",
    ] {
        assert_eq!(place.ask("GET", &format!("/t/_all_docs?{query}"), "").status, 200, "{query}");
    }
}

#[test]
fn ids_and_values_that_are_no_ids_bound_ranges() {
    let place = place();
    let get = |query: &str| ids(&place.ask("GET", &format!("/t/_all_docs?{query}"), ""));
    assert_eq!(get("startkey_docid=b"), ["b", "c"]);
    assert_eq!(get("start_key_doc_id=b&endkey_docid=b"), ["b"]);
    assert_eq!(get("startkey=%22c%22&startkey_docid=a"), ["c"]);
    for value in ["{}", "[]", "null", "1"] {
        assert_eq!(get(&format!("endkey={value}")), Vec::<String>::new(), "{value}");
        assert_eq!(get(&format!("key={value}")), Vec::<String>::new(), "{value}");
        assert_eq!(get(&format!("startkey={value}")).len(), 4, "{value}");
    }
}

#[test]
fn no_queries_have_no_results() {
    let place = place();
    for path in ["_all_docs", "_design_docs", "_local_docs"] {
        let answer = place.ask("POST", &format!("/t/{path}/queries"), "{\"queries\":[]}");
        assert_eq!((answer.status, answer.text().trim()), (200, "{\"results\":[\r\n]}"), "{path}");
        let answer = place.ask("POST", &format!("/t/{path}/queries"), "{}");
        let expected = "POST body must include `queries` parameter.";
        assert_eq!(reason(&answer), refused(400, "bad_request", expected));
        let answer = place.ask("POST", &format!("/t/{path}/queries"), "{\"queries\":{}}");
        let expected = "`queries` member must be an array.";
        assert_eq!(reason(&answer), refused(400, "bad_request", expected));
    }
    let body = "{\"queries\":[{\"limit\":1},{\"keys\":[\"_local/b\"]},{\"include_docs\":true}]}";
    let results = place.done("POST", "/t/_local_docs/queries", body)["results"].clone();
    assert_eq!(results[0]["rows"].as_array().unwrap().len(), 1);
    assert_eq!(results[1]["rows"][0]["id"], "_local/b");
    assert_eq!(results[2]["rows"][0]["doc"]["_id"], "_local/a");
}

#[test]
fn design_documents_are_counted_from_the_first_document() {
    let place = place();
    place.done("PUT", "/t/A", "{}");
    let answer = place.done("GET", "/t/_design_docs", "");
    assert_eq!((&answer["offset"], &answer["total_rows"]), (&1.into(), &1.into()));
    let body = "{\"keys\":[\"_design/d\",\"_design/no\",\"a\",\"no\"]}";
    let answer = place.ask("POST", "/t/_design_docs", body);
    assert_eq!(ids(&answer), ["_design/d"]);
}

#[test]
fn a_second_slash_in_a_path_does_not_count() {
    let place = place();
    assert_eq!(place.ask("GET", "/t//_all_docs", "").status, 200);
    assert_eq!(place.ask("POST", "/t//_bulk_docs", "{\"docs\":[]}").status, 201);
    assert_eq!(place.ask("GET", "//t///a//", "").status, 200);
    assert_eq!(place.ask("PUT", "/t/a//x//y", "z").status, 409);
    assert_eq!(place.ask("GET", "//_up", "").status, 200);
    assert_eq!(place.raw("GET", "//t//a", &[], b"").status, 401);
}

#[test]
fn an_escaped_slash_of_a_design_document_is_sent_elsewhere() {
    let place = place();
    for (path, expected) in [
        ("/t/_design%2Fd", "/t/_design/d"),
        ("/t/_design%2fd?revs=true&x=%20", "/t/_design/d?revs=true&x=%20"),
        ("/t/_design%2Fd/_view/v", "/t/_design/d/_view/v"),
    ] {
        let answer = place.ask("GET", path, "");
        let location = format!("http://127.0.0.1:5984{expected}");
        assert_eq!((answer.status, answer.header("location")), (301, Some(location.as_str())));
    }
    assert_eq!(place.ask("HEAD", "/t/_design%2Fd", "").status, 301);
    assert_eq!(place.ask("PUT", "/t/_design%2Fe", "{}").status, 201);
    assert_eq!(place.ask("GET", "/t/_design/e", "").status, 200);
    assert_eq!(place.raw("GET", "/t/_design%2Fd", &[], b"").status, 401);
}

#[test]
fn a_wrong_method_is_told_of_databases_that_are_there() {
    let place = place();
    for (method, path) in [("GET", "_bulk_docs"), ("PUT", "_all_docs"), ("DELETE", "_changes")] {
        assert_eq!(place.ask(method, &format!("/t/{path}"), "").status, 405, "{path}");
        assert_eq!(place.ask(method, &format!("/nodb/{path}"), "").status, 404, "{path}");
        assert_eq!(place.raw(method, &format!("/t/{path}"), &[], b"").status, 401, "{path}");
    }
    assert_eq!(place.ask("PATCH", "/nodb/x", "").status, 404);
    assert_eq!(place.ask("PATCH", "/t/x", "").status, 405);
    assert_eq!(place.ask("PATCH", "/_up", "").status, 405);
}

#[test]
fn answers_have_the_headers_of_couchdb() {
    let place = place();
    let given = place.raw("GET", "/", &[("X-Couch-Request-ID", "E7498DE1")], b"");
    assert_eq!(given.header("x-couch-request-id"), Some("E7498DE1"));
    for id in ["", "a b", "a\u{e9}", &"x".repeat(37), "a,b"] {
        let answer = place.raw("GET", "/nothing", &[("X-Couch-Request-ID", id)], b"");
        assert_eq!(answer.header("x-couch-request-id").unwrap().len(), 10, "{id}");
    }
    for path in ["/", "/_scheduler/jobs", "/t/a?open_revs=all", "/nodb", "/t/_changes"] {
        let answer = place.ask("GET", path, "");
        let time = answer.header("x-couchdb-body-time").map(str::parse::<u64>);
        assert!(matches!(time, Some(Ok(_))), "{path}");
        assert!(answer.header("server").unwrap().starts_with("CouchDB/3.5.0 (pumice/"), "{path}");
    }
    let welcome = place.done("GET", "/", "");
    for feature in ["partitioned", "reshard"] {
        assert!(welcome["features"].as_array().unwrap().contains(&feature.into()));
    }
}

#[test]
fn the_name_of_the_server_is_a_setting() {
    let options = pumice::http::HttpOptions {
        server_name: pumice::http::ServerName::Pumice,
        ..Default::default()
    };
    let place = Place::with(true, options);
    assert!(place.ask("GET", "/", "").header("server").unwrap().starts_with("pumice/"));
}

#[test]
fn addresses_are_those_that_a_proxy_names() {
    let place = place();
    let put = |id: &str, headers: &[(&str, &str)]| {
        let headers = [&[ADMIN, JSON], headers].concat();
        let answer = place.raw("PUT", &format!("/t/{id}"), &headers, b"{}");
        answer.header("location").unwrap().to_owned()
    };
    assert_eq!(put("p1", &[("X-Forwarded-Host", "mysite.com")]), "http://mysite.com/t/p1");
    assert_eq!(put("p2", &[("X-Forwarded-Proto", "https")]), "https://127.0.0.1:5984/t/p2");
    assert_eq!(put("p3", &[("X-Forwarded-Ssl", "on")]), "https://127.0.0.1:5984/t/p3");
    assert_eq!(put("p4", &[("X-Forwarded-Host", "evil/x")]), "http://127.0.0.1:5984/t/p4");
    place.set("chttpd/x_forwarded_host", "X-Site");
    assert_eq!(put("p5", &[("X-Site", "b.com")]), "http://b.com/t/p5");
    assert_eq!(put("p6", &[("X-Forwarded-Host", "b.com")]), "http://127.0.0.1:5984/t/p6");
}

#[test]
fn addresses_escape_what_couchdb_escapes() {
    let place = place();
    let location = |path: &str| place.ask("PUT", path, "{}").header("location").unwrap().to_owned();
    assert!(location("/t/x&=,;$@'()*!~").ends_with("/t/x%26%3D%2C%3B%24%40%27%28%29%2A%21%7E"));
    assert!(location("/t/p:a-b_c.d").ends_with("/t/p:a-b_c.d"));
    let file = place.ask("PUT", "/t/new/%C3%A9/b%20c", "x");
    assert!(file.header("location").unwrap().ends_with("/t/new/%C3%A9/b%20c"));
}

#[test]
fn a_feed_is_asked_for_as_in_couchdb() {
    let place = place();
    for (query, expected) in [
        (
            "feed=continuous&heartbeat=-1000",
            "The heartbeat value should be a positive integer (in milliseconds).",
        ),
        (
            "feed=continuous&heartbeat=0",
            "The heartbeat value should be a positive integer (in milliseconds).",
        ),
        (
            "heartbeat=x",
            "Invalid heartbeat value. Expecting a positive integer value (in milliseconds).",
        ),
        ("filter=nonsense", "`filter` must be of the form `designname/filtername`"),
        ("filter=_view", "`view` filter parameter is not provided."),
    ] {
        let answer = place.ask("GET", &format!("/t/_changes?{query}"), "");
        assert_eq!(reason(&answer), refused(400, "bad_request", expected), "{query}");
    }
    let count = |query: &str| {
        place.done("GET", &format!("/t/_changes?{query}"), "")["results"].as_array().unwrap().len()
    };
    assert_eq!((count("limit=-1"), count("limit=0"), count("limit=2")), (4, 0, 2));
    assert_eq!(place.ask("GET", "/t/_changes?style=x", "").status, 500);
    assert_eq!(place.ask("GET", "/t/_changes?style=x&since=now", "").status, 200);
    for (selector, expected) in [
        ("[1]", "Selector error: expected a JSON object"),
        ("\"x\"", "Selector error: expected a JSON object"),
        ("{\"v\":{\"$no\":1}}", "Invalid operator: $no"),
    ] {
        let body = format!("{{\"selector\":{selector}}}");
        let answer = place.ask("POST", "/t/_changes?filter=_selector", &body);
        assert_eq!(reason(&answer), refused(400, "bad_request", expected), "{selector}");
    }
}

#[test]
fn what_is_left_of_the_limit_says_which_rows_have_a_place() {
    let place = Place::new();
    place.done("PUT", "/t?q=1", "");
    for n in 0..8 {
        place.done("PUT", &format!("/t/{n}"), "{}");
    }
    let places = |query: &str| -> Vec<usize> {
        let rows = place.done("GET", &format!("/t/_changes?{query}"), "")["results"].clone();
        let rows = rows.as_array().unwrap().iter().enumerate();
        rows.filter(|(_, row)| row["seq"].is_string()).map(|(at, _)| at + 1).collect()
    };
    assert_eq!(places("seq_interval=3"), [2, 5, 8]);
    assert_eq!(places("seq_interval=2"), [1, 3, 5, 7]);
    assert_eq!(places("seq_interval=3&limit=5"), [3]);
    assert_eq!(places("").len(), 8);
}

#[test]
fn functions_that_are_not_there_are_missing() {
    let place = place();
    place.done("PUT", "/p?partitioned=true", "");
    let design =
        "{\"filters\":{\"f\":\"x\"},\"shows\":{\"s\":\"x\"},\"views\":{\"v\":{\"map\":\"x\"}}}";
    place.done("PUT", "/t/_design/f", design);
    for (method, path, status, why) in [
        ("GET", "/t/_changes?filter=f/nothere", 404, "missing json key: nothere"),
        ("GET", "/t/_changes?filter=no/x", 404, "missing"),
        ("GET", "/t/_changes?filter=d/x", 404, "missing json key: filters"),
        ("GET", "/t/_changes?filter=_view&view=f/no", 404, "missing json key: no"),
        ("GET", "/t/_design/f/_show/no", 404, "missing json key: no"),
        ("GET", "/t/_design/f/_list/no/v", 404, "missing json key: lists"),
        ("POST", "/t/_design/f/_update/no", 404, "missing json key: updates"),
        ("GET", "/t/_design/f/_show/", 404, "Invalid path."),
        ("POST", "/t/_design/f/_update/", 404, "Invalid path."),
        ("GET", "/t/_design/f/_rewrite/a", 404, "Invalid path."),
        ("GET", "/t/_design/no/_show/x", 404, "missing"),
        ("GET", "/p/_partition/k/_design/no/_view/x", 404, "missing"),
        ("GET", "/p/_partition", 400, "invalid_partition_req"),
        ("POST", "/t/_temp_view", 410, "Temporary views are not supported in CouchDB"),
    ] {
        let answer = place.ask(method, path, "");
        let (given, _, told) = reason(&answer);
        assert_eq!((given, told.as_str()), (status, why), "{path}");
    }
    for path in
        ["/t/_changes?filter=f/f", "/t/_changes?filter=_view&view=f/v", "/t/_design/f/_show/s"]
    {
        assert_eq!(place.ask("GET", path, "").status, 501, "{path}");
    }
}

#[test]
fn a_design_document_of_wrong_types_is_refused() {
    let place = place();
    for (body, expected) in [
        (
            r#"{"views":{"v":{"map":"x","reduce":"_foo"}}}"#,
            "`_foo` is not a supported reduce function.",
        ),
        (r#"{"views":{"a":1}}"#, "`views.a` field must have object type"),
        (r#"{"views":{"a":{"map":1}}}"#, "`views.a.map` field must have string type"),
        (
            r#"{"views":{"a":{"map":"x","reduce":1}}}"#,
            "`views.a.reduce` field must have string type",
        ),
        (r#"{"views":{"a":{}}}"#, "View `a` must contain map function"),
        (r#"{"views":{"lib":1}}"#, "`views.lib` field must have object type"),
        (r#"{"views":[]}"#, "`views` field must have object type"),
        (r#"{"language":1}"#, "`language` field must have string type"),
        (r#"{"rewrites":1}"#, "`rewrites` field must have array or string type"),
        (r#"{"filters":[]}"#, "`filters` field must have object type"),
        (r#"{"updates":{"u":1}}"#, "`updates.u` field must have string or object type"),
        (r#"{"validate_doc_update":1}"#, "`validate_doc_update` field must have string type"),
        (r#"{"options":1}"#, "`options` field must have object type"),
        (r#"{"options":{"local_seq":1}}"#, "`options.local_seq` field must have boolean type"),
        (
            r#"{"options":{"partitioned":true}}"#,
            "partitioned option cannot be true in a non-partitioned database.",
        ),
    ] {
        let answer = place.ask("PUT", "/t/_design/x", body);
        assert_eq!(reason(&answer), refused(400, "invalid_design_doc", expected), "{body}");
    }
    for body in [
        r#"{"views":{"lib":{"a":"x"},"v":{"map":"x","reduce":"_stats"}},"language":"javascript"}"#,
        r#"{"views":{"v":{"map":{"fields":{}}}},"language":"query"}"#,
        r#"{"rewrites":[],"options":{"partitioned":false},"anything":1}"#,
    ] {
        let rev = place.ask("GET", "/t/_design/y", "").json()["_rev"].clone();
        let body = match rev.as_str() {
            Some(rev) => body.replacen('{', &format!("{{\"_rev\":\"{rev}\","), 1),
            None => body.to_owned(),
        };
        assert_eq!(place.ask("PUT", "/t/_design/y", &body).status, 201, "{body}");
    }
}

#[test]
fn a_copy_goes_to_an_id_not_to_an_address() {
    let place = place();
    let copy =
        |destination: &str| place.raw("COPY", "/t/a", &[ADMIN, ("Destination", destination)], b"");
    for address in ["http://localhost:5984/t/x", "https://x/y"] {
        let expected = refused(400, "bad_request", "Destination URL must be relative.");
        assert_eq!(reason(&copy(address)), expected);
    }
    assert_eq!(copy("x//y%20z").json()["id"], "x//y z");
    assert_eq!(copy("_local/x").status, 201);
}

#[test]
fn new_edits_is_a_boolean() {
    let place = place();
    for value in ["0", "\"false\"", "null", "[]"] {
        for docs in ["[]", "[{\"_id\":\"n\"}]"] {
            let body = format!("{{\"docs\":{docs},\"new_edits\":{value}}}");
            let answer = place.ask("POST", "/t/_bulk_docs", &body);
            let expected = "`new_edits` parameter must be a boolean.";
            assert_eq!(reason(&answer), refused(400, "bad_request", expected), "{value}");
        }
    }
    assert_eq!(place.ask("GET", "/t/n", "").status, 404);
}

#[test]
fn a_purge_has_couchdbs_bounds_and_is_remembered() {
    let place = place();
    let many: Vec<_> = (0..101).map(|n| format!("\"{n}\":[]")).collect();
    let answer = place.ask("POST", "/t/_purge", &format!("{{{}}}", many.join(",")));
    assert_eq!(
        reason(&answer),
        refused(400, "bad_request", "Exceeded maximum number of documents.")
    );
    let revs: Vec<_> = (0..1_001).map(|n| format!("\"1-{n}\"")).collect();
    let answer = place.ask("POST", "/t/_purge", &format!("{{\"a\":[{}]}}", revs.join(",")));
    assert_eq!(
        reason(&answer),
        refused(400, "bad_request", "Exceeded maximum number of revisions.")
    );
    let answer = place.done("POST", "/t/_purge", "{\"nothing\":[\"1-abc\"]}");
    assert_eq!(answer["purged"]["nothing"], serde_json::json!([]));
    let infos = place.done("GET", "/t/_purged_infos", "");
    assert_eq!(infos["purged_infos"][0]["id"], "nothing");
    assert_eq!(infos["purged_infos"][0]["revs"], serde_json::json!(["1-abc"]));
    let seq = place.done("GET", "/t", "")["purge_seq"].as_str().unwrap().to_owned();
    assert!(seq.starts_with("1-"), "{seq}");
    place.set("purge/max_document_id_number", "1");
    assert_eq!(place.ask("POST", "/t/_purge", "{\"a\":[],\"b\":[]}").status, 400);
}

#[test]
fn keys_choose_the_databases_that_are_told_of() {
    let place = place();
    place.done("PUT", "/u", "");
    let infos = place.done("GET", "/_dbs_info?keys=[%22u%22,%22no%22]", "");
    assert_eq!(infos.as_array().unwrap().len(), 2);
    assert_eq!((&infos[0]["key"], &infos[1]["error"]), (&"u".into(), &"not_found".into()));
    let answer = place.ask("POST", "/_reshard/jobs", "{\"type\":\"split\",\"db\":\"nodb\"}");
    assert_eq!(reason(&answer), refused(400, "bad_request", "Invalid `db`"));
}

#[test]
fn a_form_is_refused_with_its_reason() {
    let place = place();
    let post = |headers: &[(&str, &str)]| {
        place.raw("POST", "/t/a", &[&[ADMIN], headers].concat(), b"x").status
    };
    let referer = ("Referer", "http://127.0.0.1:5984/");
    assert_eq!(post(&[]), 400);
    assert_eq!(post(&[referer, ("Content-Type", "application/x-www-form-urlencoded")]), 415);
    assert_eq!(post(&[referer, ("Content-Type", "multipart/form-data; boundary=x")]), 501);
}

#[test]
fn counters_have_couchdbs_names_and_count() {
    let place = Place::new();
    let value = |path: &str| {
        place.done("GET", &format!("/_node/_local/_stats/{path}"), "")["value"].clone()
    };
    place.done("PUT", "/t", "");
    place.done("PUT", "/t/a", "{}");
    place.done("PUT", "/t/_local/a", "{}");
    place.done("POST", "/t/_bulk_docs", "{\"docs\":[{\"_id\":\"b\"},{\"_id\":\"c\"}]}");
    place.done("GET", "/t/a", "");
    place.done("GET", "/t/a?open_revs=all", "");
    place.done("POST", "/t/_bulk_get", "{\"docs\":[{\"id\":\"b\"}]}");
    place.done("GET", "/t/_all_docs?include_docs=true", "");
    place.done("GET", "/t/_changes?include_docs=true", "");
    place.done("POST", "/t/_purge", "{\"c\":[]}");
    assert_eq!(place.ask("BREW", "/t", "").status, 405);
    for (path, expected) in [
        ("couchdb/database_reads", 9),
        ("couchdb/document_writes", 3),
        ("couchdb/document_inserts", 3),
        ("couchdb/local_document_writes", 1),
        ("couchdb/database_writes", 5),
        ("couchdb/document_purges/total", 1),
        ("couchdb/httpd/bulk_requests", 1),
        ("couchdb/httpd/purge_requests", 1),
        ("couchdb/httpd/clients_requesting_changes", 0),
        ("couchdb/httpd_request_methods/PUT", 3),
        ("couchdb/httpd_status_codes/405", 1),
        ("couchdb/httpd_status_codes/500", 0),
        ("couch_replicator/jobs/running", 0),
        ("pumice/compactions/running", 0),
    ] {
        assert_eq!(value(path), expected, "{path}");
    }
    assert!(value("couchdb/open_databases").as_u64().unwrap() >= 1);
    assert!(value("couchdb/request_time")["n"].as_u64().unwrap() > 10);
    let methods = place.done("GET", "/_node/_local/_stats/couchdb/httpd_request_methods", "");
    assert!(methods.get("BREW").is_none());
    let text = place.ask("GET", "/_node/_local/_prometheus", "").text();
    for line in [
        "couchdb_database_reads_total 9",
        "couchdb_document_writes_total 3",
        "couchdb_httpd_request_methods{method=\"PUT\"} 3",
        "couchdb_httpd_status_codes{code=\"405\"} 1",
        "couchdb_couch_replicator_jobs_running 0",
        "pumice_compactions_running 0",
        "# TYPE couchdb_request_time_seconds summary",
    ] {
        assert!(text.lines().any(|known| known == line), "{line} in {text}");
    }
}
