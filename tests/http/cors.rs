//! Pages of other origins: what a browser is told.

use pumice::http::HttpOptions;

use crate::Place;
use crate::client::{ADMIN, Answer, JSON, request, send};

const PAGE: &str = "https://app.example";

impl Place {
    /// A server with CORS as `settings` of the section `cors` say.
    fn with_cors(settings: &[(&str, &str)]) -> Self {
        let place = Self::new();
        place.set("chttpd/enable_cors", "true");
        for (key, value) in settings {
            place.set(&format!("cors/{key}"), value);
        }
        place.done("PUT", "/db", "");
        place
    }

    /// The admin's request from a page.
    fn from(&self, origin: &str, method: &str, target: &str) -> Answer {
        self.raw(method, target, &[ADMIN, JSON, ("Origin", origin)], b"")
    }

    /// What a browser asks before it sends. Nobody's password is in it.
    fn preflight(&self, origin: &str, method: &str, headers: &str) -> Answer {
        let asked = [
            ("Origin", origin),
            ("Access-Control-Request-Method", method),
            ("Access-Control-Request-Headers", headers),
        ];
        self.raw("OPTIONS", "/db/doc", &asked, b"")
    }
}

fn allowed(answer: &Answer) -> Option<&str> {
    answer.header("access-control-allow-origin")
}

#[test]
fn cors_is_off_until_it_is_set() {
    let place = Place::new();
    place.set("cors/origins", "*");
    assert_eq!(allowed(&place.from(PAGE, "GET", "/")), None);
    assert_eq!(place.preflight(PAGE, "PUT", "").status, 405);
    assert_eq!(place.done("GET", "/_node/_local/_config/chttpd/enable_cors", ""), "false");
    place.set("chttpd/enable_cors", "true");
    assert_eq!(allowed(&place.from(PAGE, "GET", "/")), Some(PAGE));
    assert_eq!(place.done("GET", "/_node/_local/_config/cors", "")["origins"], "*");
    // Who has never set it in the newer section has it in the older one.
    place.done("DELETE", "/_node/_local/_config/chttpd/enable_cors", "");
    assert_eq!(allowed(&place.from(PAGE, "GET", "/")), None);
    place.set("httpd/enable_cors", "true");
    assert_eq!(allowed(&place.from(PAGE, "GET", "/")), Some(PAGE));
}

#[test]
fn only_listed_origins_are_allowed_to_read_errors_too() {
    let place = Place::with_cors(&[("origins", "https://other.example, https://app.example")]);
    for (target, status) in [("/db", 200), ("/nosuch", 404), ("/db/_all_docs", 200)] {
        let answer = place.from(PAGE, "GET", target);
        assert_eq!((answer.status, allowed(&answer)), (status, Some(PAGE)), "{target}");
        assert_eq!(answer.header("vary"), Some("Origin"), "{target}");
        let exposed = answer.header("access-control-expose-headers").unwrap();
        assert!(exposed.contains("etag"), "{exposed}");
        assert_eq!(answer.header("access-control-allow-credentials"), None, "{target}");
    }
    for origin in [
        "https://evil.example",
        "http://app.example",
        "https://app.example:8443",
        "https://app.example.evil.example",
        "https://APP.example",
        "app.example",
        "null",
        "",
        "*",
        "https://other.example, https://app.example",
    ] {
        let answer = place.from(origin, "GET", "/db");
        assert_eq!((answer.status, allowed(&answer)), (200, None), "{origin}");
        assert_eq!(answer.header("access-control-expose-headers"), None, "{origin}");
        assert_eq!(answer.header("vary"), Some("Origin"), "{origin}");
        assert_eq!(place.preflight(origin, "GET", "").status, 405, "{origin}");
    }
    let answer = place.ask("GET", "/db", "");
    assert_eq!((answer.status, allowed(&answer)), (200, None));
}

