//! The text of documents: our reader, which keeps numbers and the order of members, held against `serde_json`.

use pumice::documents::{Body, DocumentError, ParseLimits, parse_bulk, parse_document};
use serde_json::Value;

pub fn run(input: &[u8]) {
    let reference: Result<Value, _> = serde_json::from_slice(input);
    let body = Body::parse(input);
    match (&reference, &body) {
        // What it cannot keep and CouchDB can: integers and depths beyond its own.
        (Err(error), Ok(_)) => assert!(excused(&error.to_string()), "taken, but {error}"),
        (Ok(value), Ok(body)) => same(value, body),
        (Ok(value), Err(error)) => assert!(!value.is_object() || too_much(input), "refused: {error}"),
        (Err(_), Err(_)) => {}
    }
    let document = parse_document(input);
    if let (Ok(document), Ok(_)) = (&document, &body) {
        stable(document.body.as_str());
    }
    // A special member may be wrong where the body is fine; never the other way round.
    if let (Ok(_), Err(error)) = (&document, &body) {
        panic!("a document, but no body: {error}");
    }
    if matches!(document, Err(DocumentError::InvalidJson)) {
        assert!(body.is_err(), "a body, but no JSON");
    }
    bulk(input, document.is_ok());
}

fn excused(error: &str) -> bool {
    error.contains("number out of range") || error.contains("recursion limit")
}

/// Integers are limited to 10,000 digits, which no input here reaches but one that is nothing else; nesting to 256.
fn too_much(input: &[u8]) -> bool {
    input.len() > 9_000 || input.iter().filter(|byte| matches!(byte, b'[' | b'{')).count() > 256
}

fn same(value: &Value, body: &Body) {
    let again: Value = serde_json::from_str(body.as_str()).expect("a body is JSON");
    assert!(equal(&again, value), "{again} for {value}");
    stable(body.as_str());
}

/// Equal but for the way that a number is kept: `-0` is an integer here, as in Erlang.
fn equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one == other || one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| equal(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(name, one)| other.get(name).is_some_and(|other| equal(one, other)))
        }
        (one, other) => one == other,
    }
}

/// Printed once, a body reads as itself.
fn stable(text: &str) {
    let again = Body::parse(text.as_bytes()).expect("a body is a body");
    assert_eq!(again.as_str(), text);
}

/// The same document, among others.
fn bulk(input: &[u8], is_document: bool) {
    let text = [b"{\"docs\":[{},", input, b"]}"].concat();
    let Ok(bulk) = parse_bulk(&text, &ParseLimits::default()) else {
        assert!(!is_document, "a document alone, and none among others");
        return;
    };
    // An input may close the array and open something else.
    assert!(bulk.docs.len() >= 2 || !is_document);
}
