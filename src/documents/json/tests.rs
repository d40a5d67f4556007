//! Text and term against `serde_json` and against Erlang's own bytes.

use proptest::prelude::*;

use super::super::{Body, DocumentError};
use super::number::{magnitude, put_float};

fn text(json: &str) -> String {
    Body::parse(json.as_bytes()).unwrap().as_str().to_owned()
}

fn term(json: &str) -> Vec<u8> {
    Body::parse(json.as_bytes()).unwrap().term().to_vec()
}

fn value_term(json: &str) -> Vec<u8> {
    // 104,1, 108,u32 1, 104,2, 109,u32 1,'k' ... 106
    let whole = term(&format!("{{\"k\":{json}}}"));
    whole[15..whole.len() - 1].to_vec()
}

#[test]
fn spaces_go_and_order_stays() {
    assert_eq!(text(" { \"b\" : [ 1 , { } ] ,\n\t\"a\":null } "), r#"{"b":[1,{}],"a":null}"#);
}

#[test]
fn of_members_with_one_name_the_last_stays_in_its_place() {
    assert_eq!(text(r#"{"a":1,"b":2,"a":3}"#), r#"{"b":2,"a":3}"#);
    assert_eq!(
        text(r#"{"a":{"x":1,"x":2},"c":[],"a":0,"a":{"x":1,"x":[2]}}"#),
        r#"{"c":[],"a":{"x":[2]}}"#
    );
    assert_eq!(term(r#"{"a":1,"b":2,"\u0061":3}"#), term(r#"{"b":2,"a":3}"#));
    let many: Vec<_> = (0..40).map(|at| format!("\"k{}\":{at}", at % 20)).collect();
    let kept: Vec<_> = (20..40).map(|at| format!("\"k{}\":{at}", at % 20)).collect();
    assert_eq!(text(&format!("{{{}}}", many.join(","))), format!("{{{}}}", kept.join(",")));
}

#[test]
fn strings_are_escaped_as_couchdb_does() {
    let json = r#"{"s":"\u00e9\ud83d\ude00\u0000\/\b\f\n\r\t\"\\\u001F\u007f"}"#;
    assert_eq!(
        text(json),
        "{\"s\":\"\u{e9}\u{1f600}\\u0000/\\b\\f\\n\\r\\t\\\"\\\\\\u001F\u{7f}\"}"
    );
}

#[test]
fn floats_are_printed_as_couchdb_does() {
    let vectors = [
        (1.0, "1.0"),
        (1e3, "1000.0"),
        (0.1, "0.1"),
        (-0.0, "-0.0"),
        (-1.5, "-1.5"),
        (123.456, "123.456"),
        (1e20, "100000000000000000000.0"),
        (1e21, "1e+21"),
        (1.5e21, "1.5e+21"),
        (1e-6, "0.000001"),
        (1.25e-5, "0.0000125"),
        (1e-7, "1e-7"),
        (f64::MAX, "1.7976931348623157e+308"),
        (5e-324, "5e-324"),
        (9_007_199_254_740_993.0, "9007199254740992.0"),
    ];
    for (value, expected) in vectors {
        let mut out = Vec::new();
        put_float(&mut out, value);
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}

#[test]
fn integers_keep_their_digits_and_their_term() {
    assert_eq!(
        text(r#"{"n":[-0,12345678901234567890123]}"#),
        r#"{"n":[0,12345678901234567890123]}"#
    );
    let vectors: [(&str, &[u8]); 10] = [
        ("0", &[97, 0]),
        ("255", &[97, 255]),
        ("256", &[98, 0, 0, 1, 0]),
        ("-1", &[98, 255, 255, 255, 255]),
        ("2147483647", &[98, 127, 255, 255, 255]),
        ("2147483648", &[110, 4, 0, 0, 0, 0, 128]),
        ("-2147483648", &[98, 128, 0, 0, 0]),
        ("-2147483649", &[110, 4, 1, 1, 0, 0, 128]),
        ("18446744073709551616", &[110, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
        ("1.5", &[70, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0]),
    ];
    for (json, expected) in vectors {
        assert_eq!(value_term(json), expected, "{json}");
    }
    assert_eq!(magnitude("1000000000000000000000").unwrap().len(), 9);
    let large = value_term(&"9".repeat(700));
    assert_eq!(large[..6], [111, 0, 0, 1, 35, 0]);
}

#[test]
fn lists_of_bytes_are_strings_to_erlang() {
    assert_eq!(value_term("[1,2,3]"), [107, 0, 3, 1, 2, 3]);
    assert_eq!(value_term("[]"), [106]);
    assert_eq!(value_term("[1,256]"), [108, 0, 0, 0, 2, 97, 1, 98, 0, 0, 1, 0, 106]);
    assert_eq!(
        value_term("[[1],\"a\"]"),
        [108, 0, 0, 0, 2, 107, 0, 1, 1, 109, 0, 0, 0, 1, 97, 106]
    );
    let long = format!("[{}]", vec!["7"; 65_536].join(","));
    assert_eq!(value_term(&long)[..7], [108, 0, 1, 0, 0, 97, 7]);
    assert_eq!(value_term("{}"), [104, 1, 106]);
    assert_eq!(value_term("true"), *b"\x64\x00\x04true");
}

#[test]
fn what_is_no_json_is_refused() {
    let deep = format!("{}{}", "[".repeat(300), "]".repeat(300));
    let bad = [
        "",
        "{",
        "{bad",
        "{}x",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{,}",
        "{\"a\":01}",
        "{\"a\":1.}",
        "{\"a\":+1}",
        "{\"a\":.5}",
        "{\"a\":1e}",
        "{\"a\":\"\t\"}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\ud800\"}",
        "{\"a\":\"\\udc00\"}",
        "{\"a\":\"\\ud800\\u0041\"}",
        "{\"a\":1e400}",
        "{\"a\":tru}",
        "{\"a\":[1 2]}",
        "{\"a\":[1,]}",
        "{\"a\":nulll}",
        "{\"a\":\"\\u00zz\"}",
        "{a:1}",
        "[}",
        "{\"a\":-}",
    ];
    for json in bad.iter().copied().chain([deep.as_str()]) {
        let parsed = Body::parse(json.as_bytes());
        assert!(matches!(parsed, Err(DocumentError::InvalidJson)), "{json}: {parsed:?}");
    }
    assert!(matches!(Body::parse(b"{\"a\":\"\xff\"}"), Err(DocumentError::InvalidJson)));
    assert!(matches!(Body::parse(b" [1]"), Err(DocumentError::NotAnObject)));
}

fn json_value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(serde_json::Value::from),
        any::<i64>().prop_map(serde_json::Value::from),
        any::<u8>().prop_map(serde_json::Value::from),
        // Few digits: the other reader rounds some of the others to a neighbour.
        any::<i16>().prop_map(|value| serde_json::Value::from(f64::from(value) / 4.0)),
        ".*".prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(4, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(serde_json::Value::from),
            prop::collection::btree_map(".{0,4}", inner, 0..16)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn a_float_reads_back_as_it_was(value in any::<f64>().prop_filter("finite", |value| value.is_finite())) {
        let mut out = Vec::new();
        put_float(&mut out, value);
        let read: f64 = String::from_utf8(out).unwrap().parse().unwrap();
        prop_assert_eq!(read.to_bits(), value.to_bits());
    }

    #[test]
    fn the_text_means_the_same_to_another_reader(value in json_value(), pretty in any::<bool>()) {
        let object = serde_json::json!({ "k": value });
        let json = if pretty { serde_json::to_string_pretty(&object) } else { serde_json::to_string(&object) };
        let printed = text(&json.unwrap());
        prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&printed).unwrap(), object);
        prop_assert_eq!(text(&printed), printed);
    }

    #[test]
    fn damaged_text_is_refused_exactly_where_another_reader_refuses_it(
        value in json_value(), at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>(),
    ) {
        let mut json = serde_json::to_vec(&serde_json::json!({ "k": value })).unwrap();
        let at = at.index(json.len());
        if cut { json.truncate(at); } else { json[at] = byte; }
        let ours = Body::parse(&json);
        let theirs = serde_json::from_slice::<serde_json::Value>(&json);
        prop_assert_eq!(ours.is_ok(), theirs.is_ok(), "{}", String::from_utf8_lossy(&json));
    }
}
