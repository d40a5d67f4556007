use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::cdb::value::tests::any_text;

fn any_name() -> impl Strategy<Value = String> {
    "([a-z]{1,3}:)?[a-zA-Z_\u{e9}][a-z0-9._-]{0,5}"
}

fn any_step() -> impl Strategy<Value = Step> {
    let key = prop_oneof![4 => any_text().prop_map(KeyText::Text), 1 => Just(KeyText::Any)];
    let selector = prop_oneof![
        2 => Just(None),
        3 => vec(key, 1..4).prop_map(|keys| Some(Selector::Keys(keys))),
        1 => any::<u64>().prop_map(|position| Some(Selector::Position(position))),
    ];
    let plain = any_name().prop_map(Step::new);
    let exact = ("[a-c]{1,3}", "[a-z:/\"{\\\\ ]{0,6}");
    let exact = exact.prop_map(|(local, space)| Step::exact(&Name::in_namespace(local, space)));
    let step = prop_oneof![3 => plain, 1 => exact];
    (step, selector).prop_map(|(step, selector)| Step { selector, ..step })
}

proptest! {
    #[test]
    fn printed_paths_parse_to_themselves(absolute in any::<bool>(), steps in vec(any_step(), 0..6)) {
        let path = Path::from_steps(absolute, steps);
        let text = path.to_string();
        prop_assert_eq!(text.parse::<Path>().unwrap(), path);
        prop_assert!(text.chars().all(|c| !c.is_control()));
    }

    #[test]
    fn parsing_never_panics(text in "[/a-c{}\\[\\]\"\\\\ u0-9*:\u{e9}]{0,30}") {
        if let Ok(path) = text.parse::<Path>() {
            prop_assert_eq!(path.to_string().parse::<Path>().unwrap(), path);
        }
    }
}

#[test]
fn keys_print_so_that_they_can_be_typed_again() {
    for (key, printed) in [
        ("ce0", "{ce0}"),
        ("1/0/1", "{1/0/1}"),
        ("", r#"{""}"#),
        ("*", r#"{"*"}"#),
        ("a b", r#"{"a b"}"#),
        ("a\"\\b", r#"{"a\"\\b"}"#),
        ("a\nb\u{200b}", r#"{"a\nb\u{200b}"}"#),
        ("gr\u{fc}n", "{gr\u{fc}n}"),
        ("it's", "{it's}"),
    ] {
        assert_eq!(Path::root().child("a").with_keys([key]).to_string(), format!("/a{printed}"));
    }
}

#[test]
fn errors_name_the_byte_and_what_was_expected() {
    for (text, position, expected) in [
        ("/a//b", 3, "a name"),
        ("/a/", 3, "a name"),
        ("/a{b", 4, "a space or }"),
        ("/a{}", 3, "a key (the empty key"),
        ("/a{\"b", 5, "a closing quote"),
        ("/a{\"b\"c}", 6, "a space or }"),
        ("/a{b\\}", 4, "a space or }"),
        ("/a{\"\\x\"}", 5, "one of"),
        ("/a{\"\\u{110000}\"}", 5, "u{...}"),
        ("/a[x]", 3, "a position"),
        ("/a[1", 4, "]"),
        ("/a{b}c", 5, "/ or the end"),
        ("/1a", 1, "a name"),
        ("/a:b:c", 1, "a name"),
    ] {
        let error = text.parse::<Path>().unwrap_err();
        assert_eq!(error.position, position, "{text}");
        assert!(error.expected.starts_with(expected), "{text}: {error}");
    }
}

#[test]
fn depth_length_and_name_are_limited() {
    assert!("/a".repeat(MAX_DEPTH).parse::<Path>().is_ok());
    assert!("/a".repeat(MAX_DEPTH + 1).parse::<Path>().is_err());
    assert!(format!("/a{{{}}}", "x".repeat(MAX_PATH_BYTES)).parse::<Path>().is_err());
    assert!(format!("/{}", "x".repeat(MAX_NAME_BYTES + 1)).parse::<Path>().is_err());
}

#[test]
fn parents_go_from_entry_to_list_to_container() {
    let mut path: Path = "/a/b{c}/d".parse().unwrap();
    let mut seen = Vec::new();
    while let Some(parent) = path.parent() {
        seen.push(parent.to_string());
        path = parent;
    }
    assert_eq!(seen, ["/a/b{c}", "/a/b", "/a", "/"]);
}

#[test]
fn a_name_reads_back_whatever_its_namespace_is() {
    for namespace in ["urn:a", "", "a,b", "a\"b\\c", "http://x.example/{y}?z=1"] {
        let name = Name::in_namespace("n", namespace);
        assert_eq!(Name::parse(&name.to_string()), Some(name));
    }
    assert_eq!(Name::parse("n"), Some(Name::plain("n")));
    for text in ["a b", "p:n", "\"x\"n", "\"x\":", "\"x:n", ""] {
        assert_eq!(Name::parse(text), None, "{text}");
    }
}

#[test]
fn a_namespace_that_is_made_from_a_module_has_it_as_prefix() {
    for module in
        ["ietf-interfaces", "iana-if-type", "tailf-ncs", "acme", super::name::NO_NAMESPACE]
    {
        assert_eq!(prefix_for(&module_namespace(module)), module);
    }
    assert_eq!(prefix_for("http://tail-f.com/ns/ncs"), "ncs");
    assert_eq!(prefix_for("urn:1"), "ns");
}

#[test]
fn a_name_is_one_that_xml_can_have() {
    for fit in ["a", "_x", "\u{e9}t\u{e9}", "a-1.b", "\u{4e2d}"] {
        assert!(is_local(fit), "{fit}");
    }
    for unfit in ["", "1a", "-a", "a b", "a:b", "a\u{b2}", "a\u{d7}", "\u{300}a", "a\u{fffe}"] {
        assert!(!is_local(unfit), "{unfit}");
    }
}
