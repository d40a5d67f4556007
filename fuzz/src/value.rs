//! Values: text, records and ordered keys, each there and back, and keys in the order of their values.

use pumice::cdb::{Value, ValueType, decode_key, decode_record, encode_key, encode_record};

use crate::take::Take;

pub fn run(input: &[u8]) {
    let mut take = Take(input);
    match take.u8() % 4 {
        0 => record(take.0),
        1 => key(take.0),
        2 => text(take),
        _ => order(take),
    }
}

fn record_of(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_record(value, &mut bytes);
    bytes
}

fn key_of(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_key(value, &mut bytes);
    bytes
}

fn every_way(value: &Value) {
    assert_eq!(decode_record(&record_of(value)).as_ref(), Ok(value));
    let mut bytes = key_of(value);
    bytes.extend(b"rest");
    let mut rest = bytes.as_slice();
    assert_eq!(decode_key(&mut rest).as_ref(), Ok(value));
    assert_eq!(rest, b"rest", "{value:?}");
}

fn record(bytes: &[u8]) {
    if let Ok(value) = decode_record(bytes) {
        every_way(&value);
    }
}

fn key(bytes: &[u8]) {
    let mut rest = bytes;
    while let Ok(value) = decode_key(&mut rest) {
        every_way(&value);
        if rest.is_empty() {
            break;
        }
    }
}

fn value_type(take: &mut Take<'_>) -> ValueType {
    let types = [
        ValueType::Int8,
        ValueType::Int16,
        ValueType::Int32,
        ValueType::Int64,
        ValueType::Uint8,
        ValueType::Uint16,
        ValueType::Uint32,
        ValueType::Uint64,
        ValueType::Decimal64 { fraction_digits: 1 + take.u8() % 18 },
        ValueType::String,
        ValueType::Boolean,
        ValueType::Binary,
        ValueType::Enumeration,
        ValueType::Empty,
        ValueType::Bits,
        ValueType::IdentityRef,
        ValueType::InstanceIdentifier,
    ];
    types[usize::from(take.u8()) % types.len()]
}

fn text(mut take: Take<'_>) {
    let value_type = value_type(&mut take);
    let text = String::from_utf8_lossy(take.0);
    let Ok(value) = Value::parse(value_type, &text) else { return };
    assert_eq!(value.value_type(), value_type);
    every_way(&value);
    let printed = value.to_string();
    let again = Value::parse(value_type, &printed);
    assert_eq!(again.as_ref(), Ok(&value), "{value_type}: {printed:?}");
}

/// Two values of one type: their keys are in the order of numbers, or of bytes.
fn order(mut take: Take<'_>) {
    let value_type = value_type(&mut take);
    let first = take.piece();
    let texts = [String::from_utf8_lossy(first), String::from_utf8_lossy(take.0)];
    let [Ok(a), Ok(b)] = texts.map(|text| Value::parse(value_type, &text)) else { return };
    let by_keys = key_of(&a).cmp(&key_of(&b));
    let expected = match (number(&a), number(&b)) {
        (Some(a), Some(b)) => a.cmp(&b),
        _ => bytes(&a).cmp(&bytes(&b)),
    };
    assert_eq!(by_keys, expected, "{a:?} {b:?}");
}

fn number(value: &Value) -> Option<i128> {
    match value {
        Value::Decimal64(decimal) => Some(i128::from(decimal.digits())),
        Value::Boolean(value) => Some(i128::from(*value)),
        Value::Int8(_) | Value::Int16(_) | Value::Int32(_) | Value::Int64(_) => {
            value.to_string().parse().ok()
        }
        Value::Uint8(_) | Value::Uint16(_) | Value::Uint32(_) | Value::Uint64(_) => {
            value.to_string().parse().ok()
        }
        _ => None,
    }
}

fn bytes(value: &Value) -> Vec<u8> {
    match value {
        Value::Binary(bytes) => bytes.clone(),
        other => other.to_string().into_bytes(),
    }
}
