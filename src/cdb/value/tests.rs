use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// Any value of any type.
pub(crate) fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<i8>().prop_map(Value::Int8),
        any::<i16>().prop_map(Value::Int16),
        any::<i32>().prop_map(Value::Int32),
        any::<i64>().prop_map(Value::Int64),
        any::<u8>().prop_map(Value::Uint8),
        any::<u16>().prop_map(Value::Uint16),
        any::<u32>().prop_map(Value::Uint32),
        any::<u64>().prop_map(Value::Uint64),
        (any::<i64>(), 1_u8..=18)
            .prop_map(|(digits, f)| Value::Decimal64(Decimal64::new(digits, f).unwrap())),
        any_text().prop_map(Value::String),
        any::<bool>().prop_map(Value::Boolean),
        vec(any::<u8>(), 0..20).prop_map(Value::Binary),
        "[a-z]([a-z .]{0,8}[a-z])?".prop_map(Value::Enumeration),
        Just(Value::Empty),
        proptest::collection::btree_set("[a-z][a-z0-9-]{0,5}", 0..5)
            .prop_map(|names| Value::Bits(names.into_iter().collect::<Vec<_>>().join(" "))),
        "([a-z]{1,5}:)?[a-z]{1,8}".prop_map(Value::IdentityRef),
        "/([ -~]{0,19}[!-~])?".prop_map(Value::InstanceIdentifier),
    ]
}

/// Text with everything that is hard to print.
pub(crate) fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[ {}\"\\\\\n\t*\\[\\]/:,\u{0}\u{e9}\u{200b}\u{a0}a-c]{0,12}",
        Just(String::new()),
        Just("*".to_owned()),
    ]
}

fn key(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_key(value, &mut bytes);
    bytes
}

proptest! {
    #[test]
    fn printed_values_parse_to_themselves(value in any_value()) {
        prop_assert_eq!(Value::parse(value.value_type(), &value.to_string()).unwrap(), value);
    }

    #[test]
    fn type_names_parse_to_themselves(value in any_value()) {
        let value_type = value.value_type();
        prop_assert_eq!(value_type.to_string().parse::<ValueType>().unwrap(), value_type);
        let again = ValueType::from_code(value_type.code(), value_type.fraction_digits());
        prop_assert_eq!(again.unwrap(), value_type);
    }

    #[test]
    fn records_decode_to_the_value(value in any_value()) {
        let mut bytes = Vec::new();
        encode_record(&value, &mut bytes);
        prop_assert_eq!(decode_record(&bytes).unwrap(), value);
    }

    #[test]
    fn keys_decode_to_the_values_one_after_another(values in vec(any_value(), 0..4)) {
        for value in &values {
            let mut bytes = key(value);
            let len = bytes.len();
            bytes.extend([0, 1, 0xFF]);
            prop_assert_eq!(key_len(&bytes), Some(len));
        }
        let bytes: Vec<u8> = values.iter().flat_map(key).collect();
        let mut rest = bytes.as_slice();
        for value in values {
            prop_assert_eq!(decode_key(&mut rest).unwrap(), value);
        }
        prop_assert!(rest.is_empty());
    }

    #[test]
    fn decoding_never_panics_on_any_bytes(bytes in vec(any::<u8>(), 0..24)) {
        if let Ok(value) = decode_record(&bytes) {
            let mut again = Vec::new();
            encode_record(&value, &mut again);
            prop_assert_eq!(decode_record(&again).unwrap(), value);
        }
        let _ignored = decode_key(&mut bytes.as_slice());
    }

    #[test]
    fn no_key_is_a_prefix_of_another(a in any_value(), b in any_value()) {
        prop_assert!(a == b || !key(&b).starts_with(&key(&a)));
    }

    #[test]
    fn numbers_sort_numerically(a in any::<i64>(), b in any::<i64>(), c in any::<i16>(), d in any::<i16>()) {
        prop_assert_eq!(key(&a.into()).cmp(&key(&b.into())), a.cmp(&b));
        prop_assert_eq!(key(&c.into()).cmp(&key(&d.into())), c.cmp(&d));
        let (x, y) = (a.cast_unsigned(), b.cast_unsigned());
        prop_assert_eq!(key(&x.into()).cmp(&key(&y.into())), x.cmp(&y));
        let decimal = |n| Value::Decimal64(Decimal64::new(n, 3).unwrap());
        prop_assert_eq!(key(&decimal(a)).cmp(&key(&decimal(b))), a.cmp(&b));
    }

    #[test]
    fn strings_sort_bytewise(a in any_text(), b in any_text(), c in vec(0_u8..3, 0..6), d in vec(0_u8..3, 0..6)) {
        prop_assert_eq!(key(&a.as_str().into()).cmp(&key(&b.as_str().into())), a.cmp(&b));
        prop_assert_eq!(key(&Value::Binary(c.clone())).cmp(&key(&Value::Binary(d.clone()))), c.cmp(&d));
    }
}

#[test]
fn a_misfit_names_text_type_and_expectation() {
    let error = Value::parse(ValueType::Uint16, "70000").unwrap_err();
    assert_eq!(
        error.to_string(),
        "\"70000\" is not a value of type uint16: expected a number from 0 to 65535"
    );
}

#[test]
fn texts_that_are_no_values_are_refused() {
    let decimal = ValueType::Decimal64 { fraction_digits: 2 };
    for (value_type, text) in [
        (ValueType::Int8, "128"),
        (ValueType::Int8, ""),
        (ValueType::Uint8, "-1"),
        (ValueType::Uint8, " 1"),
        (decimal, "1.234"),
        (decimal, "1."),
        (decimal, ".5"),
        (decimal, "-"),
        (decimal, ""),
        (decimal, "92233720368547758.08"),
        (ValueType::Boolean, "TRUE"),
        (ValueType::Binary, "a"),
        (ValueType::Enumeration, ""),
        (ValueType::Empty, "x"),
        (ValueType::Bits, "a b a"),
        (ValueType::IdentityRef, "a:b:c"),
        (ValueType::InstanceIdentifier, "a"),
        (ValueType::InstanceIdentifier, "/a "),
    ] {
        assert!(Value::parse(value_type, text).is_err(), "{value_type} {text:?}");
    }
}

#[test]
fn text_is_made_canonical() {
    let decimal = ValueType::Decimal64 { fraction_digits: 2 };
    for (value_type, text, canonical) in [
        (ValueType::Int32, "+007", "7"),
        (decimal, "1", "1.0"),
        (decimal, "-0.50", "-0.5"),
        (decimal, "1.500000", "1.5"),
        (decimal, "-92233720368547758.08", "-92233720368547758.08"),
        (ValueType::Binary, "aGVs\n bG8=", "aGVsbG8="),
        (ValueType::Bits, "b  a", "a b"),
    ] {
        assert_eq!(Value::parse(value_type, text).unwrap().to_string(), canonical);
    }
}
