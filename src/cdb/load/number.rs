//! The types of numbers that come without one.

use crate::cdb::value::{Value, ValueType};

/// Below it floating point is exact to the unit; what is larger and fits 64 bits does not come as floating point.
const EXACT_BELOW: f64 = 9_007_199_254_740_992.0;

/// The first of int32, uint32, int64 and uint64 that holds a number.
pub(crate) fn integer(number: i128) -> Value {
    let narrow = i32::try_from(number).map(Value::Int32).ok();
    let narrow = narrow.or_else(|| u32::try_from(number).map(Value::Uint32).ok());
    let narrow = narrow.or_else(|| i64::try_from(number).map(Value::Int64).ok());
    narrow.unwrap_or_else(|| Value::Uint64(u64::try_from(number).unwrap_or_default()))
}

/// The value of a number in floating point, when it can be kept exactly.
pub(super) fn real(number: f64) -> Option<Value> {
    if !number.is_finite() || number.abs() >= EXACT_BELOW {
        return None;
    }
    let text = number.to_string();
    if let Ok(whole) = text.parse::<i128>() {
        return Some(integer(whole));
    }
    let digits = text.split_once('.').map(|(_, fraction)| fraction.len())?;
    let fraction_digits = u8::try_from(digits).ok().filter(|digits| *digits <= 18)?;
    let value_type = ValueType::Decimal64 { fraction_digits };
    Value::parse(value_type, &text).ok()
}

/// A type that holds the values of both, when one does: numbers widen.
pub(super) fn common(a: ValueType, b: ValueType) -> Option<ValueType> {
    use ValueType::{Decimal64, Int32, Int64, Uint32, Uint64};
    match (a, b) {
        _ if a == b => Some(a),
        // Whether nothing may stand there at all is said elsewhere.
        (ValueType::Empty, other) | (other, ValueType::Empty) => Some(other),
        (Int32 | Uint32 | Int64, Int32 | Uint32 | Int64) => Some(Int64),
        (Int32 | Uint32 | Int64, Uint64) | (Uint64, Int32 | Uint32 | Int64) => Some(Uint64),
        (Decimal64 { fraction_digits: a }, Decimal64 { fraction_digits: b }) => {
            Some(Decimal64 { fraction_digits: a.max(b) })
        }
        (decimal @ Decimal64 { .. }, Int32 | Uint32 | Int64)
        | (Int32 | Uint32 | Int64, decimal @ Decimal64 { .. }) => Some(decimal),
        _ => None,
    }
}

/// Whether RFC 7951 writes the values of a type in quotes though they are numbers.
pub(crate) fn is_quoted_number(value_type: ValueType) -> bool {
    matches!(value_type, ValueType::Int64 | ValueType::Uint64 | ValueType::Decimal64 { .. })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_keeps_its_value_in_the_first_type_that_holds_it() {
        assert_eq!(integer(-1), Value::Int32(-1));
        assert_eq!(integer(4_000_000_000), Value::Uint32(4_000_000_000));
        assert_eq!(integer(-4_000_000_000), Value::Int64(-4_000_000_000));
        assert_eq!(integer(i128::from(u64::MAX)), Value::Uint64(u64::MAX));
        assert_eq!(real(1.25).map(|value| value.to_string()), Some("1.25".to_owned()));
        assert_eq!(real(1e3), Some(Value::Int32(1000)));
        assert_eq!(real(1e300), None);
        assert_eq!(real(1e-30), None);
    }
}