#[test]
fn a_browser_that_asks_first_is_told_what_it_may_send() {
    let place = Place::with_cors(&[("origins", PAGE)]);
    let answer = place.preflight(PAGE, "PUT", "Content-Type, authorization");
    assert_eq!((answer.status, answer.text().as_str()), (204, ""));
    assert_eq!(allowed(&answer), Some(PAGE));
    assert_eq!(answer.header("access-control-max-age"), Some("600"));
    let methods = answer.header("access-control-allow-methods").unwrap();
    assert!(["COPY", "DELETE", "PUT"].iter().all(|method| methods.contains(method)), "{methods}");
    let headers = answer.header("access-control-allow-headers");
    assert_eq!(headers, Some("Content-Type, authorization"));
    assert_eq!(answer.header("content-length"), None);
    for (method, headers) in
        [("PATCH", ""), ("put", ""), ("PUT", "x-mine"), ("PUT", "accept,x-mine")]
    {
        let answer = place.preflight(PAGE, method, headers);
        assert_eq!(answer.status, 405, "{method} {headers}");
    }
    // Without the question it is a method that there is not.
    assert_eq!(place.from(PAGE, "OPTIONS", "/db").status, 405);
}

#[test]
fn methods_headers_and_age_can_be_set() {
    let place = Place::with_cors(&[
        ("origins", "*"),
        ("methods", "GET, PUT"),
        ("headers", "X-Mine, accept"),
        ("max_age", "7"),
        ("exposed_headers", "x-mine"),
    ]);
    let answer = place.preflight(PAGE, "PUT", "x-mine");
    assert_eq!(answer.status, 204);
    assert_eq!(answer.header("access-control-allow-methods"), Some("GET, PUT"));
    assert_eq!(answer.header("access-control-max-age"), Some("7"));
    assert_eq!(place.preflight(PAGE, "DELETE", "").status, 405);
    assert_eq!(place.preflight(PAGE, "PUT", "authorization").status, 405);
    let answer = place.from(PAGE, "GET", "/db");
    assert_eq!(answer.header("access-control-expose-headers"), Some("x-mine"));
    // What no header can hold is no value.
    let path = "/_node/_local/_config/cors/max_age";
    assert_eq!(place.ask("PUT", path, "\"7\\r\\nSet-Cookie: a=b\"").status, 400);
    let answer = place.preflight(PAGE, "PUT", "");
    assert_eq!(
        (answer.header("access-control-max-age"), answer.header("set-cookie")),
        (Some("7"), None)
    );
}

#[test]
fn all_origins_with_credentials_are_answered_by_name() {
    let place = Place::with_cors(&[("origins", "*"), ("credentials", "true")]);
    for answer in [place.from(PAGE, "GET", "/db"), place.preflight(PAGE, "GET", "")] {
        assert_eq!(allowed(&answer), Some(PAGE));
        assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
        assert_eq!(answer.header("vary"), Some("Origin"));
    }
}

#[test]
fn a_preflight_does_nothing_and_leads_past_no_password() {
    let place = Place::with_cors(&[("origins", "*")]);
    let headers = [ADMIN, ("Origin", PAGE), ("Access-Control-Request-Method", "PUT")];
    assert_eq!(place.raw("OPTIONS", "/db/doc", &headers, b"{}").status, 204);
    assert_eq!(place.raw("PUT", "/db/doc", &headers, b"{}").status, 201);
    assert_eq!(place.raw("GET", "/db/doc", &headers[1..], b"").status, 401);
    // A body that nobody reads ends the connection: what stands in it is no request.
    let hidden = request("DELETE", "/db", &[ADMIN], b"");
    let bytes = request("OPTIONS", "/db", &headers, &hidden);
    let answer = send(place.address(), &bytes).unwrap();
    assert_eq!((answer.status, answer.header("connection")), (204, Some("close")));
    assert_eq!(place.ask("GET", "/db", "").status, 200);
}

#[test]
fn while_there_is_no_admin_cors_lets_no_page_in() {
    let place = Place::with(false, HttpOptions::default());
    place.server.set("chttpd", "enable_cors", "true");
    place.server.set("cors", "origins", "*");
    place.server.set("cors", "credentials", "true");
    assert_eq!(place.raw("PUT", "/db", &[JSON], b"").status, 201);
    let page = [JSON, ("Origin", PAGE)];
    for (method, target) in [("GET", "/db"), ("PUT", "/db/doc"), ("DELETE", "/db")] {
        let answer = place.raw(method, target, &page, b"{}");
        assert_eq!((answer.status, allowed(&answer)), (401, None), "{method} {target}");
    }
    assert_eq!(allowed(&place.raw("GET", "/", &page, b"")), None);
    assert_eq!(place.preflight(PAGE, "PUT", "").status, 405);
}
